// docs/errors.md: every code has a section, every section is of a code, and each pair of examples is what it says: the first is
// rejected (or refused) with exactly that code, the second accepted. Where a section shows types of a target, both are
// verified against them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { verifyFiles } from "../../core/manager/batch.ts";
import type { VerificationRecord } from "../../core/manager/records.ts";
import { listCodes, sectionsOf } from "../../core/report/codes.ts";
import { FAILURE_CODES } from "../../core/verifier/failure.ts";
import { verify } from "../../core/verifier/verify.ts";
import { testProgram } from "../core/verifier/programs.ts";
import { compileC, HEADERS } from "../harness/clang.ts";

const root = join(import.meta.dirname, "..", "..");
const text = readFileSync(join(root, "docs", "errors.md"), "utf8").replaceAll("\r\n", "\n");
const sections = sectionsOf(text);

interface Example {
  readonly language: string;
  readonly outcome: string;
  readonly platform: "windows" | "linux";
  readonly body: string;
}

function examplesOf(section: string): Example[] {
  return [...section.matchAll(/^```(\w+) (\w+)(?: platform=(\w+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", outcome = "", platform = "windows", body = ""]) => {
      if (platform !== "windows" && platform !== "linux") throw new Error(`no platform ${platform}`);
      return { language, outcome, platform, body };
    },
  );
}

const isVerdict = (outcome: string): boolean => outcome !== "target";

const folder = mkdtempSync(join(tmpdir(), "ebpf-errors-"));
test.before(() => {
  const [, header = ""] = /^```c linux\.h\n([\s\S]*?)^```$/m.exec(text) ?? [];
  writeFileSync(join(folder, "linux.h"), header);
});
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

function compile({ body, platform }: Example, name: string): string {
  const source = join(folder, `${name}.c`);
  writeFileSync(source, body);
  const headers = platform === "linux" ? [...HEADERS.linux, `-I${folder}`] : ["-Isamples"];
  const file = join(folder, `${name}.o`);
  // What clang itself would warn of is what the examples are about.
  writeFileSync(file, compileC(source, ["-w", ...headers]));
  return file;
}

/** The code of the verdict, or "accepted"; `btf` is an object with the types of a target. */
async function codeOf(example: Example, name: string, btf?: string): Promise<string> {
  if (example.language === "asm") {
    const verdict = verify(testProgram({ code: example.body, platform: example.platform }));
    return verdict.kind === "accepted" ? "accepted" : verdict.failures[0].code;
  }
  const file = compile(example, name);
  const records: VerificationRecord[] = [];
  for await (const row of verifyFiles({ files: [file], choice: btf === undefined ? {} : { btf }, jobs: 0 }))
    records.push(row);
  const [record, ...others] = records;
  if (record === undefined || others.length > 0) throw new Error(`${name}: one program is to be verified`);
  if (record.platform !== example.platform && record.verdict !== "error") {
    throw new Error(`${name} is taken for a program of ${record.platform}`);
  }
  return record.code ?? record.verdict;
}

test("every code has a section, and every section a code", (t) => {
  t.deepEqual(
    [...sections.keys()].sort(),
    listCodes()
      .map(({ code }) => code)
      .sort(),
  );
});

test("every failure is shown, rejected and mended", (t) => {
  for (const code of Object.keys(FAILURE_CODES)) {
    const outcomes = examplesOf(sections.get(code) ?? "").map(({ outcome }) => outcome);
    t.deepEqual(outcomes.filter(isVerdict), ["rejected", "accepted"], code);
  }
});

test("no code block is left out", (t) => {
  const run = [...sections.values()].flatMap(examplesOf).length;
  // Beside the examples there is the header that those for Linux include.
  t.is([...text.matchAll(/^```\w/gm)].length, run + 1);
});

for (const [code, section] of sections) {
  const target = examplesOf(section).find(({ outcome }) => outcome === "target");
  for (const [index, example] of examplesOf(section).entries()) {
    if (!isVerdict(example.outcome)) continue;
    test(`${code}: ${example.outcome}`, async (t) => {
      const btf = target === undefined ? undefined : compile(target, `${code}-target-${index}`);
      const expected = { rejected: code, refused: code, accepted: "accepted" }[example.outcome];
      t.is(await codeOf(example, `${code}-${index}`, btf), expected as string);
    });
  }
}
