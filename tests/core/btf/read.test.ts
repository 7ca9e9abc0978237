import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ByteWriter } from "../../../core/base/bytes.ts";
import { EbpfError } from "../../../core/base/error.ts";
import { readBtfExtension } from "../../../core/btf/ext.ts";
import { readBtf } from "../../../core/btf/read.ts";
import type { BtfType } from "../../../core/btf/types.ts";
import { readElf } from "../../../core/elf/file.ts";
import { mutate } from "../../harness/mutate.ts";

const folder = join(import.meta.dirname, "..", "..", "fixtures", "c");

function section(file: string, name: string): Uint8Array {
  const found = readElf(readFileSync(join(folder, file)), file).sections.find((part) => part.name === name);
  return found?.bytes ?? new Uint8Array();
}

/** A .BTF section of one or more type records, given as words; strings are "\0name\0second\0". */
function btf(...records: readonly (readonly number[])[]): Uint8Array {
  const words = records.flat();
  const strings = new TextEncoder().encode("\0name\0second\0");
  const writer = new ByteWriter().u16(0xeb9f).u8(1).u8(0).u32(24);
  writer
    .u32(0)
    .u32(words.length * 4)
    .u32(words.length * 4)
    .u32(strings.length);
  for (const word of words) writer.u32(word);
  return writer.put(strings).bytes();
}

const info = (kind: number, count = 0, flag = false) => ((kind << 24) | count | (flag ? 1 << 31 : 0)) >>> 0;
const INT = [1, info(1), 4, 0x0100_0020];

/** One record of each kind (after an int as type 1, so that references hold) and what it means. */
const kinds: { record: number[]; type: BtfType }[] = [
  {
    record: [1, info(1), 8, 0x0000_0040],
    type: { kind: "int", name: "name", sizeBytes: 8, encoding: "none", bitOffset: 0, bitSize: 64 },
  },
  {
    record: [1, info(1), 1, 0x0400_0008],
    type: { kind: "int", name: "name", sizeBytes: 1, encoding: "bool", bitOffset: 0, bitSize: 8 },
  },
  { record: [0, info(2), 1], type: { kind: "pointer", type: 1 } },
  { record: [0, info(3), 0, 1, 1, 7], type: { kind: "array", type: 1, indexType: 1, length: 7 } },
  {
    record: [1, info(4, 1), 4, 6, 1, 0],
    type: {
      kind: "struct",
      name: "name",
      sizeBytes: 4,
      members: [{ name: "second", type: 1, bitOffset: 0, bitSize: 0 }],
    },
  },
  {
    record: [1, info(5, 1, true), 4, 6, 1, 0x0300_0005],
    type: {
      kind: "union",
      name: "name",
      sizeBytes: 4,
      members: [{ name: "second", type: 1, bitOffset: 5, bitSize: 3 }],
    },
  },
  {
    record: [1, info(6, 1, true), 4, 6, 0xffff_ffff],
    type: {
      kind: "enum",
      name: "name",
      sizeBytes: 4,
      signed: true,
      values: [{ name: "second", value: -1n }],
    },
  },
  { record: [1, info(7, 0, true), 0], type: { kind: "forward", name: "name", union: true } },
  { record: [1, info(8), 1], type: { kind: "typedef", name: "name", type: 1 } },
  { record: [0, info(9), 1], type: { kind: "volatile", type: 1 } },
  { record: [0, info(10), 1], type: { kind: "const", type: 1 } },
  { record: [0, info(11), 1], type: { kind: "restrict", type: 1 } },
  { record: [1, info(12, 1), 1], type: { kind: "function", name: "name", type: 1, linkage: "global" } },
  {
    record: [0, info(13, 1), 1, 6, 1],
    type: { kind: "functionPrototype", returnType: 1, parameters: [{ name: "second", type: 1 }] },
  },
  { record: [1, info(14), 1, 2], type: { kind: "variable", name: "name", type: 1, linkage: "extern" } },
  {
    record: [1, info(15, 1), 4, 1, 0, 4],
    type: {
      kind: "dataSection",
      name: "name",
      sizeBytes: 4,
      variables: [{ type: 1, byteOffset: 0, sizeBytes: 4 }],
    },
  },
  { record: [1, info(16), 8], type: { kind: "float", name: "name", sizeBytes: 8 } },
  {
    record: [1, info(17), 1, 0xffff_ffff],
    type: { kind: "declarationTag", name: "name", type: 1, componentIndex: -1 },
  },
  { record: [1, info(18), 1], type: { kind: "typeTag", name: "name", type: 1 } },
  {
    record: [1, info(19, 1), 8, 6, 2, 1],
    type: {
      kind: "enum",
      name: "name",
      sizeBytes: 8,
      signed: false,
      values: [{ name: "second", value: 0x1_0000_0002n }],
    },
  },
];

for (const { record, type } of kinds) {
  test(`kind ${((record[1] ?? 0) >>> 24) & 31} is read: ${JSON.stringify(record)}`, (t) => {
    t.deepEqual(readBtf(btf(INT, record)).types.types[2], type);
  });
}

const wrong: { name: string; bytes: Uint8Array; message: RegExp }[] = [
  { name: "kind 0", bytes: btf(INT, [0, info(0), 0]), message: /type 2 has kind 0/ },
  { name: "kind 20", bytes: btf(INT, [0, info(20), 0]), message: /kind 20/ },
  { name: "a type id too large", bytes: btf(INT, [0, info(2), 9]), message: /refers to type 9/ },
  { name: "a name past the strings", bytes: btf([99, info(1), 4, 32]), message: /name at 99/ },
  { name: "more members than bytes", bytes: btf([1, info(4, 60_000), 4]), message: /60000 parts/ },
  { name: "an integer of 3 bytes", bytes: btf([1, info(1), 3, 24]), message: /of 3 bytes/ },
  { name: "an integer wider than its bytes", bytes: btf([1, info(1), 4, 33]), message: /33 bits/ },
  { name: "linkage 7", bytes: btf(INT, [1, info(12, 7), 1]), message: /linkage 7/ },
  { name: "half a record", bytes: btf(INT, [1, info(3)]), message: /ends after/ },
  { name: "no magic number", bytes: new Uint8Array(24), message: /magic/ },
  { name: "nothing", bytes: new Uint8Array(), message: /ends after 0 bytes/ },
];

for (const { name, bytes, message } of wrong) {
  test(`refused: ${name}`, (t) => {
    const error = t.throws(() => readBtf(bytes, { file: "x.o", section: ".BTF" }), {
      instanceOf: EbpfError,
      message,
    });
    t.is(error?.code, "BtfInvalid");
    t.is(error?.data.section, ".BTF");
    t.is(typeof error?.data.offset, "number");
  });
}

test("line info, function info and CO-RE records of an object", (t) => {
  const types = readBtf(section("object-core.o", ".BTF"));
  const extension = readBtfExtension(section("object-core.o", ".BTF.ext"), types);
  t.deepEqual([...extension.functions.keys()], ["xdp"]);
  const lines = extension.lines.get("xdp") ?? [];
  t.true(lines.every((line) => line.file === "./tests/fixtures/c/object-core.c" && line.line > 0));
  t.true(lines.some((line) => line.text.includes("record->nested.values[2]")));
  const records = extension.coreRelocations.get("xdp") ?? [];
  t.deepEqual(
    records.map(({ access, kind }) => ({ access, kind })),
    [
      { access: "0:1", kind: 0 },
      { access: "0:0", kind: 2 },
      { access: "0", kind: 9 },
    ],
  );
  const named = types.types.types[records[0]?.typeId ?? 0];
  t.is(named?.kind === "struct" ? named.name : undefined, "record");
});

for (const name of [".BTF", ".BTF.ext"]) {
  test(`20,000 damaged sections ${name} are read or refused`, (t) => {
    const plain = section("object-maps.o", ".BTF");
    const extension = section("object-maps.o", ".BTF.ext");
    const types = readBtf(plain);
    for (let seed = 0; seed < 20_000; seed++) {
      try {
        if (name === ".BTF") readBtf(mutate(plain, seed));
        else readBtfExtension(mutate(extension, seed), types);
      } catch (error) {
        if (!(error instanceof EbpfError && error.code === "BtfInvalid")) {
          t.fail(`seed ${seed}: ${error}`);
          return;
        }
      }
    }
    t.pass();
  });
}
