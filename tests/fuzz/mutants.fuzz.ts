// The verifier broken in one place, in each way of the table (tests/mutation): the tests must find out, every time.
import { MUTANTS } from "../mutation/mutants/index.ts";
import { catchOf, rowOf, runMutants } from "../mutation/run.ts";
import type { Campaign, CampaignOptions } from "./fuzzer.ts";

/** How many each detector has caught, most first. */
function totals(detectors: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of detectors) counts.set(name, (counts.get(name) ?? 0) + 1);
  const rows = [...counts].sort((a, b) => b[1] - a[1]);
  return rows.map(([name, count]) => `${count} by ${name}`).join(", ");
}

async function run({ seed, seconds, word, all, print }: CampaignOptions): Promise<boolean> {
  const chosen = MUTANTS.filter(({ name, file }) => `${file}: ${name}`.includes(word));
  const start = performance.now();
  const outcomes = await runMutants(chosen, { seed, seconds, all }, (outcome) => print(rowOf(outcome)));
  const caught = outcomes.map(catchOf).filter((report) => report !== undefined);
  const elapsed = ((performance.now() - start) / 1000).toFixed(0);
  print(`${caught.length} of ${chosen.length} mutants caught in ${elapsed} s`);
  print(`  first ${totals(caught.map(({ detector }) => detector))}`);
  const refused = caught.filter(({ checker }) => checker === "refused").length;
  const witnesses = caught.filter(({ checker }) => checker !== undefined).length;
  print(`  of ${witnesses} programs found, the certificate checker refuses ${refused}`);
  if (all) {
    const finds = outcomes.flatMap(({ reports }) => reports.filter(({ found }) => found !== undefined));
    print(`  in all ${totals(finds.map(({ detector }) => detector))}`);
  }
  return chosen.length > 0 && caught.length === chosen.length;
}

export const campaigns: readonly Campaign[] = [{ name: "mutants of the verifier", run }];
