// One of the threads of driver.bench.ts: runs look-ups for a while and answers how many there were.
import { parentPort, workerData } from "node:worker_threads";
import { type DriverMap, loadProgram, release, runProgram } from "../harness/driver.ts";
import { LOOKUP, loop } from "./driver-loop.ts";

const { map, rounds, milliseconds } = workerData as { map: DriverMap; rounds: number; milliseconds: number };
const program = loadProgram(loop(LOOKUP, rounds), [map], "jit");
let count = 0;
for (const end = performance.now() + milliseconds; performance.now() < end; count += rounds) {
  runProgram(program, { budget: 1e9 });
}
release(program);
parentPort?.postMessage(count);
