// How programs call helpers of the embedded host, in both engines. No 64-bit number ever crosses into JavaScript as a
// BigInt, because that allocates:
//   pointers, maps, sizes   one i32: an address, a map handle, a length
//   other numbers           two i32: low and high half
//   result                  an i32; for numbers it is the low half, and the high half is at resultAddress + 4
import type { ArgumentKind, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";

/** What stands for map `index` of a program in a register: never null, and no address. */
export function mapHandle(index: number): number {
  return index + 1;
}

/** How many i32 an argument takes. */
export function halvesOf(argument: ArgumentKind): 1 | 2 {
  return argument.kind === "scalar" ? 2 : 1;
}

export function returnsPointer(helper: Helper): boolean {
  return helper.returns.kind === "mapValueOrNull";
}

/** What stands for the address of subprogram `index`: never null. */
export function functionHandle(index: number): number {
  return index + 1;
}

/** The index of the subprogram that starts at this instruction; -1 if none does. */
export function subprogramAt(program: Program, instruction: number): number {
  return program.subprograms.findIndex((row) => row.start === instruction);
}
