// A thread of concurrency.test.ts: owns the keys that are `owner` modulo `owners`, and checks every answer about them.
import { parentPort, workerData } from "node:worker_threads";
import type { Lane, MapDescriptor } from "../../../core/host/embedded/lane.ts";
import { openMap } from "../../../core/host/embedded/maps/kinds.ts";
import { viewsOf } from "../../../core/host/embedded/memory.ts";

export interface Task {
  readonly memory: WebAssembly.Memory;
  readonly map: MapDescriptor;
  readonly lane: Lane;
  readonly owner: number;
  readonly owners: number;
  readonly rounds: number;
}

/** How many entries of its own there are in the end; throws at the first wrong answer. */
export function work({ memory, map, lane, owner, owners, rounds }: Task): number {
  const views = viewsOf(memory);
  const access = openMap(views, map, lane.index);
  const keyAddress = lane.packetAddress;
  const valueAddress = lane.packetAddress + 64;
  const model = new Map<number, number>();
  let random = owner + 1;
  for (let round = 0; round < rounds; round++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
    const key = ((random >>> 8) % 64) * owners + owner;
    views.data.setInt32(keyAddress, key, true);
    const expected = model.get(key);
    const action = (random >>> 4) % 4;
    if (action === 0) {
      const found = access.remove(keyAddress) === 0;
      if (found !== model.delete(key)) throw new Error(`key ${key} was ${found ? "" : "not "}there`);
    } else if (action === 1) {
      views.data.setInt32(valueAddress, round, true);
      views.data.setInt32(valueAddress + 4, key, true);
      if (access.update(keyAddress, valueAddress, 0) !== 0) throw new Error(`no room for key ${key}`);
      model.set(key, round);
    } else {
      const at = access.lookup(keyAddress);
      if ((at !== 0) !== (expected !== undefined)) throw new Error(`key ${key}: found at ${at}`);
      if (at === 0) continue;
      const value = [views.data.getInt32(at, true), views.data.getInt32(at + 4, true)];
      if (value[0] !== expected || value[1] !== key) throw new Error(`key ${key}: ${value}, not ${expected}`);
    }
  }
  return model.size;
}

if (parentPort !== null) parentPort.postMessage(work(workerData as Task));
