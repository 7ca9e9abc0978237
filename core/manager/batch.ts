// Verdicts on the programs of many files, in this thread or on several: rows come one by one, in the order of the files
// and of the programs in them, whoever was done first. Knows no text and no command line.
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { EbpfError, type ErrorCode, type ErrorData, InternalError, knownError } from "../base/error.ts";
import { type NumberedRecord, unreadableRecord, type VerifyControl, verifyPrograms } from "./inspect.ts";
import type { Choice } from "./load.ts";
import type { VerificationRecord } from "./records.ts";

export interface BatchRequest {
  readonly files: readonly string[];
  /** For every file; plain data, because it is sent to other threads. */
  readonly choice: Omit<Choice, "file">;
  /** Threads to verify on; 1 is this one. */
  readonly jobs: number;
  /** A file that is no object is an error that ends all, not a row. */
  readonly strictFiles?: boolean;
}

export interface BatchProgress {
  readonly file: string;
  /** Files of which all rows have been given. */
  readonly done: number;
  readonly total: number;
}

export interface BatchControl {
  readonly signal?: AbortSignal;
  readonly progress?: (progress: BatchProgress) => void;
  /** Only with one job: states are not sent between threads. */
  readonly log?: VerifyControl["log"];
}

/** A file for a thread to work on: several may, each takes the next program that nobody has taken. */
export interface FileOrder {
  readonly index: number;
  readonly choice: Choice;
  /** One 32-bit number: how many programs of the file have been taken. */
  readonly taken: SharedArrayBuffer;
}

export type ThreadReport =
  | ({ readonly kind: "record"; readonly index: number } & NumberedRecord)
  | { readonly kind: "unreadable"; readonly index: number; readonly error: PlainError }
  /** The thread has found no more programs to take. */
  | { readonly kind: "free"; readonly index: number };

export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly data: ErrorData;
}

/** Cancelled when the signal says so; no thread is left behind, however it ends. */
export function verifyFiles(
  request: BatchRequest,
  control: BatchControl = {},
): AsyncGenerator<VerificationRecord> {
  return request.jobs > 1 ? verifyOnThreads(request, control) : verifyHere(request, control);
}

async function* verifyHere(
  { files, choice, strictFiles }: BatchRequest,
  { signal, progress, log }: BatchControl,
): AsyncGenerator<VerificationRecord> {
  for (const [done, file] of files.entries()) {
    progress?.({ file, done, total: files.length });
    try {
      const control = {
        keepGoing: strictFiles !== true,
        ...(signal === undefined ? {} : { signal }),
        ...(log === undefined ? {} : { log }),
      };
      for await (const { record } of verifyPrograms({ ...choice, file }, control)) yield record;
    } catch (error) {
      const known = knownError(error);
      if (strictFiles === true || known.code === "Cancelled") throw error;
      yield unreadableRecord(file, known);
    }
    if (signal?.aborted === true) throw cancelled();
  }
}

/** What is known of one file's rows until they are given. */
interface Pending {
  readonly order: FileOrder;
  readonly records: (VerificationRecord | undefined)[];
  /** Programs in the file; unknown until the first row. */
  total: number | undefined;
  given: number;
}

async function* verifyOnThreads(
  request: BatchRequest,
  { signal, progress }: BatchControl,
): AsyncGenerator<VerificationRecord> {
  const { files } = request;
  const pending = files.map((file, index): Pending => {
    const order = { index, choice: { ...request.choice, file }, taken: new SharedArrayBuffer(4) };
    return { order, records: [], total: undefined, given: 0 };
  });
  const pool = openPool(request, pending);
  const abort = (): void => pool.fail(cancelled());
  signal?.addEventListener("abort", abort);
  try {
    for (const [done, file] of pending.entries()) {
      progress?.({ file: file.order.choice.file, done, total: files.length });
      while (file.total === undefined || file.given < file.total) {
        if (signal?.aborted === true) throw cancelled();
        const record = file.records[file.given];
        if (record === undefined) {
          await pool.change();
          continue;
        }
        // A row that has been given is not kept.
        file.records[file.given++] = undefined;
        yield record;
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    await pool.close();
  }
}

interface Pool {
  /** Resolves when a row has come; rejects with why no more will come. */
  change(): Promise<void>;
  fail(error: unknown): void;
  close(): Promise<void>;
}

function openPool({ jobs, strictFiles }: BatchRequest, pending: readonly Pending[]): Pool {
  let waiting = Promise.withResolvers<void>();
  let failure: { readonly error: unknown } | undefined;
  let started = 0;
  const idle = new Set<Worker>();
  const fail = (error: unknown): void => {
    failure ??= { error };
    waiting.resolve();
  };
  /** The next file nobody has begun; if there is none, one that still has programs to take. */
  const nextOrder = (): FileOrder | undefined =>
    pending[started]?.order ??
    pending.find(({ order, total }) => total !== undefined && takenOf(order) < total)?.order;
  const assign = (): void => {
    for (const worker of idle) {
      const order = nextOrder();
      if (order === undefined) return;
      if (order.index === started) started++;
      idle.delete(worker);
      worker.postMessage(order);
    }
  };
  const take = (worker: Worker, report: ThreadReport): void => {
    const file = pending[report.index];
    if (file === undefined) return;
    switch (report.kind) {
      case "record":
        file.total = report.total;
        file.records[report.number] = report.record;
        break;
      case "unreadable":
        if (strictFiles === true) fail(reviveError(report.error));
        file.total = 1;
        file.records[0] = unreadableRecord(file.order.choice.file, reviveError(report.error));
        break;
      case "free":
        idle.add(worker);
        break;
    }
    assign();
    waiting.resolve();
  };
  const workers = Array.from({ length: jobs }, () => {
    const worker = new Worker(workerEntry(), { execArgv: ["--disable-warning=ExperimentalWarning"] });
    worker.on("message", (report: ThreadReport) => take(worker, report));
    worker.on("error", (cause) => fail(new InternalError(`a verifying thread failed: ${cause}`, {}, cause)));
    worker.on("exit", () => fail(new InternalError("a verifying thread has ended")));
    idle.add(worker);
    return worker;
  });
  assign();
  return {
    async change() {
      if (failure === undefined) await waiting.promise;
      waiting = Promise.withResolvers();
      if (failure !== undefined) throw failure.error;
    },
    fail,
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

function takenOf({ taken }: FileOrder): number {
  return Atomics.load(new Int32Array(taken), 0);
}

/** batch-worker.ts beside this file, or batch-worker.cjs beside the bundle that this file is part of. */
function workerEntry(): string {
  const self = import.meta.filename;
  return join(dirname(self), self.endsWith(".ts") ? "batch-worker.ts" : "batch-worker.cjs");
}

function cancelled(): EbpfError {
  return new EbpfError("Cancelled", "interrupted");
}

function reviveError({ code, message, data }: PlainError): EbpfError {
  return new EbpfError(code, message, data);
}

/** An error as it goes between threads. */
export function plainError(error: unknown): PlainError {
  const { code, message, data } = knownError(error);
  return { code, message, data };
}
