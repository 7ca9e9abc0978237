// .BTF.ext: function info, line info and CO-RE relocation records (kernel documentation, BPF Type Format,
// section 4). Byte offsets are relative to the ELF section that the records are about.
import type { ByteReader } from "../base/bytes.ts";
import type { ErrorData } from "../base/error.ts";
import { type Btf, readBtfHeader } from "./read.ts";

export interface FunctionInfo {
  readonly byteOffset: number;
  readonly typeId: number;
}

export interface LineInfo {
  readonly byteOffset: number;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** A CO-RE record as the object holds it; `kind` is enum bpf_core_relo_kind. */
export interface CoreRelocation {
  readonly byteOffset: number;
  readonly typeId: number;
  readonly access: string;
  readonly kind: number;
}

export interface BtfExtension {
  readonly functions: ReadonlyMap<string, readonly FunctionInfo[]>;
  readonly lines: ReadonlyMap<string, readonly LineInfo[]>;
  readonly coreRelocations: ReadonlyMap<string, readonly CoreRelocation[]>;
}

/** Header bytes up to and with core_relo_len; older compilers write 24. */
const HEADER_WITH_CORE_BYTES = 32;

/**
 * Reads .BTF.ext beside the .BTF it belongs to; records are sorted by offset in each section. FormatError BtfInvalid if a
 * length, a record size, a type id or a name does not hold.
 */
export function readBtfExtension(bytes: Uint8Array, btf: Btf, where: ErrorData = {}): BtfExtension {
  const { reader, headerBytes } = readBtfHeader(bytes, where, "section .BTF.ext");
  const tables = [0, 1, 2].map((index) => {
    if (index === 2 && headerBytes < HEADER_WITH_CORE_BYTES) return { start: 0, sizeBytes: 0 };
    return { start: headerBytes + reader.u32(), sizeBytes: reader.u32() };
  });
  const text = (offset: number) => {
    const found = btf.strings.at(offset);
    if (found === undefined) throw reader.error(`a record names the string at ${offset}, past the strings`);
    return found;
  };
  const typeId = () => {
    const id = reader.u32();
    if (id >= btf.types.types.length) throw reader.error(`a record names type ${id}, which is not there`);
    return id;
  };
  const byOffset = () => reader.u32();
  return {
    functions: readTable(reader, tables[0], 8, "function", text, () => ({
      byteOffset: byOffset(),
      typeId: typeId(),
    })),
    lines: readTable(reader, tables[1], 16, "line", text, () => {
      const byteOffset = byOffset();
      const file = text(reader.u32());
      const line = text(reader.u32());
      const position = reader.u32();
      return { byteOffset, file, text: line, line: position >>> 10, column: position & 0x3ff };
    }),
    coreRelocations: readTable(reader, tables[2], 16, "CO-RE relocation", text, () => ({
      byteOffset: byOffset(),
      typeId: typeId(),
      access: text(reader.u32()),
      kind: reader.u32(),
    })),
  };
}

/** One of the three tables: the size of a record, then for each ELF section its name, a count and the records. */
function readTable<T extends { readonly byteOffset: number }>(
  reader: ByteReader,
  table: { readonly start: number; readonly sizeBytes: number } | undefined,
  leastBytes: number,
  what: string,
  text: (offset: number) => string,
  readRecord: () => T,
): ReadonlyMap<string, readonly T[]> {
  const result = new Map<string, T[]>();
  if (table === undefined || table.sizeBytes === 0) return result;
  const end = table.start + table.sizeBytes;
  if (end > reader.length) {
    throw reader.error(
      `the ${what} records (${table.sizeBytes} bytes at ${table.start}) run past the end`,
      8,
    );
  }
  reader.seek(table.start);
  const recordBytes = reader.u32();
  if (recordBytes < leastBytes || recordBytes % 4 !== 0) {
    throw reader.error(
      `${what} records of ${recordBytes} bytes; at least ${leastBytes} are needed`,
      table.start,
    );
  }
  while (reader.position < end) {
    const start = reader.position;
    const section = text(reader.u32());
    const count = reader.u32();
    if (count === 0 || count * recordBytes > end - reader.position) {
      throw reader.error(`${count} ${what} records for section "${section}" do not fit`, start);
    }
    const list = result.get(section) ?? [];
    result.set(section, list);
    for (let index = 0; index < count; index++) {
      const next = reader.position + recordBytes;
      list.push(readRecord());
      reader.seek(next);
    }
  }
  for (const list of result.values()) list.sort((a, b) => a.byteOffset - b.byteOffset);
  return result;
}
