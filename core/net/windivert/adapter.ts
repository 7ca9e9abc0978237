// The MAC addresses of this machine's adapters, by their index.
import { createArena } from "../posix.ts";
import type { Library } from "./library.ts";
import { type MacAddress, UNKNOWN_ADAPTER } from "./packet.ts";

/** MIB_IF_ROW2 (netioapi.h): its size, the index that is asked for, and the address that is answered. */
const ROW_BYTES = 1352;
const ROW_INDEX = 8;
const ROW_ADDRESS_LENGTH = 1056;
const ROW_ADDRESS = 1060;

/** Asks once for each; an adapter without an address of 6 bytes (a tunnel) has UNKNOWN_ADAPTER. */
export function createAdapters(library: Library): (index: number) => MacAddress {
  const known = new Map<number, MacAddress>();
  const row = createArena(library, ROW_BYTES);
  const ask = (index: number): MacAddress => {
    row.bytes.fill(0);
    row.data.setUint32(ROW_INDEX, index, true);
    if (library.GetIfEntry2(row.address) !== 0) return UNKNOWN_ADAPTER;
    if (row.data.getUint32(ROW_ADDRESS_LENGTH, true) !== 6) return UNKNOWN_ADAPTER;
    return [...row.bytes.subarray(ROW_ADDRESS, ROW_ADDRESS + 6)];
  };
  return (index) => {
    let address = known.get(index);
    if (address === undefined) {
      address = ask(index);
      known.set(index, address);
    }
    return address;
  };
}
