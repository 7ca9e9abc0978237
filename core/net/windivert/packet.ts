// IP packets as frames, and frames as packets again: the Ethernet header that WinDivert's packets lack, the length that
// only their own headers tell, whether a program rewrote them, checksums after it did. Knows bytes only, no library.
import {
  ETHERNET_BYTES,
  type FrameLayout,
  foldChecksum,
  IPV4_BYTES,
  IPV6_BYTES,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  readFrame,
  sumWords,
} from "../frame.ts";

type Bytes = Uint8Array<ArrayBufferLike>;

const ETHERTYPES = { 4: 0x0800, 6: 0x86dd } as const;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;

/** The largest packet that the driver gives: its own limit (WINDIVERT_MTU_MAX). */
export const PACKET_BYTES = 40 + 0xffff;

/** Where addresses stand in a packet. */
const ADDRESSES = {
  4: { destination: 16, sizeBytes: 4 },
  6: { destination: 24, sizeBytes: 16 },
} as const;

/**
 * Bytes of the packet at `at`, by its own header: the only thing that says where the next one of a batch starts. 0 if no
 * packet can be told from `at` to `end`; the driver would refuse it, and with it all that follow.
 */
export function packetBytes(bytes: Bytes, at: number, end: number): number {
  const left = end - at;
  if (left < IPV4_BYTES) return 0;
  const version = bytes[at]! >> 4;
  let size = 0;
  if (version === 4) size = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  else if (version === 6 && left >= IPV6_BYTES) size = IPV6_BYTES + ((bytes[at + 4]! << 8) | bytes[at + 5]!);
  return size < IPV4_BYTES || size > left ? 0 : size;
}

/** A MAC address as the numbers of its bytes. */
export type MacAddress = readonly number[];

const BROADCAST: MacAddress = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/** On loopback nobody has an address; so does Linux' lo. */
const NOBODY: MacAddress = [0, 0, 0, 0, 0, 0];
/** Whoever is at the other end: locally administered, as in frames of the other kinds. */
export const PEER: MacAddress = [0x02, 0, 0, 0, 0, 0x01];
/** This machine, where its adapter has no address of 6 bytes. */
export const UNKNOWN_ADAPTER: MacAddress = [0x02, 0, 0, 0, 0, 0x02];

export interface Passage {
  readonly outbound: boolean;
  readonly loopback: boolean;
  /** Of the adapter that the packet came or goes through. */
  readonly adapter: MacAddress;
}

/** Writes the Ethernet header at `at` for the packet that lies behind it. */
export function writeEthernetHeader(bytes: Bytes, at: number, passage: Passage): void {
  const ip = at + ETHERNET_BYTES;
  const version = bytes[ip]! >> 4 === 4 ? 4 : 6;
  const own = passage.loopback ? NOBODY : passage.adapter;
  const peer = passage.loopback ? NOBODY : PEER;
  const to = groupAddress(bytes, ip, version) ?? (passage.outbound ? peer : own);
  const from = passage.outbound ? own : peer;
  for (let index = 0; index < 6; index++) {
    bytes[at + index] = to[index]!;
    bytes[at + 6 + index] = from[index]!;
  }
  bytes[at + 12] = ETHERTYPES[version] >> 8;
  bytes[at + 13] = ETHERTYPES[version] & 0xff;
}

/** Where Ethernet sends what is for a group: RFC 1112 section 6.4, RFC 2464 section 7; undefined if it is for one. */
function groupAddress(bytes: Bytes, ip: number, version: 4 | 6): MacAddress | undefined {
  const at = ip + ADDRESSES[version].destination;
  const first = bytes[at]!;
  if (version === 6) {
    return first === 0xff
      ? [0x33, 0x33, bytes[at + 12]!, bytes[at + 13]!, bytes[at + 14]!, bytes[at + 15]!]
      : undefined;
  }
  if (first < 224) return undefined;
  if (first < 240) return [0x01, 0x00, 0x5e, bytes[at + 1]! & 0x7f, bytes[at + 2]!, bytes[at + 3]!];
  return first === 255 && bytes[at + 1] === 255 && bytes[at + 2] === 255 && bytes[at + 3] === 255
    ? BROADCAST
    : undefined;
}

/** Memory to compare, seen in the two ways that are quick: words one by one, and all at once by the system. */
export interface Region {
  readonly data: DataView<ArrayBufferLike>;
  readonly buffer: Buffer<ArrayBufferLike>;
}

export function regionOf({ buffer, byteOffset, byteLength }: Bytes): Region {
  return {
    data: new DataView(buffer, byteOffset, byteLength),
    buffer: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
  };
}

/** Headers and short packets; a call that leaves JavaScript costs as much as comparing these words. */
const WORDS_BYTES = 64;

/** Do `sizeBytes` bytes differ? Asked for every packet that passes. */
export function differs(
  left: Region,
  leftAt: number,
  right: Region,
  rightAt: number,
  sizeBytes: number,
): boolean {
  const some = Math.min(sizeBytes, WORDS_BYTES);
  let at = 0;
  for (; at + 3 < some; at += 4) {
    if (left.data.getInt32(leftAt + at, true) !== right.data.getInt32(rightAt + at, true)) return true;
  }
  for (; at < some; at++) {
    if (left.data.getUint8(leftAt + at) !== right.data.getUint8(rightAt + at)) return true;
  }
  if (at === sizeBytes) return false;
  const [leftEnd, rightEnd] = [leftAt + sizeBytes, rightAt + sizeBytes];
  return left.buffer.compare(right.buffer, rightAt + at, rightEnd, leftAt + at, leftEnd) !== 0;
}

/** True if the packet of the frame goes to another address than the packet it was. */
export function isReaddressed(frame: Bytes, packet: Bytes): boolean {
  const { destination, sizeBytes } = ADDRESSES[packet[0]! >> 4 === 4 ? 4 : 6];
  for (let index = destination; index < destination + sizeBytes; index++) {
    if (frame[ETHERNET_BYTES + index] !== packet[index]) return true;
  }
  return false;
}

/** True if a rewritten frame holds a packet that the driver would take for the one it was: of its version and length. */
export function isSendable(frame: Bytes, packet: Bytes): boolean {
  const sameVersion = frame[ETHERNET_BYTES]! >> 4 === packet[0]! >> 4;
  return sameVersion && packetBytes(frame, ETHERNET_BYTES, frame.length) === frame.length - ETHERNET_BYTES;
}

/** Which checksums a frame has after setChecksums(); the others are left as they were. */
export interface Checksums {
  readonly ip: boolean;
  readonly tcp: boolean;
  readonly udp: boolean;
}

/** Offset of the checksum in the transport header, by protocol. */
const CHECKSUM_OFFSETS: Readonly<Record<number, number>> = {
  [PROTOCOL_ICMP]: 2,
  [PROTOCOL_TCP]: 16,
  [PROTOCOL_UDP]: 6,
  [PROTOCOL_ICMPV6]: 2,
};

/**
 * Computes the checksums of IPv4, TCP, UDP, ICMP and ICMPv6 again, as far as the frame holds all that they cover: not
 * the transport's of a fragment. WinDivert itself would not do ICMP's.
 */
export function setChecksums(frame: Bytes): Checksums {
  const ethertype = ETHERTYPES[frame[ETHERNET_BYTES]! >> 4 === 4 ? 4 : 6];
  // What the program wrote into the Ethernet header goes nowhere; the packet is read by its own version.
  frame[12] = ethertype >> 8;
  frame[13] = ethertype & 0xff;
  const layout = readFrame(frame);
  if (layout === undefined) return { ip: false, tcp: false, udp: false };
  const ip = layout.version === 4;
  if (ip) {
    const start = layout.ipOffset;
    put(frame, start + 10, 0, () => sumWords(frame, start, start + (frame[start]! & 15) * 4));
  }
  const done = setTransportChecksum(frame, layout);
  return {
    ip,
    tcp: done && layout.protocol === PROTOCOL_TCP,
    udp: done && layout.protocol === PROTOCOL_UDP,
  };
}

function setTransportChecksum(frame: Bytes, layout: FrameLayout): boolean {
  const { transportOffset: at, protocol, version, ipOffset: ip } = layout;
  const offset = CHECKSUM_OFFSETS[protocol];
  if (at === undefined || offset === undefined || isFirstFragment(frame, layout)) return false;
  const end = protocol === PROTOCOL_UDP ? layout.payloadEnd : frame.length;
  if (end === undefined || at + offset + 2 > end) return false;
  // ICMP of IPv4 has no pseudo header (RFC 792); ICMPv6 has (RFC 4443 section 2.3).
  const pseudo =
    protocol === PROTOCOL_ICMP
      ? 0
      : sumWords(frame, ip + (version === 4 ? 12 : 8), ip + (version === 4 ? 20 : 40), protocol + end - at);
  // A sum of zero is sent as 0xffff in UDP, for zero means "none" (RFC 768).
  const zero = protocol === PROTOCOL_UDP ? 0xffff : 0;
  put(frame, at + offset, zero, () => sumWords(frame, at, end, pseudo));
  return true;
}

/** "More fragments" of IPv4; readFrame() does not go beyond a fragment header of IPv6. */
function isFirstFragment(frame: Bytes, { version, ipOffset }: FrameLayout): boolean {
  return version === 4 && (frame[ipOffset + 6]! & 0x20) !== 0;
}

function put(frame: Bytes, at: number, zero: number, sum: () => number): void {
  frame[at] = 0;
  frame[at + 1] = 0;
  const checksum = foldChecksum(sum()) || zero;
  frame[at] = checksum >> 8;
  frame[at + 1] = checksum & 0xff;
}
