// Accepted programs that the random ones are made of by small changes: the project's own fixtures and samples, and those
// of a folder (`npm run fuzz -- --corpus FOLDER`). Each is linked and verified when it is first asked for.
import { readFileSync } from "node:fs";
import { EbpfError } from "../../core/base/error.ts";
import { loadObject } from "../../core/elf/object.ts";
import { findObjects } from "../../core/manager/objects.ts";
import { buildCandidates } from "../../core/program/build.ts";
import type { Program } from "../../core/program/program.ts";
import { verify } from "../../core/verifier/verify.ts";
import {
  isStrictFixture,
  programOfFixture,
  programOfObject,
  SAFE_OBJECTS,
} from "../core/verifier/fixtures.ts";
import { programOfInstructions } from "../core/verifier/programs.ts";
import { memoryOf, programOf, readFixtures, sectionText } from "../harness/fixture.ts";
import { damage, splice } from "./damage.ts";
import type { Next } from "./writer.ts";

/** Programs made on demand; those that are no programs, or are rejected, are left out. */
type Source = () => readonly Program[];

const MAXIMUM_STEPS = 20_000;
/** Longer ones take most of the time and are damaged mostly where it does not matter. */
const MOST_INSTRUCTIONS = 1000;

function accepted(programs: readonly Program[]): readonly Program[] {
  return programs.filter(
    (program) =>
      program.instructions.length <= MOST_INSTRUCTIONS &&
      verify(program, { strict: true, maximumSteps: MAXIMUM_STEPS }).kind === "accepted",
  );
}

/** All programs of an object; what cannot be built is another test's business. */
function programsOf(file: string): readonly Program[] {
  const object = loadObject(readFileSync(file), file);
  return object.programs.flatMap(({ name }) => {
    try {
      return buildCandidates(object, name);
    } catch (error) {
      if (error instanceof EbpfError && error.code !== "InternalError") return [];
      throw error;
    }
  });
}

function fixtureSources(): Source[] {
  const cases = readFixtures("verifier").filter((row) => sectionText(row, "failure") === undefined);
  const strict = cases.filter((row) => isStrictFixture(row) || !row.name.includes("privileged"));
  const runs = readFixtures("conformance").filter((row) => memoryOf(row).length > 0);
  return [
    ...strict.map((row) => () => [programOfFixture(row)]),
    ...SAFE_OBJECTS.map((path) => () => [programOfObject(path)]),
    ...runs.map((row) => () => [programOfInstructions(programOf(row), { memory: memoryOf(row).length })]),
  ];
}

function folderSources(folder: string | undefined): Source[] {
  if (folder === undefined) return [];
  return findObjects([folder], process.cwd()).map((file) => () => programsOf(file));
}

let sources: Source[] | undefined;
const made = new Map<Source, readonly Program[]>();

/** An accepted program of the corpus, and another one to take pieces of. */
function pick(next: Next): Program | undefined {
  sources ??= [...fixtureSources(), ...folderSources(process.env.EBPF_FUZZ_CORPUS)];
  const source = sources[next(sources.length)];
  if (source === undefined) return undefined;
  let programs = made.get(source);
  if (programs === undefined) {
    programs = accepted(source());
    made.set(source, programs);
  }
  return programs[next(Math.max(1, programs.length))];
}

/** A program of the corpus as it is, or damaged in one place, or with a piece of another one. */
export function corpusVariant(next: Next): Program | undefined {
  const program = pick(next);
  if (program === undefined) return undefined;
  const change = next(10);
  const { instructions } = program;
  if (change < 2) return program;
  if (change < 8) return { ...program, instructions: damage(next, instructions) };
  const other = pick(next);
  return { ...program, instructions: splice(next, instructions, other?.instructions ?? instructions) };
}
