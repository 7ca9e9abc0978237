// The worker's side of an interface, and the entry of its thread: opens the loop of its kind, runs it to the end, and
// answers orders between two packets. `dist/worker.cjs` is made of this file.
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { EbpfError, InternalError } from "../base/error.ts";
import { receivePrograms } from "../host/embedded/host.ts";
import { createFilter } from "./filter.ts";
import { openGateway } from "./gateway.ts";
import { openPlainGateway } from "./gateway-plain.ts";
import {
  type Control,
  type Filter,
  type Loop,
  type LoopEnvironment,
  type Order,
  type PlainError,
  type Report,
  type Shared,
  viewShared,
  type WorkerSetup,
} from "./loop.ts";
import { openPcap } from "./pcap.ts";
import { hasPosix, openPosix } from "./posix.ts";
import { openTap } from "./tap.ts";
import { openWindivert } from "./windivert/windivert.ts";

const port = parentPort;

function plainError(error: unknown): PlainError {
  const known = error instanceof EbpfError ? error : new InternalError(String(error), {}, error);
  return { code: known.code, message: known.message, data: known.data };
}

function report(message: Report): void {
  port?.postMessage(message);
}

/** What is to be told of programs that come and go, once it is there. */
interface Rests {
  loop?: Loop;
}

function createControl(shared: Shared, filter: Filter, rests: Rests): Control {
  let seen = 0;
  let open = true;
  const put = ({ descriptor }: Extract<Order, { kind: "attach" }>): void => {
    if (descriptor === undefined) rests.loop?.rest?.();
    filter.set(descriptor);
    if (descriptor === undefined) return;
    try {
      rests.loop?.wake?.();
    } catch (error) {
      filter.set(undefined);
      throw error;
    }
  };
  const attach = (order: Extract<Order, { kind: "attach" }>): void => {
    try {
      put(order);
      report({ kind: "attached", number: order.number });
    } catch (error) {
      report({ kind: "attached", number: order.number, error: plainError(error) });
    }
  };
  return {
    proceed() {
      const now = Atomics.load(shared.doorbell, 0);
      if (now === seen || port === null) return open;
      seen = now;
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        const order = next.message as Order;
        if (order.kind === "close") open = false;
        else attach(order);
      }
      return open;
    },
    wait: () => void Atomics.wait(shared.doorbell, 0, seen),
    async next() {
      await Atomics.waitAsync(shared.doorbell, 0, seen).value;
    },
    report,
  };
}

async function openLoop(setup: WorkerSetup, environment: LoopEnvironment): Promise<Loop> {
  const { settings } = setup;
  switch (settings.kind) {
    case "gateway":
      return settings.plain || !hasPosix()
        ? openPlainGateway(settings, environment)
        : openGateway(await openPosix(), settings, environment);
    case "tap":
      return openTap(await openPosix(), settings, environment);
    case "pcap":
      return openPcap(settings, environment);
    case "windivert":
      return openWindivert(settings, environment);
  }
}

async function main(setup: WorkerSetup): Promise<void> {
  const shared = viewShared(setup.shared);
  const filter = createFilter(setup.lane, setup.memory, shared.cells, receivePrograms(setup.programs));
  const rests: Rests = {};
  const environment: LoopEnvironment = {
    lane: setup.lane,
    bytes: new Uint8Array(setup.memory.buffer as unknown as SharedArrayBuffer),
    cells: shared.cells,
    filter,
    control: createControl(shared, filter, rests),
  };
  try {
    if (setup.descriptor !== undefined) filter.set(setup.descriptor);
    const loop = await openLoop(setup, environment);
    rests.loop = loop;
    report(loop.ready);
    try {
      await loop.run();
    } finally {
      loop.close();
    }
  } catch (error) {
    report({ kind: "failed", error: plainError(error) });
  }
}

if (port !== null) void main(workerData as WorkerSetup);
