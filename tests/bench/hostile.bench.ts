// What hostile programs cost: the slowest and the largest of them, each in a process of its own from the bundle.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../../scripts/bundle.ts";
import { objectOf } from "../fixtures/hostile/hostile.ts";
import { HOSTILE } from "../fixtures/hostile/index.ts";
import { type Measured, measuredVerify } from "../harness/measured.ts";
import type { Benchmark } from "./benchmark.ts";

interface Row extends Measured {
  readonly name: string;
}

let rows: Promise<readonly Row[]> | undefined;

/** All of them, once for all benchmarks. */
function measured(): Promise<readonly Row[]> {
  rows ??= measureAll();
  return rows;
}

async function measureAll(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-bench-"));
  try {
    await bundle(join(folder, "dist"));
    const result: Row[] = [];
    for (const hostile of HOSTILE) {
      const file = join(folder, "hostile.o");
      writeFileSync(file, objectOf(hostile));
      const words = ["--platform", "linux", file];
      result.push({ name: hostile.name, ...(await measuredVerify(join(folder, "dist"), words)) });
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function largest(of: (row: Row) => number): Promise<{ value: number; note: string }> {
  const all = await measured();
  const [worst] = all.toSorted((a, b) => of(b) - of(a));
  if (worst === undefined) throw new Error("there is no hostile program");
  return { value: of(worst), note: worst.name };
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: `the slowest of ${HOSTILE.length} hostile programs, CPU of the process`,
    unit: "ms",
    better: "lower",
    target: 1000,
    run: () => largest(({ cpuMilliseconds }) => cpuMilliseconds),
  },
  {
    name: "hostile programs that take more than a second",
    unit: "programs",
    better: "lower",
    target: 0,
    run: async () => {
      const slow = (await measured()).filter(({ cpuMilliseconds }) => cpuMilliseconds > 1000);
      return { value: slow.length, note: `of ${HOSTILE.length}` };
    },
  },
  {
    name: "the largest of them, peak memory of the process",
    unit: "MiB",
    better: "lower",
    target: 256,
    run: () => largest(({ peakMebibytes }) => peakMebibytes),
  },
];
