// A loop followed once for all its rounds: from a state at its head that holds those of two rounds and whatever lies
// between the thresholds of the program. That the state is right is not presumed but shown: each path that comes back must
// be covered by it, and one of its numbers must have moved one way, within bounds, since the head. Knows no paths.
//
// Sound: `state` then covers every round, so one round's paths are all rounds' paths. The number that moved is told by its
// link to the value that it had at the head (an anchor: an id below 0, which cover.ts and join.ts match only to itself). On
// the way back it has grown (or shrunk) without wrapping and lies within known bounds, so there are only so many rounds.
import type { Program } from "../program/program.ts";
import type { Place, Rank } from "./analysis.ts";
import { ALL_NEEDED, covers } from "./domain/cover.ts";
import { type Range, ranges, unsignedOf } from "./domain/range.ts";
import { listOf, SLOT_COUNT, slotAt, slotsOf } from "./domain/slots.ts";
import { readSlot, type Slot } from "./domain/stack.ts";
import { type Frame, register, type State, stackOf } from "./domain/state.ts";
import { type NumberValue, numberValue, UNINITIALIZED, type Value } from "./domain/value.ts";

/** Rounds that a loop may take at most, by its proof. */
const MOST_ROUNDS = 2 ** 32;

/** Ways to move, as bits: without wrapping in the signed or the unsigned order. */
const SIGNED_UP = 1;
const SIGNED_DOWN = 2;
const UNSIGNED_UP = 4;
const UNSIGNED_DOWN = 8;

/** A number that differs between rounds, and how it has moved on all ways back so far. */
interface Anchor {
  readonly place: Place;
  readonly id: number;
  /** At the head it is below 2^32: then its zero extension is itself. */
  readonly isSmall: boolean;
  ways: number;
  least: number;
  signed: { low: number; high: number };
  unsigned: { low: number; high: number };
}

/** Stands among the places for the low bits of all numbers. */
const LOW_BITS = "low bits";

/** What is tried at a head: how far numbers that grow or shrink may go, and which places are taken as unknown. */
export interface Attempt {
  readonly plan: number;
  readonly unknown: ReadonlySet<string>;
}

export interface Widened {
  /** Covers all rounds. */
  readonly state: State;
  /** The same with anchors: what one round starts with. */
  readonly start: State;
  readonly anchors: readonly Anchor[];
}

/** Between 0 and 2^32 - 1, as far as bounds are exact, then to the nearest thresholds. */
export const PLANS = 8;
const FAR = 2 ** 52;

/** Places of a head that may be taken as unknown. */
const MOST_UNKNOWN = 16;

export function nextPlan({ plan, unknown }: Attempt): Attempt | undefined {
  return plan + 1 < PLANS ? { plan: plan + 1, unknown } : undefined;
}

/** The same with more places unknown or, where nothing else has shown, the next. */
export function withUnknown(attempt: Attempt, names: readonly string[]): Attempt | undefined {
  const more = names.filter((name) => !attempt.unknown.has(name));
  if (more.length === 0 || attempt.unknown.size + more.length > MOST_UNKNOWN) return nextPlan(attempt);
  return { plan: attempt.plan, unknown: new Set([...attempt.unknown, ...more]) };
}

/** Constants that the program compares with or moves, and their neighbours, ascending. */
export function thresholdsOf({ instructions }: Program): readonly number[] {
  const set = new Set<number>([0, 1]);
  for (const instruction of instructions) {
    const operand =
      instruction.kind === "jump"
        ? instruction.condition?.right
        : instruction.kind === "mov"
          ? instruction.source
          : undefined;
    let constant = operand?.kind === "immediate" ? Number(operand.value) : undefined;
    if (instruction.kind === "loadImmediate" && instruction.source.kind === "number") {
      constant = Number(BigInt.asIntN(64, instruction.source.value));
    }
    if (constant === undefined || !Number.isSafeInteger(constant)) continue;
    for (const near of [constant - 1, constant, constant + 1]) set.add(near);
  }
  return [...set].sort((a, b) => a - b);
}

/** Undefined: there is no such state that covers `now`. `live`: bit i is set if ri is read at or after the head. */
export function widened(
  { plan, unknown }: Attempt,
  thresholds: readonly number[],
  before: State,
  now: State,
  live: number,
  nextAnchor: () => number,
): Widened | undefined {
  if (before.frames.length !== now.frames.length) return undefined;
  if (before.references.length !== now.references.length) return undefined;
  if (before.references.some((held, index) => held !== now.references[index])) return undefined;
  const anchors: Anchor[] = [];
  const value = (a: Value, b: Value, place: Place): { plain: Value; anchored: Value } => {
    if (a.kind === "number" && b.kind === "number") {
      if (unknown.has(nameOf(place))) return same(numberValue(unsignedOf(place.size)));
      if (sameNumber(a, b)) return same(b);
      const known = widenedRange(plan, thresholds, a.range, b.range, place.size);
      const range = known && unknown.has(LOW_BITS) ? { ...known, zeros: 0 } : known;
      if (range === undefined) return same(numberValue(unsignedOf(place.size)));
      const id = nextAnchor();
      anchors.push(makeAnchor(place, id, range));
      return { plain: numberValue(range), anchored: numberValue(range, id) };
    }
    return same(!unknown.has(nameOf(place)) && sameOther(a, b) ? b : UNINITIALIZED);
  };
  const registers: Value[] = [];
  const anchored: Value[] = [];
  for (let index = 0; index < now.registers.length; index++) {
    const isLive = ((live >> index) & 1) === 1;
    const pair = isLive
      ? value(register(before, index as 0), register(now, index as 0), registerPlace(index))
      : same(UNINITIALIZED);
    registers.push(pair.plain);
    anchored.push(pair.anchored);
  }
  const frames: Frame[] = [];
  const anchoredFrames: Frame[] = [];
  for (const [depth, frame] of now.frames.entries()) {
    const old = before.frames[depth];
    if (old === undefined || old.returnTo !== frame.returnTo || old.callback !== frame.callback)
      return undefined;
    if (frame.callerSaved.some((saved, index) => !sameSaved(old.callerSaved[index], saved))) return undefined;
    const slots: (Slot | undefined)[] = [];
    const anchoredSlots: (Slot | undefined)[] = [];
    for (let index = 0; index < SLOT_COUNT; index++) {
      const pair = widenedSlot(
        slotAt(old.stack, index),
        slotAt(frame.stack, index),
        depth,
        index,
        unknown.size > 0,
        value,
      );
      slots.push(pair.plain);
      anchoredSlots.push(pair.anchored);
    }
    frames.push({ ...frame, stack: slotsOf(slots) });
    anchoredFrames.push({ ...frame, stack: slotsOf(anchoredSlots) });
  }
  const rest = {
    packet: Math.min(before.packet, now.packet),
    metadata: Math.min(before.metadata, now.metadata),
    references: now.references,
  };
  const state = { registers, frames, ...rest };
  // Where no number moves no round is another one's successor.
  if (anchors.length === 0 || !covers(state, ALL_NEEDED, now, live)) return undefined;
  return { state, start: { registers: anchored, frames: anchoredFrames, ...rest }, anchors };
}

function same<T>(value: T): { plain: T; anchored: T } {
  return { plain: value, anchored: value };
}

function widenedSlot(
  a: Slot | undefined,
  b: Slot | undefined,
  frame: number,
  slot: number,
  someUnknown: boolean,
  value: (a: Value, b: Value, place: Place) => { plain: Value; anchored: Value },
): { plain: Slot | undefined; anchored: Slot | undefined } {
  const none = { plain: undefined, anchored: undefined };
  if (a === undefined || b === undefined) return none;
  if (a === b && !someUnknown) return same(b);
  if (a.kind === "spill" && b.kind === "spill") {
    const { plain, anchored } = value(a.value, b.value, { register: -1, frame, slot, at: 0, size: 8 });
    if (plain.kind === "uninitialized") return none;
    return { plain: { kind: "spill", value: plain }, anchored: { kind: "spill", value: anchored } };
  }
  if (a.kind === "spill" || b.kind === "spill") return none;
  const mask = a.mask & b.mask;
  const plain: Slot = { kind: "bytes", mask, parts: [] };
  if (a.mask !== b.mask) return same(plain);
  const pairs = b.parts.map((part) => {
    const pair = value(readSlot(a, part.at, part.size), part.value, { register: -1, frame, slot, ...part });
    return { part, pair };
  });
  const made = (side: "plain" | "anchored"): Slot => ({
    kind: "bytes",
    mask,
    parts: pairs.flatMap(({ part, pair }) => {
      const number = pair[side];
      return number.kind === "number" ? [{ ...part, value: number }] : [];
    }),
  });
  return { plain: made("plain"), anchored: made("anchored") };
}

function sameNumber(a: NumberValue, b: NumberValue): boolean {
  if (a === b) return true;
  if (a.id !== b.id || a.delta !== b.delta || a.extended !== b.extended || a.shifted !== b.shifted)
    return false;
  return ranges.covers(a.range, b.range) && ranges.covers(b.range, a.range);
}

function sameOther(a: Value, b: Value): boolean {
  if (a.kind !== "pointer" || b.kind !== "pointer") return false;
  if (a === b) return true;
  const { region: from, ...left } = a;
  const { region: to, ...right } = b;
  const keys = Object.keys(left) as (keyof typeof left)[];
  if (keys.some((key) => left[key] !== right[key])) return false;
  return from === to || JSON.stringify(from) === JSON.stringify(to);
}

function sameSaved(a: Value | undefined, b: Value): boolean {
  if (a === undefined) return false;
  if (a.kind === "number" && b.kind === "number") return sameNumber(a, b);
  return a === b || (a.kind === "uninitialized" && b.kind === "uninitialized") || sameOther(a, b);
}

/** Undefined: nothing is known of it. */
function widenedRange(
  plan: number,
  thresholds: readonly number[],
  a: Range,
  b: Range,
  size: number,
): Range | undefined {
  const isSmall = a.full.umax < 2 ** 32 && b.full.umax < 2 ** 32;
  if (plan === 0 && !isSmall) return undefined;
  let low = Math.min(a.full.smin, b.full.smin);
  let high = Math.max(a.full.smax, b.full.smax);
  if (b.full.smin < a.full.smin) {
    low = plan === 0 ? 0 : plan === 1 ? -FAR : below(thresholds, low, plan - 2);
  }
  if (b.full.smax > a.full.smax) {
    high = plan === 0 ? 2 ** 32 - 1 : plan === 1 ? FAR : above(thresholds, high, plan - 2);
  }
  const range = ranges.between(low, high);
  const inSize = size === 8 ? range : ranges.meet(range, unsignedOf(size));
  return inSize === undefined ? undefined : { ...inSize, zeros: Math.min(a.zeros, b.zeros) };
}

/** The threshold at or above a number, `skip` of them left out. */
function above(thresholds: readonly number[], number: number, skip: number): number {
  const first = thresholds.findIndex((threshold) => threshold >= number);
  return first < 0 ? Infinity : (thresholds[first + skip] ?? Infinity);
}

function below(thresholds: readonly number[], number: number, skip: number): number {
  const first = thresholds.findLastIndex((threshold) => threshold <= number);
  return first < 0 ? -Infinity : (thresholds[first - skip] ?? -Infinity);
}

function registerPlace(index: number): Place {
  return { register: index, frame: -1, slot: -1, at: 0, size: 8 };
}

function nameOf({ register: index, frame, slot, at }: Place): string {
  return `${index} ${frame} ${slot} ${at}`;
}

function makeAnchor(place: Place, id: number, range: Range): Anchor {
  return {
    place,
    id,
    isSmall: range.full.umax < 2 ** 32,
    ways: SIGNED_UP | SIGNED_DOWN | UNSIGNED_UP | UNSIGNED_DOWN,
    least: Infinity,
    signed: { low: Infinity, high: -Infinity },
    unsigned: { low: Infinity, high: -Infinity },
  };
}

export function valueAt(state: State, { register: index, frame, slot, at, size }: Place): Value {
  if (index >= 0) return register(state, index as 0);
  const found = slotAt(stackOf(state, frame), slot);
  if (found === undefined) return UNINITIALIZED;
  if (found.kind === "spill" && at === 0 && size === 8) return found.value;
  return readSlot(found, at, size);
}

/** A path has come back to the head with `state`, which is covered: how have the numbers moved? */
export function comeBack({ anchors }: Widened, state: State): void {
  for (const anchor of anchors) {
    const value = valueAt(state, anchor.place);
    if (value.kind !== "number" || value.id !== anchor.id) {
      anchor.ways = 0;
      continue;
    }
    const { full } = value.range;
    anchor.ways &= waysOf(anchor, value);
    anchor.least = Math.min(anchor.least, Math.abs(value.delta));
    anchor.signed.low = Math.min(anchor.signed.low, full.smin);
    anchor.signed.high = Math.max(anchor.signed.high, full.smax);
    anchor.unsigned.low = Math.min(anchor.unsigned.low, full.umin);
    anchor.unsigned.high = Math.max(anchor.unsigned.high, full.umax);
  }
}

/**
 * In which orders the value has moved without wrapping. Sound: it is the one at the head plus delta, modulo 2^64, or, if
 * both are below 2^32, modulo 2^32. So the one at the head is it minus delta, if that is within the order's numbers.
 */
function waysOf({ isSmall }: Anchor, { delta, extended, range: { full } }: NumberValue): number {
  if (delta === 0 || (extended && !isSmall)) return 0;
  let ways = 0;
  if (!extended && Number.isFinite(full.smin) && Number.isFinite(full.smax)) {
    ways |= delta > 0 ? SIGNED_UP : SIGNED_DOWN;
  }
  if (!Number.isFinite(full.umax)) return ways;
  if (delta > 0 && full.umin >= delta) ways |= UNSIGNED_UP;
  if (delta < 0 && (!extended || full.umax - delta < 2 ** 32)) ways |= UNSIGNED_DOWN;
  return ways;
}

/** All ways back have been followed: which number has always moved one way, within bounds that leave so many rounds? */
export function rankOf({ anchors }: Widened): Omit<Rank, "inside"> | undefined {
  for (const { place, id, ways, least, signed, unsigned } of anchors) {
    const order = (ways & (SIGNED_UP | SIGNED_DOWN)) !== 0 ? "signed" : "unsigned";
    const { low, high } = order === "signed" ? signed : unsigned;
    if (ways === 0 || (high - low) / least > MOST_ROUNDS) continue;
    const direction = (ways & (SIGNED_UP | UNSIGNED_UP)) !== 0 ? "up" : "down";
    return { place, order, direction, anchor: id };
  }
  return undefined;
}

/** True if the state is a round's end rather than another start of the loop: something is still linked to its head. */
export function isRound({ anchors }: Widened, state: State): boolean {
  return anchors.some(({ place, id }) => {
    const value = valueAt(state, place);
    return value.kind === "number" && value.id === id;
  });
}

/** Places where the state at the head says too much: what comes back there is not linked to the head, or is no such thing. */
export function exceeded({ state: head, anchors }: Widened, state: State, live: number): string[] {
  const names: string[] = [LOW_BITS];
  const look = (place: Place): void => {
    const known = valueAt(head, place);
    const now = valueAt(state, place);
    if (known.kind === "uninitialized") return;
    const linked = anchors.some(({ id }) => now.kind === "number" && now.id === id);
    if (known.kind === "number" && now.kind === "number") {
      if (!linked && (!ranges.covers(known.range, now.range) || (known.id !== 0 && known.id !== now.id))) {
        names.push(nameOf(place));
      }
    } else if (!sameOther(known, now)) names.push(nameOf(place));
  };
  for (let index = 0; index < head.registers.length; index++) {
    if ((live >> index) & 1) look(registerPlace(index));
  }
  for (const [frame, { stack }] of head.frames.entries()) {
    for (const [slot, known] of listOf(stack).entries()) {
      if (known?.kind === "spill") look({ register: -1, frame, slot, at: 0, size: 8 });
      for (const part of known?.kind === "bytes" ? known.parts : [])
        look({ register: -1, frame, slot, ...part });
    }
  }
  return names;
}
