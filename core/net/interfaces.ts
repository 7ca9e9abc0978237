// The door of the room: makes interfaces of the embedded host, each with its packet loop in a worker thread. This side
// posts orders and reads counters; it moves no packet.
import { closeSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { EbpfError } from "../base/error.ts";
import { describe, type EmbeddedHost, isPacketHook, type LaneOptions } from "../host/embedded/host.ts";
import type { Lane } from "../host/embedded/lane.ts";
import type { Interface, InterfaceKind, InterfaceState, LoadedProgram } from "../host/host.ts";
import { formatAddress } from "./address.ts";
import { MAXIMUM_FRAME_BYTES } from "./capture.ts";
import { GATEWAY_FRAME_BYTES } from "./gateway.ts";
import {
  CELL,
  createShared,
  type LoopSettings,
  type Order,
  type PlainError,
  type Report,
  readCounters,
  viewShared,
  type WorkerSetup,
} from "./loop.ts";
import { checkSettings } from "./settings.ts";
import { TAP_FRAME_BYTES } from "./tap.ts";
import { watchLoop } from "./windivert/watch.ts";
import { WINDIVERT_FRAME_BYTES } from "./windivert/windivert.ts";

export { INTERFACE_KINDS, type InterfaceKindRow, type SettingRow } from "./kinds.ts";

export interface InterfaceRequest {
  readonly name: string;
  readonly kind: InterfaceKind;
  /** As in INTERFACE_KINDS; numbers and flags may be text. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Attached before the first packet is taken; without it everything passes until attach(). */
  readonly program?: LoadedProgram;
}

const HEADROOM_BYTES = 256;
/** Every slot takes the largest frame there is, so that no program is ever shown half of one. */
const LANES: Readonly<Record<InterfaceKind, LaneOptions>> = {
  gateway: { packetSlotCount: 64, packetSlotBytes: HEADROOM_BYTES + GATEWAY_FRAME_BYTES },
  tap: { packetSlotCount: 64, packetSlotBytes: HEADROOM_BYTES + TAP_FRAME_BYTES },
  windivert: { packetSlotCount: 1, packetSlotBytes: HEADROOM_BYTES + WINDIVERT_FRAME_BYTES },
  pcap: { packetSlotCount: 1, packetSlotBytes: HEADROOM_BYTES + MAXIMUM_FRAME_BYTES },
};

/**
 * Makes an interface and starts its packet loop. Its `settings` are those
 * given, but that a gateway told to listen on port 0 shows the port it got. Fails with ArgumentInvalid, AddressInUse,
 * TapUnavailable, DeviceBusy, WinDivertNotFound, PcapInvalid, FileNotFound, TooManyInterfaces and what else the kind says; nothing is left then.
 */
export async function createInterface(host: EmbeddedHost, request: InterfaceRequest): Promise<Interface> {
  checkHook(request.name, request.program);
  const settings = await checkSettings(request.kind, request.settings);
  const lane = host.allocateLane({ packetHeadroomBytes: HEADROOM_BYTES, ...LANES[request.kind] });
  const worker = startWorker(host, settings, lane, request);
  try {
    const ready = await worker.ready;
    if (ready.library !== undefined) worker.endWith(await watchLoop(ready.library, worker.cells));
    const shown =
      ready.listen === undefined
        ? request.settings
        : { ...request.settings, listen: formatAddress(ready.listen) };
    return createFace({ ...request, settings: shown }, worker);
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

/** Where a worker's code is: worker.ts beside this file, or worker.cjs beside the bundle that this file is part of. */
export function workerEntry(): string {
  // The bundle is CommonJS, and has its own file name put here.
  const self = import.meta.filename;
  return join(dirname(self), self.endsWith(".ts") ? "worker.ts" : "worker.cjs");
}

/** Not those of the main thread, which may hold what a worker refuses, such as --input-type. */
const EXEC_ARGV = ["--disable-warning=ExperimentalWarning"];

type Ready = Extract<Report, { kind: "ready" }>;

interface WorkerFace {
  readonly ready: Promise<Ready>;
  state(): InterfaceState;
  readonly cells: Float64Array;
  attach(program: LoadedProgram | undefined): Promise<void>;
  /** What is to end when the loop has ended, however that comes. */
  endWith(action: () => void): void;
  /** Ends the loop and gives the lane back; resolves when both are done. */
  stop(): Promise<void>;
}

interface Pending {
  resolve(): void;
  reject(error: EbpfError): void;
}

/** How to end each loop that runs. */
const running = new Set<() => void>();

/** A thread that waits in a system call cannot be stopped from outside, and process.exit() would wait for it for ever. */
process.on("exit", () => {
  for (const end of running) end();
});

function startWorker(
  host: EmbeddedHost,
  settings: LoopSettings,
  lane: Lane,
  { name, program }: InterfaceRequest,
): WorkerFace {
  const shared = createShared();
  const { cells, doorbell } = viewShared(shared);
  const channel = new MessageChannel();
  const setup: WorkerSetup = {
    settings,
    lane,
    memory: host.memory,
    shared,
    programs: channel.port2,
    ...(program === undefined ? {} : { descriptor: describe(program) }),
  };
  host.connect(channel.port1);
  const worker = new Worker(workerEntry(), {
    workerData: setup,
    transferList: [channel.port2],
    name: `ebpf ${name}`,
    execArgv: EXEC_ARGV,
  });
  const pending = new Map<number, Pending>();
  const ready = Promise.withResolvers<Ready>();
  const ended = Promise.withResolvers<void>();
  let wakeFd: number | undefined;
  let orders = 0;
  let atEnd = (): void => {};
  let done = false;
  let queues = false;
  let failure: EbpfError | undefined;

  const order = (message: Order): void => {
    worker.postMessage(message);
    Atomics.add(doorbell, 0, 1);
    Atomics.notify(doorbell, 0);
    if (wakeFd !== undefined) writeSync(wakeFd, EVENT);
  };

  const end = (): void => order({ kind: "close" });
  running.add(end);

  const settle = (report: Extract<Report, { kind: "attached" }>): void => {
    const waiting = pending.get(report.number);
    pending.delete(report.number);
    if (report.error === undefined) waiting?.resolve();
    else waiting?.reject(reviveError(report.error));
  };

  worker.on("message", (report: Report) => {
    switch (report.kind) {
      case "ready":
        wakeFd = report.wakeFd;
        queues = report.library !== undefined;
        ready.resolve(report);
        return;
      case "attached":
        done = false;
        settle(report);
        return;
      case "done":
        done = true;
        return;
      case "failed":
        failure = reviveError(report.error);
        return;
    }
  });
  worker.on("error", (cause) => {
    failure = new EbpfError(
      "InterfaceFailed",
      `the packet loop of ${name} failed: ${cause}`,
      { target: name },
      cause,
    );
  });
  worker.on("exit", () => {
    running.delete(end);
    host.releaseLane(lane);
    host.disconnect(channel.port1);
    if (wakeFd !== undefined) closeSync(wakeFd);
    atEnd();
    const error =
      failure ?? new EbpfError("InterfaceFailed", `interface ${name} is closed`, { target: name });
    ready.reject(error);
    for (const waiting of pending.values()) waiting.reject(error);
    pending.clear();
    ended.resolve();
  });

  return {
    ready: ready.promise,
    cells,
    state() {
      if (failure !== undefined) return { kind: "failed", error: failure };
      if (done) return { kind: "done" };
      if (queues) return { kind: "open", delayMilliseconds: Math.round(cells[CELL.delayMilliseconds] ?? 0) };
      const size = cells[CELL.size] ?? 0;
      return size === 0 ? { kind: "open" } : { kind: "open", progress: (cells[CELL.position] ?? 0) / size };
    },
    attach(program) {
      if (!running.has(end)) {
        const error =
          failure ?? new EbpfError("InterfaceFailed", `interface ${name} is closed`, { target: name });
        return Promise.reject(error);
      }
      const number = orders++;
      return new Promise<void>((resolve, reject) => {
        pending.set(number, { resolve, reject });
        order({ kind: "attach", number, descriptor: program === undefined ? undefined : describe(program) });
      });
    },
    endWith(action) {
      if (running.has(end)) atEnd = action;
      else action();
    },
    async stop() {
      if (running.has(end)) end();
      await ended.promise;
    },
  };
}

/** What makes an eventfd(2) readable: one, as 64 bits. */
const EVENT = new Uint8Array(new BigUint64Array([1n]).buffer);

function reviveError(error: PlainError): EbpfError {
  return new EbpfError(error.code, error.message, error.data);
}

/** HookUnknown if the program is for no packets. */
function checkHook(name: string, program: LoadedProgram | undefined): void {
  const type = program?.image.program.type;
  if (type === undefined || isPacketHook(type)) return;
  throw new EbpfError("HookUnknown", `a ${type.name} program cannot be attached to interface ${name}`, {
    target: name,
  });
}

function createFace(request: InterfaceRequest, worker: WorkerFace): Interface {
  const { name, kind, settings } = request;
  let attached = request.program;
  return {
    name,
    kind,
    settings,
    get attached() {
      return attached;
    },
    async attach(program) {
      checkHook(name, program);
      await worker.attach(program);
      attached = program;
    },
    state: () => worker.state(),
    counters: () => readCounters(worker.cells),
    close: () => worker.stop(),
  };
}
