// How long a verdict takes, warm: droppacket from its object, and what one step costs in a long loop.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadObject } from "../../core/elf/object.ts";
import { buildProgram } from "../../core/program/build.ts";
import { analyze } from "../../core/verifier/analyze.ts";
import { DEFAULT_MAXIMUM_STEPS, verify } from "../../core/verifier/verify.ts";
import { testProgram } from "../core/verifier/programs.ts";
import type { Benchmark } from "./benchmark.ts";

const SAMPLE = join(import.meta.dirname, "..", "..", "samples", "droppacket.o");
const REPEAT_MS = 1000;

/** Median of one call after half the time, in milliseconds. */
function median(run: () => void): number {
  const times: number[] = [];
  const start = performance.now();
  while (performance.now() < start + REPEAT_MS) {
    const before = performance.now();
    run();
    if (before > start + REPEAT_MS / 2) times.push(performance.now() - before);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] as number;
}

const LOOP = "r0 = 0\nloop:\nr1 = r0\nr1 &= 7\nr0 += 1\nif r0 < 5000 goto loop\nexit";

export const benchmarks: readonly Benchmark[] = [
  {
    name: "verify samples/droppacket.o, warm",
    unit: "ms",
    better: "lower",
    target: 0.5,
    run: async () => {
      const program = buildProgram(loadObject(readFileSync(SAMPLE), "droppacket.o"), undefined);
      return { value: median(() => verify(program)) };
    },
  },
  {
    name: "verify: steps of a long loop",
    unit: "M steps/s",
    better: "higher",
    run: async () => {
      const program = testProgram({ code: LOOP });
      const follow = () => analyze(program, { maximumSteps: DEFAULT_MAXIMUM_STEPS, unrolled: true });
      return { value: follow().steps / median(follow) / 1000 };
    },
  },
];
