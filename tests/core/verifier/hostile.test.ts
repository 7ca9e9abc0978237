// Whatever a program is, there is a verdict on it: within the budget of steps, in bounded memory, and never "accepted" for
// what is unsafe. Each in a process of its own, because memory is the process's. Times are printed by `npm run bench`.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { DEFAULT_MAXIMUM_STEPS } from "../../../core/verifier/verify.ts";
import { bundle } from "../../../scripts/bundle.ts";
import { objectOf, TOO_MUCH } from "../../fixtures/hostile/hostile.ts";
import { HOSTILE } from "../../fixtures/hostile/index.ts";
import { measuredVerify } from "../../harness/measured.ts";

const PROCESSES_AT_ONCE = 2;
/** A process that does nothing has 50; a thread may take 128 and what it has just made (core/manager/pool.ts). */
const MOST_MEBIBYTES = 256;

const folder = mkdtempSync(join(tmpdir(), "ebpf-hostile-"));
test.before(() => bundle(join(folder, "dist")));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const queue = [...HOSTILE.entries()];

test("there are at least thirty hostile programs, of different names", (t) => {
  t.true(HOSTILE.length >= 30);
  t.is(new Set(HOSTILE.map(({ name }) => name)).size, HOSTILE.length);
});

for (let process = 1; process <= PROCESSES_AT_ONCE; process++) {
  test(`each hostile program has its verdict (${process})`, async (t) => {
    t.timeout(300_000);
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [number, hostile] = next;
      const file = join(folder, `${number}.o`);
      writeFileSync(file, objectOf(hostile));
      const { records, peakMebibytes, errors } = await measuredVerify(join(folder, "dist"), [
        "--platform",
        "linux",
        file,
      ]);
      const { name, safe, also } = hostile;
      const [record] = records;
      t.is(errors, "", name);
      t.is(records.length, 1, name);
      if (record === undefined) continue;
      const told = `${name}: ${record.code} ${record.message}`;
      const allowed = [undefined, also, ...TOO_MUCH];
      if (safe) t.true(allowed.includes(record.code), told);
      else t.is(record.verdict, "rejected", told);
      // The step at which the budget is found to be spent is counted too.
      t.true(record.steps <= DEFAULT_MAXIMUM_STEPS + 1, told);
      t.true(peakMebibytes <= MOST_MEBIBYTES, `${told}: ${peakMebibytes} MiB`);
    }
  });
}
