// The totals that `npm test` ends with.
import test from "ava";
import { addTapLine, emptyTotals, failedOf } from "../../scripts/tap.ts";

const STREAM = `TAP version 13
ok 1 - core › first
not ok 2 - core › second
  ---
    name: AssertionError
    message: 'not ok of the message, and ok too'
    at: |-
      ok 3 - inside a block
  ...
ok 3 - core › third # SKIP
not ok 4 - core › fourth # TODO
ok 5 - says # something about ok
# pass 2
1..5`;

test("results are counted, text inside blocks and comments is not", (t) => {
  const totals = STREAM.split("\n").reduce(addTapLine, emptyTotals);
  t.deepEqual(totals, { passed: 2, failed: 1, skipped: 2 });
  t.is(failedOf(totals), 3);
});

test("tests that a crash kept from running are failed ones", (t) => {
  const lines = ["ok 1 - a", "not ok 2 - b.test.ts exited due to SIGSEGV", "# pass 1", "# fail 4"];
  t.deepEqual(lines.reduce(addTapLine, emptyTotals), { passed: 1, failed: 4, skipped: 0 });
});
