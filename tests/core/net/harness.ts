// Hosts, programs and UDP peers for the tests of interfaces. Everything is on loopback, on ports the system chooses.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createEmbeddedHost, type EmbeddedHost } from "../../../core/host/embedded/host.ts";
import type { EbpfMap, Interface, LoadedProgram } from "../../../core/host/host.ts";
import { compile } from "../../../core/image/compile.ts";
import type { EngineName } from "../../../core/image/image.ts";
import { createInterface, type InterfaceRequest } from "../../../core/net/interfaces.ts";
import { assembled, DROPPACKET, mapOf, mapSpec, trust } from "../../harness/programs.ts";
import { testProgram } from "../verifier/programs.ts";

const addTo16 = (offset: number, sum: string): string =>
  `r5 = *(u16 *)(r2 + ${offset})\nr5 = be16 r5\n${sum}\nr5 = be16 r5\n*(u16 *)(r2 + ${offset}) = r5\n`;

/** Puts "HEAD" before the payload of an IPv4 datagram, whose headers move to the front; the UDP checksum becomes none. */
export const insertHead = (verdict: number): string => `
  r6 = r1
  r2 = -4
  call 65536
  if r0 != 0 goto drop
  r2 = *(u64 *)(r6 + 0)
  r3 = *(u64 *)(r6 + 8)
  r4 = r2
  r4 += 46
  if r4 > r3 goto drop
  ${[0, 8, 16, 24, 32].map((at) => `r5 = *(u64 *)(r2 + ${at + 4})\n*(u64 *)(r2 + ${at}) = r5\n`).join("")}
  r5 = 0x44414548
  *(u32 *)(r2 + 42) = r5
  *(u16 *)(r2 + 40) = 0
  ${addTo16(16, "r5 += 4")}${addTo16(38, "r5 += 4")}
  ${addTo16(24, "r5 += 0xfffb\nr4 = r5\nr4 >>= 16\nr5 &= 0xffff\nr5 += r4")}
  r0 = ${verdict}
  exit
  drop:
  r0 = 2
  exit`;

/** What a test has opened; `close` ends it all. */
export interface Stage {
  readonly host: EmbeddedHost;
  add(request: InterfaceRequest): Promise<Interface>;
  load(text: string, engine?: EngineName): LoadedProgram;
  /** The same for Windows' xdp, with its helpers. */
  loadXdp(text: string, engine?: EngineName): LoadedProgram;
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
    loadXdp: (code, engine = "interpreter") => host.load(compile(trust(testProgram({ code })), engine), []),
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
