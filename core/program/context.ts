// Which instructions access the context, and how: a small must-analysis that follows r1 through copies, spills and local
// calls. What it is not sure of it leaves out; the verifier decides about safety, this only gathers evidence.
import { type Instruction, STACK_POINTER } from "../isa/instruction.ts";
import type { Program } from "./program.ts";

export interface ContextAccess {
  readonly instruction: number;
  readonly byteOffset: number;
  readonly sizeBytes: number;
}

type Code = Pick<Program, "instructions" | "subprograms" | "targets">;

/** Registers (bit = number) and 8-byte stack slots (bit = slot below r10) that surely hold the context pointer. */
interface Holders {
  readonly registers: number;
  readonly slots: bigint;
}

const CLOBBERED_BY_CALL = 0b11_1111;
const ARGUMENTS = 0b11_1110;

/** All accesses of the context whose offset is known, in order of instructions; unreachable code has none. */
export function findContextAccesses(code: Code): ContextAccess[] {
  const states = propagate(code);
  return code.instructions.flatMap((instruction, index) => {
    const state = states[index];
    const access = instruction.kind === "load" || instruction.kind === "store" ? instruction : undefined;
    if (state === undefined || access === undefined || !has(state, access.base)) return [];
    return [{ instruction: index, byteOffset: access.offset, sizeBytes: access.sizeBytes }];
  });
}

function has(state: Holders, register: number): boolean {
  return ((state.registers >> register) & 1) === 1;
}

/** The state before each instruction; undefined where control never comes. */
function propagate({ instructions, subprograms, targets }: Code): (Holders | undefined)[] {
  const states: (Holders | undefined)[] = new Array(instructions.length).fill(undefined);
  const ends = new Int32Array(instructions.length);
  for (const { start, end } of subprograms) ends.fill(end, start, end);
  const pending: number[] = [];
  const flow = (to: number, incoming: Holders) => {
    const known = states[to];
    const met =
      known === undefined
        ? incoming
        : { registers: known.registers & incoming.registers, slots: known.slots & incoming.slots };
    if (known !== undefined && known.registers === met.registers && known.slots === met.slots) return;
    states[to] = met;
    pending.push(to);
  };
  if (instructions.length > 0) flow(0, { registers: 1 << 1, slots: 0n });
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    const instruction = instructions[index] as Instruction;
    const before = states[index] as Holders;
    const target = targets[index] ?? -1;
    if (instruction.kind === "call" && target >= 0) {
      flow(target, { registers: before.registers & ARGUMENTS, slots: 0n });
    } else if (instruction.kind === "jump" && target >= 0) {
      flow(target, before);
    }
    const stops =
      instruction.kind === "exit" || (instruction.kind === "jump" && instruction.condition === undefined);
    if (!stops && index + 1 < (ends[index] ?? 0)) flow(index + 1, step(before, instruction));
  }
  return states;
}

/** The holders after an instruction that does not jump. */
function step(state: Holders, instruction: Instruction): Holders {
  switch (instruction.kind) {
    case "mov": {
      const { source, width, signExtendFrom, destination } = instruction;
      const copies = source.kind === "register" && width === 64 && signExtendFrom === undefined;
      return put(state, destination, copies && has(state, source.register));
    }
    case "load": {
      const slot = slotOf(instruction.base, instruction.offset);
      const fills = slot !== undefined && instruction.sizeBytes === 8 && ((state.slots >> slot) & 1n) === 1n;
      return put(state, instruction.destination, fills);
    }
    case "store": {
      if (instruction.base !== STACK_POINTER) return state;
      const { source, offset, sizeBytes } = instruction;
      const slot = slotOf(STACK_POINTER, offset);
      const spills =
        slot !== undefined && sizeBytes === 8 && source.kind === "register" && has(state, source.register);
      const cleared = state.slots & ~touched(offset, sizeBytes);
      return { ...state, slots: spills ? cleared | (1n << slot) : cleared };
    }
    case "atomic":
      return {
        registers: state.registers & ~(1 << instruction.source) & ~1,
        slots:
          instruction.base === STACK_POINTER
            ? state.slots & ~touched(instruction.offset, instruction.sizeBytes)
            : state.slots,
      };
    case "call":
    case "loadPacket":
      return { ...state, registers: state.registers & ~CLOBBERED_BY_CALL };
    case "alu":
    case "neg":
    case "byteSwap":
    case "loadImmediate":
      return put(state, instruction.destination, false);
    default:
      return state;
  }
}

function put(state: Holders, register: number, holds: boolean): Holders {
  const cleared = state.registers & ~(1 << register);
  return { ...state, registers: holds ? cleared | (1 << register) : cleared };
}

/** Number of the stack slot at an offset from r10: -8 is 0, -16 is 1; undefined if it is not the start of one of the 64. */
function slotOf(base: number, offset: number): bigint | undefined {
  const aligned = base === STACK_POINTER && offset < 0 && offset >= -512 && offset % 8 === 0;
  return aligned ? BigInt(-offset / 8 - 1) : undefined;
}

/** Bits of the slots that an access overlaps. */
function touched(offset: number, sizeBytes: number): bigint {
  let bits = 0n;
  for (let at = offset; at < offset + sizeBytes; at++) {
    if (at < 0 && at >= -512) bits |= 1n << BigInt(Math.floor((-at - 1) / 8));
  }
  return bits;
}
