// The smallest change at the C line that takes the first cause away, with the numbers that the verifier found: one row a
// code. A row answers nothing where the line does not tell the names that it would need; the remedy then says it in general.
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { SourceLocation } from "../spec.ts";
import {
  addedName,
  argumentsOf,
  assignedName,
  dereferenced,
  indexName,
  isName,
  returnedName,
  startsStatement,
} from "./c-text.ts";
import type { Value } from "./domain/value.ts";
import type { Extent, Finding } from "./finding.ts";
import { endExpression, startExpression, widerCheck } from "./mend-packet.ts";
import type { FindingOf } from "./need.ts";
import { type ReplayStep, valueAt } from "./replay.ts";
import { roomBehind } from "./room.ts";
import { operandsAtFault } from "./slice.ts";
import type { Mend, SliceRow } from "./verdict.ts";
import { helperName, leastSize } from "./words.ts";

/** What a row looks at. */
export interface Broken {
  readonly program: Program;
  readonly steps: readonly ReplayStep[];
  readonly failing: ReplayStep;
  readonly slice: readonly SliceRow[];
  readonly source: SourceLocation;
}

type Row = Pick<Mend, "place" | "text"> & {
  /** Absent: the line at fault. */
  readonly at?: SourceLocation;
};
type Rows = {
  readonly [Code in Finding["code"]]?: (broken: Broken, finding: FindingOf<Code>) => Row | undefined;
};

const ROWS: Rows = {
  PacketOutOfBounds: packet,
  MapValueOutOfBounds: (broken, { extent, limit }) => index(broken, extent, limit),
  StackOutOfBounds: (broken, { extent }) => index(broken, extent, 0),
  PointerMaybeNull: ({ program, failing, slice, source }) => {
    const origin = slice.findLast(({ text }) => text.startsWith("call"))?.source?.text ?? "";
    const name = assignedName(origin) ?? dereferenced(source.text, source.column);
    return before(name && `if (!${name}) ${leave(program, failing)}`);
  },
  StackUninitialized: ({ program, failing, source }, finding) => {
    const { helper } = finding.extent;
    const [register = 0] = operandsAtFault(program, finding, failing);
    const given = helper && argumentsOf(source.text, helperName(helper))?.[register - 1];
    const name = /^&\s*([A-Za-z_]\w*)$/.exec(given ?? "")?.[1];
    return before(name && `__builtin_memset(&${name}, 0, sizeof(${name}));`);
  },
  RegisterUninitialized: ({ source }, { stale }) => {
    const name = stale === false ? returnedName(source.text) : undefined;
    return before(name && `${name} = 0;`);
  },
  PointerArithmetic: (broken, { reason, value }) => (reason === "number" ? bound(broken, value) : undefined),
  HelperArgument: (broken, { helper, position, expected }) => {
    if (expected !== "a bounded size" && expected !== "a size that is not 0") return undefined;
    const name = argumentsOf(broken.source.text, helperName(helper))?.[position];
    if (!isName(name)) return undefined;
    const exit = leave(broken.program, broken.failing);
    if (expected === "a size that is not 0") return before(`if (${name} == 0) ${exit}`);
    const room = roomBehind(broken.program, valueAt(broken.failing, position));
    const least = leastSize(helper.arguments[position]);
    // Both sides: a name may be one of a number with a sign.
    return before(room === undefined ? undefined : `if (${name} < ${least} || ${name} > ${room}) ${exit}`);
  },
  LoopNotBounded: ({ source }) => {
    const loop = /^(\s*)while \((.*)\) \{\s*$/.exec(source.text);
    if (loop === null) return undefined;
    const [, indent = "", condition = ""] = loop;
    return {
      place: "instead",
      text: `${indent}for (int round = 0; round < ${ROUNDS} && (${condition}); round++) {`,
    };
  },
  ReferenceLeak: ({ program, slice, source }) => {
    const call = slice.findLast(({ text }) => text.startsWith("call"));
    const name = assignedName(call?.source?.text ?? "");
    const instruction = program.instructions[call?.instruction ?? -1];
    if (name === undefined || instruction?.kind !== "call" || instruction.target.kind !== "helper")
      return undefined;
    const helper = findHelper(program.platform, instruction.target.id, program.type.name);
    const release = RELEASES[helper?.returns.kind ?? ""];
    // What is returned must not look at what has been given back.
    const returned = /^\s*return\b(.*)/.exec(source.text)?.[1];
    if (release === undefined || returned === undefined || new RegExp(`\\b${name}\\b`).test(returned))
      return undefined;
    return before(`if (${name}) ${release.replace("NAME", name)}`);
  },
};

/** How often a loop without a bound is to go round at most, unless the programmer knows better. */
const ROUNDS = 64;

const RELEASES: Readonly<Record<string, string | undefined>> = {
  recordOrNull: "bpf_ringbuf_discard(NAME, 0);",
  objectOrNull: "bpf_sk_release(NAME);",
};

/** Undefined if nothing small can be said at that line. */
export function mendOf(broken: Broken, finding: Finding): Mend | undefined {
  const row = ROWS[finding.code] as ((broken: Broken, finding: Finding) => Row | undefined) | undefined;
  const mend = row?.(broken, finding);
  if (mend === undefined) return undefined;
  const { at = broken.source, place, text } = mend;
  if (place === "before" && !startsStatement(at.text)) return undefined;
  return { file: at.file, line: at.line, place, text };
}

function before(text: string | undefined): Row | undefined {
  return text === undefined || text === "" ? undefined : { place: "before", text };
}

/** What lets a packet pass, or 0. */
function leave({ type }: Program, { frame }: ReplayStep): string {
  const pass = frame === 0 ? type.returns.find((row) => row.action === "pass") : undefined;
  return `return ${pass?.name ?? 0};`;
}

function packet(
  broken: Broken,
  { extent, variable, metadata }: FindingOf<"PacketOutOfBounds">,
): Row | undefined {
  const { program, failing, source } = broken;
  if (extent.low < 0) return undefined;
  const end = endExpression(broken, metadata);
  if (end === undefined) {
    const wider = variable ? undefined : widerCheck(broken, extent.high + extent.sizeBytes);
    return wider && { place: "instead", text: wider.text, at: wider };
  }
  const exit = leave(program, failing);
  if (variable) {
    const name = dereferenced(source.text, source.column);
    return before(name && `if ((void *)(${name} + 1) > ${end}) ${exit}`);
  }
  const start = startExpression(broken, metadata);
  return before(start && `if (${start} + ${extent.high + extent.sizeBytes} > ${end}) ${exit}`);
}

/** An index that goes too far is held against the number of elements that fit. */
function index(broken: Broken, extent: Extent, limit: number): Row | undefined {
  const { program, failing, source, steps } = broken;
  const { instruction } = failing;
  if (extent.helper !== undefined) return sizeArgument(broken, extent, limit);
  if (!("base" in instruction)) return undefined;
  const value = valueAt(failing, instruction.base);
  if (value.kind !== "pointer" || value.minimum === value.maximum) return undefined;
  const name = indexName(source.text) ?? addedName(source.text);
  const first = extent.low - value.minimum;
  const count = Math.floor((limit - first - extent.sizeBytes) / scaleOf(steps)) + 1;
  if (name === undefined || count <= 0) return undefined;
  const below = value.minimum < 0 ? `${name} < 0 || ` : "";
  return before(`if (${below}${name} >= ${count}) ${leave(program, failing)}`);
}

/** A helper that is told of more bytes than there are: the size as a number is replaced, as a name bounded. */
function sizeArgument(
  { program, failing, source }: Broken,
  { helper, low, high }: Extent,
  limit: number,
): Row | undefined {
  if (helper === undefined || low !== high || limit - low <= 0) return undefined;
  const name = helperName(helper);
  const given = argumentsOf(source.text, name);
  const at = helper.arguments.findIndex((row) => row.kind === "size");
  const size = given?.[at];
  if (size === undefined) return undefined;
  if (isName(size)) return before(`if (${size} > ${limit - low}) ${leave(program, failing)}`);
  if (!/^\d+$/.test(size)) return undefined;
  const call = source.text.indexOf(`${name}(`);
  const tail = source.text.slice(call).replace(new RegExp(`\\b${size}\\b(?=[^\\d]*\\))`), `${limit - low}`);
  return { place: "instead", text: `${source.text.slice(0, call)}${tail}` };
}

/** Bytes from one element to the next: what the index was last shifted or multiplied by. */
function scaleOf(steps: readonly ReplayStep[]): number {
  for (const { instruction } of steps.slice(-8).reverse()) {
    if (instruction.kind !== "alu" || instruction.source.kind !== "immediate") continue;
    if (instruction.operation === "lsh" && instruction.source.value < 32)
      return 2 ** instruction.source.value;
    if (instruction.operation === "mul") return Math.max(1, instruction.source.value);
  }
  return 1;
}

/** A number that is to be added to a pointer is bounded by what the pointer points into. */
function bound({ program, failing, source, steps }: Broken, value: Value): Row | undefined {
  const name = indexName(source.text) ?? addedName(source.text);
  const room = roomBehind(program, value);
  if (name === undefined || room === undefined) return undefined;
  const most =
    value.kind === "pointer" && value.region.kind === "packet" ? room : Math.floor(room / scaleOf(steps));
  return before(most > 0 ? `if (${name} >= ${most}) ${leave(program, failing)}` : undefined);
}
