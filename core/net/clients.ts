// The gateway's table of clients, like that of a NAT: one connected socket to the server for each, forgotten when idle,
// or when the table is full and the place of the one idle longest is needed.
import { SOCKADDR_BYTES, writeSockaddr } from "./address.ts";
import type { GatewaySettings } from "./loop.ts";
import { CONTROL_BYTES, type MessageBatch } from "./messages.ts";
import { createArena, LINUX, type Poller, type Posix } from "./posix.ts";

/** A client's record: its sockaddr, then the control data that names the local address it wrote to. */
const NAME_BYTES = 32;
const RECORD_BYTES = NAME_BYTES + CONTROL_BYTES;

export interface Client {
  readonly fd: number;
  readonly key: string | number;
  /** Of its record in the table's arena. */
  readonly offset: number;
  readonly controlBytes: number;
  lastUsed: number;
  /** Slots of the batch at hand that go to the server for it; -1: none. */
  firstSlot: number;
  lastSlot: number;
}

export interface Clients {
  /** The sender of message `slot`, newly entered if need be; undefined if the system gives no socket for it. */
  find(received: MessageBatch, slot: number, now: number): Client | undefined;
  byDescriptor(fd: number): Client | undefined;
  /** Addresses message `index` of a batch to the client, from the local address it had written to. */
  setDestination(batch: MessageBatch, index: number, client: Client): void;
  /** Forgets who was idle for too long. */
  expire(now: number): void;
  count(): number;
  close(): void;
}

export function createClients(posix: Posix, settings: GatewaySettings, poller: Poller): Clients {
  const four = settings.listen.bytes.length === 4;
  const nameBytes = four ? 16 : SOCKADDR_BYTES;
  const arena = createArena(posix, settings.clients * RECORD_BYTES);
  const free = Array.from({ length: settings.clients }, () => arena.reserve(RECORD_BYTES));
  // In order of last use: whoever is used again moves to the end.
  const byKey = new Map<string | number, Client>();
  const byFd = new Map<number, Client>();
  const connectToServer = createConnector(posix, settings);
  let last: Client | undefined;

  const keyOf = (received: MessageBatch, slot: number): string | number => {
    const { data, text } = received.arena;
    const name = received.nameOffset(slot);
    const controlBytes = received.controlBytesOf(slot);
    if (four && controlBytes === 0) return data.getUint32(name + 4) * 65_536 + data.getUint16(name + 2);
    const control = received.controlOffset(slot);
    return (
      text.toString("latin1", name, name + nameBytes) +
      text.toString("latin1", control, control + controlBytes)
    );
  };

  const sameWords = (theirs: Int32Array, at: number, own: number, sizeBytes: number): boolean => {
    for (let word = 0; word < sizeBytes / 4; word++) {
      if (theirs[at / 4 + word] !== arena.words[own / 4 + word]) return false;
    }
    return true;
  };

  const isSender = (client: Client, received: MessageBatch, slot: number): boolean =>
    client.controlBytes === received.controlBytesOf(slot) &&
    sameWords(received.arena.words, received.nameOffset(slot), client.offset, nameBytes) &&
    sameWords(
      received.arena.words,
      received.controlOffset(slot),
      client.offset + NAME_BYTES,
      client.controlBytes,
    );

  const forget = (client: Client): void => {
    byKey.delete(client.key);
    byFd.delete(client.fd);
    posix.close(client.fd);
    free.push(client.offset);
    if (last === client) last = undefined;
  };

  const forgetOldest = (): void => {
    // Never one that has datagrams in the batch at hand.
    for (const client of byKey.values()) {
      if (client.firstSlot >= 0) continue;
      forget(client);
      return;
    }
  };

  const enter = (
    key: string | number,
    received: MessageBatch,
    slot: number,
    now: number,
  ): Client | undefined => {
    if (free.length === 0) forgetOldest();
    const offset = free.pop();
    if (offset === undefined) return undefined;
    let fd = connectToServer();
    if (fd < 0 && byKey.size > 0) {
      // The process may be out of descriptors: the place of the oldest is needed here too.
      forgetOldest();
      fd = connectToServer();
    }
    if (fd < 0) {
      free.push(offset);
      return undefined;
    }
    const { bytes } = received.arena;
    const name = received.nameOffset(slot);
    const control = received.controlOffset(slot);
    const controlBytes = received.controlBytesOf(slot);
    arena.bytes.set(bytes.subarray(name, name + nameBytes), offset);
    arena.bytes.set(bytes.subarray(control, control + controlBytes), offset + NAME_BYTES);
    const client: Client = { fd, key, offset, controlBytes, lastUsed: now, firstSlot: -1, lastSlot: -1 };
    byKey.set(key, client);
    byFd.set(fd, client);
    poller.add(fd);
    return client;
  };

  return {
    find(received, slot, now) {
      if (last !== undefined && last.lastUsed === now && isSender(last, received, slot)) return last;
      const key = keyOf(received, slot);
      let client = byKey.get(key);
      if (client === undefined) client = enter(key, received, slot, now);
      else if (client.lastUsed !== now) {
        client.lastUsed = now;
        byKey.delete(key);
        byKey.set(key, client);
      }
      last = client;
      return client;
    },
    byDescriptor: (fd) => byFd.get(fd),
    setDestination(batch, index, client) {
      batch.setName(index, arena.address + client.offset, nameBytes);
      batch.setControl(index, arena.address + client.offset + NAME_BYTES, client.controlBytes);
    },
    expire(now) {
      for (const client of byKey.values()) {
        if (now - client.lastUsed <= settings.idleSeconds * 1000) return;
        forget(client);
      }
    },
    count: () => byKey.size,
    close() {
      for (const client of [...byKey.values()]) forget(client);
    },
  };
}

/** Makes sockets that are connected to the server; -1 if the system refuses. */
function createConnector(posix: Posix, settings: GatewaySettings): () => number {
  const arena = createArena(posix, 64);
  const size = writeSockaddr(arena.data, 0, settings.to);
  const family = settings.to.bytes.length === 4 ? LINUX.AF_INET : LINUX.AF_INET6;
  return () => {
    const fd = posix.socket(family, LINUX.SOCK_DGRAM | LINUX.SOCK_NONBLOCK | LINUX.SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (posix.connect(fd, arena.address, size) === 0) return fd;
    posix.close(fd);
    return -1;
  };
}
