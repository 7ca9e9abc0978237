// A few seconds of the soundness net in every test run, from a seed that is printed; `npm run fuzz` goes on for longer.
// Seeds that once showed a defect stay in the list.
import test from "ava";
import { castNet } from "./net.ts";

const SECONDS = 5;

/** Programs that showed defects while the verifier was written. */
const KNOWN_SEEDS: readonly number[] = [138, 143, 205, 301];

test("accepted programs run without a fault, in states that the verifier kept", (t) => {
  for (const seed of KNOWN_SEEDS) castNet(seed);
  const first = Date.now() % 2 ** 31;
  t.log(`first seed ${first}`);
  const end = performance.now() + SECONDS * 1000;
  let programs = 0;
  let accepted = 0;
  let observed = 0;
  while (performance.now() < end) {
    const result = castNet(first + programs);
    programs += 1;
    accepted += result.accepted ? 1 : 0;
    observed += result.observed;
  }
  t.log(`${programs} programs, ${accepted} accepted, ${observed} states looked at`);
  t.true(accepted * 3 >= programs, "the generator makes too few safe programs");
  t.true(observed > accepted);
});
