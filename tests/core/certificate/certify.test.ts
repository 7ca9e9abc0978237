// Accepted programs have certificates that check: those of the fixtures and samples, and random ones. What is damaged, or
// is of another program, is refused.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { checkCertificate, readCertificates } from "../../../core/certificate/check.ts";
import { DIGEST_BYTES } from "../../../core/certificate/form.ts";
import { digestOf } from "../../../core/certificate/program.ts";
import { loadObject } from "../../../core/elf/object.ts";
import { buildProgram } from "../../../core/program/build.ts";
import type { Program } from "../../../core/program/program.ts";
import { certify } from "../../../core/verifier/certify.ts";
import { encodeFile } from "../../../core/verifier/encode.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { attack } from "../../fuzz/certificate.ts";
import { generateAny } from "../../fuzz/generate.ts";
import { loopProgram, randomLoop } from "../../fuzz/loops.ts";
import { FIXTURES, memoryOf, programOf, readFixtures, sectionText } from "../../harness/fixture.ts";
import { generator } from "../../harness/mutate.ts";
import { mapsOf, programOfInstructions, testProgram } from "../verifier/programs.ts";
import { recode } from "./recode.ts";

const SECONDS = 4;
const ROOT = join(FIXTURES, "..", "..");

function certificateOf(program: Program, strict = false): Uint8Array {
  const certified = certify(program, { strict });
  if (certified.kind === "none") throw new Error(certified.reason);
  return certified.bytes;
}

for (const fixture of readFixtures("verifier")) {
  const asm = fixture.sections.find((section) => section.name === "asm");
  const { platform = "windows", type, memory, strict } = asm?.attributes ?? {};
  if (fixture.sections.some((section) => section.name === "failure")) continue;
  test(`${fixture.name} has a certificate`, (t) => {
    const program = testProgram({
      code: asm?.text ?? "",
      platform,
      maps: mapsOf(sectionText(fixture, "maps") ?? "", platform),
      ...(type === undefined ? {} : { type }),
      ...(memory === undefined ? {} : { memory: Number(memory) }),
    });
    const bytes = certificateOf(program, strict === "yes");
    t.like(checkCertificate(program, bytes), { kind: "proved" });
    t.deepEqual(recode(program, bytes).bytes, bytes);
  });
}

for (const fixture of readFixtures("conformance")) {
  test(`${fixture.name} has a certificate`, (t) => {
    const program = programOfInstructions(programOf(fixture), { memory: memoryOf(fixture).length });
    t.like(checkCertificate(program, certificateOf(program)), { kind: "proved" });
  });
}

const OBJECTS = [
  ...readdirSync(join(FIXTURES, "c"))
    .filter((name) => /^(un)?safe-.*\.o$/.test(name))
    .map((name) => `tests/fixtures/c/${name}`),
  "samples/droppacket.o",
  "samples/droppacket_unsafe.o",
];

for (const path of OBJECTS) {
  test(`${path}: what is accepted has a certificate, at most four times as large as the program`, (t) => {
    const object = loadObject(readFileSync(join(ROOT, path)), path);
    for (const { name } of object.programs) {
      const program = buildProgram(object, name);
      if (verify(program).kind === "rejected") {
        t.is(certify(program).kind, "none");
        continue;
      }
      const bytes = certificateOf(program);
      t.like(checkCertificate(program, bytes), { kind: "proved" });
      t.true(bytes.length <= DIGEST_BYTES + 32 * program.instructions.length, `${bytes.length} bytes`);
    }
  });
}

test("random programs: certificates check, damaged ones are refused or still true", (t) => {
  const first = Date.now() % 2 ** 31;
  t.log(`first seed ${first}`);
  const outcomes = new Map<string, number>();
  const end = performance.now() + SECONDS * 1000;
  for (let seed = first; performance.now() < end; seed++) {
    const isLoop = seed % 4 === 0;
    const program = isLoop ? loopProgram("random", randomLoop(generator(seed))) : generateAny(seed);
    const outcome = attack(program, seed);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  for (const [outcome, count] of outcomes) t.log(`${count} ${outcome}`);
  t.true((outcomes.get("certified") ?? 0) > 0);
});

/** Paths that meet, and so states to list. */
const MEETING = testProgram({
  code: [
    "r6 = r1\nr0 = 0\n*(u64 *)(r10 - 8) = 0",
    ...Array.from(
      { length: 6 },
      (_, at) => `r1 = *(u32 *)(r6 + 24)
if r1 & 1 goto a${at}
r0 += 1
a${at}:
r2 = *(u64 *)(r10 - 8)
r2 += 0
*(u64 *)(r10 - 8) = r2
r2 = 0
r2 += 1
r2 += 1`,
    ),
    "r1 = r10\nr1 += -8\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nexit",
  ].join("\n"),
});

/** The certificate with some bytes in place of others, and the program's hash in any case. */
function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
}

test("what is cut off anywhere, or followed by more, is refused", (t) => {
  const bytes = certificateOf(MEETING);
  t.true(bytes.length > DIGEST_BYTES + 4);
  for (let length = 0; length < bytes.length; length++) {
    t.is(checkCertificate(MEETING, bytes.subarray(0, length)).kind, "refused", `${length}`);
  }
  t.like(checkCertificate(MEETING, Uint8Array.of(...bytes, 0)), { kind: "refused" });
});

test("no byte can be another one", (t) => {
  const bytes = certificateOf(MEETING);
  for (let at = 0; at < bytes.length; at++) {
    for (let value = 0; value < 256; value++) {
      if (value === bytes[at]) continue;
      const damaged = changed(bytes, at, value);
      // The strict bit may be set by anyone: the program must then satisfy the strict rules.
      if (checkCertificate(MEETING, damaged).kind === "refused") continue;
      t.deepEqual(recode(MEETING, damaged).bytes, damaged, `${at}: ${value}`);
    }
  }
  t.pass();
});

test("a certificate of another program is a mismatch, and with the hash made anew it is refused", (t) => {
  const bytes = certificateOf(MEETING);
  const instructions = MEETING.instructions.map((one, at) =>
    at === 3 && one.kind === "load" ? { ...one, offset: 1000 } : one,
  );
  const other = { ...MEETING, instructions };
  t.like(checkCertificate(other, bytes), { kind: "refused", code: "CertificateMismatch" });
  const rehashed = Uint8Array.from(bytes);
  rehashed.set(digestOf(other));
  t.like(checkCertificate(other, rehashed), { kind: "refused", code: "CertificateRefused" });
});

test("a loop without an end has no proof: a state does not cover itself", (t) => {
  const program = testProgram({ code: "r0 = 0\nagain:\nr0 += 1\ngoto again\nexit" });
  t.is(certify(program).kind, "none");
});

test("files hold certificates by name", (t) => {
  const bytes = certificateOf(MEETING);
  const file = encodeFile([{ program: "one", bytes }]);
  t.deepEqual(readCertificates(file), [{ program: "one", bytes }]);
  t.like(readCertificates(file.subarray(1)), { kind: "refused", code: "CertificateInvalid" });
  t.like(readCertificates(changed(file, 8, 2)), {
    kind: "refused",
    reason: "version 2 of the form is not known",
  });
  t.like(readCertificates(Uint8Array.of(...file, 0)), { kind: "refused" });
  const twice = encodeFile([
    { program: "one", bytes },
    { program: "one", bytes },
  ]);
  t.like(readCertificates(twice), { kind: "refused", reason: "two certificates of one" });
});
