// `ebpf verify` of one object in a process of its own, with what the process cost. The process runs the bundle: what is
// measured is what is shipped.
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { VerificationRecord } from "../../core/manager/records.ts";

export interface Measured {
  readonly records: readonly VerificationRecord[];
  /** User and system time of the whole process, its start included. */
  readonly cpuMilliseconds: number;
  readonly peakMebibytes: number;
  readonly errors: string;
}

/** Runs one command line of core.cjs (which must not take itself for the script), and writes what it has cost to stderr. */
const RUNNER = `
  const { runCommandLine, createIo } = require(process.env.MEASURED_CORE);
  runCommandLine(process.argv.slice(1), createIo()).then(() => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    process.stderr.write("\\n" + JSON.stringify({ maxRSS, cpu: (userCPUTime + systemCPUTime) / 1000 }));
  });
`;

/** `words` are those after "verify". */
export async function measuredVerify(bundleFolder: string, words: readonly string[]): Promise<Measured> {
  const child = spawn(process.execPath, ["-e", RUNNER, "verify", "--jsonl", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, MEASURED_CORE: join(bundleFolder, "core.cjs") },
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    err += text;
  });
  await new Promise((resolve) => child.on("close", resolve));
  const lines = err.trimEnd().split("\n");
  const cost = JSON.parse(lines.pop() ?? "{}") as { maxRSS: number; cpu: number };
  return {
    records: out
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as VerificationRecord),
    cpuMilliseconds: cost.cpu,
    peakMebibytes: cost.maxRSS / 1024,
    errors: lines.join("\n"),
  };
}
