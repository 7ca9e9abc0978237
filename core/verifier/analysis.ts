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
  readonly failure?: AnalysisFailure;
  /** Instructions followed, summed over all paths. */
  readonly steps: number;
  /** States kept at labels. */
  readonly states: number;
}

export interface AnalysisOptions {
  /** Ask for the strict rules (see strict.ts). */
  readonly strict?: boolean;
  readonly maximumSteps: number;
  /** Called with the state before each instruction that is followed; it must not keep or change the state. */
  readonly observe?: (index: number, state: State) => void;
  /**
   * Everything in a kept state counts as having mattered: slower, but each step of each run then lies in a state that
   * `observe` is told.
   */
  readonly exact?: boolean;
}
