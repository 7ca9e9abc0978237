// What was known and what was needed, as short words that stand beside each other: "the packet has at least 14 bytes",
// 38. One row a code; a code without a row needs no more than its first line.
import type { ContextField } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { MAXIMUM_POINTER_OFFSET } from "./check.ts";
import type { Extent, Finding } from "./finding.ts";
import { knownMap } from "./maps.ts";
import { type ReplayStep, valueAt } from "./replay.ts";
import { roomBehind } from "./room.ts";
import { isNear, leastSize, plural, wholeInWords } from "./words.ts";

/** `needed` is a number of bytes where it is one. */
export interface Need {
  readonly known: string;
  readonly needed: string | number;
}

/** The findings of that code. */
export type FindingOf<Code, F = Finding> = F extends { readonly code: infer C }
  ? Code extends C
    ? F
    : never
  : never;

type Rows = {
  readonly [Code in Finding["code"]]?: (
    program: Program,
    finding: FindingOf<Code>,
    failing: ReplayStep | undefined,
  ) => Need | undefined;
};

const ROWS: Rows = {
  PacketOutOfBounds: (_, { extent, proved, variable, metadata }) => {
    const what = metadata ? "the packet's metadata" : "the packet";
    if (extent.low < 0) return { known: touchedInWords(extent), needed: "an offset of 0 or more" };
    const known =
      proved <= 0 ? `nothing of the length of ${what}` : `${what} has at least ${plural(proved, "byte")}`;
    if (!variable) return { known, needed: extent.high + extent.sizeBytes };
    const from = "from the variable part of the offset on";
    return {
      known: proved <= 0 ? `nothing of ${what} ${from}` : `at least ${plural(proved, "byte")} ${from}`,
      needed: `the access ends ${spread(extent)} bytes further`,
    };
  },
  MapValueOutOfBounds: (_, { extent, limit }) => ({
    known: touchedInWords(extent),
    needed: within(0, limit),
  }),
  StackOutOfBounds: (_, { extent }) => ({ known: touchedInWords(extent), needed: within(-512, 0) }),
  StackUninitialized: (_, { extent, at }) => ({
    known: `byte ${at} of the stack has no value`,
    needed: `a value in ${extent.sizeBytes === 1 ? "that byte" : `each of ${plural(extent.sizeBytes, "byte")} from ${extent.low} on`}`,
  }),
  ContextOutOfBounds: (program, { extent, field }) => ({
    known: touchedInWords(extent),
    needed: fieldsInWords(program, extent, field),
  }),
  ContextReadOnly: (program, { extent }) => ({
    known: touchedInWords(extent),
    needed: writableInWords(program),
  }),
  PointerMaybeNull: (program, { register, value }) => ({
    known: `r${register} is ${wholeInWords(program, value)}`,
    needed: "not NULL",
  }),
  PointerArithmetic: (program, { reason, value, other }) => {
    if (reason !== "number" || other === undefined) return undefined;
    const known = wholeInWords(program, other);
    if (value.kind === "pointer" && value.region.kind === "context") return { known, needed: "a constant" };
    const least = `a number between -${MAXIMUM_POINTER_OFFSET} and ${MAXIMUM_POINTER_OFFSET}`;
    return isNear(other)
      ? { known: `it is ${wholeInWords(program, value)} before`, needed: `${least} as its offset` }
      : { known, needed: least };
  },
  PointerExpected: (program, { register, value }, failing) => ({
    known: `r${register} is ${wholeInWords(program, value)}`,
    needed:
      failing?.instruction.kind === "atomic"
        ? "a pointer to the stack or a map value"
        : "a pointer to memory",
  }),
  HelperArgument: (program, finding, failing) => ({
    known: `r${finding.position + 1} is ${wholeInWords(program, finding.value)}`,
    needed: sizeInWords(program, finding, failing) ?? finding.expected,
  }),
  HelperNotAllowed: (program, { helper, reason }) =>
    reason === "sleep" || helper.programTypes === undefined
      ? undefined
      : { known: `the program is of type ${program.type.name}`, needed: oneOf(helper.programTypes) },
  MapOperation: (program, { helper, map, inner, reason }) => {
    const types = helper.arguments.find((row) => row.kind === "map")?.types;
    if (reason !== "type" || types === undefined) return undefined;
    const type = knownMap(program, map, inner)?.type.name;
    return {
      known: type === undefined ? "its type is another" : `it is of type ${type}`,
      needed: oneOf(types),
    };
  },
  ReturnValue: (program, { value, minimum, maximum }) => ({
    known: `r0 is ${wholeInWords(program, value)}`,
    needed: `a number between ${minimum} and ${maximum}`,
  }),
  Misaligned: (_, { sizeBytes, offset }) => ({
    known: `offset ${offset}, and perhaps more`,
    needed: `a multiple of ${sizeBytes}`,
  }),
};

/** `failing` is the instruction at fault with what it finds, if the way to it could be followed again. */
export function needOf(program: Program, finding: Finding, failing?: ReplayStep): Need | undefined {
  const row = ROWS[finding.code] as
    | ((program: Program, finding: Finding, failing: ReplayStep | undefined) => Need | undefined)
    | undefined;
  return row?.(program, finding, failing);
}

/** The sizes that there is memory for, behind the argument before. */
function sizeInWords(
  program: Program,
  { helper, position, expected }: FindingOf<"HelperArgument">,
  failing: ReplayStep | undefined,
): string | undefined {
  const argument = helper.arguments[position];
  if (expected !== "a bounded size" || argument?.kind !== "size") return undefined;
  const memory = helper.arguments.findIndex(
    (row, at) => row.kind === "memory" && (row.sizeAt ?? at + 1) === position,
  );
  const pointer = failing && memory >= 0 ? valueAt(failing, memory + 1) : undefined;
  const isPacket = pointer?.kind === "pointer" && pointer.region.kind === "packet";
  const room = pointer === undefined || isPacket ? undefined : roomBehind(program, pointer);
  const least = leastSize(argument);
  return room === undefined || room < least
    ? `a size of at least ${least} with a bound`
    : `a size between ${least} and ${room}: so many bytes are behind r${memory + 1}`;
}

const MOST_NAMES = 6;

/** "one of array, hash, ...": names of types. */
function oneOf(names: readonly string[]): string {
  if (names.length === 1) return names.join();
  const more = names.length > MOST_NAMES ? ` or ${names.length - MOST_NAMES} more` : "";
  return `one of ${names.slice(0, MOST_NAMES).join(", ")}${more}`;
}

/** "offset 12", "an offset between 0 and 128". */
function touchedInWords({ low, high, sizeBytes }: Extent): string {
  const where = low === high ? `offset ${low}` : `an offset between ${low} and ${high}`;
  return `${where}, ${plural(sizeBytes, "byte")}`;
}

function within(first: number, end: number): string {
  return `within ${first} to ${end}`;
}

function spread({ low, high, sizeBytes }: Extent): string {
  return low === high ? `${high + sizeBytes}` : `${low + sizeBytes} to ${high + sizeBytes}`;
}

function fieldsInWords(
  program: Program,
  { low, sizeBytes }: Extent,
  field: ContextField | undefined,
): string {
  const { fields, name } = program.type.context;
  const nearest =
    field ?? fields.find((row) => low < row.byteOffset + row.sizeBytes && row.byteOffset < low + sizeBytes);
  if (nearest !== undefined) {
    return `${plural(nearest.sizeBytes, "byte")} at offset ${nearest.byteOffset} (${nearest.name})`;
  }
  const end = Math.max(0, ...fields.map((row) => row.byteOffset + row.sizeBytes));
  return `a field of ${name}: its last one ends at offset ${end}`;
}

function writableInWords(program: Program): string {
  const names = program.type.context.fields.filter((row) => row.writable).map((row) => row.name);
  return names.length === 0 ? "no field may be written" : `one of ${names.join(", ")}`;
}
