// A few hundred cases of each fuzzer of the driver (tests/fuzz/driver.fuzz.ts), of fixed seeds.
import test from "ava";
import { fuzzers } from "../fuzz/driver.fuzz.ts";
import { countAllocations, share } from "../harness/driver.ts";

/** Cases; how they must have ended, at least one in twenty each. */
const EXPECTED: readonly (readonly [cases: number, outcomes: readonly string[]])[] = [
  [150, ["agreed"]],
  [250, ["agreed"]],
  [1000, ["ran to its end", "OutOfBounds", "InstructionInvalid"]],
  [300, ["compiled", "InstructionInvalid"]],
];

test("each fuzzer has its row", (t) => {
  t.is(EXPECTED.length, fuzzers.length);
});

for (const [index, { name, run }] of fuzzers.entries()) {
  test.serial(name, (t) => {
    const before = countAllocations();
    const [cases = 0, expected = []] = EXPECTED[index] ?? [];
    const outcomes = new Map<string, number>();
    for (let seed = 1; seed <= share(cases); seed++) {
      for (const outcome of [run(seed)].flat()) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (const outcome of expected) {
      t.true((outcomes.get(outcome) ?? 0) > share(cases) / 20, `${outcome}: ${outcomes.get(outcome)}`);
    }
    t.is(countAllocations(), before);
  });
}
