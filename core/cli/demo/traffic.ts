// What goes to the server in the demonstration: the flood (samples/flood) and the queries that deserve an answer. Knows
// how each is started at a place, and nothing of what is between them and the server.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EbpfError } from "../../base/error.ts";
import { entryScript } from "../../service/paths.ts";
import type { AnswererReport, AskerOrder, AskerReport } from "./dns.ts";
import { type Background, type Cleanup, findCommand, mustRun, startChild, waitUntil } from "./process.ts";

/** Where a process is to run: words in front of its command, none for here. */
export type Place = readonly string[];

export interface Target {
  readonly address: string;
  readonly port: number;
}

export interface FloodSettings {
  readonly root: string;
  /** Where it may be compiled to, if it is not there. */
  readonly scratch: string;
  /** Datagrams a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly cleanup: Cleanup;
}

/** DnsFlood as it was built, else compiled now. ToolMissing without a C compiler. */
async function floodCommand(root: string, scratch: string): Promise<string> {
  const windows = process.platform === "win32";
  const folder = join(root, "samples", "flood");
  const built = join(folder, windows ? "DnsFlood.exe" : "DnsFlood");
  if (existsSync(built)) return built;
  const compiler = ["cc", "gcc", "clang"].map((name) => findCommand(name)).find((path) => path !== undefined);
  if (compiler === undefined) {
    throw new EbpfError("ToolMissing", "DnsFlood is not built and there is no C compiler to build it with", {
      target: built,
    });
  }
  const output = join(scratch, windows ? "DnsFlood.exe" : "DnsFlood");
  const libraries = windows ? ["-lws2_32"] : ["-pthread"];
  await mustRun(compiler, ["-O2", join(folder, "DnsFlood.c"), "-o", output, ...libraries]);
  return output;
}

/** Starts the flood. It stops by itself after `seconds`, whatever becomes of the demonstration. */
export async function startFlood(place: Place, target: Target, settings: FloodSettings): Promise<Background> {
  const { root, scratch, rate, seconds, cleanup } = settings;
  const flood = await floodCommand(root, scratch);
  const options = { "--port": target.port, "--rate": rate, "--seconds": seconds };
  const words = Object.entries(options).flatMap(([name, value]) => [name, String(value)]);
  return startChild([...place, flood, "--yes", ...words, target.address], { cleanup });
}

function helper(place: Place, role: string, target: Target): string[] {
  const node = [process.execPath, "--disable-warning=ExperimentalWarning"];
  return [...place, ...node, entryScript(), role, target.address, String(target.port)];
}

export interface Queries {
  /** Counts the queries asked from now on. */
  begin(): void;
  /** Counts no more, and resolves when every counted query is answered or given up. */
  end(): Promise<{ readonly asked: number; readonly answered: number }>;
  /** Of the running count. */
  readonly asked: number;
  readonly answered: number;
  check(): void;
}

/** Asks the server a few times a second, until the cleanup. */
export function startQueries(place: Place, target: Target, cleanup: Cleanup, signal: AbortSignal): Queries {
  const { child, check } = startChild(helper(place, "demo-asker", target), { cleanup, ipc: true });
  let last: AskerReport = { kind: "ended", asked: 0, answered: 0 };
  child.on("message", (message) => {
    last = message as AskerReport;
  });
  const order = (message: AskerOrder): void => {
    check();
    child.send(message);
  };
  return {
    begin() {
      last = { kind: "progress", asked: 0, answered: 0 };
      order({ kind: "begin" });
    },
    async end() {
      order({ kind: "end" });
      const ended = (): boolean => {
        check();
        return last.kind === "ended";
      };
      await waitUntil("the end of the last queries", ended, signal);
      return last;
    },
    get asked() {
      return last.asked;
    },
    get answered() {
      return last.answered;
    },
    check,
  };
}

export interface Answerer {
  readonly port: number;
  readonly processId: number;
  /** Its last report. */
  received(): AnswererReport;
  check(): void;
}

/** Starts the small DNS server of our own; resolves when it listens. */
export async function startAnswerer(
  place: Place,
  target: Target,
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<Answerer> {
  const { child, check } = startChild(helper(place, "demo-answerer", target), { cleanup, ipc: true });
  let last: AnswererReport | undefined;
  child.on("message", (message) => {
    last = message as AnswererReport;
  });
  const listening = (): boolean => {
    check();
    return last !== undefined;
  };
  await waitUntil("the start of the DNS server", listening, signal);
  return {
    port: (last as AnswererReport | undefined)?.port ?? target.port,
    processId: child.pid ?? 0,
    received: () => last as AnswererReport,
    check,
  };
}
