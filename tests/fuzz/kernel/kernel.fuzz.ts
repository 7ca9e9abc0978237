// Mutants of programs that both accept, judged by the Linux kernel too; `npm run fuzz -- kernel`. With --corpus FOLDER they
// are made of the programs of a folder of objects instead of random ones.
import type { Fuzzer } from "../fuzzer.ts";
import { isBpfPermitted } from "./bpf.ts";
import { type Comparison, compareGenerated, openFolder } from "./compare.ts";
import { defectOf, rowOf } from "./table.ts";

const { EBPF_FUZZ_CORPUS: folder } = process.env;

let compare: ((seed: number) => readonly Comparison[]) | undefined;

function run(seed: number): readonly string[] {
  if (!isBpfPermitted()) return ["not compared: bpf(2) is not permitted here"];
  compare ??= folder === undefined ? compareGenerated : openFolder(folder);
  const comparisons = compare(seed);
  const defect = comparisons.map(defectOf).find((text) => text !== undefined);
  if (defect !== undefined) throw new Error(defect);
  return comparisons.map(rowOf);
}

export const fuzzers: readonly Fuzzer[] = [
  { name: "programs with one change before us and the Linux kernel (kernel)", run },
];
