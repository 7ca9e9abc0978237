// Starts threads that run a program of the embedded host (run-worker.ts), as an interface's packet loop does.
import { once } from "node:events";
import { join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import type { EmbeddedHost, EmbeddedProgram } from "../../../core/host/embedded/host.ts";
import type { RunTask } from "./run-worker.ts";

export interface RunThread {
  /** How often each result came, once it was stopped. */
  readonly results: Promise<ReadonlyMap<number, number>>;
  /** How often it has run. */
  rounds(): number;
  stop(): void;
}

export function startRunning(host: EmbeddedHost, program: EmbeddedProgram): RunThread {
  const { port1, port2 } = new MessageChannel();
  host.connect(port1);
  const lane = host.allocateLane({ packetSlotCount: 1 });
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const workerData: RunTask = { descriptor: program.descriptor, lane, port: port2, shared };
  const worker = new Worker(join(import.meta.dirname, "run-worker.ts"), {
    workerData,
    transferList: [port2],
  });
  const results = Promise.all([once(worker, "message"), once(worker, "exit")]).then(([[answer]]) => {
    host.releaseLane(lane);
    host.disconnect(port1);
    return answer as ReadonlyMap<number, number>;
  });
  return {
    results,
    rounds: () => Atomics.load(shared, 1),
    stop: () => void Atomics.store(shared, 0, 1),
  };
}
