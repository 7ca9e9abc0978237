// A thread of proof.ts: makes one certificate. `dist/certify-worker.cjs` is made of this file.
import { parentPort, workerData } from "node:worker_threads";
import { type CertifyTask, makeAgain } from "./proof.ts";

parentPort?.postMessage(makeAgain(workerData as CertifyTask));
