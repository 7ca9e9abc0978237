// Certificates beside the programs that they are of: size, and the time to check one beside the time to verify, warm. Of the
// samples, and of the folder in EBPF_BENCH_CORPUS (corpus.bench.ts) if there is one.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EbpfError } from "../../core/base/error.ts";
import { checkCertificate } from "../../core/certificate/check.ts";
import { loadObject } from "../../core/elf/object.ts";
import { findObjects } from "../../core/manager/objects.ts";
import { buildCandidates } from "../../core/program/build.ts";
import type { Program } from "../../core/program/program.ts";
import type { ObjectSpec } from "../../core/spec.ts";
import { certify } from "../../core/verifier/certify.ts";
import { verify } from "../../core/verifier/verify.ts";
import type { Benchmark } from "./benchmark.ts";

const SAMPLES = join(import.meta.dirname, "..", "..", "samples");
const { EBPF_BENCH_CORPUS: corpus } = process.env;
/** Warm is what has run for so long, and at least once; then the best of some rounds counts. */
const WARM_MS = 500;
const ROUNDS = 5;

export interface Certified {
  readonly program: Program;
  readonly bytes: Uint8Array;
}

interface Subject {
  readonly certified: readonly Certified[];
  readonly accepted: number;
}

function objectAt(path: string): ObjectSpec | undefined {
  try {
    return loadObject(readFileSync(path), path);
  } catch (error) {
    // A corpus holds objects that are damaged on purpose.
    if (error instanceof EbpfError) return undefined;
    throw error;
  }
}

/** The program as it is accepted, if it is. */
function acceptedOf(object: ObjectSpec, name: string, linux: boolean): Program | undefined {
  try {
    const candidates = buildCandidates(object, name, linux ? { platform: "linux" } : {});
    return candidates.find((program) => verify(program).kind === "accepted");
  } catch (error) {
    if (error instanceof EbpfError && error.code !== "InternalError") return undefined;
    throw error;
  }
}

export function subjectOf(files: readonly string[], linux: boolean): Subject {
  const certified: Certified[] = [];
  let accepted = 0;
  for (const file of files) {
    const object = objectAt(file);
    for (const { name } of object?.programs ?? []) {
      const program = object && acceptedOf(object, name, linux);
      if (program === undefined) continue;
      accepted += 1;
      const made = certify(program);
      if (made.kind === "certified") certified.push({ program, bytes: made.bytes });
    }
  }
  return { certified, accepted };
}

export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** The best of some rounds, in milliseconds of the processor. */
export function cpuMilliseconds(run: () => void): number {
  const warm = performance.now() + WARM_MS;
  do run();
  while (performance.now() < warm);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

interface Times {
  readonly verify: number;
  readonly check: number;
  readonly states: number;
}

function timesOf({ certified }: Subject): Times {
  let states = 0;
  for (const { program, bytes } of certified) {
    const checked = checkCertificate(program, bytes);
    if (checked.kind === "proved") states += checked.states;
  }
  const check = cpuMilliseconds(() => {
    for (const { program, bytes } of certified) checkCertificate(program, bytes);
  });
  const verifying = cpuMilliseconds(() => {
    for (const { program } of certified) verify(program);
  });
  return { verify: verifying, check, states };
}

function benchmarksOf(name: string, subject: () => Subject): Benchmark[] {
  const times = lazily(() => timesOf(subject()));
  return [
    {
      name: `certificates of ${name}: bytes for a byte of the program, median`,
      unit: "bytes",
      better: "lower",
      target: 4,
      run: async () => {
        const { certified, accepted } = subject();
        const size = ({ slots }: Program): number => 8 * ((slots.at(-1) ?? 0) + 1);
        return {
          value: medianOf(certified.map(({ program, bytes }) => bytes.length / size(program))),
          note: `${certified.length} of ${accepted} accepted programs have one`,
        };
      },
    },
    {
      name: `certificates of ${name}: time to check, of the time to verify`,
      unit: "x",
      better: "lower",
      target: 1 / 3,
      run: async () => {
        const { check, verify: verifying } = times();
        return { value: check / verifying, note: `${check.toFixed(1)} ms, ${verifying.toFixed(1)} ms` };
      },
    },
    {
      name: `certificates of ${name}: states checked`,
      unit: "states/s",
      better: "higher",
      run: async () => ({ value: (1000 * times().states) / times().check }),
    },
  ];
}

const samples = lazily(() =>
  subjectOf(
    readdirSync(SAMPLES)
      .filter((file) => file.endsWith(".o"))
      .map((file) => join(SAMPLES, file)),
    false,
  ),
);

export const benchmarks: readonly Benchmark[] = [
  ...benchmarksOf("the samples", samples),
  ...(corpus === undefined
    ? []
    : benchmarksOf(
        "the corpus",
        lazily(() => subjectOf(findObjects([corpus], process.cwd()), true)),
      )),
];
