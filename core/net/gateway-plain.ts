// The gateway on Node's own UDP sockets, for systems without recvmmsg: one event a datagram. Slower, otherwise the same
// as gateway.ts. On a wildcard address frames show that address as their destination, for Node does not tell the true one.
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { addressBytes, type SocketAddress } from "./address.ts";
import { readFrame, udpHeadersBytes, writeUdpHeaders } from "./frame.ts";
import { listenError } from "./listener.ts";
import { ACTION, CELL, type GatewaySettings, type Loop, type LoopEnvironment } from "./loop.ts";

const SWEEP_MILLISECONDS = 1000;
const RECEIVE_BUFFER_BYTES = 1 << 20;

interface PlainClient {
  readonly socket: Socket;
  /** Datagrams that came before the socket was connected; afterwards undefined. */
  waiting: Uint8Array[] | undefined;
  lastUsed: number;
}

/** How many datagrams of one client may wait while its socket is made. */
const WAITING_LIMIT = 64;

/** AddressInUse, ArgumentInvalid or PermissionDenied if the address cannot be listened on. */
export async function openPlainGateway(
  settings: GatewaySettings,
  environment: LoopEnvironment,
): Promise<Loop> {
  const socket = openSocket(settings.listen);
  socket.bind(settings.listen.port, settings.listen.address);
  try {
    await once(socket, "listening");
  } catch (error) {
    throw listenError(settings.listen, errorName(error));
  }
  const listen: SocketAddress = { ...settings.listen, port: socket.address().port };
  const relay = createRelay(settings, environment, socket, listen);
  return {
    ready: { kind: "ready", listen },
    run: () => relay.run(),
    close: () => relay.close(),
  };
}

function openSocket(address: SocketAddress): Socket {
  const recvBufferSize = RECEIVE_BUFFER_BYTES;
  return address.bytes.length === 4
    ? createSocket({ type: "udp4", recvBufferSize })
    : createSocket({ type: "udp6", ipv6Only: true, recvBufferSize });
}

function errorName(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function createRelay(
  settings: GatewaySettings,
  environment: LoopEnvironment,
  socket: Socket,
  listen: SocketAddress,
): { run(): Promise<void>; close(): void } {
  const { lane, bytes, cells, filter, control } = environment;
  const headersBytes = udpHeadersBytes(listen.bytes.length);
  const start = lane.packetAddress + lane.packetHeadroomBytes;
  const capacity = lane.packetSlotBytes - lane.packetHeadroomBytes - headersBytes;
  const clients = new Map<string, PlainClient>();

  const fail = (): void => {
    cells[CELL.errors] = (cells[CELL.errors] ?? 0) + 1;
  };
  const sent = (error: Error | null): void => {
    if (error !== null) fail();
  };

  const forget = (key: string): void => {
    clients.get(key)?.socket.close();
    clients.delete(key);
  };

  const connect = (sender: RemoteInfo): PlainClient => {
    const upstream = openSocket(settings.to);
    const client: PlainClient = { socket: upstream, waiting: [], lastUsed: Date.now() };
    upstream.on("error", fail);
    upstream.on("message", (reply) => {
      client.lastUsed = Date.now();
      socket.send(reply, sender.port, sender.address, sent);
    });
    upstream.connect(settings.to.port, settings.to.address, () => {
      for (const payload of client.waiting ?? []) upstream.send(payload, sent);
      client.waiting = undefined;
    });
    return client;
  };

  const clientOf = (sender: RemoteInfo): PlainClient => {
    const key = `${sender.address} ${sender.port}`;
    let client = clients.get(key);
    if (client === undefined) {
      const [oldest] = clients.keys();
      if (clients.size >= settings.clients && oldest !== undefined) forget(oldest);
      client = connect(sender);
    }
    client.lastUsed = Date.now();
    clients.delete(key);
    clients.set(key, client);
    return client;
  };

  /** The payload to send on, a copy: the frame's memory is used again before the socket has sent it. */
  const payloadOf = (frameBytes: number): Uint8Array | undefined => {
    const frame = bytes.subarray(filter.begin(), start + frameBytes);
    const layout = readFrame(frame);
    if (layout?.payloadOffset === undefined || layout.payloadEnd === undefined) return undefined;
    return frame.slice(layout.payloadOffset, layout.payloadEnd);
  };

  const decide = (payload: Uint8Array, sender: RemoteInfo): number => {
    const frameBytes = headersBytes + payload.length;
    if (!filter.isActive()) return filter.decide(0, frameBytes);
    bytes.set(payload, start + headersBytes);
    const flow = {
      sourceAddress: addressBytes(sender.address.replace(/%.*$/, "")) ?? listen.bytes,
      sourcePort: sender.port,
      destinationAddress: listen.bytes,
      destinationPort: listen.port,
    };
    writeUdpHeaders(bytes, start, flow, payload.length);
    return filter.decide(start, frameBytes);
  };

  const take = (payload: Uint8Array, sender: RemoteInfo): void => {
    if (payload.length > capacity) {
      fail();
      return;
    }
    const wasActive = filter.isActive();
    const action = decide(payload, sender);
    if (action !== ACTION.pass && action !== ACTION.transmit) return;
    const out = wasActive ? payloadOf(headersBytes + payload.length) : payload;
    if (out === undefined) {
      fail();
      return;
    }
    if (action === ACTION.transmit) {
      socket.send(out, sender.port, sender.address, sent);
      return;
    }
    const client = clientOf(sender);
    if (client.waiting === undefined) client.socket.send(out, sent);
    else if (client.waiting.length < WAITING_LIMIT) client.waiting.push(out);
    else fail();
  };

  const expire = (): void => {
    const oldest = Date.now() - settings.idleSeconds * 1000;
    for (const [key, client] of clients) {
      if (client.lastUsed >= oldest) return;
      forget(key);
    }
  };

  return {
    async run() {
      const sweep = setInterval(expire, SWEEP_MILLISECONDS);
      socket.on("message", take);
      socket.on("error", fail);
      try {
        while (control.proceed()) await control.next();
      } finally {
        clearInterval(sweep);
      }
    },
    close() {
      for (const key of [...clients.keys()]) forget(key);
      socket.close();
    },
  };
}
