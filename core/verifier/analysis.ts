// What the exploration is asked and what it answers. Types only.
import type { State } from "./domain/state.ts";
import type { Finding } from "./finding.ts";

export interface AnalysisFailure {
  readonly index: number;
  readonly finding: Finding;
  /** The state before the instruction. */
  readonly state: State;
  /** The instructions from the entry to the failing one, in the order followed: how the exploration came there. */
  readonly path: readonly number[];
}

export interface Analysis {
  /** The first; absent: the program is safe. */
  readonly failure?: AnalysisFailure;
  /** With `all`: every one that was found, each instruction and code once, in the order followed; the first is `failure`. */
  readonly failures?: readonly AnalysisFailure[];
  /** Instructions followed, summed over all paths. */
  readonly steps: number;
  /** States kept at labels. */
  readonly states: number;
  /**
   * With `keepInvariants`, of an accepted program: the kept states that later paths were covered by or joined into, in
   * the order in which they were finished. Every path from one of them (and from the entry) reaches an exit or an
   * instruction where a state of this list that was finished earlier covers it, or comes back to the head of a loop that
   * it is inside of, where the ranked state covers it and the number has moved: that is why every run ends.
   */
  readonly invariants?: readonly Invariant[];
}

/** Any run that is at `index` in a concrete state of `state` is safe from there on, and ends. */
export interface Invariant {
  readonly index: number;
  /** Without what did not matter (domain/generalise.ts). */
  readonly state: State;
  /** Of the head of a loop whose rounds were taken together (loop.ts): why that ends. */
  readonly rank?: Rank;
}

/** A register, or bytes of a slot of a frame (register: -1). */
export interface Place {
  readonly register: number;
  readonly frame: number;
  readonly slot: number;
  readonly at: number;
  readonly size: number;
}

/** The number there moves one way in every round, without wrapping. */
export interface Rank {
  readonly place: Place;
  readonly order: "signed" | "unsigned";
  readonly direction: "up" | "down";
  /** The id, below 0 and no other's, of what is linked to the number's value at the head, in all states inside the loop. */
  readonly anchor: number;
  /** So many invariants, directly before this one, are inside the loop. */
  readonly inside: number;
}

export interface AnalysisOptions {
  /** Ask for the strict rules (see strict.ts). */
  readonly strict?: boolean;
  readonly maximumSteps: number;
  /** A failure ends its path only; the others are followed, as far as the steps go. */
  readonly all?: boolean;
  /**
   * Called with the state before each instruction that is followed, and the instruction it was reached from (-1: none);
   * it must not keep or change the state.
   */
  readonly observe?: (index: number, state: State, from: number) => void;
  /**
   * Everything in a kept state counts as having mattered: slower, but each step of each run then lies in a state that
   * `observe` is told.
   */
  readonly exact?: boolean;
  /** Ask for the invariants of an accepted program. */
  readonly keepInvariants?: boolean;
  /** Loops are followed round by round only: then no invariant is ranked. */
  readonly unrolled?: boolean;
}
