// Committed objects are what their sources say; needs no compiler.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { findStale, listSources } from "../../scripts/fixtures.ts";

const root = join(import.meta.dirname, "..", "..");

test("no object is older than its source", (t) => {
  t.true(listSources().length > 0);
  t.deepEqual(findStale(), []);
});

test("no object holds an absolute path", (t) => {
  for (const source of listSources()) {
    const text = readFileSync(join(root, source.replace(/\.c$/, ".o")), "latin1");
    t.deepEqual(text.match(/\/(work|home|root|tmp|usr|build)\/[\w./-]*/g) ?? [], [], source);
  }
});
