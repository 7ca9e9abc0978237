// CO-RE against a target made by clang, against types made by hand for what clang 14 cannot say, and against the kernel here.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { computeFixup, type Fixup } from "../../../core/btf/co-re/compute.ts";
import { readBtf } from "../../../core/btf/read.ts";
import type { BtfType, BtfTypes } from "../../../core/btf/types.ts";
import { loadObject } from "../../../core/elf/object.ts";
import { parse } from "../../../core/isa/parse.ts";
import { print } from "../../../core/isa/print.ts";
import { buildProgram } from "../../../core/program/build.ts";
import { relocateTypes } from "../../../core/program/co-re.ts";
import { configure } from "../../../core/program/configuration.ts";
import type { ObjectSpec } from "../../../core/spec.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { FIXTURES } from "../../harness/fixture.ts";

const load = (name: string) => loadObject(readFileSync(join(FIXTURES, "c", name)), name);
const object = load("co-re.o");
const target = load("co-re-target.o").btf as BtfTypes;
const fitted = relocateTypes(object, target);

const textOf = ({ programs }: ObjectSpec, name: string): string[] =>
  programs.find((spec) => spec.name === name)?.instructions.map((one) => print(one)) ?? [];

/** What relocation has changed of a program, in order. */
function changesIn(name: string): string[] {
  const before = textOf(object, name);
  return textOf(fitted, name).filter((line, index) => line !== before[index]);
}

const recordId = target.types.findIndex((type) => type.kind === "struct" && type.name === "record");

const CHANGES: Readonly<Record<string, readonly string[]>> = {
  offsets: [
    "r2 = *(u32 *)(r1 + 8)",
    "r0 = *(u32 *)(r1 + 44)",
    "r2 = *(u32 *)(r1 + 24)",
    "r2 = *(u64 *)(r1 + 16)",
    "r2 = *(u32 *)(r1 + 88)",
    "r1 = *(u64 *)(r1 + 56)",
  ],
  // Sizes, what exists (gone, renamed, missing do not), and how the bit field is cut out of its word.
  questions: ["r1 = 8", "r1 = 0", "r1 = 0", "r1 = 0", "r1 = 72", "r1 = 4", "r1 = 52", "r1 = 55"],
  types: [
    "r0 = 80",
    "r1 = 0",
    "r1 = 0",
    "r1 = 0x46 ll",
    "r1 = 0x5a ll",
    "r1 = 0x0 ll",
    `r1 = 0x${recordId.toString(16)} ll`,
  ],
  guarded: ["r2 = 0", "call 195896080"],
};

for (const [name, changes] of Object.entries(CHANGES)) {
  test(`what the target has otherwise: ${name}`, (t) => {
    t.deepEqual(changesIn(name), changes);
  });
}

function verdictOf(spec: ObjectSpec, name: string, platform: "linux" | "windows" = "linux"): string {
  const verdict = verify(buildProgram(spec, name, { platform }));
  return verdict.kind === "accepted" ? "accepted" : verdict.failures[0].message;
}

test("what the target does not have is told where control comes there, and only there", (t) => {
  t.is(verdictOf(fitted, "guarded"), "accepted");
  t.regex(verdictOf(fitted, "unguarded"), /co-re\.c:\d+: .* does not have: field gone of struct record$/);
  t.regex(verdictOf(fitted, "sign"), /field signed_one of struct record \(of 4 bytes; the target's has 8\)$/);
  // A wide instruction became two, and what comes after it has moved.
  t.regex(verdictOf(fitted, "violet"), /value VIOLET of enum color$/);
  for (const name of ["unguarded", "sign", "violet"]) t.is(verdictOf(object, name), "accepted");
});

test("a field that has moved out of what was checked is out of bounds", (t) => {
  t.is(verdictOf(object, "packet", "windows"), "accepted");
  t.regex(
    verdictOf(fitted, "packet", "windows"),
    /reads 4 bytes at offset 12 of the packet, but only 8 bytes/,
  );
});

test("against its own types an object stays as it is, and one without types too", (t) => {
  const own = relocateTypes(object, object.btf as BtfTypes);
  // Through which word a bit field is read is clang's choice in the one, libbpf's in the other.
  const names = object.programs.map(({ name }) => name).filter((name) => name !== "questions");
  for (const name of names) t.deepEqual(textOf(own, name), textOf(object, name));
  const { btf: _, ...without } = object;
  t.deepEqual(relocateTypes(without, target), { ...without, target });
});

test("a record that does not belong to its instruction makes its function unusable, and no other", (t) => {
  const programs = object.programs.map((spec) =>
    spec.name === "offsets"
      ? { ...spec, coreRelocations: spec.coreRelocations.map((one) => ({ ...one, byteOffset: 8 * 3 })) }
      : spec,
  );
  const damaged = relocateTypes({ ...object, programs }, target);
  t.throws(() => buildProgram(damaged, "offsets", { platform: "linux" }), {
    message: /function "offsets": a CO-RE relocation cannot be computed: its instruction has no immediate/,
  });
  t.is(verdictOf(damaged, "guarded"), "accepted");
});

// ---- types made by hand ----------------------------------------------------------------------------------------------

const int = (name: string, sizeBytes: number, signed = false): BtfType => ({
  kind: "int",
  name,
  sizeBytes,
  encoding: signed ? "signed" : "none",
  bitOffset: 0,
  bitSize: sizeBytes * 8,
});

/** Members as name, type, offset in bits, width in bits. */
function struct(
  name: string,
  sizeBytes: number,
  ...members: readonly (readonly [string, number, number, number?])[]
): BtfType {
  return {
    kind: "struct",
    name,
    sizeBytes,
    members: members.map(([member, type, bitOffset, bitSize = 0]) => ({
      name: member,
      type,
      bitOffset,
      bitSize,
    })),
  };
}

/** Ids: 1 a 32-bit number, 2 a 64-bit one, 3 a signed one, 4 a pointer to 5, then what is given. */
const types = (...more: readonly BtfType[]): BtfTypes => ({
  types: [
    { kind: "void" },
    int("u32", 4),
    int("u64", 8),
    int("s32", 4, true),
    { kind: "pointer", type: 5 },
    ...more,
  ],
});

const KIND = { byteOffset: 0, exists: 2, typeExists: 8, typeSize: 9, matches: 12 } as const;

function fixup(local: BtfTypes, other: BtfTypes, kind: keyof typeof KIND, access = "0:0"): Fixup {
  return computeFixup(local, other, { byteOffset: 0, typeId: 5, access, kind: KIND[kind] });
}

const answerOf = (one: Fixup): bigint | string => (one.kind === "value" ? one.target : one.kind);

const LOCAL = types(struct("s", 8, ["a", 1, 0]));

interface Case {
  readonly what: string;
  readonly local?: BtfTypes;
  readonly target: BtfTypes;
  readonly kind: keyof typeof KIND;
  readonly access?: string;
  readonly gives: bigint | "unresolved" | "invalid";
}

const ARRAY = (length: number): BtfType => ({ kind: "array", type: 1, indexType: 1, length });

const CASES: readonly Case[] = [
  {
    what: "a flavour of the target's counts",
    target: types(struct("s___v2", 8, ["a", 1, 32])),
    kind: "byteOffset",
    gives: 4n,
  },
  {
    what: "several that agree",
    target: types(struct("s", 8, ["a", 1, 32]), struct("s", 12, ["a", 1, 32])),
    kind: "byteOffset",
    gives: 4n,
  },
  {
    what: "several that differ",
    target: types(struct("s", 8, ["a", 1, 32]), struct("s", 8, ["a", 1, 0])),
    kind: "byteOffset",
    gives: "invalid",
  },
  {
    what: "of another name",
    target: types(struct("t", 8, ["a", 1, 0])),
    kind: "byteOffset",
    gives: "unresolved",
  },
  {
    what: "a union of the name",
    target: types({ ...struct("s", 8, ["a", 1, 0]), kind: "union" } as BtfType),
    kind: "byteOffset",
    gives: "unresolved",
  },
  {
    what: "a pointer where a number was",
    target: types(struct("s", 8, ["a", 4, 0])),
    kind: "byteOffset",
    gives: "unresolved",
  },
  {
    what: "a pointer does not exist as a number",
    target: types(struct("s", 8, ["a", 4, 0])),
    kind: "exists",
    gives: 0n,
  },
  {
    what: "a bit field where a number was",
    target: types(struct("s", 8, ["a", 1, 37, 5])),
    kind: "byteOffset",
    gives: 4n,
  },
  {
    what: "an element",
    local: types(struct("s", 16, ["a", 6, 0]), ARRAY(4)),
    target: types(struct("s", 32, ["a", 6, 64]), ARRAY(6)),
    kind: "byteOffset",
    access: "0:0:3",
    gives: 20n,
  },
  {
    what: "an element that is gone",
    local: types(struct("s", 16, ["a", 6, 0]), ARRAY(4)),
    target: types(struct("s", 8, ["a", 6, 0]), ARRAY(2)),
    kind: "byteOffset",
    access: "0:0:3",
    gives: "unresolved",
  },
  {
    what: "an element behind the end of the struct",
    local: types(struct("s", 16, ["a", 6, 0]), ARRAY(4)),
    target: types(struct("s", 8, ["a", 6, 64]), ARRAY(0)),
    kind: "byteOffset",
    access: "0:0:3",
    gives: 20n,
  },
  {
    what: "an array without length that is not at the end",
    local: types(struct("s", 16, ["a", 6, 0]), ARRAY(4)),
    target: types(struct("s", 8, ["a", 6, 0], ["b", 1, 0]), ARRAY(0)),
    kind: "byteOffset",
    access: "0:0:3",
    gives: "unresolved",
  },
  {
    what: "the struct after this one",
    target: types(struct("s", 24, ["a", 1, 32])),
    kind: "byteOffset",
    access: "1:0",
    gives: 28n,
  },
  { what: "a path that leads nowhere", target: LOCAL, kind: "byteOffset", access: "0:7", gives: "invalid" },
  { what: "a path that is none", target: LOCAL, kind: "byteOffset", access: "0:x", gives: "invalid" },
  { what: "the size of a type that is gone", target: types(), kind: "typeSize", access: "0", gives: 0n },
  {
    what: "a type that is there",
    target: types(struct("s", 40)),
    kind: "typeExists",
    access: "0",
    gives: 1n,
  },
  {
    what: "a type with more members matches",
    target: types(struct("s", 40, ["b", 2, 0], ["a", 1, 64])),
    kind: "matches",
    access: "0",
    gives: 1n,
  },
  {
    what: "a member of another size does not match",
    target: types(struct("s", 40, ["a", 2, 0])),
    kind: "matches",
    access: "0",
    gives: 0n,
  },
  {
    what: "a member of another sign does not match",
    target: types(struct("s", 40, ["a", 3, 0])),
    kind: "matches",
    access: "0",
    gives: 0n,
  },
  {
    what: "a type without the member does not match",
    target: types(struct("s", 40, ["b", 1, 0])),
    kind: "matches",
    access: "0",
    gives: 0n,
  },
  {
    what: "types that refer to themselves",
    local: types(struct("s", 8, ["a", 4, 0])),
    target: types(struct("s", 8, ["a", 4, 0])),
    kind: "matches",
    access: "0",
    gives: 1n,
  },
];

for (const { what, local = LOCAL, target: other, kind, access, gives } of CASES) {
  test(`by hand: ${what}`, (t) => {
    t.is(answerOf(fixup(local, other, kind, access)), gives);
  });
}

test("types in circles end", (t) => {
  // typedef s -> s, and a struct that holds itself without a name.
  const circle = types({ kind: "typedef", name: "s", type: 5 });
  const within = types(struct("s", 8, ["", 5, 0]));
  for (const kind of Object.keys(KIND) as (keyof typeof KIND)[]) {
    t.notThrows(() => fixup(circle, circle, kind));
    t.notThrows(() => fixup(LOCAL, within, kind));
  }
});

// ---- arguments of hooks ----------------------------------------------------------------------------------------------

const PROBE = `r2 = *(u64 *)(r1 + AT)
if r2 > 7 goto +3
r3 = r10
r3 += -8
r3 += r2
r0 = 0
exit`;

/** tracepoint probe(void* data, u32 number, struct s* object). */
const HOOKED = types(
  struct("s", 8, ["a", 1, 0]),
  {
    kind: "functionPrototype",
    returnType: 0,
    parameters: [
      { name: "", type: 4 },
      { name: "number", type: 1 },
      { name: "object", type: 4 },
    ],
  },
  { kind: "pointer", type: 6 },
  { kind: "typedef", name: "btf_trace_probe", type: 7 },
);

function verdictAt(at: number, other: BtfTypes | undefined): string {
  const [spec] = object.programs;
  const instructions = parse(PROBE.replace("AT", `${at}`));
  const program = {
    ...spec!,
    name: "p",
    section: "tp_btf/probe",
    instructions,
    sources: [],
    coreRelocations: [],
    references: [],
  };
  const own = { ...object, programs: [program], functions: [] };
  return verdictOf(other === undefined ? own : relocateTypes(own, other), "p");
}

test("arguments of a hook are what the target says they are", (t) => {
  t.is(verdictAt(0, HOOKED), "accepted");
  // Without types it may be an address, of which nothing is known.
  t.regex(
    verdictAt(0, undefined),
    /combines a pointer to the stack with a pointer to an object of the kernel/,
  );
  t.regex(verdictAt(8, HOOKED), /combines a pointer to the stack with a pointer to an object of the kernel/);
  t.regex(verdictAt(16, HOOKED), /reads 8 bytes at offset 16 of the context .*no field/);
  // A hook that the target does not have has arguments of which nothing is known.
  t.regex(verdictAt(16, LOCAL), /combines a pointer to the stack with a pointer to an object of the kernel/);
});

test("variables of the configuration are constants where all are known", (t) => {
  const externs = ["LINUX_KERNEL_VERSION", "CONFIG_HZ"];
  const map = {
    name: ".kconfig",
    type: 2,
    keySizeBytes: 4,
    valueSizeBytes: 16,
    maxEntries: 1,
    flags: 128,
    pinning: 0,
    externs,
  };
  const dataOf = (...values: readonly (readonly [string, bigint])[]) =>
    configure({ ...object, maps: [map] }, new Map(values)).maps[0]?.data;
  const bytes = dataOf(["CONFIG_HZ", 250n], ["LINUX_KERNEL_VERSION", 0x61200n])?.bytes ?? new Uint8Array();
  t.deepEqual([...new BigUint64Array(bytes.slice().buffer)], [0x61200n, 250n]);
  t.is(dataOf(["LINUX_KERNEL_VERSION", 0x61200n]), undefined);
});

const KERNEL = "/sys/kernel/btf/vmlinux";

test("against the types of the kernel that runs here", (t) => {
  if (!existsSync(KERNEL)) {
    t.true(process.env.CI === undefined, `${KERNEL} must be there where CI is set`);
    return;
  }
  const kernel = readBtf(readFileSync(KERNEL)).types;
  const task = kernel.types.find((type) => type.kind === "struct" && type.name === "task_struct");
  const member =
    task !== undefined && "members" in task ? task.members.find(({ name }) => name === "pid") : undefined;
  const local = types(struct("task_struct", 4, ["pid", 3, 0], ["no_such_member", 3, 32]));
  t.is(answerOf(fixup(local, kernel, "byteOffset")), BigInt((member?.bitOffset ?? -8) / 8));
  t.is(answerOf(fixup(local, kernel, "byteOffset", "0:1")), "unresolved");
  t.is(answerOf(fixup(local, kernel, "exists", "0:1")), 0n);
});
