// Packets a second through the interfaces, under all that one core can send: the gateway beside bare loops, the TAP wire
// with a program beside the wire without. The two sides take turns, so that what else the machine does hits both.
import { execFile, execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { createEmbeddedHost, type EmbeddedHost } from "../../core/host/embedded/host.ts";
import type { Interface, LoadedProgram } from "../../core/host/host.ts";
import { compile } from "../../core/image/compile.ts";
import { createInterface } from "../../core/net/interfaces.ts";
import { assembled, DROPPACKET, mapOf, mapSpec } from "../harness/programs.ts";
import type { Benchmark } from "./benchmark.ts";
import type { BareSetup } from "./net/bare.ts";

/** Many short turns: one that the machine spoiled is then one of many, which the median passes over. Odd. */
const ROUNDS = 9;
const SECONDS = 0.4;
const FLOOD = join(import.meta.dirname, "net", "flood.ts");
const BARE = join(import.meta.dirname, "net", "bare.ts");
const COUNTER = mapOf("array", mapSpec("dropped_packet_map", 4, 8, 1));
const execute = promisify(execFile);

interface Side {
  /** Where the flood goes. */
  readonly target: readonly [address: string, port: number];
  /** Command that a flood must be started with, such as `ip netns exec NAME`. */
  readonly prefix: readonly string[];
  readonly payloadBytes: number;
  /** Before its turn. */
  prepare(): Promise<void>;
  /** Datagrams dealt with so far. */
  count(): number;
}

async function flood(side: Side): Promise<number> {
  await side.prepare();
  const before = side.count();
  const [address, port] = side.target;
  const command = [...side.prefix, process.execPath, FLOOD, address, port, SECONDS, side.payloadBytes].map(
    String,
  );
  const { stdout } = await execute(command[0]!, command.slice(1));
  const { seconds } = JSON.parse(stdout) as { seconds: number };
  return (side.count() - before) / seconds;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1]!;
}

/** Medians of both sides, taken in turns; each side goes first in every other round. */
async function compare(side: Side, baseline: Side): Promise<{ value: number; baseline: number }> {
  const taken = { value: [] as number[], baseline: [] as number[] };
  // Once for nothing: what is compiled while it runs is slow at first.
  for (const each of [baseline, side]) await flood(each);
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 1) taken.value.push(await flood(side));
    taken.baseline.push(await flood(baseline));
    if (round % 2 === 0) taken.value.push(await flood(side));
  }
  return { value: median(taken.value), baseline: median(taken.baseline) };
}

function loadDropPacket(host: EmbeddedHost): LoadedProgram {
  const map = host.createMap(COUNTER.spec, "array");
  return host.load(compile(assembled(DROPPACKET, { maps: [COUNTER] }), "wasm"), [map]);
}

async function startBare(
  to: number | undefined,
  payloadBytes: number,
): Promise<{ side: Side; worker: Worker }> {
  const setup: BareSetup = { to, taken: new Float64Array(new SharedArrayBuffer(8)) };
  const worker = new Worker(BARE, { workerData: setup });
  const [port] = (await once(worker, "message")) as [number];
  const side: Side = {
    target: ["127.0.0.1", port],
    prefix: [],
    payloadBytes,
    prepare: async () => undefined,
    count: () => setup.taken[0]!,
  };
  return { side, worker };
}

/** droppacket attached: empty datagrams are dropped, others relayed to a server that reads none. */
async function compareGateway(payloadBytes: number): Promise<{ value: number; baseline: number }> {
  const host = createEmbeddedHost();
  const server = createSocket("udp4");
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const to = server.address().port;
  const gateway = await createInterface(host, {
    name: "bench",
    kind: "gateway",
    settings: { listen: "127.0.0.1:0", to: `127.0.0.1:${to}` },
  });
  await gateway.attach(loadDropPacket(host));
  const relays = payloadBytes > 0;
  const bare = await startBare(relays ? to : undefined, payloadBytes);
  const side: Side = {
    target: ["127.0.0.1", Number(String(gateway.settings.listen).split(":")[1])],
    prefix: [],
    payloadBytes,
    prepare: async () => undefined,
    count: () => (relays ? gateway.counters().passed : gateway.counters().dropped),
  };
  try {
    return await compare(side, bare.side);
  } finally {
    await gateway.close();
    await bare.worker.terminate();
    server.close();
  }
}

async function withWire<T>(
  use: (wire: Interface, host: EmbeddedHost, prefix: readonly string[]) => Promise<T>,
): Promise<T> {
  const ip = (...args: readonly string[]): Buffer => execFileSync("ip", args);
  const tag = `b${process.pid % 100_000}`;
  const names = { outsideNamespace: `${tag}-out`, insideNamespace: `${tag}-in` };
  const settings = { ...names, outside: `${tag}o`, inside: `${tag}i` };
  const host = createEmbeddedHost();
  for (const namespace of Object.values(names)) ip("netns", "add", namespace);
  try {
    const wire = await createInterface(host, { name: "bench", kind: "tap", settings });
    try {
      for (const [namespace, device, address] of [
        [names.outsideNamespace, settings.outside, "10.78.0.1/24"],
        [names.insideNamespace, settings.inside, "10.78.0.2/24"],
      ] as const) {
        ip("-n", namespace, "addr", "add", address, "dev", device);
        ip("-n", namespace, "link", "set", device, "up");
      }
      return await use(wire, host, ["ip", "netns", "exec", names.outsideNamespace]);
    } finally {
      await wire.close();
    }
  } finally {
    for (const namespace of Object.values(names)) ip("netns", "delete", namespace);
  }
}

/** Listens, and reads nothing, so that the defender's kernel does its whole work and this process none. */
const SINK = `
  const socket = require("node:dgram").createSocket("udp4");
  socket.bind(5353, "10.78.0.2", () => {
    require("node:fs").writeSync(1, "ready");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** The wire with droppacket beside the wire with nothing attached, for the same datagrams. */
function compareTap(payloadBytes: number): Promise<{ value: number; baseline: number }> {
  return withWire(async (wire, host, prefix) => {
    const program = loadDropPacket(host);
    const inside = String(wire.settings.insideNamespace);
    const sink = execFile("ip", ["netns", "exec", inside, process.execPath, "-e", SINK]);
    await once(sink.stdout!, "data");
    const side = (attached: LoadedProgram | undefined): Side => ({
      target: ["10.78.0.2", 5353],
      prefix,
      payloadBytes,
      prepare: () => wire.attach(attached),
      count: () => wire.counters().passed + wire.counters().dropped - wire.counters().errors,
    });
    try {
      return await compare(side(program), side(undefined));
    } finally {
      sink.kill("SIGKILL");
    }
  });
}

const UNIT = "datagrams/s";

export const benchmarks: readonly Benchmark[] = [
  {
    name: "gateway: droppacket drops empty datagrams",
    unit: UNIT,
    better: "higher",
    baseline: "bare recvmmsg loop",
    targetShare: 0.9,
    run: () => compareGateway(0),
  },
  {
    name: "gateway: droppacket lets 32-byte datagrams be relayed",
    unit: UNIT,
    better: "higher",
    baseline: "bare relay loop",
    targetShare: 0.9,
    run: () => compareGateway(32),
  },
  {
    name: "tap: droppacket drops empty datagrams",
    unit: UNIT,
    better: "higher",
    target: 200_000,
    baseline: "no program, all pass",
    targetShare: 0.9,
    run: () => compareTap(0),
  },
  {
    name: "tap: droppacket lets 32-byte datagrams pass",
    unit: UNIT,
    better: "higher",
    target: 200_000,
    baseline: "no program, all pass",
    targetShare: 0.9,
    run: () => compareTap(32),
  },
];
