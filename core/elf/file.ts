// readElf: an ELF64 little-endian relocatable object as sections, symbols and relocations, every offset and size checked
// against the file. Knows nothing of maps, programs or BTF. Names that cannot be read are "": only who needs them fails.
import { ByteReader } from "../base/bytes.ts";
import { FormatError } from "../base/error.ts";

/** sh_type (System V ABI, gABI chapter 4). */
export const SECTION_TYPE = { null: 0, symbols: 2, strings: 3, rela: 4, noBits: 8, rel: 9 } as const;
/** st_info's type. */
export const SYMBOL_TYPE = { none: 0, object: 1, function: 2, section: 3, file: 4 } as const;

const FLAG_ALLOCATE = 2n;
const FLAG_EXECUTE = 4n;
const EM_NONE = 0;
const EM_BPF = 247;
const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const EXTENDED_INDEX = 0xffff;
/** Longer names are read as if they had none; a hostile string table must not cost a scan of itself for each symbol. */
const NAME_LIMIT = 4096;

export interface ElfSection {
  readonly index: number;
  /** "" if the file's name for it cannot be read. */
  readonly name: string;
  readonly type: number;
  readonly allocated: boolean;
  readonly executable: boolean;
  /** Where its bytes are in the file. */
  readonly fileOffset: number;
  readonly sizeBytes: number;
  readonly link: number;
  readonly info: number;
  readonly entrySizeBytes: number;
  /** A view into the file; zeros for a section without bytes in the file are not made (length 0). */
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly index: number;
  /** "" if it has none or it cannot be read. */
  readonly name: string;
  readonly type: number;
  readonly binding: "local" | "global" | "weak" | "other";
  /** Index of its section; 0 is undefined. May name a section that is not there. */
  readonly section: number;
  /** Byte offset in its section. */
  readonly value: number;
  readonly sizeBytes: number;
}

export interface ElfRelocation {
  /** In the section it applies to. */
  readonly byteOffset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
  /** Of SHT_RELA; absent where the addend is in place. */
  readonly addend?: number;
}

export interface ElfFile {
  /** As given by the caller; for messages. */
  readonly file: string;
  /** By section index; number 0 is the null section. */
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** By index of the section they apply to, sorted by offset; only sections that are part of the program image have them read. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

interface RawSection extends ElfSection {
  readonly nameOffset: number;
}

interface Header {
  readonly sectionTableOffset: number;
  readonly sectionCount: number;
  readonly nameTableIndex: number;
}

/**
 * Reads an object file. FormatError ElfInvalid if a size, an offset, an entry size or an index of the file does not
 * hold (data: section, offset); ElfNotBpf if it is a sound start of an ELF file for something else.
 */
export function readElf(input: Uint8Array, file: string): ElfFile {
  // Of a Buffer, slice() would not copy; what is handed on is a plain Uint8Array.
  const bytes = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  const header = readHeader(bytes, file);
  const unnamed = readSectionTable(bytes, file, header);
  const sections = nameSections(unnamed, header.nameTableIndex);
  const symbols = readSymbols(sections, file);
  return { file, sections, symbols, relocations: readRelocations(sections, symbols, file) };
}

function invalid(file: string, message: string, section?: ElfSection, offset?: number): FormatError {
  return new FormatError("ElfInvalid", message, {
    file,
    ...(section === undefined ? {} : { section: describe(section) }),
    ...(offset === undefined ? {} : { offset }),
  });
}

function describe(section: ElfSection): string {
  return section.name === "" ? `#${section.index}` : section.name;
}

function readHeader(bytes: Uint8Array, file: string): Header {
  if (bytes.length < 4 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw invalid(file, "this is not an ELF file: it does not start with 7f 45 4c 46", undefined, 0);
  }
  const reader = new ByteReader(bytes, { code: "ElfInvalid", where: { file }, what: "the ELF header" });
  reader.seek(4);
  const elfClass = reader.u8();
  const byteOrder = reader.u8();
  if (elfClass !== 2) throw notBpf(file, "a 32-bit object", 4);
  if (byteOrder !== 1) throw notBpf(file, "a big-endian object", 5);
  reader.seek(16);
  const type = reader.u16();
  const machine = reader.u16();
  if (machine !== EM_BPF && machine !== EM_NONE)
    throw notBpf(file, `an object for ELF machine ${machine}`, 18);
  if (type !== 1) throw invalid(file, `ELF type ${type} is not a relocatable object (1)`, undefined, 16);
  reader.seek(40);
  const sectionTableOffset = reader.size64();
  reader.seek(58);
  const entrySizeBytes = reader.u16();
  const sectionCount = reader.u16();
  const nameTableIndex = reader.u16();
  if (entrySizeBytes !== SECTION_HEADER_BYTES) {
    throw invalid(file, `section headers of ${entrySizeBytes} bytes; ELF64 has 64`, undefined, 58);
  }
  if (sectionTableOffset < HEADER_BYTES)
    throw invalid(file, "the object has no section table", undefined, 40);
  return { sectionTableOffset, sectionCount, nameTableIndex };
}

function notBpf(file: string, what: string, offset: number): FormatError {
  return new FormatError("ElfNotBpf", `this is ${what}, not for BPF`, { file, offset });
}

function readSectionTable(bytes: Uint8Array, file: string, header: Header): RawSection[] {
  const reader = new ByteReader(bytes, { code: "ElfInvalid", where: { file }, what: "the file" });
  reader.seek(Math.min(header.sectionTableOffset, bytes.length));
  // gABI: with 65,280 sections or more, the count is the size of section 0.
  const first = readSectionHeader(reader, 0);
  const count = header.sectionCount === 0 ? first.sizeBytes : header.sectionCount;
  if (count < 1 || count > (bytes.length - header.sectionTableOffset) / SECTION_HEADER_BYTES) {
    throw invalid(
      file,
      `the section table of ${count} entries at ${header.sectionTableOffset} runs past the end of the file (${bytes.length} bytes)`,
      undefined,
      header.sectionTableOffset,
    );
  }
  const sections = [first];
  for (let index = 1; index < count; index++) sections.push(readSectionHeader(reader, index));
  return sections.map((section) => ({ ...section, bytes: sectionBytes(bytes, file, section) }));
}

function readSectionHeader(reader: ByteReader, index: number): RawSection {
  const nameOffset = reader.u32();
  const type = reader.u32();
  const flags = reader.u64();
  reader.skip(8);
  const fileOffset = toNumber(reader.u64());
  const sizeBytes = toNumber(reader.u64());
  const link = reader.u32();
  const info = reader.u32();
  reader.skip(8);
  const entrySizeBytes = toNumber(reader.u64());
  const allocated = (flags & FLAG_ALLOCATE) !== 0n;
  const executable = (flags & FLAG_EXECUTE) !== 0n;
  const base = { index, name: "", type, allocated, executable, fileOffset, sizeBytes, link, info };
  return { ...base, entrySizeBytes, bytes: new Uint8Array(), nameOffset };
}

/** Exact for anything that can lie in a file; larger values only need to stay too large. */
function toNumber(value: bigint): number {
  return Number(value);
}

function sectionBytes(bytes: Uint8Array, file: string, section: ElfSection): Uint8Array {
  if (section.type === SECTION_TYPE.null || section.type === SECTION_TYPE.noBits) return new Uint8Array();
  const { fileOffset, sizeBytes } = section;
  if (fileOffset > bytes.length || sizeBytes > bytes.length - fileOffset) {
    throw invalid(
      file,
      `section #${section.index} (${sizeBytes} bytes at ${fileOffset}) runs past the end of the file (${bytes.length} bytes)`,
      section,
      fileOffset,
    );
  }
  return bytes.subarray(fileOffset, fileOffset + sizeBytes);
}

function nameSections(sections: readonly RawSection[], nameTableIndex: number): ElfSection[] {
  const index = nameTableIndex === EXTENDED_INDEX ? (sections[0]?.link ?? 0) : nameTableIndex;
  const table = sections[index];
  const names = table?.type === SECTION_TYPE.strings ? table.bytes : new Uint8Array();
  return sections.map(({ nameOffset, ...section }) => ({ ...section, name: readName(names, nameOffset) }));
}

const decoder = new TextDecoder();

/** "" if the offset is outside the table or no end is found. */
function readName(table: Uint8Array, offset: number): string {
  if (offset >= table.length || table[offset] === 0) return "";
  const rest = table.subarray(offset, offset + NAME_LIMIT);
  const length = rest.indexOf(0);
  return length < 0 ? "" : decoder.decode(rest.subarray(0, length));
}

function checkEntries(section: ElfSection, entrySizeBytes: number, what: string, file: string): number {
  if (section.entrySizeBytes !== entrySizeBytes) {
    throw invalid(
      file,
      `${what} has entries of ${section.entrySizeBytes} bytes; ELF64 has ${entrySizeBytes}`,
      section,
      section.fileOffset,
    );
  }
  if (section.sizeBytes % entrySizeBytes !== 0) {
    throw invalid(
      file,
      `${what} of ${section.sizeBytes} bytes is not a whole number of entries`,
      section,
      section.fileOffset,
    );
  }
  return section.sizeBytes / entrySizeBytes;
}

const BINDINGS = ["local", "global", "weak"] as const;

function readSymbols(sections: readonly ElfSection[], file: string): ElfSymbol[] {
  const [table, other] = sections.filter((section) => section.type === SECTION_TYPE.symbols);
  if (table === undefined) return [];
  if (other !== undefined) throw invalid(file, "the object has two symbol tables", other, other.fileOffset);
  const count = checkEntries(table, SYMBOL_BYTES, "the symbol table", file);
  const strings = sections[table.link];
  if (strings?.type !== SECTION_TYPE.strings) {
    throw invalid(file, `section #${table.link}, named by the symbol table, holds no strings`, table);
  }
  const reader = new ByteReader(table.bytes, {
    code: "ElfInvalid",
    where: { file, section: describe(table) },
  });
  const symbols: ElfSymbol[] = [];
  for (let index = 0; index < count; index++) {
    const name = readName(strings.bytes, reader.u32());
    const info = reader.u8();
    reader.skip(1);
    const section = reader.u16();
    const value = toNumber(reader.u64());
    const sizeBytes = toNumber(reader.u64());
    const binding = BINDINGS[info >> 4] ?? "other";
    symbols.push({ index, name, type: info & 15, binding, section, value, sizeBytes });
  }
  return symbols;
}

function readRelocations(
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
  file: string,
): ReadonlyMap<number, ElfRelocation[]> {
  const result = new Map<number, ElfRelocation[]>();
  for (const section of sections) {
    if (section.type !== SECTION_TYPE.rel && section.type !== SECTION_TYPE.rela) continue;
    const rela = section.type === SECTION_TYPE.rela;
    const count = checkEntries(section, rela ? 24 : 16, "the relocation section", file);
    const target = sections[section.info];
    if (target === undefined) {
      throw invalid(file, `relocations for section #${section.info}, which is not there`, section);
    }
    if (!target.allocated) continue;
    const list = result.get(target.index) ?? [];
    result.set(target.index, list);
    readEntries(section, count, rela, symbols, file, list);
  }
  for (const list of result.values()) list.sort((a, b) => a.byteOffset - b.byteOffset);
  return result;
}

function readEntries(
  section: ElfSection,
  count: number,
  rela: boolean,
  symbols: readonly ElfSymbol[],
  file: string,
  into: ElfRelocation[],
): void {
  const reader = new ByteReader(section.bytes, {
    code: "ElfInvalid",
    where: { file, section: describe(section) },
  });
  for (let index = 0; index < count; index++) {
    const start = reader.position;
    const byteOffset = toNumber(reader.u64());
    const type = reader.u32();
    const symbolIndex = reader.u32();
    const addend = rela ? Number(reader.i64()) : undefined;
    const symbol = symbols[symbolIndex];
    if (symbol === undefined) {
      throw reader.error(`relocation ${index} names symbol ${symbolIndex}, which is not there`, start);
    }
    into.push({ byteOffset, type, symbol, ...(addend === undefined ? {} : { addend }) });
  }
}
