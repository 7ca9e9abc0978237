// The demonstration, as it is shipped: run whole, on both stages, and nothing of it is left behind.
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { DemoResult } from "../../core/cli/demo/story.ts";
import { powershellPath } from "../../scripts/powershell.ts";

const ENTRY = join(import.meta.dirname, "..", "..", "dist", "ebpf.cjs");
const LIMIT_MILLISECONDS = 120_000;

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function runDemo(env: NodeJS.ProcessEnv, ...words: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const args = [ENTRY, "demo", "--json", "--seconds", "2", "--rate", "50000", ...words];
    const options = {
      encoding: "utf8" as const,
      env: { ...process.env, ...env },
      timeout: LIMIT_MILLISECONDS,
    };
    execFile(process.execPath, args, options, (error, out, err) => {
      resolve({ status: error === null ? 0 : typeof error.code === "number" ? error.code : -1, out, err });
    });
  });
}

function resultOf({ out }: Outcome): DemoResult {
  return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as DemoResult;
}

function namespaces(): string[] {
  return execFileSync("ip", ["netns", "list"], { encoding: "utf8" }).match(/^ebpf-demo-\S+/gm) ?? [];
}

function folders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("ebpf-demo-"));
}

const ROOT_HERE = process.geteuid?.() === 0;

for (const stage of ["tap", "gateway"] as const) {
  // Both stages at once would share the processors, and with them the rates.
  test.serial(`the whole story, with ${stage} and PowerShell`, async (t) => {
    t.timeout(LIMIT_MILLISECONDS);
    const before = { namespaces: namespaces(), folders: folders() };
    const powershell = await powershellPath();
    t.truthy(powershell, "there is no PowerShell, and no .NET SDK to build the small host with");
    const words = stage === "gateway" || !ROOT_HERE ? ["--gateway"] : [];
    const outcome = await runDemo({ EBPF_POWERSHELL: powershell }, ...words);
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
    t.deepEqual({ namespaces: namespaces(), folders: folders() }, before);
  });
}

test.serial("without PowerShell the command line does it, and says so", async (t) => {
  t.timeout(LIMIT_MILLISECONDS);
  const path = (process.env.PATH ?? "")
    .split(":")
    .filter((folder) => !readdirOrEmpty(folder).includes("pwsh"));
  const outcome = await runDemo({ EBPF_POWERSHELL: "", PATH: path.join(":") }, "--gateway");
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
  const before = { namespaces: namespaces(), folders: folders() };
  const demo = spawn(process.execPath, [ENTRY, "demo", "--seconds", "30", "--rate", "50000"], {
    env: { ...process.env, EBPF_POWERSHELL: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  demo.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const flooding = new Promise<void>((resolve) => {
    demo.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      if (out.includes("The flood, with nothing attached")) resolve();
    });
  });
  const ended = once(demo, "exit");
  await Promise.race([flooding, ended]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  demo.kill("SIGINT");
  const [status] = await ended;
  t.is(status, 1, err);
  t.regex(err, /Cancelled/);
  t.deepEqual({ namespaces: namespaces(), folders: folders() }, before);
});
