// Program arrays: programs to go on with, by index; bpf_tail_call alone looks into them. Only the main thread writes, and only
// after every thread can have the program (programs.ts).
//
//   count | 0 | 0 | 0 | id of program 0 | 1 | ...        0: there is none
import { MAP_ERROR, type MapAccess, type MapImplementation, UPDATE_MODE } from "./map.ts";

const HEADER_BYTES = 16;

export const PROG_ARRAY: MapImplementation = {
  perCpu: false,
  sizeBytes: ({ maxEntries }) => HEADER_BYTES + maxEntries * 4,
  initialize: () => undefined,
  baseAddress: ({ address }) => address,
  open({ words, data }, descriptor) {
    const { address, maxEntries } = descriptor;
    const count = address >>> 2;
    const first = (address + HEADER_BYTES) >>> 2;
    const programAt = (index: number): number =>
      index >>> 0 < maxEntries ? Atomics.load(words, first + (index >>> 0)) : 0;
    const put = (index: number, id: number): number => {
      const before = Atomics.exchange(words, first + index, id);
      Atomics.add(words, count, Number(id !== 0) - Number(before !== 0));
      return before;
    };
    return {
      descriptor,
      lookup: () => 0,
      update(keyAddress, valueAddress, flags) {
        const index = data.getUint32(keyAddress, true);
        if (flags !== UPDATE_MODE.any) return MAP_ERROR.invalid;
        if (index >= maxEntries) return MAP_ERROR.tooBig;
        put(index, data.getInt32(valueAddress, true));
        return 0;
      },
      remove(keyAddress) {
        const index = data.getUint32(keyAddress, true);
        return index < maxEntries && put(index, 0) !== 0 ? 0 : MAP_ERROR.notFound;
      },
      peek(keyAddress) {
        const index = data.getUint32(keyAddress, true);
        return programAt(index) === 0 ? 0 : (first + index) * 4;
      },
      contains: () => false,
      count: () => Atomics.load(words, count),
      *keys() {
        for (let index = 0; index < maxEntries; index++) {
          if (programAt(index) !== 0) yield new Uint8Array(Uint32Array.of(index).buffer);
        }
      },
      programAt,
    } satisfies MapAccess;
  },
};
