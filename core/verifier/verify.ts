// verify: is the program safe? The door of the room, and the only place that makes a VerifiedProgram.
import { print } from "../isa/print.ts";
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { SourceLocation } from "../spec.ts";
import { analyze } from "./analyze.ts";
import { describe } from "./describe.ts";
import type { State } from "./domain/state.ts";
import { FAILURE_CODES } from "./failure.ts";
import type { Finding } from "./finding.ts";
import { printRegisters, printState } from "./print.ts";
import { checkStructure } from "./structure.ts";
import type { Failure, Verdict, VerifiedProgram, VerifyOptions } from "./verdict.ts";

export { isCallableByHook } from "./prototype.ts";

/** Steps before a program is too complex: with them a verdict takes less than a second. */
export const DEFAULT_MAXIMUM_STEPS = 500_000;

/**
 * The verdict on a program: accepted if on every run every access is within bounds and initialised, nothing leaks and it
 * ends; else rejected with the first failure found. Never throws for a program that buildProgram() made.
 */
export function verify(program: Program, options: VerifyOptions = {}): Verdict {
  const shape = checkStructure(program);
  if (shape !== undefined) return rejected(failureOf(program, shape.index, shape.finding), 0, 0);
  const { failure, steps, states } = analyze(program, analysisOptions(program, options));
  if (failure !== undefined) {
    return rejected(failureOf(program, failure.index, failure.finding, failure.state), steps, states);
  }
  return { kind: "accepted", program: program as VerifiedProgram, steps, states };
}

function analysisOptions(program: Program, options: VerifyOptions) {
  const { maximumSteps = DEFAULT_MAXIMUM_STEPS, strict = false, log } = options;
  if (log === undefined) return { maximumSteps, strict };
  const observe = (index: number, state: State): void => log(index, printState(program, state));
  return { maximumSteps, strict, observe };
}

function rejected(failure: Failure, steps: number, states: number): Verdict {
  return { kind: "rejected", failures: [failure], steps, states };
}

function failureOf(program: Program, index: number, finding: Finding, state?: State): Failure {
  const instruction = program.instructions[index];
  const source = sourceOf(program, index);
  const place =
    source === undefined
      ? `${program.file}: slot ${program.slots[index] ?? index}`
      : `${source.file}:${source.line}`;
  const facts = {
    code: finding.code,
    instruction: index,
    slot: program.slots[index] ?? index,
    text: instruction === undefined ? "" : print(instruction, names(program)),
    message: `${place}: ${describe(program, finding)}`,
    remedy: FAILURE_CODES[finding.code].remedy,
    registers: state === undefined ? {} : printRegisters(program, state),
  };
  return source === undefined ? facts : { ...facts, source };
}

function names(program: Program) {
  return {
    helper: (id: number) => findHelper(program.platform, id, program.type.name)?.name,
    map: (map: number) => program.maps[map]?.spec.name,
  };
}

/** The C line of the instruction, or of the nearest one before it in the same function. */
function sourceOf(program: Program, index: number): SourceLocation | undefined {
  const own = program.subprograms.find((row) => index >= row.start && index < row.end);
  for (let at = index; at >= (own?.start ?? 0); at--) {
    const source = program.sources[at];
    if (source !== undefined) return source;
  }
  return undefined;
}
