import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { readElf } from "../../../core/elf/file.ts";
import { mutate } from "../../harness/mutate.ts";

const folder = join(import.meta.dirname, "..", "..", "fixtures", "c");
const bytes = readFileSync(join(folder, "object-programs.o"));
const elf = readElf(bytes, "object-programs.o");

function sectionHeader(name: string): number {
  const index = elf.sections.findIndex((section) => section.name === name);
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(40, true)) + index * 64;
}

test("sections, symbols and relocations of an object", (t) => {
  const first = elf.sections.find((section) => section.name === "xdp/first");
  t.is(first?.sizeBytes, 168);
  t.true(first?.executable);
  const symbols = elf.symbols.filter((symbol) => symbol.section === first?.index && symbol.type === 2);
  t.deepEqual(
    symbols.map(({ name, binding, value, sizeBytes }) => ({ name, binding, value, sizeBytes })),
    [
      { name: "second", binding: "local", value: 112, sizeBytes: 56 },
      { name: "first", binding: "global", value: 0, sizeBytes: 112 },
    ],
  );
  t.deepEqual(
    elf.relocations
      .get(first?.index ?? 0)
      ?.map(({ byteOffset, type, symbol }) => [byteOffset, type, symbol.type]),
    [
      [40, 10, 3],
      [64, 10, 2],
      [120, 10, 2],
    ],
  );
  const sectionOfDebug = elf.sections.find((section) => section.name === ".debug_info")?.index ?? -1;
  t.false(elf.relocations.has(sectionOfDebug));
});

/** Each: what is written where, and how the file then fails. */
const damaged: {
  name: string;
  edit: (view: DataView) => void;
  code: string;
  offset?: number;
  section?: string;
}[] = [
  { name: "magic", edit: (view) => view.setUint8(0, 0), code: "ElfInvalid", offset: 0 },
  { name: "32-bit", edit: (view) => view.setUint8(4, 1), code: "ElfNotBpf", offset: 4 },
  { name: "big-endian", edit: (view) => view.setUint8(5, 2), code: "ElfNotBpf", offset: 5 },
  { name: "x86-64", edit: (view) => view.setUint16(18, 62, true), code: "ElfNotBpf", offset: 18 },
  { name: "executable", edit: (view) => view.setUint16(16, 2, true), code: "ElfInvalid", offset: 16 },
  {
    name: "section header size",
    edit: (view) => view.setUint16(58, 40, true),
    code: "ElfInvalid",
    offset: 58,
  },
  { name: "no section table", edit: (view) => view.setUint32(40, 0, true), code: "ElfInvalid", offset: 40 },
  {
    name: "section count",
    edit: (view) => view.setUint16(60, 500, true),
    code: "ElfInvalid",
    offset: sectionHeader(""),
  },
  {
    name: "section past the end",
    edit: (view) => view.setUint32(sectionHeader("xdp/first") + 32, 1 << 20, true),
    code: "ElfInvalid",
    offset: elf.sections.find((section) => section.name === "xdp/first")?.fileOffset ?? 0,
  },
  {
    name: "symbol entry size",
    edit: (view) => view.setUint32(sectionHeader(".symtab") + 56, 8, true),
    code: "ElfInvalid",
    section: ".symtab",
  },
  {
    name: "symbol table size",
    edit: (view) => view.setUint32(sectionHeader(".symtab") + 32, 25, true),
    code: "ElfInvalid",
    section: ".symtab",
  },
  {
    name: "symbol strings",
    edit: (view) => view.setUint32(sectionHeader(".symtab") + 40, 240, true),
    code: "ElfInvalid",
    section: ".symtab",
  },
  {
    name: "relocation target",
    edit: (view) => view.setUint32(sectionHeader(".relxdp/first") + 44, 99, true),
    code: "ElfInvalid",
    section: ".relxdp/first",
  },
];

for (const { name, edit, code, offset, section } of damaged) {
  test(`damage is told with its place: ${name}`, (t) => {
    const copy = Uint8Array.from(bytes);
    edit(new DataView(copy.buffer));
    const error = t.throws(() => readElf(copy, "damaged.o"), { instanceOf: EbpfError });
    t.is(error?.code, code as EbpfError["code"]);
    t.is(error?.data.file, "damaged.o");
    if (offset !== undefined) t.is(error?.data.offset, offset);
    if (section !== undefined) t.is(error?.data.section, section);
  });
}

test("an empty file and a half header are errors", (t) => {
  for (const length of [0, 3, 4, 16, 63, 64, 200]) {
    t.throws(() => readElf(bytes.subarray(0, length), "short.o"), { instanceOf: EbpfError });
  }
});

test("names nobody needs may be garbage", (t) => {
  const copy = Uint8Array.from(bytes);
  new DataView(copy.buffer).setUint32(sectionHeader(".debug_line"), 0xffff_0000, true);
  t.is(readElf(copy, "x.o").sections.filter((section) => section.name === "").length, 2);
});

test("20,000 damaged objects are read or refused", (t) => {
  const table = sectionHeader("");
  for (let seed = 0; seed < 20_000; seed++) {
    // Half of the damage goes where the structure is: the header and the section table.
    const structure = seed % 4;
    const copy =
      structure === 0
        ? mutate(bytes, seed, 0, 64)
        : structure === 1
          ? mutate(bytes, seed, table)
          : mutate(bytes, seed);
    try {
      readElf(copy, "damaged.o");
    } catch (error) {
      if (!(error instanceof EbpfError && /^Elf(Invalid|NotBpf)$/.test(error.code))) {
        t.fail(`seed ${seed}: ${error}`);
        return;
      }
    }
  }
  t.pass();
});
