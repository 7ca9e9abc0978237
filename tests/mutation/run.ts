// All mutants of the table, or those whose names hold a word: two at a time, each in a process of its own.
import { availableParallelism } from "node:os";
import { type Job, type Report, runJob } from "./job.ts";
import { checkMutant, type Mutant } from "./mutant.ts";

export interface Outcome {
  readonly mutant: Mutant;
  readonly reports: readonly Report[];
}

export function catchOf({ reports }: Outcome): Report | undefined {
  return reports.find(({ found }) => found !== undefined);
}

const PROCESSES = Math.max(1, Math.min(8, availableParallelism()));

/** Runs every mutant; `done` is told of each as it ends. Throws if a row of the table does not fit. */
export async function runMutants(
  mutants: readonly Mutant[],
  options: Omit<Job, "mutant">,
  done: (outcome: Outcome) => void,
): Promise<readonly Outcome[]> {
  for (const mutant of mutants) checkMutant(mutant);
  const waiting = [...mutants];
  const outcomes: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const outcome = { mutant, reports: await runJob({ ...options, mutant }) };
      outcomes.push(outcome);
      done(outcome);
    }
  };
  await Promise.all(Array.from({ length: PROCESSES }, work));
  return outcomes;
}

/** A row of the table: the mutant, what caught it, after how long and how many tries, what the certificate checker says. */
export function rowOf(outcome: Outcome): string {
  const caught = catchOf(outcome);
  const { mutant, reports } = outcome;
  const seconds = reports.reduce((sum, row) => sum + row.seconds, 0).toFixed(1);
  const by = caught === undefined ? "NOT CAUGHT" : caught.detector;
  const tried = (caught ?? reports.at(-1))?.tried ?? 0;
  return [
    caught === undefined ? "✘" : "✔",
    `${mutant.file}: ${mutant.name}`.padEnd(76),
    by.padEnd(12),
    `${seconds} s`.padStart(8),
    `${tried}`.padStart(7),
    (caught?.checker ?? "").padStart(9),
    ` ${caught?.found?.slice(0, 90) ?? ""}`,
  ].join(" ");
}
