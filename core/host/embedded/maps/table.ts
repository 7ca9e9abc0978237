// The hash table of the embedded host: how entries are found, taken and linked (image/table-layout.ts has the layout).
// All space is set aside when the map is made, so max_entries is a strict bound and no program ever allocates.
//
// Why look-ups need no lock: every word of header, bucket and entry head is read and written atomically, which is
// sequentially consistent; a writer makes the lock odd before its first change and even after its last. A reader that
// sees the same even number before and after has read what no writer touched meanwhile; else it tries again. A chain
// that changes under a reader cannot lead it astray: words are always entry numbers, and steps are counted.
import {
  ENTRY,
  ENTRY_HEAD_BYTES,
  HEADER,
  TABLE_HEADER_BYTES,
  type TableLayout,
} from "../../../image/table-layout.ts";
import type { MemoryViews } from "../memory.ts";
import type { MapShape } from "./map.ts";
import { acquire, release } from "./sequence-lock.ts";
import { halfSipHash } from "./sip-hash.ts";

/** After that many disturbed attempts a reader takes the lock. */
const ATTEMPTS = 64;

/** A table opened by one thread. Functions with "Locked" in their contract may only be called between lock and unlock. */
export interface Table {
  readonly layout: TableLayout;
  lock(): void;
  unlock(): void;
  /** Reads the key into this thread's scratch; what follows is about this key. */
  useKey(keyAddress: number): void;
  /** The entry with the key, 0 if there is none. Takes no lock. */
  find(): number;
  /** Locked. */
  findLocked(): number;
  /** Locked. Takes a free entry and links it under the key; 0 if all are in use. Its values are as they were. */
  insert(): number;
  /** Locked. Unlinks the entry and frees it. */
  remove(entry: number): void;
  /** Locked, LRU only. The entry becomes the newest. */
  touch(entry: number): void;
  /** Locked, LRU only. */
  oldest(): number;
  count(): number;
  valueAddress(entry: number, laneIndex: number): number;
  /** Does this lie within one value? */
  contains(address: number, sizeBytes: number): boolean;
  keys(): Iterable<Uint8Array>;
}

export function initializeTable(views: MemoryViews, address: number): void {
  const key = crypto.getRandomValues(new Int32Array(2));
  views.words[(address >>> 2) + HEADER.keyLow] = key[0]!;
  views.words[(address >>> 2) + HEADER.keyHigh] = key[1]!;
}

export function openTable(
  { words, bytes, data }: MemoryViews,
  address: number,
  shape: MapShape,
  layout: TableLayout,
  keepOrder: boolean,
): Table {
  const { keySizeBytes, valueSizeBytes, maxEntries } = shape;
  const { bucketCount, entrySizeBytes, valueOffset, valueStride } = layout;
  const header = address >>> 2;
  const buckets = header + (TABLE_HEADER_BYTES >>> 2);
  const firstEntry = address + layout.entriesOffset;
  const keyLow = words[header + HEADER.keyLow]!;
  const keyHigh = words[header + HEADER.keyHigh]!;
  const keyWords = Math.ceil(keySizeBytes / 4);
  const key = new Int32Array(keyWords);
  let hash = 0;

  const entryAddress = (entry: number): number => firstEntry + (entry - 1) * entrySizeBytes;
  const entryWord = (entry: number): number => entryAddress(entry) >>> 2;
  const bucketOf = (hashValue: number): number => buckets + (hashValue & (bucketCount - 1));
  const load = (at: number): number => Atomics.load(words, at);
  const store = (at: number, value: number): void => {
    Atomics.store(words, at, value);
  };

  const hasKey = (entry: number): boolean => {
    const at = entryWord(entry);
    if (load(at + ENTRY.hash) !== hash) return false;
    for (let index = 0; index < keyWords; index++) {
      if (load(at + (ENTRY_HEAD_BYTES >>> 2) + index) !== key[index]) return false;
    }
    return true;
  };
  const search = (): number => {
    let entry = load(bucketOf(hash));
    for (let steps = 0; entry !== 0 && steps < maxEntries; steps++) {
      if (hasKey(entry)) return entry;
      entry = load(entryWord(entry) + ENTRY.next);
    }
    return 0;
  };

  const unlinkUse = (entry: number): void => {
    const at = entryWord(entry);
    const newer = load(at + ENTRY.newer);
    const older = load(at + ENTRY.older);
    store(newer === 0 ? header + HEADER.newest : entryWord(newer) + ENTRY.older, older);
    store(older === 0 ? header + HEADER.oldest : entryWord(older) + ENTRY.newer, newer);
  };
  const linkNewest = (entry: number): void => {
    const at = entryWord(entry);
    const before = load(header + HEADER.newest);
    store(at + ENTRY.newer, 0);
    store(at + ENTRY.older, before);
    store(before === 0 ? header + HEADER.oldest : entryWord(before) + ENTRY.newer, entry);
    store(header + HEADER.newest, entry);
  };
  /** From the free list, or the first that was never used. */
  const takeFree = (): number => {
    const free = load(header + HEADER.free);
    if (free !== 0) {
      store(header + HEADER.free, load(entryWord(free) + ENTRY.next));
      return free;
    }
    const used = load(header + HEADER.used);
    if (used >>> 0 >= maxEntries) return 0;
    store(header + HEADER.used, used + 1);
    return used + 1;
  };

  const table: Table = {
    layout,
    lock: () => acquire(words, header + HEADER.lock),
    unlock: () => release(words, header + HEADER.lock),
    useKey(keyAddress) {
      const whole = keySizeBytes >>> 2;
      for (let index = 0; index < whole; index++) key[index] = data.getInt32(keyAddress + index * 4, true);
      if (whole < keyWords) {
        let tail = 0;
        for (let at = keySizeBytes - 1; at >= whole * 4; at--) tail = (tail << 8) | bytes[keyAddress + at]!;
        key[whole] = tail;
      }
      hash = halfSipHash(key, keyWords, keySizeBytes, keyLow, keyHigh);
    },
    find() {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const before = load(header + HEADER.lock);
        if ((before & 1) !== 0) continue;
        const entry = search();
        if (load(header + HEADER.lock) === before) return entry;
      }
      table.lock();
      const entry = search();
      table.unlock();
      return entry;
    },
    findLocked: search,
    insert() {
      const entry = takeFree();
      if (entry === 0) return 0;
      const at = entryWord(entry);
      store(at + ENTRY.hash, hash);
      for (let index = 0; index < keyWords; index++)
        store(at + (ENTRY_HEAD_BYTES >>> 2) + index, key[index]!);
      store(at + ENTRY.next, load(bucketOf(hash)));
      store(bucketOf(hash), entry);
      store(header + HEADER.count, load(header + HEADER.count) + 1);
      if (keepOrder) linkNewest(entry);
      return entry;
    },
    remove(entry) {
      const at = entryWord(entry);
      let link = bucketOf(load(at + ENTRY.hash));
      while (load(link) !== entry) link = entryWord(load(link)) + ENTRY.next;
      store(link, load(at + ENTRY.next));
      if (keepOrder) unlinkUse(entry);
      store(at + ENTRY.next, load(header + HEADER.free));
      store(header + HEADER.free, entry);
      store(header + HEADER.count, load(header + HEADER.count) - 1);
    },
    touch(entry) {
      if (load(header + HEADER.newest) === entry) return;
      unlinkUse(entry);
      linkNewest(entry);
    },
    oldest: () => load(header + HEADER.oldest),
    count: () => load(header + HEADER.count),
    valueAddress: (entry, laneIndex) =>
      entryAddress(entry) + valueOffset + (layout.copies === 1 ? 0 : laneIndex * valueStride),
    contains(at, sizeBytes) {
      const offset = at - firstEntry;
      if (offset < 0 || offset >= entrySizeBytes * maxEntries) return false;
      const inValues = (offset % entrySizeBytes) - valueOffset;
      return inValues >= 0 && (inValues % valueStride) + sizeBytes <= valueSizeBytes;
    },
    *keys() {
      // A bucket at a time: a key never changes its bucket, so each that stays is seen once, and nobody waits long.
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        if (load(buckets + bucket) === 0) continue;
        const found: Uint8Array[] = [];
        table.lock();
        for (let entry = load(buckets + bucket); entry !== 0; entry = load(entryWord(entry) + ENTRY.next)) {
          const from = entryAddress(entry) + ENTRY_HEAD_BYTES;
          found.push(Uint8Array.from(bytes.subarray(from, from + keySizeBytes)));
        }
        table.unlock();
        yield* found;
      }
    },
  };
  return table;
}
