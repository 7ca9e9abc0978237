// What hostile programs cost, the slowest and the largest of them: one after the other in this process, in processor time
// with that of its collector threads; and each in a process of its own from the bundle.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EbpfError } from "../../core/base/error.ts";
import { loadObject } from "../../core/elf/object.ts";
import type { VerificationRecord } from "../../core/manager/records.ts";
import { buildProgram } from "../../core/program/build.ts";
import { verify } from "../../core/verifier/verify.ts";
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
  return worstOf(await measured(), of);
}

function worstOf<R extends { readonly name: string }>(rows: readonly R[], of: (row: R) => number) {
  const [worst] = rows.toSorted((a, b) => of(b) - of(a));
  if (worst === undefined) throw new Error("there is no hostile program");
  return { value: of(worst), note: worst.name };
}

/** From the object's bytes to the verdict, in milliseconds of processor time. */
function cpuHere(hostile: (typeof HOSTILE)[number]): number {
  const bytes = objectOf(hostile);
  const before = process.cpuUsage();
  try {
    verify(buildProgram(loadObject(bytes, "hostile.o"), undefined, { platform: "linux" }));
  } catch (error) {
    // An object that is refused before it is verified has its answer too.
    if (!(error instanceof EbpfError)) throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: `the slowest of ${HOSTILE.length} hostile programs, CPU in one process`,
    unit: "ms",
    better: "lower",
    target: 1000,
    run: async () => {
      const rows = HOSTILE.map((hostile) => ({ name: hostile.name, milliseconds: cpuHere(hostile) }));
      return worstOf(rows, ({ milliseconds }) => milliseconds);
    },
  },
  {
    name: "the slowest verdict of them, each in a process of its own",
    unit: "ms",
    better: "lower",
    target: 1000,
    run: () => largest(({ records }) => (records[0] as VerificationRecord).milliseconds),
  },
  {
    name: "CPU of such a process, the most, its start included",
    unit: "ms",
    better: "lower",
    run: () => largest(({ cpuMilliseconds }) => cpuMilliseconds),
  },
  {
    name: "the largest of them, peak memory of the process",
    unit: "MiB",
    better: "lower",
    target: 256,
    run: () => largest(({ peakMebibytes }) => peakMebibytes),
  },
];
