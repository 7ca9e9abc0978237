// Ethernet frames by name, for programs that decide about packets: good ones, and ones that parsers stumble over.
import { makeTcpFrame, makeUdpFrame } from "../../core/net/frame.ts";

const FLOW = {
  sourceAddress: Uint8Array.of(192, 0, 2, 1),
  sourcePort: 40_000,
  destinationAddress: Uint8Array.of(192, 0, 2, 53),
  destinationPort: 53,
};
const FLOW_6 = {
  ...FLOW,
  sourceAddress: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  destinationAddress: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
};
const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const SYN = 2;
const ACK = 16;

function changed(frame: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = Uint8Array.from(frame);
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value;
  return copy;
}

function inserted(frame: Uint8Array, at: number, bytes: readonly number[]): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, at), ...bytes, ...frame.subarray(at));
}

/** A VLAN tag (IEEE 802.1Q) stands between the addresses and the type. */
function tagged(frame: Uint8Array, type: readonly [number, number]): Uint8Array {
  return inserted(frame, 12, [...type, 0, 1]);
}

function tcp(port: number, flags: number): Uint8Array {
  const fields = { sequence: 1, acknowledgement: 0, flags, window: 1024 };
  return makeTcpFrame({ ...FLOW, destinationPort: port }, fields, new Uint8Array(0));
}

function icmp(type: number): Uint8Array {
  const frame = makeUdpFrame(FLOW, new Uint8Array(0));
  return changed(frame, { [ETHERNET_BYTES + 9]: 1, [ETHERNET_BYTES + IPV4_BYTES]: type });
}

const emptyUdp = makeUdpFrame(FLOW, new Uint8Array(0));
const udp = makeUdpFrame(FLOW, new Uint8Array(24).fill(7));
const arp = changed(new Uint8Array(42), { 12: 0x08, 13: 0x06 });

/** Checksums of changed headers are not corrected: no program here looks at them. */
export const FRAMES = {
  emptyUdp,
  udp,
  emptyUdpToEcho: makeUdpFrame({ ...FLOW, destinationPort: 7 }, new Uint8Array(0)),
  udpToEcho: makeUdpFrame({ ...FLOW, destinationPort: 7 }, new Uint8Array(5).fill(1)),
  udpOfOther: makeUdpFrame({ ...FLOW, sourceAddress: Uint8Array.of(192, 0, 2, 99) }, new Uint8Array(3)),
  emptyUdp6: makeUdpFrame(FLOW_6, new Uint8Array(0)),
  udp6: makeUdpFrame(FLOW_6, new Uint8Array(9)),
  // A header of 24 bytes: 4 bytes of options (no operation) before UDP.
  emptyUdpWithOptions: changed(inserted(emptyUdp, ETHERNET_BYTES + IPV4_BYTES, [1, 1, 1, 1]), { 14: 0x46 }),
  udpWithOptions: changed(inserted(udp, ETHERNET_BYTES + IPV4_BYTES, [1, 1, 1, 1]), { 14: 0x46 }),
  // Not the first fragment: where UDP's length would be, there is data.
  laterFragment: changed(emptyUdp, { [ETHERNET_BYTES + 6]: 0x00, [ETHERNET_BYTES + 7]: 0x10 }),
  headerTooShort: changed(emptyUdp, { 14: 0x44 }),
  versionSix: changed(emptyUdp, { 14: 0x65 }),
  optionsBeyondEnd: changed(emptyUdp, { 14: 0x4f }),
  synTo22: tcp(22, SYN),
  synTo80: tcp(80, SYN),
  synTo80Tagged: tagged(tcp(80, SYN), [0x81, 0x00]),
  synTo80TaggedTwice: tagged(tagged(tcp(80, SYN), [0x81, 0x00]), [0x88, 0xa8]),
  synAckTo80: tcp(80, SYN | ACK),
  ackTo80: tcp(80, ACK),
  tcpOffsetTooSmall: changed(tcp(80, ACK), { [ETHERNET_BYTES + IPV4_BYTES + 12]: 0x40 }),
  echoRequest: icmp(8),
  echoReply: icmp(0),
  arp,
  runt: emptyUdp.subarray(0, 10),
  ethernetOnly: emptyUdp.subarray(0, 14),
  tagOnly: tagged(emptyUdp, [0x81, 0x00]).subarray(0, 15),
  cutInIp: emptyUdp.subarray(0, 30),
  cutInUdp: emptyUdp.subarray(0, 38),
  cutInTcp: tcp(80, SYN).subarray(0, 40),
} as const satisfies Record<string, Uint8Array>;

export type FrameName = keyof typeof FRAMES;

export const FRAME_NAMES = Object.keys(FRAMES) as FrameName[];
