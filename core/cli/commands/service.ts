// ebpf service: run, start, stop, status, logs, methods. `run` is the service itself, in the foreground.
import { existsSync, readFileSync } from "node:fs";
import { EbpfError } from "../../base/error.ts";
import type { ServiceStatusRecord } from "../../manager/records.ts";
import type { StartMessage } from "../../service/client.ts";
import type { RunningService } from "../../service/main.ts";
import { type Handler, type Invocation, type Io, withService } from "../command.ts";
import { printJson, printRecord, tell } from "../output.ts";
import { pathsFor } from "../places.ts";

/** A service asked to stop has that long before --force kills it. */
const STOP_MILLISECONDS = 10_000;

export const runService: Handler = async ({ io }) => {
  const { startService } = await import("../../service/main.ts");
  const log = (line: string) => io.err(`${new Date().toISOString()} ${line}\n`);
  process.on("uncaughtException", (error) => {
    log(`ends on a defect: ${error.stack ?? error.message}`);
    process.exit(2);
  });
  let service: RunningService | undefined;
  let wanted = true;
  // Also while it starts: then it ends as soon as it has started.
  const end = (): void => {
    wanted = false;
    void service?.stop();
  };
  process.once("SIGTERM", end);
  io.signal.addEventListener("abort", end, { once: true });
  try {
    service = await startService({ paths: pathsFor(io.env), log });
    if (!wanted) void service.stop();
    await tellParent({ kind: "ready" });
    await service.ended;
    return 0;
  } catch (error) {
    if (error instanceof EbpfError) {
      await tellParent({ kind: "failed", code: error.code, message: error.message, data: error.data });
    }
    throw error;
  }
};

/** Over the IPC channel of service/start.ts, if a client started this process. */
function tellParent(message: StartMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) {
      resolve();
      return;
    }
    // Resolves when it is on its way: a process that ends right after must not take it along. The parent may be gone.
    process.send(message, undefined, undefined, () => {
      if (process.connected) process.disconnect?.();
      resolve();
    });
  });
}

function printStatus(invocation: Invocation, status: ServiceStatusRecord): void {
  printRecord(invocation, status, [
    ["process", status.processId],
    ["version", status.version],
    ["protocol", status.protocol],
    ["started", status.startedAt],
    ["socket", status.socket],
    ["state", status.stateFolder],
    ["memory", `${Math.round(status.memoryBytes / 1024 / 1024)} MiB`],
    ["programs", status.programs],
    ["maps", status.maps],
    ["links", status.links],
    ["interfaces", status.interfaces],
    ...status.problems.map((problem) => ["problem", problem] as const),
  ]);
}

export const startService = withService(async (client, invocation) => {
  printStatus(invocation, await client.call("service.status", {}));
});

/** Exit code 1 if no service runs, so that scripts can ask. */
export const serviceStatus = withService(
  async (client, invocation) => {
    printStatus(invocation, await client.call("service.status", {}));
  },
  { start: false },
);

/** Waits until the process is gone, so that a start right after it finds the state free. */
export const stopService: Handler = async (invocation) => {
  const force = invocation.options.force === true;
  const processId = await askToStop(invocation.io, force);
  if (!(await hasEnded(processId, STOP_MILLISECONDS))) {
    if (!force) {
      throw new EbpfError("ServiceUnresponsive", `the service (process ${processId}) has not ended yet`);
    }
    process.kill(processId, "SIGKILL");
  }
  tell(invocation, { processId }, `Stopped the service (process ${processId}).`);
  return 0;
};

/** With `force`, one that takes the connection but does not answer is killed: its process file says which it is. */
async function askToStop(io: Io, force: boolean): Promise<number> {
  try {
    const client = await io.connect({ start: false, anyProtocol: true });
    try {
      return (await client.call("service.stop", {})).processId;
    } finally {
      client.close();
    }
  } catch (error) {
    if (!force || !(error instanceof EbpfError) || error.code !== "ServiceUnresponsive") throw error;
    const processId = Number(readFileSync(pathsFor(io.env).processFile, "utf8"));
    if (!Number.isInteger(processId) || processId <= 1) throw error;
    process.kill(processId, "SIGKILL");
    return processId;
  }
}

async function hasEnded(processId: number, milliseconds: number): Promise<boolean> {
  for (const deadline = Date.now() + milliseconds; Date.now() < deadline; ) {
    if (!isAlive(processId)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

/** A process that has ended but whose parent has not asked for it yet (state Z, proc(5)) is not alive. */
function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z/.test(readFileSync(`/proc/${processId}/stat`, "utf8"));
  } catch {
    return process.platform !== "linux";
  }
}

export const serviceLogs: Handler = async ({ io, json, options }) => {
  const { log } = pathsFor(io.env);
  const lines = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
  const shown = lines.slice(-(typeof options.lines === "number" ? options.lines : 50));
  if (json) printJson(io, { file: log, lines: shown });
  else io.out(options.path === true ? `${log}\n` : `${shown.join("\n")}\n`);
  return 0;
};

export const listMethods: Handler = async ({ io, json }) => {
  const { describeMethods } = await import("../../service/methods.ts");
  const methods = describeMethods();
  if (json) {
    printJson(io, methods);
    return 0;
  }
  for (const { method, description, params, result } of methods) {
    io.out(`${method}\n  ${description}\n`);
    for (const [name, shape] of Object.entries(params)) io.out(`    ${name}: ${shape}\n`);
    io.out(`    -> ${result}\n`);
  }
  return 0;
};
