// Ring buffers. Positions are counts, modulo 2^32, of all bytes that ever went in and out; what lies between them is in use.
// A record lies in one piece: where the end of the ring is too near, what is left there becomes a record that is discarded.
// Any thread reserves, under the lock; the main thread alone reads, without it: a record is its writer's until it is not busy.
//
//   header   lock | written low | high | read | dropped | submitted | taken | wake-ups | a reader waits      (64 bytes)
//   record   size:30 discarded:1 busy:1 | address of the map:32 | data, padded to 8
import { alignUp, type MemoryViews } from "../memory.ts";
import { MAP_ERROR, type MapAccess, type MapImplementation, type RingAccess } from "./map.ts";
import { acquire, release } from "./sequence-lock.ts";

const RING_HEADER_BYTES = 64;
const HEADER = {
  lock: 0,
  written: 1,
  writtenHigh: 2,
  read: 3,
  dropped: 4,
  submitted: 5,
  taken: 6,
  wakes: 7,
  waiting: 8,
} as const;

const RECORD_HEADER_BYTES = 8;
const BUSY = 1 << 31;
const DISCARDED = 1 << 30;
const SIZE = DISCARDED - 1;

/** The flags of ringbuf_output, _submit and _discard. Without one a reader is woken if it waits. */
const WAKE = { never: 1, always: 2 } as const;

export const LEAST_RING_BYTES = 4096;
export const MOST_RING_BYTES = 2 ** 30;

export const RINGBUF: MapImplementation = {
  perCpu: false,
  sizeBytes: ({ maxEntries }) => RING_HEADER_BYTES + maxEntries,
  initialize: () => undefined,
  baseAddress: ({ address }) => address,
  open(views, descriptor) {
    const ring = openRing(views, descriptor.address, descriptor.maxEntries);
    return {
      descriptor,
      lookup: () => 0,
      update: () => MAP_ERROR.invalid,
      remove: () => MAP_ERROR.invalid,
      peek: () => 0,
      contains: ring.holds,
      count: ring.count,
      keys: () => [],
      ring,
    } satisfies MapAccess;
  },
};

/** Bytes of the ring that a record of that size takes. */
const spaceOf = (sizeBytes: number): number => alignUp(sizeBytes + RECORD_HEADER_BYTES, 8);

function openRing({ words, bytes }: MemoryViews, address: number, capacity: number): RingAccess {
  const header = address >>> 2;
  const start = address + RING_HEADER_BYTES;
  /** Of this thread's program: reserved, and not given back yet. By address, the size. */
  const held = new Map<number, number>();
  const load = (word: number): number => Atomics.load(words, header + word);
  const store = (word: number, value: number): void => {
    Atomics.store(words, header + word, value);
  };
  const recordAt = (position: number): number => start + (position & (capacity - 1));
  const wake = (flags: number): void => {
    if (flags === WAKE.never || (flags !== WAKE.always && load(HEADER.waiting) === 0)) return;
    store(HEADER.waiting, 0);
    Atomics.add(words, header + HEADER.wakes, 1);
    Atomics.notify(words, header + HEADER.wakes);
  };

  /** Under the lock: the address of the new record's header, 0 if there is no room. */
  const place = (sizeBytes: number): number => {
    const total = spaceOf(sizeBytes);
    const written = load(HEADER.written);
    const room = capacity - (written & (capacity - 1));
    const skip = room < total ? room : 0;
    const inUse = (written - load(HEADER.read)) >>> 0;
    if (total > capacity / 2 || inUse + skip + total > capacity) return 0;
    if (skip !== 0) {
      Atomics.store(words, recordAt(written) >>> 2, (skip - RECORD_HEADER_BYTES) | DISCARDED);
    }
    const at = recordAt(written + skip);
    words[(at >>> 2) + 1] = address;
    Atomics.store(words, at >>> 2, sizeBytes | BUSY);
    const next = (written + skip + total) | 0;
    if (next >>> 0 < written >>> 0) store(HEADER.writtenHigh, load(HEADER.writtenHigh) + 1);
    store(HEADER.written, next);
    return at;
  };
  const reserve = (sizeBytes: number): number => {
    acquire(words, header + HEADER.lock);
    const at = place(sizeBytes);
    if (at === 0) store(HEADER.dropped, load(HEADER.dropped) + 1);
    release(words, header + HEADER.lock);
    return at === 0 ? 0 : at + RECORD_HEADER_BYTES;
  };
  const finish = (record: number, flag: number, flags: number): void => {
    const at = (record - RECORD_HEADER_BYTES) >>> 2;
    if (flag === 0) Atomics.add(words, header + HEADER.submitted, 1);
    Atomics.store(words, at, (words[at]! & SIZE) | flag);
    wake(flags);
  };

  /** The position of the oldest record that was submitted; what was discarded before it is passed over. -1: none is whole. */
  const oldest = (): number => {
    for (let read = load(HEADER.read); read !== load(HEADER.written); ) {
      const head = Atomics.load(words, recordAt(read) >>> 2);
      if ((head & BUSY) !== 0) return -1;
      if ((head & DISCARDED) === 0) return read >>> 0;
      read = (read + spaceOf(head & SIZE)) | 0;
      store(HEADER.read, read);
    }
    return -1;
  };

  return {
    reserve(sizeBytes) {
      const record = reserve(sizeBytes);
      if (record !== 0) held.set(record, sizeBytes);
      return record;
    },
    submit(record, flags) {
      held.delete(record);
      finish(record, 0, flags);
    },
    discard(record, flags) {
      held.delete(record);
      finish(record, DISCARDED, flags);
    },
    abandon() {
      for (const record of held.keys()) finish(record, DISCARDED, 0);
      held.clear();
    },
    output(data, sizeBytes, flags) {
      if (flags >>> 0 > WAKE.always) return MAP_ERROR.invalid;
      const record = reserve(sizeBytes);
      if (record === 0) return MAP_ERROR.again;
      bytes.copyWithin(record, data, data + sizeBytes);
      finish(record, 0, flags);
      return 0;
    },
    query(what) {
      acquire(words, header + HEADER.lock);
      const low = load(HEADER.written);
      const written = (BigInt(load(HEADER.writtenHigh)) << 32n) | BigInt(low >>> 0);
      const available = BigInt((low - load(HEADER.read)) >>> 0);
      release(words, header + HEADER.lock);
      const answers = [available, BigInt(capacity), written - available, written];
      return answers[what] ?? 0n;
    },
    holds(at, sizeBytes) {
      for (const [record, size] of held) if (at >= record && at + sizeBytes <= record + size) return true;
      return false;
    },
    take() {
      const position = oldest();
      if (position < 0) return undefined;
      const at = recordAt(position);
      const sizeBytes = words[at >>> 2]! & SIZE;
      const from = at + RECORD_HEADER_BYTES;
      const record = bytes.slice(from, from + sizeBytes);
      Atomics.add(words, header + HEADER.taken, 1);
      store(HEADER.read, (position + spaceOf(sizeBytes)) | 0);
      return record;
    },
    async wait(milliseconds) {
      const seen = load(HEADER.wakes);
      store(HEADER.waiting, 1);
      if (oldest() >= 0) return;
      const woken = Atomics.waitAsync(words, header + HEADER.wakes, seen, milliseconds);
      if (!woken.async) return;
      // What waits for memory alone does not keep a process from ending.
      const alive = setTimeout(() => {}, milliseconds);
      await woken.value;
      clearTimeout(alive);
    },
    count: () => (load(HEADER.submitted) - load(HEADER.taken)) >>> 0,
    dropped: () => load(HEADER.dropped) >>> 0,
  };
}

/** The map that a record belongs to, by its address. */
export function ringOf({ words }: MemoryViews, record: number): number {
  return words[(record - RECORD_HEADER_BYTES + 4) >>> 2]!;
}
