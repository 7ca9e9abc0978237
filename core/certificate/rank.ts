// Why a loop ends: at its head there is a number that every round moves one way. What a round starts with, and whether a
// path that is back has moved the number; docs/certificate.md says why that is a proof.
import { cellAt, setCell } from "./form.ts";
import { TWO_32 } from "./interval.ts";
import { linked, type NumberValue } from "./number.ts";
import { numberIn } from "./stack.ts";
import { copyState, type State } from "./state.ts";

export interface Rank {
  /** Where the number is: a cell of the state (form.ts) and, if that is a slot of bytes, which of its parts. */
  readonly cell: number;
  readonly part: number;
  /** The order in which it moves. */
  readonly signed: boolean;
  readonly up: boolean;
  /**
   * The id, below 0 and no other state's, of what is linked to the number's value at the head. Unlike other ids it stands
   * for one value in all states of a round.
   */
  readonly anchor: number;
}

/** Undefined: there is no number. */
export function numberOf(state: State, { cell, part }: Pick<Rank, "cell" | "part">): NumberValue | undefined {
  const slot = cellAt(state, cell);
  if (slot?.kind === "bytes") return slot.parts[part]?.value;
  return slot?.kind === "number" ? slot : undefined;
}

/** What a round starts with: the state, its number linked to itself. */
export function roundOf(state: State, rank: Rank): State {
  const start = copyState(state);
  const { cell, anchor } = rank;
  const slot = cellAt(start, cell);
  if (slot?.kind === "number") setCell(start, cell, linked(slot, anchor, 0, false));
  if (slot?.kind === "bytes") {
    const parts = slot.parts.map((part, at) =>
      at === rank.part ? { ...part, value: linked(part.value, anchor, 0, false) } : part,
    );
    setCell(start, cell, { ...slot, parts });
  }
  return start;
}

/**
 * Is the number in `now`, a state back at the head, one that comes after the one at the head for sure? It is that plus
 * delta modulo 2^64 or, zero-extended, modulo 2^32. If it less delta is still within the order's numbers, it has not
 * wrapped: then it is greater if delta is above 0, smaller if it is below.
 */
export function hasMoved(rank: Rank, head: State, now: State): boolean {
  const { signed, up, anchor } = rank;
  const before = numberOf(head, rank);
  const after = numberBack(head, rank, now);
  if (before === undefined || after?.id !== anchor) return false;
  const { delta, extended, full } = after;
  if (delta === 0 || delta > 0 !== up) return false;
  // Modulo 2^32 only a number below that is itself again.
  if (extended && (signed || !(before.full.u1 < TWO_32))) return false;
  // Finite bounds are far from both ends, and so is the sum of one and a delta.
  if (signed) return Number.isFinite(full.s0) && Number.isFinite(full.s1);
  if (up) return full.u0 >= delta;
  return extended ? full.u1 - delta < TWO_32 : Number.isFinite(full.u1);
}

/** The number in the same register or the same bytes. */
function numberBack(head: State, { cell, part }: Rank, now: State): NumberValue | undefined {
  const slot = cellAt(head, cell);
  const there = cellAt(now, cell);
  if (slot?.kind !== "bytes") return there?.kind === "number" ? there : undefined;
  const bytes = slot.parts[part];
  return bytes && numberIn(there, bytes.at, bytes.size);
}
