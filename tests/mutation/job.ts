// What a run of one mutant is told and what it answers. Runs it in a process of its own, which may be ended.
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Mutant } from "./mutant.ts";

export interface Job {
  /** Absent: the verifier as it is. */
  readonly mutant?: Mutant;
  readonly seed: number;
  /** Of the processor, for each search by random programs. */
  readonly seconds: number;
  /** Ask every detector, also after one has found something. */
  readonly all: boolean;
  readonly only?: readonly string[];
}

export interface Report {
  readonly detector: string;
  readonly found?: string;
  /** What the certificate checker says of the program that was found, see checkerVerdict(). */
  readonly checker?: "proved" | "refused" | "rejected";
  readonly tried: number;
  /** Of the processor. */
  readonly seconds: number;
}

const CHILD = join(import.meta.dirname, "child.ts");

/** A process on a busy machine waits more than it works; whatever is not a search takes less than the rest. */
const PATIENCE = 20;
const SPARE_SECONDS = 120;

/** What the detectors say of the mutant; throws if its process fails otherwise. A process that does not end was caught. */
export function runJob(job: Job): Promise<readonly Report[]> {
  const seconds = PATIENCE * job.seconds + SPARE_SECONDS;
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", CHILD, JSON.stringify(job)],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  let errors = "";
  child.stdout.on("data", (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 1000 * seconds);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => {
      clearTimeout(timer);
      if (status === 0) resolve(JSON.parse(output) as Report[]);
      else if (signal === "SIGKILL") {
        resolve([{ detector: "time", found: `does not end in ${seconds} s`, tried: 0, seconds }]);
      } else reject(new Error(`${job.mutant?.name ?? "no mutant"}: ${errors.trim() || `status ${status}`}`));
    });
  });
}
