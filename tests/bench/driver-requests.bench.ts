// What a client of the driver pays to read maps and ring buffers by requests, through the kernel host, on the driver's library: what
// is left when the system's own cost of a request is not counted. The baselines of rings are what shared memory could save at most.
import { createKernelHost } from "../../core/host/kernel/host.ts";
import { compile } from "../../core/image/compile.ts";
import { assembleProgram } from "../../core/program/assemble.ts";
import { ask, closeClient, openClient } from "../harness/driver-client.ts";
import { dataOf, handleOf } from "../harness/driver-requests.ts";
import { librarySystem } from "../harness/kernel-system.ts";
import { trust } from "../harness/programs.ts";
import type { Benchmark } from "./benchmark.ts";

const ENTRIES = 10_000;
const SECONDS = 2;

/** The best of several, in milliseconds. */
function best(body: () => void, before = () => {}): number {
  let least = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + SECONDS * 1000; performance.now() < end; ) {
    before();
    const start = performance.now();
    body();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const MAP = { name: "map", keySizeBytes: 4, valueSizeBytes: 8, maxEntries: ENTRIES, flags: 0, pinning: 0 };

const dump: Benchmark = {
  name: `driver: all of a hash map of ${ENTRIES.toLocaleString("en-US")} entries, many a request`,
  unit: "ms",
  better: "lower",
  baseline: "two requests an entry",
  async run() {
    const library = librarySystem();
    const host = createKernelHost(library.system);
    const map = host.createMap({ ...MAP, type: 1 }, "hash");
    for (let key = 0; key < ENTRIES; key++) map.update(u32(key), new Uint8Array(8));
    const value = best(() => {
      if ([...map.entries()].length !== ENTRIES) throw new Error("entries are missing");
    });
    const client = openClient();
    const handle = handleOf(ask.open(client, 2, map.id));
    const baseline = best(() => {
      let count = 0;
      for (let key: Uint8Array | undefined; ; count++) {
        const next = ask.nextKey(client, handle, key);
        if (next.error !== "None") break;
        key = dataOf(next);
        ask.lookup(client, handle, key);
      }
      if (count !== ENTRIES) throw new Error("entries are missing");
    });
    closeClient(client);
    map.close();
    library.stop();
    return { value, baseline };
  },
};

const RECORDS = 10_000;
const RECORD_BYTES = 64;
const HEAD_BYTES = 8;

/** Records as they would lie in memory that is shared, taken out one by one. */
function shared(): () => void {
  const memory = new Uint8Array(RECORDS * (HEAD_BYTES + RECORD_BYTES));
  const heads = new Int32Array(memory.buffer);
  for (let at = 0; at < memory.length; at += HEAD_BYTES + RECORD_BYTES) heads[at >> 2] = RECORD_BYTES;
  return () => {
    const records: Uint8Array[] = [];
    for (let at = 0; at < memory.length; at += HEAD_BYTES + RECORD_BYTES) {
      const length = Atomics.load(heads, at >> 2);
      records.push(memory.slice(at + HEAD_BYTES, at + HEAD_BYTES + length));
    }
    if (records.length !== RECORDS) throw new Error("records are missing");
  };
}

const ring: Benchmark = {
  name: `driver: records of ${RECORD_BYTES} bytes taken from a ring buffer, many a request`,
  unit: "records/s",
  better: "higher",
  baseline: "out of memory of one's own",
  async run() {
    const library = librarySystem();
    const host = createKernelHost(library.system);
    const spec = { ...MAP, name: "ring", type: 13, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 1 << 20 };
    const map = host.createMap(spec, "ringbuf");
    const words = Array.from(
      { length: RECORD_BYTES / 8 },
      (_, at) => `*(u64 *)(r10 - ${8 * at + 8}) = 1`,
    ).join("\n");
    const text = `${words}\nr1 = map[ring]\nr2 = r10\nr2 += -${RECORD_BYTES}\nr3 = ${RECORD_BYTES}\nr4 = 0\ncall ringbuf_output\nexit`;
    const program = trust(assembleProgram(text, { platform: "windows", type: "xdp", maps: [spec] }));
    const loaded = host.load(compile(program, "kernel-interpreter"), [map]);
    const took = best(
      () => {
        let left = RECORDS;
        while (left > 0) left -= map.ring?.take(left).length ?? 0;
      },
      () => void loaded.run({ data: new Uint8Array(64), repeat: RECORDS }),
    );
    const read = shared();
    const value = (RECORDS * 1000) / took;
    const baseline = (RECORDS * 1000) / best(read);
    loaded.close();
    map.close();
    library.stop();
    return { value, baseline };
  },
};

export const benchmarks: readonly Benchmark[] = [dump, ring];
