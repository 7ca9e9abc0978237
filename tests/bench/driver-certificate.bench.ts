// The driver's certificate checker: instruction-states a second, warm, on one program of many paths that meet, and on the
// programs of the folder in EBPF_BENCH_CORPUS (corpus.bench.ts) if there is one.
import { checkCertificate } from "../../core/certificate/check.ts";
import { findObjects } from "../../core/manager/objects.ts";
import { certify } from "../../core/verifier/certify.ts";
import { testProgram } from "../core/verifier/programs.ts";
import { certificateProgram, driverCheck } from "../harness/driver-certificate.ts";
import type { Benchmark } from "./benchmark.ts";
import { type Certified, cpuMilliseconds, lazily, subjectOf } from "./certificate.bench.ts";

const { EBPF_BENCH_CORPUS: corpus } = process.env;
const MEETINGS = 1000;

/** Parsing of a packet as programs do it: bounds, tests, spills, and paths that meet again. */
function meetings(): Certified {
  const one = (at: number): string => `r1 = *(u32 *)(r6 + 24)
r2 = *(u64 *)(r10 - 8)
if r1 & 1 goto a${at}
r2 += 1
r2 &= 63
a${at}:
*(u64 *)(r10 - 8) = r2
r3 = *(u64 *)(r6 + 0)
r4 = *(u64 *)(r6 + 8)
r5 = r3
r5 += ${14 + (at % 50)}
if r5 > r4 goto out
r1 = *(u8 *)(r3 + ${at % 14})
r0 += r1`;
  const body = Array.from({ length: MEETINGS }, (_, at) => one(at)).join("\n");
  const program = testProgram({ code: `r6 = r1\nr0 = 0\n*(u64 *)(r10 - 8) = 0\n${body}\nout:\nexit` });
  const certified = certify(program);
  if (certified.kind === "none") throw new Error(certified.reason);
  return { program, bytes: certified.bytes };
}

function benchmarkOf(name: string, certified: () => readonly Certified[]): Benchmark {
  return {
    name: `driver: the certificate checker, ${name}`,
    unit: "M instruction-states/s",
    better: "higher",
    target: 2,
    run: async () => {
      const own = certified().flatMap(({ program, bytes }) => {
        const given = certificateProgram(program);
        return given === undefined ? [] : [{ program, given, bytes }];
      });
      let steps = 0;
      for (const { given, bytes } of own) {
        const checked = driverCheck(given, bytes);
        if (checked.outcome !== "proved") throw new Error(checked.reason);
        steps += checked.steps;
      }
      const driver = cpuMilliseconds(() => {
        for (const { given, bytes } of own) driverCheck(given, bytes);
      });
      const core = cpuMilliseconds(() => {
        for (const { program, bytes } of own) checkCertificate(program, bytes);
      });
      const note = `${own.length} programs, ${steps} in ${driver.toFixed(1)} ms; the core's checker takes ${core.toFixed(1)} ms`;
      return { value: steps / driver / 1000, note };
    },
  };
}

export const benchmarks: readonly Benchmark[] = [
  benchmarkOf(
    "paths that meet",
    lazily(() => [meetings()]),
  ),
  ...(corpus === undefined
    ? []
    : [
        benchmarkOf(
          "the corpus",
          lazily(() => subjectOf(findObjects([corpus], process.cwd()), true).certified),
        ),
      ]),
];
