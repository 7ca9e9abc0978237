// Starting a service as a process of its own, detached from whoever needs it. The child tells over its IPC channel
// that it is ready, or why it is not.
import { spawn } from "node:child_process";
import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { EbpfError, ERROR_CODES, type ErrorCode, type ErrorData } from "../base/error.ts";
import { makeFolder } from "./folder.ts";
import { entryScript, type ServicePaths } from "./paths.ts";

/** What the child says once: `ok`, or the error that ended its start. */
export type StartMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly code: string; readonly message: string; readonly data: ErrorData };

const START_MILLISECONDS = 30_000;
const LOG_LIMIT_BYTES = 1 << 20;

/** The log of the start before is kept as service.log.1 once it has grown. */
function openLog(paths: ServicePaths): number {
  try {
    makeFolder(paths.home);
    if ((statSync(paths.log, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) {
      renameSync(paths.log, `${paths.log}.1`);
    }
    return openSync(paths.log, "a", 0o600);
  } catch (error) {
    const reason = (error as Error).message;
    throw new EbpfError("StateUnwritable", `the state folder cannot be used: ${reason}`, {
      target: paths.home,
    });
  }
}

/**
 * Starts `ebpf service run` for that state folder. Resolves when it listens; fails with the error that it failed with
 * (ServiceRunning, StateInvalid, StateUnwritable ...), or ServiceUnresponsive.
 */
export function spawnService(paths: ServicePaths): Promise<void> {
  const log = openLog(paths);
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", entryScript(), "service", "run"],
    {
      detached: true,
      windowsHide: true,
      cwd: paths.home,
      env: { ...process.env, EBPF_HOME: paths.home },
      stdio: ["ignore", log, log, "ipc"],
    },
  );
  closeSync(log);
  return new Promise((resolve, reject) => {
    const finish = (error?: EbpfError): void => {
      clearTimeout(late);
      child.removeAllListeners();
      if (child.connected) child.disconnect();
      child.unref();
      if (error === undefined) resolve();
      else reject(error);
    };
    const late = setTimeout(() => {
      finish(new EbpfError("ServiceUnresponsive", "the service did not start in time", { file: paths.log }));
    }, START_MILLISECONDS);
    child.once("message", (message) => finish(errorOf(message as StartMessage)));
    child.once("error", (error) => finish(notStarted(paths, error.message)));
    child.once("exit", (status, signal) => {
      const end = () => finish(notStarted(paths, `it ended with ${signal ?? `status ${status}`}`));
      // What it said last may still be in the channel.
      if (child.connected) child.once("disconnect", end);
      else end();
    });
  });
}

function notStarted(paths: ServicePaths, reason: string): EbpfError {
  return new EbpfError("ServiceNotRunning", `the service did not start: ${reason}; see ${paths.log}`, {
    file: paths.log,
  });
}

function errorOf(message: StartMessage): EbpfError | undefined {
  if (message.kind === "ready") return undefined;
  const code = Object.hasOwn(ERROR_CODES, message.code) ? (message.code as ErrorCode) : "InternalError";
  return new EbpfError(code, message.message, message.data);
}
