// Reading and writing the 512 bytes of a frame: whole values in aligned slots, numbers in parts of them, or bytes of which
// each is a number or nothing. Offsets count from the lowest byte; bounds have been checked.
import { anyOfSize, type NumberValue, truncated } from "./number.ts";
import { type Bytes, numberMask, type Part, SLOTS, type Slot, type Value } from "./state.ts";

/** True if all bytes of [from, to) are numbers. */
export function isNumbers(slots: readonly Slot[], from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (((numberMask(slots[at >> 3]) >> (at & 7)) & 1) === 0) return false;
  }
  return true;
}

/** The value of a whole slot, if that is what is read and one was stored. */
export function wholeAt(slots: readonly Slot[], at: number, size: number): Value {
  const slot = size === 8 && (at & 7) === 0 ? slots[at >> 3] : undefined;
  return slot === undefined || slot.kind === "bytes" ? undefined : slot;
}

/** The number in those bytes. What is no number there is any number. */
export function numberAt(slots: readonly Slot[], at: number, size: number): NumberValue {
  const inside = at & 7;
  return inside + size > 8 ? anyOfSize(size) : numberIn(slots[at >> 3], inside, size);
}

export function numberIn(slot: Slot, at: number, size: number): NumberValue {
  if (slot?.kind === "number" && at === 0) return truncated(slot, 8 * size);
  if (slot?.kind === "bytes") {
    for (const part of slot.parts) {
      if (part.at === at && part.size >= size) return truncated(part.value, 8 * size);
    }
  }
  return anyOfSize(size);
}

/** Stores the low bytes of a number. Exact where it starts a slot or fills half of one. */
export function writeNumber(slots: Slot[], at: number, size: number, value: NumberValue): void {
  const inside = at & 7;
  if (size === 8 && inside === 0) {
    slots[at >> 3] = value;
    return;
  }
  writeAny(slots, at, at + size);
  if (inside + size > 8 || (inside !== 0 && size < 4)) return;
  const bytes = slots[at >> 3] as Bytes;
  const part: Part = { at: inside, size, value: truncated(value, 8 * size) };
  slots[at >> 3] = { ...bytes, parts: [...bytes.parts, part].sort((a, b) => a.at - b.at) };
}

/** Bytes [from, to) become any numbers. What is left of a pointer is nothing. */
export function writeAny(slots: Slot[], from: number, to: number): void {
  for (let index = from >> 3; index * 8 < to; index++) {
    const first = Math.max(from - index * 8, 0);
    const end = Math.min(to - index * 8, 8);
    const slot = slots[index];
    const parts =
      slot?.kind === "bytes" ? slot.parts.filter((p) => p.at + p.size <= first || p.at >= end) : [];
    slots[index] = {
      kind: "bytes",
      mask: numberMask(slot) | ((0xff >> (8 - end + first)) << first),
      parts,
    };
  }
}

/** Numbers are written to some of the bytes [from, to): what was a number there is any number, all else nothing. */
export function writeSomewhere(slots: Slot[], from: number, to: number): void {
  for (let index = from >> 3; index * 8 < to && index < SLOTS; index++) {
    const mask = numberMask(slots[index]);
    slots[index] = mask === 0 ? undefined : { kind: "bytes", mask, parts: [] };
  }
}
