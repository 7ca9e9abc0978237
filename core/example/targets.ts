// Which values would send a run the other way at a branch, or past the end of what it touches: the nearest ones first.
import type { JumpCondition } from "../isa/instruction.ts";
import type { Change } from "./input.ts";
import { maskOf, solve, type Word } from "./term.ts";

const NEGATION: Readonly<Record<JumpCondition, JumpCondition | "clear">> = {
  eq: "ne",
  ne: "eq",
  set: "clear",
  ugt: "ule",
  uge: "ult",
  ult: "uge",
  ule: "ugt",
  sgt: "sle",
  sge: "slt",
  slt: "sge",
  sle: "sgt",
};

const SWAPPED: Readonly<Record<JumpCondition | "clear", JumpCondition | "clear">> = {
  eq: "eq",
  ne: "ne",
  set: "set",
  clear: "clear",
  ugt: "ult",
  uge: "ule",
  ult: "ugt",
  ule: "uge",
  sgt: "slt",
  sge: "sle",
  slt: "sgt",
  sle: "sge",
};

/** Steps away from a bound: small ones, and those of usual element sizes. */
const STEPS = [0n, 1n, 2n, 3n, 4n, 8n, 16n, 32n, 64n];
const MOST_TARGETS = 8;

export interface Branch {
  readonly test: JumpCondition;
  readonly width: 32 | 64;
  readonly left: Word;
  readonly right: Word;
  /** What the condition should have been. */
  readonly outcome: boolean;
}

/** Changes of the input, each of which would make the condition what it should have been. */
export function turned({ test, width, left, right, outcome }: Branch): Change[][] {
  const wanted = outcome ? test : NEGATION[test];
  return [
    ...reached(left, targets(wanted, width, left, right.value), width),
    ...reached(right, targets(SWAPPED[wanted], width, right, left.value), width),
  ];
}

/** The first few targets that the word can be made. */
export function reached(
  word: Word,
  wanted: readonly bigint[],
  bits: number,
  most = MOST_TARGETS,
): Change[][] {
  if (word.term === undefined) return [];
  const found: Change[][] = [];
  for (const target of wanted) {
    if (found.length >= most) break;
    found.push(...solve(word, target, bits).filter((changes) => changes.length > 0));
  }
  return found;
}

const MOST_BITS = 8;

/** Of a word that a mask leaves some bits of: all of them, and single ones. */
function masked(word: Word): bigint[] {
  const mask = maskOf(word);
  if (mask === undefined) return [];
  const bits: bigint[] = [];
  for (let rest = mask; rest !== 0n && bits.length < MOST_BITS; rest &= rest - 1n) bits.push(rest & -rest);
  return [...bits, mask];
}

/** Values of `word` for which `word test other` holds. */
function targets(test: JumpCondition | "clear", width: number, word: Word, other: bigint): bigint[] {
  const own = word.value;
  const signed = test.startsWith("s") && test !== "set";
  const bound = signed ? BigInt.asIntN(width, other) : BigInt.asUintN(width, other);
  const least = signed ? -(1n << BigInt(width - 1)) : 0n;
  const most = signed ? (1n << BigInt(width - 1)) - 1n : (1n << BigInt(width)) - 1n;
  const up = (from: bigint): bigint[] => [...STEPS.map((step) => from + step), most].filter((x) => x <= most);
  const down = (from: bigint): bigint[] =>
    [...STEPS.map((step) => from - step), ...(least < 0n ? [0n] : []), least].filter((x) => x >= least);
  switch (test) {
    case "eq":
      return [bound];
    case "ne":
      return [...masked(word), bound + 1n, bound - 1n, 0n, 1n].filter((x) => x !== bound);
    case "set":
      return [own | (bound & -bound), bound];
    case "clear":
      return [own & ~bound, 0n];
    case "ugt":
    case "sgt":
      return up(bound + 1n);
    case "uge":
    case "sge":
      return up(bound);
    case "ult":
    case "slt":
      return down(bound - 1n).filter((x) => x < bound);
    case "ule":
    case "sle":
      return down(bound);
  }
}
