// ebpf map: list, show, dump, lookup, update, delete, read. Keys and values are JSON by the map's types, or hex after 0x.
import type { MapEntryRecord, MapRecord, RingRecord } from "../../manager/records.ts";
import type { ServiceClient } from "../../service/client.ts";
import { argumentOf, given, type Handler, type Invocation, textOf, withService } from "../command.ts";
import { findMap } from "../names.ts";
import { type Column, printable, printJson, printRecord, printRecords, toJson } from "../output.ts";
import { hostOf } from "./program.ts";

const COLUMNS: readonly Column<MapRecord>[] = [
  { title: "ID", right: true, cell: (row) => row.id },
  { title: "NAME", cell: (row) => row.name },
  { title: "TYPE", cell: (row) => row.type },
  { title: "KEY", right: true, cell: (row) => row.keySizeBytes },
  { title: "VALUE", right: true, cell: (row) => row.valueSizeBytes },
  { title: "MAX", right: true, cell: (row) => row.maxEntries },
  { title: "ENTRIES", right: true, cell: (row) => row.entries },
  { title: "PERSISTENT", cell: (row) => (row.persistent ? "yes" : "no") },
  { title: "PROGRAMS", cell: (row) => row.programIds.join(", ") || "-" },
];

const ENTRY_COLUMNS: readonly Column<MapEntryRecord>[] = [
  { title: "KEY", cell: (row) => cellText(row.key) },
  { title: "VALUE", cell: (row) => cellText(row.value) },
];

/** By type: why nothing is there to be dumped, whatever the map holds. */
const WITHOUT_ENTRIES: Readonly<Record<string, string>> = {
  ringbuf: "A ring buffer has records, which 'ebpf map read' takes.",
  queue: "A queue has no keys: programs alone take its values.",
  stack: "A stack has no keys: programs alone take its values.",
};

function cellText(value: unknown): string {
  return typeof value === "string" ? value : toJson(value);
}

type Cell = string | number | boolean | unknown[] | Record<string, unknown>;

/** Numbers, objects, lists and quoted strings as JSON; anything else, and numbers too large for JSON, as they stand. */
export function parseCell(text: string): Cell {
  if (/^(0x|-?[0-9]{16,}$)/i.test(text)) return text;
  try {
    const value = JSON.parse(text) as Cell | null;
    return value === null ? text : value;
  } catch {
    return text;
  }
}

/** Runs `body` with the map that the first argument names. */
function withMap(
  body: (client: ServiceClient, map: MapRecord, invocation: Invocation) => Promise<void>,
): Handler {
  return withService(async (client, invocation) => {
    await body(client, await findMap(client, argumentOf(invocation, 0)), invocation);
  });
}

function printEntry(invocation: Invocation, entry: MapEntryRecord): void {
  if (invocation.json) printJson(invocation.io, entry);
  else invocation.io.out(`${cellText(entry.key)}  ${cellText(entry.value)}\n`);
}

export const listMaps = withService(async (client, invocation) => {
  const maps = await client.call("map.list", given({ host: hostOf(invocation) }));
  printRecords(invocation, maps, COLUMNS, "There are no maps.");
});

export const showMap = withMap(async (_client, map, invocation) => {
  printRecord(invocation, map, [
    ["id", map.id],
    ["name", map.name],
    ["type", map.type],
    ["key", `${map.keySizeBytes} bytes`],
    ["value", `${map.valueSizeBytes} bytes`],
    ["max entries", map.maxEntries],
    ["entries", map.entries],
    ["persistent", map.persistent],
    ["programs", map.programIds.join(", ") || "none"],
  ]);
});

export const dumpMap = withMap(async (client, map, invocation) => {
  const entries = await client.call("map.dump", { id: map.id });
  printRecords(invocation, entries, ENTRY_COLUMNS, WITHOUT_ENTRIES[map.type] ?? "The map is empty.");
});

export const lookupEntry = withMap(async (client, map, invocation) => {
  const key = parseCell(argumentOf(invocation, 1));
  printEntry(invocation, await client.call("map.lookup", { id: map.id, key }));
});

export const updateEntry = withMap(async (client, map, invocation) => {
  const mode = textOf(invocation.options.mode) as "any" | "noexist" | "exist" | undefined;
  const entry = await client.call("map.update", {
    id: map.id,
    key: parseCell(argumentOf(invocation, 1)),
    value: parseCell(argumentOf(invocation, 2)),
    ...given({ mode }),
  });
  printEntry(invocation, entry);
});

export const deleteEntry = withMap(async (client, map, invocation) => {
  const key = parseCell(argumentOf(invocation, 1));
  printEntry(invocation, await client.call("map.delete", { id: map.id, key }));
});

/** How long one request waits, and how much it takes; the service is asked again as long as wanted. */
const FOLLOW_MILLISECONDS = 1000;
const READ_LIMIT = 256;

export const readRecords = withMap(async (client, map, invocation) => {
  const { io, options } = invocation;
  const follow = options.follow === true;
  const asked = {
    id: map.id,
    ...given({ type: textOf(options.type) }),
    ...(follow ? { milliseconds: FOLLOW_MILLISECONDS } : {}),
  };
  const all: RingRecord["records"][number][] = [];
  const print = (record: RingRecord["records"][number]): void => {
    if (!invocation.json) io.out(`${printable(cellText(record.value))}\n`);
    else if (follow) io.out(`${toJson(record)}\n`);
    else all.push(record);
  };
  let left = typeof options.limit === "number" ? options.limit : Number.POSITIVE_INFINITY;
  let lost = 0;
  while (left > 0 && !io.signal.aborted) {
    const read = await client.call("map.read", { ...asked, limit: Math.min(left, READ_LIMIT) });
    for (const record of read.records) print(record);
    if (read.dropped > lost) io.err(`${read.dropped} records were lost: there was no room for them.\n`);
    lost = read.dropped;
    left -= read.records.length;
    if (!follow && read.records.length === 0) break;
  }
  if (invocation.json && !follow) printJson(io, all);
});
