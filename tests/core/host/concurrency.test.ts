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
  // Both at once: a worker that is done can deliver its last message and its exit in one turn.
  const [[answer]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
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
    t.is([...map.entries()].length, total);
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

for (const engine of ENGINES) {
  test(`a key is found by a worker while others come and go around it: ${engine}`, async (t) => {
    const host = createEmbeddedHost();
    // Eight buckets for eight keys: chains change all the time.
    const row = mapOf("hash", mapSpec("m", 4, 8, 8));
    const map = host.createMap(row.spec, "hash");
    const key = (number: number): Uint8Array => Uint8Array.of(number, 0, 0, 0);
    map.update(key(1), new Uint8Array(8));
    map.update(key(0), Uint8Array.of(0x67, 0x12, 0, 0, 0, 0, 0, 0));
    map.update(key(2), new Uint8Array(8));
    const text = "r2 = r1\nr1 = map[0]\ncall 1\nif r0 == 0 goto +1\nr0 = *(u64 *)(r0 + 0)\nexit";
    const program = host.load(compile(assembled(text, { maps: [row], rawMemorySizeBytes: 8 }), engine), [
      map,
    ]);
    const data = { descriptor: describe(program), lane: host.allocateLane(), rounds: 100_000 };
    let running = true;
    const answer = answerOf("find-worker.ts", data).finally(() => {
      running = false;
    });
    while (running) {
      for (let number = 1; number < 8; number++) map.delete(key(number));
      for (let number = 7; number > 0; number--) map.update(key(number), new Uint8Array(8));
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.is(await answer, 0);
  });
}
