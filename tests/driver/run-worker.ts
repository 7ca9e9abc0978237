// A thread that runs a program on a map while another changes it. The program looks key 1 up, waits a while, and answers 1 if
// the value is still what it was, 2 if it is not, 0 if there is no such key.
import { parentPort, workerData } from "node:worker_threads";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { type DriverEngine, type DriverMap, loadProgram, release, runProgram } from "../harness/driver.ts";

const PROGRAM = `
  *(u32 *)(r10 - 4) = 1
  r1 = map[0]
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto out
  r6 = *(u64 *)(r0 + 0)
  r7 = 0
  again:
  r7 += 1
  if r7 < 500 goto again
  r7 = *(u64 *)(r0 + 0)
  r0 = 1
  if r7 == r6 goto out
  r0 = 2
  out:
  exit`;

const { map, engine, milliseconds } = workerData as {
  map: DriverMap;
  engine: DriverEngine;
  milliseconds: number;
};
const program = loadProgram(encode(parse(PROGRAM)), [map], engine);
const counts = [0, 0, 0];
/** Runs that must have met the key there and not there; a busy machine may let the other thread wait for long. */
const MET = 20;
const LONGEST_MS = 60_000;
const start = performance.now();
const isEnough = (): boolean =>
  Math.min(counts[0]!, counts[1]!) > MET || performance.now() > start + LONGEST_MS;
while (performance.now() < start + milliseconds || !isEnough()) {
  const { result } = runProgram(program, {});
  counts[Number(result)]!++;
}
release(program);
parentPort?.postMessage(counts);
