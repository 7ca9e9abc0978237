// `npm run bench [-- [--corpus FOLDER] [FILTER]]`: runs every tests/bench/*.bench.ts and prints each figure beside its
// baseline of the same run and its target. Never part of the tests: a verdict on speed needs a person and a quiet machine.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import type { Benchmark, Result } from "../tests/bench/benchmark.ts";

const folder = join(import.meta.dirname, "..", "tests", "bench");
const { values, positionals } = parseArgs({
  options: { corpus: { type: "string" } },
  allowPositionals: true,
});
const [filter = ""] = positionals;
// corpus.bench.ts looks there: it can also be set once for many runs.
if (values.corpus !== undefined) process.env.EBPF_BENCH_CORPUS = values.corpus;

interface Row {
  readonly name: string;
  readonly value: string;
  readonly baseline: string;
  readonly target: string;
  readonly met: boolean | undefined;
  readonly note: string;
}

function format(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

function isMet(benchmark: Benchmark, result: Result): boolean | undefined {
  const { target, targetShare, better } = benchmark;
  if (target === undefined && targetShare === undefined) return undefined;
  const reached =
    target === undefined || (better === "lower" ? result.value <= target : result.value >= target);
  return reached && (targetShare === undefined || result.value >= targetShare * (result.baseline ?? 0));
}

function row(benchmark: Benchmark, result: Result): Row {
  const { target, targetShare, better } = benchmark;
  const targets = [
    ...(target === undefined ? [] : [`${better === "lower" ? "<=" : ">="} ${format(target)}`]),
    ...(targetShare === undefined ? [] : [`>= ${(100 * targetShare).toFixed(0)} %`]),
  ];
  const ratio =
    result.baseline === undefined ? "" : ` (${((100 * result.value) / result.baseline).toFixed(0)} %)`;
  return {
    name: benchmark.name,
    value: `${format(result.value)} ${benchmark.unit}`,
    baseline:
      result.baseline === undefined
        ? ""
        : `${benchmark.baseline ?? "baseline"} ${format(result.baseline)}${ratio}`,
    target: targets.join(", "),
    met: isMet(benchmark, result),
    note: result.note ?? "",
  };
}

for (const file of readdirSync(folder).filter((name) => name.endsWith(".bench.ts"))) {
  const { benchmarks } = (await import(join(folder, file))) as { benchmarks: readonly Benchmark[] };
  for (const benchmark of benchmarks) {
    if (!`${file} ${benchmark.name}`.includes(filter)) continue;
    const { name, value, baseline, target, met, note } = row(benchmark, await benchmark.run());
    const mark = met === undefined ? " " : met ? styleText("green", "✔") : styleText("yellow", "✘");
    process.stdout.write(
      `${mark} ${name.padEnd(52)} ${value.padStart(22)}  ${target.padEnd(20)} ${[baseline, note].filter(Boolean).join("; ")}\n`,
    );
  }
}
process.exit(0);
