// How fast a command answers: the bundle as a new process, beside a Node that does nothing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../../scripts/bundle.ts";
import { SAMPLE } from "../harness/service.ts";
import type { Benchmark } from "./benchmark.ts";

const RUNS = 15;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function time(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - began;
}

/** The compile cache is warm after the first run, as it is for a user's second command. */
async function coldVerify(): Promise<{ value: number; baseline: number }> {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-bench-"));
  try {
    await bundle(join(folder, "dist"));
    const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache"), EBPF_HOME: join(folder, "home") };
    const verify = [join(folder, "dist", "ebpf.cjs"), "verify", SAMPLE];
    time(verify, env);
    const pairs = Array.from({ length: RUNS }, () => [time(verify, env), time(["-e", "0"], env)] as const);
    return { value: median(pairs.map(([one]) => one)), baseline: median(pairs.map(([, one]) => one)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: "ebpf verify samples/droppacket.o, cold, bundle",
    unit: "ms",
    better: "lower",
    target: 150,
    baseline: "node -e 0",
    run: coldVerify,
  },
];
