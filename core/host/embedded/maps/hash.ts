// Hash maps, their per-CPU forms, and the LRU forms that drop the least recently used entry when they are full. A program
// that holds the address of a value while another thread deletes the entry may see the next key's value there, never
// anything but a value of this map: as with Linux' preallocated maps.
import { tableLayout } from "../../../image/table-layout.ts";
import { LANE_COUNT } from "../lane.ts";
import { MAP_ERROR, type MapAccess, type MapImplementation, UPDATE_MODE } from "./map.ts";
import { initializeTable, openTable, type Table } from "./table.ts";

export const HASH = hashOf({ perCpu: false, lru: false });
export const PERCPU_HASH = hashOf({ perCpu: true, lru: false });
export const LRU_HASH = hashOf({ perCpu: false, lru: true });
export const LRU_PERCPU_HASH = hashOf({ perCpu: true, lru: true });

function hashOf({ perCpu, lru }: { perCpu: boolean; lru: boolean }): MapImplementation {
  const copies = perCpu ? LANE_COUNT : 1;
  return {
    perCpu,
    sizeBytes: (shape) => tableLayout(shape, copies).sizeBytes,
    initialize: (views, descriptor) => initializeTable(views, descriptor.address),
    baseAddress: (descriptor) => descriptor.address,
    open(views, descriptor, laneIndex) {
      const layout = tableLayout(descriptor, copies);
      const table = openTable(views, descriptor.address, descriptor, layout, lru);
      const { bytes } = views;
      return {
        descriptor,
        lookup: lru ? lookUpAndTouch(table, laneIndex) : lookUp(table, laneIndex),
        update(keyAddress, valueAddress, flags) {
          if (flags >>> 0 > UPDATE_MODE.exist) return MAP_ERROR.invalid;
          table.useKey(keyAddress);
          table.lock();
          const result = put(table, flags, lru);
          if (result.entry !== 0) {
            if (result.isNew && perCpu) {
              const all = table.valueAddress(result.entry, 0);
              bytes.fill(0, all, all + layout.valueStride * layout.copies);
            }
            const to = table.valueAddress(result.entry, laneIndex);
            bytes.copyWithin(to, valueAddress, valueAddress + descriptor.valueSizeBytes);
          }
          table.unlock();
          return result.error;
        },
        remove(keyAddress) {
          table.useKey(keyAddress);
          table.lock();
          const entry = table.findLocked();
          if (entry !== 0) table.remove(entry);
          table.unlock();
          return entry === 0 ? MAP_ERROR.notFound : 0;
        },
        peek(keyAddress, lane) {
          table.useKey(keyAddress);
          const entry = table.find();
          return entry === 0 ? 0 : table.valueAddress(entry, lane);
        },
        contains: table.contains,
        count: table.count,
        keys: table.keys,
      } satisfies MapAccess;
    },
  };
}

function lookUp(table: Table, laneIndex: number): MapAccess["lookup"] {
  return (keyAddress) => {
    table.useKey(keyAddress);
    const entry = table.find();
    return entry === 0 ? 0 : table.valueAddress(entry, laneIndex);
  };
}

/** A look-up is a use, and so a change of the order. */
function lookUpAndTouch(table: Table, laneIndex: number): MapAccess["lookup"] {
  return (keyAddress) => {
    table.useKey(keyAddress);
    table.lock();
    const entry = table.findLocked();
    if (entry !== 0) table.touch(entry);
    table.unlock();
    return entry === 0 ? 0 : table.valueAddress(entry, laneIndex);
  };
}

interface Put {
  /** 0 if there is an error. */
  readonly entry: number;
  readonly isNew: boolean;
  readonly error: number;
}

/** Finds or makes the entry, under the lock. */
function put(table: Table, flags: number, lru: boolean): Put {
  const found = table.findLocked();
  if (found !== 0) {
    if (flags === UPDATE_MODE.noexist) return { entry: 0, isNew: false, error: MAP_ERROR.exists };
    if (lru) table.touch(found);
    return { entry: found, isNew: false, error: 0 };
  }
  if (flags === UPDATE_MODE.exist) return { entry: 0, isNew: false, error: MAP_ERROR.notFound };
  let entry = table.insert();
  if (entry === 0 && lru) {
    table.remove(table.oldest());
    entry = table.insert();
  }
  return { entry, isNew: true, error: entry === 0 ? MAP_ERROR.tooBig : 0 };
}
