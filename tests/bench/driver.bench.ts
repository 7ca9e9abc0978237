// How fast programs run on the driver's engines, measured in its library: arithmetic, look-ups and updates of maps from a
// program, ring buffer records, the JIT's own speed. A round of an empty loop is taken off what a loop does.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import {
  compileProgram,
  createProgram,
  type DriverEngine,
  type DriverMap,
  loadProgram,
  release,
  runProgram,
} from "../harness/driver.ts";
import { createMap, MAP_TYPES, write } from "../harness/driver-maps.ts";
import type { Benchmark } from "./benchmark.ts";
import { LOOKUP, loop } from "./driver-loop.ts";

const ROUNDS = 400_000;

/** Nanoseconds a round: the best of several runs. */
function roundOf(body: string, engine: DriverEngine, maps: readonly DriverMap[], before = () => {}): number {
  const program = loadProgram(loop(body, ROUNDS), maps, engine);
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + 1000; performance.now() < end; ) {
    before();
    const start = performance.now();
    const { fault } = runProgram(program, { budget: 1e9 });
    best = Math.min(best, ((performance.now() - start) * 1e6) / ROUNDS);
    if (fault !== "None") throw new Error(fault);
  }
  release(program);
  return best;
}

function costOf(body: string, engine: DriverEngine, maps: readonly DriverMap[]): number {
  return roundOf(body, engine, maps) - roundOf("", engine, []);
}

const UPDATE = "*(u64 *)(r10 - 16) = 5\nr1 = map[0]\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall 2";
const RECORD = "r1 = map[0]\nr2 = r10\nr2 += -64\nr3 = 64\nr4 = 0\ncall 11";

function filledMap(type: number): DriverMap {
  const map = createMap({ type, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1024 });
  for (let key = 0; key < 1024; key++)
    write(map, new Uint8Array(Uint32Array.of(key).buffer), new Uint8Array(8));
  return map;
}

function mapBenchmark(name: string, body: string, type: number, target: number): Benchmark {
  return {
    name: `driver: ${name}, from a program by the JIT`,
    unit: "ns",
    better: "lower",
    target,
    async run() {
      const map = filledMap(type);
      const value = costOf(body, "jit", [map]);
      release(map);
      return { value };
    },
  };
}

/** A record with its header takes 72 bytes; the ring holds those of a whole run and is a new one each time. */
async function recordCost(): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let count = 0; count < 5; count++) {
    const ring = createMap({
      type: MAP_TYPES.ringbuf,
      keySizeBytes: 0,
      valueSizeBytes: 0,
      maxEntries: 1 << 25,
    });
    const program = loadProgram(loop(RECORD, ROUNDS), [ring], "jit");
    const start = performance.now();
    runProgram(program, { budget: 1e9 });
    best = Math.min(best, ((performance.now() - start) * 1e6) / ROUNDS);
    release(program);
    release(ring);
  }
  return best - roundOf("", "jit", []);
}

/** Look-ups a second of that many threads on one map. */
async function lookUpRate(map: DriverMap, threads: number): Promise<number> {
  const counts = await Promise.all(
    Array.from(
      { length: threads },
      () =>
        new Promise<number>((resolve, reject) => {
          const worker = new Worker(join(import.meta.dirname, "driver-worker.ts"), {
            workerData: { map, rounds: ROUNDS, milliseconds: 1500 },
          });
          worker.once("message", resolve).once("error", reject);
        }),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function compileRate(): Promise<number> {
  const body = Array.from(
    { length: 50_000 },
    (_, index) => ["r7 += r6", "r7 ^= 5", "r8 = *(u64 *)(r10 - 8)", "if r7 == 3 goto +0"][index % 4],
  );
  const code = encode(parse(`${body.join("\n")}\nr0 = 0\nexit`));
  let best = 0;
  for (let count = 0; count < 10; count++) {
    const program = createProgram(code);
    if ("status" in program) throw new Error(program.finding);
    const start = performance.now();
    if (compileProgram(program, false) !== 0) throw new Error("not compiled");
    best = Math.max(best, code.length / 8 / (performance.now() - start) / 1000);
    release(program);
  }
  return best;
}

export const benchmarks: readonly Benchmark[] = [
  mapBenchmark("look-up in an array of 1024", LOOKUP, MAP_TYPES.array, 3),
  mapBenchmark("look-up in a hash of 1024", LOOKUP, MAP_TYPES.hash, 38),
  mapBenchmark("look-up in an LRU hash of 1024", LOOKUP, MAP_TYPES.lru_hash, 60),
  mapBenchmark("update in a hash of 1024", UPDATE, MAP_TYPES.hash, 171),
  {
    name: "driver: ring buffer record of 64 bytes, from a program by the JIT",
    unit: "ns",
    better: "lower",
    target: 100,
    run: async () => ({ value: await recordCost() }),
  },
  {
    name: "driver: look-ups of two threads in one hash, times those of one",
    unit: "times",
    better: "higher",
    target: 1.8,
    async run() {
      const map = filledMap(MAP_TYPES.hash);
      const one = await lookUpRate(map, 1);
      const value = (await lookUpRate(map, 2)) / one;
      release(map);
      return { value };
    },
  },
  {
    name: "driver: the JIT compiles",
    unit: "M instructions/s",
    better: "higher",
    target: 5,
    run: async () => ({ value: await compileRate() }),
  },
];
