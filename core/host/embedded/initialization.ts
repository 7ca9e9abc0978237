// Which registers and stack bytes hold a value that the program put there: the interpreter's optional check that a
// verified program reads nothing uninitialised. Kept beside the values, so a run without it pays nothing.
import { FRAME_SIZE_BYTES } from "../../image/abi.ts";
import { REGISTER_COUNT, STACK_POINTER } from "../../isa/instruction.ts";
import type { Lane } from "./lane.ts";

export interface Initialization {
  /** A program or a function starts: only these registers and r10 have values, its frame of the stack none. */
  enter(registers: readonly number[], depth: number): void;
  /** A call returns with r0; r1 to r5 are lost. `saved` is what mark() gave before the call. */
  leave(saved: number): void;
  mark(): number;
  hasRegister(register: number): boolean;
  setRegister(register: number): void;
  /** False if one of these bytes is stack that was never written. Bytes outside the stack are always initialised. */
  hasBytes(address: number, sizeBytes: number): boolean;
  setBytes(address: number, sizeBytes: number): void;
}

export function createInitialization(lane: Lane): Initialization {
  const stack = new Uint8Array(lane.stackSizeBytes);
  let registers = 0;
  const clip = (address: number): number =>
    Math.min(Math.max(address - lane.stackAddress, 0), lane.stackSizeBytes);
  return {
    enter(initialised, depth) {
      registers = 1 << STACK_POINTER;
      for (const register of initialised) registers |= 1 << register;
      const top = lane.stackSizeBytes - (depth - 1) * FRAME_SIZE_BYTES;
      stack.fill(0, top - FRAME_SIZE_BYTES, top);
    },
    leave(saved) {
      const calleeSaved = ((1 << REGISTER_COUNT) - 1) & ~0b111111;
      registers = 1 | (saved & calleeSaved);
    },
    mark: () => registers,
    hasRegister: (register) => (registers & (1 << register)) !== 0,
    setRegister(register) {
      registers |= 1 << register;
    },
    hasBytes: (address, sizeBytes) => !stack.subarray(clip(address), clip(address + sizeBytes)).includes(0),
    setBytes(address, sizeBytes) {
      stack.fill(1, clip(address), clip(address + sizeBytes));
    },
  };
}
