// Reads the printed form of a state (core/verifier/print-state.ts): the inverse of printState, for fixtures and for the property
// that nothing of a state is left out. Parts are separated by ";" or by line ends.

import type { Program } from "../../../core/program/program.ts";
import { type Range, ranges } from "../../../core/verifier/domain/range.ts";
import { SLOT_COUNT, slotsOf } from "../../../core/verifier/domain/slots.ts";
import { ALL_BYTES, type Part, type Slot, STACK_SIZE_BYTES } from "../../../core/verifier/domain/stack.ts";
import type { Frame, State } from "../../../core/verifier/domain/state.ts";
import {
  numberValue,
  type PointerValue,
  pointerTo,
  RELEASED,
  type Region,
  STALE,
  UNINITIALIZED,
  type Value,
} from "../../../core/verifier/domain/value.ts";
import { rangeWithLow } from "../../../core/verifier/print-state.ts";

function mapIndex(program: Program, name: string): number {
  const index = program.maps.findIndex((map) => map.spec.name === name);
  if (index < 0) throw new Error(`there is no map ${name}`);
  return index;
}

interface Ends {
  readonly low: number;
  readonly high: number;
}

function endsOf(text: string): Ends {
  const [, low = "", high = ""] = /^(-?\d*)\.\.(-?\d*)$/.exec(text) ?? [];
  return {
    low: low === "" ? Number.NEGATIVE_INFINITY : Number(low),
    high: high === "" ? Number.POSITIVE_INFINITY : Number(high),
  };
}

/** `text {fact, fact}`; braces and brackets of a value within a value stay together. */
function split(text: string): { readonly short: string; readonly facts: readonly string[] } {
  const at = text.indexOf(" {");
  if (at < 0) return { short: text, facts: [] };
  const facts: string[] = [];
  let depth = 0;
  let fact = "";
  for (const character of text.slice(at + 2, -1)) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character === "," && depth === 0) {
      facts.push(fact.trim());
      fact = "";
    } else fact += character;
  }
  return { short: text.slice(0, at), facts: [...facts, fact.trim()] };
}

function rangeOf(short: string): Range {
  if (short === "number") return ranges.unknown;
  const low = /^number, low 32 bits (.*)$/.exec(short)?.[1];
  if (low !== undefined) return rangeWithLow(endsOf(low).low, endsOf(low).high);
  const bounds = /^number (.*)$/.exec(short)?.[1];
  if (bounds === undefined) return ranges.constant(Number(short));
  const { low: smin, high: smax } = endsOf(bounds);
  return ranges.between(smin, smax);
}

function parseNumber(program: Program, short: string, facts: readonly string[]): Value {
  const told = rangeOf(short);
  const range = { full: { ...told.full }, half: { ...told.half }, zeros: told.zeros };
  let link = { id: 0, delta: 0, extended: false };
  let shifted: Value | undefined;
  for (const fact of facts) {
    const [, low, sign, text = ""] = /^(low )?(un)?signed (\S+)$/.exec(fact) ?? [];
    const [, extended, id, delta = "0"] = /^is (low )?x(-?\d+)([+-]\d+)?$/.exec(fact) ?? [];
    if (text !== "") {
      const bounds = low === undefined ? range.full : range.half;
      const ends = endsOf(text);
      if (sign === undefined) Object.assign(bounds, { smin: ends.low, smax: ends.high });
      else Object.assign(bounds, { umin: ends.low, umax: ends.high });
    } else if (fact.startsWith("multiple of ")) range.zeros = Math.log2(Number(fact.slice(12)));
    else if (id !== undefined)
      link = { id: Number(id), delta: Number(delta), extended: extended !== undefined };
    else if (fact.startsWith("is shifted (")) shifted = parseValue(program, fact.slice(12, -1));
    else if (fact !== "kept") throw new Error(`not a fact of a number: ${fact}`);
  }
  const value = numberValue(range, link.id, link.delta, link.extended);
  if (shifted === undefined) return value;
  if (shifted.kind !== "number") throw new Error("only numbers are shifted");
  return { ...value, shifted };
}

const NAMED: Readonly<Record<string, Region>> = {
  context: { kind: "context" },
  stack: { kind: "stack", frame: 0 },
  packet: { kind: "packet" },
  packet_end: { kind: "packetEnd" },
  packet_meta: { kind: "packetMeta" },
};

function regionOf(program: Program, name: string, instance: number, facts: readonly string[]): Region {
  const known = NAMED[name];
  if (known !== undefined) return known;
  const sizeFact = facts.find((fact) => / bytes$/.test(fact));
  const readOnly = facts.includes("read-only") ? ({ readOnly: true } as const) : {};
  if (name === "memory")
    return { kind: "memory", sizeBytes: Number.parseInt(sizeFact ?? "0", 10), ...readOnly };
  if (name === "kernel") return { kind: "kernel", instance };
  const [, word = name, argument] = /^(\w+)(?:\[(\d+)\])?$/.exec(name) ?? [];
  if (word === "stack") return { kind: "stack", frame: Number(argument) };
  const [, kind, inside = ""] = /^(\w+)\((.*)\)$/.exec(name) ?? [];
  switch (kind) {
    case undefined: {
      const holder = Number(
        /^held by (\d+)$/.exec(facts.find((fact) => fact.startsWith("held by ")) ?? "")?.[1] ?? 0,
      );
      return { kind: "object", type: name, instance, holder };
    }
    case "map_value":
      return { kind: "mapValue", map: mapIndex(program, inside), instance };
    case "inner_map_value":
      return { kind: "mapValue", map: mapIndex(program, inside), instance, inner: true };
    case "map":
      return { kind: "map", map: mapIndex(program, inside) };
    case "inner_map":
      return { kind: "innerMap", map: mapIndex(program, inside), instance };
    case "memory":
      return { kind: "memory", sizeBytes: Number(inside), instance, ...readOnly };
    case "record":
      return { kind: "allocated", sizeBytes: Number(inside), instance };
    case "function":
      return { kind: "code", function: program.subprograms.findIndex((row) => row.name === inside) };
    default:
      throw new Error(`not a value: ${name}`);
  }
}

function numberIn(facts: readonly string[], pattern: RegExp, absent: number): number {
  for (const fact of facts) {
    const found = pattern.exec(fact)?.[1];
    if (found !== undefined) return Number(found);
  }
  return absent;
}

function parsePointer(program: Program, short: string, facts: readonly string[]): Value {
  const [, base = "", offset = "0", minimum = "0", maximum = "0"] =
    /^(.*?)([+-]\d+)?(?:\+\((-?\d+)\.\.(-?\d+)\))?$/.exec(short) ?? [];
  const nullable = base.includes("_or_null") || facts.includes("or null");
  const instance = numberIn(facts, /^of (-?\d+)$/, 0);
  const region = regionOf(program, base.replace("_or_null", ""), instance, facts);
  const pointer: PointerValue = {
    ...pointerTo(region, Number(offset), nullable, numberIn(facts, /^(\d+) bytes proved$/, 0)),
    minimum: Number(minimum),
    maximum: Number(maximum),
    zeros: Math.log2(numberIn(facts, /^multiple of (\d)$/, 8)),
    variable: numberIn(facts, /^part (\d+)$/, 0),
  };
  return pointer;
}

export function parseValue(program: Program, text: string): Value {
  const { short, facts } = split(text);
  if (short === "uninitialized") return UNINITIALIZED;
  if (short === "stale packet pointer") return STALE;
  if (short === "released pointer") return RELEASED;
  return /^(-?\d|number)/.test(short)
    ? parseNumber(program, short, facts)
    : parsePointer(program, short, facts);
}

interface OpenFrame {
  returnTo: number;
  saved: Value[];
  slots: (Slot | undefined)[];
  callback: { references: readonly number[]; stacks: (Slot | undefined)[][] } | undefined;
}

function emptySlots(): (Slot | undefined)[] {
  return new Array<Slot | undefined>(SLOT_COUNT).fill(undefined);
}

function placeSlot(
  slots: (Slot | undefined)[],
  at: number,
  size: string | undefined,
  text: string,
  value: Value,
): void {
  const from = at + STACK_SIZE_BYTES;
  const index = from >> 3;
  if (size === undefined) {
    slots[index] = { kind: "spill", value };
    return;
  }
  const old = slots[index];
  const { mask, parts }: { mask: number; parts: readonly Part[] } =
    old?.kind === "bytes" ? old : { mask: 0, parts: [] };
  const sizeBytes = Number(size);
  const inSlot = from & 7;
  const part = text === "number" || value.kind !== "number" ? [] : [{ at: inSlot, size: sizeBytes, value }];
  slots[index] = {
    kind: "bytes",
    mask: mask | ((ALL_BYTES >> (8 - sizeBytes)) << inSlot),
    parts: [...parts, ...part],
  };
}

function references(text: string): number[] {
  return text.trim() === "" ? [] : text.trim().split(" ").map(Number);
}

/** The state that is printed so. r10 is the stack if nothing else is said; `whole`: nothing is left out of the text. */
export function parseState(program: Program, text: string, whole = false): State {
  const registers: Value[] = new Array<Value>(11).fill(UNINITIALIZED);
  if (!whole) registers[10] = pointerTo({ kind: "stack", frame: 0 });
  const frames: OpenFrame[] = [];
  const frameAt = (index: number): OpenFrame => {
    while (frames.length <= index)
      frames.push({ returnTo: -1, saved: [], slots: emptySlots(), callback: undefined });
    return frames[index] as OpenFrame;
  };
  frameAt(0);
  const counts = { "packet bytes": 0, "metadata bytes": 0 };
  let held: number[] = [];
  for (const part of text.split(/;|\n/).map((row) => row.trim())) {
    if (part === "") continue;
    const [, name = "", value = ""] = /^(.*?) = (.*)$/.exec(part) ?? [];
    const register = /^r(\d+)$/.exec(name);
    const saved = /^saved\[(\d+)\] r(\d+)$/.exec(name);
    const slot = /^(?:before\[(\d+)\] )?stack(?:\[(\d+)\])?(-\d+)(?: \((\d) bytes?\))?$/.exec(name);
    const returns = /^frame (\d+) returns to (\d+)$/.exec(part);
    const callback = /^frame (\d+) is called back, held:(.*)$/.exec(part);
    const count = /^(packet|metadata) bytes: (\d+)$/.exec(part);
    if (register !== null) registers[Number(register[1])] = parseValue(program, value);
    else if (saved !== null) {
      frameAt(Number(saved[1])).saved[Number(saved[2]) - 6] = parseValue(program, value);
    } else if (slot !== null) {
      const [, of, below = "0", at, size] = slot;
      const slots =
        of === undefined ? frameAt(Number(below)).slots : stackBefore(frameAt(Number(of)), Number(below));
      placeSlot(slots, Number(at), size, value, parseValue(program, value));
    } else if (returns !== null) {
      const frame = frameAt(Number(returns[1]));
      frame.returnTo = Number(returns[2]);
      frame.saved = [0, 1, 2, 3].map((index) => frame.saved[index] ?? UNINITIALIZED);
    } else if (callback !== null) {
      const index = Number(callback[1]);
      const stacks = Array.from({ length: index }, emptySlots);
      frameAt(index).callback = { references: references(callback[2] ?? ""), stacks };
    } else if (count !== null) counts[`${count[1]} bytes` as keyof typeof counts] = Number(count[2]);
    else if (part.startsWith("held: ")) held = references(part.slice(6));
    else throw new Error(`not part of a state: ${part}`);
  }
  return {
    registers,
    frames: frames.map(closed),
    packet: counts["packet bytes"],
    metadata: counts["metadata bytes"],
    references: held,
  };
}

function stackBefore({ callback }: OpenFrame, below: number): (Slot | undefined)[] {
  const slots = callback?.stacks[below];
  if (slots === undefined) throw new Error("a stack of before a callback that is none");
  return slots;
}

function closed({ returnTo, saved, slots, callback }: OpenFrame): Frame {
  const frame = { returnTo, callerSaved: saved, stack: slotsOf(slots) };
  if (callback === undefined) return frame;
  return {
    ...frame,
    callback: { references: callback.references, stacks: callback.stacks.map((stack) => slotsOf(stack)) },
  };
}
