// The process that is wrong on purpose: `node child.ts JSON`. Puts one mutant into the verifier, asks the detectors, and
// prints what they found, a line of JSON. With no mutant it shows that they find nothing where nothing is wrong.
import { enableCompileCache } from "node:module";
import { applyOnLoad } from "./hook.ts";
import type { Job, Report } from "./job.ts";

// By content, so that what a mutant has changed is compiled anew.
enableCompileCache();

const job = JSON.parse(process.argv[2] ?? "") as Job;
const applied = job.mutant === undefined ? () => true : applyOnLoad(job.mutant);
const { checkerVerdict, DETECTORS } = await import("./detectors.ts");
if (!applied()) throw new Error(`nothing loads ${job.mutant?.file}`);

const reports: Report[] = [];
for (const { name, sees, run } of DETECTORS) {
  if (job.only !== undefined && !job.only.includes(name)) continue;
  if (job.mutant !== undefined && !sees(job.mutant.file)) continue;
  const start = process.cpuUsage();
  const { found, tried, witness } = run(job);
  const { user, system } = process.cpuUsage(start);
  const seconds = (user + system) / 1e6;
  const checker = witness === undefined ? {} : { checker: checkerVerdict(witness) };
  reports.push({ detector: name, tried, seconds, ...(found === undefined ? {} : { found }), ...checker });
  if (found !== undefined && !job.all) break;
}
process.stdout.write(`${JSON.stringify(reports)}\n`);
