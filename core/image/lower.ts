// A program -> a WebAssembly module: one function a subprogram, with registers as i64 locals and memory as it is. What it
// relies on was proved: addresses lie in the lane's regions, atomics are aligned, calls nest at most 8 deep.
import { InternalError } from "../base/error.ts";
import { findHelper, type Helper } from "../platform/platform.ts";
import { type BasicBlock, buildCfg } from "../program/cfg.ts";
import type { Program } from "../program/program.ts";
import type { VerifiedProgram } from "../verifier/verdict.ts";
import { halvesOf, isArrayKind, MEMORY_MAXIMUM_PAGES, MODULE_NAMES, mapName, TAIL_CALL } from "./abi.ts";
import { graphsOf } from "./graph.ts";
import { LOCAL_TYPES, LOCALS, type Scope } from "./locals.ts";
import { lowerBlock } from "./lower-block.ts";
import { hasFinder, lowerFinder } from "./lower-find.ts";
import { type Graph, type Step, structure } from "./structure.ts";
import type { FunctionType, WasmFunction, WasmInstruction, WasmModule } from "./wasm.ts";

/** r1 to r5 and r10 in, r0 out. */
const SUBPROGRAM_TYPE: FunctionType = {
  parameters: ["i64", "i64", "i64", "i64", "i64", "i64"],
  results: ["i64"],
};

/** InternalError if the program holds what verify() should have refused (a kfunc, an immediate without a map). */
export function lowerProgram(program: VerifiedProgram): WasmModule {
  const helpers = helpersOf(program);
  const lookUp = helpers.findIndex((row) => row.name === "map_lookup_elem");
  const found = lookUp < 0 ? [] : mapsOf(program).filter((map) => hasFinder(program.maps[map]!));
  const arrays = mapsOf(program).filter((map) => isArrayKind(program.maps[map]!.type.name));
  const { stackTop, result, lane } = MODULE_NAMES;
  const constants = [stackTop, result, lane, ...[...arrays, ...found].map(mapName)];
  const usesPacket = program.instructions.some((instruction) => instruction.kind === "loadPacket");
  const firstFinder = helpers.length + program.subprograms.length;
  const scope: Scope = {
    program,
    helperIndex: (id) => helpers.findIndex((row) => row.id === id),
    constantIndex: (name) => constants.indexOf(name),
    subprogramIndex: (index) => helpers.length + index,
    finderIndex: (map) => (found.includes(map) ? firstFinder + found.indexOf(map) : undefined),
    hasTailCalls: helpers.some((row) => row.name === TAIL_CALL),
    packetStart: constants.length,
    packetEnd: constants.length + 1,
  };
  const cfg = buildCfg(program);
  const graphs = graphsOf(program, cfg);
  const subprograms = program.subprograms.map(({ name }, index) => ({
    name,
    type: SUBPROGRAM_TYPE,
    locals: LOCAL_TYPES,
    body: lowerBody(scope, cfg.blocks, graphs[index]!),
  }));
  const finders = found.map((map) => lowerFinder(scope, map, lookUp));
  const callsByAddress = program.instructions.some(
    (row) => row.kind === "call" && row.target.kind === "register",
  );
  return {
    importFrom: MODULE_NAMES.importFrom,
    memory: { name: MODULE_NAMES.memory, maximumPages: MEMORY_MAXIMUM_PAGES },
    constants,
    variables: usesPacket ? 2 : 0,
    importedFunctions: helpers.map((row) => ({ name: row.name, type: typeOf(row) })),
    functions: [...subprograms, ...finders, lowerEntry(scope, usesPacket)],
    ...(callsByAddress ? { table: subprograms.map((_, index) => scope.subprogramIndex(index)) } : {}),
    exports: [{ name: MODULE_NAMES.run, functionIndex: firstFinder + finders.length }],
  };
}

/** Indexes of the maps that the code refers to, in rising order. */
function mapsOf(program: Program): number[] {
  const maps = program.instructions.flatMap((row) =>
    row.kind === "loadImmediate" && (row.source.kind === "map" || row.source.kind === "mapValue")
      ? [row.source.map]
      : [],
  );
  return [...new Set(maps)].sort((a, b) => a - b);
}

function helpersOf(program: Program): Helper[] {
  const ids = new Set<number>();
  for (const { kind, ...rest } of program.instructions) {
    if (kind === "call" && "target" in rest && rest.target.kind === "helper") ids.add(rest.target.id);
  }
  return [...ids].map((id) => {
    const row = findHelper(program.platform, id, program.type.name);
    if (row === undefined) throw new InternalError(`a verified program calls helper ${id}, which is unknown`);
    return row;
  });
}

function typeOf(helper: Helper): FunctionType {
  return {
    parameters: helper.arguments.flatMap((argument) =>
      halvesOf(argument) === 2 ? (["i32", "i32"] as const) : (["i32"] as const),
    ),
    results: ["i32"],
  };
}

/** run(contextAddress): sets up r1, r2, r10, calls the entry, leaves all of r0 at resultAddress, returns its low half. */
function lowerEntry(scope: Scope, usesPacket: boolean): WasmFunction {
  const { program } = scope;
  const rawSizeBytes = program.rawMemorySizeBytes;
  const body: WasmInstruction[] = [];
  if (usesPacket) body.push(...packetBounds(scope, rawSizeBytes));
  body.push(["global.get", scope.constantIndex(MODULE_NAMES.result)]);
  if (rawSizeBytes === 0) body.push(["i64.const", 0]);
  else body.push(["local.get", 0], ["i64.extend_i32_u"]);
  body.push(["i64.const", rawSizeBytes ?? 0]);
  for (let register = 3; register <= 5; register++) body.push(["i64.const", 0]);
  body.push(["global.get", scope.constantIndex(MODULE_NAMES.stackTop)], ["i64.extend_i32_u"]);
  body.push(["call", scope.subprogramIndex(0)], ["local.tee", 1], ["i64.store", 3, 0]);
  body.push(["local.get", 1], ["i32.wrap_i64"]);
  const type: FunctionType = { parameters: ["i32"], results: ["i32"] };
  return { name: MODULE_NAMES.run, type, locals: ["i64"], body };
}

/** Keeps the packet's bounds for the legacy packet loads. */
function packetBounds(scope: Scope, rawSizeBytes: number | undefined): WasmInstruction[] {
  const keep = (kind: "packetStart" | "packetEnd", rawOffset: number): WasmInstruction[] => {
    const field = scope.program.type.context.fields.find((row) => row.kind === kind);
    const value: WasmInstruction[] =
      rawSizeBytes !== undefined
        ? [["local.get", 0], ["i32.const", rawOffset], ["i32.add"]]
        : field === undefined
          ? [["i32.const", 0]]
          : [
              ["local.get", 0],
              ["i32.load", 0, field.byteOffset],
            ];
    return [...value, ["global.set", scope[kind]]];
  };
  return [...keep("packetStart", 0), ...keep("packetEnd", rawSizeBytes ?? 0)];
}

function lowerBody(scope: Scope, blocks: readonly BasicBlock[], graph: Graph): WasmInstruction[] {
  const body: WasmInstruction[] = [];
  for (const step of structure(graph)) {
    for (const instruction of lowerStep(scope, blocks, step)) body.push(instruction);
  }
  // Every path has returned; the validator wants to hear it.
  body.push(["unreachable"]);
  return body;
}

function lowerStep(scope: Scope, blocks: readonly BasicBlock[], step: Step): WasmInstruction[] {
  switch (step.kind) {
    case "code":
      return lowerBlock(scope, blocks[step.node]!);
    case "block":
    case "loop":
    case "if":
    case "end":
      return [[step.kind]];
    case "branch":
      return [["br", step.label]];
    case "branchIf":
      return step.negated ? [["i32.eqz"], ["br_if", step.label]] : [["br_if", step.label]];
    case "select":
      return [
        ["i32.const", step.node],
        ["local.set", LOCALS.selected],
      ];
    case "table":
      return [
        ["local.get", LOCALS.selected],
        ["br_table", ...step.labels, step.labels.at(-1) ?? 0],
      ];
  }
}
