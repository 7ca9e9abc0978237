// C programs as clang compiles them: each unsafe one is rejected with the text in tests/fixtures/verifier/c, at its C line;
// its mended form is accepted. `--update` writes the texts anew.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { loadObject } from "../../../core/elf/object.ts";
import { buildProgram } from "../../../core/program/build.ts";
import { explain } from "../../../core/report/explain.ts";
import type { Verdict } from "../../../core/verifier/verdict.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { FIXTURES } from "../../harness/fixture.ts";

const ROOT = join(FIXTURES, "..", "..");

function verifyObject(path: string): Verdict {
  return verify(buildProgram(loadObject(readFileSync(join(ROOT, path)), path), undefined));
}

function names(prefix: string): string[] {
  return readdirSync(join(FIXTURES, "c"))
    .filter((name) => name.startsWith(prefix) && name.endsWith(".c"))
    .map((name) => name.slice(0, -2));
}

function golden(name: string, text: string): string {
  const path = join(FIXTURES, "verifier", "c", `${name}.txt`);
  if (process.argv.includes("--update")) writeFileSync(path, `${text}\n`);
  return existsSync(path) ? readFileSync(path, "utf8").replaceAll("\r\n", "\n") : "";
}

const UNSAFE = [
  ...names("unsafe-").map((name) => `tests/fixtures/c/${name}.o`),
  "samples/droppacket_unsafe.o",
];

for (const path of UNSAFE) {
  const name = path.replace(/^.*\//, "").replace(/\.o$/, "");
  test(`${path} is rejected with its C line`, (t) => {
    const verdict = verifyObject(path);
    if (verdict.kind === "accepted") {
      t.fail("accepted");
      return;
    }
    const text = explain(verdict);
    t.is(`${text}\n`, golden(name, text));
    const { source } = verdict.failures[0];
    const lines = readFileSync(join(ROOT, path.replace(/\.o$/, ".c")), "utf8").split(/\r?\n/);
    t.is(source?.text.trim(), lines[(source?.line ?? 0) - 1]?.trim());
  });
}

for (const path of [...names("safe-").map((name) => `tests/fixtures/c/${name}.o`), "samples/droppacket.o"]) {
  test(`${path} is accepted`, (t) => {
    const verdict = verifyObject(path);
    t.is(verdict.kind, "accepted", verdict.kind === "rejected" ? explain(verdict) : "");
  });
}

test("each unsafe program has its mended form", (t) => {
  t.deepEqual(
    names("unsafe-").map((name) => name.slice(2)),
    names("safe-"),
  );
});
