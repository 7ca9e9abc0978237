// Where PowerShell is on this machine: a real `pwsh`, or the small host of tests/powershell/host, built when needed.
// Tests, benchmarks and the demonstration ask here; nothing of the core does.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { findCommand } from "../core/cli/demo/process.ts";

const run = promisify(execFile);
const source = join(import.meta.dirname, "..", "tests", "powershell", "host");

/** What the host is published as. */
interface Target {
  readonly host: string;
  readonly options: readonly string[];
}

const OWN: Target = {
  host: join(source, "bin", "publish", `powershell-host${process.platform === "win32" ? ".exe" : ""}`),
  options: [],
};
/** With .NET itself, for Windows programs under Wine. */
const WINDOWS: Target = {
  host: join(source, "bin", "publish-windows", "powershell-host.exe"),
  options: ["-r", "win-x64", "--self-contained", "true", "-p:UseCurrentRuntimeIdentifier=false"],
};

/** A path that runs PowerShell 7, or undefined if there is neither pwsh nor a .NET SDK. Fails if the host does not build. */
export async function powershellPath(): Promise<string | undefined> {
  const pwsh = findCommand("pwsh");
  if (pwsh !== undefined) return pwsh;
  return publish(OWN);
}

/** The folder with powershell-host.exe for Windows, or undefined if there is no .NET SDK. Fails if it does not build. */
export async function windowsPowerShellFolder(): Promise<string | undefined> {
  const host = await publish(WINDOWS);
  return host === undefined ? undefined : dirname(host);
}

async function publish(target: Target): Promise<string | undefined> {
  const dotnet = findCommand("dotnet");
  if (dotnet === undefined) return undefined;
  await withLock(async () => {
    if (await isStale(target.host)) await build(dotnet, target);
  });
  return target.host;
}

/** True if `path`, an answer of powershellPath(), is the host built here and not Microsoft's pwsh. */
export function isOwnHost(path: string): boolean {
  return path === OWN.host;
}

async function isStale(host: string): Promise<boolean> {
  if (!existsSync(host)) return true;
  const built = (await stat(host)).mtimeMs;
  const files = (await readdir(source)).filter((name) => /\.(cs|csproj)$/.test(name));
  const times = await Promise.all(files.map(async (name) => (await stat(join(source, name))).mtimeMs));
  return times.some((time) => time > built);
}

/**
 * Publishes ahead-of-time compiled code, which halves the start-up; that takes a compiler package from NuGet, so
 * where the package cannot be had the same program is published without it.
 */
async function build(dotnet: string, { host, options: own }: Target): Promise<void> {
  const output = dirname(host);
  const attempts = [["-p:PublishReadyToRun=true"], ["-p:PublishReadyToRun=false"]];
  let failure: unknown;
  for (const options of attempts) {
    const next = `${output}.${process.pid}`;
    try {
      await run(dotnet, ["publish", source, "-c", "Release", "-o", next, "--nologo", ...own, ...options], {
        env: { ...process.env, DOTNET_CLI_TELEMETRY_OPTOUT: "1", DOTNET_NOLOGO: "1" },
        maxBuffer: 1 << 24,
        timeout: 600_000,
      });
      await rm(output, { recursive: true, force: true });
      await rename(next, output);
      const now = new Date();
      await utimes(host, now, now);
      return;
    } catch (error) {
      await rm(next, { recursive: true, force: true });
      failure = error;
    }
  }
  throw new Error(`the PowerShell host does not build: ${textOf(failure)}`, { cause: failure });
}

function textOf(error: unknown): string {
  const output = (error as { readonly stdout?: string }).stdout ?? "";
  const lines = output.split("\n").filter((line) => line.includes("error"));
  return lines.length > 0 ? lines.join("\n") : String(error);
}

/** One build at a time, also between processes: ava runs test files side by side. */
async function withLock<T>(action: () => Promise<T>): Promise<T> {
  const lock = join(source, "bin", "lock");
  await mkdir(join(source, "bin"), { recursive: true });
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      await removeDeadLock(lock);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    await writeFile(join(lock, String(process.pid)), "");
    return await action();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function removeDeadLock(lock: string): Promise<void> {
  try {
    const [owner] = await readdir(lock);
    const age = Date.now() - (await stat(lock)).mtimeMs;
    if (owner === undefined ? age > 5_000 : !isAlive(Number(owner)))
      await rm(lock, { recursive: true, force: true });
  } catch {
    // The owner let go of it in between.
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}
