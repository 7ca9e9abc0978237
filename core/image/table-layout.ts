// Where things lie in a hash table of the embedded host, for whoever opens one: the host's maps, and compiled programs
// that look a key up without leaving WebAssembly. What is done with it is in host/embedded/maps/table.ts.
//
//   header   lock | count | free list | entries ever used | hash key low | high | newest | oldest       (32 bytes)
//   buckets  a power of two of them; each the first entry of its chain
//   entries  next | hash | newer | older | key, padded to 8 | value, padded to 8, once or for each lane
//
// Entries are referred to by index + 1; 0 is none. The bucket of a hash is its low bits.

export const TABLE_HEADER_BYTES = 32;
export const ENTRY_HEAD_BYTES = 16;

/** Word offsets in the header and in an entry. */
export const HEADER = {
  lock: 0,
  count: 1,
  free: 2,
  used: 3,
  keyLow: 4,
  keyHigh: 5,
  newest: 6,
  oldest: 7,
} as const;
export const ENTRY = { next: 0, hash: 1, newer: 2, older: 3 } as const;

export interface TableShape {
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
}

export interface TableLayout {
  readonly bucketCount: number;
  readonly entriesOffset: number;
  readonly entrySizeBytes: number;
  /** From the entry's start. */
  readonly valueOffset: number;
  readonly valueStride: number;
  readonly copies: number;
  readonly sizeBytes: number;
}

/** `copies`: how many values an entry has, one a lane in per-CPU maps. */
export function tableLayout(shape: TableShape, copies: number): TableLayout {
  const bucketCount = 2 ** Math.ceil(Math.log2(shape.maxEntries));
  const entriesOffset = Math.ceil((TABLE_HEADER_BYTES + bucketCount * 4) / 16) * 16;
  const valueOffset = ENTRY_HEAD_BYTES + Math.ceil(shape.keySizeBytes / 8) * 8;
  const valueStride = Math.ceil(shape.valueSizeBytes / 8) * 8;
  const entrySizeBytes = valueOffset + valueStride * copies;
  const sizeBytes = entriesOffset + entrySizeBytes * shape.maxEntries;
  return { bucketCount, entriesOffset, entrySizeBytes, valueOffset, valueStride, copies, sizeBytes };
}
