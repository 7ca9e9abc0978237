// Fewer states for a certificate, so that it is checked sooner: of two at one instruction one that says less than either,
// wherever the checker's own steps find that it is enough. Searches and proves nothing: what comes out is checked again.
import { covers } from "../certificate/cover.ts";
import { type Choose, Follower, type Listed } from "../certificate/follow.ts";
import { Refusal } from "../certificate/program.ts";
import type { State as CheckedState } from "../certificate/state.ts";
import type { Program } from "../program/program.ts";
import { join } from "./domain/join.ts";
import { constantValue, ranges } from "./domain/range.ts";
import { mapSlots, slotAt } from "./domain/slots.ts";
import { numberMask, type Slot } from "./domain/stack.ts";
import { type State, stackOf } from "./domain/state.ts";
import { numberValue, UNINITIALIZED, type Value } from "./domain/value.ts";
import { renumbered } from "./encode.ts";
import { translated } from "./translate.ts";

/** A state as the certificate lists it and as the analysis kept it, at its place in the order. */
export interface Mergeable extends Listed {
  readonly number: number;
  state: CheckedState;
  domain: State;
}

/** With so many of an instruction, the newest, a state is joined. */
const MOST_TRIES = 4;
/** Steps from one state; how many more from a join than from both that it stands for; and of a program altogether. */
const MOST_STEPS = 1000;
const MORE_STEPS = 150;
const MOST_STEPS_ALTOGETHER = 2_000_000;

/**
 * The states that are left, in their order. A join takes the place of the first state that it stands for: whoever is
 * covered by that one is covered by the join. Those that `isFixed` stay as they are.
 */
export function merged<Candidate extends Mergeable>(
  program: Program,
  strict: boolean,
  list: readonly Candidate[],
  isFixed: (one: Candidate) => boolean,
): readonly Candidate[] {
  const search = new Search(program, strict);
  return list.filter((one) => {
    if (!isFixed(one) && search.isMerged(one)) return false;
    search.list(one, isFixed(one));
    return true;
  });
}

class Search {
  readonly #program: Program;
  readonly #follower: Follower;
  readonly #limits = { steps: 0 };
  #left = MOST_STEPS_ALTOGETHER;
  /** Of those that may be joined, by instruction. */
  readonly #open = new Map<number, Mergeable[]>();
  readonly #steps = new Map<Mergeable, number>();
  #id = FIRST_ID;

  constructor(program: Program, strict: boolean) {
    this.#program = program;
    this.#follower = new Follower(program, strict, this.#limits);
  }

  list(one: Mergeable, isFixed: boolean): void {
    this.#follower.list(one);
    if (isFixed) return;
    const alike = this.#open.get(one.index);
    if (alike === undefined) this.#open.set(one.index, [one]);
    else alike.push(one);
  }

  /** Is the state one with an earlier one, as that is or as it now becomes? */
  isMerged(one: Mergeable): boolean {
    const alike = this.#open.get(one.index) ?? [];
    if (alike.some(({ state }) => covers(state, one.state))) return true;
    const own = this.#stepsFrom(one.index, one.state, one.number, MOST_STEPS) ?? 0;
    this.#steps.set(one, own);
    return alike.slice(-MOST_TRIES).some((other) => this.#join(other, one, own));
  }

  #join(other: Mergeable, one: Mergeable, own: number): boolean {
    const domain = looseJoin(other.domain, one.domain, () => this.#id++);
    const known = domain && translated(this.#program.platform, domain);
    if (domain === undefined || known === undefined) return false;
    const state = renumbered(known);
    if (!covers(state, one.state)) return false;
    const most = (this.#steps.get(other) ?? 0) + own + MORE_STEPS;
    const steps = this.#stepsFrom(one.index, state, other.number, most);
    if (steps === undefined) return false;
    other.state = state;
    other.domain = domain;
    this.#steps.set(other, steps);
    return true;
  }

  /** Steps from a state at that place to where its paths end or are covered; undefined: more, or it is not safe. */
  #stepsFrom(index: number, state: CheckedState, number: number, most: number): number | undefined {
    const limit = Math.min(most, this.#left);
    this.#limits.steps = limit;
    const choose: Choose = (_, reached, before) =>
      before.findLast((one) => (one as Mergeable).number < number && covers(one.state, reached));
    try {
      this.#follower.follow({ index, state }, [], choose);
      return limit - this.#limits.steps;
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    } finally {
      this.#left -= limit - Math.max(this.#limits.steps, 0);
    }
  }
}

/** Above all ids that an analysis gives. */
const FIRST_ID = 2 ** 30;

/** The join of two states, also of such that are not of one shape: what differs in kind is nothing, constants are a range. */
function looseJoin(a: State, b: State, fresh: () => number): State | undefined {
  let live = 0;
  const pairs = a.registers.map((left, at): readonly [Value, Value] => {
    const right = b.registers[at] ?? UNINITIALIZED;
    if (left.kind !== right.kind) return [UNINITIALIZED, UNINITIALIZED];
    live |= 1 << at;
    if (left.kind !== "number" || right.kind !== "number") return [left, right];
    if (constantValue(left.range) === constantValue(right.range)) return [left, right];
    const range = numberValue(ranges.hull(left.range, right.range));
    return [range, range];
  });
  return join(alikePart(a, b, pairs, 0), alikePart(b, a, pairs, 1), live, fresh);
}

function alikePart(
  state: State,
  other: State,
  pairs: readonly (readonly [Value, Value])[],
  side: 0 | 1,
): State {
  const frames = state.frames.map((frame, depth) => {
    const there = stackOf(other, depth);
    const stack = mapSlots(frame.stack, (slot, at) => (isAlike(slot, slotAt(there, at)) ? slot : undefined));
    return { ...frame, stack };
  });
  return { ...state, registers: pairs.map((pair) => pair[side]), frames };
}

function isAlike(a: Slot | undefined, b: Slot | undefined): boolean {
  return (a === undefined) === (b === undefined) && numberMask(a) === numberMask(b);
}
