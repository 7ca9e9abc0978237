import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { EbpfError } from "../../../core/base/error.ts";
import { parseHex } from "../../../core/base/hex.ts";
import { printDefinition, printType } from "../../../core/btf/print.ts";
import { readBtf } from "../../../core/btf/read.ts";
import type { BtfType, BtfTypes } from "../../../core/btf/types.ts";
import { readValue } from "../../../core/btf/value.ts";
import { writeValue } from "../../../core/btf/write-value.ts";
import { readElf } from "../../../core/elf/file.ts";
import { loadObject } from "../../../core/elf/object.ts";
import { mutate } from "../../harness/mutate.ts";

const file = join(import.meta.dirname, "..", "..", "fixtures", "c", "object-types.o");
const { btf = { types: [] }, maps } = loadObject(readFileSync(file), file);
const [map] = maps;
const EVERYTHING = map?.valueTypeId ?? 0;
const POINT = map?.keyTypeId ?? 0;
const SIZE = map?.valueSizeBytes ?? 0;

const find = (name: string) => btf.types.findIndex((type) => "name" in type && type.name === name);
const COLOR = find("color");
const U64 = find("u64");

test("bytes are shown by their type, and what is shown gives the bytes back", (t) => {
  const value = {
    large: "18446744073709551615",
    negative: -5,
    small: 70_000,
    color: "GREEN",
    name: "eth0",
    address: [1, 2, 3, 4, 5, 255],
    enabled: true,
    letter: -3,
    points: [
      { x: 1, y: -2 },
      { x: 127, y: -128 },
    ],
    word: 0x0002_0001,
    halves: [1, 2],
    low: 5,
    middle: -4096,
    high: 65_535,
    balance: "DEBIT",
    pointer: "0xffff0000deadbeef",
    ratio: 0.5,
    last: 9,
    precise: -1e300,
    matrix: "0x0",
    callback: "0x1",
  };
  const bytes = writeValue(btf, EVERYTHING, value);
  t.deepEqual(readValue(btf, EVERYTHING, bytes), value);
});

function offsetOf(name: string): number {
  const struct = btf.types[EVERYTHING];
  const member = struct?.kind === "struct" ? struct.members.find((one) => one.name === name) : undefined;
  return (member?.bitOffset ?? Number.NaN) / 8;
}

test("any bytes survive being shown", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: SIZE, maxLength: SIZE }), (bytes) => {
      // NaNs have many encodings; one of them is what JSON keeps.
      const view = new DataView(bytes.buffer);
      if (Number.isNaN(view.getFloat32(offsetOf("ratio"), true))) view.setFloat32(offsetOf("ratio"), 1, true);
      if (Number.isNaN(view.getFloat64(offsetOf("precise"), true)))
        view.setFloat64(offsetOf("precise"), 1, true);
      const shown = readValue(btf, EVERYTHING, bytes);
      t.deepEqual(writeValue(btf, EVERYTHING, shown), bytes);
      t.deepEqual(writeValue(btf, EVERYTHING, JSON.parse(JSON.stringify(shown))), bytes);
    }),
    { numRuns: 300, seed: 3 },
  );
});

test("what people give: numbers, names, text, parts of a struct", (t) => {
  t.deepEqual(writeValue(btf, U64, "0x20"), parseHex("2000000000000000"));
  t.deepEqual(writeValue(btf, U64, true), parseHex("0100000000000000"));
  t.deepEqual(writeValue(btf, COLOR, "BLUE"), parseHex("03000000"));
  t.deepEqual(writeValue(btf, COLOR, 7), parseHex("07000000"));
  t.deepEqual(writeValue(btf, POINT, { y: -1 }), parseHex("00ff"), "members not given are zero");
});

test("bytes that do not fit their type have no value", (t) => {
  t.is(readValue(btf, U64, parseHex("0102")), undefined);
  t.is(readValue(btf, 0, new Uint8Array()), undefined);
});

test("a data section is shown as its variables", (t) => {
  const name = join(import.meta.dirname, "..", "..", "fixtures", "c", "object-data.o");
  const object = loadObject(readFileSync(name), name);
  const shown = object.maps.map(({ valueTypeId, data }) => {
    return object.btf && valueTypeId && data && readValue(object.btf, valueTypeId, data.bytes);
  });
  t.deepEqual(shown, [
    { packets: 7, limit_high: 500 },
    { threshold: 64, names: ["drop", "pass"] },
    { enabled: 1 },
    { seen: 0, limit_low: 0 },
  ]);
});

const refused: { value: unknown; type: number; message: RegExp; target?: string }[] = [
  { value: { x: 200 }, type: POINT, message: /\.x: 200 does not fit; -128 to 127 do/, target: ".x" },
  { value: { z: 1 }, type: POINT, message: /\.z: there is no such member; there is x, y/ },
  { value: 5, type: POINT, message: /an object with x, y is needed/ },
  { value: null, type: POINT, message: /an object with x, y is needed/ },
  { value: "PURPLE", type: COLOR, message: /"PURPLE" is not a whole number/ },
  { value: "1.5", type: U64, message: /"1.5" is not a whole number/ },
  { value: 2 ** 53, type: U64, message: /9007199254740992 is not a whole number/ },
  { value: "0102", type: U64, message: /"0102" is not a whole number/ },
  { value: { points: [{ x: 1 }] }, type: EVERYTHING, message: /\.points: an array of 2 values/ },
  {
    value: { points: [{}, { x: "a" }] },
    type: EVERYTHING,
    message: /\.points\[1\]\.x:/,
    target: ".points[1].x",
  },
  { value: { name: "123456789" }, type: EVERYTHING, message: /\.name: the text has 9 bytes, 8 fit/ },
  { value: { low: 8 }, type: EVERYTHING, message: /\.low: 8 does not fit; 0 to 7 do/ },
  { value: 1, type: find("entry"), message: /values of this type cannot be given/ },
];

for (const { value, type, message, target } of refused) {
  test(`refused: ${JSON.stringify(value)} as type ${type}`, (t) => {
    const error = t.throws(() => writeValue(btf, type, value), { instanceOf: EbpfError, message });
    t.is(error?.code, "MapValueInvalid");
    if (target !== undefined) t.is(error?.data.target, target);
  });
}

// ---- hostile types -------------------------------------------------------------------------------------------------

const INT: BtfType = { kind: "int", name: "u8", sizeBytes: 1, encoding: "none", bitOffset: 0, bitSize: 8 };
const members = (type: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    name: index === 0 ? "" : `m${index}`,
    type,
    bitOffset: 0,
    bitSize: 0,
  }));

const hostile: { name: string; types: BtfType[]; id: number }[] = [
  { name: "a typedef of itself", types: [{ kind: "void" }, { kind: "typedef", name: "t", type: 1 }], id: 1 },
  { name: "a pointer to itself", types: [{ kind: "void" }, { kind: "pointer", type: 1 }], id: 1 },
  {
    name: "a struct in itself",
    types: [{ kind: "void" }, { kind: "struct", name: "s", sizeBytes: 1, members: members(1, 3) }],
    id: 1,
  },
  {
    name: "structs that double at each level",
    types: [
      { kind: "void" },
      INT,
      ...Array.from(
        { length: 40 },
        (_, level): BtfType => ({ kind: "struct", name: "", sizeBytes: 1, members: members(level + 1, 2) }),
      ),
    ],
    id: 40,
  },
  {
    name: "a huge array of nothing",
    types: [
      { kind: "void" },
      { kind: "struct", name: "e", sizeBytes: 0, members: [] },
      { kind: "array", type: 1, indexType: 1, length: 0xffff_ffff },
    ],
    id: 2,
  },
  {
    name: "arrays of arrays of themselves",
    types: [{ kind: "void" }, { kind: "array", type: 1, indexType: 1, length: 9 }],
    id: 1,
  },
];

for (const { name, types, id } of hostile) {
  test(`bounded: ${name}`, (t) => {
    const btf = { types };
    const start = process.cpuUsage();
    for (const sizeBytes of [0, 1, 4]) t.notThrows(() => readValue(btf, id, new Uint8Array(sizeBytes)));
    try {
      writeValue(btf, id, { m1: 1 });
    } catch (error) {
      t.true(error instanceof EbpfError && error.code === "MapValueInvalid");
    }
    t.true(printType(btf, id, "x").length < 1_000_000);
    t.true(printDefinition(btf, id).length < 1_000_000);
    t.true(process.cpuUsage(start).user < 1_000_000);
  });
}

test("damaged types show something or hex, never an exception", (t) => {
  const bytes = readElf(readFileSync(file), file).sections.find((section) => section.name === ".BTF")?.bytes;
  const value = new Uint8Array(SIZE).fill(0x41);
  for (let seed = 0; seed < 2_000; seed++) {
    let types: BtfTypes;
    try {
      types = readBtf(mutate(bytes ?? new Uint8Array(), seed)).types;
    } catch {
      continue;
    }
    for (const typeId of types.types.keys()) {
      readValue(types, typeId, value);
      printDefinition(types, typeId);
    }
  }
  t.pass();
});

// ---- C declarations ------------------------------------------------------------------------------------------------

test("types are printed as C", (t) => {
  const struct = printDefinition(btf, find("everything"));
  for (const line of [
    "struct everything {",
    "  u64 large;",
    "  enum color color;",
    "  char name[8];",
    "  struct point points[2];",
    "  union {\n    u32 word;\n    u16 halves[2];\n  };",
    "    int middle : 13;",
    "  void *pointer;",
    "  const volatile u32 (*matrix)[2][3];",
    "  int (*callback)(struct everything *, const char *);",
  ]) {
    t.true(struct.includes(line), `${line}\n\n${struct}`);
  }
  t.is(printDefinition(btf, find("u64")), "typedef unsigned long long u64;");
  t.regex(
    printDefinition(btf, find("color")),
    /^enum color \{\n {2}RED = 1,\n {2}GREEN = 2,\n {2}BLUE = 3,\n\};$/,
  );
  t.is(printDefinition(btf, find("entry")), "int entry(xdp_md_t *context);");
});
