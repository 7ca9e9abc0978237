// What a map of the embedded host is to programs, whatever its kind (kinds.ts has the table). A map lives wholly in the
// linear memory, so any thread that has the memory and a MapDescriptor can open it. Knows nothing of engines.
import type { MapDescriptor } from "../lane.ts";
import type { MemoryViews } from "../memory.ts";

/** The Linux error numbers that map helpers return, negated. */
export const MAP_ERROR = { notFound: -2, tooBig: -7, again: -11, exists: -17, invalid: -22 } as const;

/** The `flags` of map_update_elem: BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
export const UPDATE_MODE = { any: 0, noexist: 1, exist: 2 } as const;

export type MapShape = Omit<MapDescriptor, "id" | "address">;

/** A ring buffer, beside what every map is. Records are given by the address of their data. */
export interface RingAccess {
  /** Address of a record that is this program's until it submits or discards it; 0 if there is no room. */
  reserve(sizeBytes: number): number;
  submit(record: number, flags: number): void;
  discard(record: number, flags: number): void;
  /** Discards what this program still holds: it has been ended in the middle. */
  abandon(): void;
  /** 0, or one of MAP_ERROR. */
  output(dataAddress: number, sizeBytes: number, flags: number): number;
  /** As ringbuf_query: 0 bytes in use, 1 the size, 2 and 3 where reader and writers are. */
  query(what: number): bigint;
  /** Do these bytes lie within a record that this program holds? */
  holds(address: number, sizeBytes: number): boolean;
  /** Main thread only: the oldest record, which is gone then. */
  take(): Uint8Array | undefined;
  wait(milliseconds: number): Promise<void>;
  /** Records that wait to be taken. */
  count(): number;
  dropped(): number;
}

/** A queue or a stack, beside what every map is. */
export interface QueueAccess {
  /** 0, or one of MAP_ERROR; with BPF_EXIST the oldest value makes room. */
  push(valueAddress: number, flags: number): number;
  /** Copies the value whose turn it is; 0, or MAP_ERROR.notFound and zeros. */
  take(valueAddress: number, remove: boolean): number;
}

/** One map as seen from one lane. Keys and values are given by address; nothing is checked but the key itself. */
export interface MapAccess {
  readonly descriptor: MapDescriptor;
  /** Address of this lane's value, 0 if there is no such key. */
  lookup(keyAddress: number): number;
  /** 0, or one of MAP_ERROR. Sets this lane's value; in a new entry other lanes' values become zero. */
  update(keyAddress: number, valueAddress: number, flags: number): number;
  /** 0, or one of MAP_ERROR. */
  remove(keyAddress: number): number;
  /** Address of that lane's value, 0 if there is no such key; does not count as use. */
  peek(keyAddress: number, laneIndex: number): number;
  /** Do these bytes lie within one value of the map? */
  contains(address: number, sizeBytes: number): boolean;
  count(): number;
  /** A copy of the keys there were at the time of the call. */
  keys(): Iterable<Uint8Array>;
  readonly ring?: RingAccess;
  readonly queue?: QueueAccess;
  /** Of a program array: the id of the program at an index, 0 if there is none. */
  programAt?(index: number): number;
}

export interface MapImplementation {
  readonly perCpu: boolean;
  /** Bytes of linear memory that a map of this shape takes. */
  sizeBytes(shape: MapShape): number;
  /** Makes an empty map of zeroed memory. */
  initialize(views: MemoryViews, descriptor: MapDescriptor): void;
  open(views: MemoryViews, descriptor: MapDescriptor, laneIndex: number): MapAccess;
  /** What compiled programs are given: for arrays, where this lane's value of key 0 is; else where the map is. */
  baseAddress(descriptor: MapDescriptor, laneIndex: number): number;
}
