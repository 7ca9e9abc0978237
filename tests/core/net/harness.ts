// Hosts, programs and UDP peers for the tests of interfaces. Everything is on loopback, on ports the system chooses.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createEmbeddedHost, type EmbeddedHost } from "../../../core/host/embedded/host.ts";
import type { EbpfMap, Interface, LoadedProgram } from "../../../core/host/host.ts";
import { compile } from "../../../core/image/compile.ts";
import type { EngineName } from "../../../core/image/image.ts";
import { createInterface, type InterfaceRequest } from "../../../core/net/interfaces.ts";
import { assembled, DROPPACKET, mapOf, mapSpec } from "../../harness/programs.ts";

/** What a test has opened; `close` ends it all. */
export interface Stage {
  readonly host: EmbeddedHost;
  add(request: InterfaceRequest): Promise<Interface>;
  load(text: string, engine?: EngineName): LoadedProgram;
  /** droppacket and its counter map. */
  loadDropPacket(engine?: EngineName): { readonly program: LoadedProgram; readonly dropped: () => bigint };
  /** A UDP socket bound to a loopback address. */
  bind(address: string): Promise<Socket>;
  close(): Promise<void>;
}

const COUNTER = mapOf("array", mapSpec("dropped_packet_map", 4, 8, 1));

export function openStage(): Stage {
  const host = createEmbeddedHost();
  const interfaces: Interface[] = [];
  const sockets: Socket[] = [];
  return {
    host,
    async add(request) {
      const added = await createInterface(host, request);
      interfaces.push(added);
      return added;
    },
    load: (text, engine = "interpreter") => host.load(compile(assembled(text), engine), []),
    loadDropPacket(engine = "interpreter") {
      const map = host.createMap(COUNTER.spec, "array");
      const program = host.load(compile(assembled(DROPPACKET, { maps: [COUNTER] }), engine), [map]);
      return { program, dropped: () => firstCounter(map) };
    },
    async bind(address) {
      const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4", recvBufferSize: 4 << 20 });
      sockets.push(socket);
      socket.bind(0, address);
      await once(socket, "listening");
      return socket;
    },
    async close() {
      await Promise.all(interfaces.map((added) => added.close()));
      for (const socket of sockets) socket.close();
      await host.close();
    },
  };
}

function firstCounter(map: EbpfMap): bigint {
  const value = map.lookup(new Uint8Array(4)) ?? new Uint8Array(8);
  return new DataView(value.buffer, value.byteOffset).getBigUint64(0, true);
}

export function textOf(socket: Socket): string {
  const { address, port } = socket.address();
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export function portOf(gateway: Interface): number {
  return Number(/:(\d+)$/.exec(String(gateway.settings.listen))?.[1]);
}

/** Waits until the condition holds; false if it does not within the time. */
export async function until(condition: () => boolean, milliseconds = 10_000): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > end) return false;
    await sleep(2);
  }
  return true;
}

/** Every datagram that a socket gets, as text. */
export function collect(socket: Socket): string[] {
  const texts: string[] = [];
  socket.on("message", (message) => texts.push(message.toString("latin1")));
  return texts;
}
