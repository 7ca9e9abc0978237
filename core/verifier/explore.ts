// Exploration by path: depth first, the side of a branch that falls through before the other. Ends because steps are
// counted. What is kept of states, and what of them mattered, is keep.ts' and marks.ts' business.
import type { Instruction } from "../isa/instruction.ts";
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { Analysis, AnalysisOptions, Invariant } from "./analysis.ts";
import { type Assertion, assertionTable } from "./assertion.ts";
import { assume, possible } from "./branch.ts";
import { check } from "./check.ts";
import { ALL_NEEDED, covers, takeLooked } from "./domain/cover.ts";
import { newValues, shapeOf } from "./domain/join.ts";
import { cloneState, register, type State } from "./domain/state.ts";
import { changedValues, clearChanged, clearTouched } from "./domain/touched.ts";
import { UNINITIALIZED } from "./domain/value.ts";
import { initialState } from "./entry.ts";
import { type Failing, Failures } from "./failures.ts";
import type { Finding } from "./finding.ts";
import { type Flow, flowOf } from "./flow.ts";
import { Held } from "./held.ts";
import { type Finished, invariantsOf } from "./invariants.ts";
import {
  close,
  dropDead,
  findCovering,
  finish,
  forget,
  type Kept,
  keep,
  type Label,
  makeLabel,
  openLike,
  same,
  stateToKeep,
} from "./keep.ts";
import {
  type Attempt,
  comeBack,
  exceeded,
  isRound,
  nextPlan,
  PLANS,
  rankOf,
  thresholdsOf,
  widened,
  withUnknown,
} from "./loop.ts";
import { Marks } from "./marks.ts";
import { isStrict } from "./strict.ts";
import { extended, type Trail } from "./trail.ts";
import { transfer } from "./transfer.ts";
import { freshId, type Ids } from "./transfer-alu.ts";
import { enterFrame, leaveFrame } from "./transfer-call.ts";
import { callbackPath } from "./transfer-callback.ts";
import type { Loop, Path, Work } from "./work.ts";

/** A state is kept only that many steps after the last one on its path (a loop shorter than that still meets itself). */
const STEPS_BETWEEN_STATES = 8;

/** If the budget ends with that many states of one label on the path, the loop is to blame rather than the size. */
const ROUNDS_OF_A_LOOP = 50;

/** So many states of a loop's head are followed exactly before its rounds are taken together; after a failure, more. */
const EXACT_ROUNDS = 16;
const MORE_ROUNDS = 4;
/** Steps and attempts at a head before its rounds are followed one by one again. */
const LOOP_STEPS = 100_000;
const LOOP_TRIES = 16;
/** Heads, or attempts at one, that may fail before no rounds are taken together. */
const MOST_GIVEN_UP = 3;
/** What of the budget may be spent on that. */
const SHARE_OF_LOOPS = 0.25;

/** What comparing two states costs in steps, and each slot and id looked at for it: counted, so that the budget bounds the time. */
const COMPARISON_STEPS = 0.25;
const LOOK_STEPS = 0.05;

/** A few changed values are part of any step; each of many counts as one. */
const FREE_CHANGES = 4;

const END = -1;

/** Where a path comes from that goes on where it was. */
const SAME_PLACE = -2;

/** A widened state is made anew: so many values in a frame, at most half of which are numbers of their own. */
const SLOTS_OF_A_FRAME = 32;

/** Ids of anchors lie below those that stand for constants in joins. */
const FIRST_ANCHOR = -2;

/**
 * A program with loops is first followed with their rounds taken together (loop.ts). Where that proves nothing each round is
 * followed for itself within what is left of the budget.
 */
export function explore(program: Program, options: AnalysisOptions): Analysis {
  const flow = flowOf(program);
  if (options.unrolled === true || !flow.cyclic.includes(1)) {
    return new Exploration(program, options, flow, false).run();
  }
  const { maximumSteps } = options;
  const together = new Exploration(
    program,
    { ...options, maximumSteps: Math.floor(maximumSteps * SHARE_OF_LOOPS) },
    flow,
    true,
  ).run();
  if (together.failure === undefined) return together;
  const left = { ...options, maximumSteps: maximumSteps - together.steps };
  const alone = new Exploration(program, left, flow, false).run();
  return { ...alone, steps: together.steps + alone.steps, states: together.states + alone.states };
}

class Exploration {
  readonly #program: Program;
  readonly #options: AnalysisOptions;
  readonly #strict: boolean;
  readonly #flow: Flow;
  readonly #assertionsAt: (index: number) => readonly Assertion[];
  readonly #labels: (Label | undefined)[];
  readonly #work: Work[] = [];
  readonly #ids: Ids = { next: 0 };
  readonly #held = new Held();
  /** In the order finished, if they are asked for. */
  readonly #finished: Finished[] | undefined;
  readonly #fresh = (): number => freshId(this.#ids);
  readonly #compared = (): void => {
    this.#comparisons += COMPARISON_STEPS + takeLooked() * LOOK_STEPS;
  };
  /** Loops being followed, the innermost last, and the states finished in them. */
  readonly #loops: Loop[] = [];
  readonly #inLoops: { readonly label: Label; readonly kept: Kept }[] = [];
  readonly #rounds = new Map<Label, number>();
  readonly #nextAnchor = (): number => this.#anchors--;
  #anchors = FIRST_ANCHOR;
  #loopCount = 0;
  #thresholds: readonly number[] | undefined;
  #steps = 0;
  #comparisons = 0;
  #states = 0;
  /** Of the path being followed: steps since its last kept state, marks, and the way it came. */
  #sinceKept = 0;
  #marks = new Marks();
  #trail: Trail | undefined;
  #first = 0;
  #last = -1;

  /** Rounds of loops are taken together, as long as that succeeds. */
  readonly #together: boolean;
  #givenUp = 0;

  constructor(program: Program, options: AnalysisOptions, flow: Flow, together: boolean) {
    this.#program = program;
    this.#options = options;
    this.#strict = isStrict(program, options.strict);
    this.#flow = flow;
    this.#together = together;
    this.#finished = options.keepInvariants === true ? [] : undefined;
    this.#assertionsAt = assertionTable(program);
    this.#labels = new Array(program.instructions.length);
  }

  run(): Analysis {
    const index = this.#program.subprograms[0]?.start ?? 0;
    const state = initialState(this.#program);
    this.#wait(index, -1, state, new Marks(), undefined);
    const failures = new Failures(this.#options.all === true);
    while (!failures.enough) {
      const work = this.#work.pop();
      if (work === undefined) break;
      if (work.kind === "finished") {
        this.#finish(work.label, work.kept);
        continue;
      }
      if (work.kind === "loop") {
        this.#endLoop(work.loop);
        continue;
      }
      const failing = this.#follow(work);
      if (failing === undefined || this.#failsInLoop()) continue;
      failures.add(failing, this.#way(), this.#spent());
      // What the failed check looked at mattered: a state that only looks like this one may pass it and fail elsewhere.
      this.#marks.takeTouched(failing.state.frames.length);
    }
    const result = { steps: this.#steps, states: this.#states };
    if (failures.found.length > 0) return { ...result, ...failures.facts() };
    return this.#finished === undefined ? result : { ...result, invariants: this.#invariants() };
  }

  /** How the path came to where it is. */
  #way(): Trail | undefined {
    return extended(this.#trail, this.#first, this.#last);
  }

  #finish(label: Label, kept: Kept, loop?: Loop): void {
    this.#held.release(finish(label, kept));
    const rank = loop && loop.returns > 0 ? rankOf(loop.widened) : undefined;
    if (rank !== undefined) kept.needed = true;
    this.#finished?.push({ kept, rank, first: loop?.listed ?? 0 });
    if (this.#loops.length > 0) this.#inLoops.push({ label, kept });
  }

  /** What fails in a loop whose rounds are taken together may hold in each: then they are followed one by one. */
  #failsInLoop(): boolean {
    if (this.#spent()) return false;
    const late = this.#lateLoop();
    const loop = late ?? this.#loops.at(-1);
    if (loop === undefined) return false;
    this.#retry(loop, late === undefined ? nextPlan(loop.attempt) : undefined);
    return true;
  }

  #lateLoop(): Loop | undefined {
    return this.#loops.find(({ mostSteps }) => this.#steps > mostSteps);
  }

  /** All paths from a loop's head have been followed. */
  #endLoop(loop: Loop): void {
    if (loop.returns === 0 || rankOf(loop.widened) !== undefined) {
      this.#loops.pop();
      this.#finish(loop.label, loop.kept, loop);
      if (this.#loops.length === 0) this.#inLoops.length = 0;
      return;
    }
    this.#work.push({ kind: "loop", loop });
    this.#retry(loop, nextPlan(loop.attempt));
  }

  /** Forgets all that followed from a loop's head, and goes on there with another attempt or, without one, exactly. */
  #retry(loop: Loop, attempt: Attempt | undefined): void {
    while (this.#work.length > loop.waiting) {
      const work = this.#work.pop();
      if (work?.kind === "path") this.#held.release(work.bytes);
      else if (work !== undefined) {
        const { label, kept } = work.kind === "loop" ? work.loop : work;
        close(label, kept);
        this.#held.release(kept.bytes);
      }
    }
    for (const { label, kept } of this.#inLoops.splice(loop.finished))
      this.#held.release(forget(label, kept));
    this.#finished?.splice(loop.listed);
    this.#loops.splice(this.#loops.indexOf(loop));
    const { label, origin, before, tries } = loop;
    const state = cloneState(origin.state);
    this.#marks = origin.marks.clone();
    this.#trail = origin.trail;
    this.#first = label.index;
    this.#last = label.index - 1;
    const again = tries < LOOP_TRIES && attempt !== undefined;
    if (!again || !this.#enterLoop(label, origin.from, state, before, attempt, tries + 1)) {
      const rounds = this.#around(label)?.rounds ?? this.#rounds;
      rounds.set(label, MORE_ROUNDS * (rounds.get(label) ?? EXACT_ROUNDS));
      if (this.#loops.length === 0) this.#givenUp += 1;
    }
    this.#wait(label.index, SAME_PLACE, state, this.#marks, this.#trail);
  }

  /** Starts to follow a loop once for all its rounds: `state` becomes that of any round. */
  #enterLoop(
    label: Label,
    from: number,
    state: State,
    before: State,
    attempt: Attempt,
    tries: number,
  ): boolean {
    this.#thresholds ??= thresholdsOf(this.#program);
    const thresholds = this.#thresholds;
    const origin = {
      from,
      state: cloneState(state),
      marks: this.#marks.clone(),
      trail: this.#way(),
    };
    for (let plan = attempt.plan; plan < PLANS; plan++) {
      const now = { ...attempt, plan };
      const made = widened(now, thresholds, before, state, label.live, this.#nextAnchor);
      if (made === undefined) continue;
      this.#held.made(made.anchors.length + state.frames.length * SLOTS_OF_A_FRAME);
      const marked = this.#marks.keep(state.frames.length, true);
      const holds = { bytes: this.#held.hold(), loop: this.#loopNumber() };
      const shape = { shape: shapeOf(made.state, label.live), replaces: undefined };
      const loop: Loop = {
        number: ++this.#loopCount,
        label,
        kept: keep(label, made.state, marked, shape, holds),
        widened: made,
        attempt: now,
        tries,
        before,
        origin,
        waiting: this.#work.length,
        finished: this.#inLoops.length,
        listed: this.#finished?.length ?? 0,
        mostSteps: this.#steps + LOOP_STEPS,
        rounds: new Map(),
        returns: 0,
      };
      this.#loops.push(loop);
      this.#work.push({ kind: "loop", loop });
      this.#states += 1;
      this.#sinceKept = 0;
      Object.assign(state, cloneState(made.start));
      return true;
    }
    return false;
  }

  #loopNumber(): number {
    return this.#loops.at(-1)?.number ?? 0;
  }

  /** The innermost loop being followed that this label lies in: heads come before bodies. A guess, for when to try. */
  #around(label: Label): Loop | undefined {
    return this.#loops.findLast((loop) => loop.label.index <= label.index);
  }

  /** Is the path at the end of a round of a loop that is being followed, or at a head to start with? */
  #meetLoop(label: Label, from: number, state: State): "covered" | undefined {
    const loop = this.#loops.findLast((open) => open.label === label);
    if (loop !== undefined) {
      const isCovered = covers(loop.widened.state, ALL_NEEDED, state, label.live);
      this.#compared();
      if (isCovered) {
        comeBack(loop.widened, state);
        loop.returns += 1;
        this.#marks.coveredBy(ALL_NEEDED);
        return "covered";
      }
      if (isRound(loop.widened, state)) {
        this.#retry(loop, withUnknown(loop.attempt, exceeded(loop.widened, state, label.live)));
        return "covered";
      }
    }
    const { rounds, number } = this.#around(label) ?? { rounds: this.#rounds, number: 0 };
    const enough = rounds.get(label) ?? EXACT_ROUNDS;
    const recent = label.rounds.at(-enough);
    if (recent === undefined || recent.loop < number) return undefined;
    // With the first round in it, what waits since the rounds before is covered too.
    const before = label.rounds.find((kept) => kept.loop >= number) ?? recent;
    const attempt = { plan: 0, unknown: new Set<string>() };
    if (!this.#enterLoop(label, from, state, before.state, attempt, 1))
      rounds.set(label, MORE_ROUNDS * enough);
    return undefined;
  }

  #spent(): boolean {
    return (
      this.#givenUp > MOST_GIVEN_UP ||
      this.#held.isTooMuch ||
      this.#steps + this.#comparisons > this.#options.maximumSteps
    );
  }

  /** A path is to be followed later. */
  #wait(index: number, from: number, state: State, marks: Marks, trail: Trail | undefined): void {
    this.#work.push({ kind: "path", index, from, state, marks, trail, bytes: this.#held.hold() });
  }

  #invariants(): Invariant[] {
    return invariantsOf(this.#finished ?? [], this.#flow.live);
  }

  /** Follows one path to its end; the other side of each branch waits in #work. */
  #follow({ index: start, from: cameFrom, state, marks, trail, bytes }: Path): Failing | undefined {
    const { instructions } = this.#program;
    this.#held.release(bytes);
    let index = start;
    let from = cameFrom;
    this.#sinceKept = STEPS_BETWEEN_STATES;
    this.#marks = marks;
    this.#trail = trail;
    this.#first = start;
    this.#last = start - 1;
    while (index >= 0) {
      const instruction = instructions[index];
      if (instruction === undefined) return { index: from, finding: fallThrough(this.#program), state };
      if (this.#flow.meets[index] === 1 && from !== SAME_PLACE) {
        const met = this.#meet(index, from, state);
        if (met === "covered") return undefined;
        if (met !== undefined) return met;
      }
      const failure = this.#before(index, from, instruction, state);
      if (failure !== undefined) return failure;
      from = index;
      index = this.#move(index, instruction, state);
    }
    return undefined;
  }

  /** Counts the step and checks what must hold before the instruction. */
  #before(index: number, from: number, instruction: Instruction, state: State): Failing | undefined {
    this.#steps += 1;
    this.#sinceKept += 1;
    if (index !== this.#last + 1) {
      this.#trail = this.#way();
      this.#first = index;
    }
    this.#last = index;
    this.#options.observe?.(index, state, from);
    if (instruction.kind !== "jump") this.#held.made(1);
    if (this.#spent() || this.#lateLoop() !== undefined) return this.#exhausted(index, state);
    clearTouched();
    for (const assertion of this.#assertionsAt(index)) {
      const finding = check(this.#program, state, assertion, this.#strict);
      if (finding !== undefined) return { index, finding, state };
    }
    this.#marks.decided(this.#program, instruction, state);
    this.#marks.takeTouched(state.frames.length);
    return undefined;
  }

  /** Moves the state over the instruction; answers where the path goes on, or END. */
  #move(index: number, instruction: Instruction, state: State): number {
    const marks = this.#marks;
    switch (instruction.kind) {
      case "exit": {
        const next = leaveFrame(state);
        if (next >= 0) marks.leaveFrame();
        return next;
      }
      case "jump":
        return this.#jump(instruction, index, this.#program.targets[index] ?? END, state);
      case "call":
        if (instruction.target.kind === "local") {
          marks.enterFrame(state.frames.length);
          enterFrame(state, index + 1, this.#flow.live[index + 1] ?? 0xffff);
          return this.#program.targets[index] ?? END;
        }
        this.#followCallback(index, instruction, state);
        break;
      default:
    }
    const based = instruction.kind === "load" || instruction.kind === "store";
    const base = based ? register(state, instruction.base) : UNINITIALIZED;
    transfer(this.#program, this.#ids, state, index);
    marks.step(instruction, base, state);
    marks.takeTouched(state.frames.length);
    return index + 1;
  }

  /**
   * If the helper takes a function of the program, that one is followed too, in a frame of its own. Sound: everything in
   * the states that this path has kept then counts as having mattered, so the callback's path needs no marks of theirs.
   */
  #followCallback(
    index: number,
    { target }: Extract<Instruction, { readonly kind: "call" }>,
    state: State,
  ): void {
    if (target.kind !== "helper") return;
    const helper = findHelper(this.#program.platform, target.id, this.#program.type.name);
    const path = helper && callbackPath(this.#program, this.#ids, state, helper);
    if (path === undefined) return;
    this.#marks.coveredBy(ALL_NEEDED);
    const trail = this.#way();
    this.#wait(path.start, index, path.state, new Marks(), trail);
  }

  #exhausted(index: number, state: State): Failing {
    let worst: Label | undefined;
    for (const label of this.#labels) {
      if (label !== undefined && label.openCount > (worst?.openCount ?? 0)) worst = label;
    }
    if (worst !== undefined && worst.openCount >= ROUNDS_OF_A_LOOP) {
      return { index: worst.from, finding: { code: "LoopNotBounded", rounds: worst.openCount }, state };
    }
    return { index, finding: { code: "TooComplex", count: this.#steps, unit: "step" }, state };
  }

  /** Where paths meet: is this one already covered, does it go round for ever, or is its state to be kept? */
  #meet(index: number, from: number, state: State): "covered" | Failing | undefined {
    const label = this.#labelAt(index, from);
    if (this.#together && label.open !== undefined) {
      const entered = this.#loopCount;
      if (this.#meetLoop(label, from, state) === "covered") return "covered";
      if (this.#loopCount > entered) return undefined;
    }
    const covering = findCovering(label, state, this.#compared);
    if (covering !== undefined) {
      this.#marks.coveredBy(covering.marked.needs);
      return "covered";
    }
    for (const known of openLike(label, state)) {
      const isSame = same(known.state, state, label.live, ALL_NEEDED);
      this.#compared();
      // The same state again, on the way from itself: the program can go round like this for ever.
      if (isSame) {
        return { index: from, finding: { code: "LoopNotBounded", rounds: 0 }, state };
      }
    }
    // Where a loop has been entered since, its rounds count at the heads around it.
    const last = label.rounds.at(-1);
    const inNewLoop = last !== undefined && last.loop < this.#loopNumber();
    if (inNewLoop || this.#sinceKept >= spacing(label)) this.#keep(label, state);
    return undefined;
  }

  #labelAt(index: number, from: number): Label {
    let label = this.#labels[index];
    if (label === undefined) {
      label = makeLabel(this.#flow, index, from);
      this.#labels[index] = label;
    }
    if (from >= 0 && this.#program.instructions[from]?.kind === "jump") label.from = from;
    return label;
  }

  /** Keeps the state or, from the third one on, its join with one of the same shape; the path goes on with that. */
  #keep(label: Label, state: State): void {
    const next = stateToKeep(label, state, this.#fresh);
    if (next.replaces !== undefined) {
      Object.assign(state, next.state);
      this.#held.made(newValues(state, next.replaces.state));
    } else dropDead(state, label.live);
    const marked = this.#marks.keep(state.frames.length, this.#options.exact === true);
    const holds = { bytes: this.#held.hold(), loop: this.#loopNumber() };
    const kept = keep(label, state, marked, next, holds);
    this.#work.push({ kind: "finished", label, kept });
    this.#states += 1;
    this.#sinceKept = 0;
  }

  /** Where the path goes on after a jump, with `state` narrowed; the other side is queued. END: no side is possible. */
  #jump(
    instruction: Extract<Instruction, { readonly kind: "jump" }>,
    index: number,
    target: number,
    state: State,
  ): number {
    const { condition } = instruction;
    if (condition === undefined) return target;
    const marks = this.#marks;
    let takes = possible(state, instruction, condition, true);
    let falls = possible(state, instruction, condition, false);
    const taken = takes && falls ? cloneState(state) : state;
    const takenMarks = takes && falls ? marks.clone() : marks;
    clearChanged();
    if (!(takes && falls)) marks.oneSided(condition.left, condition.right);
    if (takes) takes = this.#narrow(taken, takenMarks, instruction, condition, true);
    if (falls) falls = this.#narrow(state, marks, instruction, condition, false);
    if (takes && falls) {
      const trail = this.#way();
      this.#wait(target, index, taken, takenMarks, trail);
      return index + 1;
    }
    if (falls) return index + 1;
    if (!takes) return END;
    if (taken !== state) {
      Object.assign(state, taken);
      this.#marks = takenMarks;
    }
    return target;
  }

  /** One side of a branch; false: what is linked to the operands rules it out. */
  #narrow(
    side: State,
    marks: Marks,
    instruction: Extract<Instruction, { readonly kind: "jump" }>,
    condition: NonNullable<typeof instruction.condition>,
    outcome: boolean,
  ): boolean {
    const numbers = register(side, condition.left).kind === "number";
    const { packet, metadata } = side;
    clearChanged();
    if (!assume(side, instruction, condition, outcome)) {
      this.#marks.oneSided(condition.left, condition.right);
      return false;
    }
    const changed = changedValues();
    this.#comparisons += Math.max(0, changed - FREE_CHANGES);
    this.#held.made(changed);
    if (numbers) marks.narrowed(condition.left, condition.right);
    if (side.packet !== packet) marks.provedPacket();
    if (side.metadata !== metadata) marks.provedMetadata();
    return true;
  }
}

/**
 * Steps between states kept on one path. The more rounds of a loop are open the fewer are kept, so that memory stays
 * small; a loop that comes round still meets one of them, only later.
 */
function spacing(label: Label): number {
  return STEPS_BETWEEN_STATES * (1 + (label.openCount >> 6));
}

function fallThrough(program: Program): Finding {
  return { code: "FallThrough", name: program.name };
}
