// A program that is judged by another platform than it was made for is told so, in verdicts and when it is loaded.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { parse } from "../../../core/isa/parse.ts";
import { verifyFile } from "../../../core/manager/inspect.ts";
import { type Choice, readProgram } from "../../../core/manager/load.ts";
import { writeObject } from "../../harness/object.ts";

const folder = mkdtempSync(join(tmpdir(), "ebpf-other-platform-"));
test.after.always(() => rmSync(folder, { recursive: true }));

interface Case {
  readonly code: string;
  readonly section?: string;
  readonly platform?: "windows" | "linux";
  readonly remedy: RegExp;
}

const PRINT = "*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 7\ncall 13\nr0 = 1\nexit";

const CASES: Readonly<Record<string, Case>> = {
  "a context of Windows, judged as Linux'": {
    code: "r2 = *(u64 *)(r1 + 8)\nr0 = 1\nexit",
    platform: "linux",
    remedy:
      /^The object was made for windows, and is judged as one for linux: give platform windows .* Use only the fields/,
  },
  "a context of Linux, judged as Windows'": {
    code: "r2 = *(u32 *)(r1 + 4)\nr0 = 1\nexit",
    platform: "windows",
    remedy: /^The object was made for linux, and is judged as one for windows: give platform linux/,
  },
  "a hook that only Windows has: its helper has another name on Linux": {
    code: PRINT,
    section: "bind",
    platform: "linux",
    remedy: /made for windows.* Helper 13 is bpf_trace_printk3 there\. Pass what/,
  },
  "helpers of Windows, in an object that tells nothing": {
    code: PRINT,
    platform: "linux",
    remedy: /^Nothing in the object tells its platform: if it was made for windows, give platform windows/,
  },
  "what is wrong on every platform, in an object that tells nothing": {
    code: "r0 = r3\nexit",
    platform: "linux",
    remedy: /^Give the variable a value/,
  },
  "a program of Linux, judged as such": {
    code: "r6 = r1\nr2 = *(u32 *)(r1 + 4)\nr1 = 1\ncall 44\nr0 = 1\nexit",
    platform: "linux",
    remedy: /^Pass what the helper's prototype asks for/,
  },
  "nobody has chosen a platform": {
    code: "r2 = *(u64 *)(r1 + 8)\nr0 = r2\nexit",
    remedy: /^Do not store pointers/,
  },
};

for (const [index, [name, { code, section = "xdp", platform, remedy }]] of Object.entries(CASES).entries()) {
  test(name, async (t) => {
    const file = join(folder, `${index}.o`);
    writeFileSync(file, writeObject({ programs: [{ section, name: "main", code: parse(code) }] }));
    const choice: Choice = { file, ...(platform !== undefined && { platform }) };
    const [record] = await verifyFile(choice);
    t.regex(record?.remedy ?? "", remedy, record?.message);
    t.is(record?.failure?.remedy, record?.remedy);
  });
}

test("what is loaded is told so too", (t) => {
  const bytes = writeObject({
    programs: [{ section: "xdp", name: "main", code: parse("r2 = *(u32 *)(r1 + 4)\nr0 = 1\nexit") }],
  });
  const error = t.throws(() => readProgram(bytes, { file: "x.o", platform: "windows" }, () => {}), {
    instanceOf: EbpfError,
  });
  t.is(error?.code, "ProgramRejected");
  const details = error?.data.details as { readonly failure: { readonly remedy: string } } | undefined;
  t.regex(details?.failure.remedy ?? "", /^The object was made for linux/);
});
