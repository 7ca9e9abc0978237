// Windows' event log, as far as it tells of the driver: events as Windows renders them, and those that the driver itself has
// written (events.ts), with their texts. The texts of others are not asked for: they are in the language of the machine.
import { EVENTS, type Severity } from "./events.ts";
import type { System } from "./system.ts";

export interface LoggedEvent {
  /** ISO 8601, as Windows has it. */
  readonly time: string;
  readonly id: number;
  /** 2: error, 3: warning, 4: information. */
  readonly level: number;
  /** What its text is made of. */
  readonly data: readonly string[];
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(Number(decimal ?? `0x${hex}`));
  });
}

/** An event in the form that EvtRender gives: https://learn.microsoft.com/windows/win32/wes/eventschema-schema. */
export function parseEvent(xml: string): LoggedEvent {
  const found = (pattern: RegExp): string => unescaped(pattern.exec(xml)?.[1] ?? "");
  const data = xml.matchAll(/<Data(?:\s[^>]*?)?(?:\/>|>([^<]*)<\/Data>)/g);
  return {
    time: found(/<TimeCreated\s[^>]*?SystemTime=['"]([^'"]*)/),
    id: Number(found(/<EventID(?:\s[^>]*)?>(\d+)</)),
    level: Number(found(/<Level>(\d+)</)),
    data: [...data].map(([, text = ""]) => unescaped(text)),
  };
}

export interface EventFilter {
  readonly log: string;
  readonly provider: string;
  /** Undefined: all. */
  readonly ids?: readonly number[];
  readonly days?: number;
}

/** The newest first; at most so many. WindowsError if the log cannot be read. */
export function findEvents(system: System, filter: EventFilter, maximum: number): LoggedEvent[] {
  const { log, provider, ids, days } = filter;
  const conditions = [`Provider[@Name='${provider}']`];
  if (ids !== undefined) conditions.push(`(${ids.map((id) => `EventID=${id}`).join(" or ")})`);
  if (days !== undefined)
    conditions.push(`TimeCreated[timediff(@SystemTime) <= ${days * 24 * 60 * 60 * 1000}]`);
  return system.events(log, `*[System[${conditions.join(" and ")}]]`, maximum).map(parseEvent);
}

/** Of the driver. */
export interface DriverEvent {
  readonly time: string;
  readonly id: number;
  readonly severity: Severity;
  readonly text: string;
}

const LEVELS = new Map<number, Severity>([
  [1, "error"],
  [2, "error"],
  [3, "warning"],
]);

/** The numbers that came with it are its last data: what is before them is Windows' own (%1). */
function driverEvent({ time, id, level, data }: LoggedEvent): DriverEvent {
  const row = EVENTS.find((event) => event.id === id);
  // Of a newer driver than this core.
  if (row === undefined)
    return { time, id, severity: LEVELS.get(level) ?? "information", text: data.join(" ").trim() };
  const count = row.text.match(/%\d/g)?.length ?? 0;
  const numbers = data.slice(Math.max(0, data.length - count));
  return {
    ...{ time, id, severity: row.severity },
    text: row.text.replace(/%(\d)/g, (place, digit) => numbers[Number(digit) - 2] ?? place),
  };
}

export const OWN = { log: "System", provider: "EbpfCore" } as const satisfies EventFilter;

/** The newest so many, the oldest of them first. WindowsError if the log cannot be read. */
export function readDriverEvents(system: System, maximum: number): DriverEvent[] {
  return findEvents(system, OWN, maximum).map(driverEvent).reverse();
}
