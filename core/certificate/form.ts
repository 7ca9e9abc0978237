// The shape of a certificate's bytes, as far as reading and writing share it; docs/certificate.md draws it. Knows states,
// no programs.
import { MOST } from "./interval.ts";
import {
  between,
  constant,
  constantOf,
  fromLow,
  type NumberValue,
  plainNumber,
  trailingZeros,
  unknown,
  unsignedBetween,
} from "./number.ts";
import { refuse } from "./program.ts";
import { sameInterval } from "./same.ts";
import { ownSlots, type Place, SLOTS, type Slot, type State } from "./state.ts";

/** "eBPFcert". */
export const MAGIC: readonly number[] = [0x65, 0x42, 0x50, 0x46, 0x63, 0x65, 0x72, 0x74];
export const VERSION = 1;
export const DIGEST_BYTES = 32;
/** States of one certificate. */
export const MOST_STATES = 65_536;
export const MOST_FILE_BYTES = 1 << 26;

/** How a value is written: the low three bits of its first byte. */
export const FORM = {
  nothing: 0,
  any: 1,
  constant: 2,
  unsigned: 3,
  signed: 4,
  low: 5,
  bounds: 6,
  pointer: 7,
  /** A slot of bytes: bit 7, and the number of parts in the low bits. */
  bytes: 0x80,
} as const;

/** Bits of a number's first byte; its zeros are bits 3 and 4. */
export const ZEROS_SHIFT = 3;
export const LINKED = 0x20;
export const EXTENDED = 0x40;
/** Bits of a pointer's first byte. */
export const NULLABLE = 0x08;
export const OFFSET = 0x10;
export const RANGE = 0x20;
export const PROVED = 0x40;
/** Bits of a pointer's second byte, above the place. */
export const FLAG = 0x10;
/** Its instance is below 0: a direct address, or a parameter. */
export const FIXED = 0x20;
/** Bits of a state's first byte, above the number of frames less one. */
export const LENGTHS = 0x08;
export const HELD = 0x10;
export const RANKED = 0x20;
/** Loops whose states are being listed; one behind another counts as inside, since paths go on from that into this. */
export const MOST_OPEN = 256;
/** How a ranked state's number moves: so many ways (signed or not, up or down) for each cell. */
export const WAYS = 4;
export const UNSIGNED_WAY = 2;
export const DOWN_WAY = 1;

/** What of a pointer is written for each place. */
export const FIELDS: Readonly<
  Record<
    Place,
    { readonly which?: true; readonly instance?: true; readonly holder?: true; readonly packet?: true }
  >
> = {
  context: {},
  stack: { which: true },
  packet: { packet: true },
  packetEnd: {},
  packetMeta: { packet: true },
  mapValue: { which: true, instance: true },
  map: { which: true },
  innerMap: { which: true, instance: true },
  memory: { which: true, instance: true },
  record: { which: true, instance: true },
  object: { which: true, instance: true, holder: true },
  kernel: { instance: true },
  code: { which: true },
};

/** Places of values in a state: r0 ... r9, then of each frame its slots, the highest first, and r6 ... r9 of its caller. */
export const CELLS_PER_FRAME = SLOTS + 4;
export const FIRST_CELL = 10;

export function cellCount(state: State): number {
  return FIRST_CELL + CELLS_PER_FRAME * state.frames.length;
}

export function cellAt(state: State, cell: number): Slot {
  if (cell < FIRST_CELL) return state.registers[cell];
  const frame = state.frames[Math.floor((cell - FIRST_CELL) / CELLS_PER_FRAME)];
  const at = (cell - FIRST_CELL) % CELLS_PER_FRAME;
  return at < SLOTS ? frame?.slots[SLOTS - 1 - at] : frame?.saved[at - SLOTS];
}

/** Only what can be there. */
export function setCell(state: State, cell: number, slot: Slot): void {
  const frame = state.frames[Math.floor((cell - FIRST_CELL) / CELLS_PER_FRAME)];
  const at = (cell - FIRST_CELL) % CELLS_PER_FRAME;
  if (cell >= FIRST_CELL && at < SLOTS) {
    if (frame !== undefined) ownSlots(frame)[SLOTS - 1 - at] = slot;
    return;
  }
  if (slot?.kind === "bytes") refuse("bytes in a register");
  if (cell < FIRST_CELL) state.registers[cell] = slot;
  else if (frame !== undefined) frame.saved = frame.saved.with(at - SLOTS, slot);
}

/** Calls `visit` for what is in a cell: its value, or the numbers in parts of it. */
export function eachValue(slot: Slot, visit: (value: Exclude<Slot, undefined>) => void): void {
  if (slot === undefined) return;
  if (slot.kind === "bytes") for (const { value } of slot.parts) visit(value);
  else visit(slot);
}

function sameBounds(a: NumberValue, b: NumberValue): boolean {
  return sameInterval(a.full, b.full) && sameInterval(a.low, b.low);
}

/** The first form from which all bounds of the number follow. */
export function formOf(value: NumberValue): number {
  const { full, low } = value;
  const known = constantOf(value);
  if (known !== undefined && value.zeros === trailingZeros(known) && sameBounds(value, constant(known))) {
    return FORM.constant;
  }
  if (sameBounds(value, unknown())) return FORM.any;
  if (Number.isFinite(full.u1) && sameBounds(value, unsignedBetween(full.u0, full.u1))) return FORM.unsigned;
  if (full.s1 - full.s0 <= MOST && sameBounds(value, between(full.s0, full.s1))) return FORM.signed;
  return sameBounds(value, fromLow(low)) ? FORM.low : FORM.bounds;
}

/** The bounds of the form "bounds", in order; infinite ones are left out. */
export function boundsOf({ full, low }: NumberValue): readonly number[] {
  return [full.u0, full.u1, full.s0, full.s1, low.u0, low.u1, low.s0, low.s1];
}

const NO_BOUNDS = boundsOf(unknown());

/** Bit i: bound i says something. */
export function boundsMask(bounds: readonly number[]): number {
  return bounds.reduce((mask, bound, at) => mask | (bound === NO_BOUNDS[at] ? 0 : 1 << at), 0);
}

export function numberOfBounds(read: (at: number) => number | undefined): NumberValue {
  const [u0 = 0, u1 = 0, s0 = 0, s1 = 0, l0 = 0, l1 = 0, m0 = 0, m1 = 0] = NO_BOUNDS.map(
    (none, at) => read(at) ?? none,
  );
  return plainNumber({ u0, u1, s0, s1 }, { u0: l0, u1: l1, s0: m0, s1: m1 }, 0);
}
