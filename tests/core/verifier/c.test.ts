// C programs as clang compiles them: each unsafe one is rejected with the text in tests/fixtures/verifier/c, at its C line;
// its mended form is accepted. `--update` writes the texts anew.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { findExample } from "../../../core/example/example.ts";
import { explain, explainFailure } from "../../../core/report/explain.ts";
import { failureRecord } from "../../../core/report/records.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { FIXTURES } from "../../harness/fixture.ts";
import { namesOfC, programOfObject, SAFE_OBJECTS, UNSAFE_OBJECTS } from "./fixtures.ts";

const ROOT = join(FIXTURES, "..", "..");

function golden(name: string, text: string): string {
  const path = join(FIXTURES, "verifier", "c", `${name}.txt`);
  if (process.argv.includes("--update")) writeFileSync(path, `${text}\n`);
  return existsSync(path) ? readFileSync(path, "utf8").replaceAll("\r\n", "\n") : "";
}

for (const path of UNSAFE_OBJECTS) {
  const name = path.replace(/^.*\//, "").replace(/\.o$/, "");
  test(`${path} is rejected with its C line`, (t) => {
    const program = programOfObject(path);
    const verdict = verify(program);
    if (verdict.kind === "accepted") {
      t.fail("accepted");
      return;
    }
    const [first] = verdict.failures;
    const text = explainFailure(failureRecord(first, findExample(program, first, false)));
    t.is(`${text}\n`, golden(name, text));
    const { source } = verdict.failures[0];
    const lines = readFileSync(join(ROOT, path.replace(/\.o$/, ".c")), "utf8").split(/\r?\n/);
    t.is(source?.text.trim(), lines[(source?.line ?? 0) - 1]?.trim());
  });
}

for (const path of SAFE_OBJECTS) {
  test(`${path} is accepted`, (t) => {
    const verdict = verify(programOfObject(path));
    t.is(verdict.kind, "accepted", verdict.kind === "rejected" ? explain(verdict) : "");
  });
}

test("each unsafe program has its mended form", (t) => {
  t.deepEqual(
    namesOfC("unsafe-").map((name) => name.slice(2)),
    namesOfC("safe-"),
  );
});
