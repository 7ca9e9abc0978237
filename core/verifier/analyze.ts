// Exploration by path: follows every path that the states allow, drops a path where a finished state covers it, and
// stops at the first assertion that does not hold. It ends because steps are counted.
//
// Why accepting is sound: every path from the entry state is followed to its exit, or to a label where a *finished* state
// (one whose paths have all been followed) covers it; so every concrete run satisfies every assertion on its way, and ends.
import type { Instruction } from "../isa/instruction.ts";
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { type Assertion, assertionsOf } from "./assertion.ts";
import { assume } from "./branch.ts";
import { check } from "./check.ts";

import { cloneState, covers, fingerprint, type State } from "./domain/state.ts";

import { initialState } from "./entry.ts";
import type { Finding } from "./finding.ts";
import { type Flow, flowOf } from "./flow.ts";
import { isStrict } from "./strict.ts";
import { extended, pathTo, type Stretch, type Trail } from "./trail.ts";
import { transfer } from "./transfer.ts";
import type { Ids } from "./transfer-alu.ts";
import { enterFrame, leaveFrame } from "./transfer-call.ts";
import { callbackPath } from "./transfer-callback.ts";

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
}

type Failing = Omit<AnalysisFailure, "path">;

/** A path still to be followed. */
interface Path {
  readonly kind: "path";
  readonly index: number;
  readonly from: number;
  readonly state: State;
  readonly trail: Trail | undefined;
}

/** A path still to be followed, or the mark that all paths from a kept state have been. */
type Work = Path | { readonly kind: "finished"; readonly label: Label; readonly kept: Kept };

interface Kept {
  readonly state: State;
  readonly fingerprint: number;
}

/** The states kept at one instruction where paths meet. */
interface Label {
  /** All their paths have been followed: they may cover others. The newest last. */
  readonly finished: State[];
  /** They are on the path being followed, by fingerprint: one that comes again is a loop without end. */
  readonly open: Map<number, State[]>;
  openCount: number;
  /** The instruction from which it was reached last. */
  from: number;
}

/** Finished states kept at one label; the oldest, from deepest in the exploration, go first. */
const MOST_FINISHED = 64;

/** A state is kept only that many steps after the last one on its path (a loop shorter than that still meets itself). */
const STEPS_BETWEEN_STATES = 8;

/** If the budget ends with that many states of one label on the path, the loop is to blame rather than the size. */
const ROUNDS_OF_A_LOOP = 50;

/** Comparing two states costs about a quarter of a step a frame; counted, so that the budget bounds the time. */
const COMPARISON_STEPS = 0.25;

export function analyze(program: Program, options: AnalysisOptions): Analysis {
  return new Exploration(program, options).run();
}

class Exploration {
  readonly #program: Program;
  readonly #options: AnalysisOptions;
  readonly #strict: boolean;
  readonly #flow: Flow;
  /** By instruction, made when it is first followed. */
  readonly #assertions: (readonly Assertion[] | undefined)[];
  readonly #labels: (Label | undefined)[];
  readonly #work: Work[] = [];
  readonly #ids: Ids = { next: 0 };
  #steps = 0;
  #comparisons = 0;
  #states = 0;
  #sinceKept = 0;
  /** How the path being followed came to where its present stretch starts. */
  #trail: Trail | undefined;
  #stretch: Stretch = { first: 0, last: -1 };

  constructor(program: Program, options: AnalysisOptions) {
    this.#program = program;
    this.#options = options;
    this.#strict = isStrict(program, options.strict);
    this.#flow = flowOf(program);
    this.#assertions = new Array(program.instructions.length);
    this.#labels = new Array(program.instructions.length);
  }

  run(): Analysis {
    const start = this.#program.subprograms[0]?.start ?? 0;
    const state = initialState(this.#program);
    this.#work.push({ kind: "path", index: start, from: -1, state, trail: undefined });
    let failure: Failing | undefined;
    while (failure === undefined) {
      const work = this.#work.pop();
      if (work === undefined) break;
      if (work.kind === "finished") finish(work.label, work.kept);
      else failure = this.#follow(work);
    }
    const result = { steps: this.#steps, states: this.#states };
    if (failure === undefined) return result;
    const path = pathTo(extended(this.#trail, this.#stretch));
    return { ...result, failure: { ...failure, path } };
  }

  /** Follows one path to its end; the other side of each branch waits in #work. */
  #follow({ index: start, from: cameFrom, state, trail }: Path): Failing | undefined {
    const { instructions, targets } = this.#program;
    let index = start;
    let from = cameFrom;
    this.#sinceKept = STEPS_BETWEEN_STATES;
    this.#trail = trail;
    this.#stretch = { first: start, last: start - 1 };
    for (;;) {
      const instruction = instructions[index];
      if (instruction === undefined) return { index: from, finding: fallThrough(this.#program), state };
      if (this.#flow.meets[index] === 1) {
        const met = this.#meet(index, from, state);
        if (met === "covered") return undefined;
        if (met !== undefined) return met;
      }
      const failure = this.#step(index, state);
      if (failure !== undefined) return failure;
      from = index;
      switch (instruction.kind) {
        case "exit":
          index = leaveFrame(state);
          if (index < 0) return undefined;
          break;
        case "jump": {
          const next = this.#jump(instruction, index, targets[index] ?? -1, state);
          if (next < 0) return undefined;
          index = next;
          break;
        }
        case "call":
          if (instruction.target.kind === "local") {
            enterFrame(state, index + 1, this.#flow.live[index + 1] ?? 0xffff);
            index = targets[index] ?? -1;
            break;
          }
          this.#followCallback(index, instruction, state);
          transfer(this.#program, this.#ids, state, index);
          index += 1;
          break;
        default:
          transfer(this.#program, this.#ids, state, index);
          index += 1;
      }
    }
  }

  /** If the helper takes a function of the program, that one is followed too, in a frame of its own. */
  #followCallback(
    index: number,
    { target }: Extract<Instruction, { readonly kind: "call" }>,
    state: State,
  ): void {
    if (target.kind !== "helper") return;
    const helper = findHelper(this.#program.platform, target.id, this.#program.type.name);
    const path = helper && callbackPath(this.#program, this.#ids, state, helper);
    if (path === undefined) return;
    const trail = extended(this.#trail, this.#stretch);
    this.#work.push({ kind: "path", index: path.start, from: index, state: path.state, trail });
  }

  /** Counts the step and checks what must hold before the instruction. */
  #step(index: number, state: State): Failing | undefined {
    this.#steps += 1;
    this.#sinceKept += 1;
    if (index === this.#stretch.last + 1) this.#stretch.last = index;
    else {
      this.#trail = extended(this.#trail, this.#stretch);
      this.#stretch = { first: index, last: index };
    }
    this.#options.observe?.(index, state);
    if (this.#steps + this.#comparisons > this.#options.maximumSteps) return this.#exhausted(index, state);
    for (const assertion of this.#assertionsAt(index)) {
      const finding = check(this.#program, state, assertion, this.#strict);
      if (finding !== undefined) return { index, finding, state };
    }
    return undefined;
  }

  #assertionsAt(index: number): readonly Assertion[] {
    let assertions = this.#assertions[index];
    if (assertions === undefined) {
      const { instructions, platform, type } = this.#program;
      const instruction = instructions[index];
      assertions = instruction === undefined ? [] : assertionsOf(instruction, platform, type.name);
      this.#assertions[index] = assertions;
    }
    return assertions;
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
    const live = this.#flow.live[index] ?? 0xffff;
    let label = this.#labels[index];
    if (label === undefined) {
      label = { finished: [], open: new Map(), openCount: 0, from };
      this.#labels[index] = label;
    }
    if (from >= 0 && this.#program.instructions[from]?.kind === "jump") label.from = from;
    for (let at = label.finished.length - 1; at >= 0; at--) {
      const known = label.finished[at];
      this.#comparisons += COMPARISON_STEPS * state.frames.length;
      if (known !== undefined && covers(known, state, live)) return "covered";
    }
    const hash = fingerprint(state, live);
    for (const known of label.open.get(hash) ?? []) {
      this.#comparisons += COMPARISON_STEPS * state.frames.length;
      // The same state again, on the way from itself: the program can go round like this for ever.
      if (covers(known, state, live) && covers(state, known, live)) {
        return { index: from, finding: { code: "LoopNotBounded", rounds: 0 }, state };
      }
    }
    if (this.#sinceKept >= spacing(label)) this.#keep(label, state, hash);
    return undefined;
  }

  #keep(label: Label, state: State, hash: number): void {
    const kept: Kept = { state: cloneState(state), fingerprint: hash };
    const open = label.open.get(hash);
    if (open === undefined) label.open.set(hash, [kept.state]);
    else open.push(kept.state);
    label.openCount += 1;
    this.#work.push({ kind: "finished", label, kept });
    this.#states += 1;
    this.#sinceKept = 0;
  }

  /** Where the path goes on after a jump, with `state` narrowed; the other side is queued. -1: no side is possible. */
  #jump(
    instruction: Extract<Instruction, { readonly kind: "jump" }>,
    index: number,
    target: number,
    state: State,
  ): number {
    const { condition } = instruction;
    if (condition === undefined) return target;
    const taken = cloneState(state);
    const takenPossible = assume(taken, instruction, condition, true);
    const nextPossible = assume(state, instruction, condition, false);
    if (takenPossible && nextPossible) {
      const trail = extended(this.#trail, this.#stretch);
      this.#work.push({ kind: "path", index: target, from: index, state: taken, trail });
      return index + 1;
    }
    if (nextPossible) return index + 1;
    if (!takenPossible) return -1;
    Object.assign(state, taken);
    return target;
  }
}

/**
 * Steps between states kept on one path. The more rounds of a loop are open the fewer are kept, so that memory stays
 * small; a loop that comes round still meets one of them, only later.
 */
function spacing(label: Label): number {
  return STEPS_BETWEEN_STATES * (1 + (label.openCount >> 6));
}

/** All paths from a kept state have been followed: from now on it may cover others. */
function finish(label: Label, kept: Kept): void {
  const open = label.open.get(kept.fingerprint);
  open?.pop();
  if (open?.length === 0) label.open.delete(kept.fingerprint);
  label.openCount -= 1;
  if (label.finished.length >= MOST_FINISHED) label.finished.shift();
  label.finished.push(kept.state);
}

function fallThrough(program: Program): Finding {
  return { code: "FallThrough", name: program.name };
}
