// Verdicts on a folder of objects that the project does not hold: `npm run bench -- --corpus FOLDER corpus`, or the folder
// in EBPF_BENCH_CORPUS. Beside our time, where they are at hand: the Linux kernel's for the programs it loads itself
// (as root, by a loader named in EBPF_BENCH_KERNEL), and PREVAIL's (its `check` in EBPF_BENCH_PREVAIL).
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findObjects } from "../../core/manager/objects.ts";
import type { VerificationRecord } from "../../core/manager/records.ts";
import { bundle } from "../../scripts/bundle.ts";
import { type Measured, measuredVerify } from "../harness/measured.ts";
import type { Benchmark } from "./benchmark.ts";

const { EBPF_BENCH_CORPUS: corpus, EBPF_BENCH_KERNEL: kernel, EBPF_BENCH_PREVAIL: prevail } = process.env;

interface Run extends Measured {
  readonly files: readonly string[];
}

let run: Promise<Run> | undefined;

/** The corpus verified once, in one process from the bundle, for all benchmarks. */
function measured(folder: string): Promise<Run> {
  run ??= (async () => {
    const dist = mkdtempSync(join(tmpdir(), "ebpf-bench-"));
    try {
      await bundle(dist);
      const files = findObjects([folder], process.cwd());
      return { files, ...(await measuredVerify(dist, ["--platform", "linux", ...files])) };
    } finally {
      rmSync(dist, { recursive: true, force: true });
    }
  })();
  return run;
}

const sum = (records: readonly VerificationRecord[], of: (record: VerificationRecord) => number): number =>
  records.reduce((total, record) => total + of(record), 0);

function slowestOf(records: readonly VerificationRecord[]): { value: number; note: string } {
  const [slowest] = records.toSorted((a, b) => b.milliseconds - a.milliseconds);
  if (slowest === undefined) throw new Error("the corpus holds no program");
  return { value: slowest.milliseconds, note: `${slowest.section} ${slowest.program}` };
}

/** A line of the kernel's loader: a program that it has loaded, or not, and how long that took. */
interface KernelRow {
  readonly file: string;
  readonly program: string;
  readonly loaded: boolean;
  readonly microseconds: number;
}

/** The loader takes object files, and prints a KernelRow as JSON for each program. */
function kernelRows(loader: string, files: readonly string[]): KernelRow[] {
  const out = execFileSync(loader, files, { encoding: "utf8", maxBuffer: 1 << 28 });
  return out
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as KernelRow);
}

async function besideKernel(folder: string, loader: string): Promise<{ value: number; baseline: number }> {
  const { files, records } = await measured(folder);
  const loaded = kernelRows(loader, files).filter((row) => row.loaded);
  const names = new Set(loaded.map(({ file, program }) => `${file} ${program}`));
  const own = records.filter(({ file, program }) => names.has(`${file} ${program}`));
  return {
    value: sum(own, ({ milliseconds }) => milliseconds) / 1000,
    baseline: loaded.reduce((total, { microseconds }) => total + microseconds, 0) / 1e6,
  };
}

/** PREVAIL's time for all programs that both list; it is started once a section. */
async function besidePrevail(folder: string, check: string): Promise<{ value: number; baseline: number }> {
  const { records } = await measured(folder);
  const listed = records.filter(({ verdict }) => verdict !== "error");
  const began = performance.now();
  for (const { file, section, program } of listed) {
    if (section === null || program === null) continue;
    spawnSync(check, [file, section, program], { stdio: "ignore", timeout: 20_000 });
  }
  return {
    value: sum(listed, ({ milliseconds }) => milliseconds) / 1000,
    baseline: (performance.now() - began) / 1000,
  };
}

function benchmarksOf(folder: string): Benchmark[] {
  const rows: Benchmark[] = [
    {
      name: "corpus: steps",
      unit: "steps",
      better: "lower",
      target: 4_000_000,
      run: async () => {
        const { records } = await measured(folder);
        const accepted = records.filter(({ verdict }) => verdict === "accepted").length;
        return {
          value: sum(records, ({ steps }) => steps),
          note: `${accepted} of ${records.length} accepted`,
        };
      },
    },
    {
      name: "corpus: time in programs, one process",
      unit: "s",
      better: "lower",
      run: async () => ({
        value: sum((await measured(folder)).records, ({ milliseconds }) => milliseconds) / 1000,
      }),
    },
    {
      name: "corpus: CPU of the process",
      unit: "s",
      better: "lower",
      run: async () => ({ value: (await measured(folder)).cpuMilliseconds / 1000 }),
    },
    {
      name: "corpus: the slowest program",
      unit: "ms",
      better: "lower",
      target: 700,
      run: async () => slowestOf((await measured(folder)).records),
    },
    {
      name: "corpus: peak memory of the process",
      unit: "MiB",
      better: "lower",
      target: 256,
      run: async () => ({ value: (await measured(folder)).peakMebibytes }),
    },
  ];
  if (kernel !== undefined) {
    rows.push({
      name: "corpus: programs that this kernel loads",
      unit: "s",
      better: "lower",
      baseline: "the kernel",
      run: () => besideKernel(folder, resolve(kernel)),
    });
  }
  if (prevail !== undefined) {
    rows.push({
      name: "corpus: programs that PREVAIL is given too",
      unit: "s",
      better: "lower",
      baseline: "PREVAIL",
      run: () => besidePrevail(folder, resolve(prevail)),
    });
  }
  return rows;
}

export const benchmarks: readonly Benchmark[] = corpus === undefined ? [] : benchmarksOf(resolve(corpus));
