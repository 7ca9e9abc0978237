// Installing, starting, stopping and removing the driver: the same as `sc create|start|stop|delete EbpfCore`, with what sc does not
// look at: whose file it is, whether it may be stopped now, and what to do when Windows refuses.
import { EbpfError, type ErrorCode } from "../base/error.ts";
import { NUMBER, told, unless } from "./errors.ts";
import { registerEvents, unregisterEvents } from "./event-source.ts";
import { isSamePath, placeFile, placeOfDriver, removeFile } from "./file.ts";
import type { DriverRecord } from "./record.ts";
import { describeRefusal, findRefusal, type Refusal } from "./refusal.ts";
import { readStatus, SERVICE } from "./status.ts";
import {
  KERNEL_DRIVER,
  SERVICE_STATES,
  START_TYPES,
  type StartType,
  type System,
  WindowsError,
} from "./system.ts";

export { findDriverFile } from "./file.ts";
export { type DriverLog, readDriverLog } from "./log.ts";
export type { DriverRecord, Signature } from "./record.ts";
export { readStatus } from "./status.ts";
export { START_TYPES, type StartType, type System } from "./system.ts";
export { openWindows } from "./windows.ts";

export interface InstallOptions {
  /** The driver's file. Copied to where Windows has its drivers, unless the service has it where it lies already. */
  readonly file: string;
  readonly startType: StartType;
  /** Registered where it lies. */
  readonly inPlace?: boolean;
  /** Also over another product's service, and at boot without having been loaded once. */
  readonly force?: boolean;
}

const STOP_MILLISECONDS = 10_000;
const POLL_MILLISECONDS = 50;

/** DriverForeign if the service runs another product's file: nothing of ours is done to that. */
function refuseForeign({ file, path }: DriverRecord, force = false): void {
  if (file !== "other" || force) return;
  throw new EbpfError("DriverForeign", `the service ${SERVICE} is another product's: ${path}`, {
    target: SERVICE,
    details: { path },
  });
}

/** A record of a service that is there. */
function requireInstalled(system: System): DriverRecord {
  const record = readStatus(system);
  if (record.state !== "absent") return record;
  throw new EbpfError("DriverNotInstalled", `there is no service ${SERVICE}`, { target: SERVICE });
}

/**
 * Creates the service, or changes the one that is there: its file, its start type. A driver that runs keeps running as it is
 * until it is stopped.
 */
export function installDriver(system: System, options: InstallOptions): DriverRecord {
  const { file, startType, inPlace = false, force = false } = options;
  if (system.readFile(file) === undefined)
    throw new EbpfError("FileNotFound", `there is no file ${file}`, { target: file, file });
  const before = readStatus(system);
  refuseForeign(before, force);
  const lies = inPlace || (before.path !== null && isSamePath(before.path, file));
  const path = lies ? file : placeOfDriver(system);
  if (startType === "boot" && !force) requireLoadedOnce(before, path);
  placeFile(system, file, path);
  const configuration = { type: KERNEL_DRIVER, start: START_TYPES.indexOf(startType), path };
  told("install the driver", SERVICE, () =>
    before.state === "absent"
      ? system.createService(SERVICE, configuration)
      : system.configureService(SERVICE, configuration),
  );
  registerEvents(system, path);
  return readStatus(system);
}

/** A boot driver that Windows refuses, or that fails as it starts, keeps Windows from starting. */
function requireLoadedOnce({ state, path }: DriverRecord, next: string): void {
  if (state === "running" && path !== null && isSamePath(path, next)) return;
  throw new EbpfError(
    "DriverUntried",
    `${next} does not run, so nothing shows that Windows would load it at boot`,
    {
      target: next,
    },
  );
}

/** Nothing happens if it runs. */
export async function startDriver(system: System): Promise<DriverRecord> {
  const before = requireInstalled(system);
  refuseForeign(before);
  const { file, path } = before;
  if (file === "missing" && path !== null)
    throw new EbpfError("FileNotFound", `the driver's file ${path} is not there`, {
      target: path,
      file: path,
    });
  const since = Date.now();
  try {
    told("start the driver", SERVICE, () =>
      unless(NUMBER.alreadyRunning, () => system.startService(SERVICE)),
    );
  } catch (error) {
    throw error instanceof EbpfError && path !== null ? await withRefusal(system, error, path, since) : error;
  }
  return readStatus(system);
}

/** Where Windows writes down what it thinks of a file; that takes it a moment. */
const EXPLAINED: readonly ErrorCode[] = ["DriverSignatureRefused", "DriverBlocked", "DriverFailed"];
const REFUSAL_MILLISECONDS = 2000;

/** The error with what Windows' event logs say of it, if they do. */
async function withRefusal(
  system: System,
  error: EbpfError,
  path: string,
  since: number,
): Promise<EbpfError> {
  if (!EXPLAINED.includes(error.code)) return error;
  try {
    for (let waited = 0; waited <= REFUSAL_MILLISECONDS; waited += POLL_MILLISECONDS) {
      const refusal = findRefusal(system, path, since);
      if (refusal !== undefined) return explained(error, refusal);
      await system.sleep(POLL_MILLISECONDS);
    }
    return error;
  } catch (failure) {
    if (!(failure instanceof WindowsError)) throw failure;
    const details = { ...error.data.details, eventLog: failure.message };
    return new EbpfError(error.code, error.message, { ...error.data, details }, error.cause);
  }
}

/** What a log tells is more than a number that means anything. */
function explained(error: EbpfError, refusal: Refusal): EbpfError {
  const { log, eventId, time, code } = refusal;
  const details = { ...error.data.details, log, eventId, time };
  const text = `${error.message}: ${describeRefusal(refusal)}`;
  return new EbpfError(
    error.code === "DriverFailed" ? code : error.code,
    text,
    { ...error.data, details },
    error,
  );
}

export interface StopOptions {
  /** Programs that are loaded end. */
  readonly force?: boolean;
  /** Has those let go of the driver that can be asked to: Windows unloads it when nobody has it open any more. */
  readonly release?: () => Promise<void>;
}

/**
 * Nothing happens if it does not run. DriverBusy if programs are loaded, unless `force` ends them. DriverStopping if it goes on
 * waiting for programs of the system that have its device open.
 */
export async function stopDriver(system: System, options: StopOptions = {}): Promise<DriverRecord> {
  const before = requireInstalled(system);
  refuseForeign(before);
  if (before.state === "stopped") return before;
  const { programs } = before;
  if (options.force !== true && programs !== null && programs > 0) {
    const text = `${programs} ${programs === 1 ? "program is" : "programs are"} loaded in the driver`;
    throw new EbpfError("DriverBusy", text, { target: SERVICE, details: { programs } });
  }
  // Asked to stop first: from then on nobody opens it anew.
  if (before.state !== "stopping")
    told("stop the driver", SERVICE, () => unless(NUMBER.notRunning, () => system.stopService(SERVICE)));
  if (!isStopped(system)) await options.release?.();
  await waitUntilStopped(system);
  return readStatus(system);
}

function isStopped(system: System): boolean {
  const state = unless(NUMBER.noService, () => system.state(SERVICE));
  return state === undefined || SERVICE_STATES[state - 1] === "stopped";
}

async function waitUntilStopped(system: System): Promise<void> {
  for (let waited = 0; waited < STOP_MILLISECONDS; waited += POLL_MILLISECONDS) {
    if (isStopped(system)) return;
    await system.sleep(POLL_MILLISECONDS);
  }
  throw new EbpfError("DriverStopping", "the driver waits for programs that have its device open", {
    target: SERVICE,
  });
}

/** Stops it, deletes the service, and the file if that is where install has put it. Gives what it was. */
export async function uninstallDriver(system: System, options: StopOptions = {}): Promise<DriverRecord> {
  const before = requireInstalled(system);
  refuseForeign(before, options.force);
  if (before.file !== "other") await stopDriver(system, options);
  told("uninstall the driver", SERVICE, () => system.deleteService(SERVICE));
  if (before.file !== "other") unregisterEvents(system);
  const { path, file } = before;
  if (path !== null && file === "ours" && isSamePath(path, placeOfDriver(system))) removeFile(system, path);
  return before;
}
