// The 512 bytes of a frame as 64 slots: exact 8-byte spills, or bytes of which each is a number or uninitialised, with
// narrow spills kept exactly. Stacks are immutable. Offsets are from the frame's lowest byte.
import { type Range, ranges, unsignedOf } from "./range.ts";
import { listOf, mapSlots, NO_SLOTS, SLOT_COUNT, type Slots, slotAt, withSlot } from "./slots.ts";
import { changesSlot, looksAt, writesOver } from "./touched.ts";
import { type NumberValue, numberValue, UNKNOWN_NUMBER, type Value } from "./value.ts";

export const STACK_SIZE_BYTES = 8 * SLOT_COUNT;
export const ALL_BYTES = 0xff;

/** A number stored in `size` bytes of a slot, from byte `at`; nothing has been written over it. */
export interface Part {
  readonly at: number;
  readonly size: number;
  readonly value: NumberValue;
}

/** Bit i of `mask`: byte i is initialised (as a number). */
interface BytesSlot {
  readonly kind: "bytes";
  readonly mask: number;
  readonly parts: readonly Part[];
}

export type Slot = { readonly kind: "spill"; readonly value: Value } | BytesSlot;

/** Absent: 8 uninitialised bytes. */
export type Stack = Slots<Slot>;

export const EMPTY_STACK: Stack = NO_SLOTS;

export type ByteContent = "uninitialized" | "number" | "pointer";

/** Bit i: byte i of the slot is an initialised number. */
export function numberMask(slot: Slot | undefined): number {
  if (slot === undefined) return 0;
  if (slot.kind === "bytes") return slot.mask;
  return slot.value.kind === "number" ? ALL_BYTES : 0;
}

export function byteContent(stack: Stack, at: number): ByteContent {
  looksAt(at >> 3);
  const slot = slotAt(stack, at >> 3);
  if (slot?.kind === "spill" && slot.value.kind === "pointer") return "pointer";
  return (numberMask(slot) >> (at & 7)) & 1 ? "number" : "uninitialized";
}

/** The first byte of [from, to) that is not an initialised number, or undefined. */
export function firstOther(
  stack: Stack,
  from: number,
  to: number,
): { readonly at: number; readonly content: ByteContent } | undefined {
  for (let at = from; at < to; at++) {
    const content = byteContent(stack, at);
    if (content !== "number") return { at, content };
  }
  return undefined;
}

/** The spilled value if exactly one slot is read, else undefined. */
export function spillAt(stack: Stack, at: number, size: number): Value | undefined {
  if (size !== 8 || at % 8 !== 0) return undefined;
  looksAt(at >> 3);
  const slot = slotAt(stack, at >> 3);
  return slot?.kind === "spill" ? slot.value : undefined;
}

/** A number seen through `sizeBytes` bytes from its low end; the same value (and link) if it fits. */
export function narrowNumber(value: NumberValue, sizeBytes: number): NumberValue {
  if (sizeBytes === 8) return value;
  const range = ranges.truncate(value.range, 8 * sizeBytes);
  if (range === value.range) return value;
  // Four bytes of X + delta are the zero extension of its low half.
  return sizeBytes === 4 ? extendedOf(value, range) : numberValue(range);
}

/** The zero extension of the low half of `value`, whose range is given; linked as that is. */
export function extendedOf(value: NumberValue, range: Range): NumberValue {
  if (value.id === 0 || range.full.smin === range.full.smax) return numberValue(range);
  return numberValue(range, value.id, value.delta, true);
}

/** What a little-endian read of bytes [at, at + size) gives; the caller has seen that all are numbers. */
export function readNumber(stack: Stack, at: number, size: number): NumberValue {
  const inSlot = at & 7;
  looksAt(at >> 3);
  if (inSlot + size > 8) looksAt((at >> 3) + 1);
  const slot = slotAt(stack, at >> 3);
  if (slot === undefined || inSlot + size > 8) return numberValue(unsignedOf(size));
  return readSlot(slot, inSlot, size);
}

/** The number in bytes [at, at + size) of one slot. */
export function readSlot(slot: Slot, at: number, size: number): NumberValue {
  if (slot.kind === "spill") {
    if (slot.value.kind === "number" && at === 0) return narrowNumber(slot.value, size);
    return numberValue(unsignedOf(size));
  }
  const part = slot.parts.find((row) => row.at === at && row.size >= size);
  if (part === undefined) return numberValue(unsignedOf(size));
  return narrowNumber(part.value, size);
}

/** Stores a whole value into one aligned slot. */
export function spill(stack: Stack, at: number, value: Value): Stack {
  writesOver(at >> 3);
  return withSlot(stack, at >> 3, { kind: "spill", value });
}

/**
 * Bytes [from, to) become numbers nothing is known of. Sound for spills that are hit in part: what is left of a number
 * is an unknown number, what is left of a pointer is uninitialised, so that it can never be used as a pointer again.
 */
export function writeUnknown(stack: Stack, from: number, to: number): Stack {
  const change = (slot: Slot | undefined, index: number): Slot => {
    const first = Math.max(from - index * 8, 0);
    const end = Math.min(to - index * 8, 8);
    if (first === 0 && end === 8) writesOver(index);
    return overwrite(slot, first, end);
  };
  return mapSlots(stack, change, from >> 3, (to + 7) >> 3);
}

const NO_PARTS: readonly Part[] = [];
/** Eight bytes of which nothing is known but that they are numbers. */
const UNKNOWN_SLOT: BytesSlot = { kind: "bytes", mask: ALL_BYTES, parts: NO_PARTS };

function overwrite(slot: Slot | undefined, from: number, to: number): BytesSlot {
  if (to - from === 8) return UNKNOWN_SLOT;
  const written = (ALL_BYTES >> (8 - (to - from))) << from;
  const parts = slot?.kind === "bytes" ? slot.parts : NO_PARTS;
  return {
    kind: "bytes",
    mask: numberMask(slot) | written,
    parts: parts.length === 0 ? parts : parts.filter((part) => part.at + part.size <= from || part.at >= to),
  };
}

/**
 * Stores the low `size` bytes of a number at [at, at + size). Only what starts a slot or fills half of one is kept
 * exactly: single fields of structs hold what programs seldom test, and states that differ there multiply.
 */
export function writeNumber(stack: Stack, at: number, size: number, value: NumberValue): Stack {
  const inSlot = at & 7;
  if (size === 8 && inSlot === 0) return spill(stack, at, value);
  if (inSlot + size > 8 || (inSlot !== 0 && size < 4)) return writeUnknown(stack, at, at + size);
  const slot = overwrite(slotAt(stack, at >> 3), inSlot, inSlot + size);
  const part: Part = { at: inSlot, size, value: narrowNumber(value, size) };
  return withSlot(stack, at >> 3, { kind: "bytes", mask: slot.mask, parts: [...slot.parts, part] });
}

/**
 * A write of numbers somewhere within [from, to): each byte may or may not be written. Sound: numbers become unknown,
 * uninitialised bytes stay so, and a spilled pointer becomes uninitialised.
 */
export function writeSomewhere(stack: Stack, from: number, to: number): Stack {
  return mapSlots(stack, unknownNumbers, from >> 3, (to + 7) >> 3);
}

/** What is left of a slot without what its numbers are, and without its pointer. */
function unknownNumbers(slot: Slot | undefined): Slot | undefined {
  if (slot?.kind === "bytes" && slot.parts.length === 0) return slot;
  const mask = numberMask(slot);
  if (mask === 0) return undefined;
  return mask === ALL_BYTES ? UNKNOWN_SLOT : { kind: "bytes", mask, parts: NO_PARTS };
}

function isOther(slot: Slot | undefined): boolean {
  return slot?.kind === "spill" && slot.value.kind !== "number";
}

/** Every number becomes unknown; pointers and uninitialised bytes stay. */
export function forgetNumbers(stack: Stack): Stack {
  return mapSlots(stack, (slot) => (isOther(slot) ? slot : unknownNumbers(slot)));
}

/** Replaces spilled values; the stack itself if none changes. `change` must return its argument for "no change". */
export function mapSpills(stack: Stack, change: (value: Value) => Value): Stack {
  return mapSlots(stack, (slot, index) => {
    if (slot === undefined) return undefined;
    const next = mapSlot(slot, change);
    if (next !== slot) changesSlot(index);
    return next;
  });
}

function mapSlot(slot: Slot, change: (value: Value) => Value): Slot | undefined {
  if (slot.kind === "spill") {
    const value = change(slot.value);
    if (value === slot.value) return slot;
    return value.kind === "uninitialized" && !value.stale ? undefined : { kind: "spill", value };
  }
  if (slot.parts.length === 0) return slot;
  let same = true;
  const parts = slot.parts.map((part) => {
    const value = change(part.value);
    if (value === part.value || value.kind !== "number") return part;
    same = false;
    return { ...part, value };
  });
  return same ? slot : { ...slot, parts };
}

export interface Content {
  readonly at: number;
  readonly size: number;
  readonly value: Value;
  /** A value that fills its slot, one kept in part of a slot, or bytes nothing more is known of. */
  readonly kind: "spill" | "part" | "bytes";
}

/** What is stored, lowest slot first, for printing and containment checks. */
export function contents(stack: Stack): Content[] {
  const list: Content[] = [];
  for (const [index, slot] of listOf(stack).entries()) {
    if (slot === undefined) continue;
    if (slot.kind === "spill") list.push({ at: index * 8, size: 8, value: slot.value, kind: "spill" });
    else {
      const parts = [...slot.parts].sort((x, y) => x.at - y.at);
      for (const { at, size, value } of parts) {
        list.push({ at: index * 8 + at, size, value, kind: "part" });
      }
      const rest = parts.reduce(
        (mask, part) => mask & ~((ALL_BYTES >> (8 - part.size)) << part.at),
        slot.mask,
      );
      for (let at = 0; at < 8; at++) {
        let size = 0;
        while (at + size < 8 && (rest >> (at + size)) & 1) size++;
        if (size > 0) list.push({ at: index * 8 + at, size, value: UNKNOWN_NUMBER, kind: "bytes" });
        at += size;
      }
    }
  }
  return list;
}
