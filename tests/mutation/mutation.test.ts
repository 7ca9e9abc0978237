// Every row of the table of mutants still fits the source; the detectors find nothing in the verifier as it is, and find
// out about some mutants, others each time. `npm run fuzz -- mutants` runs them all.
import test from "ava";
import { generator } from "../harness/mutate.ts";
import { runJob } from "./job.ts";
import { checkMutant } from "./mutant.ts";
import { EQUIVALENT } from "./mutants/equivalent.ts";
import { MUTANTS } from "./mutants/index.ts";
import { catchOf, rowOf, runMutants } from "./run.ts";

const SECONDS = 20;

test("the table has mutants enough, each by its own name", (t) => {
  t.true(MUTANTS.length >= 70);
  t.is(new Set(MUTANTS.map(({ file, name }) => `${file}: ${name}`)).size, MUTANTS.length);
});

test("every row fits the source, and what it makes can be parsed", (t) => {
  for (const mutant of [...MUTANTS, ...EQUIVALENT]) t.notThrows(() => checkMutant(mutant));
});

test("a mutant whose text is not there, or twice, does not fit", (t) => {
  const mutant = { name: "test", file: "strict.ts", replace: "", note: "" };
  t.throws(() => checkMutant({ ...mutant, find: "this is not there" }), { message: /occurs 0 times/ });
  t.throws(() => checkMutant({ ...mutant, find: "program" }), { message: /occurs \d+ times/ });
  t.throws(() => checkMutant({ ...mutant, find: "return program", replace: "return ) program" }));
});

test("nothing is found in the verifier as it is", async (t) => {
  t.timeout(180_000);
  const reports = await runJob({ seed: Date.now() % 2 ** 31, seconds: 2, all: true });
  t.true(reports.length >= 5);
  t.deepEqual(
    reports.filter(({ found }) => found !== undefined),
    [],
  );
});

test("mutants chosen by a seed are caught", async (t) => {
  t.timeout(300_000);
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  const next = generator(seed);
  const rest = [...MUTANTS];
  const end = performance.now() + 1000 * SECONDS;
  let count = 0;
  while (performance.now() < end) {
    const [mutant] = rest.splice(next(rest.length), 1);
    if (mutant === undefined) break;
    const [outcome] = await runMutants([mutant], { seed, seconds: 60, all: false }, (row) =>
      t.log(rowOf(row)),
    );
    t.truthy(outcome && catchOf(outcome), `${mutant.file}: ${mutant.name}`);
    count += 1;
  }
  t.true(count > 0);
});
