// What there is to read of the driver: its events in Windows' System log, and the lines that programs have printed.
import { EbpfError } from "../base/error.ts";
import { type DriverEvent, readDriverEvents } from "./event-log.ts";
import { type System, WindowsError } from "./system.ts";

export type { DriverEvent } from "./event-log.ts";

export interface DriverLog {
  /** The newest, the oldest of them first. */
  readonly events: readonly DriverEvent[];
  /** Since they were read last: each is told once. */
  readonly lines: readonly string[];
  /** What cannot be told, and why. */
  readonly problems: readonly string[];
}

const MAXIMUM_EVENTS = 50;

/** Fails with ElevationNeeded, or as the driver does, but not because it does not run: its events stay. */
export function readDriverLog(system: System): DriverLog {
  const problems: string[] = [];
  const lines = takeLines(system, problems);
  try {
    return { events: readDriverEvents(system, MAXIMUM_EVENTS), lines, problems };
  } catch (error) {
    if (!(error instanceof WindowsError)) throw error;
    problems.push(`Windows' event log cannot be read: ${error.message}`);
    return { events: [], lines, problems };
  }
}

function takeLines({ driver }: System, problems: string[]): string[] {
  try {
    return driver.takeLog();
  } catch (error) {
    if (!(error instanceof EbpfError) || error.code !== "DriverNotRunning") throw error;
    problems.push("The driver does not run, so programs print nothing.");
    return [];
  }
}
