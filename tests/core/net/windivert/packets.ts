// IP packets as the double of WinDivert gives them, and frames made of packets again.
import { makeUdpFrame } from "../../../../core/net/frame.ts";

export const HERE = Uint8Array.of(10, 0, 0, 1);
export const THERE = Uint8Array.of(10, 0, 0, 2);

/** A packet from there to here. */
export function makePacket(
  payload: string | Uint8Array,
  port = 53,
  version: 4 | 6 = 4,
): Uint8Array<ArrayBuffer> {
  const whole = (address: Uint8Array): Uint8Array =>
    version === 4 ? address : new Uint8Array(16).fill(address[3]!);
  const ends = {
    sourceAddress: whole(THERE),
    sourcePort: 4000,
    destinationAddress: whole(HERE),
    destinationPort: port,
  };
  return makeUdpFrame(ends, typeof payload === "string" ? Buffer.from(payload) : payload).slice(14);
}

export const EMPTY = makePacket("");
export const QUERY = makePacket("query");

/** A packet with a header that makes it a frame whose checksums can be looked at. */
export function framed(packet: Uint8Array): Uint8Array {
  const type = packet[0]! >> 4 === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  return Uint8Array.from([...new Array<number>(12).fill(0), ...type, ...packet]);
}
