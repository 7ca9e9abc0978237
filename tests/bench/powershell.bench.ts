// What PowerShell users wait for: importing the module, the first cmdlet of a session, later ones. Each figure is the
// median of sessions of their own, in the engine that powershellPath() finds; the service runs from the bundle.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectService } from "../../core/service/client.ts";
import { servicePaths } from "../../core/service/paths.ts";
import { bundle } from "../../scripts/bundle.ts";
import { quote, runPowerShell } from "../harness/powershell.ts";
import type { Benchmark } from "./benchmark.ts";

const MANIFEST = join(import.meta.dirname, "..", "..", "ebpf.psd1");
const SESSIONS = 5;
const CALLS = 50;

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

/** The median of what the commands print, each time in a new session. */
async function measure(
  commands: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const values: number[] = [];
  for (let session = 0; session < SESSIONS; session++) {
    const { stdout, stderr, exitCode } = await runPowerShell(
      ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", commands],
      { environment },
    );
    const value = Number(stdout.trim().split("\n").at(-1));
    if (exitCode !== 0 || !Number.isFinite(value)) throw new Error(`PowerShell failed: ${stdout}${stderr}`);
    values.push(value);
  }
  return median(values);
}

const IMPORT = `Import-Module ${quote(MANIFEST)}`;
const timed = (commands: string, per = 1): string =>
  `$clock = [System.Diagnostics.Stopwatch]::StartNew(); ${commands}; ($clock.Elapsed.TotalMilliseconds / ${per}).ToString([cultureinfo]::InvariantCulture)`;

/** Runs with a folder that goes afterwards. */
async function inFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-bench-"));
  try {
    return await action(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs with a service from the bundle; `environment` leads cmdlets to it. */
async function withService<T>(
  action: (environment: { EBPF_HOME: string; EBPF_CORE: string }) => Promise<T>,
): Promise<T> {
  return inFolder(async (folder) => {
    await bundle(join(folder, "dist"));
    const environment = { EBPF_HOME: join(folder, "home"), EBPF_CORE: join(folder, "dist", "ebpf.cjs") };
    try {
      return await action(environment);
    } finally {
      await runPowerShell(["-NoProfile", "-Command", `${IMPORT}; Stop-EbpfService`], { environment });
    }
  });
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: "Import-Module ebpf",
    unit: "ms",
    better: "lower",
    target: 100,
    baseline: "a module of one empty function",
    run: () =>
      inFolder(async (folder) => {
        const empty = join(folder, "empty.psm1");
        writeFileSync(empty, "function Get-Nothing { }\n");
        const baseline = await measure(timed(`Import-Module ${quote(empty)}`));
        return { value: await measure(timed(IMPORT)), baseline };
      }),
  },
  {
    name: "first cmdlet of a PowerShell session",
    unit: "ms",
    better: "lower",
    target: 500,
    run: () =>
      withService(async (environment) => {
        await runPowerShell(["-NoProfile", "-Command", `${IMPORT}; Start-EbpfService`], { environment });
        return { value: await measure(`${IMPORT}; ${timed("$null = Get-EbpfProgram")}`, environment) };
      }),
  },
  {
    name: "first cmdlet of a PowerShell session, which starts the service",
    unit: "ms",
    better: "lower",
    run: () =>
      withService(async (environment) => ({
        value: await measure(
          `${IMPORT}; ${timed("$null = Get-EbpfProgram")} | ForEach-Object { Stop-EbpfService; $_ }`,
          environment,
        ),
      })),
  },
  {
    name: "later cmdlets of a PowerShell session",
    unit: "ms",
    better: "lower",
    target: 20,
    baseline: "the same call from Node",
    run: () =>
      withService(async (environment) => {
        const value = await measure(
          `${IMPORT}; $null = Get-EbpfProgram; ${timed(`foreach ($round in 1..${CALLS}) { $null = Get-EbpfProgram }`, CALLS)}`,
          environment,
        );
        return { value, baseline: await measureNode(environment.EBPF_HOME) };
      }),
  },
];

async function measureNode(home: string): Promise<number> {
  const paths = servicePaths({
    platform: process.platform,
    env: { EBPF_HOME: home },
    homeFolder: home,
    userName: "bench",
  });
  const client = await connectService({ paths, start: false });
  const began = performance.now();
  for (let round = 0; round < CALLS; round++) await client.call("program.list", {});
  client.close();
  return (performance.now() - began) / CALLS;
}
