import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { printHex } from "../../../core/base/hex.ts";
import { loadObject } from "../../../core/elf/object.ts";
import { print } from "../../../core/isa/print.ts";
import type { FunctionSpec, MapSpec, ObjectSpec, ReferenceTarget } from "../../../core/spec.ts";
import { mutate } from "../../harness/mutate.ts";
import { writeObject } from "../../harness/object.ts";

const fixtures = join(import.meta.dirname, "..", "..", "fixtures");
const load = (name: string) => loadObject(readFileSync(join(fixtures, "c", name)), name);

// ---- expected ObjectSpecs ------------------------------------------------------------------------------------------

function target(reference: ReferenceTarget): string {
  if (reference.kind === "variable") return `${reference.map}+${reference.byteOffset}`;
  return `${reference.kind} ${reference.name}`;
}

/** Each instruction with what it refers to and its line, as a person would check it. */
function showFunction(spec: FunctionSpec) {
  const { instructions, references, sources, coreRelocations, ...rest } = spec;
  const code = instructions.map((instruction, index) => {
    const reference = references.find((candidate) => candidate.instructionIndex === index);
    const source = sources[index];
    return [
      print(instruction),
      reference === undefined ? "" : ` -> ${target(reference.target)}`,
      source === undefined ? "" : ` ; ${source.file}:${source.line}:${source.column}`,
    ].join("");
  });
  return { ...rest, coreRelocations, code };
}

function showMap(map: MapSpec): unknown {
  if (map.data === undefined) return map;
  return { ...map, data: { ...map.data, bytes: printHex(map.data.bytes, " ") } };
}

/** The spec as it is kept in fixtures/object: without BTF, which has its own tests, and debug sections. */
function show(spec: ObjectSpec): unknown {
  const { btf, programs, functions, maps, sections, ...rest } = spec;
  return {
    ...rest,
    sections: sections.filter(({ kind }) => !["debug", "relocation", "symbols"].includes(kind)),
    programs: programs.map(showFunction),
    functions: functions.map(showFunction),
    maps: maps.map(showMap),
    types: btf?.types.length,
  };
}

for (const name of readdirSync(join(fixtures, "c")).filter((file) => /^object-.*\.o$/.test(file))) {
  test(`${name} holds what fixtures/object says`, (t) => {
    const expected = join(fixtures, "object", name.replace(/\.o$/, ".json"));
    const text = `${JSON.stringify(show(load(name)), undefined, 2)}\n`;
    if (process.argv.includes("--update")) {
      mkdirSync(join(fixtures, "object"), { recursive: true });
      writeFileSync(expected, text);
    }
    t.is(text, readFileSync(expected, "utf8"));
  });
}

// ---- rules ---------------------------------------------------------------------------------------------------------

test("a section without FUNC symbols is one program, named after the global symbol at its start, else the section", (t) => {
  const bytes = Uint8Array.from(readFileSync(join(fixtures, "c", "object-legacy.o")));
  const symbol = findSymbol(bytes, "count");
  bytes[symbol + 4] = 0x10; // GLOBAL NOTYPE, as old compilers write
  t.is(loadObject(bytes, "x.o").programs[0]?.name, "count");
  bytes[symbol + 4] = 0x00; // LOCAL NOTYPE: a label
  t.is(loadObject(bytes, "x.o").programs[0]?.name, "xdp");
});

test("relocations of type 0 are applied", (t) => {
  const bytes = Uint8Array.from(readFileSync(join(fixtures, "c", "object-legacy.o")));
  const header = sectionHeader(bytes, ".relxdp");
  const view = new DataView(bytes.buffer);
  const start = view.getUint32(header + 24, true);
  view.setUint32(start + 8, 0, true);
  t.deepEqual(loadObject(bytes, "x.o").programs[0]?.references[0]?.target, { kind: "map", name: "counters" });
});

test("a function that no program could have is not decoded", (t) => {
  const code = Buffer.alloc(8 * 200_001, Buffer.from("b700000000000000", "hex"));
  const program = { section: "xdp", name: "large", code };
  const [spec] = loadObject(writeObject({ programs: [program] }), "x.o").programs;
  t.like(spec, { name: "large", instructions: [], undecodable: { code: "ProgramTooLarge" } });
});

test("code that does not decode marks its function only", (t) => {
  const bytes = Uint8Array.from(readFileSync(join(fixtures, "c", "object-programs.o")));
  const header = sectionHeader(bytes, "xdp/first");
  bytes[new DataView(bytes.buffer).getUint32(header + 24, true)] = 0xff;
  const spec = loadObject(bytes, "x.o");
  t.like(spec.programs[0], { name: "first", instructions: [], undecodable: { byteOffset: 0 } });
  t.is(spec.programs[1]?.undecodable, undefined);
  t.true((spec.programs[1]?.instructions.length ?? 0) > 0);
});

/** Each: how the file is changed, and the error that tells so. */
const damaged: {
  name: string;
  file: string;
  edit: (bytes: Uint8Array) => void;
  code: string;
  message: RegExp;
}[] = [
  {
    name: "a relocation in the second half of an instruction",
    file: "object-legacy.o",
    edit: (bytes) => addToSection(bytes, ".relxdp", 0, 8),
    code: "RelocationInvalid",
    message: /function "count": no instruction starts at 40/,
  },
  {
    name: "a relocation of an instruction that has no place for one",
    file: "object-legacy.o",
    edit: (bytes) => addToSection(bytes, ".relxdp", 0, -32),
    code: "RelocationInvalid",
    message: /a (load|store|mov) instruction cannot refer/,
  },
  {
    name: "a symbol that points into the middle of a map",
    file: "object-legacy.o",
    edit: (bytes) => new DataView(bytes.buffer).setUint32(findSymbol(bytes, "counters") + 8, 4, true),
    code: "MapDefinitionInvalid",
    message: /do not start at 4/,
  },
  {
    name: "a referred symbol in a section that is not there",
    file: "object-data.o",
    edit: (bytes) => new DataView(bytes.buffer).setUint16(findSymbol(bytes, "packets") + 6, 999, true),
    code: "RelocationInvalid",
    message: /"packets" is in section 999, which is not there/,
  },
  {
    name: "a legacy section that is no whole number of records",
    file: "object-legacy.o",
    edit: (bytes) => new DataView(bytes.buffer).setUint32(sectionHeader(bytes, "maps") + 32, 82, true),
    code: "MapDefinitionInvalid",
    message: /of 82 bytes cannot hold 3 definitions/,
  },
  {
    name: "a map of no type",
    file: "object-maps.o",
    edit: (bytes) => renameString(bytes, "type", "tipe"),
    code: "MapDefinitionInvalid",
    message: /it has no type/,
  },
  {
    name: "a .bss of gigabytes",
    file: "object-data.o",
    edit: (bytes) =>
      new DataView(bytes.buffer).setUint32(sectionHeader(bytes, ".bss") + 32, 0x7fff_fff8, true),
    code: "ElfInvalid",
    message: /2147483673 bytes of variables/,
  },
];

for (const { name, file, edit, code, message } of damaged) {
  test(`refused: ${name}`, (t) => {
    const bytes = Uint8Array.from(readFileSync(join(fixtures, "c", file)));
    edit(bytes);
    const error = t.throws(() => loadObject(bytes, file), { instanceOf: EbpfError, message });
    t.is(error?.code, code as EbpfError["code"]);
    t.is(error?.data.file, file);
    t.truthy(error?.data.section);
  });
}

function sectionTable(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { view, start: Number(view.getBigUint64(40, true)), count: view.getUint16(60, true) };
}

function stringsAt(bytes: Uint8Array, header: number): (offset: number) => string {
  const start = sectionTable(bytes).view.getUint32(header + 24, true);
  return (offset) => {
    const end = bytes.indexOf(0, start + offset);
    return Buffer.from(bytes.subarray(start + offset, end)).toString();
  };
}

/** Byte offset of a section's header. */
function sectionHeader(bytes: Uint8Array, name: string): number {
  const { view, start, count } = sectionTable(bytes);
  const names = stringsAt(bytes, start + view.getUint16(62, true) * 64);
  for (let index = 0; index < count; index++) {
    if (names(view.getUint32(start + index * 64, true)) === name) return start + index * 64;
  }
  throw new Error(`no section ${name}`);
}

/** Byte offset of a symbol's entry. */
function findSymbol(bytes: Uint8Array, name: string): number {
  const { view, start } = sectionTable(bytes);
  const table = sectionHeader(bytes, ".symtab");
  const names = stringsAt(bytes, start + view.getUint32(table + 40, true) * 64);
  const [first, size] = [view.getUint32(table + 24, true), view.getUint32(table + 32, true)];
  for (let at = first; at < first + size; at += 24) if (names(view.getUint32(at, true)) === name) return at;
  throw new Error(`no symbol ${name}`);
}

function addToSection(bytes: Uint8Array, name: string, offset: number, amount: number): void {
  const view = new DataView(bytes.buffer);
  const at = view.getUint32(sectionHeader(bytes, name) + 24, true) + offset;
  view.setUint32(at, view.getUint32(at, true) + amount, true);
}

/** Overwrites each whole occurrence of a string with another of the same length. */
function renameString(bytes: Uint8Array, from: string, to: string): void {
  const text = Buffer.from(bytes.buffer).toString("latin1");
  for (const match of text.matchAll(new RegExp(`\0${from}\0`, "g")))
    Buffer.from(bytes.buffer).write(to, match.index + 1);
}

// ---- damage --------------------------------------------------------------------------------------------------------

const CODES = /^(Elf(Invalid|NotBpf)|BtfInvalid|MapDefinitionInvalid|RelocationInvalid)$/;

test("20,000 damaged objects are loaded or refused, each in less than a second", (t) => {
  const objects = ["object-maps.o", "object-data.o", "object-legacy.o", "object-callback.o"].map((name) =>
    readFileSync(join(fixtures, "c", name)),
  );
  let slowest = 0;
  for (let seed = 0; seed < 20_000; seed++) {
    const bytes = mutate(objects[seed % objects.length] ?? new Uint8Array(), seed);
    // Time of this process, so that a busy machine is not taken for slow code.
    const start = process.cpuUsage();
    try {
      loadObject(bytes, "damaged.o");
    } catch (error) {
      if (!(error instanceof EbpfError && CODES.test(error.code) && error.data.file === "damaged.o")) {
        t.fail(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
        return;
      }
    }
    const { user, system } = process.cpuUsage(start);
    slowest = Math.max(slowest, (user + system) / 1000);
  }
  t.true(slowest < 1000, `the slowest took ${slowest} ms`);
});
