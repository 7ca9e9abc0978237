// Child processes of the demonstration, and that all it made is taken away again. Knows no step of the story.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { EbpfError } from "../../base/error.ts";

/** What is to be undone, last first. */
export interface Cleanup {
  add(undo: () => Promise<void> | void): void;
  /** Undoes everything, whatever fails on the way; the first error, if any. */
  run(): Promise<unknown>;
}

export function makeCleanup(): Cleanup {
  const undos: (() => Promise<void> | void)[] = [];
  return {
    add: (undo) => void undos.push(undo),
    async run() {
      let first: unknown;
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
        try {
          await undo();
        } catch (error) {
          first ??= error;
        }
      }
      return first;
    },
  };
}

/** The full path of a command of PATH, or of the folders for administrators; undefined if there is none. */
export function findCommand(name: string, path = process.env.PATH ?? ""): string | undefined {
  const extension = process.platform === "win32" ? ".exe" : "";
  return [...path.split(delimiter), "/usr/sbin", "/sbin"]
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name + extension))
    .find((file) => existsSync(file));
}

export interface Output {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface RunSettings {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
}

const LIMIT_MILLISECONDS = 60_000;

/** Runs a command to its end; ToolMissing if it cannot be started, Cancelled if `signal` aborts. */
export function runCommand(
  command: string,
  args: readonly string[],
  { cwd, env, signal }: RunSettings = {},
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd,
      env,
      signal,
      timeout: LIMIT_MILLISECONDS,
      maxBuffer: 1 << 26,
      encoding: "utf8" as const,
    };
    execFile(command, args, options, (error, out, err) => {
      if (signal?.aborted === true) reject(new EbpfError("Cancelled", "the demonstration was interrupted"));
      else if (error === null) resolve({ status: 0, out, err });
      else if (typeof error.code === "number") resolve({ status: error.code, out, err });
      else
        reject(
          new EbpfError(
            "ToolMissing",
            `${command} did not run: ${error.message}`,
            { target: command },
            error,
          ),
        );
    });
  });
}

/** Runs a command that has to succeed; else StepFailed with what it said. */
export async function mustRun(
  command: string,
  args: readonly string[],
  settings?: RunSettings,
): Promise<string> {
  const { status, out, err } = await runCommand(command, args, settings);
  if (status === 0) return out;
  const said = `${err}${out}`.trim();
  throw new EbpfError("StepFailed", `${[command, ...args].join(" ")} ended with ${status}: ${said}`, {
    target: command,
  });
}

/** Ends a child: asks first, and kills it if it does not go within 2 s. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 2_000);
  await gone;
  clearTimeout(late);
}

export interface Background {
  readonly child: ChildProcess;
  /** Fails with StepFailed if the child has ended, which none may before it is told to. */
  check(): void;
}

/** Starts a child that runs until the cleanup; `ipc` opens a channel for messages. */
export function startChild(
  [command = "", ...args]: readonly string[],
  settings: { readonly cleanup: Cleanup; readonly env?: NodeJS.ProcessEnv; readonly ipc?: boolean },
): Background {
  const child = spawn(command, args, {
    env: settings.env ?? process.env,
    stdio: ["ignore", "ignore", "pipe", ...(settings.ipc === true ? (["ipc"] as const) : [])],
  });
  let said = "";
  let failure: string | undefined;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2_000);
  });
  child.once("error", (error) => {
    failure = error.message;
  });
  child.once("exit", (status, signal) => {
    failure ??= `it ended with ${signal ?? `status ${status}`}`;
  });
  settings.cleanup.add(() => endChild(child));
  return {
    child,
    check() {
      if (failure === undefined) return;
      throw new EbpfError("StepFailed", `${command} ${args.join(" ")}: ${failure} ${said.trim()}`, {
        target: command,
      });
    },
  };
}

/** Waits; Cancelled if `signal` aborts. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      clearTimeout(timer);
      reject(new EbpfError("Cancelled", "the demonstration was interrupted"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", cancel);
      resolve();
    }, milliseconds);
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
  });
}

/** Waits until `ready` says so, asked every 20 ms; StepFailed after 10 s. */
export async function waitUntil(what: string, ready: () => boolean, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!ready()) {
    if (Date.now() > deadline) throw new EbpfError("StepFailed", `${what} did not happen within 10 s`);
    await sleep(20, signal);
  }
}
