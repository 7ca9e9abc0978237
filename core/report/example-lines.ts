// The example of a failure as a few lines: what the packet, the context, the maps and the helpers are, and what the program
// then does. Only words.
import type { ExampleRecord } from "./records.ts";

/** Of bytes as many are shown; the rest is counted. */
const BYTES_SHOWN = 64;
const ROWS_SHOWN = 4;

export function exampleLines(example: ExampleRecord, slot: number): string[] {
  const { maps = [], context = [], memory = [], answers = [] } = example;
  const rows = [
    ...packetRow(example),
    ...(context.length === 0
      ? []
      : [`context: ${context.map(({ field, value }) => `${field} = ${value}`).join(", ")}`]),
    ...shown(maps.map(mapRow)),
    ...shown(memory.map(({ what, hex }) => `${what}${bytesInWords(hex)}`)),
    ...shown(
      answers.filter(({ value }) => value !== "0").map(({ helper, value }) => `bpf_${helper} gives ${value}`),
    ),
  ];
  const [first = "any packet and context", ...others] = rows;
  return [first, ...others, `then slot ${slot}: ${example.observed}`];
}

function shown(rows: readonly string[]): readonly string[] {
  return rows.length <= ROWS_SHOWN
    ? rows
    : [...rows.slice(0, ROWS_SHOWN), `and ${rows.length - ROWS_SHOWN} more`];
}

function packetRow({ packetLength, packetHex = "" }: ExampleRecord): string[] {
  if (packetLength === undefined) return [];
  if (packetLength === 0) return ["an empty packet"];
  return [`a packet of ${packetLength === 1 ? "1 byte" : `${packetLength} bytes`}${bytesInWords(packetHex)}`];
}

function mapRow({ map, keyHex, valueHex }: NonNullable<ExampleRecord["maps"]>[number]): string {
  if (valueHex === null) return `map ${map} has no entry for key ${keyHex}`;
  return `map ${map} has key ${keyHex}, its value${bytesInWords(valueHex)}`;
}

/** ": 45 00 ... and 12 times 0", ", all 0". */
function bytesInWords(hex: string): string {
  const bytes = hex.match(/../g) ?? [];
  const last = bytes.findLastIndex((byte) => byte !== "00");
  if (last < 0) return " all 0";
  const zeros = bytes.length - 1 - last;
  const told = zeros > 4 ? bytes.slice(0, last + 1) : bytes;
  const cut = told.slice(0, BYTES_SHOWN).join(" ");
  const more =
    told.length > BYTES_SHOWN
      ? ` and ${bytes.length - BYTES_SHOWN} more bytes`
      : zeros > 4
        ? ` and 0 from there on`
        : "";
  return `: ${cut}${more}`;
}
