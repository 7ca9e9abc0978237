// The mends that rejections give, put into the C source as they say: clang compiles the result, and the cause is gone. A
// program that was unsafe in one place is then accepted.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { loadObject } from "../../../core/elf/object.ts";
import { buildProgram } from "../../../core/program/build.ts";
import type { Failure, Mend } from "../../../core/verifier/verdict.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { compileC, HEADERS } from "../../harness/clang.ts";
import { FIXTURES } from "../../harness/fixture.ts";

const ROOT = join(FIXTURES, "..", "..");

/** More rounds are not needed: each mend takes the first cause away, and shows the next. */
const MOST_MENDS = 8;

/** These leak; what the program is to do instead is not to be seen from the line. */
const WITHOUT_MEND = ["unsafe-leak-context", "unsafe-leak-return"];

const SOURCES = [
  ...readdirSync(join(FIXTURES, "c"))
    .filter((name) => name.startsWith("unsafe-") && name.endsWith(".c"))
    .map((name) => `tests/fixtures/c/${name}`),
  "samples/droppacket_unsafe.c",
];

function failureOf(object: Uint8Array, path: string): Failure | undefined {
  const verdict = verify(buildProgram(loadObject(object, path), undefined));
  return verdict.kind === "accepted" ? undefined : verdict.failures[0];
}

function mended(text: string, { line, place, text: mend }: Mend): string {
  const lines = text.split(/\r?\n/);
  lines.splice(line - 1, place === "instead" ? 1 : 0, mend);
  return lines.join("\n");
}

for (const path of SOURCES) {
  const name = path.replace(/^.*\//, "").replace(/\.c$/, "");
  const isMended = !WITHOUT_MEND.includes(name);
  test(`${name} ${isMended ? "is accepted when it is mended as it is told" : "has no mend"}`, (t) => {
    t.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), "ebpf-mend-"));
    try {
      const original = readFileSync(join(ROOT, path), "utf8");
      const flags = [...HEADERS.ours, "-Wno-unused-parameter", ...extraFlags(original)];
      let text = original.replace(/#include ".*ebpf\.h"/, `#include "${join(ROOT, "samples", "ebpf.h")}"`);
      let failure = failureOf(readFileSync(join(ROOT, path.replace(/\.c$/, ".o"))), path);
      for (let round = 0; failure?.mend !== undefined && round < MOST_MENDS; round++) {
        t.log(`${failure.code}: ${failure.mend.text.trim()}`);
        text = mended(text, failure.mend);
        const source = join(folder, `${name}-${round}.c`);
        writeFileSync(source, text);
        failure = failureOf(compileC(source, flags), path);
      }
      t.is(failure === undefined, isMended, failure?.message ?? "accepted");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function extraFlags(text: string): string[] {
  const line = /^\/\/ clang: (.*)$/m.exec(text)?.[1];
  return line === undefined ? [] : line.trim().split(/\s+/);
}
