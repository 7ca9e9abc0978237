// A thread of batch.ts: verifies programs of the files it is given, and reports each. `dist/batch-worker.cjs` is made of
// this file.
import { parentPort } from "node:worker_threads";
import { type FileOrder, plainError, type ThreadReport } from "./batch.ts";
import { verifyPrograms } from "./inspect.ts";

const port = parentPort;

function report(message: ThreadReport): void {
  port?.postMessage(message);
}

async function verifyFile({ index, choice, taken }: FileOrder): Promise<void> {
  const counter = new Int32Array(taken);
  try {
    const take = (): number => Atomics.add(counter, 0, 1);
    for await (const record of verifyPrograms(choice, { take, keepGoing: true })) {
      report({ kind: "record", index, ...record });
    }
  } catch (error) {
    report({ kind: "unreadable", index, error: plainError(error) });
  }
  report({ kind: "free", index });
}

port?.on("message", (order: FileOrder) => void verifyFile(order));
