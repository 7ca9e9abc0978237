// Threads share maps and programs: real workers on one hash map and on one atomic counter.
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import test from "ava";
import { createEmbeddedHost, describe } from "../../../core/host/embedded/host.ts";
import type { EmbeddedMap } from "../../../core/host/embedded/host-map.ts";
import { compile } from "../../../core/image/compile.ts";
import { ENGINES } from "../../harness/engines.ts";
import { assembled, DROPPACKET, mapOf, mapSpec } from "../../harness/programs.ts";
import { type Task, work } from "./map-worker.ts";

async function answerOf(file: string, data: unknown): Promise<number> {
  const worker = new Worker(join(import.meta.dirname, file), { workerData: data });
  const [answer] = await once(worker, "message");
  await once(worker, "exit");
  return answer as number;
}

for (const kind of ["hash", "lru_hash"] as const) {
  test(`three workers and the main thread work on one ${kind} map, each sees its own keys right`, async (t) => {
    const host = createEmbeddedHost();
    const owners = 4;
    const map = host.createMap(mapSpec("shared", 4, 8, 64 * owners), kind) as EmbeddedMap;
    const task = (owner: number): Task => ({
      memory: host.memory,
      map: map.descriptor,
      lane: host.allocateLane(),
      owner,
      owners,
      rounds: 40_000,
    });
    const workers = [1, 2, 3].map((owner) => answerOf("map-worker.ts", task(owner)));
    const own = work(task(0));
    const counts = await Promise.all(workers);
    const total = counts.reduce((sum, count) => sum + count, own);
    t.is(map.count(), total);
    t.is([...map.keys()].length, total);
  });
}

for (const engine of ENGINES) {
  test(`two workers run droppacket at once and lose no count: ${engine}`, async (t) => {
    const host = createEmbeddedHost();
    const counters = mapOf("array", mapSpec("counters", 4, 8, 1));
    const map = host.createMap(counters.spec, "array");
    const program = host.load(compile(assembled(DROPPACKET, { maps: [counters] }), engine), [map]);
    const task = () => ({ descriptor: describe(program), lane: host.allocateLane(), rounds: 20_000 });
    const answers = [task(), task()].map((data) => answerOf("program-worker.ts", data));
    t.deepEqual(await Promise.all(answers), [20_000, 20_000]);
    t.is(new DataView(map.lookup(new Uint8Array(4))!.buffer).getBigUint64(0, true), 40_000n);
  });
}
