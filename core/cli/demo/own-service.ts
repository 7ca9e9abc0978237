// The service that the demonstration runs for itself: in a state folder of its own, so that nothing of the user's is
// touched, and gone with it. Everything is said to it by the command line.
import { rm } from "node:fs/promises";
import { EbpfError, ERROR_CODES, type ErrorCode } from "../../base/error.ts";
import { entryScript } from "../../service/paths.ts";
import type { Ebpf } from "./operator.ts";
import { type Cleanup, runCommand } from "./process.ts";

export interface OwnService {
  readonly env: NodeJS.ProcessEnv;
  readonly ebpf: Ebpf;
}

interface ErrorLine {
  readonly error: { readonly code: string; readonly message: string };
}

/** The error that `ebpf --json` printed as a line on stderr. */
function errorFrom(words: readonly string[], status: number, err: string): EbpfError {
  const line = err.split("\n").findLast((text) => text.startsWith('{"error"'));
  if (line === undefined) {
    return new EbpfError("StepFailed", `ebpf ${words.join(" ")} ended with ${status}: ${err.trim()}`);
  }
  const { code, message } = (JSON.parse(line) as ErrorLine).error;
  return new EbpfError(Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "StepFailed", message);
}

/** Starts a service whose state is in `home`; the cleanup stops it and removes the folder. `root` is where commands run. */
export async function startOwnService(home: string, root: string, cleanup: Cleanup): Promise<OwnService> {
  const env: NodeJS.ProcessEnv = { ...process.env, EBPF_HOME: home };
  const ebpf: Ebpf = async (...words) => {
    const entry = ["--disable-warning=ExperimentalWarning", entryScript()];
    const { status, out, err } = await runCommand(process.execPath, [...entry, ...words, "--json"], {
      cwd: root,
      env,
    });
    // 1 without an error is an answer, such as "rejected".
    if (status !== 0 && (status !== 1 || out.trim() === "")) throw errorFrom(words, status, err);
    return out.trim() === "" ? undefined : JSON.parse(out);
  };
  // A file may still be written in the moment that a folder is emptied; then it is tried again.
  cleanup.add(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  cleanup.add(async () => {
    await ebpf("service", "stop", "--force");
  });
  await ebpf("service", "start");
  return { env, ebpf };
}
