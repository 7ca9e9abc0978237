// What the checker knows before an instruction: registers, frames with their stacks, bytes of the packet that are proved,
// references held. States are changed in place; values in them are not.
import { type NumberValue, unknown } from "./number.ts";

/** What a pointer may point into; `which`, `instance` and `holder` tell it from others of its kind. */
export type Place =
  | "context"
  /** which: the frame. */
  | "stack"
  | "packet"
  | "packetEnd"
  | "packetMeta"
  /** which: the map; instance: the look-up, or -1 - map of a direct address. inner: a value of an inner map of it. */
  | "mapValue"
  /** which: the map. */
  | "map"
  /** which: the map of maps; instance: the look-up. */
  | "innerMap"
  /** which: the size; instance: 0, of a parameter -1 - position, or the load. */
  | "memory"
  /** A ring buffer's record. which: the size; instance: the reference. */
  | "record"
  /** which: the row in the platform's objectTypes. */
  | "object"
  | "kernel"
  /** which: the subprogram. */
  | "code";

export const PLACES: readonly Place[] = [
  "context",
  "stack",
  "packet",
  "packetEnd",
  "packetMeta",
  "mapValue",
  "map",
  "innerMap",
  "memory",
  "record",
  "object",
  "kernel",
  "code",
];

export interface Pointer {
  readonly kind: "pointer";
  readonly place: Place;
  readonly which: number;
  /** Of an inner map (mapValue), or not to be written (memory). */
  readonly flag: boolean;
  /** Pointers of one instance other than 0 are null together or not at all. */
  readonly instance: number;
  /** Objects: the reference that keeps it alive; 0: none. */
  readonly holder: number;
  /** offset, plus something of [least, most] with `zeros` low zero bits. */
  readonly offset: number;
  readonly least: number;
  readonly most: number;
  readonly zeros: number;
  /** Into the packet: pointers with one part have the same unknown something; 0: they have none. */
  readonly part: number;
  /** Into the packet: so many bytes behind the unknown something lie before the end. */
  readonly proved: number;
  readonly nullable: boolean;
}

/** Undefined: nothing may be read from it. */
export type Value = NumberValue | Pointer | undefined;

/** Bytes of a slot of which some are numbers (bit i of mask: byte i), with the numbers stored there whole. */
export interface Bytes {
  readonly kind: "bytes";
  readonly mask: number;
  readonly parts: readonly Part[];
}

export interface Part {
  readonly at: number;
  readonly size: number;
  readonly value: NumberValue;
}

export type Slot = Value | Bytes;

export const STACK_BYTES = 512;
export const SLOTS = 64;
export const MOST_FRAMES = 8;

export interface Frame {
  /** The instruction after the call; -1 in the entry function and in a callback. */
  readonly returnTo: number;
  /** r6 ... r9 of the caller. */
  saved: readonly Value[];
  /** Of several states if `shared`: written through ownSlots() only. */
  slots: readonly Slot[];
  shared: boolean;
  /** Which slots hold something; undefined: not told (usedSlots). */
  used: readonly number[] | undefined;
  /** Of a callback: what it must leave as it was. */
  readonly callback?: {
    readonly references: readonly number[];
    readonly stacks: readonly (readonly Slot[])[];
  };
}

export interface State {
  /** r0 ... r9; r10 is always the end of the last frame's stack. */
  registers: Value[];
  frames: Frame[];
  packet: number;
  metadata: number;
  references: readonly number[];
}

export function pointer(place: Place, changes: Partial<Pointer> = {}): Pointer {
  return {
    kind: "pointer",
    place,
    which: 0,
    flag: false,
    instance: 0,
    holder: 0,
    offset: 0,
    least: 0,
    most: 0,
    zeros: 3,
    part: 0,
    proved: 0,
    nullable: false,
    ...changes,
  };
}

const EMPTY_SLOTS: readonly Slot[] = new Array<Slot>(SLOTS).fill(undefined);

export function emptyFrame(returnTo = -1, saved: readonly Value[] = []): Frame {
  return { returnTo, saved, slots: EMPTY_SLOTS, shared: true, used: undefined };
}

/** The frame's slots, to be written: from now on no other state has them. */
export function ownSlots(frame: Frame): Slot[] {
  if (frame.shared) frame.slots = frame.slots.slice();
  frame.shared = false;
  frame.used = undefined;
  return frame.slots as Slot[];
}

/** The slots that hold something, the lowest first; told once for a frame that is compared with many. */
export function usedSlots(frame: Frame): readonly number[] {
  if (frame.used !== undefined) return frame.used;
  const used: number[] = [];
  for (let at = 0; at < SLOTS; at++) if (frame.slots[at] !== undefined) used.push(at);
  frame.used = used;
  return used;
}

export function emptyState(): State {
  return {
    registers: new Array<Value>(10).fill(undefined),
    frames: [emptyFrame()],
    packet: 0,
    metadata: 0,
    references: [],
  };
}

/** A copy that can be changed on its own; stacks are shared until one of the two is written. */
export function copyState(state: State): State {
  return {
    ...state,
    registers: state.registers.slice(),
    frames: state.frames.map((frame) => {
      frame.shared = true;
      return { ...frame };
    }),
  };
}

const STACK_ENDS: readonly Pointer[] = Array.from({ length: MOST_FRAMES }, (_, which) =>
  pointer("stack", { which }),
);

export function read(state: State, register: number): Value {
  return register === 10 ? STACK_ENDS[state.frames.length - 1] : state.registers[register];
}

/** Applies `change` to every value; what is stored in part of a slot only to numbers. */
export function mapValues(state: State, change: (value: NumberValue | Pointer) => Value): void {
  const { registers } = state;
  for (let index = 0; index < registers.length; index++) {
    const value = registers[index];
    if (value !== undefined) registers[index] = change(value);
  }
  for (const frame of state.frames) {
    if (frame.saved.length > 0) frame.saved = frame.saved.map((value) => value && change(value));
    const { slots } = frame;
    if (slots === EMPTY_SLOTS) continue;
    for (let index = 0; index < SLOTS; index++) {
      const slot = slots[index];
      if (slot === undefined) continue;
      const next = changedSlot(slot, change);
      if (next !== slot) ownSlots(frame)[index] = next;
    }
  }
}

function changedSlot(slot: Exclude<Slot, undefined>, change: (value: NumberValue | Pointer) => Value): Slot {
  if (slot.kind !== "bytes") return change(slot);
  if (slot.parts.length === 0) return slot;
  const parts = slot.parts.map((part) => changed(part, change));
  return parts.every((part, at) => part === slot.parts[at]) ? slot : { ...slot, parts };
}

function changed(part: Part, change: (value: NumberValue | Pointer) => Value): Part {
  const value = change(part.value);
  return value === part.value || value?.kind !== "number" ? part : { ...part, value };
}

export function isPacket({ place }: Pointer): boolean {
  return place === "packet" || place === "packetEnd" || place === "packetMeta";
}

/** Pointers into the packet are void, and so is what was proved of it. */
export function forgetPacket(state: State): void {
  mapValues(state, (value) => (value.kind === "pointer" && isPacket(value) ? undefined : value));
  state.packet = 0;
  state.metadata = 0;
}

/** The reference without which the pointer is void; 0: none. */
export function holderOf(value: Pointer): number {
  if (value.place === "object") return value.holder;
  return value.place === "record" ? value.instance : 0;
}

export function dropReference(state: State, reference: number): void {
  if (state.references.includes(reference)) {
    state.references = state.references.filter((held) => held !== reference);
  }
}

/** Into one object: their distance and order mean something. The packet, its end and its metadata are one. */
export function sameObject(a: Pointer, b: Pointer): boolean {
  if (isPacket(a)) return isPacket(b);
  if (a.place !== b.place || a.instance !== b.instance) return false;
  return a.place === "stack" || a.place === "map" || a.place === "code" ? a.which === b.which : true;
}

/** Bit i: byte i of the slot is a number. */
export function numberMask(slot: Slot): number {
  if (slot === undefined || slot.kind === "pointer") return 0;
  return slot.kind === "bytes" ? slot.mask : 0xff;
}

/** Every number in the stack becomes any number. */
export function forgetNumbers(frame: Frame): void {
  const slots = ownSlots(frame);
  for (let index = 0; index < SLOTS; index++) {
    const slot = slots[index];
    if (slot?.kind === "number") slots[index] = unknown();
    else if (slot?.kind === "bytes") slots[index] = { ...slot, parts: [] };
  }
}
