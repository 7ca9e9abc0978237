// ebpf driver: install, start, stop, uninstall, status, log. They act in this process, with its user's rights, and not through the
// service, which may have others.
import { resolve } from "node:path";
import { EbpfError } from "../../base/error.ts";
import {
  type DriverRecord,
  findDriverFile,
  installDriver,
  openWindows,
  readDriverLog,
  readStatus,
  START_TYPES,
  type StopOptions,
  startDriver,
  stopDriver,
  uninstallDriver,
} from "../../driver/driver.ts";
import { entryScript } from "../../service/paths.ts";
import { type Handler, type Invocation, type Io, textOf } from "../command.ts";
import { printable, printJson, printRecord, tell } from "../output.ts";

export const install: Handler = async (invocation) => {
  const { io, options } = invocation;
  const system = await openWindows();
  const path = textOf(options.path);
  const record = installDriver(system, {
    file: path === undefined ? findDriverFile(entryScript()) : resolve(io.cwd, path),
    startType: START_TYPES.find((name) => name === options.start) ?? "demand",
    inPlace: options.inPlace === true,
    force: options.force === true,
  });
  const { name, path: place, startType } = record;
  tell(invocation, record, `Installed the driver ${name}: ${place}, start type ${startType}.`);
  warn(invocation, record);
  return 0;
};

export const start: Handler = async (invocation) => {
  const record = await startDriver(await openWindows());
  const { name, engine } = record;
  tell(invocation, record, `The driver ${name} runs${engine === null ? "" : `, engine ${engine}`}.`);
  warn(invocation, record);
  return 0;
};

export const stop: Handler = async (invocation) => {
  const record = await stopDriver(await openWindows(), stopOptions(invocation));
  tell(invocation, record, `The driver ${record.name} is stopped.`);
  return 0;
};

function stopOptions({ io, options }: Invocation): StopOptions {
  return { force: options.force === true, release: () => releaseByService(io) };
}

/** The service of this user, if one runs: that of another is not ours to ask, and keeps the driver stopping. */
async function releaseByService(io: Io): Promise<void> {
  try {
    const client = await io.connect({ start: false });
    try {
      await client.call("driver.release", {});
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof EbpfError) || error.code !== "ServiceNotRunning") throw error;
  }
}

export const uninstall: Handler = async (invocation) => {
  const record = await uninstallDriver(await openWindows(), stopOptions(invocation));
  tell(invocation, record, `Uninstalled the driver ${record.name}.`);
  return 0;
};

/** The driver's events, and what programs print: a line is told once. */
export const log: Handler = async ({ io, json }) => {
  const record = readDriverLog(await openWindows());
  if (json) {
    printJson(io, record);
    return 0;
  }
  for (const { time, id, severity, text } of record.events)
    io.out(`${printable(`${time} ${severity} ${id}: ${text}`)}\n`);
  for (const line of record.lines) io.out(`${printable(line.trimEnd())}\n`);
  for (const problem of record.problems) io.err(`${problem}\n`);
  return 0;
};

/** Exit code 1 if it does not run, so that scripts can ask. */
export const status: Handler = async (invocation) => {
  const record = readStatus(await openWindows());
  const onOff = (value: boolean): string => (value ? "on" : "off");
  printRecord(invocation, record, [
    ["driver", record.name],
    ["state", record.state],
    ["start", record.startType ?? undefined],
    ["file", record.path ?? undefined],
    ["signature", record.signature ?? undefined],
    ["refusal", record.refusal ?? undefined],
    ["contract", record.contract ?? undefined],
    ["engine", engineOf(record)],
    ["uncertified", uncertifiedOf(record)],
    ["programs", record.programs ?? undefined],
    ["maps", record.maps ?? undefined],
    ["links", record.links ?? undefined],
    ["hooks", record.hooks?.join(", ")],
    ["clients", record.clients ?? undefined],
    ["test signing", onOff(record.testSigning)],
    ["Secure Boot", onOff(record.secureBoot)],
    [
      "memory integrity",
      record.memoryIntegrity === "afterRestart" ? "on after restart" : record.memoryIntegrity,
    ],
    ...record.problems.map((problem) => ["problem", problem] as const),
  ]);
  return record.state === "running" ? 0 : 1;
};

function engineOf({ engine, engineReason }: DriverRecord): string | undefined {
  if (engine === null) return undefined;
  return engineReason === null ? engine : `${engine}: ${engineReason}`;
}

function uncertifiedOf({ allowUncertified }: DriverRecord): string | undefined {
  if (allowUncertified === null) return undefined;
  return allowUncertified ? "ALLOWED: the JIT compiles programs that nothing proves" : "interpreted only";
}

/** What is wrong with what was just done goes to people; programs find it in the record. */
function warn({ io, json }: Invocation, { problems }: DriverRecord): void {
  if (!json) for (const problem of problems) io.err(`${problem}\n`);
}
