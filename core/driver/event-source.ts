// The driver as a source of Windows' System log: where Windows finds the texts of its events, which are in the driver's file.
import { NUMBER, told, unless } from "./errors.ts";
import { isSamePath, placeOfDriver } from "./file.ts";
import { SERVICE } from "./status.ts";
import type { System } from "./system.ts";

const KEY = `SYSTEM\\CurrentControlSet\\Services\\EventLog\\System\\${SERVICE}`;
/** EVENTLOG_ERROR_TYPE, EVENTLOG_WARNING_TYPE, EVENTLOG_INFORMATION_TYPE. */
const ALL_TYPES = 7;

/** `file`: as the service has it. */
export function registerEvents(system: System, file: string): void {
  const place = isSamePath(file, placeOfDriver(system))
    ? "%SystemRoot%\\System32\\drivers\\EbpfCore.sys"
    : file;
  told("register the driver's events", SERVICE, () =>
    system.setRegistry(KEY, { EventMessageFile: place, TypesSupported: ALL_TYPES }),
  );
}

/** Nothing happens if they are not. */
export function unregisterEvents(system: System): void {
  told("unregister the driver's events", SERVICE, () =>
    unless(NUMBER.fileNotFound, () => system.deleteRegistry(KEY)),
  );
}
