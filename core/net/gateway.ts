// The gateway in batches, on Linux: recvmmsg straight into the packet slots of the linear memory, the program, sendmmsg
// to the server through one connected socket a client, and the server's answers back. gateway-plain.ts is the same
// without these calls.
import { EbpfError } from "../base/error.ts";
import { formatAddress, type SocketAddress, sockaddrAddressOffset, writeSockaddr } from "./address.ts";
import { type Client, createClients } from "./clients.ts";
import { type Flow, readFrame, UDP_BYTES, udpHeadersBytes, writeUdpHeaders } from "./frame.ts";
import { ACTION, CELL, type GatewaySettings, type Loop, type LoopEnvironment } from "./loop.ts";
import { CONTROL_BYTES, createMessages, type MessageBatch, sendMessages } from "./messages.ts";
import { createArena, createPoller, ERRNO, errnoName, LINUX, type Posix, systemError } from "./posix.ts";

/** Batches taken before other sockets get their turn. */
const BATCHES_A_TURN = 8;
const RECEIVE_BUFFER_BYTES = 8 << 20;
const REPLY_COUNT = 16;
const REPLY_BYTES = 65_536;
const SWEEP_MILLISECONDS = 1000;

/** Bytes that a packet slot needs: the largest UDP datagram with its headers. */
export const GATEWAY_FRAME_BYTES = 65_527 + 62;

/** AddressInUse, ArgumentInvalid or PermissionDenied if the address cannot be listened on. */
export function openGateway(posix: Posix, settings: GatewaySettings, environment: LoopEnvironment): Loop {
  const listenFd = openListener(posix, settings.listen);
  try {
    return startGateway(posix, settings, environment, listenFd);
  } catch (error) {
    posix.close(listenFd);
    throw error;
  }
}

function startGateway(
  posix: Posix,
  settings: GatewaySettings,
  environment: LoopEnvironment,
  listenFd: number,
): Loop {
  const { lane, bytes, cells, filter, control } = environment;
  const listen = { ...settings.listen, port: boundPort(posix, listenFd) };
  const addressSize = listen.bytes.length;
  const wildcard = listen.bytes.every((byte) => byte === 0);
  const controlBytes = wildcard ? CONTROL_BYTES : 0;
  const headersBytes = udpHeadersBytes(addressSize);
  const slotCount = lane.packetSlotCount;
  const capacity = lane.packetSlotBytes - lane.packetHeadroomBytes - headersBytes;
  const memoryAddress = posix.addressOf(bytes);
  const frameStarts = Int32Array.from(
    { length: slotCount },
    (_, slot) => lane.packetAddress + slot * lane.packetSlotBytes + lane.packetHeadroomBytes,
  );

  const received = createMessages(posix, slotCount);
  const toServer = createMessages(posix, slotCount);
  const toClient = createMessages(posix, Math.max(slotCount, REPLY_COUNT));
  const replies = createMessages(posix, REPLY_COUNT);
  const replyArena = createArena(posix, REPLY_COUNT * REPLY_BYTES);
  for (let slot = 0; slot < slotCount; slot++) {
    received.setBuffer(slot, memoryAddress + frameStarts[slot]! + headersBytes, capacity);
  }
  for (let index = 0; index < REPLY_COUNT; index++) {
    replies.setBuffer(index, replyArena.address + index * REPLY_BYTES, REPLY_BYTES);
  }
  const flows = Array.from({ length: slotCount }, (_, slot) => flowOf(received, slot, listen));
  const wakeFd = posix.eventfd(0, LINUX.EFD_NONBLOCK | LINUX.EFD_CLOEXEC);
  if (wakeFd < 0) throw systemError(posix.errno(), "eventfd");
  const poller = createPoller(posix);
  poller.add(wakeFd);
  poller.add(listenFd);
  const clients = createClients(posix, settings, poller);
  const scratch = createArena(posix, 4096);
  // Where the payloads to be sent lie, by slot, and a list of slots for each client: the next slot, or -1.
  const payloadAt = new Float64Array(slotCount);
  const payloadSize = new Int32Array(slotCount);
  const nextSlot = new Int32Array(slotCount);
  let touched: Client[] = [];

  const fail = (count: number): void => {
    if (count > 0) cells[CELL.errors] = (cells[CELL.errors] ?? 0) + count;
  };

  /** The payload of slot's frame, which the program may have rewritten; false if the frame is not UDP any more. */
  const locatePayload = (slot: number, sizeBytes: number): boolean => {
    const start = frameStarts[slot]!;
    const udpLength = start + headersBytes - 4;
    const unchanged =
      bytes[start + 12] === (addressSize === 4 ? 0x08 : 0x86) &&
      bytes[start + 14] === (addressSize === 4 ? 0x45 : 0x60) &&
      ((bytes[udpLength]! << 8) | bytes[udpLength + 1]!) === UDP_BYTES + sizeBytes;
    payloadAt[slot] = memoryAddress + start + headersBytes;
    payloadSize[slot] = sizeBytes;
    if (unchanged) return true;
    const layout = readFrame(bytes.subarray(start, start + headersBytes + sizeBytes));
    if (layout?.payloadOffset === undefined || layout.payloadEnd === undefined) return false;
    payloadAt[slot] = memoryAddress + start + layout.payloadOffset;
    payloadSize[slot] = layout.payloadEnd - layout.payloadOffset;
    return true;
  };

  const relay = (slot: number, now: number): void => {
    const client = clients.find(received, slot, now);
    if (client === undefined) {
      fail(1);
      return;
    }
    nextSlot[slot] = -1;
    if (client.firstSlot < 0) {
      client.firstSlot = slot;
      touched.push(client);
    } else {
      nextSlot[client.lastSlot] = slot;
    }
    client.lastSlot = slot;
  };

  const flushToServer = (): void => {
    if (touched.length === 0) return;
    for (const client of touched) {
      let count = 0;
      for (let slot = client.firstSlot; slot >= 0; slot = nextSlot[slot]!) {
        toServer.setBuffer(count, payloadAt[slot]!, payloadSize[slot]!);
        count += 1;
      }
      client.firstSlot = -1;
      fail(sendMessages(posix, client.fd, toServer, count));
    }
    touched = [];
  };

  const decide = (slot: number): number => {
    const size = received.lengthOf(slot);
    if (received.isTruncated(slot)) {
      fail(1);
      return ACTION.drop;
    }
    payloadAt[slot] = memoryAddress + frameStarts[slot]! + headersBytes;
    payloadSize[slot] = size;
    const frameBytes = headersBytes + size;
    if (!filter.active) return filter.decide(0, frameBytes);
    const flow = flows[slot]!;
    flow.refresh();
    writeUdpHeaders(bytes, frameStarts[slot]!, flow, size);
    const action = filter.decide(frameStarts[slot]!, frameBytes);
    if ((action === ACTION.pass || action === ACTION.transmit) && !locatePayload(slot, size)) {
      fail(1);
      return ACTION.drop;
    }
    return action;
  };

  /** One batch from the clients; how many datagrams it had. */
  const takeRequests = (now: number): number => {
    received.resetNames(slotCount, controlBytes);
    const count = posix.recvmmsg(listenFd, received.address, slotCount, LINUX.MSG_DONTWAIT, 0);
    if (count <= 0) return 0;
    let answers = 0;
    for (let slot = 0; slot < count; slot++) {
      if (wildcard) forgetInterface(received, slot, addressSize);
      const action = decide(slot);
      if (action === ACTION.pass) relay(slot, now);
      else if (action === ACTION.transmit) {
        toClient.setBuffer(answers, payloadAt[slot]!, payloadSize[slot]!);
        const { address } = received.arena;
        toClient.setName(answers, address + received.nameOffset(slot), addressSize === 4 ? 16 : 28);
        toClient.setControl(answers, address + received.controlOffset(slot), received.controlBytesOf(slot));
        answers += 1;
      }
    }
    flushToServer();
    if (answers > 0) fail(sendMessages(posix, listenFd, toClient, answers));
    return count;
  };

  const takeReplies = (client: Client, now: number): void => {
    for (let batch = 0; batch < BATCHES_A_TURN; batch++) {
      const count = posix.recvmmsg(client.fd, replies.address, REPLY_COUNT, LINUX.MSG_DONTWAIT, 0);
      if (count < 0 && posix.errno() === ERRNO.ECONNREFUSED) fail(1);
      if (count <= 0) return;
      client.lastUsed = now;
      for (let index = 0; index < count; index++) {
        toClient.setBuffer(index, replyArena.address + index * REPLY_BYTES, replies.lengthOf(index));
        clients.setDestination(toClient, index, client);
      }
      fail(sendMessages(posix, listenFd, toClient, count));
      if (count < REPLY_COUNT) return;
    }
  };

  return {
    ready: { kind: "ready", wakeFd, listen },
    run() {
      let sweepAt = Date.now() + SWEEP_MILLISECONDS;
      while (control.proceed()) {
        const count = poller.wait();
        const now = Date.now();
        for (let index = 0; index < count; index++) {
          const fd = poller.ready[index]!;
          if (fd === wakeFd) posix.read(wakeFd, scratch.address, 8);
          else if (fd === listenFd) {
            for (let batch = 0; batch < BATCHES_A_TURN; batch++) {
              if (takeRequests(now) < slotCount || !control.proceed()) break;
            }
          } else {
            const client = clients.byDescriptor(fd);
            if (client !== undefined) takeReplies(client, now);
          }
        }
        if (now >= sweepAt) {
          clients.expire(now);
          sweepAt = now + SWEEP_MILLISECONDS;
        }
      }
    },
    close() {
      clients.close();
      poller.close();
      posix.close(listenFd);
    },
  };
}

interface SlotFlow extends Flow {
  /** Takes up ports and addresses of the datagram now in the slot. */
  refresh(): void;
}

/** The flow of whatever datagram is in a slot: views of the sockaddr and control data that recvmmsg fills in. */
function flowOf(received: MessageBatch, slot: number, listen: SocketAddress): SlotFlow {
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

/** Keeps of the control data the local address only: an answer may leave by another interface than the question came in. */
function forgetInterface(received: MessageBatch, slot: number, addressSize: number): void {
  const control = received.controlOffset(slot);
  received.arena.data.setUint32(control + (addressSize === 4 ? 16 : 32), 0);
}

function openListener(posix: Posix, listen: SocketAddress): number {
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
  const wildcard = listen.bytes.every((byte) => byte === 0);
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

function boundPort(posix: Posix, fd: number): number {
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
