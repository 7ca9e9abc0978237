// The states kept where paths meet: which of them cover a new one, which is joined with it, which are still open.
// Knows states and marks, not instructions.
import { covers, type Needs } from "./domain/cover.ts";
import { join, sameStackShape, shapeOf } from "./domain/join.ts";
import { cloneState, fingerprint, type State } from "./domain/state.ts";
import { UNINITIALIZED } from "./domain/value.ts";
import type { Flow } from "./flow.ts";
import type { Marked } from "./marks.ts";

export interface Kept {
  readonly index: number;
  readonly state: State;
  readonly marked: Marked;
  readonly fingerprint: number;
  readonly shape: number;
  /** A state that this one was joined with; it is of no use any more, and forgotten, once this one is finished. */
  replaces: Kept | undefined;
  /** What it holds (held.ts). */
  readonly bytes: number;
  /** Number of the widened loop in which it was kept last; 0: in none. */
  readonly loop: number;
  /** A path was covered by it, or it is a join: without it other paths would have to be followed on. */
  needed: boolean;
}

/** The states kept at one instruction where paths meet. */
export interface Label {
  readonly index: number;
  /** Bit i: ri is read at or after it. */
  readonly live: number;
  /** All their paths have been followed: they may cover others. The newest last. */
  readonly finished: Kept[];
  /**
   * They are on the path being followed, by fingerprint: one that comes again is a loop without end. Undefined where no
   * loop leads through.
   */
  readonly open: Map<number, Kept[]> | undefined;
  openCount: number;
  /** The open ones in the order kept, where a loop leads through. */
  readonly rounds: Kept[];
  /** States ever kept here. */
  made: number;
  /** The instruction from which it was reached last. */
  from: number;
}

/** Finished states kept at one label; the oldest, from deepest in the exploration, go first. */
const MOST_FINISHED = 64;

/** So many states of a label stay as they came; later ones are joined with one of their shape. */
const UNJOINED = 2;

export function makeLabel({ live, cyclic }: Flow, index: number, from: number): Label {
  const open = cyclic[index] === 1 ? new Map<number, Kept[]>() : undefined;
  return { index, live: live[index] ?? 0xffff, finished: [], open, openCount: 0, rounds: [], made: 0, from };
}

/** The finished state that covers `state`, if one does. `compared` is told after each comparison. */
export function findCovering(label: Label, state: State, compared: () => void): Kept | undefined {
  for (let at = label.finished.length - 1; at >= 0; at--) {
    const kept = label.finished[at];
    if (kept === undefined) continue;
    const covering = covers(kept.state, kept.marked.needs, state, label.live);
    compared();
    if (!covering) continue;
    kept.needed = true;
    return kept;
  }
  return undefined;
}

const NONE: readonly Kept[] = [];

/** The states on the path being followed that may be the same as `state`. */
export function openLike(label: Label, state: State): readonly Kept[] {
  if (label.open === undefined || label.openCount === 0) return NONE;
  return label.open.get(fingerprint(state, label.live)) ?? NONE;
}

export interface ToKeep {
  readonly state: State;
  readonly shape: number;
  readonly replaces: Kept | undefined;
}

/** What to keep for a path that arrives with `state`: itself, or its join with the last finished one of its shape. */
export function stateToKeep(label: Label, state: State, fresh: () => number): ToKeep {
  const shape = shapeOf(state, label.live);
  if (label.made >= UNJOINED) {
    for (let at = label.finished.length - 1; at >= 0; at--) {
      const kept = label.finished[at];
      if (kept === undefined || kept.shape !== shape) continue;
      if (!sameStackShape(kept.state, state)) continue;
      const joined = join(kept.state, state, label.live, fresh);
      if (joined !== undefined) return { state: joined, shape, replaces: kept };
    }
  }
  return { state, shape, replaces: undefined };
}

/**
 * What is not read any more is no part of a kept state, nor of the path from it: through its links it could still rule out
 * a branch's side, while later states are compared in live registers only.
 */
export function dropDead(state: State, live: number): void {
  for (let index = 0; index < state.registers.length; index++) {
    if (((live >> index) & 1) === 0) state.registers[index] = UNINITIALIZED;
  }
}

/** Keeps a copy of `state`, open until all paths from it have been followed. */
export function keep(
  label: Label,
  state: State,
  marked: Marked,
  { shape, replaces }: Pick<ToKeep, "shape" | "replaces">,
  { bytes, loop }: Pick<Kept, "bytes" | "loop">,
): Kept {
  const hash = label.open === undefined ? 0 : fingerprint(state, label.live);
  const kept: Kept = {
    index: label.index,
    state: cloneState(state),
    marked,
    fingerprint: hash,
    shape,
    replaces,
    bytes,
    loop,
    needed: replaces !== undefined,
  };
  const alike = label.open?.get(hash);
  if (alike === undefined) label.open?.set(hash, [kept]);
  else alike.push(kept);
  if (label.open !== undefined) label.rounds.push(kept);
  label.openCount += 1;
  label.made += 1;
  return kept;
}

/**
 * All paths from a kept state have been followed: from now on it may cover others. Answers what is held no more: the state
 * that it replaces, and the oldest of too many.
 */
export function finish(label: Label, kept: Kept): number {
  close(label, kept);
  let bytes = 0;
  const old = kept.replaces === undefined ? -1 : label.finished.indexOf(kept.replaces);
  if (old >= 0) bytes += label.finished.splice(old, 1)[0]?.bytes ?? 0;
  kept.replaces = undefined;
  if (label.finished.length >= MOST_FINISHED) bytes += label.finished.shift()?.bytes ?? 0;
  label.finished.push(kept);
  return bytes;
}

/** The state is on the path being followed no more. The newest is closed first. */
export function close(label: Label, kept: Kept): void {
  const alike = label.open?.get(kept.fingerprint);
  alike?.pop();
  if (alike?.length === 0) label.open?.delete(kept.fingerprint);
  if (label.open !== undefined) label.rounds.pop();
  label.openCount -= 1;
}

/** Forgets a finished state; answers what is held no more. */
export function forget(label: Label, kept: Kept): number {
  const at = label.finished.indexOf(kept);
  return at < 0 ? 0 : (label.finished.splice(at, 1)[0]?.bytes ?? 0);
}

/** True if the two states are one, looking at everything: ids apart, neither says more than the other. */
export function same(a: State, b: State, live: number, everything: Needs): boolean {
  return covers(a, everything, b, live) && covers(b, everything, a, live);
}
