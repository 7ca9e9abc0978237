// How a C program names the start and the end of its packet: as the lines on the failing path that read them from the
// context do. Only text.
import type { Program } from "../program/program.ts";
import type { SourceLocation } from "../spec.ts";
import { assignedName, isVoidPointer, memberRead } from "./c-text.ts";
import { type ReplayStep, valueAt } from "./replay.ts";

interface Way {
  readonly program: Program;
  readonly steps: readonly ReplayStep[];
  readonly failing: ReplayStep;
  /** The C line at fault. */
  readonly source: SourceLocation;
}

type Kind = "packet" | "packetEnd" | "packetMeta";

/** The first byte as `void *`: "data", "(void *)packet", "(void *)(long)ctx->data". */
export function startExpression(way: Way, metadata: boolean): string | undefined {
  return expression(way, metadata ? "packetMeta" : "packet");
}

/** One past the last byte; where the program never asks for it, as it would ask. */
export function endExpression(way: Way, metadata: boolean): string | undefined {
  const kind = metadata ? "packet" : "packetEnd";
  const known = expression(way, kind);
  if (known !== undefined || metadata || isInlined(way)) return known;
  const field = fieldOf(way.program, "packetStart");
  const source = loadOf(way, "packet");
  const read = source && field && memberRead(source.text, field.name);
  const end = fieldOf(way.program, "packetEnd")?.name;
  return read === undefined || end === undefined ? undefined : cast(way.program, read.replace(/\w+$/, end));
}

function expression(way: Way, kind: Kind): string | undefined {
  // What the program calls its context and its variables means nothing in a function that was inlined.
  if (isInlined(way)) return undefined;
  const field = fieldOf(way.program, FIELD_KINDS[kind])?.name ?? "";
  const source = loadOf(way, kind) ?? lineOf(way, field);
  const read = source && memberRead(source.text, field);
  if (source === undefined || read === undefined) return undefined;
  const variable = assignedName(source.text);
  if (variable === undefined || !inScope(way, source)) return cast(way.program, read);
  return isVoidPointer(source.text, variable) ? variable : `(void *)${variable}`;
}

/** A line before the one at fault that reads the field, though not on the failing path. */
function lineOf(way: Way, field: string): SourceLocation | undefined {
  return way.program.sources.find(
    (source) => source !== undefined && memberRead(source.text, field) !== undefined && inScope(way, source),
  );
}

/** Is the line above the one at fault in one function, and not in one that was inlined? */
function inScope(way: Way, { file, line }: SourceLocation): boolean {
  const first = firstLine(way);
  return first?.file === file && way.source.file === file && first.line <= line && line < way.source.line;
}

/** Does the line at fault stand in front of the function that it was compiled into? */
function isInlined(way: Way): boolean {
  const first = firstLine(way);
  return first !== undefined && (first.file !== way.source.file || way.source.line < first.line);
}

function firstLine({ program, failing }: Way): SourceLocation | undefined {
  const own = program.subprograms.find(({ start, end }) => failing.index >= start && failing.index < end);
  return program.sources[own?.start ?? 0];
}

/**
 * The line that last compared a number of bytes with the packet's end, asking for `bytes`: `if (pos + 1 > data_end)`. Undefined where it
 * does not tell the number as it was proved: it may count in something else.
 */
export function widerCheck({ program, steps }: Way, bytes: number): SourceLocation | undefined {
  const at = steps.findLastIndex((step, position) => (steps[position + 1]?.packet ?? 0) > step.packet);
  const source = program.sources[steps[at]?.index ?? -1];
  const proved = steps[at + 1]?.packet ?? 0;
  if (at < 0 || source === undefined) return undefined;
  const numbers = [...source.text.matchAll(/\+\s*(\d+)\b/g)];
  const [only, ...others] = numbers;
  if (only === undefined || others.length > 0 || Number(only[1]) !== proved) return undefined;
  const start = only.index + only[0].length - (only[1]?.length ?? 0);
  const text = `${source.text.slice(0, start)}${bytes}${source.text.slice(only.index + only[0].length)}`;
  return { ...source, text };
}

const FIELD_KINDS = { packet: "packetStart", packetEnd: "packetEnd", packetMeta: "packetMeta" } as const;

function fieldOf({ type }: Program, kind: string) {
  return type.context.fields.find((row) => row.kind === kind);
}

/** Linux' contexts hold the address as a 32-bit number. */
function cast(program: Program, read: string): string {
  const narrow = fieldOf(program, "packetStart")?.sizeBytes === 4;
  return narrow ? `(void *)(long)${read}` : read;
}

/** The C line of the last load of such a pointer from the context. */
function loadOf({ program, steps }: Way, kind: Kind): SourceLocation | undefined {
  const at = steps.findLastIndex(({ instruction }, position) => {
    const after = steps[position + 1];
    if (instruction.kind !== "load" || after === undefined) return false;
    const value = valueAt(after, instruction.destination);
    return value.kind === "pointer" && value.region.kind === kind;
  });
  return at < 0 ? undefined : program.sources[steps[at]?.index ?? -1];
}
