// Programs made to keep a verifier busy: each ends with a verdict, within the budget of steps, always with the same counts.
import test from "ava";
import { DEFAULT_MAXIMUM_STEPS, verify } from "../../../core/verifier/verify.ts";
import { programOfInstructions, testProgram } from "./programs.ts";

function repeat(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join("\n");
}

const SPILLS = repeat(60, (index) => `*(u64 *)(r10 - ${8 * (index + 4)}) = r1`);

const CASES: Readonly<Record<string, { readonly code: string; readonly verdict: string }>> = {
  "a jump to itself": { code: "r0 = 0\nloop:\ngoto loop", verdict: "LoopNotBounded" },
  "diamonds that double the paths": {
    code: `r6 = r1\nr0 = 0\n${repeat(
      300,
      (index) =>
        `r1 = *(u32 *)(r6 + 24)\nif r1 & 1 goto a${index}\nr0 += ${(2 ** (index % 31)) | 0}\na${index}:`,
    )}\nexit`,
    verdict: "TooComplex",
  },
  "diamonds that meet again": {
    code: `r6 = r1\nr0 = 0\n${repeat(
      5000,
      (index) => `r1 = *(u32 *)(r6 + 24)\nif r1 & 1 goto a${index}\nr2 = ${index}\na${index}:`,
    )}\nexit`,
    verdict: "accepted",
  },
  "a counter that jumps over its bound": {
    code: "r0 = 0\nloop:\nr0 += 2\nif r0 != 1000001 goto loop\nexit",
    verdict: "LoopNotBounded",
  },
  "a bound that is read anew in each round": {
    code: "r6 = r1\nr7 = 0\nloop:\nr7 += 1\nr1 = *(u32 *)(r6 + 24)\nif r1 > r7 goto loop\nr0 = 0\nexit",
    verdict: "LoopNotBounded",
  },
  "a long loop with a full stack": {
    code: `r6 = r1\n${SPILLS}\n*(u64 *)(r10 - 8) = 0\nloop:\nr1 = *(u64 *)(r10 - 8)\nr1 += 1\n*(u64 *)(r10 - 8) = r1\nif r1 < 1000000 goto loop\nr0 = 0\nexit`,
    verdict: "LoopNotBounded",
  },
  "calls that call eight times each, six deep": {
    code: `${repeat(8, () => "call f0")}\nexit\n${repeat(
      6,
      (index) => `f${index}:\n${repeat(8, () => `call f${index + 1}`)}\nexit`,
    )}\nf6:\nr0 = 0\nexit`,
    verdict: "TooComplex",
  },
  "a ladder of five thousand comparisons": {
    code: `r1 = *(u32 *)(r1 + 24)\nr0 = 0\n${repeat(5000, (index) => `if r1 == ${index} goto out${index % 100}`)}\n${repeat(100, (index) => `out${index}:\nr0 += 1`)}\nexit`,
    verdict: "accepted",
  },
  "three loops in each other, a million rounds": {
    code: "r0 = 0\nr1 = 0\na:\nr2 = 0\nb:\nr3 = 0\nc:\nr3 += 1\nif r3 < 100 goto c\nr2 += 1\nif r2 < 100 goto b\nr1 += 1\nif r1 < 100 goto a\nexit",
    verdict: "LoopNotBounded",
  },
};

for (const [name, { code, verdict: expected }] of Object.entries(CASES)) {
  test(name, (t) => {
    const program = testProgram({ code });
    const verdict = verify(program);
    t.is(verdict.kind === "accepted" ? "accepted" : verdict.failures[0].code, expected as "TooComplex");
    t.true(verdict.steps <= DEFAULT_MAXIMUM_STEPS + 1);
    const again = verify(program);
    t.deepEqual([again.steps, again.states], [verdict.steps, verdict.states]);
  });
}

test("a program longer than any real one", (t) => {
  const zero = { kind: "immediate", value: 0 } as const;
  const move = { kind: "mov", width: 64, destination: 0, source: zero } as const;
  const verdict = verify(programOfInstructions([...Array(100_001).fill(move), { kind: "exit" }]));
  t.like(verdict, { kind: "rejected", failures: [{ code: "TooComplex", instruction: 100_000 }] });
});
