// Rows of many files: the same in whatever number of threads, stable in order, and complete although one file is broken, one
// program takes too much memory, or somebody interrupts.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { type BatchRequest, verifyFiles } from "../../../core/manager/batch.ts";
import { findObjects } from "../../../core/manager/objects.ts";
import type { VerificationRecord } from "../../../core/manager/records.ts";
import { objectOf } from "../../fixtures/hostile/hostile.ts";
import { HOSTILE } from "../../fixtures/hostile/index.ts";
import { ROOT, SAMPLE, temporaryFolder, UNSAFE_SAMPLE } from "../../harness/service.ts";

const FILES = findObjects([join(ROOT, "samples"), join(ROOT, "tests", "fixtures", "c")], ROOT);

async function rowsOf(request: Partial<BatchRequest>): Promise<VerificationRecord[]> {
  const rows: VerificationRecord[] = [];
  for await (const row of verifyFiles({ files: FILES, choice: {}, jobs: 0, ...request })) rows.push(row);
  return rows;
}

const withoutTime = (rows: readonly VerificationRecord[]) => rows.map((row) => ({ ...row, milliseconds: 0 }));

/** A folder with objects of all kinds of names, and what is none. */
function folderOf(t: ExecutionContext): string {
  const folder = temporaryFolder(t);
  const object = readFileSync(SAMPLE);
  mkdirSync(join(folder, "b", "deep"), { recursive: true });
  writeFileSync(join(folder, "a.o"), object);
  writeFileSync(join(folder, "b", "deep", "program"), object);
  writeFileSync(join(folder, "b", "broken.o"), "no object");
  writeFileSync(join(folder, "b", "notes"), "no object");
  writeFileSync(join(folder, "z.txt"), object);
  return folder;
}

test("of a folder: *.o, and eBPF objects without extension, in the order of their paths", (t) => {
  const folder = folderOf(t);
  const names = findObjects([folder], "/").map((path) => path.slice(folder.length + 1));
  t.deepEqual(names, ["a.o", join("b", "broken.o"), join("b", "deep", "program")]);
});

test("every thread reads the types of a target by itself", async (t) => {
  const c = (name: string) => join(ROOT, "tests", "fixtures", "c", name);
  const choice = { btf: c("co-re-target.o"), platform: "linux" as const };
  const files = [c("co-re.o"), c("object-core.o")];
  const here = withoutTime(await rowsOf({ files, choice }));
  t.deepEqual(withoutTime(await rowsOf({ files, choice, jobs: 2 })), here);
  t.is(here.filter(({ code }) => code === "RelocationUnresolved").length, 4);
});

test("rows do not depend on the number of threads", async (t) => {
  t.true(FILES.length > 10);
  const here = withoutTime(await rowsOf({}));
  t.true(here.length > FILES.length);
  t.deepEqual(withoutTime(await rowsOf({ jobs: 1 })), here);
  t.deepEqual(withoutTime(await rowsOf({ jobs: 3 })), here);
});

for (const jobs of [0, 2]) {
  test(`a broken file is a row with its code (${jobs} threads)`, async (t) => {
    const rows = await rowsOf({ files: findObjects([folderOf(t)], "/"), jobs });
    t.deepEqual(
      rows.map(({ verdict, code }) => code ?? verdict),
      ["accepted", "ElfInvalid", "accepted"],
    );
  });

  test(`a broken file is an error where that is asked for (${jobs} threads)`, async (t) => {
    const files = [join(folderOf(t), "b", "broken.o")];
    const error = await t.throwsAsync(rowsOf({ files, jobs, strictFiles: true }), { instanceOf: EbpfError });
    t.is(error?.code, "ElfInvalid");
  });

  test(`an interruption ends it (${jobs} threads)`, async (t) => {
    const abort = new AbortController();
    const rows: VerificationRecord[] = [];
    const files = Array.from({ length: 20 }, () => FILES).flat();
    const run = async (): Promise<void> => {
      const request = { files, choice: {}, jobs };
      for await (const row of verifyFiles(request, { signal: abort.signal })) {
        rows.push(row);
        if (rows.length === 3) abort.abort();
      }
    };
    const error = await t.throwsAsync(run(), { instanceOf: EbpfError });
    t.is(error?.code, "Cancelled");
    t.is(rows.length, 3);
  });
}

test("who stops reading early leaves no thread behind", async (t) => {
  for await (const row of verifyFiles({ files: FILES, choice: {}, jobs: 2 })) {
    t.true(FILES.includes(row.file));
    break;
  }
});

test("a program that takes more memory than a thread may is a row, and the rest goes on", async (t) => {
  const folder = temporaryFolder(t);
  const large = join(folder, "large.o");
  const hostile = HOSTILE.find(({ name }) => name === "90,000 sums in a straight line");
  if (hostile === undefined) throw new Error("there is no such hostile program");
  writeFileSync(large, objectOf(hostile));
  const files = [SAMPLE, large, UNSAFE_SAMPLE];
  const rows = await rowsOf({ files, choice: { platform: "linux" }, jobs: 1, threadMebibytes: 24 });
  t.is(rows.length, 3);
  t.like(rows[1], { file: large, verdict: "error", code: "VerificationTooLarge" });
  t.is(rows[2]?.file, UNSAFE_SAMPLE);
});
