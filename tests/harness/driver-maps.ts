// Maps of the driver's portable core, as others than programs see them, through koffi.
import koffi from "koffi";
import { type DriverMap, library, STATUS } from "./driver.ts";

/** By name, as of eBPF for Windows (driver/map.h). */
export const MAP_TYPES = {
  hash: 1,
  array: 2,
  prog_array: 3,
  percpu_hash: 4,
  percpu_array: 5,
  lru_hash: 8,
  queue: 10,
  lru_percpu_hash: 11,
  stack: 12,
  ringbuf: 13,
  perf_event_array: 14,
} as const;

/** What operations answer (driver/map.h). */
export const MAP = {
  OK: 0,
  NOT_FOUND: -2,
  TOO_BIG: -7,
  AGAIN: -11,
  NO_MEMORY: -12,
  EXISTS: -17,
  INVALID: -22,
} as const;

export interface MapDefinition {
  readonly type: number;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  readonly flags?: number;
}

const mapCreate = library.func("int32 MapCreate(const void*, _Out_ void**)");
const mapCopySize = library.func("uint64 MapCopySize(void*)");
const mapLookup = library.func("uintptr_t MapLookup(void*, const void*)");
const mapRead = library.func("int32 MapRead(void*, const void*, void*)");
const mapWrite = library.func("int32 MapWrite(void*, const void*, const void*, uint64)");
const mapErase = library.func("int32 MapErase(void*, const void*)");
const mapNextKey = library.func("int32 MapNextKey(void*, const void*, void*)");
const ringReserve = library.func("uintptr_t RingReserve(void*, uint32)");
const ringSubmit = library.func("void RingSubmit(uintptr_t)");
const ringDiscard = library.func("void RingDiscard(uintptr_t)");
const ringOutput = library.func("int32 RingOutput(void*, const void*, uint32)");
const ringAwait = library.func("bool RingAwait(void*)");
const ringRead = library.func("int32 RingRead(void*, void*, uint32, _Out_ uint32*)");
const ringCountDropped = library.func("uint64 RingCountDropped(void*)");

/** A map, or the status that says why there is none. The caller releases it. */
export function tryCreateMap(definition: MapDefinition): DriverMap | number {
  const { type, keySizeBytes, valueSizeBytes, maxEntries, flags = 0 } = definition;
  const map = [null as bigint | null];
  const status = mapCreate(Uint32Array.of(type, keySizeBytes, valueSizeBytes, maxEntries, flags), map);
  if (status !== STATUS.SUCCESS || map[0] == null) return status;
  return { address: map[0], keySizeBytes, copySizeBytes: Number(mapCopySize(map[0])) };
}

export function createMap(definition: MapDefinition): DriverMap {
  const map = tryCreateMap(definition);
  if (typeof map === "number") throw new Error(`no map: status ${(map >>> 0).toString(16)}`);
  return map;
}

/** Where this processor's value lies, as a program sees it; 0 if there is none. Only inside an epoch does it stay so. */
export const lookup = (map: DriverMap, key: Uint8Array): bigint => BigInt(mapLookup(map.address, key));

/** A copy of the value; the error if there is none. */
export function read(map: DriverMap, key: Uint8Array): Uint8Array | number {
  const value = new Uint8Array(map.copySizeBytes);
  const result = mapRead(map.address, key, value);
  return result === MAP.OK ? value : result;
}

export const write = (map: DriverMap, key: Uint8Array, value: Uint8Array, flags = 0): number =>
  mapWrite(map.address, key, value, flags);

export const erase = (map: DriverMap, key: Uint8Array): number => mapErase(map.address, key);

/** The keys, one after the other; throws if it does not come to an end after `limit`. */
export function keysOf(map: DriverMap, limit = 100_000): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let key: Uint8Array | null = null; keys.length <= limit; ) {
    const next: Uint8Array = new Uint8Array(map.keySizeBytes);
    if (mapNextKey(map.address, key, next) !== MAP.OK) return keys;
    keys.push(next);
    key = next;
  }
  throw new Error(`more than ${limit} keys`);
}

const mapReadBatch = library.func("int32 MapReadBatch(void*, _Inout_ uint64*, void*)");

/** All entries by batches that have room for `capacity` bytes: key and value in one; throws if a batch fails. */
export function entriesOf(map: DriverMap, capacity: number): Uint8Array[] {
  const entryBytes = map.keySizeBytes + map.copySizeBytes;
  const entries: Uint8Array[] = [];
  for (const place = [0n]; ; ) {
    const data = new Uint8Array(capacity);
    const batch = BigUint64Array.of(BigInt(koffi.address(data)), BigInt(capacity), 0n, 0n);
    const result = mapReadBatch(map.address, place, batch);
    if (result !== MAP.OK) throw new Error(`a batch failed: ${result}, ${batch[2]} bytes`);
    for (let at = 0; at < Number(batch[2]); at += entryBytes) entries.push(data.slice(at, at + entryBytes));
    place[0] = BigInt(place[0] ?? 0);
    if (place[0] === 0n) return entries;
  }
}

const perfRead = library.func("int32 PerfRead(void*, void*, uint32, _Out_ uint32*, _Out_ uint32*)");

export const perf = {
  /** The next record, and the processor whose it is; the error if there is none that fits into `capacity`. */
  read(map: DriverMap, capacity = 65536): { readonly processor: number; readonly data: Uint8Array } | number {
    const data = new Uint8Array(capacity);
    const [size, processor] = [[0], [0]];
    const result = perfRead(map.address, data, capacity, size, processor);
    return result === MAP.OK ? { processor: processor[0] ?? 0, data: data.slice(0, size[0]) } : result;
  },
};

const queuePush = library.func("int32 QueuePush(void*, const void*, uint64)");
const queueTake = library.func("int32 QueueTake(void*, void*, bool)");

export const queue = {
  push: (map: DriverMap, value: Uint8Array, flags = 0): number => queuePush(map.address, value, flags),
  /** The value whose turn it is; the error if there is none. */
  take(map: DriverMap, remove: boolean): Uint8Array | number {
    const value = new Uint8Array(map.copySizeBytes);
    const result = queueTake(map.address, value, remove);
    return result === MAP.OK ? value : result;
  },
};

export const ring = {
  reserve: (map: DriverMap, sizeBytes: number): bigint => BigInt(ringReserve(map.address, sizeBytes)),
  submit: (record: bigint): void => ringSubmit(record),
  discard: (record: bigint): void => ringDiscard(record),
  await: (map: DriverMap): boolean => ringAwait(map.address),
  output: (map: DriverMap, data: Uint8Array): number => ringOutput(map.address, data, data.length),
  dropped: (map: DriverMap): number => Number(ringCountDropped(map.address)),
  /** The oldest record; the error if there is none that fits into `capacity`. */
  read(map: DriverMap, capacity = 65536): Uint8Array | number {
    const data = new Uint8Array(capacity);
    const size = [0];
    const result = ringRead(map.address, data, capacity, size);
    return result === MAP.OK ? data.slice(0, size[0]) : result;
  },
};
