// From one state every path is followed once, until it is said that a state listed before covers it, and it does. Nothing
// is searched; what is not understood is refused. Who says where a path ends (hints of a certificate, or whoever makes one)
// is not this file's business.
import type { Instruction, JumpInstruction } from "../isa/instruction.ts";
import type { Helper } from "../platform/platform.ts";
import { alu, assume, byteSwap, copied, mov, neg, outcomes } from "./arithmetic.ts";
import { callHelper, helperOf, loadPacket } from "./call.ts";
import { callbackState, checkCallbackEnd, forgetRounds } from "./callback.ts";
import { covers } from "./cover.ts";
import { atomic, type Checker, immediate, load, store } from "./memory.ts";
import { constant, type NumberValue } from "./number.ts";
import { type CheckedProgram, entryOf, initialState, refuse } from "./program.ts";
import { hasMoved, type Rank, roundOf } from "./rank.ts";
import { copyState, emptyFrame, MOST_FRAMES, mapValues, read, type State, type Value } from "./state.ts";

/** A state that the certificate lists: every run that is at `index` in it is safe from there on, and ends. */
export interface Listed {
  readonly index: number;
  readonly state: State;
  /** Of the head of a loop: why that ends. */
  readonly rank?: Rank;
}

/**
 * Says where a path ends: which of the states listed for the instruction covers this one (undefined: it goes on).
 * `before` are those that may, in the order of the list.
 */
export type Choose = (index: number, state: State, before: readonly Listed[]) => Listed | undefined;

export interface Limits {
  /** Instructions that may still be followed, over all paths. */
  steps: number;
  /** Called with the state before each instruction; it must not keep or change the state. */
  readonly observe?: (index: number, state: State) => void;
}

/** Paths from one state that wait while another is followed. */
const MOST_WAITING = 4096;
/** Ids of listed states are below. */
export const FIRST_FRESH = 2 ** 24;

interface Path {
  readonly index: number;
  readonly state: State;
}

/** Follows the paths of one program from one state after the other. Refusal if something does not hold. */
export class Follower implements Checker {
  readonly program: CheckedProgram;
  readonly strict: boolean;
  readonly limits: Limits;
  /** The states checked so far, by instruction. */
  readonly #listed: (Listed[] | undefined)[];
  #next = FIRST_FRESH;
  /** By instruction, looked up once. */
  readonly #helpers: (Helper | undefined)[];
  #waiting: Path[] = [];
  #open: readonly Listed[] = [];

  constructor(program: CheckedProgram, strict: boolean, limits: Limits) {
    this.program = program;
    // Only Linux lets those who may load programs do more.
    this.strict = strict || program.platform.name !== "linux";
    this.limits = limits;
    this.#listed = new Array(program.instructions.length);
    this.#helpers = new Array(program.instructions.length);
  }

  readonly fresh = (): number => this.#next++;

  /** The states listed so far for an instruction. */
  before(index: number): readonly Listed[] | undefined {
    return this.#listed[index];
  }

  /** Follows every path from a state. `open`: the loops in whose rounds that is, `from` too if it is a loop's head. */
  follow(from: Listed, open: readonly Listed[], choose: Choose): void {
    const { index, state, rank } = from;
    this.#next = FIRST_FRESH;
    this.#open = open;
    this.#waiting = [{ index, state: rank === undefined ? copyState(state) : roundOf(state, rank) }];
    let first = true;
    for (let path = this.#waiting.pop(); path !== undefined; path = this.#waiting.pop()) {
      this.#followPath(path, choose, first);
      first = false;
    }
  }

  /** May a path end at that state? If its loop is open then only if the number has moved: another round is yet to come. */
  isEnd(listed: Listed, state: State): boolean {
    if (!covers(listed.state, state)) return false;
    const { rank } = listed;
    return rank === undefined || !this.#open.includes(listed) || hasMoved(rank, listed.state, state);
  }

  /** The state may cover others from now on: it has been followed, or will have been before this counts. */
  list(listed: Listed): void {
    const known = this.#listed[listed.index];
    if (known === undefined) this.#listed[listed.index] = [listed];
    else known.push(listed);
  }

  /** Follows every path from the entry. */
  enter(choose: Choose): void {
    const index = this.program.subprograms[0]?.start ?? refuse("no function");
    this.follow({ index, state: initialState(this.program) }, [], choose);
  }

  #followPath({ index: start, state }: Path, choose: Choose, first: boolean): void {
    const { instructions } = this.program;
    let isStart = first;
    for (let index = start; index >= 0; ) {
      const before = isStart ? undefined : this.#listed[index];
      isStart = false;
      if (before !== undefined && !inCallback(state)) {
        const covering = choose(index, state, before);
        if (covering !== undefined) {
          if (!this.isEnd(covering, state)) refuse(`instruction ${index}: the state is not covered`);
          return;
        }
      }
      const instruction = instructions[index] ?? refuse(`control runs past the end at ${index}`);
      this.limits.steps -= 1;
      if (this.limits.steps < 0) refuse("more steps than the certificate may take");
      this.limits.observe?.(index, state);
      index = this.#step(index, instruction, state);
    }
  }

  /** Checks the instruction, changes the state and answers where the path goes on; -1: nowhere. */
  #step(index: number, instruction: Instruction, state: State): number {
    switch (instruction.kind) {
      case "alu":
        return this.#set(index, state, instruction.destination, alu(this, state, instruction));
      case "mov":
        return this.#set(index, state, instruction.destination, mov(this, state, instruction));
      case "neg":
        return this.#set(index, state, instruction.destination, neg(state, instruction));
      case "byteSwap":
        return this.#set(index, state, instruction.destination, byteSwap(state, instruction));
      case "load":
        return this.#set(index, state, instruction.destination, load(this, state, instruction));
      case "loadImmediate":
        return this.#set(index, state, instruction.destination, immediate(this.program, instruction, index));
      case "store": {
        const { source } = instruction;
        const value =
          source.kind === "immediate" ? constant(source.value) : copied(this, state, source.register);
        store(this, state, instruction, value);
        return index + 1;
      }
      case "atomic":
        if (instruction.fetch && instruction.source === 10) refuse("r10 is written");
        atomic(this, state, instruction);
        return index + 1;
      case "loadPacket":
        loadPacket(this, state, instruction);
        return index + 1;
      case "jump":
        return this.#jump(index, instruction, state);
      case "exit":
        return this.#exit(state);
      case "call":
        switch (instruction.target.kind) {
          case "helper":
            return this.#helper(index, instruction.target.id, state);
          case "local":
            return this.#call(index, state);
          default:
            return refuse("a call of that kind");
        }
    }
  }

  #set(index: number, state: State, register: number, value: Value): number {
    if (register > 9) refuse("r10 is written");
    state.registers[register] = value;
    return index + 1;
  }

  #jump(index: number, jump: JumpInstruction, state: State): number {
    const target = this.program.targets[index] ?? -1;
    if (target < 0 || target >= this.program.instructions.length) refuse("a jump out of the program");
    if (jump.condition === undefined) return target;
    const compared = outcomes(this, state, jump.condition, jump.width);
    if (compared.fallen === undefined) return assume(state, compared, true) ? target : -1;
    if (compared.taken !== undefined) {
      const other = copyState(state);
      if (assume(other, compared, true)) this.#wait({ index: target, state: other });
    }
    return assume(state, compared, false) ? index + 1 : -1;
  }

  #wait(path: Path): void {
    if (this.#waiting.length >= MOST_WAITING) refuse("too many paths wait");
    this.#waiting.push(path);
  }

  #call(index: number, state: State): number {
    const target = this.program.targets[index] ?? -1;
    if (!this.program.subprograms.some(({ start }) => start === target)) refuse("a call of no function");
    if (state.frames.length >= MOST_FRAMES) refuse("too many frames");
    const saved = state.registers.slice(6);
    for (const register of [0, 6, 7, 8, 9]) state.registers[register] = undefined;
    state.frames.push(emptyFrame(index + 1, saved));
    return target;
  }

  #helper(index: number, id: number, state: State): number {
    let helper = this.#helpers[index];
    if (helper === undefined) {
      helper = helperOf(this, id);
      this.#helpers[index] = helper;
    }
    const at = helper.arguments.findIndex(({ kind }) => kind === "callback");
    const known = helper;
    if (at < 0) callHelper(this, state, helper, () => {});
    else {
      if (state.frames.length >= MOST_FRAMES) refuse("too many frames");
      const path = callbackState(this, state, helper, at);
      const { start } = path;
      callHelper(this, state, helper, () => forgetRounds(this, state, known, at));
      this.#wait({ index: start, state: path.state });
    }
    return index + 1;
  }

  #exit(state: State): number {
    const frame = state.frames.pop() ?? refuse("no frame");
    if (frame.callback !== undefined) {
      checkCallbackEnd(state, frame.callback);
      return -1;
    }
    const depth = state.frames.length;
    if (depth === 0) {
      if (state.references.length > 0) refuse("a reference is held at the end");
      if (!entryOf(this.program).returnsNothing) this.#checkResult(read(state, 0));
      return -1;
    }
    for (let register = 1; register <= 5; register++) state.registers[register] = undefined;
    for (let at = 0; at < 4; at++) state.registers[6 + at] = frame.saved[at];
    // Its stack is gone, and so is every pointer into it.
    mapValues(state, (value) =>
      value.kind === "pointer" && value.place === "stack" && value.which >= depth ? undefined : value,
    );
    return frame.returnTo;
  }

  #checkResult(value: Value): void {
    const range = this.program.type.returnRange;
    if (value === undefined) refuse("r0 is not initialised at the end");
    if (value.kind === "pointer") {
      if (this.strict || range !== undefined) refuse("an address is returned");
    } else if (range !== undefined && !isWithin(value, range.minimum, range.maximum)) {
      refuse("the result is not one that the hook takes");
    }
  }
}

/** The result is a 32-bit number. */
export function isWithin({ low }: NumberValue, least: number, most: number): boolean {
  return least >= 0 ? low.u0 >= least && low.u1 <= most : low.s0 >= least && low.s1 <= most;
}

function inCallback(state: State): boolean {
  for (const { callback } of state.frames) if (callback !== undefined) return true;
  return false;
}
