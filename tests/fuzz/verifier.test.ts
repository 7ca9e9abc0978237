// A minute of the soundness net in every test run, from a seed that is printed, beside the other tests; `npm run fuzz` goes
// on for longer. Seeds that once showed a defect stay in the list.
import test from "ava";
import { generateAny } from "./generate.ts";
import { castNet } from "./net.ts";

const SECONDS = 60;

/** Programs that showed defects. */
const KNOWN_SEEDS: readonly number[] = [];

test("accepted programs run without a fault, in states that the verifier kept", (t) => {
  t.timeout(4 * SECONDS * 1000);
  for (const seed of KNOWN_SEEDS) castNet(generateAny(seed), seed);
  const first = Date.now() % 2 ** 31;
  t.log(`first seed ${first}`);
  const end = performance.now() + SECONDS * 1000;
  let programs = 0;
  let accepted = 0;
  let observed = 0;
  while (performance.now() < end) {
    const result = castNet(generateAny(first + programs), first + programs);
    programs += 1;
    accepted += result.outcome === "accepted" ? 1 : 0;
    observed += result.observed;
  }
  const share = ((100 * accepted) / programs).toFixed(0);
  t.log(`${programs} programs, ${accepted} accepted (${share} %), ${observed} states looked at`);
  t.true(accepted * 3 >= programs, "the generator makes too few safe programs");
  t.true(observed > accepted);
});
