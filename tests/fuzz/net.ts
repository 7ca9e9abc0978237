// The soundness net: a program that the verifier accepts runs in the model machine (model/) on random and extreme inputs,
// and before every instruction each live register and each stack slot must lie in a state that the verifier had there.
// Where nothing may leak it runs again with everything at other addresses: what leaves the program must be the same.
import { print } from "../../core/isa/print.ts";
import type { Program } from "../../core/program/program.ts";
import { analyze } from "../../core/verifier/analyze.ts";
import { cloneState, type State } from "../../core/verifier/domain/state.ts";
import { flowOf } from "../../core/verifier/flow.ts";
import { printState } from "../../core/verifier/print-state.ts";
import { verify } from "../../core/verifier/verify.ts";
import { generator } from "../harness/mutate.ts";
import { notHeld } from "./contain.ts";
import { ModelFault, NotModelled } from "./model/fault.ts";
import { anyBytes, Machine, type ModelInput } from "./model/machine.ts";

/** States kept at one instruction; a program with more somewhere is run without looking into them. */
const MOST_STATES = 300;
const MAXIMUM_STEPS = 20_000;
/** Of each program; in the first of them every step is held against the states. */
const RUNS = 10;
const WATCHED_RUNS = 5;
/** As a kernel and as a process have them: their upper halves, lower halves and alignments differ. */
const ADDRESSES = [0xffff_8881_0234_5000n, 0x0000_7ad3_8f10_2f30n] as const;

/** Of a run all these steps are held against the states, then one in so many: loops do much the same again. */
const ALWAYS_WATCHED = 300;
const WATCHED_ONE_IN = 8;

export class SoundnessViolation extends Error {}

export interface NetResult {
  /** "accepted", or the code of the rejection, or "not modelled". */
  readonly outcome: string;
  /** Instructions looked at in all runs. */
  readonly observed: number;
}

/**
 * Throws a SoundnessViolation that tells the program if the verifier accepted what it should not have. Not strict: by the
 * rules for those who may see addresses.
 */
export function castNet(program: Program, seed: number, strict = true): NetResult {
  const verdict = verify(program, { maximumSteps: MAXIMUM_STEPS, strict });
  if (verdict.kind === "rejected") return { outcome: verdict.failures[0].code, observed: 0 };
  const watch = makeWatch(program, strict);
  try {
    for (let run = 0; run < RUNS; run++) {
      const trace = run < WATCHED_RUNS ? watch.trace : undefined;
      const [first, second] = ADDRESSES.map((address, index) => {
        if (index > 0 && !strict) return undefined;
        return runOnce(
          program,
          { seed: seed + run * 7919, address, strict },
          index === 0 ? trace : undefined,
        );
      });
      if (second === undefined) continue;
      const at = first?.findIndex((effect, index) => effect !== second[index]) ?? -1;
      if (at >= 0 || first?.length !== second.length) {
        throw new SoundnessViolation(`effects depend on addresses\n${first?.[at]}\n${second[at]}`);
      }
    }
  } catch (error) {
    // Of a loop that was followed once for all its rounds (core/verifier/loop.ts) there may be billions.
    const endless = error instanceof ModelFault && error.kind === "endless";
    if (endless && !endsUnrolled(program, strict)) return { outcome: "accepted", observed: watch.observed() };
    if (error instanceof NotModelled) return { outcome: "not modelled", observed: watch.observed() };
    if (!(error instanceof ModelFault) && !(error instanceof SoundnessViolation)) throw error;
    throw new SoundnessViolation(`seed ${seed}: ${error.message}\n${listing(program)}`);
  }
  return { outcome: "accepted", observed: watch.observed() };
}

/** Is the program accepted also where rounds of loops are followed one by one? Then runs are short; else there may be billions. */
export function endsUnrolled(program: Program, strict: boolean): boolean {
  return analyze(program, { strict, maximumSteps: MAXIMUM_STEPS, unrolled: true }).failure === undefined;
}

function runOnce(
  program: Program,
  { seed, address, strict }: { readonly seed: number; readonly address: bigint; readonly strict: boolean },
  trace: ModelInput["trace"],
): readonly string[] {
  const next = generator(seed ^ 0x5bd1e995);
  const constants = constantsOf(program);
  // Around the lengths that the program asks for, or anything.
  const around = (constants[next(Math.max(1, constants.length))] ?? 0) + next(5) - 2;
  const length = next(3) === 0 ? next(8) : next(2) === 0 ? Math.max(0, around) : next(128);
  const metadataBytes = next(4) === 0 ? 4 * next(5) : 0;
  const machine = new Machine({
    program,
    strict,
    next,
    firstAddress: address,
    packet: anyBytes(next, length + metadataBytes),
    metadataBytes,
    // The verifier's steps are those of all paths; one run of an accepted program may still be longer where it joined.
    maximumSteps: 50 * MAXIMUM_STEPS,
    ...(trace && { trace }),
  });
  machine.run();
  return machine.effects;
}

const constants = new WeakMap<Program, readonly number[]>();

/** Small constants of the program: lengths of packets around them are where checks are right or wrong. */
function constantsOf(program: Program): readonly number[] {
  let list = constants.get(program);
  if (list === undefined) {
    const found = new Set<number>();
    for (const instruction of program.instructions) {
      if (instruction.kind !== "alu" || instruction.source.kind !== "immediate") continue;
      const { value } = instruction.source;
      if (value > 0 && value <= 2048) found.add(value);
    }
    list = [...found];
    constants.set(program, list);
  }
  return list;
}

/** Looks at each step: is it in a state that the verifier had at that instruction? */
function makeWatch(
  program: Program,
  strict: boolean,
): { trace: NonNullable<ModelInput["trace"]>; observed: () => number } {
  const states = statesOf(program, strict);
  const { live } = flowOf(program);
  /** Where the last look at this instruction was answered: mostly the next is there too. */
  const hints = new Int32Array(program.instructions.length);
  let observed = 0;
  let running: Machine | undefined;
  let steps = 0;
  const trace = (machine: Machine, index: number): void => {
    const known = states?.[index];
    if (known === undefined) return;
    if (machine !== running) {
      running = machine;
      steps = 0;
    }
    steps += 1;
    // Not every eighth: the length of a loop may be a multiple of that.
    if (steps > ALWAYS_WATCHED && (Math.imul(steps, 0x9e37_79b1) >>> 0) % WATCHED_ONE_IN !== 0) return;
    observed += 1;
    const registers = live[index] ?? 0;
    const hint = hints[index] ?? 0;
    const likely = known[hint];
    if (likely !== undefined && notHeld(likely, machine, registers) === undefined) return;
    const at = known.findIndex((state) => notHeld(state, machine, registers) === undefined);
    if (at < 0) throw violation(program, index, machine, known, registers);
    hints[index] = at;
  };
  return { trace, observed: () => observed };
}

/**
 * By instruction, the states before it; undefined if there are too many to look into, or if not all were followed: where
 * everything counts as having mattered a program may be rejected that is accepted otherwise.
 */
function statesOf(program: Program, strict: boolean): State[][] | undefined {
  const states: State[][] = program.instructions.map(() => []);
  let tooMany = false;
  const { failure } = analyze(program, {
    strict,
    maximumSteps: MAXIMUM_STEPS,
    exact: true,
    observe: (index, state) => {
      const list = states[index] ?? [];
      if (list.length < MOST_STATES) list.push(cloneState(state));
      else tooMany = true;
    },
  });
  return tooMany || failure !== undefined ? undefined : states;
}

export function listing(program: Program): string {
  const text = program.instructions.map((instruction, index) => `${index}: ${print(instruction)}`);
  return `${program.platform.name} ${program.type.name}\n${text.join("\n")}`;
}

function violation(
  program: Program,
  index: number,
  machine: Machine,
  states: readonly State[],
  live: number,
): SoundnessViolation {
  const values = machine.registers.map((word, at) =>
    word === undefined
      ? ""
      : `r${at}=${word.to === undefined ? word.bits : `${word.to.kind}+${word.bits - word.to.base}`}`,
  );
  const known = states
    .slice(0, 5)
    .map((state) => `${notHeld(state, machine, live)}: ${printState(program, state)}`);
  return new SoundnessViolation(
    `no state at instruction ${index} holds ${values.join(" ")}\n${known.join("\n")}`,
  );
}
