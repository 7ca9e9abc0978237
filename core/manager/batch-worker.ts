// A thread of pool.ts: verifies programs of the files it is given, and reports each. `dist/batch-worker.cjs` is made of
// this file.
import { parentPort } from "node:worker_threads";
import { plainError } from "./errors.ts";
import { verifyPrograms } from "./inspect.ts";
import type { FileOrder, ThreadReport } from "./pool.ts";

const port = parentPort;

function report(message: ThreadReport): void {
  port?.postMessage(message);
}

async function verifyFile({ index, choice, taken }: FileOrder): Promise<void> {
  const counter = new Int32Array(taken);
  try {
    const control = {
      take: (): number => Atomics.add(counter, 0, 1),
      keepGoing: true,
      progress: ({ message, done, total }: { message: string; done: number; total: number }): void =>
        report({ kind: "begin", index, number: done, total, message }),
    };
    for await (const record of verifyPrograms(choice, control)) {
      report({ kind: "record", index, ...record });
    }
  } catch (error) {
    report({ kind: "unreadable", index, error: plainError(error) });
  }
  report({ kind: "free", index });
}

port?.on("message", (order: FileOrder) => void verifyFile(order));
