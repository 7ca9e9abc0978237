// Map definitions -> MapSpec: BTF maps of section `.maps` (libbpf's __uint and __type) and the legacy records of sections
// `maps`. Knows nothing of what a map type's number means beyond which of them hold other maps.
import { ByteReader } from "../base/bytes.ts";
import { FormatError } from "../base/error.ts";
import { resolveType, sizeOfType } from "../btf/resolve.ts";
import type { BtfMember, BtfType, BtfTypes } from "../btf/types.ts";
import type { MapSpec } from "../spec.ts";
import type { ElfSection, ElfSymbol } from "./file.ts";

/** A map and where its definition is, which is how relocations name it. */
export interface PlacedMap {
  readonly section: ElfSection;
  readonly byteOffset: number;
  readonly sizeBytes: number;
  readonly spec: MapSpec;
  /** Byte offset in the definition of the pointers that `values` lists. */
  readonly valuesOffset?: number;
}

function invalid(name: string, why: string, section: ElfSection, byteOffset = 0): FormatError {
  return new FormatError("MapDefinitionInvalid", `map "${name}": ${why}`, {
    target: name,
    section: section.name,
    offset: byteOffset,
  });
}

// ---- BTF maps ------------------------------------------------------------------------------------------------------

/** Members that hold a number, and the MapSpec field each fills. */
const NUMBERS = {
  type: "type",
  max_entries: "maxEntries",
  map_flags: "flags",
  pinning: "pinning",
  key_size: "keySizeBytes",
  value_size: "valueSizeBytes",
} as const;

const TYPES = { key: ["keyTypeId", "keySizeBytes"], value: ["valueTypeId", "valueSizeBytes"] } as const;

type Fields = { -readonly [K in keyof MapSpec]?: MapSpec[K] };

/** The maps of section `.maps`, in the order of BTF. MapDefinitionInvalid if a definition cannot be understood. */
export function readBtfMaps(
  section: ElfSection,
  symbols: readonly ElfSymbol[],
  btf: BtfTypes | undefined,
): PlacedMap[] {
  if (section.sizeBytes === 0) return [];
  const table = btf?.types.find((type) => type.kind === "dataSection" && type.name === section.name);
  if (btf === undefined || table?.kind !== "dataSection") {
    throw invalid("?", "section .maps needs BTF to be understood; compile with -g", section);
  }
  const offsets = new Map(symbols.map((symbol) => [symbol.name, symbol.value]));
  return table.variables.map((entry) => {
    const variable = btf.types[entry.type];
    const name = variable?.kind === "variable" ? variable.name : "";
    if (variable?.kind !== "variable" || name === "") throw invalid("?", "it has no name in BTF", section);
    const byteOffset = offsets.get(name) ?? entry.byteOffset;
    const { fields, valuesOffset } = readDefinition(btf, variable.type, name, section, true);
    const place = { section, byteOffset, sizeBytes: entry.sizeBytes, spec: complete(name, fields) };
    return valuesOffset === undefined ? place : { ...place, valuesOffset };
  });
}

function complete(name: string, fields: Fields): MapSpec {
  const sizes = { type: 0, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 0, flags: 0, pinning: 0 };
  return { name, ...sizes, ...fields };
}

function readDefinition(
  btf: BtfTypes,
  typeId: number,
  name: string,
  section: ElfSection,
  outer: boolean,
): { fields: Fields; valuesOffset?: number } {
  const type = resolveType(btf, typeId);
  if (type?.kind !== "struct") throw invalid(name, "its type is not a struct", section);
  const fields: Fields = {};
  let valuesOffset: number | undefined;
  for (const member of type.members) {
    if (member.name in NUMBERS) readNumber(btf, member, name, section, fields);
    else if (member.name === "key" || member.name === "value") {
      readKeyOrValue(btf, member, member.name, name, section, fields);
    } else if (member.name === "values") {
      if (!outer) throw invalid(name, "maps can be nested once only", section);
      valuesOffset = Math.floor(member.bitOffset / 8);
      readValues(btf, member, name, section, fields);
    }
  }
  if (fields.type === undefined)
    throw invalid(name, "it has no type; say __uint(type, BPF_MAP_TYPE_...)", section);
  return valuesOffset === undefined ? { fields } : { fields, valuesOffset };
}

function set(fields: Fields, key: "keySizeBytes" | "valueSizeBytes", size: number): boolean {
  if (fields[key] !== undefined && fields[key] !== size) return false;
  fields[key] = size;
  return true;
}

/** `int (*name)[N]` says N. */
function readNumber(
  btf: BtfTypes,
  member: BtfMember,
  name: string,
  section: ElfSection,
  fields: Fields,
): void {
  const array = pointee(btf, member);
  if (array?.kind !== "array") throw invalid(name, `"${member.name}" is not a number; use __uint`, section);
  const field = NUMBERS[member.name as keyof typeof NUMBERS];
  if (field === "keySizeBytes" || field === "valueSizeBytes") {
    if (!set(fields, field, array.length))
      throw invalid(name, `"${member.name}" contradicts the type`, section);
  } else {
    fields[field] = array.length;
  }
}

/** `T *key` says T. */
function readKeyOrValue(
  btf: BtfTypes,
  member: BtfMember,
  which: "key" | "value",
  name: string,
  section: ElfSection,
  fields: Fields,
): void {
  const pointer = resolveType(btf, member.type);
  if (pointer?.kind !== "pointer") throw invalid(name, `"${which}" is not a pointer; use __type`, section);
  const [typeField, sizeField] = TYPES[which];
  const size = sizeOfType(btf, pointer.type);
  if (size === undefined) throw invalid(name, `the type of its ${which} has no size`, section);
  if (!set(fields, sizeField, size)) throw invalid(name, `"${which}_size" contradicts the type`, section);
  fields[typeField] = pointer.type;
}

/** `T *values[]`: T is the struct of the inner maps, or a function for an array of programs. */
function readValues(
  btf: BtfTypes,
  member: BtfMember,
  name: string,
  section: ElfSection,
  fields: Fields,
): void {
  const array = resolveType(btf, member.type);
  const pointer = array?.kind === "array" ? resolveType(btf, array.type) : undefined;
  if (pointer?.kind !== "pointer") throw invalid(name, '"values" is not an array of pointers', section);
  const target = resolveType(btf, pointer.type);
  if (target?.kind === "struct") {
    const inner = readDefinition(btf, pointer.type, `${name}.values`, section, false);
    fields.inner = complete(`${name}.values`, inner.fields);
  } else if (target?.kind !== "functionPrototype") {
    throw invalid(name, '"values" lists neither maps nor functions', section);
  }
  // What is stored is a reference, 4 bytes wide for a program; libbpf fills these in too.
  fields.keySizeBytes ??= 4;
  fields.valueSizeBytes ??= 4;
}

function pointee(btf: BtfTypes, member: BtfMember): BtfType | undefined {
  const pointer = resolveType(btf, member.type);
  return pointer?.kind === "pointer" ? resolveType(btf, pointer.type) : undefined;
}

// ---- legacy maps ---------------------------------------------------------------------------------------------------

/** What stands after type, key size, value size and maximum of entries: word numbers. Where not said, word 4 is flags. */
interface Layout {
  readonly flags?: number;
  readonly pinning?: number;
  /** Index of the inner map among all legacy maps, valid for these types only (others keep something else there). */
  readonly innerIndex?: { readonly word: number; readonly types: readonly number[] };
  readonly id?: number;
  readonly innerId?: number;
}

/** By the size of a record. The types that hold maps are 12 and 13 on Linux, 6 and 7 on Windows. */
const LAYOUTS: ReadonlyMap<number, Layout> = new Map([
  // struct bpf_map_def of Linux' samples (bpf_load.h): inner_map_idx, numa_node.
  [28, { flags: 4, innerIndex: { word: 5, types: [12, 13] } }],
  // struct _ebpf_map_definition_in_file of ebpf-for-windows before BTF maps: no flags.
  [32, { innerIndex: { word: 4, types: [6, 7] }, pinning: 5, id: 6, innerId: 7 }],
  // struct bpf_elf_map of iproute2.
  [36, { flags: 4, id: 5, pinning: 6, innerId: 7 }],
]);
const LEAST_RECORD_BYTES = 20;

interface LegacyRecord {
  readonly place: PlacedMap;
  readonly layout: Layout;
  readonly words: readonly number[];
}

/** The maps of all legacy sections together, in order of section and address, because inner maps are named by index. */
export function readLegacyMaps(
  sections: readonly ElfSection[],
  symbolsOf: (section: ElfSection) => readonly ElfSymbol[],
): PlacedMap[] {
  const records = sections.flatMap((section) => readRecords(section, symbolsOf(section)));
  return records.map((record) => {
    const inner = findInner(record, records);
    if (inner === undefined || inner === record) return record.place;
    return { ...record.place, spec: { ...record.place.spec, inner: inner.place.spec } };
  });
}

function readRecords(section: ElfSection, symbols: readonly ElfSymbol[]): LegacyRecord[] {
  const sorted = [...symbols].sort((a, b) => a.value - b.value);
  if (sorted.length === 0) return [];
  const recordBytes = section.sizeBytes / sorted.length;
  if (!Number.isInteger(recordBytes) || recordBytes < LEAST_RECORD_BYTES || recordBytes % 4 !== 0) {
    throw invalid(
      sorted[0]?.name ?? "",
      `section "${section.name}" of ${section.sizeBytes} bytes cannot hold ${sorted.length} definitions`,
      section,
    );
  }
  const reader = new ByteReader(section.bytes, {
    code: "MapDefinitionInvalid",
    where: { section: section.name },
  });
  return sorted.map((symbol, index) => {
    const byteOffset = index * recordBytes;
    if (symbol.value !== byteOffset) {
      throw invalid(
        symbol.name,
        `definitions of ${recordBytes} bytes do not start at ${symbol.value}`,
        section,
      );
    }
    reader.seek(byteOffset);
    const words = Array.from({ length: recordBytes / 4 }, () => reader.u32());
    const layout: Layout = LAYOUTS.get(recordBytes) ?? { flags: 4 };
    const name = symbol.name === "" ? `${section.name}+${byteOffset}` : symbol.name;
    const spec = legacySpec(name, words, layout);
    return { place: { section, byteOffset, sizeBytes: recordBytes, spec }, layout, words };
  });
}

function legacySpec(name: string, words: readonly number[], layout: Layout): MapSpec {
  const [type = 0, keySizeBytes = 0, valueSizeBytes = 0, maxEntries = 0] = words;
  const word = (index: number | undefined) => (index === undefined ? 0 : (words[index] ?? 0));
  const [flags, pinning] = [word(layout.flags), word(layout.pinning)];
  return { name, type, keySizeBytes, valueSizeBytes, maxEntries, flags, pinning };
}

function findInner(record: LegacyRecord, records: readonly LegacyRecord[]): LegacyRecord | undefined {
  const { layout, words } = record;
  if (layout.innerIndex?.types.includes(words[0] ?? 0)) return records[words[layout.innerIndex.word] ?? 0];
  const id = layout.innerIndex === undefined && layout.innerId !== undefined ? words[layout.innerId] : 0;
  if (id === undefined || id === 0) return undefined;
  return records.find((other) => other.layout.id !== undefined && other.words[other.layout.id] === id);
}
