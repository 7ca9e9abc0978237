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
   * instruction where a state of this list that was finished earlier covers it: that is why every run ends. So loops are
   * then followed round by round: this list says nothing of rounds taken together (loop.ts).
   */
  readonly invariants?: readonly Invariant[];
}

/** Any run that is at `index` in a concrete state of `state` is safe from there on, and ends. */
export interface Invariant {
  readonly index: number;
  /** Without what did not matter (domain/generalise.ts). */
  readonly state: State;
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
}
