// The state before an instruction: the registers of the running frame, the frames below it with their stacks, and how
// many bytes of the packet are proved. Holds comparison of states; how instructions move them is in ../transfer*.ts.
import { REGISTER_COUNT, type Register, STACK_POINTER } from "../../isa/instruction.ts";
import { coversStack, EMPTY_STACK, mapSpills, type Stack } from "./stack.ts";
import {
  coversValue,
  holderOf,
  isPacketPointer,
  type PointerValue,
  pointerTo,
  RELEASED,
  Renaming,
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

/**
 * By id of a packet pointer's unknown part (0: none): data + unknown part + that many bytes is not beyond the end.
 * Monotone facts about the run so far; they end when a helper moves the packet.
 */
export type Proved = ReadonlyMap<number, number>;

const NOTHING_PROVED: Proved = new Map();

/** Above this many ids, those that no pointer has any more are dropped. */
const PROVED_KEPT = 16;

export interface State {
  readonly registers: Value[];
  readonly frames: Frame[];
  packet: Proved;
  /** The same for the metadata in front of the packet, relative to data_meta; its end is data. */
  metadata: Proved;
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
    packet: NOTHING_PROVED,
    metadata: NOTHING_PROVED,
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

/** Applies `change` to every value of the state: registers, callers' registers, spills. */
export function mapValues(state: State, change: (value: Value) => Value): void {
  for (let index = 0; index < REGISTER_COUNT; index++) {
    state.registers[index] = change(state.registers[index] ?? UNINITIALIZED);
  }
  for (let index = 0; index < state.frames.length; index++) {
    const frame = state.frames[index];
    if (frame === undefined) continue;
    const stack = mapSpills(frame.stack, change);
    const callerSaved = frame.callerSaved.map(change);
    if (stack !== frame.stack || callerSaved.some((value, at) => value !== frame.callerSaved[at])) {
      state.frames[index] = { ...frame, stack, callerSaved };
    }
  }
}

/** The packet may have moved: every pointer into it is void, and so is what was proved. */
export function forgetPacket(state: State): void {
  mapValues(state, (value) => (isPacketPointer(value) ? STALE : value));
  state.packet = NOTHING_PROVED;
  state.metadata = NOTHING_PROVED;
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

function provedFor(state: State, pointer: PointerValue): Proved {
  return pointer.region.kind === "packetMeta" ? state.metadata : state.packet;
}

/** Bytes proved from the start of the pointer's unknown part on; 0 if nothing is. */
export function provedBytes(state: State, pointer: PointerValue): number {
  return provedFor(state, pointer).get(pointer.variable) ?? 0;
}

/** Records that `length` bytes from the start of the pointer's unknown part on lie before the end. */
export function prove(state: State, pointer: PointerValue, length: number): void {
  const proved = provedFor(state, pointer);
  if (length <= (proved.get(pointer.variable) ?? 0)) return;
  const next = new Map(proved);
  next.set(pointer.variable, length);
  if (next.size > PROVED_KEPT) dropUnused(state, next);
  if (pointer.region.kind === "packetMeta") state.metadata = next;
  else state.packet = next;
}

function dropUnused(state: State, proved: Map<number, number>): void {
  const used = new Set<number>([0]);
  mapValues(state, (value) => {
    if (value.kind === "pointer") used.add(value.variable);
    return value;
  });
  for (const id of proved.keys()) if (!used.has(id)) proved.delete(id);
}

/**
 * True if every concrete state of `b` is one of `a`, looking only at the registers of the running frame in `live` (bit
 * i: ri). Sound: registers that are not live are written before they are read on every path.
 */
export function covers(a: State, b: State, live: number): boolean {
  if (a.frames.length !== b.frames.length) return false;
  const renaming = new Renaming();
  for (let index = 0; index < REGISTER_COUNT; index++) {
    if ((live >> index) & 1 && !coversValue(register(a, index), register(b, index), renaming)) return false;
  }
  for (let index = 0; index < a.frames.length; index++) {
    const left = a.frames[index];
    const right = b.frames[index];
    if (left === undefined || right === undefined || !coversFrame(left, right, renaming)) return false;
  }
  return (
    coversReferences(a, b, renaming) &&
    coversProved(a.packet, b.packet, renaming) &&
    coversProved(a.metadata, b.metadata, renaming)
  );
}

/**
 * Both hold the same. Sound: `a` ended with nothing held, so what `b` holds must be something that was released from
 * `a` too; and what was released from `a` must be held in `b`. A callback is to leave very certain ones.
 */
function coversReferences(a: State, b: State, renaming: Renaming): boolean {
  if (a.references.length !== b.references.length) return false;
  const exact = a.frames.some((frame) => frame.callback !== undefined);
  return a.references.every((held, index) => {
    const other = b.references[index] ?? 0;
    return exact ? held === other : renaming.instance(held, other);
  });
}

function coversFrame(a: Frame, b: Frame, renaming: Renaming): boolean {
  if (a === b && a.callerSaved.length === 0 && a.stack === EMPTY_STACK) return true;
  if (a.returnTo !== b.returnTo || a.callback !== b.callback) return false;
  for (const [index, value] of a.callerSaved.entries()) {
    if (!coversValue(value, b.callerSaved[index] ?? UNINITIALIZED, renaming)) return false;
  }
  // The ids of equal stacks still have to be matched with those of the registers.
  return coversStack(a.stack, b.stack, renaming);
}

/** What `a` has proved of unknown parts that occur in its values, `b` must have proved too. */
function coversProved(a: Proved, b: Proved, renaming: Renaming): boolean {
  if (a === b && a.size === 0) return true;
  if ((a.get(0) ?? 0) > (b.get(0) ?? 0)) return false;
  for (const [from, to] of renaming.variables()) {
    if ((a.get(from) ?? 0) > (b.get(to) ?? 0)) return false;
  }
  return true;
}

/** A number that is the same for states that cover each other; for finding equal states quickly. */
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
  for (const slot of stack.slots) {
    if (slot === undefined) continue;
    // A byte-wise slot and a spill can be equal in meaning only if nothing is known of the number.
    const value =
      slot.kind === "spill" ? slot.value : slot.parts.length === 1 ? slot.parts[0]?.value : undefined;
    hash = Math.imul(hash, 31) + (value?.kind === "number" ? hashValue(value) : 0);
  }
  stackHashes.set(stack, hash | 0);
  return hash | 0;
}
