// PowerShell for the tests: one-off runs with exit code and both streams, and sessions driven by node-powershell.
import { spawn } from "node:child_process";
import { PowerShell } from "node-powershell";
import { powershellPath } from "../../scripts/powershell.ts";

export interface RunResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** Sends SIGINT once this text was seen on standard output. */
  readonly interruptAt?: string;
  /** Sends SIGINT once this has come. */
  readonly interruptOn?: Promise<void>;
}

const TIMEOUT_MS = 60_000;

/** The PowerShell to test with. There is none without a .NET SDK or pwsh: the tests then cannot run, and say so. */
export async function requirePowerShell(): Promise<string> {
  const path = await powershellPath();
  if (path === undefined) throw new Error("neither pwsh nor dotnet is on PATH; install a .NET 10 SDK");
  return path;
}

/** Runs PowerShell with these arguments to its end. */
export async function runPowerShell(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const path = await requirePowerShell();
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      cwd: options.folder,
      env: environmentOf(options.environment),
      timeout: TIMEOUT_MS,
    });
    let stdout = "";
    let stderr = "";
    let interrupted = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (options.interruptAt !== undefined && !interrupted && stdout.includes(options.interruptAt)) {
        interrupted = true;
        child.kill("SIGINT");
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    options.interruptOn?.then(() => child.kill("SIGINT"));
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
    child.stdin.end(options.input ?? "");
  });
}

/** A session that node-powershell keeps; dispose() it. Paths and text go in through `quote`. */
export async function openPowerShell(
  environment: Readonly<Record<string, string>> = {},
): Promise<PowerShell> {
  const executable = await requirePowerShell();
  return new PowerShell({
    executable,
    executableOptions: { "-NoProfile": true, "-NonInteractive": true },
    spawnOptions: { env: environmentOf(environment) },
    throwOnInvocationError: false,
    invocationTimeout: TIMEOUT_MS,
  });
}

/** A single-quoted PowerShell string. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function environmentOf(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, NO_COLOR: "1", COLUMNS: "120", ...extra };
}
