// Writes eBPF object files as an old compiler does (gABI ELF64, little endian, legacy `maps` records, no BTF), so that
// generated programs can go the whole way of a file. Knows only what the tests need of ELF.
import { encode } from "../../core/isa/encode.ts";
import type { Instruction } from "../../core/isa/instruction.ts";

/** A record of struct bpf_map_def. */
export interface ObjectMap {
  readonly name: string;
  readonly type: number;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
}

export interface ObjectProgram {
  readonly section: string;
  readonly name: string;
  /** Instructions, in which `map[N]` means the N-th map; or the bytes of a section that refers to no map. */
  readonly code: readonly Instruction[] | Uint8Array;
}

export interface ObjectSource {
  /** Each in a section of its own. */
  readonly programs: readonly ObjectProgram[];
  readonly maps?: readonly ObjectMap[];
}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly flags?: number;
  readonly link?: number;
  readonly info?: number;
  readonly entrySize?: number;
}

const SHT = { progbits: 1, symtab: 2, strtab: 3, rel: 9 } as const;
const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;
const MAP_BYTES = 20;
const R_BPF_64_64 = 1;

/** Strings each ended by a zero byte, and where each begins. */
function stringTable(): { add(text: string): number; bytes(): Uint8Array } {
  const chunks: Buffer[] = [Buffer.from([0])];
  let size = 1;
  return {
    add(text) {
      const at = size;
      const chunk = Buffer.from(`${text}\0`, "utf8");
      chunks.push(chunk);
      size += chunk.length;
      return at;
    },
    bytes: () => Buffer.concat(chunks),
  };
}

/** The object file's bytes. */
export function writeObject({ programs, maps = [] }: ObjectSource): Uint8Array {
  const strings = stringTable();
  const sections: Section[] = [{ name: "", type: 0, bytes: new Uint8Array(0) }];
  const mapsIndex = programs.length + 1;
  const symbols: Buffer[] = [symbol(0, 0, 0, 0, 0)];
  for (const [index, map] of maps.entries()) {
    symbols.push(symbol(strings.add(map.name), 0x11, mapsIndex, index * MAP_BYTES, MAP_BYTES));
  }
  const relocations: { readonly section: number; readonly bytes: Uint8Array }[] = [];
  for (const { section, name, code } of programs) {
    const index = sections.length;
    const { bytes, references } = code instanceof Uint8Array ? { bytes: code, references: [] } : plain(code);
    sections.push({ name: section, type: SHT.progbits, bytes, flags: 6 });
    symbols.push(symbol(strings.add(name), 0x12, index, 0, bytes.length));
    if (references.length > 0) relocations.push({ section: index, bytes: Buffer.concat(references) });
  }
  sections.push({ name: "maps", type: SHT.progbits, bytes: Buffer.concat(maps.map(record)), flags: 3 });
  sections.push({ name: "license", type: SHT.progbits, bytes: Buffer.from("GPL\0"), flags: 3 });
  const symtab = sections.length + relocations.length;
  for (const { section, bytes } of relocations) {
    const name = `.rel${sections[section]?.name}`;
    sections.push({ name, type: SHT.rel, bytes, link: symtab, info: section, entrySize: RELOCATION_BYTES });
  }
  const table = Buffer.concat(symbols);
  const link = symtab + 1;
  sections.push({ name: ".symtab", type: SHT.symtab, bytes: table, link, info: 1, entrySize: SYMBOL_BYTES });
  sections.push({ name: ".strtab", type: SHT.strtab, bytes: strings.bytes() });
  return assemble(sections);
}

function plain(code: readonly Instruction[]): { bytes: Uint8Array; references: Buffer[] } {
  const references: Buffer[] = [];
  let slot = 0;
  const instructions = code.map((instruction): Instruction => {
    const at = slot * 8;
    slot += instruction.kind === "loadImmediate" ? 2 : 1;
    if (instruction.kind !== "loadImmediate" || instruction.source.kind !== "map") return instruction;
    references.push(relocation(at, instruction.source.map + 1));
    return { ...instruction, source: { kind: "number", value: 0n } };
  });
  return { bytes: encode(instructions), references };
}

function symbol(name: number, info: number, section: number, value: number, size: number): Buffer {
  const bytes = Buffer.alloc(SYMBOL_BYTES);
  bytes.writeUInt32LE(name, 0);
  bytes.writeUInt8(info, 4);
  bytes.writeUInt16LE(section, 6);
  bytes.writeBigUInt64LE(BigInt(value), 8);
  bytes.writeBigUInt64LE(BigInt(size), 16);
  return bytes;
}

function relocation(offset: number, symbolIndex: number): Buffer {
  const bytes = Buffer.alloc(RELOCATION_BYTES);
  bytes.writeBigUInt64LE(BigInt(offset), 0);
  bytes.writeUInt32LE(R_BPF_64_64, 8);
  bytes.writeUInt32LE(symbolIndex, 12);
  return bytes;
}

function record({ type, keySizeBytes, valueSizeBytes, maxEntries }: ObjectMap): Uint8Array {
  return new Uint8Array(new Uint32Array([type, keySizeBytes, valueSizeBytes, maxEntries, 0]).buffer);
}

function assemble(plainSections: readonly Section[]): Uint8Array {
  const names = stringTable();
  const sections = [...plainSections, { name: ".shstrtab", type: SHT.strtab, bytes: new Uint8Array(0) }];
  const nameOffsets = sections.map(({ name }) => (name === "" ? 0 : names.add(name)));
  const header = Buffer.alloc(HEADER_BYTES);
  const chunks: Uint8Array[] = [header];
  let offset = HEADER_BYTES;
  const headers = sections.map(
    ({ type, bytes: own, flags = 0, link = 0, info = 0, entrySize = 0 }, index) => {
      const bytes = index === sections.length - 1 ? names.bytes() : own;
      const padding = new Uint8Array((8 - (bytes.length % 8)) % 8);
      const entry = Buffer.alloc(SECTION_HEADER_BYTES);
      entry.writeUInt32LE(nameOffsets[index] ?? 0, 0);
      entry.writeUInt32LE(type, 4);
      entry.writeBigUInt64LE(BigInt(flags), 8);
      entry.writeBigUInt64LE(BigInt(type === 0 ? 0 : offset), 24);
      entry.writeBigUInt64LE(BigInt(bytes.length), 32);
      entry.writeUInt32LE(link, 40);
      entry.writeUInt32LE(info, 44);
      entry.writeBigUInt64LE(8n, 48);
      entry.writeBigUInt64LE(BigInt(entrySize), 56);
      chunks.push(bytes, padding);
      offset += bytes.length + padding.length;
      return entry;
    },
  );
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(1, 16);
  header.writeUInt16LE(247, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(offset), 40);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(SECTION_HEADER_BYTES, 58);
  header.writeUInt16LE(sections.length, 60);
  header.writeUInt16LE(sections.length - 1, 62);
  return Buffer.concat([...chunks, ...headers]);
}
