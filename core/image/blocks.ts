// Basic blocks of one subprogram, as the graph that structure.ts takes.
import type { Program, Subprogram } from "../program/program.ts";

/** Instructions [start, end). */
export interface Block {
  readonly start: number;
  readonly end: number;
  /** Block numbers: none, one, or two different ones (taken, not taken). */
  readonly successors: readonly number[];
}

/** The first block is the entry. What verification proved is taken for granted: targets lie in the subprogram. */
export function blocksOf(program: Program, subprogram: Subprogram): Block[] {
  const { instructions, targets } = program;
  const leaders = new Set([subprogram.start]);
  for (let index = subprogram.start; index < subprogram.end; index++) {
    const { kind } = instructions[index]!;
    if (kind === "jump") leaders.add(targets[index]!);
    if ((kind === "jump" || kind === "exit") && index + 1 < subprogram.end) leaders.add(index + 1);
  }
  const starts = Int32Array.from(leaders).sort();
  const numberOf = new Map(Array.from(starts, (start, number) => [start, number]));
  return Array.from(starts, (start, number) => {
    const end = starts[number + 1] ?? subprogram.end;
    const next = end < subprogram.end ? [end] : [];
    const last = instructions[end - 1]!;
    const leads =
      last.kind === "exit"
        ? []
        : last.kind !== "jump"
          ? next
          : last.condition === undefined
            ? [targets[end - 1]!]
            : [targets[end - 1]!, ...next];
    return { start, end, successors: [...new Set(leads.map((target) => numberOf.get(target) ?? 0))] };
  });
}
