// `npm run fuzz [-- [--seconds N] [--seed N] [--corpus FOLDER] [FILTER]]`: runs the cases of tests/fuzz/**/*.fuzz.ts for N
// seconds each (20 by default), from a random seed on or from the one given. Ends with exit code 1 if a case failed; its
// seed is printed and goes into the tests of what it fed. Campaigns end by themselves and are run only by name:
// `npm run fuzz -- mutants [WORD] [--all]`.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Campaign, Fuzzer } from "../tests/fuzz/fuzzer.ts";

const folder = join(import.meta.dirname, "..", "tests", "fuzz");
const { values, positionals } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    seed: { type: "string" },
    corpus: { type: "string" },
    all: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const seconds = Number(values.seconds);
const first = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(first) || positionals.length > 2) {
  process.stderr.write(
    "usage: npm run fuzz [-- [--seconds SECONDS] [--seed WHOLE_NUMBER] [--corpus FOLDER] [--all] [FILTER [WORD]]]\n",
  );
  process.exit(64);
}

// tests/fuzz/kernel and tests/fuzz/corpus.ts take programs from there.
if (values.corpus !== undefined) process.env.EBPF_FUZZ_CORPUS = values.corpus;

/** Runs cases until the time is over; false after one that failed. */
function fuzz({ name, run }: Fuzzer): boolean {
  const outcomes = new Map<string, number>();
  const end = performance.now() + seconds * 1000;
  let count = 0;
  for (; performance.now() < end; count++) {
    const seed = (first + count) % 2 ** 31;
    try {
      for (const outcome of [run(seed)].flat()) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      process.stdout.write(`✘ ${name}: seed ${seed}\n${error instanceof Error ? error.stack : error}\n`);
      return false;
    }
  }
  process.stdout.write(`✔ ${name}: ${count} cases from seed ${first}\n`);
  for (const [outcome, times] of [...outcomes].sort((a, b) => b[1] - a[1])) {
    process.stdout.write(`  ${`${times}`.padStart(8)} ${outcome}\n`);
  }
  return true;
}

const isFuzzer = (path: string): boolean => path.endsWith(".fuzz.ts");

const [filter = "", word = ""] = positionals;

function campaign({ name, run }: Campaign): Promise<boolean> {
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  print(`${name}, from seed ${first}`);
  return run({ seed: first, seconds, word, all: values.all, print });
}

let sound = true;
for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(isFuzzer)) {
  const { fuzzers = [], campaigns = [] } = (await import(join(folder, file))) as {
    fuzzers?: readonly Fuzzer[];
    campaigns?: readonly Campaign[];
  };
  for (const fuzzer of fuzzers) {
    if (fuzzer.name.includes(filter)) sound = fuzz(fuzzer) && sound;
  }
  for (const one of campaigns) {
    if (filter !== "" && one.name.includes(filter)) sound = (await campaign(one)) && sound;
  }
}
process.exit(sound ? 0 : 1);
