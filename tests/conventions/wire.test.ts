// core/host/kernel/wire.ts against driver/ioctl.h: everything that the header names is in the tables, and everything in the tables
// is what a compiler makes of the header: codes, numbers, sizes, and where each member lies.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import {
  decodeStructure,
  encodeStructure,
  layoutOf,
  type Structure,
  sizeOf,
} from "../../core/host/kernel/structure.ts";
import {
  CONSTANTS,
  CONTRACT_VERSION,
  DEVICE_TYPE,
  decodeReply,
  ERRORS,
  encodeRequest,
  FAULTS,
  FINDINGS,
  MAXIMUM,
  NAME_BYTES,
  REQUESTS,
  STRUCTURES,
} from "../../core/host/kernel/wire.ts";

const DRIVER = join(import.meta.dirname, "..", "..", "driver");
const textOf = (name: string): string =>
  readFileSync(join(DRIVER, name), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
const header = textOf("ioctl.h");

/** C's value of each expression, by gcc. */
function evaluate(expressions: readonly string[]): Map<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-wire-"));
  try {
    const lines = expressions.map((one) => `printf("%llu\\n", (unsigned long long)(${one}));`);
    const source = [
      "#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>",
      "typedef uint8_t UINT8; typedef uint32_t UINT32; typedef uint64_t UINT64;",
      '#include "ioctl.h"',
      `int main(void) {\n${lines.join("\n")}\nreturn 0;\n}`,
    ];
    writeFileSync(join(folder, "wire.c"), source.join("\n"));
    const program = join(folder, "wire");
    execFileSync("gcc", ["-w", `-I${DRIVER}`, join(folder, "wire.c"), "-o", program], { timeout: 60_000 });
    const printed = execFileSync(program, { encoding: "utf8" }).trim().split("\n");
    return new Map(expressions.map((one, index) => [one, Number(printed[index])]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const nameInC = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** What the tables say, as C's expressions and their values. */
const said = new Map<string, number>([
  ["EBPF_CONTRACT_VERSION", CONTRACT_VERSION],
  ["EBPF_DEVICE_TYPE", DEVICE_TYPE],
  ["EBPF_NAME_BYTES", NAME_BYTES],
  ...Object.entries(REQUESTS).map(([name, { code }]) => [`EBPF_IOCTL_${name}`, code] as const),
  ...Object.entries(CONSTANTS).map(([name, value]) => [`EBPF_${name}`, value] as const),
  ...Object.entries(MAXIMUM).map(([name, value]) => [`EBPF_MAXIMUM_${name}`, value] as const),
  ...ERRORS.map((name, value) => [`EbpfError${name}`, value] as const),
]);
for (const [name, structure] of Object.entries<Structure>(STRUCTURES)) {
  said.set(`sizeof(EBPF_${name})`, sizeOf(structure));
  for (const [member, { offset, sizeBytes }] of layoutOf(structure)) {
    said.set(`offsetof(EBPF_${name}, ${nameInC(member)})`, offset);
    said.set(`sizeof(((EBPF_${name} *)0)->${nameInC(member)})`, sizeBytes);
  }
}

test("each number of the tables is what a compiler makes of driver/ioctl.h", (t) => {
  t.deepEqual(evaluate([...said.keys()]), said);
});

const names = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, name = ""]) => name);

test("everything that driver/ioctl.h names is in the tables", (t) => {
  const told = new Set([...said.keys()].map((key) => key.replace(/^sizeof\((EBPF_\w+)\)$/, "$1")));
  const isTold = (name: string): boolean => told.has(name);
  const structures = names(header, /^\} (EBPF_\w+);$/gm).filter((name) => name !== "EBPF_ERROR");
  t.is(structures.length, Object.keys(STRUCTURES).length);
  const constants = names(header, /^#define (EBPF_\w+) /gm);
  const enumerators = names(header, /\b(EBPF_\w+) = \d/g);
  const inText = [...structures, ...constants, ...enumerators];
  t.true(inText.length > 40);
  t.deepEqual(
    inText.filter((name) => !isTold(name)),
    [],
  );
  t.deepEqual(names(header, /ROW\(\d+, (\w+)\)/g), [...ERRORS]);
});

for (const [file, prefix, table] of [
  ["bytecode.h", "Finding", FINDINGS],
  ["run.h", "Fault", FAULTS],
] as const) {
  test(`${prefix}s have the numbers of driver/${file}`, (t) => {
    const [, body = ""] =
      new RegExp(`enum _EBPF_${prefix.toUpperCase()} \\{([^}]*)\\}`).exec(textOf(file)) ?? [];
    t.deepEqual(
      names(body, /^ +(\w+),/gm),
      table.map((name) => `${prefix}${name}`),
    );
  });
}

/** A value of each member, none like another. */
function valuesOf(structure: Structure, from = { next: 1 }): object {
  const one = (): number => 0x01010101 * from.next++;
  return Object.fromEntries(
    Object.entries(structure).map(([name, member]) => {
      if (member === 4) return [name, one()];
      if (member === 8) return [name, (BigInt(one()) << 32n) | BigInt(one())];
      if (Array.isArray(member) && member[0] === 1) return [name, `größe ${one()}`];
      if (Array.isArray(member)) return [name, Array.from({ length: member[1] }, one)];
      return [name, valuesOf(member as Structure, from)];
    }),
  );
}

test("what is written is read again", (t) => {
  for (const structure of Object.values<Structure>(STRUCTURES)) {
    const bytes = new Uint8Array(sizeOf(structure));
    const values = valuesOf(structure);
    encodeStructure(structure, values, bytes);
    t.deepEqual(decodeStructure(structure, bytes), values);
  }
});

test("a name that is too long is cut between two characters", (t) => {
  const bytes = new Uint8Array(16).fill(0);
  const structure = { before: 4, name: [1, 8], after: 4 } as const;
  encodeStructure(structure, { before: 1, name: "aaaaaaß", after: 2 }, bytes);
  t.deepEqual(decodeStructure(structure, bytes), { before: 1, name: "aaaaaa", after: 2 });
});

test("a request is its fixed part and what follows; a reply that is too short is none", (t) => {
  const key = Uint8Array.of(9, 8, 7);
  const fields = { handle: 1, flags: 2, keyBytes: 3, valueBytes: 0 };
  const bytes = encodeRequest("MAP_LOOKUP", fields, [key, new Uint8Array(0)]);
  t.deepEqual([...bytes], [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 8, 7]);
  const answer = decodeReply("MAP_LOOKUP", Uint8Array.from([...bytes.subarray(0, 16), 5]));
  t.deepEqual(answer?.reply, { error: 1, dataBytes: 2, found: 3, reserved: 0 });
  t.deepEqual([...(answer?.data ?? [])], [5]);
  t.is(decodeReply("MAP_LOOKUP", bytes.subarray(0, 15)), undefined);
});
