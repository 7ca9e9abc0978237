// Verdicts on the programs of many files, in this thread or on several: rows come one by one, in the order of the files
// and of the programs in them, whoever was done first. Knows no text and no command line.
import { EbpfError, knownError } from "../base/error.ts";
import { unreadableRecord, type VerifyControl, verifyPrograms } from "./inspect.ts";
import type { Choice } from "./load.ts";
import { DEFAULT_THREAD_MEBIBYTES, openPool, type Pending } from "./pool.ts";
import type { VerificationRecord } from "./records.ts";

export interface BatchRequest {
  readonly files: readonly string[];
  /** For every file; plain data, because it is sent to other threads. */
  readonly choice: Omit<Choice, "file">;
  /** Threads to verify on; 0 is this one. */
  readonly jobs: number;
  /** What each thread may take, if it is not this one; DEFAULT_THREAD_MEBIBYTES without it. */
  readonly threadMebibytes?: number;
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
  /** Only in this thread: states are not sent between threads. */
  readonly log?: VerifyControl["log"];
}

/** Cancelled when the signal says so; no thread is left behind, however it ends. */
export function verifyFiles(
  request: BatchRequest,
  control: BatchControl = {},
): AsyncGenerator<VerificationRecord> {
  return request.jobs > 0 ? verifyOnThreads(request, control) : verifyHere(request, control);
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

async function* verifyOnThreads(
  request: BatchRequest,
  { signal, progress }: BatchControl,
): AsyncGenerator<VerificationRecord> {
  const { files } = request;
  const pending = files.map((file, index): Pending => {
    const order = { index, choice: { ...request.choice, file }, taken: new SharedArrayBuffer(4) };
    return { order, records: [], total: undefined, given: 0 };
  });
  const pool = openPool(
    {
      jobs: request.jobs,
      strictFiles: request.strictFiles === true,
      mebibytes: request.threadMebibytes ?? DEFAULT_THREAD_MEBIBYTES,
    },
    pending,
  );
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

function cancelled(): EbpfError {
  return new EbpfError("Cancelled", "interrupted");
}
