// Arrays and per-CPU arrays: values one after the other, all there from the start; the key is a 32-bit index. No locks:
// the layout never changes, and how threads share the bytes of a value is the program's business (atomics), as in Linux.
//
//   array:         value 0 | value 1 | ...                  each padded to 8
//   percpu_array:  lane 0: value 0 | value 1 | ...  lane 1: value 0 | ...
import { arrayStride } from "../../../image/abi.ts";
import { LANE_COUNT, type MapDescriptor } from "../lane.ts";
import { MAP_ERROR, type MapAccess, type MapImplementation, UPDATE_MODE } from "./map.ts";

export const ARRAY = arrayOf(1);
export const PERCPU_ARRAY = arrayOf(LANE_COUNT);

function arrayOf(copies: number): MapImplementation {
  const laneAddress = (map: MapDescriptor, laneIndex: number): number =>
    map.address + (copies === 1 ? 0 : laneIndex * map.maxEntries * arrayStride(map.valueSizeBytes));
  return {
    perCpu: copies > 1,
    sizeBytes: (shape) => shape.maxEntries * arrayStride(shape.valueSizeBytes) * copies,
    initialize: () => undefined,
    baseAddress: laneAddress,
    open(views, descriptor, laneIndex) {
      const { maxEntries, valueSizeBytes } = descriptor;
      const stride = arrayStride(valueSizeBytes);
      const values = laneAddress(descriptor, laneIndex);
      const sizeBytes = maxEntries * stride * copies;
      const addressIn = (base: number, keyAddress: number): number => {
        const index = views.data.getUint32(keyAddress, true);
        return index < maxEntries ? base + index * stride : 0;
      };
      return {
        descriptor,
        lookup: (keyAddress) => addressIn(values, keyAddress),
        update(keyAddress, valueAddress, flags) {
          if (flags === UPDATE_MODE.noexist) return MAP_ERROR.exists;
          if (flags !== UPDATE_MODE.any && flags !== UPDATE_MODE.exist) return MAP_ERROR.invalid;
          const address = addressIn(values, keyAddress);
          if (address === 0) return MAP_ERROR.tooBig;
          views.bytes.copyWithin(address, valueAddress, valueAddress + valueSizeBytes);
          return 0;
        },
        remove: () => MAP_ERROR.invalid,
        peek: (keyAddress, lane) => addressIn(laneAddress(descriptor, lane), keyAddress),
        contains(address, length) {
          const offset = address - descriptor.address;
          return offset >= 0 && offset < sizeBytes && (offset % stride) + length <= valueSizeBytes;
        },
        count: () => maxEntries,
        keys: () => indexes(maxEntries),
      } satisfies MapAccess;
    },
  };
}

function* indexes(count: number): Iterable<Uint8Array> {
  for (let index = 0; index < count; index++) {
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, index, true);
    yield key;
  }
}
