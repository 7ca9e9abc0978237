// Where a lowered function keeps things: registers and temporaries as WebAssembly locals, and what all functions of a
// module share.
import type { Operand, Register } from "../isa/instruction.ts";
import type { Program } from "../program/program.ts";
import type { ValueType, WasmInstruction } from "./wasm.ts";

/** What all functions of a module share; indexes are WebAssembly's. */
export interface Scope {
  readonly program: Program;
  helperIndex(id: number): number;
  constantIndex(name: string): number;
  subprogramIndex(index: number): number;
  /** Of the function that looks a key up in map `map`; undefined if that is left to the helper. */
  finderIndex(map: number): number | undefined;
  readonly hasTailCalls: boolean;
  /** Globals that hold the packet's bounds, in programs with legacy packet loads. */
  readonly packetStart: number;
  readonly packetEnd: number;
}

/** r1 to r5 and r10 are the parameters 0 to 5. */
const REGISTER_LOCALS: readonly number[] = [6, 0, 1, 2, 3, 4, 7, 8, 9, 10, 5];

/** Temporaries; `selected` is the block that a dispatch loop goes to. */
export const LOCALS = { wide: 11, narrow: 12, selected: 13 } as const;

/** r0, r6 to r9, then LOCALS. */
export const LOCAL_TYPES: readonly ValueType[] = ["i64", "i64", "i64", "i64", "i64", "i64", "i32", "i32"];

export function get(register: Register): WasmInstruction {
  return ["local.get", REGISTER_LOCALS[register] ?? -1];
}

export function set(register: Register): WasmInstruction {
  return ["local.set", REGISTER_LOCALS[register] ?? -1];
}

/** The low half of a register. */
export function getLow(register: Register): WasmInstruction[] {
  return [get(register), ["i32.wrap_i64"]];
}

/** An operand as i64 or i32; immediates are sign-extended (RFC 9669 section 4). */
export function operand(source: Operand, width: 32 | 64): WasmInstruction[] {
  if (source.kind === "immediate") return [[width === 64 ? "i64.const" : "i32.const", source.value]];
  return width === 64 ? [get(source.register)] : getLow(source.register);
}

/** Sets a register to a value of that width on the stack; the upper half becomes zero. */
export function setWidth(register: Register, width: 32 | 64): WasmInstruction[] {
  return width === 64 ? [set(register)] : [["i64.extend_i32_u"], set(register)];
}
