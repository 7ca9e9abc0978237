// .BTF bytes -> BtfTypes (kernel documentation, BPF Type Format, sections 2 and 3). Every type id and name offset is checked
// here, so that what uses the types needs no checks beyond recursion. Knows nothing of ELF.
import { ByteReader } from "../base/bytes.ts";
import type { ErrorData } from "../base/error.ts";
import type { BtfMember, BtfParameter, BtfType, BtfTypes } from "./types.ts";

const MAGIC = 0xeb9f;
const VERSION = 1;
/** Longer texts are cut there: names of compilers are shorter, and a hostile section must not cost a scan of itself for each name. */
const TEXT_LIMIT = 4096;

/** The string table of a .BTF section; .BTF.ext refers to it too. */
export interface BtfStrings {
  /** Undefined if the offset is outside the table. */
  at(offset: number): string | undefined;
}

export interface Btf {
  readonly types: BtfTypes;
  readonly strings: BtfStrings;
}

/** Common start of .BTF and .BTF.ext: magic, version, flags, header length. Returns a reader behind it. */
export function readBtfHeader(bytes: Uint8Array, where: ErrorData, what: string) {
  const reader = new ByteReader(bytes, { code: "BtfInvalid", where, what });
  const magic = reader.u16();
  if (magic !== MAGIC) {
    throw reader.error(`${what} starts with ${magic.toString(16)}, not with the magic number eb9f`, 0);
  }
  const version = reader.u8();
  if (version !== VERSION) throw reader.error(`${what} has version ${version}; only 1 is known`, 2);
  reader.skip(1);
  const headerBytes = reader.u32();
  if (headerBytes < 24 || headerBytes > bytes.length) {
    throw reader.error(`${what} says its header has ${headerBytes} bytes`, 4);
  }
  return { reader, headerBytes };
}

/** FormatError BtfInvalid, with the offset in the section, if anything in it does not hold; kind 0 and unknown kinds included. */
export function readBtf(bytes: Uint8Array, where: ErrorData = {}): Btf {
  const { reader, headerBytes } = readBtfHeader(bytes, where, "section .BTF");
  const typeStart = headerBytes + reader.u32();
  const typeBytes = reader.u32();
  const stringStart = headerBytes + reader.u32();
  const stringBytes = reader.u32();
  const part = (start: number, length: number, what: string) => {
    if (start > bytes.length || length > bytes.length - start) {
      throw reader.error(`the ${what} (${length} bytes at ${start}) run past the end of section .BTF`, 8);
    }
    return bytes.subarray(start, start + length);
  };
  const strings = stringTable(part(stringStart, stringBytes, "strings"));
  const body = new ByteReader(part(typeStart, typeBytes, "types"), {
    code: "BtfInvalid",
    where: { ...where, offset: (where.offset ?? 0) + typeStart },
    what: "the type data",
  });
  return { types: readTypes(body, strings), strings };
}

const decoder = new TextDecoder();

function stringTable(bytes: Uint8Array): BtfStrings {
  const known = new Map<number, string>();
  return {
    at(offset) {
      if (offset >= bytes.length) return offset === 0 ? "" : undefined;
      let text = known.get(offset);
      if (text === undefined) {
        const rest = bytes.subarray(offset, offset + TEXT_LIMIT);
        const end = rest.indexOf(0);
        text = decoder.decode(end < 0 ? rest : rest.subarray(0, end));
        known.set(offset, text);
      }
      return text;
    },
  };
}

/** What one type's record begins with, and how its parts are read. */
interface TypeRecord {
  readonly id: number;
  readonly start: number;
  readonly name: string;
  readonly count: number;
  readonly flag: boolean;
  /** `size` or `type` of struct btf_type, whichever the kind has. */
  readonly sizeOrType: number;
}

function readTypes(reader: ByteReader, strings: BtfStrings): BtfTypes {
  const types: BtfType[] = [{ kind: "void" }];
  const starts = [0];
  while (reader.remaining > 0) {
    const start = reader.position;
    starts.push(start);
    types.push(readType(reader, strings, types.length));
  }
  for (const [id, type] of types.entries()) checkReferences(type, id, types, reader, starts[id] ?? 0);
  return { types };
}

function readType(reader: ByteReader, strings: BtfStrings, id: number): BtfType {
  const start = reader.position;
  const nameOffset = reader.u32();
  const info = reader.u32();
  const sizeOrType = reader.u32();
  const name = text(reader, strings, nameOffset, start, id);
  const kind = (info >>> 24) & 31;
  const read = KINDS[kind];
  if (read === undefined) throw reader.error(`type ${id} has kind ${kind}, which does not exist`, start + 4);
  const record = { id, start, name, count: info & 0xffff, flag: info >>> 31 === 1, sizeOrType };
  return read(reader, record, (offset) => text(reader, strings, offset, reader.position - 4, id));
}

function text(reader: ByteReader, strings: BtfStrings, offset: number, at: number, id: number): string {
  const found = strings.at(offset);
  if (found === undefined) throw reader.error(`type ${id} has a name at ${offset}, past the strings`, at);
  return found;
}

type ReadKind = (reader: ByteReader, record: TypeRecord, text: (offset: number) => string) => BtfType;

/** Runs `read` once for each of the parts that follow a record, after a check that they are there. */
function parts<T>(reader: ByteReader, record: TypeRecord, sizeBytes: number, read: () => T): T[] {
  if (record.count * sizeBytes > reader.remaining) {
    throw reader.error(
      `type ${record.id} says it has ${record.count} parts, more than the section holds`,
      record.start,
    );
  }
  return Array.from({ length: record.count }, read);
}

const LINKAGES = ["static", "global", "extern"] as const;

function linkage(reader: ByteReader, record: TypeRecord, value: number): (typeof LINKAGES)[number] {
  const found = LINKAGES[value];
  if (found === undefined) throw reader.error(`type ${record.id} has linkage ${value}`, record.start);
  return found;
}

const readInt: ReadKind = (reader, { id, name, sizeOrType, start }) => {
  const data = reader.u32();
  const bits = (data >>> 24) & 15;
  const bitOffset = (data >>> 16) & 255;
  const bitSize = data & 255;
  if (![1, 2, 4, 8, 16].includes(sizeOrType) || bitOffset + bitSize > sizeOrType * 8) {
    throw reader.error(
      `integer type ${id} has ${bitSize} bits at ${bitOffset} of ${sizeOrType} bytes`,
      start,
    );
  }
  const encoding = bits & 4 ? "bool" : bits & 2 ? "char" : bits & 1 ? "signed" : "none";
  return { kind: "int", name, sizeBytes: sizeOrType, encoding, bitOffset, bitSize };
};

const readArray: ReadKind = (reader) => ({
  kind: "array",
  type: reader.u32(),
  indexType: reader.u32(),
  length: reader.u32(),
});

const readStruct =
  (kind: "struct" | "union"): ReadKind =>
  (reader, record, text) => ({
    kind,
    name: record.name,
    sizeBytes: record.sizeOrType,
    members: parts(reader, record, 12, (): BtfMember => {
      const name = text(reader.u32());
      const type = reader.u32();
      const offset = reader.u32();
      // With kind_flag the upper 8 bits are the width of a bit field.
      return record.flag
        ? { name, type, bitOffset: offset & 0xff_ffff, bitSize: offset >>> 24 }
        : { name, type, bitOffset: offset, bitSize: 0 };
    }),
  });

const readEnum =
  (wide: boolean): ReadKind =>
  (reader, record, text) => {
    const { name, sizeOrType, flag: signed } = record;
    if (![1, 2, 4, 8].includes(sizeOrType)) {
      throw reader.error(`enum type ${record.id} has ${sizeOrType} bytes`, record.start);
    }
    const values = parts(reader, record, wide ? 12 : 8, () => {
      const name = text(reader.u32());
      const low = reader.u32();
      const value = wide ? (BigInt(reader.u32()) << 32n) | BigInt(low) : BigInt(low);
      return { name, value: signed ? BigInt.asIntN(wide ? 64 : 32, value) : value };
    });
    return { kind: "enum", name, sizeBytes: sizeOrType, signed, values };
  };

const readModifier =
  (kind: "volatile" | "const" | "restrict" | "pointer"): ReadKind =>
  (_reader, { sizeOrType }) => ({ kind, type: sizeOrType });

const readFunctionPrototype: ReadKind = (reader, record, text) => ({
  kind: "functionPrototype",
  returnType: record.sizeOrType,
  parameters: parts(
    reader,
    record,
    8,
    (): BtfParameter => ({ name: text(reader.u32()), type: reader.u32() }),
  ),
});

const readDataSection: ReadKind = (reader, record) => ({
  kind: "dataSection",
  name: record.name,
  sizeBytes: record.sizeOrType,
  variables: parts(reader, record, 12, () => ({
    type: reader.u32(),
    byteOffset: reader.u32(),
    sizeBytes: reader.u32(),
  })),
});

/** By BTF_KIND_*; 0 (void) never stands in the section. */
const KINDS: readonly (ReadKind | undefined)[] = [
  undefined,
  readInt,
  readModifier("pointer"),
  readArray,
  readStruct("struct"),
  readStruct("union"),
  readEnum(false),
  (_reader, { name, flag }) => ({ kind: "forward", name, union: flag }),
  (_reader, { name, sizeOrType }) => ({ kind: "typedef", name, type: sizeOrType }),
  readModifier("volatile"),
  readModifier("const"),
  readModifier("restrict"),
  (reader, record) => ({
    kind: "function",
    name: record.name,
    type: record.sizeOrType,
    linkage: linkage(reader, record, record.count),
  }),
  readFunctionPrototype,
  (reader, record) => ({
    kind: "variable",
    name: record.name,
    type: record.sizeOrType,
    linkage: linkage(reader, record, reader.u32()),
  }),
  readDataSection,
  (_reader, { name, sizeOrType }) => ({ kind: "float", name, sizeBytes: sizeOrType }),
  (reader, { name, sizeOrType }) => ({
    kind: "declarationTag",
    name,
    type: sizeOrType,
    componentIndex: reader.i32(),
  }),
  (_reader, { name, sizeOrType }) => ({ kind: "typeTag", name, type: sizeOrType }),
  readEnum(true),
];

/** Ids of all types that a type names. */
export function referencesOf(type: BtfType): readonly number[] {
  switch (type.kind) {
    case "void":
    case "int":
    case "enum":
    case "forward":
    case "float":
      return [];
    case "array":
      return [type.type, type.indexType];
    case "struct":
    case "union":
      return type.members.map((member) => member.type);
    case "functionPrototype":
      return [type.returnType, ...type.parameters.map((parameter) => parameter.type)];
    case "dataSection":
      return type.variables.map((variable) => variable.type);
    default:
      return [type.type];
  }
}

function checkReferences(
  type: BtfType,
  id: number,
  types: readonly BtfType[],
  reader: ByteReader,
  start: number,
): void {
  for (const reference of referencesOf(type)) {
    if (reference >= types.length) {
      throw reader.error(
        `type ${id} refers to type ${reference}; there are only ${types.length - 1} types`,
        start,
      );
    }
  }
}
