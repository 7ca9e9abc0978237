// A thread of tail-calls.test.ts and rings.test.ts: runs the program on an empty packet, and answers how often each result came.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import {
  clearContext,
  createPacketWriter,
  instantiate,
  receivePrograms,
} from "../../../core/host/embedded/host.ts";
import type { InstanceDescriptor, Lane } from "../../../core/host/embedded/lane.ts";

export interface RunTask {
  readonly descriptor: InstanceDescriptor;
  readonly lane: Lane;
  readonly port: MessagePort;
  /** Runs until word 0 is not 0; word 1 is how often it has. */
  readonly shared: Int32Array;
}

if (parentPort !== null) {
  const { descriptor, lane, port, shared } = workerData as RunTask;
  const { memory, program } = descriptor;
  const instance = instantiate(descriptor, lane, { programs: receivePrograms(port) });
  clearContext(program.type.context, memory, lane.contextAddress);
  createPacketWriter(program.type.context, memory)(lane.contextAddress, lane.packetAddress, 0);
  const results = new Map<number, number>();
  while (Atomics.load(shared, 0) === 0) {
    const result = instance.run(lane.contextAddress);
    results.set(result, (results.get(result) ?? 0) + 1);
    Atomics.add(shared, 1, 1);
  }
  parentPort.postMessage(results);
  port.close();
}
