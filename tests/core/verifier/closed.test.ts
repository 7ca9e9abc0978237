// The invariants of accepted programs are closed under the program: marks leave out nothing that a proof needed, joins
// lose nothing of what they join. Programs are random, from a seed that is printed.
import test from "ava";
import { generateAny } from "../../fuzz/generate.ts";
import { checkClosed } from "./closed.ts";
import { testProgram } from "./programs.ts";

const SECONDS = 3;

test("the invariants of random accepted programs are closed", (t) => {
  const first = Date.now() % 2 ** 31;
  t.log(`first seed ${first}`);
  const end = performance.now() + SECONDS * 1000;
  let accepted = 0;
  let invariants = 0;
  for (let seed = first; performance.now() < end; seed++) {
    const closed = checkClosed(generateAny(seed), 20_000);
    if (closed === undefined) continue;
    t.is(closed.problem, undefined, `seed ${seed}`);
    accepted += 1;
    invariants += closed.invariants;
  }
  t.log(`${accepted} programs, ${invariants} invariants`);
  t.true(invariants > 0);
});

/** Programs with many paths that meet: each must have invariants, and they must be closed. */
const MEETING: Readonly<Record<string, string>> = {
  "a flag decides what was proved": `
    r2 = *(u64 *)(r1 + 0)
    r3 = *(u64 *)(r1 + 8)
    r4 = r2
    r4 += 14
    r5 = 1
    if r4 > r3 goto on
    r5 = 0
    on:
    r0 = 0
    r0 += 1
    r0 += 1
    r0 += 1
    r0 += 1
    r0 += 1
    r0 += 1
    if r5 != 0 goto out
    r0 = *(u8 *)(r2 + 13)
    out:
    exit`,
  "diamonds whose sum is only returned": `
    r6 = r1
    r0 = 0
    ${Array.from(
      { length: 12 },
      (_, index) => `
    r1 = *(u32 *)(r6 + 24)
    if r1 & 1 goto a${index}
    r0 += ${index}
    a${index}:
    r0 += 1
    r0 += 1
    r0 += 1
    r0 += 1
    r0 += 1`,
    ).join("")}
    exit`,
  "diamonds whose sum, bounded, is an offset": `
    r6 = r1
    r0 = 0
    *(u64 *)(r10 - 8) = 0
    ${Array.from(
      { length: 6 },
      (_, index) => `
    r1 = *(u32 *)(r6 + 24)
    if r1 & 1 goto a${index}
    r0 += 1
    a${index}:
    r2 = *(u64 *)(r10 - 8)
    r2 += 0
    *(u64 *)(r10 - 8) = r2
    r2 = 0
    r2 += 1`,
    ).join("")}
    r1 = r10
    r1 += -8
    r1 += r0
    r0 = *(u8 *)(r1 + 0)
    exit`,
};

for (const [name, code] of Object.entries(MEETING)) {
  test(name, (t) => {
    const closed = checkClosed(testProgram({ code: code.replaceAll(/^ +/gm, "").trim() }), 20_000);
    t.truthy(closed, "rejected");
    t.is(closed?.problem, undefined);
    t.true((closed?.invariants ?? 0) > 0);
  });
}
