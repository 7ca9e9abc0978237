// The driver under AddressSanitizer and UBSan, fed at random in every run of the tests: requests for a minute, and beside
// that its certificate checker and engines, with random and damaged programs. The seeds are told; `npm run fuzz -- --seed N
// ioctl` (or another name) goes on from there as long as wanted.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import { buildDriver } from "../../scripts/driver.ts";
import { CODES } from "../harness/driver-requests.ts";

const ROOT = join(import.meta.dirname, "..", "..");

interface Finished {
  readonly status: number | null;
  readonly output: string;
}

/** Runs scripts/fuzz.ts with the sanitizers. */
function fuzz(filter: string, seconds: number, seed: number): Promise<Finished> {
  const runtime = spawnSync("gcc", ["-print-file-name=libasan.so"], { encoding: "utf8" }).stdout.trim();
  const args = ["scripts/fuzz.ts", "--seconds", `${seconds}`, "--seed", `${seed}`, filter];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    // Leaks are counted by the cases themselves: Node leaves much behind on purpose.
    env: {
      ...process.env,
      LD_PRELOAD: runtime,
      ASAN_OPTIONS: "detect_leaks=0",
      EBPF_DRIVER_BUILD: "sanitized",
    },
  });
  const parts: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => parts.push(text));
  }
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, output: parts.join("") })));
}

const random = (): number => Math.floor(Math.random() * 2 ** 31);

test("requests, certificates and programs at random find nothing", async (t) => {
  t.timeout(600_000);
  buildDriver("sanitized");
  const feeds = [
    ["ioctl", 60],
    ["driver's", 6],
  ] as const;
  const runs = await Promise.all(feeds.map(([filter, seconds]) => fuzz(filter, seconds, random())));
  for (const { status, output } of runs) {
    t.is(status, 0, output);
    const lines = output.split("\n").filter((line) => line.startsWith("\u2714"));
    for (const line of lines) t.log(line);
    // A feed that did nothing would find nothing.
    t.true(lines.length > 0 && lines.every((line) => !line.includes(": 0 cases")), output);
  }
  const [requests] = runs;
  // Each code was answered as one hopes for; a record to read from a ring is rare.
  for (const name of CODES.keys())
    if (name !== "RING_READ") t.regex(requests?.output ?? "", new RegExp(`\\d ${name} None`), name);
  for (const outcome of [
    "PROGRAM_CREATE None 2",
    "PROGRAM_RUN None",
    "LINK_REPLACE None",
    "LINK_DETACH None",
    "MAP_UPDATE None",
    "MAP_LOOKUP None",
    "RING_READ None",
    "PROGRAM_CREATE CertificateRefused",
  ])
    t.regex(requests?.output ?? "", new RegExp(`\\d ${outcome}\\n`), outcome);
});
