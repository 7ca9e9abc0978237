// Queues and stacks: values without keys, put in at one end, taken at the other or at the same. One lock; no program waits for
// room.
//
//   lock | place of the oldest | count | 0 | value | value | ...        after the last place comes the first
import type { MemoryViews } from "../memory.ts";
import { MAP_ERROR, type MapAccess, type MapImplementation, type QueueAccess, UPDATE_MODE } from "./map.ts";
import { acquire, release } from "./sequence-lock.ts";

const HEADER_BYTES = 16;
const HEADER = { lock: 0, oldest: 1, count: 2 } as const;

export const QUEUE = queueOf("oldest");
export const STACK = queueOf("newest");

function queueOf(first: "oldest" | "newest"): MapImplementation {
  return {
    perCpu: false,
    sizeBytes: ({ maxEntries, valueSizeBytes }) => HEADER_BYTES + maxEntries * valueSizeBytes,
    initialize: () => undefined,
    baseAddress: ({ address }) => address,
    open(views, descriptor) {
      return {
        descriptor,
        lookup: () => 0,
        update: () => MAP_ERROR.invalid,
        remove: () => MAP_ERROR.invalid,
        peek: () => 0,
        contains: () => false,
        count: () => Atomics.load(views.words, (descriptor.address >>> 2) + HEADER.count),
        keys: () => [],
        queue: openQueue(views, descriptor, first),
      } satisfies MapAccess;
    },
  };
}

function openQueue(
  { words, bytes }: MemoryViews,
  { address, valueSizeBytes, maxEntries }: MapAccess["descriptor"],
  first: "oldest" | "newest",
): QueueAccess {
  const header = address >>> 2;
  const load = (word: number): number => Atomics.load(words, header + word);
  const store = (word: number, value: number): void => {
    Atomics.store(words, header + word, value);
  };
  const locked = (body: () => number): number => {
    acquire(words, header + HEADER.lock);
    const result = body();
    release(words, header + HEADER.lock);
    return result;
  };
  /** Where the value lies that is so many after the oldest. */
  const placeOf = (number: number): number =>
    address + HEADER_BYTES + ((load(HEADER.oldest) + number) % maxEntries) * valueSizeBytes;
  const dropOldest = (): void => {
    store(HEADER.oldest, (load(HEADER.oldest) + 1) % maxEntries);
    store(HEADER.count, load(HEADER.count) - 1);
  };
  return {
    push(valueAddress, flags) {
      if (flags !== UPDATE_MODE.any && flags !== UPDATE_MODE.exist) return MAP_ERROR.invalid;
      return locked(() => {
        if (load(HEADER.count) === maxEntries) {
          if (flags === UPDATE_MODE.any) return MAP_ERROR.tooBig;
          dropOldest();
        }
        const count = load(HEADER.count);
        bytes.copyWithin(placeOf(count), valueAddress, valueAddress + valueSizeBytes);
        store(HEADER.count, count + 1);
        return 0;
      });
    },
    take(valueAddress, remove) {
      return locked(() => {
        const count = load(HEADER.count);
        if (count === 0) {
          bytes.fill(0, valueAddress, valueAddress + valueSizeBytes);
          return MAP_ERROR.notFound;
        }
        const from = placeOf(first === "newest" ? count - 1 : 0);
        bytes.copyWithin(valueAddress, from, from + valueSizeBytes);
        if (remove && first === "oldest") dropOldest();
        else if (remove) store(HEADER.count, count - 1);
        return 0;
      });
    },
  };
}
