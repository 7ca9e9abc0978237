// One listed state from its bytes: what differs from a state read before. Refuses what is not in the one form that
// form.ts allows, and what no state of the checker can be.

import { MOST_OFFSET, MOST_PACKET } from "./arithmetic.ts";
import type { Cursor } from "./cursor.ts";
import type { Listed } from "./follow.ts";
import {
  boundsMask,
  boundsOf,
  CELLS_PER_FRAME,
  cellAt,
  cellCount,
  DOWN_WAY,
  EXTENDED,
  eachValue,
  FIELDS,
  FIRST_CELL,
  FIXED,
  FLAG,
  FORM,
  formOf,
  HELD,
  LENGTHS,
  LINKED,
  NULLABLE,
  numberOfBounds,
  OFFSET,
  PROVED,
  RANGE,
  RANKED,
  setCell,
  UNSIGNED_WAY,
  WAYS,
  ZEROS_SHIFT,
} from "./form.ts";
import { LOW, MOST, TWO_32 } from "./interval.ts";
import type { Listing } from "./listing.ts";
import {
  between,
  constant,
  constantOf,
  fromLow,
  MOST_DELTA,
  type NumberValue,
  unknown,
  unsignedBetween,
} from "./number.ts";
import { refuse } from "./program.ts";
import { numberOf, type Rank } from "./rank.ts";
import { sameSlot } from "./same.ts";
import {
  emptyFrame,
  type Part,
  PLACES,
  type Pointer,
  pointer,
  SLOTS,
  type Slot,
  type State,
  usedSlots,
} from "./state.ts";

/** Ids are numbered per state, so there are no more than cells, of which each has at most three. */
const MOST_ID = 3 * (FIRST_CELL + 8 * CELLS_PER_FRAME);

/** What a state is read by. */
export interface Reading {
  readonly cursor: Cursor;
  /** How many the program has. */
  readonly instructions: number;
  /** Ids of what is linked to the heads of open loops, the outermost first. */
  readonly anchors: readonly number[];
}

/** The next entry of a certificate: a state and, if it is ranked, its rank and how many of the next are inside its loop. */
export function decodeListed(
  cursor: Cursor,
  listing: Listing,
  instructions: number,
): { readonly listed: Listed; readonly inside: number } {
  const index = listing.index + cursor.signed(instructions);
  if (index < 0 || index >= instructions) refuse("a state behind the program");
  const head = cursor.byte();
  const reading = { cursor, instructions, anchors: listing.anchors() };
  const state = decodeState(reading, head & ~RANKED, listing.baseOf(index));
  if ((head & RANKED) === 0) return { listed: { index, state }, inside: 0 };
  const rank = decodeRank(cursor, state, listing.nextAnchor);
  return { listed: { index, state, rank }, inside: cursor.unsigned(listing.most) };
}

function decodeRank(cursor: Cursor, state: State, anchor: number): Rank {
  const place = cursor.unsigned(WAYS * cellCount(state) - 1);
  const way = place % WAYS;
  const cell = (place - way) / WAYS;
  const part = cellAt(state, cell)?.kind === "bytes" ? cursor.unsigned(1) : 0;
  const rank = { cell, part, signed: way < UNSIGNED_WAY, up: way % 2 !== DOWN_WAY, anchor };
  return numberOf(state, rank) === undefined ? refuse("a rank of no number") : rank;
}

/** The next state, told as what differs from `base`. */
function decodeState(reading: Reading, head: number, base: State): State {
  const { cursor, instructions } = reading;
  if (head > 0x1f) refuse("a state of an unknown form");
  const frames = (head & 7) + 1;
  const state: State = {
    registers: base.registers.slice(),
    frames: [],
    packet: base.packet,
    metadata: base.metadata,
    references: base.references,
  };
  for (let depth = 0; depth < frames; depth++) {
    const known = base.frames[depth];
    const returnTo = depth === 0 ? -1 : cursor.unsigned(instructions - 1);
    const saved = depth === 0 ? [] : (known?.saved ?? [undefined, undefined, undefined, undefined]);
    state.frames.push({ ...(known ?? emptyFrame()), returnTo, saved, shared: true });
  }
  if (head & LENGTHS) {
    state.packet = cursor.unsigned(MOST_PACKET + 1);
    state.metadata = cursor.unsigned(MOST_PACKET + 1);
    if (state.packet === base.packet && state.metadata === base.metadata) refuse("lengths told again");
  }
  decodeCells(reading, state);
  if (head & HELD) {
    const count = cursor.unsigned(MOST_ID);
    state.references = Array.from({ length: count }, () => 1 + cursor.unsigned(MOST_ID));
    if (sameList(state.references, base.references)) refuse("references told again");
  }
  checkIds(state, reading.anchors);
  return state;
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((one, at) => one === b[at]);
}

/** Pairs of a distance to the next cell and what is in it; 0 ends. */
function decodeCells(reading: Reading, state: State): void {
  const { cursor } = reading;
  const count = cellCount(state);
  for (let cell = -1, step = cursor.unsigned(count); step !== 0; step = cursor.unsigned(count)) {
    cell += step;
    if (cell >= count) refuse("a cell that does not exist");
    const slot = decodeSlot(reading, state.frames.length);
    if (sameSlot(cellAt(state, cell), slot)) refuse("a cell told again");
    // The first frame has no caller.
    if (cell >= FIRST_CELL + SLOTS && cell < FIRST_CELL + CELLS_PER_FRAME)
      refuse("a cell that does not exist");
    setCell(state, cell, slot);
  }
}

function decodeSlot(reading: Reading, frames: number): Slot {
  const { cursor } = reading;
  const head = cursor.byte();
  if (head < FORM.bytes) {
    if (head === FORM.nothing) return undefined;
    return (head & 7) === FORM.pointer ? decodePointer(cursor, head, frames) : decodeNumber(reading, head);
  }
  const count = head - FORM.bytes;
  const mask = cursor.byte();
  if (count > 2 || mask === 0) refuse("bytes of an unknown form");
  const parts: Part[] = [];
  let end = 0;
  for (let part = 0; part < count; part++) {
    const place = cursor.byte();
    const at = place >> 4;
    const size = place & 15;
    const isPlace = (at === 0 && (size === 1 || size === 2)) || (size === 4 && at <= 4);
    if (!isPlace || at < end) refuse("a part of a slot that is none");
    end = at + size;
    if (((mask >> at) & (2 ** size - 1)) !== 2 ** size - 1) refuse("a part that is not written");
    const first = cursor.byte();
    if (first >= FORM.bytes || (first & 7) === FORM.pointer) refuse("a part that is no number");
    const value = decodeNumber(reading, first);
    if (!(value.full.u1 < 2 ** (8 * size))) refuse("a part that is too large");
    parts.push({ at, size, value });
  }
  return { kind: "bytes", mask, parts };
}

function decodeNumber({ cursor, anchors }: Reading, head: number): NumberValue {
  const form = head & 7;
  const plain = decodeBounds(cursor, form);
  const zeros = (head >> ZEROS_SHIFT) & 3;
  if (form === FORM.constant) return head === form ? plain : refuse("a constant with more");
  const value: NumberValue = { ...plain, zeros };
  if (formOf(value) !== form) refuse("a number that is not in its shortest form");
  if ((head & LINKED) === 0) return head & EXTENDED ? refuse("a link without an id") : value;
  const link = cursor.unsigned(MOST_ID);
  const id = anchors[link] ?? link + 1 - anchors.length;
  const delta = cursor.signed(MOST_DELTA);
  const extended = (head & EXTENDED) !== 0;
  if (extended && !(value.full.u1 < TWO_32)) refuse("a zero extension that is too large");
  if (constantOf(value) !== undefined) refuse("a constant with a link");
  return { ...value, id, delta, extended };
}

function decodeBounds(cursor: Cursor, form: number): NumberValue {
  switch (form) {
    case FORM.any:
      return unknown();
    case FORM.constant:
      return constant(cursor.signed());
    case FORM.unsigned: {
      const least = cursor.unsigned();
      return unsignedBetween(least, least + cursor.unsigned(MOST - least));
    }
    case FORM.signed: {
      const least = cursor.signed();
      return between(least, least + cursor.unsigned(MOST - Math.max(least, 0)));
    }
    case FORM.low: {
      const u0 = cursor.unsigned(TWO_32 - 1);
      return fromLow({ u0, u1: u0 + cursor.unsigned(TWO_32 - 1 - u0), s0: LOW.noLow, s1: LOW.noHigh });
    }
    case FORM.bounds: {
      const mask = cursor.byte();
      const value = numberOfBounds((at) => ((mask >> at) & 1 ? cursor.signed() : undefined));
      return checkBounds(value, mask);
    }
    default:
      return refuse("a value of an unknown form");
  }
}

function checkBounds(value: NumberValue, mask: number): NumberValue {
  const { full, low } = value;
  if (boundsMask(boundsOf(value)) !== mask) refuse("a bound that says nothing");
  if (full.u0 < 0 || low.u0 < 0 || low.u1 >= TWO_32) refuse("a bound that is none");
  if (low.s0 < LOW.noLow || low.s1 > LOW.noHigh) refuse("a bound that is none");
  if (full.u0 > full.u1 || full.s0 > full.s1 || low.u0 > low.u1 || low.s0 > low.s1) refuse("no number");
  return value;
}

function decodePointer(cursor: Cursor, head: number, frames: number): Pointer {
  const second = cursor.byte();
  const place = PLACES[second & 15] ?? refuse("a pointer to an unknown place");
  if (second > 0x3f) refuse("a pointer of an unknown form");
  const fields = FIELDS[place];
  const flag = (second & FLAG) !== 0;
  if (flag && place !== "mapValue" && place !== "memory") refuse("a flag that says nothing");
  const which = fields.which ? cursor.unsigned() : 0;
  if (place === "stack" && which >= frames) refuse("a pointer into a frame that does not exist");
  const instance = fields.instance ? decodeInstance(cursor, place, which, (second & FIXED) !== 0) : 0;
  if (!fields.instance && second & FIXED) refuse("a flag that says nothing");
  const holder = fields.holder ? cursor.unsigned(MOST_ID) : 0;
  const offset = head & OFFSET ? cursor.signed(MOST_OFFSET) : 0;
  if (head & OFFSET && offset === 0) refuse("an offset of 0");
  const proved = head & PROVED ? cursor.unsigned(MOST_PACKET + 1) : 0;
  if (head & PROVED && (proved === 0 || !fields.packet)) refuse("a length that says nothing");
  const range = head & RANGE ? decodeRange(cursor, fields.packet === true) : {};
  const nullable = (head & NULLABLE) !== 0;
  return pointer(place, { which, flag, instance, holder, offset, proved, nullable, ...range });
}

function decodeInstance(cursor: Cursor, place: string, which: number, fixed: boolean): number {
  if (!fixed) return place === "memory" ? cursor.unsigned(MOST_ID) : 1 + cursor.unsigned(MOST_ID);
  // There is one direct address a map, one memory a parameter.
  if (place === "mapValue") return -1 - which;
  return place === "memory" ? -1 - cursor.unsigned(4) : refuse("a flag that says nothing");
}

function decodeRange(cursor: Cursor, packet: boolean): Partial<Pointer> {
  const least = cursor.signed(MOST_OFFSET);
  const most = least + cursor.unsigned(2 * MOST_OFFSET);
  const zeros = cursor.unsigned(3);
  if (most > MOST_OFFSET || least === most) refuse("a range that is none");
  return { least, most, zeros, part: packet ? 1 + cursor.unsigned(MOST_ID) : 0 };
}

/**
 * Ids are 1, 2, 3 ... in the order of cells, and no link is of one number alone, but for links to heads, of loops that are
 * open.
 */
function checkIds(state: State, anchors: readonly number[]): void {
  let ids = 0;
  const uses: number[] = [];
  const note = (id: number): void => {
    if (id > ids + 1) refuse("ids out of order");
    if (id === ids + 1) ids += 1;
  };
  const visit = (value: Exclude<Slot, undefined>): void => {
    if (value.kind === "number") {
      if (value.id === 0 || anchors.includes(value.id)) return;
      if (value.id < 0) refuse("a link to the head of another loop");
      if (value.id > uses.length + 1) refuse("links out of order");
      uses[value.id - 1] = (uses[value.id - 1] ?? 0) + 1;
    } else if (value.kind === "pointer") {
      note(value.instance);
      note(value.holder);
      note(value.part);
    }
  };
  for (const value of state.registers) if (value !== undefined) visit(value);
  for (const frame of state.frames) {
    const used = usedSlots(frame);
    for (let at = used.length - 1; at >= 0; at--) eachValue(frame.slots[used[at] ?? 0], visit);
    for (const value of frame.saved) if (value !== undefined) visit(value);
  }
  if (uses.includes(1)) refuse("a link to nothing");
  for (const held of state.references) note(held);
  if (new Set(state.references).size !== state.references.length) refuse("a reference held twice");
}
