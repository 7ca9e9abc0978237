// verify: is the program safe? The door of the room, and the only place that makes a VerifiedProgram.
import type { Program } from "../program/program.ts";
import type { AnalysisFailure } from "./analysis.ts";
import { analyze } from "./analyze.ts";
import { describe } from "./describe.ts";
import type { State } from "./domain/state.ts";
import { explanationOf, sourceOf, textOf } from "./explanation.ts";
import { MOST_FAILURES } from "./failures.ts";
import { printRegisters } from "./print.ts";
import { printState } from "./print-state.ts";
import { MOST_STEPS_TOLD } from "./replay.ts";
import { structureFailures } from "./structure.ts";
import type { Failure, Verdict, VerifiedProgram, VerifyOptions } from "./verdict.ts";

export { isCallableByHook } from "./prototype.ts";

/** Steps before a program is too complex: with them a verdict takes less than a second. */
export const DEFAULT_MAXIMUM_STEPS = 500_000;

/**
 * The verdict on a program: accepted if on every run every access is within bounds and initialised, nothing leaks and it
 * ends; else rejected with the first failure found. Never throws for a program that buildProgram() made.
 */
export function verify(program: Program, options: VerifyOptions = {}): Verdict {
  const shape = first(structureFailures(program), options.all === true ? MOST_FAILURES : 1);
  if (isNotEmpty(shape)) return rejected(program, shape, { steps: 0, states: 0 });
  const { failure, failures, ...counts } = analyze(program, analysisOptions(program, options));
  if (failure === undefined) return { kind: "accepted", program: program as VerifiedProgram, ...counts };
  return rejected(program, [failure, ...(failures?.slice(1) ?? [])], counts);
}

function first<T>(rows: Iterable<T>, most: number): T[] {
  const list: T[] = [];
  for (const row of rows) {
    list.push(row);
    if (list.length >= most) break;
  }
  return list;
}

function isNotEmpty<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0;
}

function analysisOptions(program: Program, options: VerifyOptions) {
  const { maximumSteps = DEFAULT_MAXIMUM_STEPS, strict = false, all = false, log } = options;
  if (log === undefined) return { maximumSteps, strict, all };
  const observe = (instruction: number, state: State, from: number): void =>
    log({ instruction, state: printState(program, state), ...(from >= 0 && { from }) });
  return { maximumSteps, strict, all, observe };
}

/** Without state and path: it was seen without following the program. */
type Found = Pick<AnalysisFailure, "index" | "finding"> & Partial<AnalysisFailure>;

function rejected(
  program: Program,
  [first, ...others]: readonly [Found, ...Found[]],
  counts: Pick<Verdict, "steps" | "states">,
): Verdict {
  const failures = [failureOf(program, first), ...others.map((found) => failureOf(program, found))] as const;
  return { kind: "rejected", failures, ...counts };
}

function failureOf(program: Program, { index, finding, state, path }: Found): Failure {
  const source = sourceOf(program, index);
  const place =
    source === undefined
      ? `${program.file}: slot ${program.slots[index] ?? index}`
      : `${source.file}:${source.line}`;
  return {
    code: finding.code,
    instruction: index,
    slot: program.slots[index] ?? index,
    text: textOf(program, index),
    message: `${place}: ${describe(program, finding)}`,
    registers: state === undefined ? {} : printRegisters(program, state),
    ...(source !== undefined && { source }),
    ...(path !== undefined && path.length <= MOST_STEPS_TOLD && { path }),
    ...explanationOf(program, { finding, path: path ?? [] }),
  };
}
