// Random accepted programs that share maps (tests/fuzz/shared-maps.fuzz.ts), for a while, from a seed that is told.
import test from "ava";
import { fuzzers } from "../fuzz/shared-maps.fuzz.ts";
import { countAllocations, share } from "../harness/driver.ts";

const first = Date.now() % 2 ** 31;
/** So many cases however slow the machine is: what one in eight does must come among them. */
const LEAST_CASES = 80;

/** By fuzzer; what programs must have done, at least one case in eighty. */
const EXPECTED: readonly (readonly [milliseconds: number, outcomes: readonly string[]])[] = [
  [share(20_000), ["agreed", "tail_call", "ringbuf_output", "map_push_elem", "map_pop_elem"]],
  [
    share(10_000),
    ["agreed", "tail_call", "ringbuf_output", "ringbuf_submit", "ringbuf_discard", "ringbuf_query"],
  ],
];

for (const [index, { name, run }] of fuzzers.entries()) {
  test.serial(name, (t) => {
    t.timeout(120_000);
    const before = countAllocations();
    const [milliseconds = 0, expected = []] = EXPECTED[index] ?? [];
    const outcomes = new Map<string, number>();
    const end = performance.now() + milliseconds;
    let cases = 0;
    for (; cases < LEAST_CASES || performance.now() < end; cases++) {
      for (const outcome of [run((first + cases) % 2 ** 31)].flat())
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    t.log(`${cases} cases from seed ${first}`);
    for (const outcome of expected) {
      t.true(
        (outcomes.get(outcome) ?? 0) >= cases / LEAST_CASES,
        `${outcome}: ${outcomes.get(outcome)} of ${cases}`,
      );
    }
    t.is(countAllocations(), before);
  });
}
