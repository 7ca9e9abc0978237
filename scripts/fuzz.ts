// `npm run fuzz [-- --seconds 60] [--seed N]`: the verifier's soundness net for as long as wanted. Ends with exit code 1 at
// the first program that was accepted and should not have been; its seed is printed and goes into tests/fuzz.
import { parseArgs } from "node:util";
import { castNet, SoundnessViolation } from "../tests/fuzz/net.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string" } },
});
const seconds = Number(values.seconds);
const first = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(first)) {
  process.stderr.write("usage: npm run fuzz [-- --seconds SECONDS] [--seed WHOLE_NUMBER]\n");
  process.exit(64);
}

const rejected = new Map<string, number>();
let accepted = 0;
let observed = 0;
let programs = 0;
process.stdout.write(`first seed ${first}, ${seconds} s\n`);
const end = performance.now() + seconds * 1000;
try {
  for (; performance.now() < end; programs++) {
    const result = castNet(first + programs);
    observed += result.observed;
    if (result.accepted) accepted += 1;
    else rejected.set(result.code ?? "", (rejected.get(result.code ?? "") ?? 0) + 1);
  }
} catch (error) {
  if (!(error instanceof SoundnessViolation)) throw error;
  process.stdout.write(`${error.message}\n`);
  process.exit(1);
}
process.stdout.write(
  `${programs} programs, ${accepted} accepted, ${observed} states looked at, 0 violations\n`,
);
for (const [code, count] of [...rejected].sort((a, b) => b[1] - a[1])) {
  process.stdout.write(`  ${`${count}`.padStart(7)} ${code}\n`);
}
