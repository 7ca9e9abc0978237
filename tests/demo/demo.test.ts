// The demonstration, as it is shipped: run whole, on both stages, and nothing of it is left behind.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { DemoResult } from "../../core/cli/demo/story.ts";
import { powershellPath } from "../../scripts/powershell.ts";

const ENTRY = join(import.meta.dirname, "..", "..", "dist", "ebpf.cjs");
const LIMIT_MILLISECONDS = 120_000;

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
  /** Namespaces and files that the run did not take away again. */
  readonly left: readonly string[];
}

interface RunSettings {
  readonly env: NodeJS.ProcessEnv;
  /** Sends SIGINT a second after the output has this text. */
  readonly interruptAt?: string;
}

/** Runs the shipped demonstration with a temporary folder of its own, at a rate that leaves room for other tests. */
async function runDemo({ env, interruptAt }: RunSettings, ...words: string[]): Promise<Outcome> {
  const temporary = mkdtempSync(join(tmpdir(), "ebpf-test-"));
  const demo = spawn(process.execPath, [ENTRY, "demo", "--rate", "50000", ...words], {
    env: { ...process.env, TMPDIR: temporary, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MILLISECONDS,
  });
  let out = "";
  let err = "";
  let interrupt: NodeJS.Timeout | undefined;
  demo.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  demo.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    if (interruptAt === undefined || interrupt !== undefined || !out.includes(interruptAt)) return;
    interrupt = setTimeout(() => demo.kill("SIGINT"), 1_000);
  });
  const [status] = (await once(demo, "close")) as [number | null];
  clearTimeout(interrupt);
  const namespaces = execFileSync("ip", ["netns", "list"], { encoding: "utf8" });
  const left = [
    // .NET leaves pipes of its own there.
    ...readdirSync(temporary).filter((name) => name.startsWith("ebpf-")),
    ...(namespaces.match(new RegExp(`^ebpf-demo-${demo.pid}-\\S+`, "gm")) ?? []),
  ];
  rmSync(temporary, { recursive: true });
  return { status, out, err, left };
}

function resultOf({ out }: Outcome): DemoResult {
  return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as DemoResult;
}

const ROOT_HERE = process.geteuid?.() === 0;

for (const stage of ["tap", "gateway"] as const) {
  // Both stages at once would share the processors, and with them the rates.
  test.serial(`the whole story, with ${stage} and PowerShell`, async (t) => {
    t.timeout(LIMIT_MILLISECONDS);
    const powershell = await powershellPath();
    t.truthy(powershell, "there is no PowerShell, and no .NET SDK to build the small host with");
    const words = stage === "gateway" || !ROOT_HERE ? ["--gateway"] : [];
    const outcome = await runDemo(
      { env: { EBPF_POWERSHELL: powershell } },
      "--json",
      "--seconds",
      "2",
      ...words,
    );
    t.is(outcome.status, 0, `${outcome.err}\n${outcome.out}`);
    const result = resultOf(outcome);
    t.like(result, {
      rejected: true,
      powershell: true,
      interface: ROOT_HERE ? stage : "gateway",
      engine: "wasm",
    });
    t.true(result.before > 1_000 && result.after > 1_000, JSON.stringify(result));
    t.true(result.during < 10, JSON.stringify(result));
    t.true(result.queriesAsked >= 4, JSON.stringify(result));
    t.is(result.queriesAnswered, result.queriesAsked);
    for (const text of [
      "Add-EbpfProgram samples/droppacket.o -Hook xdp",
      "ETHERTYPE_IPV4",
      "ProgramRejected",
    ]) {
      t.true(outcome.out.includes(text), `${text} is not in:\n${outcome.out}`);
    }
    t.deepEqual(outcome.left, []);
  });
}

test.serial("without PowerShell the command line does it, and says so", async (t) => {
  t.timeout(LIMIT_MILLISECONDS);
  const path = (process.env.PATH ?? "")
    .split(":")
    .filter((folder) => !readdirOrEmpty(folder).includes("pwsh"));
  const outcome = await runDemo(
    { env: { EBPF_POWERSHELL: "", PATH: path.join(":") } },
    "--json",
    "--gateway",
  );
  t.is(outcome.status, 0, `${outcome.err}\n${outcome.out}`);
  t.like(resultOf(outcome), { powershell: false, rejected: true, interface: "gateway" });
  t.true(outcome.out.includes("There is no PowerShell here"));
  t.true(outcome.out.includes("$ ebpf program add samples/droppacket.o --hook xdp"));
});

function readdirOrEmpty(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

test.serial("interrupted in the middle of a flood, it takes everything away and says so", async (t) => {
  t.timeout(LIMIT_MILLISECONDS);
  const settings = { env: { EBPF_POWERSHELL: "" }, interruptAt: "The flood, with nothing attached" };
  const { status, err, left } = await runDemo(settings, "--seconds", "30");
  t.is(status, 1, err);
  t.regex(err, /Cancelled/);
  t.deepEqual(left, []);
});
