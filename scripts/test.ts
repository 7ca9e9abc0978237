// `npm test [ava's arguments]`: sets up what the tests need, checks types, format and lint, then runs all tests. The last
// line is the total of checks and tests, read from ava's own machine output (TAP). Nothing may be skipped here.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setup } from "./setup.ts";
import { addTapLine, emptyTotals, failedOf, type Totals } from "./tap.ts";

const ROOT = join(import.meta.dirname, "..");
const MODULES = join(ROOT, "node_modules");

const CHECKS = [
  { name: "types", args: [join(MODULES, "typescript/bin/tsc"), "--project", "tsconfig.json"] },
  {
    name: "format and lint",
    args: [join(MODULES, "@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."],
  },
] as const;

function runChecks(): Totals {
  let totals = emptyTotals;
  for (const { name, args } of CHECKS) {
    const { status } = spawnSync(process.execPath, args, {
      cwd: ROOT,
      stdio: ["ignore", "inherit", "inherit"],
    });
    process.stdout.write(`${status === 0 ? "ok" : "not ok"} - check › ${name}\n`);
    totals = {
      ...totals,
      [status === 0 ? "passed" : "failed"]: totals[status === 0 ? "passed" : "failed"] + 1,
    };
  }
  return totals;
}

/** Runs ava and passes its TAP on; a run that ends badly without a failed test counts as one failure. */
async function runTests(args: readonly string[]): Promise<Totals> {
  const ava = spawn(process.execPath, [join(MODULES, "ava/entrypoints/cli.js"), "--tap", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => ava.once("close", resolve));
  let totals = emptyTotals;
  for await (const line of createInterface({ input: ava.stdout })) {
    process.stdout.write(`${line}\n`);
    totals = addTapLine(totals, line);
  }
  const status = await ended;
  if (totals.passed === 0 && totals.failed === 0) {
    process.stdout.write("not ok - no test ran\n");
    return { ...totals, failed: 1 };
  }
  if (status !== 0 && failedOf(totals) === 0) {
    process.stdout.write(`not ok - ava ended with ${status ?? "a signal"}\n`);
    return { ...totals, failed: 1 };
  }
  return totals;
}

await setup("test");
const checks = runChecks();
const tests = await runTests(process.argv.slice(2));
const failed = checks.failed + failedOf(tests);
if (tests.skipped > 0) process.stdout.write(`${tests.skipped} skipped, which counts as failed\n`);
process.stdout.write(`${checks.passed + tests.passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
