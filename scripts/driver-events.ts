// Makes driver/event-rows.h and driver/windows/events.bin of core/driver/events.ts. Part of `npm run fixtures`;
// tests/driver/events.test.ts holds that the files are what this makes.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, EVENTS, type EventRow } from "../core/driver/events.ts";

const ROOT = join(import.meta.dirname, "..");

function rowsFile(): string {
  const rows = EVENTS.map((event) => {
    const { name, text, numbers = "decimal", intervalSeconds = 0 } = event;
    const code = `0x${codeOf(event).toString(16)}`;
    return `    ROW(${name}, ${code}, ${numbers === "status" ? "TRUE" : "FALSE"}, ${intervalSeconds}, ${JSON.stringify(text)})`;
  });
  return `// Made by scripts/driver-events.ts of core/driver/events.ts: npm run fixtures.
#pragma once

/** ROW(name, code, whether its numbers are statuses, seconds between two of it, text). */
#define EBPF_EVENT_ROWS(ROW) \\
${rows.join(" \\\n")}
`;
}

/** MESSAGE_RESOURCE_ENTRY: bytes in all 0, flags 2 (1: UTF-16), the text with a line's end and a 0, up to a multiple of 4. */
function entryOf({ text }: EventRow): Buffer {
  const bytes = Buffer.from(`${text}\r\n\0`, "utf16le");
  const entry = Buffer.alloc((4 + bytes.length + 3) & ~3);
  entry.writeUInt16LE(entry.length, 0);
  entry.writeUInt16LE(1, 2);
  bytes.copy(entry, 4);
  return entry;
}

/** Events whose codes follow one another. */
function blocksOf(events: readonly EventRow[]): EventRow[][] {
  const blocks: EventRow[][] = [];
  for (const event of events.toSorted((one, other) => codeOf(one) - codeOf(other))) {
    const last = blocks.at(-1)?.at(-1);
    if (last !== undefined && codeOf(last) + 1 === codeOf(event)) blocks.at(-1)?.push(event);
    else blocks.push([event]);
  }
  return blocks;
}

/** MESSAGE_RESOURCE_DATA: how many blocks there are, for each its first code, its last one and where its entries begin; entries. */
export function messageTable(events: readonly EventRow[] = EVENTS): Buffer {
  const blocks = blocksOf(events);
  const head = Buffer.alloc(4 + blocks.length * 12);
  head.writeUInt32LE(blocks.length, 0);
  const parts = [head];
  let byteOffset = head.length;
  for (const [index, block] of blocks.entries()) {
    const [first = 0, last = first] = [block[0], block.at(-1)].map((event) => event && codeOf(event));
    for (const [place, value] of [first, last, byteOffset].entries())
      head.writeUInt32LE(value, 4 + index * 12 + place * 4);
    const entries = Buffer.concat(block.map(entryOf));
    parts.push(entries);
    byteOffset += entries.length;
  }
  return Buffer.concat(parts);
}

/** What is made, by its path. */
export const eventFiles = (): readonly (readonly [string, Buffer])[] => [
  ["driver/event-rows.h", Buffer.from(rowsFile())],
  ["driver/windows/events.bin", messageTable()],
];

if (import.meta.main) {
  for (const [path, bytes] of eventFiles()) {
    const file = join(ROOT, path);
    if (!process.argv.includes("--check")) writeFileSync(file, bytes);
    else if (!readFileSync(file).equals(bytes)) {
      process.stderr.write(`${path} is stale: npm run fixtures\n`);
      process.exitCode = 1;
    }
  }
}
