// What the exploration has still to do: paths to follow, and marks between them that tell when all that came from a kept
// state, or from a loop's head, has been. Types only.
import type { State } from "./domain/state.ts";
import type { Kept, Label } from "./keep.ts";
import type { Attempt, Widened } from "./loop.ts";
import type { Marks } from "./marks.ts";
import type { Trail } from "./trail.ts";

/** A path still to be followed. */
export interface Path {
  readonly kind: "path";
  readonly index: number;
  readonly from: number;
  readonly state: State;
  readonly marks: Marks;
  readonly trail: Trail | undefined;
  /** What it holds while it waits (held.ts). */
  readonly bytes: number;
}

/** A loop that is followed once for all its rounds (loop.ts). */
export interface Loop {
  readonly number: number;
  readonly label: Label;
  readonly kept: Kept;
  readonly widened: Widened;
  readonly attempt: Attempt;
  /** Attempts made here so far. */
  readonly tries: number;
  /** The state of the round before, and the path as it came: it goes on round by round if the attempt fails. */
  readonly before: State;
  readonly origin: Pick<Path, "from" | "state" | "marks" | "trail">;
  /** What was waiting, and what had been finished, before it. */
  readonly waiting: number;
  readonly finished: number;
  /** How many invariants there were before it. */
  readonly listed: number;
  readonly mostSteps: number;
  /** By label: so many rounds before the next attempt. */
  readonly rounds: Map<Label, number>;
  returns: number;
}

/** A path still to be followed, or the mark that all paths from a kept state, or from a loop's head, have been. */
export type Work =
  | Path
  | { readonly kind: "finished"; readonly label: Label; readonly kept: Kept }
  | { readonly kind: "loop"; readonly loop: Loop };
