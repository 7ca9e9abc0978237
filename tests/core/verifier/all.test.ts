// verify with `all`: a failure ends its path only; the first is the one that is told without, the others are each told once.
import test from "ava";
import type { Verdict } from "../../../core/verifier/verdict.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { readFixtures, sectionText } from "../../harness/fixture.ts";
import { mapsOf, programOfInstructions, testProgram } from "./programs.ts";

function found(verdict: Verdict): string[] {
  if (verdict.kind === "accepted") return [];
  return verdict.failures.map(({ code, instruction }) => `${instruction} ${code}`);
}

test("a failure on one side of a branch does not hide those of the other side", (t) => {
  const program = testProgram({
    code: `
      r2 = *(u32 *)(r1 + 24)
      if r2 == 0 goto other
      r0 = *(u64 *)(r10 - 8)
      r0 = r9
      exit
    other:
      r3 = *(u64 *)(r1 + 0)
      r0 = *(u8 *)(r3 + 0)
      exit`,
  });
  t.deepEqual(found(verify(program)), ["2 StackUninitialized"]);
  t.deepEqual(found(verify(program, { all: true })), ["2 StackUninitialized", "6 PacketOutOfBounds"]);
});

test("a place is told once, by its first cause, however many paths come to it", (t) => {
  const program = testProgram({
    code: `
      r2 = *(u32 *)(r1 + 24)
      if r2 == 0 goto +1
      r3 = 1
      if r2 == 1 goto +1
      r4 = 1
      r0 = r5
      exit`,
  });
  t.deepEqual(found(verify(program, { all: true })), ["5 RegisterUninitialized"]);
});

test("what a failed check looked at mattered: another value may pass there and fail later", (t) => {
  // The state kept where the paths meet differs in r3 only, which the check at the load is about.
  const program = testProgram({
    code: `
      r2 = *(u32 *)(r1 + 24)
      r3 = -600
      if r2 == 0 goto +1
      r3 = -8
      r4 = r10
      r4 += r3
      r5 = 1
      *(u8 *)(r4 + 0) = 1
      r0 = r9
      exit`,
  });
  const all = found(verify(program, { all: true }));
  t.deepEqual([...all].sort(), ["7 StackOutOfBounds", "8 RegisterUninitialized"]);
});

test("what is wrong with the shape is told at every place", (t) => {
  const program = testProgram({ code: "call 9999\nr10 = 1\ncall 9999\nr0 = 0\nexit" });
  t.deepEqual(found(verify(program)), ["0 HelperUnknown"]);
  t.deepEqual(found(verify(program, { all: true })), [
    "0 HelperUnknown",
    "1 FramePointerReadOnly",
    "2 HelperUnknown",
  ]);
});

test("the budget of steps ends the search; failures found before stay", (t) => {
  const lines = Array.from({ length: 50 }, (_, index) => `r2 += ${index}`);
  const program = testProgram({
    code: [
      "r2 = *(u32 *)(r1 + 24)",
      "if r2 == 0 goto last",
      "r0 = r9",
      "exit",
      "last:",
      ...lines,
      "exit",
    ].join("\n"),
  });
  const verdict = verify(program, { all: true, maximumSteps: 20 });
  t.deepEqual(found(verdict), ["2 RegisterUninitialized", "21 TooComplex"]);
  t.deepEqual(verify(program, { all: true, maximumSteps: 20 }), verdict);
});

for (const fixture of readFixtures("verifier")) {
  test(`${fixture.name}: the first of all is the one that is told alone`, (t) => {
    const asm = fixture.sections.find((section) => section.name === "asm");
    const { platform = "windows", type, memory, strict } = asm?.attributes ?? {};
    const program = testProgram({
      code: asm?.text ?? "",
      platform,
      maps: mapsOf(sectionText(fixture, "maps") ?? "", platform),
      ...(type === undefined ? {} : { type }),
      ...(memory === undefined ? {} : { memory: Number(memory) }),
    });
    const one = found(verify(program, { strict: strict === "yes" }));
    const all = found(verify(program, { strict: strict === "yes", all: true }));
    t.deepEqual(all.slice(0, 1), one);
    t.is(new Set(all).size, all.length);
  });
}

test("a program of nothing but errors is told in bounded length", (t) => {
  const program = programOfInstructions(testProgram({ code: `${"r10 = 1\n".repeat(500)}exit` }).instructions);
  t.is(found(verify(program, { all: true })).length, 100);
});
