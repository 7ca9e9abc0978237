// The threads of batch.ts: files are handed out, rows come back. Memory is bounded here: what a thread takes above its limit
// ends the thread, is the row of the program it was at, and another thread goes on with the next.
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { EbpfError, InternalError } from "../base/error.ts";
import { type PlainError, reviveError } from "./errors.ts";
import { type NumberedRecord, unreadableRecord } from "./inspect.ts";
import type { Choice } from "./load.ts";
import type { VerificationRecord } from "./records.ts";

/** A file for a thread to work on: several may, each takes the next program that nobody has taken. */
export interface FileOrder {
  readonly index: number;
  readonly choice: Choice;
  /** One 32-bit number: how many programs of the file have been taken. */
  readonly taken: SharedArrayBuffer;
}

export type ThreadReport =
  | {
      readonly kind: "begin";
      readonly index: number;
      readonly number: number;
      readonly total: number;
      readonly message: string;
    }
  | ({ readonly kind: "record"; readonly index: number } & NumberedRecord)
  | { readonly kind: "unreadable"; readonly index: number; readonly error: PlainError }
  /** The thread has found no more programs to take. */
  | { readonly kind: "free"; readonly index: number };

/** What is known of one file's rows until they are given. */
export interface Pending {
  readonly order: FileOrder;
  readonly records: (VerificationRecord | undefined)[];
  /** Programs in the file; unknown until the first is begun. */
  total: number | undefined;
  given: number;
}

export interface Pool {
  /** Resolves when a row has come; rejects with why no more will come. */
  change(): Promise<void>;
  fail(error: unknown): void;
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly jobs: number;
  readonly strictFiles: boolean;
  /** What a thread may take for what it keeps. */
  readonly mebibytes: number;
}

/**
 * V8 lets garbage grow until it is near the limit it knows, and takes far more than is in use if that is far away. No
 * known program needs half of this; the budget of the analysis sees to that.
 */
export const DEFAULT_THREAD_MEBIBYTES = 128;
/** Beside that, for what has just been made. */
const YOUNG_MEBIBYTES = 32;

/** A thread, and what it does. */
interface Thread {
  readonly worker: Worker;
  order?: FileOrder;
  begun?: Extract<ThreadReport, { kind: "begin" }>;
}

export function openPool(options: PoolOptions, pending: readonly Pending[]): Pool {
  let waiting = Promise.withResolvers<void>();
  let failure: { readonly error: unknown } | undefined;
  let started = 0;
  const threads = new Set<Thread>();
  const fail = (error: unknown): void => {
    failure ??= { error };
    waiting.resolve();
  };
  /** The next file nobody has begun; if there is none, one that still has programs to take. */
  const nextOrder = (): FileOrder | undefined =>
    pending[started]?.order ??
    pending.find(({ order, total }) => total !== undefined && takenOf(order) < total)?.order;
  const assign = (): void => {
    for (const thread of threads) {
      if (thread.order !== undefined) continue;
      const order = nextOrder();
      if (order === undefined) return;
      if (order.index === started) started++;
      send(thread, order);
    }
  };
  const take = (thread: Thread, report: ThreadReport): void => {
    const file = pending[report.index];
    if (file === undefined) return;
    switch (report.kind) {
      case "begin":
        file.total = report.total;
        thread.begun = report;
        break;
      case "record":
        file.records[report.number] = report.record;
        delete thread.begun;
        break;
      case "unreadable":
        if (options.strictFiles) fail(reviveError(report.error));
        setUnreadable(file, reviveError(report.error));
        break;
      case "free":
        delete thread.order;
        break;
    }
    assign();
    waiting.resolve();
  };
  /** The thread is at its end, and what it was at has no row yet. */
  const exhausted = ({ order, begun }: Thread): void => {
    const file = pending[order?.index ?? -1];
    if (order === undefined || file === undefined) return;
    const what = begun === undefined ? "reading the object" : begun.message;
    const error = new EbpfError("VerificationTooLarge", `${what} takes more than ${options.mebibytes} MiB`, {
      file: order.choice.file,
      target: order.choice.file,
    });
    if (begun === undefined) setUnreadable(file, error);
    else file.records[begun.number] = unreadableRecord(order.choice.file, error);
    const next = start();
    if (begun !== undefined) send(next, order);
    assign();
    waiting.resolve();
  };
  const start = (): Thread => {
    const worker = new Worker(workerEntry(), {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: {
        maxOldGenerationSizeMb: options.mebibytes,
        maxYoungGenerationSizeMb: YOUNG_MEBIBYTES,
      },
    });
    const thread: Thread = { worker };
    threads.add(thread);
    worker.on("message", (report: ThreadReport) => take(thread, report));
    worker.on("error", (cause: NodeJS.ErrnoException) => {
      threads.delete(thread);
      if (cause.code === "ERR_WORKER_OUT_OF_MEMORY") exhausted(thread);
      else fail(new InternalError(`a verifying thread failed: ${cause}`, {}, cause));
    });
    worker.on("exit", () => {
      if (threads.delete(thread)) fail(new InternalError("a verifying thread has ended"));
    });
    return thread;
  };
  for (let job = 0; job < options.jobs; job++) start();
  assign();
  return {
    async change() {
      if (failure === undefined) await waiting.promise;
      waiting = Promise.withResolvers();
      if (failure !== undefined) throw failure.error;
    },
    fail,
    async close() {
      const open = [...threads];
      threads.clear();
      await Promise.all(open.map(({ worker }) => worker.terminate()));
    },
  };
}

function send(thread: Thread, order: FileOrder): void {
  thread.order = order;
  thread.worker.postMessage(order);
}

function setUnreadable(file: Pending, error: EbpfError): void {
  file.total = 1;
  file.records[0] = unreadableRecord(file.order.choice.file, error);
}

function takenOf({ taken }: FileOrder): number {
  return Atomics.load(new Int32Array(taken), 0);
}

/** batch-worker.ts beside this file, or batch-worker.cjs beside the bundle that this file is part of. */
function workerEntry(): string {
  const self = import.meta.filename;
  return join(dirname(self), self.endsWith(".ts") ? "batch-worker.ts" : "batch-worker.cjs");
}
