// The state before an instruction: the registers of the running frame, the frames below it with their stacks, and how
// many bytes of the packet are proved. Comparing states is in cover.ts, how instructions move them in ../transfer*.ts.
import { REGISTER_COUNT, type Register, STACK_POINTER } from "../../isa/instruction.ts";
import { listOf } from "./slots.ts";
import { EMPTY_STACK, mapSpills, type Stack } from "./stack.ts";
import { changesRegister, FIRST_CALLER_SAVED_BIT, METADATA_BIT, PACKET_BIT, uses } from "./touched.ts";
import {
  holderOf,
  isPacketPointer,
  type PointerValue,
  pointerTo,
  RELEASED,
  STALE,
  UNINITIALIZED,
  type Value,
} from "./value.ts";

export interface Frame {
  /** The instruction after the call; -1 in the entry function. */
  readonly returnTo: number;
  /** r6 ... r9 of the caller, given back at exit. */
  readonly callerSaved: readonly Value[];
  readonly stack: Stack;
  /** Set in the frame of a callback: its path ends with it. Two frames are of one callback if this is one object. */
  readonly callback?: Callback;
}

/** What a callback, which may run any number of times, has to leave as it was when its helper was called. */
export interface Callback {
  readonly references: readonly number[];
  /** Of the frames below, with every number in them unknown. */
  readonly stacks: readonly Stack[];
}

export interface State {
  readonly registers: Value[];
  readonly frames: Frame[];
  /** So many bytes from data on are proved to lie before data_end. Pointers with an unknown part carry their own proof. */
  packet: number;
  /** The same for the metadata in front of the packet, from data_meta on; its end is data. */
  metadata: number;
  /** Instances that have been acquired and not yet released, in the order they were acquired. */
  references: readonly number[];
}

const NO_REFERENCES: readonly number[] = [];

export function entryState(): State {
  const registers: Value[] = new Array<Value>(REGISTER_COUNT).fill(UNINITIALIZED);
  registers[STACK_POINTER] = pointerTo({ kind: "stack", frame: 0 });
  return {
    registers,
    frames: [{ returnTo: -1, callerSaved: [], stack: EMPTY_STACK }],
    packet: 0,
    metadata: 0,
    references: NO_REFERENCES,
  };
}

/** A copy that can be changed on its own; values, stacks and proved maps are immutable and shared. */
export function cloneState(state: State): State {
  return {
    registers: state.registers.slice(),
    frames: state.frames.slice(),
    packet: state.packet,
    metadata: state.metadata,
    references: state.references,
  };
}

export function register(state: State, index: Register): Value {
  return state.registers[index] ?? UNINITIALIZED;
}

export function stackOf(state: State, frame: number): Stack {
  return state.frames[frame]?.stack ?? EMPTY_STACK;
}

export function setStack(state: State, frame: number, stack: Stack): void {
  const old = state.frames[frame];
  if (old !== undefined && old.stack !== stack) state.frames[frame] = { ...old, stack };
}

/** Applies `change` to every value of the state: registers, callers' registers, spills. It answers what is not to change. */
export function mapValues(state: State, change: (value: Value) => Value): void {
  for (let index = 0; index < REGISTER_COUNT; index++) {
    const value = state.registers[index] ?? UNINITIALIZED;
    const next = change(value);
    if (next === value) continue;
    state.registers[index] = next;
    changesRegister(index);
  }
  for (let index = 0; index < state.frames.length; index++) {
    const frame = state.frames[index];
    if (frame === undefined) continue;
    const stack = mapSpills(frame.stack, change);
    const callerSaved =
      frame.callerSaved.length === 0 ? frame.callerSaved : mapSaved(frame.callerSaved, change);
    if (stack !== frame.stack || callerSaved !== frame.callerSaved) {
      state.frames[index] = { ...frame, stack, callerSaved };
    }
  }
}

function mapSaved(saved: readonly Value[], change: (value: Value) => Value): readonly Value[] {
  const next = saved.map(change);
  let same = true;
  for (let index = 0; index < next.length; index++) {
    if (next[index] === saved[index]) continue;
    changesRegister(FIRST_CALLER_SAVED_BIT + index);
    same = false;
  }
  return same ? saved : next;
}

/** The packet may have moved: every pointer into it is void, and so is what was proved. */
export function forgetPacket(state: State): void {
  mapValues(state, (value) => (isPacketPointer(value) ? STALE : value));
  state.packet = 0;
  state.metadata = 0;
}

/** From now on the instance must be released before the program ends. */
export function acquire(state: State, instance: number): void {
  state.references = [...state.references, instance];
}

/** Drops a reference; nothing changes for the values that depend on it. */
export function dropReference(state: State, instance: number): void {
  if (state.references.includes(instance)) {
    state.references = state.references.filter((held) => held !== instance);
  }
}

/** Gives the reference back: everything that it kept alive is void. */
export function release(state: State, instance: number): void {
  dropReference(state, instance);
  mapValues(state, (value) =>
    value.kind === "pointer" && holderOf(value.region) === instance ? RELEASED : value,
  );
}

/**
 * Records that `length` bytes from the start of the pointer's unknown part on lie before the end. Sound: pointers into
 * the packet with one unknown part have one start.
 */
export function prove(state: State, pointer: PointerValue, length: number): void {
  const { variable } = pointer;
  const { kind } = pointer.region;
  mapValues(state, (value) =>
    value.kind === "pointer" &&
    value.region.kind === kind &&
    value.variable === variable &&
    value.proved < length
      ? { ...value, proved: length }
      : value,
  );
  if (variable !== 0) return;
  if (kind === "packetMeta") state.metadata = Math.max(state.metadata, length);
  else state.packet = Math.max(state.packet, length);
}

/**
 * True if so many bytes from the start of the pointer's unknown part on are proved to lie before the end: by a
 * comparison of this pointer or of one like it, or, without an unknown part, of one that is gone.
 */
export function isProved(state: State, pointer: PointerValue, length: number): boolean {
  if (length <= pointer.proved) return true;
  const metadata = pointer.region.kind === "packetMeta";
  if (pointer.variable !== 0 || length > (metadata ? state.metadata : state.packet)) return false;
  uses(metadata ? METADATA_BIT : PACKET_BIT);
  return true;
}

/** A number that is the same for states that are the same; for finding them quickly. */
export function fingerprint(state: State, live: number): number {
  let hash = state.frames.length;
  for (let index = 0; index < REGISTER_COUNT; index++) {
    if ((live >> index) & 1) hash = Math.imul(hash, 31) + hashValue(register(state, index));
  }
  for (const frame of state.frames) hash = Math.imul(hash, 31) + hashStack(frame.stack);
  return hash | 0;
}

function hashValue(value: Value): number {
  switch (value.kind) {
    case "uninitialized":
      return 1;
    case "number":
      return Math.imul(value.range.half.umin | 0, 7) + (value.range.half.umax | 0) + 2;
    case "pointer":
      return Math.imul(value.offset + value.maximum, 13) + 3;
  }
}

const stackHashes = new WeakMap<Stack, number>();

function hashStack(stack: Stack): number {
  let hash = stackHashes.get(stack);
  if (hash !== undefined) return hash;
  hash = 0;
  for (const slot of listOf(stack)) {
    if (slot === undefined) continue;
    // A byte-wise slot and a spill can be equal in meaning only if nothing is known of the number.
    const value =
      slot.kind === "spill" ? slot.value : slot.parts.length === 1 ? slot.parts[0]?.value : undefined;
    hash = Math.imul(hash, 31) + (value?.kind === "number" ? hashValue(value) : 0);
  }
  stackHashes.set(stack, hash | 0);
  return hash | 0;
}
