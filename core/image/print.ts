// A compiled program as text, in the manner of WebAssembly's text format, for people and for golden tests.
import { InternalError } from "../base/error.ts";
import type { Image } from "./image.ts";
import { LOCAL_TYPES } from "./locals.ts";
import { lowerProgram } from "./lower.ts";
import { typeTable, type WasmFunction, type WasmInstruction, type WasmModule } from "./wasm.ts";

/** Names of the locals that lower.ts gives every subprogram. */
const LOCAL_NAMES = "r1 r2 r3 r4 r5 r10 r0 r6 r7 r8 r9 wide narrow selected".split(" ");

/** InternalError for an image of the interpreter, which has no text of its own. */
export function printImage(image: Image): string {
  if (image.engine !== "wasm") throw new InternalError(`an image for ${image.engine} is not compiled`);
  const module = lowerProgram(image.program);
  const lines = [
    `(import "${module.importFrom}" "${module.memory.name}" (memory 1 ${module.memory.maximumPages} shared))`,
    ...module.constants.map((name) => `(import "${module.importFrom}" "${name}" (global $${name} i32))`),
    ...module.importedFunctions.map(
      ({ name, type }) =>
        `(import "${module.importFrom}" "${name}" (func $${name} (param ${type.parameters.join(" ")}) (result i32)))`,
    ),
    ...module.functions.flatMap((row) => printFunction(module, row)),
    ...module.exports.map(
      ({ name, functionIndex }) => `(export "${name}" (func $${functionName(module, functionIndex)}))`,
    ),
  ];
  return `(module\n${lines.map((line) => `  ${line}`).join("\n")}\n)\n`;
}

function printFunction(module: WasmModule, row: WasmFunction): string[] {
  const isSubprogram = row.locals === LOCAL_TYPES;
  let depth = 1;
  const body = row.body.map((instruction) => {
    const [opcode] = instruction;
    if (opcode === "end" || opcode === "else") depth--;
    const line = "  ".repeat(depth) + printInstruction(module, instruction, isSubprogram);
    if (opcode === "block" || opcode === "loop" || opcode === "if" || opcode === "else") depth++;
    return line;
  });
  const type = typeTable(module).indexOf(row.type);
  return [`(func $${row.name} (type ${type})`, ...body, ")"];
}

function printInstruction(
  module: WasmModule,
  [opcode, ...immediates]: WasmInstruction,
  isSubprogram: boolean,
): string {
  const first = Number(immediates[0]);
  if (opcode.startsWith("local.") && isSubprogram) return `${opcode} $${LOCAL_NAMES[first]}`;
  if (opcode.startsWith("global.")) return `${opcode} $${module.constants[first] ?? first}`;
  if (opcode === "call") return `${opcode} $${functionName(module, first)}`;
  if (/load|store|rmw/.test(opcode))
    return immediates[1] === 0 ? opcode : `${opcode} offset=${immediates[1]}`;
  return [opcode, ...immediates].join(" ");
}

function functionName(module: WasmModule, index: number): string {
  const imported = module.importedFunctions.length;
  return module.importedFunctions[index]?.name ?? module.functions[index - imported]?.name ?? `${index}`;
}
