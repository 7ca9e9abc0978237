// The flow of a program as the analysis needs it: which registers are read later (liveness), and where paths meet (labels).
// Computed once a program, before any state; trusts structure.ts.
import type { Program } from "../program/program.ts";
import { registersOf } from "./assertion.ts";

export interface Flow {
  /** By instruction: bit i is set if ri may be read before it is written, at or after it. */
  readonly live: Uint16Array;
  /** By instruction: 1 where at least two edges meet and one of them is a jump. Every loop passes through one. */
  readonly meets: Uint8Array;
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
  return { live: liveness(program), meets };
}

function fallsThrough(program: Program, index: number): boolean {
  const instruction = program.instructions[index];
  if (instruction === undefined || instruction.kind === "exit") return false;
  return !(instruction.kind === "jump" && instruction.condition === undefined);
}

/** Backwards to the least fixpoint. Sound: a register not in the set is written before it is read on every path. */
function liveness(program: Program): Uint16Array {
  const { instructions, targets, platform, type } = program;
  const live = new Uint16Array(instructions.length);
  const registers = instructions.map((instruction) => registersOf(instruction, platform, type.name));
  let changed = true;
  while (changed) {
    changed = false;
    for (let index = instructions.length - 1; index >= 0; index--) {
      const { read, written } = registers[index] ?? { read: 0, written: 0 };
      let after = fallsThrough(program, index) ? (live[index + 1] ?? 0) : 0;
      if (instructions[index]?.kind === "jump") after |= live[targets[index] ?? -1] ?? 0;
      const before = read | (after & ~written);
      if (before !== live[index]) {
        live[index] = before;
        changed = true;
      }
    }
  }
  return live;
}
