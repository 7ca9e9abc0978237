// The 64 slots of a frame, or something by slot, as eight rows of eight. Immutable: a change copies two lists of eight, and
// what was there before and after it shares the other rows. Most states differ in few slots from the one before them.

const ROW = 8;
export const SLOT_COUNT = ROW * ROW;

type Row<T> = readonly (T | undefined)[];

export type Slots<T> = readonly Row<T>[];

const NO_ROW: Row<never> = new Array<undefined>(ROW).fill(undefined);

/** Nothing in any slot. */
export const NO_SLOTS: Slots<never> = new Array<Row<never>>(ROW).fill(NO_ROW);

export function slotAt<T>(slots: Slots<T>, index: number): T | undefined {
  return slots[index >> 3]?.[index & 7];
}

export function withSlot<T>(slots: Slots<T>, index: number, slot: T | undefined): Slots<T> {
  const at = index >> 3;
  const row = slots[at]?.slice() ?? [];
  row[index & 7] = slot;
  const next = slots.slice();
  next[at] = row;
  return next;
}

/** The slots of [first, end) changed; rows in which none does, or all of them, stay the objects that they are. */
export function mapSlots<T>(
  slots: Slots<T>,
  change: (slot: T | undefined, index: number) => T | undefined,
  first = 0,
  end = SLOT_COUNT,
): Slots<T> {
  let next: Row<T>[] | undefined;
  for (let start = first & -ROW; start < end; start += ROW) {
    const row = slots[start >> 3] ?? NO_ROW;
    let changed: (T | undefined)[] | undefined;
    const last = Math.min(end, start + ROW);
    for (let index = Math.max(first, start); index < last; index++) {
      const slot = row[index & 7];
      const made = change(slot, index);
      if (made === slot) continue;
      changed ??= row.slice();
      changed[index & 7] = made;
    }
    if (changed === undefined) continue;
    next ??= slots.slice();
    next[start >> 3] = changed;
  }
  return next ?? slots;
}

/** The slots in a list of 64, slot 0 first. */
export function listOf<T>(slots: Slots<T>): (T | undefined)[] {
  return slots.flat();
}

export function slotsOf<T>(list: readonly (T | undefined)[]): Slots<T> {
  return mapSlots<T>(NO_SLOTS, (_, index) => list[index]);
}
