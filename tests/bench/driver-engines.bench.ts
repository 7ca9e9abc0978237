// How fast compiled code of the driver is: six programs (programs/six.c) in its engines, measured by tests/driver/speed.c. With
// EBPF_BENCH_UBPF=the path of uBPF's shared library its JIT takes turns with ours.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readElf } from "../../core/elf/file.ts";
import { buildDriver } from "../../scripts/driver.ts";
import { findClang } from "../../scripts/fixtures.ts";
import type { Benchmark, Result } from "./benchmark.ts";

const SOURCE = join(import.meta.dirname, "programs", "six.c");
const PROGRAMS = ["alu", "alu_long", "checksum", "parse", "sieve", "copy"] as const;
const FRAME_BYTES = 64;
const MEMORY_BYTES = 8192;
const OTHER = process.env.EBPF_BENCH_UBPF;

/** The bytecode of each program. */
function compilePrograms(): ReadonlyMap<string, Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-bench-"));
  try {
    const object = join(folder, "six.o");
    const flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-fno-builtin", "-c", SOURCE, "-o", object];
    const { status, stderr } = spawnSync(findClang() ?? "clang", flags, { encoding: "utf8" });
    if (status !== 0) throw new Error(`clang failed:\n${stderr}`);
    const { sections } = readElf(readFileSync(object), object);
    return new Map(
      PROGRAMS.map((name) => {
        const section = sections.find((row) => row.name === `run/${name}`);
        if (section === undefined) throw new Error(`${name} is not in ${SOURCE}`);
        return [name, section.bytes];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Times = Readonly<Record<string, number>>;

/** By program and engine: nanoseconds a run. Throws where engines do not agree on the result. */
function measure(): ReadonlyMap<string, Times> {
  const engines = ["interpreter", "jit", "blinded", ...(OTHER === undefined ? [] : [OTHER])];
  const times = new Map<string, Times>();
  for (const [name, bytes] of compilePrograms()) {
    const length = name === "parse" ? FRAME_BYTES : MEMORY_BYTES;
    const run = spawnSync(buildDriver("speed"), [`${length}`, ...engines], {
      input: bytes,
      encoding: "utf8",
    });
    if (run.status !== 0) throw new Error(`${name}: ${run.stderr}`);
    const rows = run.stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    if (new Set(rows.map(([, , result]) => result)).size !== 1) throw new Error(`${name}:\n${run.stdout}`);
    times.set(name, Object.fromEntries(rows.map(([engine = "", time]) => [engine, Number(time)])));
  }
  return times;
}

let measured: ReadonlyMap<string, Times> | undefined;

/** Geometric mean over the programs of one engine's time in another's; the note has each. */
function ratioOf(engine: string, other: string): Result {
  measured ??= measure();
  const rows = [...measured].map(([name, times]) => ({
    name,
    ratio: (times[engine] ?? Number.NaN) / (times[other] ?? Number.NaN),
  }));
  const value = Math.exp(rows.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / rows.length);
  return { value, note: rows.map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`).join(", ") };
}

function ratio(name: string, engine: string, other: string, target?: number): Benchmark {
  return {
    name: `driver: ${name}, six programs`,
    unit: "times",
    better: "lower",
    ...(target === undefined ? {} : { target }),
    run: async () => ratioOf(engine, other),
  };
}

export const benchmarks: readonly Benchmark[] = [
  ratio("interpreter / JIT", "interpreter", "jit", 10),
  ratio("JIT with constants blinded / without", "blinded", "jit"),
  ...(OTHER === undefined ? [] : [ratio("JIT / uBPF's JIT", "jit", OTHER, 0.8)]),
];
