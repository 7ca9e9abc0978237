// What programs and the embedded host agree on, in both engines: how helpers are called, what stands for maps and
// functions, where array values lie, what a module imports and exports. No 64-bit number ever crosses into JavaScript as a
// BigInt, because that allocates:
//   pointers, maps, sizes   one i32: an address, a map handle, a length
//   other numbers           two i32: low and high half
//   result                  an i32; for numbers it is the low half, and the high half is at resultAddress + 4
import type { ArgumentKind, Helper, MapKind } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";

/** What stands for map `index` of a program in a register: never null, and no address. */
export function mapHandle(index: number): number {
  return index + 1;
}

/** How many i32 an argument takes. */
export function halvesOf(argument: ArgumentKind): 1 | 2 {
  return argument.kind === "scalar" || argument.kind === "anything" ? 2 : 1;
}

export function returnsPointer(helper: Helper): boolean {
  return helper.returns.kind === "mapValueOrNull" || helper.returns.kind === "recordOrNull";
}

/**
 * What a lane keeps beside the result, from resultAddress on. A tail call that succeeds leaves the id of the other program
 * in `tailTarget`, and answers 0; then every function of this one returns at once.
 */
export const LANE_WORD = { tailTarget: 8, tailCalls: 12, runs: 16 } as const;
export const RESULT_SIZE_BYTES = 32;
export const TAIL_CALL = "tail_call";

/** What stands for the address of subprogram `index`: never null. */
export function functionHandle(index: number): number {
  return index + 1;
}

/** The index of the subprogram that starts at this instruction; -1 if none does. */
export function subprogramAt(program: Program, instruction: number): number {
  return program.subprograms.findIndex((row) => row.start === instruction);
}

/** How many threads may run programs; also the number of "CPUs" that per-CPU maps have values for. */
export const LANE_COUNT = 16;

/** Every function has a frame of that many bytes below its caller's (RFC 9669 leaves it to the platform; Linux' number). */
export const FRAME_SIZE_BYTES = 512;
/** At most that many functions deep. */
export const FRAME_COUNT = 8;

/** Values of array maps follow each other at this distance, so that 64-bit atomics on their fields are aligned. */
export function arrayStride(valueSizeBytes: number): number {
  return Math.ceil(valueSizeBytes / 8) * 8;
}

/** Kinds whose values lie in one array, in the order of their 32-bit key. */
export function isArrayKind(kind: MapKind): boolean {
  return kind === "array" || kind === "percpu_array";
}

/** Names of imports and exports of a module; helpers are imported by their platform name. */
export const MODULE_NAMES = {
  importFrom: "ebpf",
  memory: "memory",
  /** i32: one past the lane's stack. */
  stackTop: "stackTop",
  /** i32: the lane's resultAddress. */
  result: "result",
  /** i32: the lane's index. */
  lane: "lane",
  /** The exported (i32 contextAddress) -> i32. */
  run: "run",
} as const;

/** i32: for arrays, where the lane's first value is; for hash maps, where the table is. */
export function mapName(index: number): string {
  return `map${index}`;
}

/** More than any memory has: 64 Ki pages of 64 KiB. */
export const MEMORY_MAXIMUM_PAGES = 65_536;
