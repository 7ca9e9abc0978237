// Services for tests: each in a state folder of its own, in this process or as a process that can be killed; and the
// command line as a process, from source or from the bundle. All of it ends with the test.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { KernelSystem } from "../../core/host/kernel/host.ts";
import { connectService, type ServiceClient } from "../../core/service/client.ts";
import { type RunningService, startService } from "../../core/service/main.ts";
import { type ServicePaths, servicePaths } from "../../core/service/paths.ts";

export const ROOT = join(import.meta.dirname, "..", "..");
export const SAMPLE = join(ROOT, "samples", "droppacket.o");
export const UNSAFE_SAMPLE = join(ROOT, "samples", "droppacket_unsafe.o");

/** Short, because a socket's path is: not in the repository. */
export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function pathsOf(home: string): ServicePaths {
  return servicePaths({
    platform: process.platform,
    env: { EBPF_HOME: home },
    homeFolder: home,
    userName: "test",
    userId: 0,
  });
}

export interface LocalService extends RunningService {
  readonly lines: readonly string[];
  connect(): Promise<ServiceClient>;
}

/** A service in this process. */
export async function localService(
  t: ExecutionContext,
  home = temporaryFolder(t),
  kernel?: KernelSystem,
): Promise<LocalService> {
  const lines: string[] = [];
  const service = await startService({
    paths: pathsOf(home),
    log: (line) => lines.push(line),
    ...(kernel === undefined ? {} : { kernel }),
  });
  t.teardown(() => service.stop());
  const connect = async () => {
    const client = await connectService({ paths: service.paths, start: false });
    t.teardown(() => client.close());
    return client;
  };
  return { ...service, lines, connect };
}

export interface Finished {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command line as it is developed. */
export const sourceScript = join(ROOT, "core", "cli", "main.ts");

export function startCommand(
  script: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, ...words], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** A test file's cases all start at once; more processes than this at a time only slow each other down. */
const PROCESSES = 3;
let running = 0;
const waiting: (() => void)[] = [];

/** Runs to its end, with `input` on stdin. */
export async function runCommand(
  script: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
): Promise<Finished> {
  if (running >= PROCESSES) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await finish(startCommand(script, words, env), input);
  } finally {
    running--;
    waiting.shift()?.();
  }
}

function finish(child: ChildProcess, input: string): Promise<Finished> {
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    err += text;
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, out, err })));
}

/** Kills the service that was started on demand in that state folder, if one still runs, when the test ends. */
export function killServiceAtEnd(t: ExecutionContext, home: string): void {
  t.teardown(() => {
    try {
      process.kill(Number(readFileSync(pathsOf(home).processFile, "utf8")), "SIGKILL");
    } catch {
      // It has ended.
    }
  });
}
