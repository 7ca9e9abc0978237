// The flow of a program as the analysis needs it: which registers are read later (liveness), and where paths meet (labels).
// Computed once a program, before any state; trusts structure.ts.
import type { Program } from "../program/program.ts";
import { registersOf } from "./assertion.ts";

export interface Flow {
  /** By instruction: bit i is set if ri may be read before it is written, at or after it. */
  readonly live: Uint16Array;
  /** By instruction: 1 where at least two edges meet and one of them is a jump. Every loop passes through one. */
  readonly meets: Uint8Array;
  /** By instruction: 1 in a loop of its subprogram. */
  readonly cyclic: Uint8Array;
}

export function flowOf(program: Program): Flow {
  const { instructions, targets } = program;
  const count = instructions.length;
  const incoming = new Uint8Array(count);
  const jumped = new Uint8Array(count);
  const arrive = (index: number): void => {
    if (index >= 0 && index < count) incoming[index] = Math.min((incoming[index] ?? 0) + 1, 2);
  };
  for (const subprogram of program.subprograms) arrive(subprogram.start);
  for (let index = 0; index < count; index++) {
    const instruction = instructions[index];
    if (instruction === undefined) continue;
    if (instruction.kind === "jump") {
      const target = targets[index] ?? -1;
      arrive(target);
      jumped[target] = 1;
    }
    if (fallsThrough(program, index)) arrive(index + 1);
  }
  const meets = incoming.map((number, index) => (number >= 2 && jumped[index] === 1 ? 1 : 0));
  return { live: liveness(program), meets, cyclic: cyclicOf(program) };
}

/**
 * The instructions from which a path leads back to them: Tarjan's strongly connected components, without recursion. A
 * program whose jumps all lead forward has none.
 */
function cyclicOf(program: Program): Uint8Array {
  const { instructions, targets } = program;
  const count = instructions.length;
  const cyclic = new Uint8Array(count);
  if (!targets.some((target, index) => instructions[index]?.kind === "jump" && target <= index))
    return cyclic;
  const order = new Int32Array(count);
  const low = new Int32Array(count);
  const edge = new Uint8Array(count);
  const isOpen = new Uint8Array(count);
  const open: number[] = [];
  const way: number[] = [];
  let met = 0;
  const enter = (index: number): void => {
    met += 1;
    order[index] = met;
    low[index] = met;
    isOpen[index] = 1;
    open.push(index);
    way.push(index);
  };
  /** The next edge of an instruction that has not been followed: its target, -1 if there is none there, or undefined. */
  const nextOf = (index: number): number | undefined => {
    const at = edge[index] ?? 0;
    edge[index] = at + 1;
    if (at === 0) return fallsThrough(program, index) && index + 1 < count ? index + 1 : -1;
    if (at === 1) return instructions[index]?.kind === "jump" ? (targets[index] ?? -1) : -1;
    return undefined;
  };
  const close = (index: number): void => {
    const alone = open.at(-1) === index;
    for (let member = open.pop(); member !== undefined; member = open.pop()) {
      isOpen[member] = 0;
      if (!alone) cyclic[member] = 1;
      if (member === index) return;
    }
  };
  for (let start = 0; start < count; start++) {
    if (order[start] !== 0) continue;
    enter(start);
    for (let index = way.at(-1); index !== undefined; index = way.at(-1)) {
      const next = nextOf(index);
      if (next === undefined) {
        way.pop();
        const before = way.at(-1);
        if (before !== undefined) low[before] = Math.min(low[before] ?? 0, low[index] ?? 0);
        if (low[index] === order[index]) close(index);
      } else if (next === index) cyclic[index] = 1;
      else if (next >= 0 && order[next] === 0) enter(next);
      else if (next >= 0 && isOpen[next] === 1) low[index] = Math.min(low[index] ?? 0, order[next] ?? 0);
    }
  }
  return cyclic;
}

function fallsThrough(program: Program, index: number): boolean {
  const instruction = program.instructions[index];
  if (instruction === undefined || instruction.kind === "exit") return false;
  return !(instruction.kind === "jump" && instruction.condition === undefined);
}

/**
 * Backwards to the least fixpoint. Sound: a register not in the set is written before it is read on every path. An
 * instruction is looked at again only when what follows it has grown, at most once a register: however the program is
 * laid out, that is linear.
 */
function liveness(program: Program): Uint16Array {
  const { instructions, targets, platform, type } = program;
  const count = instructions.length;
  const live = new Uint16Array(count);
  const reads = new Uint16Array(count);
  const writes = new Uint16Array(count);
  for (let index = 0; index < count; index++) {
    const instruction = instructions[index];
    if (instruction === undefined) continue;
    const { read, written } = registersOf(instruction, platform, type.name);
    reads[index] = read;
    writes[index] = written;
  }
  const jumps = jumpsTo(program);
  // The last is taken first: most of what follows an instruction is behind it.
  const pending = Array.from({ length: count }, (_, index) => index);
  const isPending = new Uint8Array(count).fill(1);
  const again = (index: number): void => {
    if (isPending[index] !== 0) return;
    isPending[index] = 1;
    pending.push(index);
  };
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    isPending[index] = 0;
    let after = fallsThrough(program, index) ? (live[index + 1] ?? 0) : 0;
    if (instructions[index]?.kind === "jump") after |= live[targets[index] ?? -1] ?? 0;
    const before = (reads[index] ?? 0) | (after & ~(writes[index] ?? 0));
    if (before === live[index]) continue;
    live[index] = before;
    if (index > 0 && fallsThrough(program, index - 1)) again(index - 1);
    for (let from = jumps.first[index] ?? -1; from >= 0; from = jumps.next[from] ?? -1) again(from);
  }
  return live;
}

/** The jumps to each instruction, as lists: the first of them, and after each the next; -1 ends. */
function jumpsTo({ instructions, targets }: Program): {
  readonly first: Int32Array;
  readonly next: Int32Array;
} {
  const first = new Int32Array(instructions.length).fill(-1);
  const next = new Int32Array(instructions.length).fill(-1);
  for (let index = 0; index < instructions.length; index++) {
    const target = targets[index] ?? -1;
    if (instructions[index]?.kind !== "jump" || target < 0) continue;
    next[index] = first[target] ?? -1;
    first[target] = index;
  }
  return { first, next };
}
