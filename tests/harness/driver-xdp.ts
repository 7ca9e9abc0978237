// Programs of Windows' xdp on the driver's engines: the context with the addresses of the packet, and maps as specified.
import koffi from "koffi";
import { encode } from "../../core/isa/encode.ts";
import type { Program } from "../../core/program/program.ts";
import {
  type DriverEngine,
  type DriverMap,
  type DriverProgram,
  loadProgram,
  type Output,
  runProgram,
} from "./driver.ts";
import { createMap, write } from "./driver-maps.ts";

/** Of xdp_md (core/platform/windows/contexts.ts): data, data_end, data_meta, ingress_ifindex. */
const CONTEXT_BYTES = 32;

/** BPF_F_RDONLY_PROG. */
const READ_ONLY = 0x80;

/** The maps of a program with what its data sections hold. The caller releases them. */
export function createMaps(program: Program): readonly DriverMap[] {
  return program.maps.map(({ spec }) => {
    const { type, keySizeBytes, valueSizeBytes, maxEntries, data } = spec;
    const flags = data?.readOnly === true ? READ_ONLY : 0;
    const map = createMap({ type, keySizeBytes, valueSizeBytes, maxEntries, flags });
    if (data !== undefined) {
      const value = new Uint8Array(valueSizeBytes);
      value.set(data.bytes.subarray(0, valueSizeBytes));
      write(map, new Uint8Array(4), value);
    }
    return map;
  });
}

export function load(
  program: Program,
  maps: readonly DriverMap[],
  engine: DriverEngine = "interpreter",
): DriverProgram {
  return loadProgram(encode(program.instructions), maps, engine, "xdp");
}

/** Runs it on a packet, which it may change. */
export function runOnPacket(program: DriverProgram, packet: Uint8Array, budget?: number): Output {
  // A packet that is empty has an address all the same.
  const buffer = new Uint8Array(Math.max(packet.length, 8));
  buffer.set(packet);
  const start = BigInt(koffi.address(buffer));
  const context = new Uint8Array(BigUint64Array.of(start, start + BigInt(packet.length), start, 0n).buffer);
  if (context.length !== CONTEXT_BYTES) throw new Error("the context has another size");
  const output = runProgram(program, {
    context,
    packet: buffer.subarray(0, packet.length),
    ...(budget === undefined ? {} : { budget }),
  });
  packet.set(buffer.subarray(0, packet.length));
  return output;
}
