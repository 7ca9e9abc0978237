// What finds out that the verifier is wrong, cheap ones first. To be imported after the mistake is in place (hook.ts).
import type { Program } from "../../core/program/program.ts";
import { analyze } from "../../core/verifier/analyze.ts";
import { certify } from "../../core/verifier/certify.ts";
import { ranges } from "../../core/verifier/domain/range.ts";
import { register } from "../../core/verifier/domain/state.ts";
import { DEFAULT_MAXIMUM_STEPS, verify } from "../../core/verifier/verify.ts";
import { checkClosed } from "../core/verifier/closed.ts";
import { COVER_LAWS } from "../core/verifier/domain/cover.laws.ts";
import { INTERVAL_LAWS } from "../core/verifier/domain/interval.laws.ts";
import { JOIN_LAWS } from "../core/verifier/domain/join.laws.ts";
import type { Law } from "../core/verifier/domain/law.ts";
import { RANGE_LAWS } from "../core/verifier/domain/range.laws.ts";
import { SMALL_LAWS } from "../core/verifier/domain/small.laws.ts";
import { STACK_LAWS } from "../core/verifier/domain/stack.laws.ts";
import {
  programOfFixture,
  programOfObject,
  UNSAFE_OBJECTS,
  verifyFixture,
} from "../core/verifier/fixtures.ts";
import { programOfInstructions } from "../core/verifier/programs.ts";
import { TRANSFER_LAWS } from "../core/verifier/transfer.laws.ts";
import { generateAny } from "../fuzz/generate.ts";
import { castNet, SoundnessViolation } from "../fuzz/net.ts";
import { memoryOf, programOf, readFixtures, resultOf, sectionText } from "../harness/fixture.ts";

export interface Search {
  readonly seed: number;
  /** Of the processor, for those that search for as long as they are let. */
  readonly seconds: number;
}

export interface Detection {
  /** What was found, a line; undefined: nothing. */
  readonly found: string | undefined;
  /** Programs, or laws, that were tried. */
  readonly tried: number;
  /** The program that is accepted and should not be, or whose states are wrong. */
  readonly witness?: Program;
}

export interface Detector {
  readonly name: string;
  /** Can it see a mistake in that file (path below core/verifier)? */
  readonly sees: (file: string) => boolean;
  readonly run: (search: Search) => Detection;
}

/** Steps of one program, as in the tests of the net; what never ends is rejected with any budget. */
const MAXIMUM_STEPS = 20_000;

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}

function firstBroken(laws: readonly Law[]): Detection {
  for (const [index, { name, check }] of laws.entries()) {
    try {
      check();
    } catch {
      return { found: name, tried: index + 1 };
    }
  }
  return { found: undefined, tried: laws.length };
}

/** A detector of mistakes in these files of the domain. */
function laws(name: string, list: readonly Law[], ...files: readonly string[]): Detector {
  return { name, sees: (file) => files.includes(file), run: () => firstBroken(list) };
}

/** Only what is accepted and must not be: a case that is rejected for another reason shows no unsoundness. */
function fixtures(): Detection {
  const unsafe = readFixtures("verifier").filter((row) => sectionText(row, "failure") !== undefined);
  let tried = 0;
  for (const fixture of unsafe) {
    tried += 1;
    if (verifyFixture(fixture, MAXIMUM_STEPS).kind !== "accepted") continue;
    return { found: `accepts ${fixture.name}`, tried, witness: programOfFixture(fixture) };
  }
  for (const path of UNSAFE_OBJECTS) {
    tried += 1;
    const program = programOfObject(path);
    if (verify(program).kind === "accepted") return { found: `accepts ${path}`, tried, witness: program };
  }
  return { found: undefined, tried };
}

/** Results of programs that are run elsewhere are among those that the verifier foresees. */
function conformance(): Detection {
  let tried = 0;
  for (const fixture of readFixtures("conformance")) {
    const result = resultOf(fixture);
    if (result === undefined) continue;
    const program = programOfInstructions(programOf(fixture), { memory: memoryOf(fixture).length });
    tried += 1;
    let foreseen = false;
    const observe = (index: number, state: Parameters<typeof register>[0]): void => {
      if (program.instructions[index]?.kind !== "exit" || state.frames.length > 1) return;
      const value = register(state, 0);
      foreseen ||= value.kind === "number" && ranges.contains(value.range, result);
    };
    const { failure } = analyze(program, { maximumSteps: DEFAULT_MAXIMUM_STEPS, exact: true, observe });
    if (failure === undefined && !foreseen) return { found: fixture.name, tried, witness: program };
  }
  return { found: undefined, tried };
}

/** The invariants of the fixtures that are accepted are closed: they say all that their proof needs. */
function invariants(): Detection {
  const safe = readFixtures("verifier").filter((row) => sectionText(row, "failure") === undefined);
  for (const [index, fixture] of safe.entries()) {
    const program = programOfFixture(fixture);
    const found = closed(program);
    if (found !== undefined)
      return { found: `${fixture.name}: ${found}`, tried: index + 1, witness: program };
  }
  return { found: undefined, tried: safe.length };
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** One program, accepted, run, held against the states kept. */
function runs(program: Program, seed: number): string | undefined {
  try {
    castNet(program, seed);
    return undefined;
  } catch (error) {
    if (error instanceof SoundnessViolation) return firstLine(error).replace(/^seed \d+: /, "");
    return `crash: ${firstLine(error)}`;
  }
}

/** One program whose invariants are to be closed: what a mark too few leaves out shows here. */
function closed(program: Program): string | undefined {
  try {
    const problem = checkClosed(program, MAXIMUM_STEPS)?.problem?.split("\n")[0];
    return problem === undefined ? undefined : `not closed: ${problem}`;
  } catch (error) {
    return `crash: ${firstLine(error)}`;
  }
}

/** The soundness net: random programs, as long as it is let. */
function net({ seed, seconds }: Search): Detection {
  const end = processorSeconds() + seconds;
  for (let tried = 0; ; tried++) {
    if (processorSeconds() >= end) return { found: undefined, tried };
    const at = seed + tried;
    const program = generateAny(at);
    const found = closed(program) ?? runs(program, at);
    if (found !== undefined) return { found: `seed ${at}: ${found}`, tried: tried + 1, witness: program };
  }
}

/**
 * What the certificate checker, which shares none of the code that is wrong, says of a program that was accepted. It is
 * right to prove one that is safe and whose states alone are wrong.
 */
export function checkerVerdict(program: Program): "proved" | "refused" | "rejected" {
  const certified = certify(program, { strict: true, maximumSteps: MAXIMUM_STEPS });
  if (certified.kind === "certified") return "proved";
  return certified.reason === "the program is rejected" ? "rejected" : "refused";
}

const all = (): boolean => true;
const INTERVAL = "domain/interval.ts";
const RANGE = "domain/range.ts";
const TRANSFERS = ["transfer-alu.ts", "transfer-memory.ts"];

export const DETECTORS: readonly Detector[] = [
  { name: "fixtures", sees: all, run: fixtures },
  { name: "conformance", sees: all, run: conformance },
  laws("cover laws", COVER_LAWS, INTERVAL, RANGE, "domain/cover.ts", "domain/join.ts"),
  laws("stack laws", STACK_LAWS, "domain/stack.ts"),
  laws("transfer laws", TRANSFER_LAWS, INTERVAL, RANGE, "domain/stack.ts", "branch.ts", ...TRANSFERS),
  laws("interval laws", INTERVAL_LAWS, INTERVAL),
  laws("laws of 5 bits", SMALL_LAWS, INTERVAL, RANGE),
  laws("range laws", RANGE_LAWS, INTERVAL, RANGE),
  laws("join laws", JOIN_LAWS, INTERVAL, RANGE, "domain/cover.ts", "domain/join.ts", "domain/generalise.ts"),
  { name: "invariants", sees: all, run: invariants },
  { name: "net", sees: all, run: net },
];
