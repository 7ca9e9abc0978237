// The cases of tests/fixtures/verifier and tests/fixtures/c as programs, and what of them must never be accepted.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadObject } from "../../../core/elf/object.ts";
import { buildProgram } from "../../../core/program/build.ts";
import type { Program } from "../../../core/program/program.ts";
import type { Verdict } from "../../../core/verifier/verdict.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { FIXTURES, type Fixture, sectionText } from "../../harness/fixture.ts";
import { mapsOf, testProgram } from "./programs.ts";

export function programOfFixture(fixture: Fixture): Program {
  const asm = fixture.sections.find((section) => section.name === "asm");
  const { platform = "windows", type, memory } = asm?.attributes ?? {};
  return testProgram({
    code: asm?.text ?? "",
    platform,
    maps: mapsOf(sectionText(fixture, "maps") ?? "", platform),
    ...(type === undefined ? {} : { type }),
    ...(memory === undefined ? {} : { memory: Number(memory) }),
  });
}

export function isStrictFixture(fixture: Fixture): boolean {
  return fixture.sections.find((section) => section.name === "asm")?.attributes.strict === "yes";
}

export function verifyFixture(fixture: Fixture, maximumSteps?: number): Verdict {
  const limit = maximumSteps === undefined ? {} : { maximumSteps };
  return verify(programOfFixture(fixture), { strict: isStrictFixture(fixture), ...limit });
}

const ROOT = join(FIXTURES, "..", "..");

/** The one program of an object file, by its path in the repository. */
export function programOfObject(path: string): Program {
  return buildProgram(loadObject(readFileSync(join(ROOT, path)), path), undefined);
}

/** Names of the C programs of tests/fixtures/c that begin so, without their ending. */
export function namesOfC(prefix: string): string[] {
  return readdirSync(join(FIXTURES, "c"))
    .filter((name) => name.startsWith(prefix) && name.endsWith(".c"))
    .map((name) => name.slice(0, -2));
}

/** Objects that are to be rejected; each has a twin that is safe. */
export const UNSAFE_OBJECTS: readonly string[] = [
  ...namesOfC("unsafe-").map((name) => `tests/fixtures/c/${name}.o`),
  "samples/droppacket_unsafe.o",
];

export const SAFE_OBJECTS: readonly string[] = [
  ...namesOfC("safe-").map((name) => `tests/fixtures/c/${name}.o`),
  "samples/droppacket.o",
  "samples/port-quota.o",
];
