// The socket that clients of the gateway send to: opened, and read for what each datagram says about its two ends.
import { EbpfError } from "../base/error.ts";
import { formatAddress, type SocketAddress, sockaddrAddressOffset, writeSockaddr } from "./address.ts";
import type { Flow } from "./frame.ts";
import type { MessageBatch } from "./messages.ts";
import { createArena, errnoName, LINUX, type Posix, systemError } from "./posix.ts";

const RECEIVE_BUFFER_BYTES = 8 << 20;

export interface SlotFlow extends Flow {
  /** Takes up ports and addresses of the datagram now in the slot. */
  refresh(): void;
}

/** The flow of whatever datagram is in a slot: views of the sockaddr and control data that recvmmsg fills in. */
export function flowOf(received: MessageBatch, slot: number, listen: SocketAddress): SlotFlow {
  const { arena } = received;
  const name = received.nameOffset(slot);
  const control = received.controlOffset(slot);
  const size = listen.bytes.length;
  const source = name + sockaddrAddressOffset(size);
  // struct cmsghdr (16 bytes), then in_pktinfo { index, local, address } or in6_pktinfo { address, index }.
  const local = arena.bytes.subarray(control + (size === 4 ? 24 : 16), control + (size === 4 ? 28 : 32));
  const flow = {
    sourceAddress: arena.bytes.subarray(source, source + size),
    sourcePort: 0,
    destinationAddress: listen.bytes as Uint8Array<ArrayBufferLike>,
    destinationPort: listen.port,
    refresh() {
      flow.sourcePort = (arena.bytes[name + 2]! << 8) | arena.bytes[name + 3]!;
      flow.destinationAddress = received.controlBytesOf(slot) > 16 ? local : listen.bytes;
    },
  };
  return flow;
}

/** Any address of the machine; then every datagram comes with control data that tell which one it was sent to. */
export function isWildcard(listen: SocketAddress): boolean {
  return listen.bytes.every((byte) => byte === 0);
}

/** Keeps of the control data the local address only: an answer may leave by another interface than the question came in. */
export function forgetInterface(received: MessageBatch, slot: number, addressSize: number): void {
  const control = received.controlOffset(slot);
  received.arena.data.setUint32(control + (addressSize === 4 ? 16 : 32), 0);
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
