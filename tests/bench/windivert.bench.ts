// Packets a second through the loop of a windivert interface on the double of WinDivert, whose queue is never empty, beside a
// bare loop on the same calls. The driver's own cost, microseconds a packet, is not in it: no machine here has it.
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { loadKoffi } from "../../core/base/native.ts";
import { createEmbeddedHost } from "../../core/host/embedded/host.ts";
import { compile } from "../../core/image/compile.ts";
import { createInterface } from "../../core/net/interfaces.ts";
import type { WindivertSettings } from "../../core/net/loop.ts";
import { openLibrary } from "../../core/net/windivert/library.ts";
import { createPort } from "../../core/net/windivert/port.ts";
import { buildDouble, type Double, loadDouble, temporaryFolder } from "../core/net/windivert/double.ts";
import { EMPTY, makePacket } from "../core/net/windivert/packets.ts";
import { assembled, DROPPACKET, mapOf, mapSpec } from "../harness/programs.ts";
import type { Benchmark } from "./benchmark.ts";

const SECONDS = 0.3;
/** Odd. */
const ROUNDS = 5;
const ENDLESS = 2 ** 52;
const COUNTER = mapOf("array", mapSpec("dropped_packet_map", 4, 8, 1));
const SETTINGS: WindivertSettings = {
  kind: "windivert",
  filter: "true",
  direction: "inbound",
  loopback: false,
  priority: 0,
  queuePackets: 16_384,
  queueMilliseconds: 500,
  queueBytes: 33_554_432,
};

async function withDouble<T>(use: (driver: Double) => Promise<T>): Promise<T> {
  const folder = temporaryFolder();
  try {
    return await use(loadDouble(buildDouble("linux", folder)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Takes packets and gives them back, or not, with nothing between. */
async function openBare(path: string): Promise<(sends: boolean) => number> {
  const port = createPort(openLibrary(await loadKoffi("PlatformUnsupported"), path), SETTINGS);
  return (sends) => {
    port.open();
    const start = performance.now();
    let taken = 0;
    while (performance.now() - start < SECONDS * 1000) {
      const count = port.receive();
      if (sends) port.send(count, port.batchBytes());
      taken += count;
    }
    const seconds = (performance.now() - start) / 1000;
    port.close();
    return taken / seconds;
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1]!;
}

function compare(packet: Uint8Array, passes: boolean): Promise<{ value: number; baseline: number }> {
  return withDouble(async (driver) => {
    const host = createEmbeddedHost();
    const added = await createInterface(host, {
      name: "bench",
      kind: "windivert",
      settings: { library: driver.path },
    });
    const map = host.createMap(COUNTER.spec, "array");
    const program = host.load(compile(assembled(DROPPACKET, { maps: [COUNTER] }), "wasm"), [map]);
    const bare = await openBare(driver.path);
    const done = (): number => (passes ? added.counters().passed : added.counters().dropped);
    const measure = async (): Promise<number> => {
      await added.attach(program);
      const [before, start] = [done(), performance.now()];
      await sleep(SECONDS * 1000);
      const rate = (done() - before) / ((performance.now() - start) / 1000);
      // Not attached is not taken; first nothing must wait any more, or the loop would decide about it all.
      driver.generate(packet, 0);
      await added.attach(undefined);
      driver.generate(packet, ENDLESS);
      return rate;
    };
    driver.generate(packet, ENDLESS);
    try {
      const values: number[] = [];
      const baselines: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        values.push(await measure());
        baselines.push(bare(passes));
      }
      return { value: median(values), baseline: median(baselines) };
    } finally {
      driver.generate(packet, 0);
      await added.close();
      await host.close();
    }
  });
}

const COMMON = { unit: "packets/s", better: "higher", baseline: "bare loop" } as const;

export const benchmarks: readonly Benchmark[] = [
  {
    ...COMMON,
    name: "windivert (double): droppacket drops empty datagrams",
    run: () => compare(EMPTY, false),
  },
  {
    ...COMMON,
    name: "windivert (double): droppacket lets 32-byte datagrams pass",
    run: () => compare(makePacket("x".repeat(32)), true),
  },
  {
    ...COMMON,
    name: "windivert (double): droppacket lets 1400-byte datagrams pass",
    run: () => compare(makePacket("x".repeat(1400)), true),
  },
];
