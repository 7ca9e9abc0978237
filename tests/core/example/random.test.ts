// Rejected random programs of every platform and type: looking for an example never throws.
import test from "ava";
import { findExample } from "../../../core/example/example.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { generateAny } from "../../fuzz/generate.ts";

const SECONDS = 5;

test("looking for an example of a random program ends, with one or with none", (t) => {
  t.timeout(20 * SECONDS * 1000);
  const first = Date.now() % 2 ** 31;
  t.log(`first seed ${first}`);
  const end = performance.now() + SECONDS * 1000;
  let rejected = 0;
  let found = 0;
  for (let seed = first; performance.now() < end; seed++) {
    const program = generateAny(seed);
    const verdict = verify(program, { maximumSteps: 20_000, strict: true });
    if (verdict.kind === "accepted") continue;
    rejected += 1;
    t.notThrows(() => {
      if (findExample(program, verdict.failures[0], true) !== undefined) found += 1;
    }, `seed ${seed}`);
  }
  t.log(`${rejected} rejected, ${found} with an example`);
  t.true(found > 0);
});
