// How fast the service answers: in peace, and while an interface is flooded. The service and the flood are processes of
// their own, as they are in life.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectService, type ServiceClient } from "../../core/service/client.ts";
import { pathsOf, SAMPLE, sourceScript, startCommand } from "../harness/service.ts";
import type { Benchmark } from "./benchmark.ts";

const CALLS = 200;
const FLOOD_SECONDS = 5;

/** Sends empty datagrams as fast as one process of plain Node can, until it is killed. */
const FLOOD = `
  const socket = require("node:dgram").createSocket("udp4");
  const [port, host] = process.argv.slice(1);
  const burst = () => {
    for (let count = 0; count < 256; count++) socket.send("", Number(port), host);
    setImmediate(burst);
  };
  socket.bind(0, burst);
`;

interface Stage {
  readonly client: ServiceClient;
  /** Where the gateway listens, with droppacket attached. */
  readonly host: string;
  readonly port: string;
}

async function withService<T>(body: (stage: Stage) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), "ebpf-bench-"));
  const service = startCommand(sourceScript, ["service", "run"], { EBPF_HOME: home });
  try {
    await once(service.stderr as NodeJS.ReadableStream, "data");
    const client = await connectService({ paths: pathsOf(home), start: false });
    const settings = { listen: "127.0.0.1:0", to: "127.0.0.1:9" };
    const added = await client.call("interface.add", { kind: "gateway", settings });
    await client.call("program.add", { file: SAMPLE, hook: "xdp" });
    const [host = "", port = ""] = String(added.settings.listen).split(":");
    const result = await body({ client, host, port });
    client.close();
    return result;
  } finally {
    service.kill("SIGKILL");
    await once(service, "exit");
    rmSync(home, { recursive: true, force: true });
  }
}

async function statusMilliseconds(client: ServiceClient): Promise<number> {
  const began = performance.now();
  await client.call("service.status", {});
  return performance.now() - began;
}

async function roundTrip(): Promise<{ value: number }> {
  return withService(async ({ client }) => {
    const times: number[] = [];
    for (let call = 0; call < CALLS; call++) times.push(await statusMilliseconds(client));
    return { value: times.sort((a, b) => a - b)[CALLS >> 1] ?? 0 };
  });
}

async function whileFlooded<T>(stage: Stage, body: () => Promise<T>): Promise<T> {
  const flood: ChildProcess = spawn(process.execPath, ["-e", FLOOD, stage.port, stage.host], {
    stdio: "ignore",
  });
  try {
    return await body();
  } finally {
    flood.kill("SIGKILL");
    await once(flood, "exit");
  }
}

/** The slowest of the answers over some seconds of flood; the baseline is the slowest without. */
async function floodedStatus(): Promise<{ value: number; baseline: number }> {
  return withService(async (stage) => {
    const slowest = async (seconds: number): Promise<number> => {
      let worst = 0;
      for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
        worst = Math.max(worst, await statusMilliseconds(stage.client));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return worst;
    };
    const baseline = await slowest(1);
    return { value: await whileFlooded(stage, () => slowest(FLOOD_SECONDS)), baseline };
  });
}

/** How much the service's memory is larger at the end of a flood than after its first second. */
async function floodedMemory(): Promise<{ value: number }> {
  return withService((stage) =>
    whileFlooded(stage, async () => {
      const memory = async () => (await stage.client.call("service.status", {})).memoryBytes / 2 ** 20;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const before = await memory();
      await new Promise((resolve) => setTimeout(resolve, FLOOD_SECONDS * 1000));
      return { value: Math.max(0, (await memory()) - before) };
    }),
  );
}

export const benchmarks: readonly Benchmark[] = [
  { name: "service.status, round trip", unit: "ms", better: "lower", target: 20, run: roundTrip },
  {
    name: "service.status while an interface is flooded, the slowest",
    unit: "ms",
    better: "lower",
    target: 50,
    baseline: "without the flood",
    run: floodedStatus,
  },
  {
    name: "memory the service gains in 5 s of flood",
    unit: "MiB",
    better: "lower",
    target: 10,
    run: floodedMemory,
  },
];
