// Why Windows did not load the driver, by what it wrote into its event logs: a row an event, with the code whose remedy is told.
import { ERROR_CODES, type ErrorCode } from "../base/error.ts";
import { rowOf } from "./errors.ts";
import { findEvents, type LoggedEvent, OWN } from "./event-log.ts";
import type { System } from "./system.ts";

export interface Refusal {
  readonly time: string;
  readonly log: string;
  readonly eventId: number;
  readonly code: ErrorCode;
  /** What is wrong: "it is ...". */
  readonly text: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
}

interface Source {
  readonly log: string;
  readonly provider: string;
  /** Whether the event is about the driver with that file's name. */
  isAbout(event: LoggedEvent, fileName: string): boolean;
  readonly events: ReadonlyMap<number, (event: LoggedEvent) => Meaning>;
}

const SERVICE_NAME = "ebpfcore";
const meaning = (code: ErrorCode, text: string) => (): Meaning => ({ code, text });

/** Its second datum is `%%577`: a Windows error. */
function startFailed({ data }: LoggedEvent): Meaning {
  const number = Number(/^%%(\d+)$/.exec(data[1] ?? "")?.[1]);
  const row = rowOf(number);
  if (row !== undefined) return { code: row.code, text: row.text };
  return { code: "DriverFailed", text: `it failed to start: ${data[1] ?? ""}` };
}

/** What says most comes first. The Security log has 5038 beside 3004, if it is audited: that is not on by itself. */
const SOURCES: readonly Source[] = [
  {
    log: "Microsoft-Windows-CodeIntegrity/Operational",
    provider: "Microsoft-Windows-CodeIntegrity",
    isAbout: ({ data }, fileName) => data.some((text) => text.toLowerCase().endsWith(`\\${fileName}`)),
    events: new Map([
      [3004, meaning("DriverSignatureRefused", "Windows cannot verify its signature")],
      [3023, meaning("DriverBlocked", "it is on Microsoft's list of revoked drivers")],
      [3033, meaning("DriverSignatureRefused", "its signature is not of the level that Windows asks for")],
      [3077, meaning("DriverBlocked", "an application control policy forbids it")],
      [3111, meaning("DriverBlocked", "it is not what memory integrity (HVCI) allows")],
    ]),
  },
  {
    log: "System",
    provider: "Service Control Manager",
    // 7026 has the names of all drivers that did not load, a line each.
    isAbout: ({ data }) => data[0]?.toLowerCase().trim().split(/\s+/).includes(SERVICE_NAME) === true,
    events: new Map([
      [7000, startFailed],
      [7026, meaning("DriverFailed", "it did not load when Windows started")],
    ]),
  },
];

const DAYS = 30;
const MAXIMUM_EVENTS = 200;
/** Of one refusal several logs tell, one after the other. */
const TOGETHER_MILLISECONDS = 10_000;

/**
 * The last refusal within a month; undefined if there is none, or the driver has started since. `since`: none before that.
 * WindowsError if a log cannot be read.
 */
export function findRefusal(system: System, path: string, since = 0): Refusal | undefined {
  const fileName = path.slice(path.lastIndexOf("\\") + 1).toLowerCase();
  const [started] = findEvents(system, { ...OWN, ids: [1] }, 1);
  const after = Math.max(since, started === undefined ? 0 : Date.parse(started.time));
  const found = SOURCES.map((source) => newestOf(system, source, fileName))
    .filter((refusal) => refusal !== undefined)
    .filter(({ time }) => Date.parse(time) >= after);
  const last = Math.max(...found.map(({ time }) => Date.parse(time)));
  return found.find(({ time }) => last - Date.parse(time) <= TOGETHER_MILLISECONDS);
}

function newestOf(system: System, source: Source, fileName: string): Refusal | undefined {
  const { log, provider, events } = source;
  const filter = { log, provider, ids: [...events.keys()], days: DAYS };
  const event = findEvents(system, filter, MAXIMUM_EVENTS).find((one) => source.isAbout(one, fileName));
  const told = event && events.get(event.id)?.(event);
  return event && told && { time: event.time, log, eventId: event.id, ...told };
}

/** In words: what, when, and where that stands. */
export const describeRefusal = ({ time, log, eventId, text }: Refusal): string =>
  `${text} (${time.replace(/\.\d+Z$/, "Z")}, event ${eventId} of ${log})`;

export const remedyOf = ({ code }: Refusal): string => ERROR_CODES[code].remedy;
