// Ethernet frames of IPv4 and IPv6 with UDP and TCP: made, read, checksummed (RFC 791, 768, 8200, 9293, 1071).
// Knows bytes only: no sockets, no programs.

export const ETHERNET_BYTES = 14;
export const UDP_BYTES = 8;
export const IPV4_BYTES = 20;
export const IPV6_BYTES = 40;
const TCP_BYTES = 20;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** VLAN tags: IEEE 802.1Q and 802.1ad. */
const ETHERTYPES_VLAN: readonly number[] = [0x8100, 0x88a8];
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
/** IPv6 extension headers that may stand before the transport header and have the common form (RFC 8200 section 4). */
const EXTENSION_HEADERS: readonly number[] = [0, 43, 60];
const HOP_LIMIT = 64;
/** Locally administered addresses: who sends and who takes in a frame that never was on a wire. */
const MAC_SENDER = [0x02, 0, 0, 0, 0, 0x01];
const MAC_RECEIVER = [0x02, 0, 0, 0, 0, 0x02];

/** Bytes of the headers in front of a UDP payload: the address has 4 or 16 bytes. */
export function udpHeadersBytes(addressBytes: number): number {
  return ETHERNET_BYTES + (addressBytes === 4 ? IPV4_BYTES : IPV6_BYTES) + UDP_BYTES;
}

/** Sum of 16-bit words from `start` to `end` (a last odd byte counts as a high one), added to `sum`; not folded (RFC 1071). */
export function sumWords(bytes: Uint8Array<ArrayBufferLike>, start: number, end: number, sum = 0): number {
  let total = sum;
  let at = start;
  for (; at + 1 < end; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < end) total += bytes[at]! << 8;
  return total;
}

/** The Internet checksum of a sum. */
export function foldChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

function put16(bytes: Uint8Array<ArrayBufferLike>, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 0xff;
}

function get16(bytes: Uint8Array<ArrayBufferLike>, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** The two ends of a datagram; both addresses have 4 or both 16 bytes. */
export interface Flow {
  readonly sourceAddress: Uint8Array<ArrayBufferLike>;
  readonly sourcePort: number;
  readonly destinationAddress: Uint8Array<ArrayBufferLike>;
  readonly destinationPort: number;
}

/** Copies a few bytes; faster than set() for addresses. */
function putBytes(bytes: Uint8Array<ArrayBufferLike>, at: number, from: ArrayLike<number>): void {
  for (let index = 0; index < from.length; index++) bytes[at + index] = from[index]!;
}

/** Ethernet and IP headers at `at` for `payloadBytes` after them; the sum of the pseudo header for the transport's checksum. */
function writeNetworkHeaders(
  bytes: Uint8Array<ArrayBufferLike>,
  at: number,
  flow: Flow,
  protocol: number,
  payloadBytes: number,
): number {
  const { sourceAddress: source, destinationAddress: destination } = flow;
  putBytes(bytes, at, MAC_RECEIVER);
  putBytes(bytes, at + 6, MAC_SENDER);
  const ip = at + ETHERNET_BYTES;
  const addresses = sumWords(destination, 0, destination.length, sumWords(source, 0, source.length));
  if (source.length === 4) {
    const totalBytes = IPV4_BYTES + payloadBytes;
    put16(bytes, at + 12, ETHERTYPE_IPV4);
    put16(bytes, ip, 0x4500);
    put16(bytes, ip + 2, totalBytes);
    // No identification, "don't fragment": RFC 6864 section 4.1.
    put16(bytes, ip + 4, 0);
    put16(bytes, ip + 6, 0x4000);
    bytes[ip + 8] = HOP_LIMIT;
    bytes[ip + 9] = protocol;
    put16(bytes, ip + 10, foldChecksum(0x8500 + totalBytes + ((HOP_LIMIT << 8) | protocol) + addresses));
    putBytes(bytes, ip + 12, source);
    putBytes(bytes, ip + 16, destination);
  } else {
    put16(bytes, at + 12, ETHERTYPE_IPV6);
    put16(bytes, ip, 0x6000);
    put16(bytes, ip + 2, 0);
    put16(bytes, ip + 4, payloadBytes);
    bytes[ip + 6] = protocol;
    bytes[ip + 7] = HOP_LIMIT;
    putBytes(bytes, ip + 8, source);
    putBytes(bytes, ip + 24, destination);
  }
  return addresses + protocol + payloadBytes;
}

/**
 * Writes Ethernet, IP and UDP headers at `at`, in front of a payload that already lies behind them; the frame's length.
 * The payload has at most 65,507 bytes (IPv4) or 65,527 (IPv6), as a socket gives it.
 */
export function writeUdpHeaders(
  bytes: Uint8Array<ArrayBufferLike>,
  at: number,
  flow: Flow,
  payloadBytes: number,
): number {
  const headers = udpHeadersBytes(flow.sourceAddress.length);
  const udp = at + headers - UDP_BYTES;
  const sum = writeNetworkHeaders(bytes, at, flow, PROTOCOL_UDP, UDP_BYTES + payloadBytes);
  put16(bytes, udp, flow.sourcePort);
  put16(bytes, udp + 2, flow.destinationPort);
  put16(bytes, udp + 4, UDP_BYTES + payloadBytes);
  const ports = flow.sourcePort + flow.destinationPort + UDP_BYTES + payloadBytes;
  const payload = udp + UDP_BYTES;
  // A sum of zero is sent as 0xffff, for zero means "none" (RFC 768).
  const checksum = foldChecksum(sumWords(bytes, payload, payload + payloadBytes, sum + ports));
  put16(bytes, udp + 6, checksum === 0 ? 0xffff : checksum);
  return headers + payloadBytes;
}

/** MAC_RECEIVER and MAC_SENDER as three words; EtherType, version, header length; flags, hop limit, protocol. */
const WORD_0 = 0x02000000;
const WORD_1 = 0x00020200;
const WORD_2 = 0x00000001;
const WORD_3 = 0x08004500;
const WORD_5 = 0x40000000 | (HOP_LIMIT << 8) | PROTOCOL_UDP;
/** The sum of the IPv4 header's constant words. */
const SUM_4 = 0x4500 + 0x4000 + ((HOP_LIMIT << 8) | PROTOCOL_UDP);

/**
 * writeUdpHeaders() for IPv4, for a loop that does it for every packet: addresses are numbers, words are written whole.
 * `at` is a multiple of 4.
 */
export function writeUdp4Headers(
  data: DataView<ArrayBufferLike>,
  at: number,
  source: number,
  sourcePort: number,
  destination: number,
  destinationPort: number,
  payloadBytes: number,
): number {
  const udpBytes = UDP_BYTES + payloadBytes;
  const addresses = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  const headerSum = foldChecksum(SUM_4 + IPV4_BYTES + udpBytes + addresses);
  data.setUint32(at, WORD_0);
  data.setUint32(at + 4, WORD_1);
  data.setUint32(at + 8, WORD_2);
  data.setUint32(at + 12, WORD_3);
  data.setUint32(at + 16, (IPV4_BYTES + udpBytes) << 16);
  data.setUint32(at + 20, WORD_5);
  data.setUint32(at + 24, (headerSum << 16) | (source >>> 16));
  data.setUint32(at + 28, (source << 16) | (destination >>> 16));
  data.setUint32(at + 32, (destination << 16) | sourcePort);
  data.setUint32(at + 36, (destinationPort << 16) | udpBytes);
  const payload = at + ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES;
  const sum = addresses + PROTOCOL_UDP + udpBytes + sourcePort + destinationPort + udpBytes;
  const checksum = foldChecksum(sumView(data, payload, payload + payloadBytes, sum));
  data.setUint16(at + 40, checksum === 0 ? 0xffff : checksum);
  return ETHERNET_BYTES + IPV4_BYTES + udpBytes;
}

/** sumWords() through a DataView, four bytes at a time. */
function sumView(data: DataView<ArrayBufferLike>, start: number, end: number, sum: number): number {
  let total = sum;
  let at = start;
  for (; at + 3 < end; at += 4) {
    const word = data.getUint32(at);
    total += (word >>> 16) + (word & 0xffff);
  }
  if (at + 1 < end) {
    total += data.getUint16(at);
    at += 2;
  }
  return at < end ? total + (data.getUint8(at) << 8) : total;
}

/** A whole frame with one UDP datagram. */
export function makeUdpFrame(flow: Flow, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const headers = udpHeadersBytes(flow.sourceAddress.length);
  const frame = new Uint8Array(headers + payload.length);
  frame.set(payload, headers);
  writeUdpHeaders(frame, 0, flow, payload.length);
  return frame;
}

export interface TcpFields {
  readonly sequence: number;
  readonly acknowledgement: number;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16 (RFC 9293 section 3.1). */
  readonly flags: number;
  readonly window: number;
}

/** A whole frame with one TCP segment, without options. */
export function makeTcpFrame(flow: Flow, fields: TcpFields, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const tcp = ETHERNET_BYTES + (flow.sourceAddress.length === 4 ? IPV4_BYTES : IPV6_BYTES);
  const frame = new Uint8Array(tcp + TCP_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  frame.set(payload, tcp + TCP_BYTES);
  const sum = writeNetworkHeaders(frame, 0, flow, PROTOCOL_TCP, TCP_BYTES + payload.length);
  view.setUint16(tcp, flow.sourcePort);
  view.setUint16(tcp + 2, flow.destinationPort);
  view.setUint32(tcp + 4, fields.sequence);
  view.setUint32(tcp + 8, fields.acknowledgement);
  view.setUint8(tcp + 12, (TCP_BYTES / 4) << 4);
  view.setUint8(tcp + 13, fields.flags);
  view.setUint16(tcp + 14, fields.window);
  view.setUint16(tcp + 16, foldChecksum(sumWords(frame, tcp, frame.length, sum)));
  return frame;
}

/** What a frame holds, as byte offsets from its first byte. */
export interface FrameLayout {
  readonly version: 4 | 6;
  readonly ipOffset: number;
  readonly protocol: number;
  /** Of the transport header; absent in a fragment other than the first. */
  readonly transportOffset?: number;
  /** Of what follows a whole UDP or TCP header, and its end, by the headers' own lengths. */
  readonly payloadOffset?: number;
  readonly payloadEnd?: number;
}

/** Reads headers, VLAN tags and IPv6 extension headers; undefined if it is not IP or its lengths contradict its size. */
export function readFrame(frame: Uint8Array<ArrayBufferLike>): FrameLayout | undefined {
  let ipOffset = ETHERNET_BYTES;
  if (frame.length < ipOffset) return undefined;
  let type = get16(frame, 12);
  while (ETHERTYPES_VLAN.includes(type) && frame.length >= ipOffset + 4) {
    type = get16(frame, ipOffset + 2);
    ipOffset += 4;
  }
  if (type === ETHERTYPE_IPV4) return readIpv4(frame, ipOffset);
  if (type === ETHERTYPE_IPV6) return readIpv6(frame, ipOffset);
  return undefined;
}

function readIpv4(frame: Uint8Array<ArrayBufferLike>, ip: number): FrameLayout | undefined {
  if (frame.length < ip + IPV4_BYTES || (frame[ip] ?? 0) >> 4 !== 4) return undefined;
  const headerBytes = ((frame[ip] ?? 0) & 15) * 4;
  const end = ip + get16(frame, ip + 2);
  if (headerBytes < IPV4_BYTES || ip + headerBytes > end || end > frame.length) return undefined;
  const layout = { version: 4, ipOffset: ip, protocol: frame[ip + 9] ?? 0 } as const;
  if ((get16(frame, ip + 6) & 0x1fff) !== 0) return layout;
  return readTransport(frame, layout, ip + headerBytes, end);
}

function readIpv6(frame: Uint8Array<ArrayBufferLike>, ip: number): FrameLayout | undefined {
  if (frame.length < ip + IPV6_BYTES || (frame[ip] ?? 0) >> 4 !== 6) return undefined;
  const end = ip + IPV6_BYTES + get16(frame, ip + 4);
  if (end > frame.length) return undefined;
  let protocol = frame[ip + 6] ?? 0;
  let at = ip + IPV6_BYTES;
  while (EXTENSION_HEADERS.includes(protocol)) {
    if (at + 8 > end) return undefined;
    protocol = frame[at] ?? 0;
    at += ((frame[at + 1] ?? 0) + 1) * 8;
  }
  const layout = { version: 6, ipOffset: ip, protocol } as const;
  if (at > end) return undefined;
  return readTransport(frame, layout, at, end);
}

function readTransport(
  frame: Uint8Array<ArrayBufferLike>,
  layout: FrameLayout,
  at: number,
  end: number,
): FrameLayout | undefined {
  if (layout.protocol === PROTOCOL_UDP) {
    if (at + UDP_BYTES > end) return undefined;
    const udpEnd = at + get16(frame, at + 4);
    if (udpEnd < at + UDP_BYTES || udpEnd > end) return undefined;
    return { ...layout, transportOffset: at, payloadOffset: at + UDP_BYTES, payloadEnd: udpEnd };
  }
  if (layout.protocol === PROTOCOL_TCP) {
    if (at + TCP_BYTES > end) return undefined;
    const payload = at + ((frame[at + 12] ?? 0) >> 4) * 4;
    if (payload < at + TCP_BYTES || payload > end) return undefined;
    return { ...layout, transportOffset: at, payloadOffset: payload, payloadEnd: end };
  }
  return { ...layout, transportOffset: at };
}

/** True if the checksums of IPv4 and of UDP or TCP are right (a UDP datagram over IPv4 may have none). */
export function hasValidChecksums(frame: Uint8Array<ArrayBufferLike>): boolean {
  const layout = readFrame(frame);
  if (layout === undefined) return false;
  const { ipOffset: ip, transportOffset: transport, payloadEnd: end, version } = layout;
  if (version === 4 && foldChecksum(sumWords(frame, ip, ip + ((frame[ip] ?? 0) & 15) * 4)) !== 0)
    return false;
  if (transport === undefined || end === undefined) return true;
  if (layout.protocol === PROTOCOL_UDP && get16(frame, transport + 6) === 0) return version === 4;
  const pseudo = layout.protocol + end - transport;
  const addresses =
    version === 4 ? sumWords(frame, ip + 12, ip + 20, pseudo) : sumWords(frame, ip + 8, ip + 40, pseudo);
  return foldChecksum(sumWords(frame, transport, end, addresses)) === 0;
}
