// A thread of concurrency.test.ts: looks one key up over and over, and answers how often it was not found right.
import { parentPort, workerData } from "node:worker_threads";
import { instantiate } from "../../../core/host/embedded/host.ts";
import type { InstanceDescriptor, Lane } from "../../../core/host/embedded/lane.ts";

const { descriptor, lane, rounds } = workerData as {
  descriptor: InstanceDescriptor;
  lane: Lane;
  rounds: number;
};
const instance = instantiate(descriptor, lane);
let wrong = 0;
for (let round = 0; round < rounds; round++) if (instance.run(lane.packetAddress) !== 4711) wrong++;
parentPort?.postMessage(wrong);
