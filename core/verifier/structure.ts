// What can be seen without following the program, for every instruction, reachable or not: targets, ends of functions,
// recursion, instructions and helpers that are not modelled. After this, the analysis can trust the shape of the program.
import { type Instruction, REGISTER_COUNT, STACK_POINTER } from "../isa/instruction.ts";
import { findHelper, mayCall } from "../platform/platform.ts";
import { FIRST_UNRESOLVED, type Program, type Subprogram } from "../program/program.ts";
import { registersOf } from "./assertion.ts";
import type { Finding } from "./finding.ts";

/** Ten times what the largest known programs have; what is done once an instruction then takes well below a second. */
const MAXIMUM_INSTRUCTIONS = 100_000;

export interface StructureFailure {
  readonly index: number;
  readonly finding: Finding;
}

/** What is wrong with the shape of the program, in order of instructions; recursion last. */
export function* structureFailures(program: Program): Generator<StructureFailure, void> {
  const entry = program.subprograms[0];
  if (entry === undefined || program.instructions.length === 0) {
    yield { index: 0, finding: { code: "FallThrough", name: program.name } };
    return;
  }
  const count = program.instructions.length;
  if (count > MAXIMUM_INSTRUCTIONS) {
    yield { index: MAXIMUM_INSTRUCTIONS, finding: { code: "TooComplex", count, unit: "instruction" } };
    return;
  }
  const starts = new Set(program.subprograms.map(({ start }) => start));
  for (const subprogram of program.subprograms) {
    for (let index = subprogram.start; index < subprogram.end; index++) {
      const finding = checkInstruction(program, subprogram, index, starts);
      if (finding !== undefined) yield { index, finding };
    }
    const last = program.instructions[subprogram.end - 1];
    if (last === undefined || subprogram.end <= subprogram.start || !endsPath(last)) {
      const finding: Finding = { code: "FallThrough", name: subprogram.name };
      yield { index: Math.max(subprogram.end - 1, 0), finding };
    }
  }
  const recursive = checkRecursion(program);
  if (recursive !== undefined) yield recursive;
}

function endsPath(instruction: Instruction): boolean {
  return instruction.kind === "exit" || (instruction.kind === "jump" && instruction.condition === undefined);
}

function unsupported(what: string): Finding {
  return { code: "InstructionUnsupported", what };
}

function checkInstruction(
  program: Program,
  own: Subprogram,
  index: number,
  starts: ReadonlySet<number>,
): Finding | undefined {
  const instruction = program.instructions[index];
  if (instruction === undefined) return { code: "FallThrough", name: own.name };
  const { read, written } = registersOf(instruction, program.platform, program.type.name);
  if ((read | written) >> REGISTER_COUNT !== 0) return unsupported("a register that does not exist");
  if ((written >> STACK_POINTER) & 1) return { code: "FramePointerReadOnly" };
  switch (instruction.kind) {
    case "jump": {
      const target = program.targets[index] ?? -1;
      return target >= own.start && target < own.end ? undefined : { code: "JumpOutOfRange", what: "jump" };
    }
    case "call":
      return checkCall(program, instruction, index, starts);
    case "loadImmediate":
      return checkImmediate(program, instruction, index, starts);
    default:
      return undefined;
  }
}

function checkCall(
  program: Program,
  instruction: Extract<Instruction, { readonly kind: "call" }>,
  index: number,
  starts: ReadonlySet<number>,
): Finding | undefined {
  switch (instruction.target.kind) {
    case "helper": {
      const helper = findHelper(program.platform, instruction.target.id, program.type.name);
      if (helper === undefined) {
        // Only who comes there does what cannot be done: check.ts.
        if (program.unresolved?.[instruction.target.id - FIRST_UNRESOLVED] !== undefined) return undefined;
        return { code: "HelperUnknown", id: instruction.target.id };
      }
      if (!mayCall(helper, program.type.name)) return { code: "HelperNotAllowed", helper, reason: "type" };
      const waits = helper.maySleep === true && !maySleep(program);
      return waits ? { code: "HelperNotAllowed", helper, reason: "sleep" } : undefined;
    }
    case "local":
      return startsFunction(program, index, starts) ? undefined : { code: "JumpOutOfRange", what: "call" };
    case "kfunc":
      return { code: "FeatureUnsupported", what: "a call of a kernel function" };
    case "register":
      return unsupported("a call through a register");
  }
}

/** Sections of programs that may wait end their hook's name so (libbpf's "fentry.s/"); one that is called by hand may too. */
function maySleep({ section, type }: Program): boolean {
  return type.name === "syscall" || /\.s(\/|$)/.test(section);
}

/** Does the call or the address at `index` lead to the start of a function? */
function startsFunction({ targets }: Program, index: number, starts: ReadonlySet<number>): boolean {
  return starts.has(targets[index] ?? -1);
}

function checkImmediate(
  program: Program,
  instruction: Extract<Instruction, { readonly kind: "loadImmediate" }>,
  index: number,
  starts: ReadonlySet<number>,
): Finding | undefined {
  const { source } = instruction;
  switch (source.kind) {
    case "number":
      return undefined;
    case "map":
      return program.maps[source.map] === undefined ? unsupported("a map that does not exist") : undefined;
    case "mapValue": {
      const map = program.maps[source.map];
      if (map === undefined) return unsupported("a map that does not exist");
      // Only an array has a first value that is always there and at one place.
      if (map.type.name !== "array" || map.spec.maxEntries < 1) {
        return unsupported("a direct address into a map that is not an array");
      }
      return source.byteOffset >= 0 && source.byteOffset <= map.spec.valueSizeBytes
        ? undefined
        : unsupported("a direct address outside the map's value");
    }
    case "function":
      return startsFunction(program, index, starts) ? undefined : { code: "JumpOutOfRange", what: "call" };
    case "variable":
    case "mapByIndex":
    case "mapValueByIndex":
      return unsupported("an immediate that only a loader can resolve");
  }
}

/** Functions that can reach themselves; the analysis follows calls, so there must be none. Chains of calls may be long. */
function checkRecursion(program: Program): StructureFailure | undefined {
  const number = new Map(program.subprograms.map((row, index) => [row.start, index]));
  const state: ("open" | "done" | undefined)[] = new Array(program.subprograms.length);
  for (const [root, { start }] of program.subprograms.entries()) {
    if (state[root] !== undefined) continue;
    state[root] = "open";
    const path = [{ at: root, index: start }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const index = nextCall(program, top.index, program.subprograms[top.at]?.end ?? 0);
      if (index === undefined) {
        state[top.at] = "done";
        path.pop();
        continue;
      }
      top.index = index + 1;
      const callee = number.get(program.targets[index] ?? -1) ?? -1;
      if (state[callee] === "open") {
        const from = path.findIndex(({ at }) => at === callee);
        const names = [...path.slice(from).map(({ at }) => at), callee];
        return { index, finding: recursion(names.map((row) => program.subprograms[row]?.name ?? "")) };
      }
      if (state[callee] === "done") continue;
      state[callee] = "open";
      path.push({ at: callee, index: program.subprograms[callee]?.start ?? 0 });
    }
  }
  return undefined;
}

/** A circle may have thousands of functions; its beginning and its end tell enough. */
function recursion(names: readonly string[]): Finding {
  const cut = names.length - 8;
  const told = cut > 1 ? [...names.slice(0, 5), `${cut} others`, ...names.slice(-3)] : names;
  return { code: "Recursion", names: told };
}

/** The first call of a function of the program in [index, end). */
function nextCall({ instructions }: Program, from: number, end: number): number | undefined {
  for (let index = from; index < end; index++) {
    const instruction = instructions[index];
    if (instruction?.kind === "call" && instruction.target.kind === "local") return index;
  }
  return undefined;
}
