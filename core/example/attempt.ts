// One checked run with one input: does it do at the failing instruction what the verifier feared? If not, how far along the
// failing path did it come, and which changes of the input would bring it further.
import { InterpreterFault, runChecked } from "../host/embedded/checked.ts";
import type { Program } from "../program/program.ts";
import { Answers } from "./answers.ts";
import { goals } from "./goals.ts";
import { type Change, type Input, LENGTH } from "./input.ts";
import { Unrepresentable } from "./maps.ts";
import { Shadow } from "./shadow.ts";
import { type Branch, turned } from "./targets.ts";
import { World } from "./world.ts";

export interface Target {
  readonly program: Program;
  /** The instructions from the entry to the failing one. */
  readonly path: readonly number[];
  /** Kinds of faults that are what the verifier feared; none: a result out of range. */
  readonly faults: readonly InterpreterFault["kind"][];
  readonly looseStack: boolean;
}

/** What a run did at the failing instruction. */
export interface Sighting {
  readonly world: World;
  readonly answers: Answers;
  readonly shadow: Shadow;
  /** Before the failing instruction. */
  readonly registers: BigInt64Array;
  /** The interpreter's own words. */
  readonly fault: string;
  readonly result: bigint | undefined;
}

export type Attempt =
  | { readonly kind: "confirmed"; readonly sighting: Sighting; readonly steps: number }
  | {
      readonly kind: "not yet";
      /** Instructions of the path followed. */
      readonly reached: number;
      readonly proposals: readonly (readonly Change[])[];
      readonly steps: number;
    };

/** Beyond the path, in case the run comes to the failing instruction another way. */
const STEPS_OFF_THE_PATH = 2000;

export function attempt(target: Target, input: Input): Attempt {
  const { program, path, looseStack } = target;
  let follower: Follower | undefined;
  let fault: unknown;
  let result: bigint | undefined;
  try {
    const follow = new Follower(target, input);
    follower = follow;
    result = runChecked(program, follow.answers, {
      maximumSteps: path.length + STEPS_OFF_THE_PATH,
      looseStack,
      trace: (index, registers) => follow.step(index, registers),
    });
  } catch (error) {
    if (!(error instanceof InterpreterFault) && !(error instanceof Unrepresentable)) throw error;
    fault = error;
  }
  if (follower === undefined) return { kind: "not yet", reached: 0, proposals: [], steps: 0 };
  const { steps, reached } = follower;
  const sighting = follower.sighting(fault, result);
  if (sighting !== undefined) return { kind: "confirmed", sighting, steps };
  return { kind: "not yet", reached, proposals: follower.proposals, steps };
}

class Follower {
  readonly #target: Target;
  readonly world: World;
  readonly answers: Answers;
  readonly #shadow: Shadow;
  /** What decides where the run goes next. */
  #branch: Branch | undefined;
  #need: Change[][] = [];
  #onPath = true;
  #failing: BigInt64Array | undefined;
  reached = 0;
  steps = 0;
  proposals: Change[][] = [];

  constructor(target: Target, input: Input) {
    this.#target = target;
    this.world = new World(target.program, input);
    this.answers = new Answers(this.world, input);
    this.#shadow = new Shadow(target.program, this.world, this.answers);
  }

  step(index: number, registers: BigInt64Array): void {
    const { program, path } = this.#target;
    this.steps += 1;
    const last = path.length - 1;
    if (index === path[last]) this.#failing = registers.slice();
    if (!this.#onPath) return;
    if (index !== path[this.reached]) {
      this.#onPath = false;
      this.proposals = this.#branch === undefined ? [] : turned(this.#branch);
      return;
    }
    const instruction = program.instructions[index];
    if (instruction === undefined) return;
    this.#shadow.arrive();
    this.#branch = undefined;
    this.#need = [];
    this.reached += 1;
    if (this.reached > last) {
      const scene = { program, world: this.world, shadow: this.#shadow, registers };
      this.proposals = goals(scene, instruction);
      this.#onPath = false;
      return;
    }
    if (instruction.kind === "jump" && instruction.condition !== undefined) {
      const { test, left, right } = instruction.condition;
      this.#branch = {
        test,
        width: instruction.width,
        left: this.#shadow.word(left, registers),
        right: this.#shadow.operand(right, registers),
        outcome: path[this.reached] === program.targets[index],
      };
    } else if (instruction.kind === "loadPacket") this.#need = this.#longer(instruction, registers);
    this.#shadow.before(instruction, registers);
  }

  /** The legacy packet load ends the program where the packet is too short. */
  #longer(
    {
      index,
      offset,
      sizeBytes,
    }: { readonly index?: number; readonly offset: number; readonly sizeBytes: number },
    registers: BigInt64Array,
  ): Change[][] {
    const at = offset + (index === undefined ? 0 : Number(BigInt.asIntN(32, registers[index] ?? 0n)));
    return at < 0 || at > 65_000 ? [] : [[{ key: LENGTH, value: BigInt(at + sizeBytes) }]];
  }

  /** What was feared, if it has happened at the failing instruction. */
  sighting(fault: unknown, result: bigint | undefined): Sighting | undefined {
    if (this.#onPath && fault === undefined) this.proposals = this.#need;
    const { path, faults, program } = this.#target;
    const registers = this.#failing;
    if (registers === undefined) return undefined;
    const facts = { world: this.world, answers: this.answers, shadow: this.#shadow, registers, result };
    if (fault instanceof InterpreterFault) {
      const feared = fault.instruction === path.at(-1) && faults.includes(fault.kind);
      return feared ? { ...facts, fault: fault.message } : undefined;
    }
    const range = program.type.returnRange;
    if (result === undefined || faults.length > 0 || range === undefined) return undefined;
    const value = Number(BigInt.asIntN(32, result));
    return value < range.minimum || value > range.maximum ? { ...facts, fault: "" } : undefined;
  }
}
