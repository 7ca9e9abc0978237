// The gateway in batches, on Linux: recvmmsg straight into the packet slots of the linear memory, the program, sendmmsg
// to the server through one connected socket a client, and the server's answers back. gateway-plain.ts is the same
// without these calls.
import { type Client, createClients } from "./clients.ts";
import { readFrame, UDP_BYTES, udpHeadersBytes } from "./frame.ts";
import { boundPort, createHeaderWriter, forgetInterface, isWildcard, openListener } from "./listener.ts";
import { ACTION, CELL, type GatewaySettings, type Loop, type LoopEnvironment } from "./loop.ts";
import { CONTROL_BYTES, createMessages, sendMessages } from "./messages.ts";
import { createArena, createPoller, ERRNO, LINUX, type Posix, systemError } from "./posix.ts";
import { createPayloads, createRelay } from "./relay.ts";

/** Batches taken before other sockets get their turn. */
const BATCHES_A_TURN = 8;
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
  const wildcard = isWildcard(listen);
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
  const toClient = createMessages(posix, Math.max(slotCount, REPLY_COUNT));
  const replies = createMessages(posix, REPLY_COUNT);
  const replyArena = createArena(posix, REPLY_COUNT * REPLY_BYTES);
  for (let slot = 0; slot < slotCount; slot++) {
    received.setBuffer(slot, memoryAddress + frameStarts[slot]! + headersBytes, capacity);
  }
  for (let index = 0; index < REPLY_COUNT; index++) {
    replies.setBuffer(index, replyArena.address + index * REPLY_BYTES, REPLY_BYTES);
  }
  received.useOwnSpaces(controlBytes);
  const writeHeaders = createHeaderWriter(received, listen, bytes);
  const wakeFd = posix.eventfd(0, LINUX.EFD_NONBLOCK | LINUX.EFD_CLOEXEC);
  if (wakeFd < 0) throw systemError(posix.errno(), "eventfd");
  const poller = createPoller(posix);
  poller.add(wakeFd);
  poller.add(listenFd);
  const clients = createClients(posix, settings, poller);
  const scratch = createArena(posix, 4096);
  const payloads = createPayloads(slotCount);
  const relay = createRelay(posix, payloads);

  const fail = (count: number): void => {
    if (count > 0) cells[CELL.errors] = (cells[CELL.errors] ?? 0) + count;
  };

  /** The payload of slot's frame, which the program may have rewritten; false if the frame is not UDP any more. */
  const locatePayload = (slot: number, sizeBytes: number): boolean => {
    const frame = frameStarts[slot]!;
    const start = filter.begin();
    const udpLength = start + headersBytes - 4;
    const unchanged =
      start === frame &&
      bytes[start + 12] === (addressSize === 4 ? 0x08 : 0x86) &&
      bytes[start + 14] === (addressSize === 4 ? 0x45 : 0x60) &&
      ((bytes[udpLength]! << 8) | bytes[udpLength + 1]!) === UDP_BYTES + sizeBytes;
    if (unchanged) return true;
    const layout = readFrame(bytes.subarray(start, frame + headersBytes + sizeBytes));
    if (layout?.payloadOffset === undefined || layout.payloadEnd === undefined) return false;
    payloads.addresses[slot] = memoryAddress + start + layout.payloadOffset;
    payloads.sizes[slot] = layout.payloadEnd - layout.payloadOffset;
    return true;
  };

  const decide = (slot: number): number => {
    const size = received.lengthOf(slot);
    if (received.isTruncated(slot)) {
      fail(1);
      return ACTION.drop;
    }
    payloads.addresses[slot] = memoryAddress + frameStarts[slot]! + headersBytes;
    payloads.sizes[slot] = size;
    const frameBytes = headersBytes + size;
    if (!filter.isActive()) return filter.decide(0, frameBytes);
    writeHeaders(slot, frameStarts[slot]!, size);
    const action = filter.decide(frameStarts[slot]!, frameBytes);
    if ((action === ACTION.pass || action === ACTION.transmit) && !locatePayload(slot, size)) {
      fail(1);
      return ACTION.drop;
    }
    return action;
  };

  const pass = (slot: number, now: number): void => {
    const client = clients.find(received, slot, now);
    if (client === undefined) fail(1);
    else relay.add(client, slot);
  };

  /** One batch from the clients; how many datagrams it had. */
  const takeRequests = (now: number): number => {
    received.resetSizes(controlBytes);
    const count = posix.recvmmsg(listenFd, received.address, slotCount, LINUX.MSG_DONTWAIT, 0);
    if (count <= 0) return 0;
    let answers = 0;
    for (let slot = 0; slot < count; slot++) {
      if (wildcard) forgetInterface(received, slot, addressSize);
      const action = decide(slot);
      if (action === ACTION.pass) pass(slot, now);
      else if (action === ACTION.transmit) {
        toClient.setBuffer(answers, payloads.addresses[slot]!, payloads.sizes[slot]!);
        const { address } = received.arena;
        toClient.setName(answers, address + received.nameOffset(slot), addressSize === 4 ? 16 : 28);
        toClient.setControl(answers, address + received.controlOffset(slot), received.controlBytesOf(slot));
        answers += 1;
      }
    }
    fail(relay.flush());
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
