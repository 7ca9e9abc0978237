// The socket that clients of the gateway send to: opened, and read for what each datagram says about its two ends.
import { EbpfError } from "../base/error.ts";
import { formatAddress, type SocketAddress, sockaddrAddressOffset, writeSockaddr } from "./address.ts";
import { writeUdp4Headers, writeUdpHeaders } from "./frame.ts";
import type { MessageBatch } from "./messages.ts";
import { createArena, errnoName, LINUX, type Posix, systemError } from "./posix.ts";

const RECEIVE_BUFFER_BYTES = 8 << 20;

/** Writes the headers of the datagram in a slot at an address of the linear memory, in front of its payload. */
export type HeaderWriter = (slot: number, at: number, payloadBytes: number) => void;

/** struct cmsghdr; then in_pktinfo { index, local, address } or in6_pktinfo { address, index }. */
const CMSG_BYTES = 16;
const PKTINFO_ADDRESS_4 = CMSG_BYTES + 8;

/** Who sent a datagram, and to which address, is what recvmmsg left in the slot's name and control data. */
export function createHeaderWriter(
  received: MessageBatch,
  listen: SocketAddress,
  memory: Uint8Array<SharedArrayBuffer>,
): HeaderWriter {
  const { arena } = received;
  if (listen.bytes.length === 4) {
    const data = new DataView(memory.buffer);
    const own = new DataView(listen.bytes.buffer, listen.bytes.byteOffset).getUint32(0);
    return (slot, at, payloadBytes) => {
      const name = received.nameOffset(slot);
      const destination =
        received.controlBytesOf(slot) === 0
          ? own
          : arena.data.getUint32(received.controlOffset(slot) + PKTINFO_ADDRESS_4);
      const source = arena.data.getUint32(name + 4);
      const sourcePort = arena.data.getUint16(name + 2);
      writeUdp4Headers(data, at, source, sourcePort, destination, listen.port, payloadBytes);
    };
  }
  const sources = Array.from({ length: received.count }, (_, slot) => {
    const source = received.nameOffset(slot) + sockaddrAddressOffset(16);
    return arena.bytes.subarray(source, source + 16);
  });
  const destinations = Array.from({ length: received.count }, (_, slot) => {
    const destination = received.controlOffset(slot) + CMSG_BYTES;
    return arena.bytes.subarray(destination, destination + 16);
  });
  return (slot, at, payloadBytes) => {
    const flow = {
      sourceAddress: sources[slot]!,
      sourcePort: arena.data.getUint16(received.nameOffset(slot) + 2),
      destinationAddress: received.controlBytesOf(slot) === 0 ? listen.bytes : destinations[slot]!,
      destinationPort: listen.port,
    };
    writeUdpHeaders(memory, at, flow, payloadBytes);
  };
}

/** Any address of the machine; then every datagram comes with control data that tell which one it was sent to. */
export function isWildcard(listen: SocketAddress): boolean {
  return listen.bytes.every((byte) => byte === 0);
}

/** Keeps of the control data the local address only: an answer may leave by another interface than the question came in. */
export function forgetInterface(received: MessageBatch, slot: number, addressSize: number): void {
  const control = received.controlOffset(slot);
  received.arena.data.setUint32(control + CMSG_BYTES + (addressSize === 4 ? 0 : 16), 0);
}

/** AddressInUse, ArgumentInvalid or PermissionDenied if the address cannot be listened on. */
export function openListener(posix: Posix, listen: SocketAddress): number {
  const four = listen.bytes.length === 4;
  const type = LINUX.SOCK_DGRAM | LINUX.SOCK_NONBLOCK | LINUX.SOCK_CLOEXEC;
  const fd = posix.socket(four ? LINUX.AF_INET : LINUX.AF_INET6, type, 0);
  if (fd < 0) throw systemError(posix.errno(), "socket");
  const arena = createArena(posix, 4096);
  const option = (level: number, name: number, value: number): number => {
    arena.data.setInt32(64, value, true);
    return posix.setsockopt(fd, level, name, arena.address + 64, 4);
  };
  if (!four) option(LINUX.IPPROTO_IPV6, LINUX.IPV6_V6ONLY, 1);
  const wildcard = isWildcard(listen);
  if (wildcard && four) option(LINUX.IPPROTO_IP, LINUX.IP_PKTINFO, 1);
  else if (wildcard) option(LINUX.IPPROTO_IPV6, LINUX.IPV6_RECVPKTINFO, 1);
  // Above the system's limit only root may go; the limit itself will do.
  if (option(LINUX.SOL_SOCKET, LINUX.SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES) < 0) {
    option(LINUX.SOL_SOCKET, LINUX.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
  }
  const size = writeSockaddr(arena.data, 0, listen);
  if (posix.bind(fd, arena.address, size) < 0) {
    const errno = posix.errno();
    posix.close(fd);
    throw listenError(listen, errnoName(errno));
  }
  return fd;
}

/** The port that the system chose, or was told. */
export function boundPort(posix: Posix, fd: number): number {
  const arena = createArena(posix, 4096);
  arena.data.setUint32(64, 28, true);
  if (posix.getsockname(fd, arena.address, arena.address + 64) < 0) {
    throw systemError(posix.errno(), "getsockname");
  }
  return arena.data.getUint16(2);
}

/** What bind(2) refused, in the words of the table of codes; `name` is "EADDRINUSE" and the like. */
export function listenError(listen: SocketAddress, name: string): EbpfError {
  const where = formatAddress(listen);
  const data = { target: where, details: { error: name } };
  if (name === "EADDRINUSE") return new EbpfError("AddressInUse", `${where} is already listened on`, data);
  if (name === "EACCES" || name === "EPERM") {
    return new EbpfError("PermissionDenied", `listening on ${where} is not allowed`, data);
  }
  if (name === "EADDRNOTAVAIL") {
    return new EbpfError("ArgumentInvalid", `${where} is not an address of this machine`, data);
  }
  return new EbpfError("InterfaceFailed", `listening on ${where} failed: ${name}`, data);
}
