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

/** As XDP_FRAME of driver/hooks/xdp.h has it: the packet has that much in front, and nobody gives it more. */
const HEADROOM_BYTES = 256;

export interface PacketOutput extends Output {
  /** What is left of the packet, which may have become longer or shorter. */
  readonly after: Uint8Array;
}

/** Runs it on a packet, which it may change. */
export function runOnPacket(program: DriverProgram, packet: Uint8Array, budget?: number): PacketOutput {
  // A packet that is empty has an address all the same.
  const buffer = new Uint8Array(HEADROOM_BYTES + Math.max(packet.length, 8));
  buffer.set(packet, HEADROOM_BYTES);
  const memory = BigInt(koffi.address(buffer));
  const start = memory + BigInt(HEADROOM_BYTES);
  const sizes = (BigInt(HEADROOM_BYTES) << 32n) | BigInt(packet.length);
  const frame = BigUint64Array.of(start, sizes, start, 0n);
  const context = new Uint8Array(BigUint64Array.of(start, start + BigInt(packet.length), start, 0n).buffer);
  if (context.length !== CONTEXT_BYTES) throw new Error("the context has another size");
  const output = runProgram(program, {
    context,
    packet: buffer.subarray(HEADROOM_BYTES, HEADROOM_BYTES + packet.length),
    subject: BigInt(koffi.address(frame)),
    ...(budget === undefined ? {} : { budget }),
  });
  const begin = Number(frame[0]! - memory);
  return { ...output, after: buffer.slice(begin, begin + Number(frame[1]! & 0xffff_ffffn)) };
}
