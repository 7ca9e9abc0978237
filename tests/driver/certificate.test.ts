// The certificate checker in C (driver/certificate/) answers as the core's does: certificates of the fixtures, the samples and
// random programs, whole, damaged and empty; it allocates what it may and frees it; its tables are the core's.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { checkCertificate } from "../../core/certificate/check.ts";
import { DIGEST_BYTES } from "../../core/certificate/form.ts";
import { loadObject } from "../../core/elf/object.ts";
import { buildProgram } from "../../core/program/build.ts";
import type { Program } from "../../core/program/program.ts";
import { certify } from "../../core/verifier/certify.ts";
import { rowFiles } from "../../scripts/certificate-rows.ts";
import { forgeries } from "../core/certificate/forged.ts";
import { mapsOf, programOfInstructions, testProgram } from "../core/verifier/programs.ts";
import { compareCheckers, emptyCertificate, fuzzers } from "../fuzz/driver-certificate.fuzz.ts";
import { countAllocations, failAllocation, share } from "../harness/driver.ts";
import { certificateProgram, checkBoth, driverCheck } from "../harness/driver-certificate.ts";
import {
  FIXTURES,
  type Fixture,
  memoryOf,
  programOf,
  readFixtures,
  sectionText,
} from "../harness/fixture.ts";

const ROOT = join(FIXTURES, "..", "..");
const DAMAGED = share(5);

class Outcomes {
  readonly #counts = new Map<string, number>();

  add(program: Program, seed: number, count = DAMAGED): void {
    for (const outcome of compareCheckers(program, seed, count)) {
      this.#counts.set(outcome, this.of(outcome) + 1);
    }
  }

  of(outcome: string): number {
    return this.#counts.get(outcome) ?? 0;
  }
}

function programOfFixture(fixture: Fixture): { readonly program: Program; readonly strict: boolean } {
  const asm = fixture.sections.find(({ name }) => name === "asm");
  const { platform = "windows", type, memory, strict } = asm?.attributes ?? {};
  const program = testProgram({
    code: asm?.text ?? "",
    platform,
    maps: mapsOf(sectionText(fixture, "maps") ?? "", platform),
    ...(type === undefined ? {} : { type }),
    ...(memory === undefined ? {} : { memory: Number(memory) }),
  });
  return { program, strict: strict === "yes" };
}

test("fixtures of the verifier, accepted and rejected", (t) => {
  const outcomes = new Outcomes();
  const before = countAllocations();
  for (const fixture of readFixtures("verifier")) {
    const { program, strict } = programOfFixture(fixture);
    outcomes.add(program, strict ? 2 : 1);
  }
  t.is(outcomes.of("not of the driver"), 0);
  t.true(outcomes.of("whole proved") > 150 && outcomes.of("empty refused") > 150);
  t.true(outcomes.of("damaged refused") > 100);
  t.is(outcomes.of("whole refused"), 0);
  t.is(countAllocations(), before);
});

test("conformance programs", (t) => {
  const outcomes = new Outcomes();
  const fixtures = readFixtures("conformance");
  for (const fixture of fixtures) {
    outcomes.add(
      programOfInstructions(programOf(fixture), { memory: memoryOf(fixture).length }),
      1,
      share(3),
    );
  }
  t.is(outcomes.of("whole proved"), fixtures.length);
});

const OBJECTS = [
  ...readdirSync(join(FIXTURES, "c"))
    .filter((name) => /^(un)?safe-.*\.o$/.test(name))
    .map((name) => `tests/fixtures/c/${name}`),
  "samples/droppacket.o",
  "samples/droppacket_unsafe.o",
];

test("compiled programs", (t) => {
  const outcomes = new Outcomes();
  for (const path of OBJECTS) {
    const object = loadObject(readFileSync(join(ROOT, path)), path);
    for (const { name } of object.programs) outcomes.add(buildProgram(object, name), 3);
  }
  t.true(outcomes.of("whole proved") > 8, `${outcomes.of("whole proved")}`);
  t.is(outcomes.of("whole refused"), 0);
});

/** How often random ones must have ended so. */
const EXPECTED: readonly (readonly string[])[] = [
  ["whole proved", "empty refused", "damaged refused", "beside a damaged program proved"],
  ["whole proved", "empty refused", "damaged refused"],
];

for (const [index, { name, run }] of fuzzers.entries()) {
  test(name, (t) => {
    const outcomes = new Map<string, number>();
    for (let seed = 1; seed <= share(150); seed++) {
      for (const outcome of [run(seed)].flat()) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (const outcome of EXPECTED[index] ?? []) {
      t.true((outcomes.get(outcome) ?? 0) > share(20), `${outcome}: ${outcomes.get(outcome)}`);
    }
  });
}

test("loops: true certificates and forged ones", (t) => {
  for (const { name, program, bytes, proves } of forgeries()) {
    const given = certificateProgram(program);
    if (given === undefined) throw new Error(name);
    t.is(checkBoth(program, given, bytes), proves ? "proved" : "refused", name);
  }
});

/** Paths that meet: its certificate has a state. */
const MEETING = testProgram({
  code: `r2 = *(u32 *)(r1 + 24)
r3 = *(u64 *)(r1 + 0)
r4 = *(u64 *)(r1 + 8)
r0 = 2
r5 = r3
r5 += 14
if r5 > r4 goto out
*(u64 *)(r10 - 8) = r2
if r2 > 7 goto on
r2 = 7
*(u64 *)(r10 - 8) = r2
on:
r0 = *(u8 *)(r3 + 12)
r1 = *(u64 *)(r10 - 8)
r0 += r1
out:
exit`,
});

function certificateOf(program: Program): Uint8Array {
  const certified = certify(program);
  if (certified.kind === "none") throw new Error(certified.reason);
  return certified.bytes;
}

test("every byte behind the digest replaced by every other one", (t) => {
  const given = certificateProgram(MEETING)!;
  const bytes = certificateOf(MEETING);
  t.true(bytes.length > DIGEST_BYTES + 10);
  for (let at = DIGEST_BYTES; at < bytes.length; at++) {
    for (let value = 0; value < 256; value++) checkBoth(MEETING, given, bytes.with(at, value));
  }
});

test("cut off anywhere it is refused, and followed by more, and of another program", (t) => {
  const given = certificateProgram(MEETING)!;
  const bytes = certificateOf(MEETING);
  for (let length = 0; length < bytes.length; length++) {
    t.not(driverCheck(given, bytes.subarray(0, length)).outcome, "proved");
  }
  t.is(driverCheck(given, Uint8Array.of(...bytes, 0)).outcome, "refused");
  t.is(driverCheck(given, new Uint8Array(0)).outcome, "invalid");
  for (let at = 0; at < DIGEST_BYTES; at++) {
    t.is(driverCheck(given, bytes.with(at, (bytes[at] ?? 0) ^ 1)).outcome, "mismatch");
  }
});

test("no integer takes more bytes than it needs, not even ten of which the last is cut off", (t) => {
  const given = certificateProgram(MEETING)!;
  const empty = emptyCertificate(MEETING, true);
  t.is(driverCheck(given, empty).outcome, "proved");
  for (const end of [[0], [2], [0x7e], [0x7f]]) {
    for (let more = 0; more < 12; more++) {
      const long = Uint8Array.of(...empty.subarray(0, -1), ...new Array<number>(more).fill(0x80), ...end);
      if (more === 0 && end[0] === 0) continue;
      t.is(checkCertificate(MEETING, long).kind, "refused", `${more} ${end}`);
      t.is(driverCheck(given, long).outcome, "refused", `${more} ${end}`);
    }
  }
});

/** A path so long that values which nothing has any more are given back on the way, and what is left is needed at its end. */
const LONG = testProgram({
  code: `r6 = r1
r7 = *(u32 *)(r6 + 24)
*(u64 *)(r10 - 8) = r7
*(u64 *)(r10 - 16) = 0
*(u64 *)(r10 - 24) = r6
r8 = *(u64 *)(r6 + 0)
${Array.from({ length: 15_000 }, (_, at) => `r1 = r8\nr1 += ${at % 20}\nr2 = r7\nr2 += ${at % 3}\n*(u32 *)(r10 - 28) = r2`).join("\n")}
r3 = *(u64 *)(r10 - 8)
if r3 > 7 goto out
r1 = r10
r1 += r7
*(u8 *)(r1 - 16) = 1
r6 = *(u64 *)(r10 - 24)
r1 = *(u64 *)(r6 + 8)
r0 = *(u64 *)(r10 - 16)
exit
out:
r0 = 1
exit`,
});

/** Paths that nobody says may stop: they become more and more. */
const SPREADING = testProgram({
  code: `r6 = r1\nr0 = 0\n${Array.from({ length: 600 }, (_, at) => `r1 = *(u32 *)(r6 + 24)\nif r1 & 1 goto a${at}\nr0 += r1\n*(u64 *)(r10 - ${8 * (1 + (at % 64))}) = r0\na${at}:`).join("\n")}\nexit`,
});

test("long paths, and many that wait", (t) => {
  const before = countAllocations();
  t.is(checkBoth(LONG, certificateProgram(LONG)!, emptyCertificate(LONG, true)), "proved");
  t.is(checkBoth(SPREADING, certificateProgram(SPREADING)!, emptyCertificate(SPREADING, true)), "refused");
  t.is(countAllocations(), before);
});

/** Eight frames full of pointers into the packet, and a loop of which each round proves one more byte of all of them. */
const HOSTILE = testProgram({
  code: [
    "r3 = *(u64 *)(r1 + 0)\nr4 = *(u64 *)(r1 + 8)\nr5 = r3",
    ...Array.from({ length: 8 }, (_, depth) => {
      const fill = Array.from({ length: 64 }, (_unused, at) => `*(u64 *)(r10 - ${8 * (at + 1)}) = r3`);
      const rest =
        depth < 7
          ? `call f${depth + 1}\nr0 = 1\nexit`
          : "again:\nr5 += 1\nif r5 <= r4 goto again\nr0 = 1\nexit";
      return `${depth === 0 ? "" : `f${depth}:\n`}${fill.join("\n")}\n${rest}`;
    }),
  ].join("\n"),
});

test("a certificate of 64 KiB cannot hold the checker: what its steps go over is bounded as well", (t) => {
  const given = certificateProgram(HOSTILE)!;
  // What is behind the end is not read before all is followed, but gives steps.
  const bytes = new Uint8Array(65536);
  bytes.set(emptyCertificate(HOSTILE, true));
  const start = performance.now();
  const { outcome, reason, work } = driverCheck(given, bytes);
  const limit = 64 * (4096 + 16 * (bytes.length + 8 * HOSTILE.instructions.length));
  t.deepEqual([outcome, reason], ["refused", "more work than the certificate may take"]);
  t.is(work, limit);
  t.log(`${(performance.now() - start).toFixed(0)} ms for ${work} cells`);
  // Proofs of programs as they are written need next to nothing of that.
  const { work: own, outcome: proved } = driverCheck(certificateProgram(MEETING)!, certificateOf(MEETING));
  t.is(proved, "proved");
  t.true(own < limit / 1000);
});

test("each allocation that fails is told, and nothing is kept", (t) => {
  const given = certificateProgram(MEETING)!;
  const bytes = certificateOf(MEETING);
  const before = countAllocations();
  let failed = 0;
  for (; ; failed++) {
    failAllocation(failed + 1);
    const { outcome } = driverCheck(given, bytes);
    if (outcome === "proved") break;
    t.is(outcome, "unchecked");
    t.is(countAllocations(), before);
  }
  failAllocation(0);
  t.true(failed > 8, `${failed}`);
  t.is(countAllocations(), before);
});

test("tables of the platforms are those of the core", (t) => {
  for (const [path, content] of rowFiles()) {
    t.is(
      readFileSync(join(ROOT, path), "utf8").replaceAll("\r\n", "\n"),
      content,
      `${path}: npm run fixtures`,
    );
  }
});
