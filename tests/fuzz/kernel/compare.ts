// Verdicts of ours and of the Linux kernel on mutants of programs that both accept, sorted by who says what and why.
// The programs: the project's own random ones for Linux (../generate.ts), or those of a folder of objects.
import { readFileSync } from "node:fs";
import { loadObject } from "../../../core/elf/object.ts";
import { findObjects } from "../../../core/manager/objects.ts";
import { LINUX } from "../../../core/platform/linux.ts";
import { buildCandidates } from "../../../core/program/build.ts";
import type { Program } from "../../../core/program/program.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { generator } from "../../harness/mutate.ts";
import { generateAny } from "../generate.ts";
import { BpfError } from "./bpf.ts";
import { openSession, type Session } from "./load.ts";
import { mutantOf, withInstructions } from "./mutant.ts";
import { findReason, type Reason } from "./reasons.ts";

/** Of a folder: programs that take the kernel longer are no bases, because each costs as much for every mutant. */
const MOST_MILLISECONDS = 40;
const MUTANTS_OF_GENERATED = 20;

export type Comparison =
  | { readonly kind: "both accept" | "both reject" }
  | { readonly kind: "only the kernel accepts"; readonly code: string; readonly mutant: Program }
  | {
      readonly kind: "only we accept";
      readonly said: string;
      readonly log: string;
      /** Undefined: a line of the kernel's that reasons.ts does not know. */
      readonly reason: Reason | undefined;
      readonly mutant: Program;
    };

interface Base {
  readonly program: Program;
  readonly session: Session;
}

/** The program as mutants are made of it, if both accept it and the kernel is quick. */
function baseOf(program: Program): Base | undefined {
  const plain = withInstructions(program, program.instructions);
  if (verify(plain).kind !== "accepted") return undefined;
  let session: Session;
  try {
    session = openSession(plain);
  } catch (error) {
    // A map that this kernel does not make: nothing can be said of programs that use it.
    if (error instanceof BpfError) return undefined;
    throw error;
  }
  const verdict = session.judge(plain.instructions, false);
  if (verdict.accepted && verdict.milliseconds < MOST_MILLISECONDS) return { program: plain, session };
  session.close();
  return undefined;
}

/** One mutant of a base before both. */
function compare({ program, session }: Base, seed: number): Comparison | undefined {
  const mutant = mutantOf(generator(seed), program);
  if (mutant === undefined) return undefined;
  const ours = verify(mutant);
  const theirs = session.judge(mutant.instructions, ours.kind === "accepted");
  if (ours.kind === "accepted") {
    if (theirs.accepted) return { kind: "both accept" };
    const { reason: said, log } = theirs;
    return { kind: "only we accept", said, log, reason: findReason({ said, log, mutant }), mutant };
  }
  if (!theirs.accepted) return { kind: "both reject" };
  return { kind: "only the kernel accepts", code: ours.failures[0].code, mutant };
}

/** Mutants of a random program; none if it is not for Linux, or not accepted by both. */
export function compareGenerated(seed: number): readonly Comparison[] {
  const program = generateAny(seed);
  // Tests have a platform of their own under Linux' name.
  const base = program.platform === LINUX ? baseOf(program) : undefined;
  if (base === undefined) return [];
  try {
    const seeds = Array.from({ length: MUTANTS_OF_GENERATED }, (_, number) => seed + number * 7919);
    return seeds.map((one) => compare(base, one)).filter((one) => one !== undefined);
  } finally {
    base.session.close();
  }
}

/** All programs of a folder's objects that are bases; their maps live as long as the process. */
export function openFolder(folder: string): (seed: number) => readonly Comparison[] {
  const bases = findObjects([folder], process.cwd()).flatMap(basesOf);
  if (bases.length === 0) throw new Error(`no program in ${folder} is accepted by both`);
  return (seed) => {
    const base = bases[generator(seed)(bases.length)];
    const comparison = base === undefined ? undefined : compare(base, seed);
    return comparison === undefined ? [] : [comparison];
  };
}

function basesOf(file: string): readonly Base[] {
  const programs = tryLoad(file);
  return programs.flatMap((candidates) => {
    const accepted = candidates.find((program) => verify(program).kind === "accepted");
    return (accepted === undefined ? undefined : baseOf(accepted)) ?? [];
  });
}

/** What a file that is no object, or a program that cannot be built, leaves out. */
function tryLoad(file: string): readonly (readonly Program[])[] {
  try {
    const object = loadObject(readFileSync(file), file);
    return object.programs.flatMap(({ name }) => {
      try {
        return [buildCandidates(object, name, { platform: "linux" })];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
