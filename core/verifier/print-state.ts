// State -> text that holds all of it: for `verify --log` and for fixtures. Values are written as in messages (print.ts); what that
// leaves out follows in braces, and only where it does not follow from the rest. tests/core/verifier/parse-state.ts reads it.
//
//   r2 = packet {14 bytes proved}   r3 = number 0..255 {is x3+8, multiple of 4}   stack-8 = map_value_or_null(m) {of 5}
//   stack[1]-16 (4 bytes) = number 0..9   frame 1 returns to 12   saved[1] r6 = context   packet bytes: 14   held: 5
import type { Program } from "../program/program.ts";
import type { Bounds } from "./domain/interval.ts";
import { constantValue, type Range, ranges } from "./domain/range.ts";
import { contents, STACK_SIZE_BYTES, type Stack } from "./domain/stack.ts";
import type { Frame, State } from "./domain/state.ts";
import { instanceOf, type NumberValue, type PointerValue, type Value } from "./domain/value.ts";
import { boundsTold, lowBitsTold, printValue } from "./print.ts";

/** What the short form of a number says by itself. */
export function rangeTold(range: Range): Range {
  const value = constantValue(range);
  if (value !== undefined) return ranges.constant(value);
  const told = boundsTold(range.full);
  if (told !== undefined) return ranges.between(...told);
  const low = lowBitsTold(range);
  return low === undefined ? ranges.unknown : rangeWithLow(...low);
}

/** Any number whose low 32 bits lie within the bounds. */
export function rangeWithLow(umin: number, umax: number): Range {
  return ranges.withHalf(ranges.unknown, { ...ranges.unknown.half, umin, umax }) ?? ranges.unknown;
}

function end(bound: number): string {
  return Number.isFinite(bound) ? `${bound}` : "";
}

function boundsFacts(name: string, told: Bounds, real: Bounds): string[] {
  const facts: string[] = [];
  if (told.umin !== real.umin || told.umax !== real.umax) {
    facts.push(`${name}unsigned ${end(real.umin)}..${end(real.umax)}`);
  }
  if (told.smin !== real.smin || told.smax !== real.smax) {
    facts.push(`${name}signed ${end(real.smin)}..${end(real.smax)}`);
  }
  return facts;
}

function offsetText(offset: number): string {
  return offset === 0 ? "" : offset > 0 ? `+${offset}` : `${offset}`;
}

function numberFacts(program: Program, { range, id, delta, extended, shifted }: NumberValue): string[] {
  const told = rangeTold(range);
  const link = `x${id}${offsetText(delta)}`;
  return [
    ...boundsFacts("", told.full, range.full),
    ...boundsFacts("low ", told.half, range.half),
    ...(told.zeros === range.zeros ? [] : [`multiple of ${2 ** range.zeros}`]),
    ...(id === 0 && delta === 0 && !extended ? [] : [extended ? `is low ${link}` : `is ${link}`]),
    ...(shifted === undefined ? [] : [`is shifted (${printWhole(program, shifted)})`]),
  ];
}

function pointerFacts(pointer: PointerValue): string[] {
  const { region, zeros, variable, proved, nullable } = pointer;
  const instance = instanceOf(region);
  const facts: string[] = [];
  if (instance !== 0) facts.push(`of ${instance}`);
  if (region.kind === "object" && region.holder !== 0) facts.push(`held by ${region.holder}`);
  if (region.kind === "memory" && region.instance === undefined) facts.push(`${region.sizeBytes} bytes`);
  if (region.kind === "memory" && region.readOnly === true) facts.push("read-only");
  if (zeros !== 3) facts.push(`multiple of ${2 ** zeros}`);
  if (variable !== 0) facts.push(`part ${variable}`);
  if (proved !== 0) facts.push(`${proved} bytes proved`);
  if (nullable && !CAN_BE_NULL.has(region.kind)) facts.push("or null");
  return facts;
}

/** Regions whose short form says that the pointer may be NULL. */
const CAN_BE_NULL: ReadonlySet<string> = new Set(["mapValue", "innerMap", "allocated", "object", "kernel"]);

/** A value with everything that is known of it. */
export function printWhole(program: Program, value: Value): string {
  const short = printValue(program, value);
  if (value.kind === "uninitialized") return short;
  const facts = value.kind === "number" ? numberFacts(program, value) : pointerFacts(value);
  return facts.length === 0 ? short : `${short} {${facts.join(", ")}}`;
}

function printSlots(program: Program, name: string, stack: Stack): string[] {
  const lowestFirst = contents(stack).sort((a, b) => a.at - b.at);
  return lowestFirst.map(({ at, size, value, kind }) => {
    // Eight unknown bytes and a spilled unknown number are not one: the bytes were written apart.
    const width = kind === "spill" ? "" : ` (${size} ${size === 1 ? "byte" : "bytes"})`;
    const text = printWhole(program, value);
    const kept = kind === "part" && text === "number" ? " {kept}" : "";
    return `${name}${at - STACK_SIZE_BYTES}${width} = ${text}${kept}`;
  });
}

function stackName(index: number): string {
  return index === 0 ? "stack" : `stack[${index}]`;
}

function printFrame(program: Program, { returnTo, callerSaved, stack, callback }: Frame, index: number) {
  const parts = printSlots(program, stackName(index), stack);
  if (returnTo >= 0) parts.push(`frame ${index} returns to ${returnTo}`);
  for (const [saved, value] of callerSaved.entries()) {
    if (value.kind !== "uninitialized" || value.stale !== false) {
      parts.push(`saved[${index}] r${saved + 6} = ${printWhole(program, value)}`);
    }
  }
  if (callback === undefined) return parts;
  parts.push(`frame ${index} is called back, held: ${callback.references.join(" ")}`.trimEnd());
  for (const [below, before] of callback.stacks.entries()) {
    parts.push(...printSlots(program, `before[${index}] ${stackName(below)}`, before));
  }
  return parts;
}

/** The state as a list of what is known, in a fixed order. */
export function stateParts(program: Program, state: State): string[] {
  const parts: string[] = [];
  for (const [index, value] of state.registers.entries()) {
    if (value.kind !== "uninitialized" || value.stale !== false) {
      parts.push(`r${index} = ${printWhole(program, value)}`);
    }
  }
  for (const [index, frame] of state.frames.entries()) parts.push(...printFrame(program, frame, index));
  if (state.packet !== 0) parts.push(`packet bytes: ${state.packet}`);
  if (state.metadata !== 0) parts.push(`metadata bytes: ${state.metadata}`);
  if (state.references.length > 0) parts.push(`held: ${state.references.join(" ")}`);
  return parts;
}

/** The whole state on one line. */
export function printState(program: Program, state: State): string {
  return stateParts(program, state).join("; ");
}
