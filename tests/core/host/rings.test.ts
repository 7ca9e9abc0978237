// Ring buffers on the embedded host beyond what tests/fixtures/maps holds: threads that write while the main thread reads, waiting,
// and definitions.
import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { createEmbeddedHost } from "../../../core/host/embedded/host.ts";
import type { EbpfMap } from "../../../core/host/host.ts";
import { compile } from "../../../core/image/compile.ts";
import { assembleProgram } from "../../../core/program/assemble.ts";
import { ENGINES } from "../../harness/engines.ts";
import { mapSpec, trust } from "../../harness/programs.ts";
import { startRunning } from "./run-threads.ts";

const RING = { ...mapSpec("ring", 0, 0, 4096), type: 27 };
const COUNT = { ...mapSpec("count", 4, 8, 1), type: 6 };

/** A record of the thread's own count and number, reserved; 1 if there was room. `end` is 132 to submit, 133 to discard. */
const writes = (flags: number, end = 132): string => `
  *(u32 *)(r10 - 4) = 0
  r1 = map[count]
  r2 = r10
  r2 += -4
  call map_lookup_elem
  if r0 == 0 goto none
  r6 = *(u64 *)(r0 + 0)
  r6 += 1
  *(u64 *)(r0 + 0) = r6
  call get_smp_processor_id
  r7 = r0
  r1 = map[ring]
  r2 = 16
  r3 = 0
  call ringbuf_reserve
  if r0 == 0 goto none
  *(u64 *)(r0 + 0) = r6
  *(u64 *)(r0 + 8) = r7
  r1 = r0
  r2 = ${flags}
  call ${end}
  r0 = 1
  exit
  none:
  r0 = 2
  exit`;

function program(engine: (typeof ENGINES)[number], text: string) {
  const host = createEmbeddedHost();
  const maps = [host.createMap(RING, "ringbuf"), host.createMap(COUNT, "percpu_array")] as const;
  const built = assembleProgram(text, { platform: "linux", type: "xdp", maps: [RING, COUNT] });
  return { host, maps, loaded: host.load(compile(trust(built), engine), maps), ring: maps[0].ring! };
}

for (const engine of ENGINES) {
  test(`two threads write, the main thread reads: in order, nothing twice, what is lost is counted: ${engine}`, async (t) => {
    const { host, maps, loaded, ring } = program(engine, writes(0));
    const threads = [startRunning(host, loaded), startRunning(host, loaded)];
    const last = new Map<bigint, bigint>();
    let records = 0;
    const takeAll = (): void => {
      for (const record of ring.take(100_000)) {
        const [count = 0n, lane = 0n] = new BigUint64Array(record.buffer);
        if (count <= (last.get(lane) ?? 0n)) t.fail(`${count} after ${last.get(lane)}`);
        last.set(lane, count);
        records++;
      }
    };
    while (threads.some((thread) => thread.rounds() < 5000) || records < 1000 || last.size < 2) {
      await ring.wait(100);
      takeAll();
    }
    for (const thread of threads) thread.stop();
    const results = await Promise.all(threads.map((thread) => thread.results));
    takeAll();
    const sum = (result: number): number =>
      results.reduce((total, seen) => total + (seen.get(result) ?? 0), 0);
    t.deepEqual([...last.keys()].sort(), [1n, 2n]);
    t.is(records, sum(1));
    t.is(ring.dropped(), sum(2));
    t.is(maps[0].count(), 0);
  });
}

const QUEUE = { ...mapSpec("queue", 0, 8, 8), type: 22 };

for (const engine of ENGINES) {
  test(`two threads push, the main thread pops: in order, nothing twice, nothing lost: ${engine}`, async (t) => {
    const host = createEmbeddedHost();
    const maps = [host.createMap(QUEUE, "queue"), host.createMap(COUNT, "percpu_array")];
    const load = (text: string) => {
      const built = assembleProgram(text, { platform: "linux", type: "xdp", maps: [QUEUE, COUNT] });
      return host.load(compile(trust(built), engine), maps);
    };
    const value = "r1 = map[queue]\nr2 = r10\nr2 += -16\n";
    const push = load(`
      *(u32 *)(r10 - 4) = 0
      r1 = map[count]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto none
      r6 = r0
      r7 = *(u64 *)(r6 + 0)
      r7 += 1
      call get_smp_processor_id
      r1 = r7
      r1 <<= 8
      r1 |= r0
      *(u64 *)(r10 - 16) = r1
      ${value}r3 = 0
      call map_push_elem
      if r0 != 0 goto none
      *(u64 *)(r6 + 0) = r7
      exit
      none:
      r0 = 1
      exit`);
    const pop = load(`${value}call map_pop_elem\nr0 = *(u64 *)(r10 - 16)\nexit`);
    const threads = [startRunning(host, push), startRunning(host, push)];
    const last = [0n, 0n, 0n];
    let popped = 0;
    const popAll = (): void => {
      for (let next = pop.run({ data: new Uint8Array() }).returnValue; next !== 0n; popped++) {
        const lane = Number(next & 0xffn);
        if (next >> 8n !== last[lane]! + 1n) t.fail(`${next >> 8n} after ${last[lane]}`);
        last[lane] = next >> 8n;
        next = pop.run({ data: new Uint8Array() }).returnValue;
      }
    };
    while (threads.some((thread) => thread.rounds() < 2000) || popped < 1000) {
      popAll();
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const thread of threads) thread.stop();
    const results = await Promise.all(threads.map((thread) => thread.results));
    popAll();
    t.is(
      popped,
      results.reduce((sum, seen) => sum + (seen.get(0) ?? 0), 0),
    );
  });
}

test("who waits is woken by a record, unless its flags forbid it; after the time it goes on anyway", async (t) => {
  for (const [flags, end, woken] of [
    [0, 132, true],
    [1, 132, false],
    [2, 132, true],
    [2, 133, true],
  ] as const) {
    const { loaded, ring } = program("wasm", writes(flags, end));
    const began = performance.now();
    const waiting = ring.wait(woken ? 20_000 : 300);
    await new Promise((resolve) => setTimeout(resolve, 20));
    loaded.run({ data: new Uint8Array() });
    await waiting;
    const waited = performance.now() - began;
    t.true(woken ? waited < 10_000 : waited > 250, `flags ${flags}, helper ${end}: ${waited} ms`);
  }
  const { loaded, ring } = program("wasm", writes(1));
  loaded.run({ data: new Uint8Array() });
  const began = performance.now();
  await ring.wait(20_000);
  t.true(performance.now() - began < 10_000, "a record was there already");
});

for (const engine of ENGINES) {
  test(`a program that is ended in the middle holds up no records: ${engine}`, (t) => {
    const reserve = "r1 = map[ring]\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\nif r0 == 0 goto +7\n";
    // Never let through by the verifier: it reads far outside of all memory while it holds a record.
    const faulty = `${reserve}r1 = -1\nr1 >>= 32\nr1 = *(u64 *)(r1 + 0)\nr1 = r0\nr2 = 0\ncall 132\nr0 = 1\nexit`;
    const { host, maps, loaded, ring } = program(engine, faulty);
    t.throws(() => loaded.run({ data: new Uint8Array() }));
    const built = assembleProgram(writes(0), { platform: "linux", type: "xdp", maps: [RING, COUNT] });
    const other = host.load(compile(trust(built), engine), maps);
    t.is(other.run({ data: new Uint8Array() }).returnValue, 1n);
    t.deepEqual(
      ring.take(2).map(({ length }) => length),
      [16],
    );
  });
}

test("what a ring buffer must be, and what it does not do", (t) => {
  const host = createEmbeddedHost();
  const code = (run: () => unknown): string => t.throws(run, { instanceOf: EbpfError }).code;
  for (const [key, value, entries] of [
    [0, 0, 0],
    [0, 0, 2048],
    [0, 0, 5000],
    [4, 0, 4096],
    [0, 8, 4096],
    [0, 0, 2 ** 31],
  ] as const) {
    t.is(
      code(() => host.createMap(mapSpec("r", key, value, entries), "ringbuf")),
      "MapDefinitionInvalid",
    );
  }
  const map: EbpfMap = host.createMap(RING, "ringbuf");
  const none = new Uint8Array();
  const calls = [() => map.lookup(none), () => map.update(none, none), () => map.delete(none)];
  for (const call of calls) t.is(code(call), "MapOperationUnsupported");
  t.deepEqual([...map.entries()], []);
  map.close();
});
