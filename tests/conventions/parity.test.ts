// The C headers and the platform's tables say the same: helper numbers and arguments, map types, verdicts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { loadObject } from "../../core/elf/object.ts";
import { findHelperByName, findMapType, findProgramType } from "../../core/platform/platform.ts";
import { PLATFORMS } from "../../core/platform/platforms.ts";

const root = join(import.meta.dirname, "..", "..");
const { windows } = PLATFORMS;

const HELPER = /\(\*const bpf_(\w+)\)\(([^)]*)\)\s*=\s*\(void ?\*\)(\w+);/g;

/** The constants of an enum: [name, number]. */
function constants(text: string, prefix: string): readonly [name: string, value: number][] {
  const matches = [...text.matchAll(new RegExp(`\\b${prefix}(\\w+) = (\\d+),`, "g"))];
  return matches.map((match) => [match[1] as string, Number(match[2])]);
}

for (const header of ["include/bpf/bpf_helpers.h", "samples/ebpf.h", "samples/sockets.h"]) {
  test(`${header}: helpers have the numbers and arguments of the table`, (t) => {
    const helpers = [...readFileSync(join(root, header), "utf8").matchAll(HELPER)];
    t.true(helpers.length > 5);
    for (const [, name = "", list = "", number] of helpers) {
      const row = findHelperByName(windows, name);
      t.is(row?.id, Number(number), name);
      t.is(row?.arguments.length, list === "void" ? 0 : list.split(",").length, name);
    }
  });
}

for (const header of ["include/linux/bpf.h", "samples/ebpf.h"]) {
  const text = readFileSync(join(root, header), "utf8");

  test(`${header}: map types have the numbers of the table`, (t) => {
    const types = constants(text, "BPF_MAP_TYPE_").filter(([name]) => name !== "UNSPEC");
    t.true(types.length > 5);
    for (const [name, value] of types)
      t.is(findMapType(windows, value)?.name, name.toLowerCase() as never, name);
  });

  test(`${header}: verdicts have the numbers of the table`, (t) => {
    const returns = findProgramType(windows, "xdp")?.returns ?? [];
    const verdicts = new Map(constants(text, "XDP_").map(([name, value]) => [`XDP_${name}`, value]));
    for (const row of returns) t.is(verdicts.get(row.name), row.value, row.name);
    // What else the header names is no verdict: it counts as aborted.
    for (const [name, value] of verdicts) {
      if (!returns.some((row) => row.name === name))
        t.false(
          returns.some((row) => row.value === value),
          name,
        );
    }
  });
}

/** By struct of samples/sockets.h: the context that it is, and an object with its type. */
const CONTEXTS = {
  bind_md: ["bind", "hook-bind"],
  bpf_sock_addr: ["cgroup_sock_addr", "hook-connect"],
  bpf_sock_ops: ["sock_ops", "hook-flow"],
} as const;

test("samples/sockets.h: contexts have the fields of the table, compiled", (t) => {
  for (const [struct, [type, file]] of Object.entries(CONTEXTS)) {
    const object = readFileSync(join(root, "tests", "fixtures", "c", `${file}.o`));
    const types = loadObject(object, file).btf?.types ?? [];
    const found = types.find((row) => row.kind === "struct" && row.name === struct);
    const context = findProgramType(windows, type)?.context;
    if (found?.kind !== "struct" || context === undefined) return t.fail(struct);
    t.is(found.sizeBytes, context.sizeBytes, struct);
    const starts = found.members.map(({ bitOffset }) => bitOffset / 8);
    t.deepEqual(
      starts,
      context.fields.map(({ byteOffset }) => byteOffset),
      struct,
    );
  }
});

test("samples/sockets.h: answers have the numbers of the table", (t) => {
  const text = readFileSync(join(root, "samples/sockets.h"), "utf8");
  for (const [type, prefix] of [
    ["bind", "BIND_"],
    ["cgroup_sock_addr", "BPF_SOCK_ADDR_VERDICT_"],
  ] as const) {
    const rows = findProgramType(windows, type)?.returns ?? [];
    const named = constants(text, prefix).filter(([name]) => !name.startsWith("OPERATION"));
    t.true(named.length >= 3);
    for (const [name, value] of named)
      t.is(rows.find((row) => row.name === `${prefix}${name}`)?.value, value);
  }
});
