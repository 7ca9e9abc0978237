// A thread of concurrency.test.ts: runs the program on an empty datagram and answers how often it was dropped.
import { parentPort, workerData } from "node:worker_threads";
import { actionOf, clearContext, createPacketWriter, instantiate } from "../../../core/host/embedded/host.ts";
import type { InstanceDescriptor, Lane } from "../../../core/host/embedded/lane.ts";
import { udpFrame } from "../../harness/programs.ts";

const { descriptor, lane, rounds } = workerData as {
  descriptor: InstanceDescriptor;
  lane: Lane;
  rounds: number;
};
const { memory, program } = descriptor;
const instance = instantiate(descriptor, lane);
clearContext(program.type.context, memory, lane.contextAddress);
const writePacket = createPacketWriter(program.type.context, memory);
const frame = udpFrame(0);
let dropped = 0;
for (let round = 0; round < rounds; round++) {
  new Uint8Array(memory.buffer).set(frame, lane.packetAddress);
  writePacket(lane.contextAddress, lane.packetAddress, frame.length);
  if (actionOf(program.type, instance.run(lane.contextAddress)) === "drop") dropped++;
}
parentPort?.postMessage(dropped);
