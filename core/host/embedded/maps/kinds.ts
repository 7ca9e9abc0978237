// The table of map kinds that the embedded host has; a new kind is a file beside this one and a row here.
import { InternalError } from "../../../base/error.ts";
import type { MapKind } from "../../../platform/platform.ts";
import type { MapDescriptor } from "../lane.ts";
import type { MemoryViews } from "../memory.ts";
import { ARRAY, PERCPU_ARRAY } from "./array.ts";
import { HASH, LRU_HASH, LRU_PERCPU_HASH, PERCPU_HASH } from "./hash.ts";
import type { MapAccess, MapImplementation } from "./map.ts";
import { PROG_ARRAY } from "./prog-array.ts";
import { QUEUE, STACK } from "./queue.ts";
import { RINGBUF } from "./ring.ts";

const IMPLEMENTATIONS: Partial<Record<MapKind, MapImplementation>> = {
  array: ARRAY,
  percpu_array: PERCPU_ARRAY,
  hash: HASH,
  percpu_hash: PERCPU_HASH,
  lru_hash: LRU_HASH,
  lru_percpu_hash: LRU_PERCPU_HASH,
  prog_array: PROG_ARRAY,
  queue: QUEUE,
  stack: STACK,
  ringbuf: RINGBUF,
};

/** How maps of a kind are done here; undefined if they are not. */
export function findMapImplementation(kind: MapKind): MapImplementation | undefined {
  return IMPLEMENTATIONS[kind];
}

/** What an array's or a hash's base address is in a lane (MapImplementation). */
export function baseAddress(descriptor: MapDescriptor, laneIndex: number): number {
  return implementationOf(descriptor).baseAddress(descriptor, laneIndex);
}

/** Opens a map that createMap() made, in any thread. The views must be newer than the map. */
export function openMap(views: MemoryViews, descriptor: MapDescriptor, laneIndex: number): MapAccess {
  return implementationOf(descriptor).open(views, descriptor, laneIndex);
}

function implementationOf({ kind }: MapDescriptor): MapImplementation {
  const implementation = findMapImplementation(kind);
  if (implementation === undefined) throw new InternalError(`no map of kind ${kind} can exist`);
  return implementation;
}
