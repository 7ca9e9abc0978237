// Does one state say no more than another, so that whatever is proved from the first holds for the second? Compares only
// what mattered: registers that are read later, slots that were looked at, numbers on which something depended.
// Knows nothing of programs and paths.
import { REGISTER_COUNT } from "../../isa/instruction.ts";
import { ranges } from "./range.ts";
import { slotAt } from "./slots.ts";
import { ALL_BYTES, numberMask, readSlot, type Slot, type Stack } from "./stack.ts";
import { type Frame, register, type State } from "./state.ts";
import { METADATA_BIT, PACKET_BIT } from "./touched.ts";
import {
  instanceOf,
  type NumberValue,
  type PointerValue,
  type Region,
  sameObject,
  UNINITIALIZED,
  UNKNOWN_NUMBER,
  type Value,
} from "./value.ts";

/** What of a state mattered, by location; slots of all frames at one depth share a bit. */
export interface Needs {
  /** Slots whose content was looked at: bit i of low is slot i, of high slot 32 + i. */
  readonly readLow: number;
  readonly readHigh: number;
  /** Locations whose number decided something: registers (and the bits behind them in touched.ts), slots. */
  readonly preciseRegisters: number;
  readonly preciseLow: number;
  readonly preciseHigh: number;
}

/** Everything mattered. */
export const ALL_NEEDED: Needs = {
  readLow: -1,
  readHigh: -1,
  preciseRegisters: -1,
  preciseLow: -1,
  preciseHigh: -1,
};

/** Ids of one state matched to ids of another: what one calls equal must be equal in the other. Reused, not kept. */
class Matching {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  #count = 0;
  readonly #left: NumberValue[] = [];
  readonly #right: NumberValue[] = [];
  #links = 0;

  clear(): void {
    this.#count = 0;
    this.#links = 0;
  }

  /** Ids of instances; none (0) and those of direct addresses (below 0) are the same in all states. */
  id(from: number, to: number): boolean {
    return from <= 0 || to <= 0 ? from === to : this.#match(from, to);
  }

  /** Ids of unknown parts. One that is 0 for sure (id 0) is known, so what stands for any can stand for it. */
  part(from: number, to: number): boolean {
    return from === 0 ? to === 0 : this.#match(from, to);
  }

  #match(from: number, to: number): boolean {
    looked += this.#count;
    for (let at = 0; at < this.#count; at++) {
      if (this.#from[at] === from) return this.#to[at] === to;
    }
    this.#from[this.#count] = from;
    this.#to[this.#count] = to;
    this.#count += 1;
    return true;
  }

  /** A link in the covering state: the first number with an id can be any, the others must be related to it as there. */
  link(a: NumberValue, b: NumberValue): boolean {
    if (a.id === 0) return true;
    // An anchor (see loop.ts) is one number in all states, not any number.
    if (a.id < 0) return b.id === a.id && b.delta === a.delta && b.extended === a.extended;
    for (let at = 0; at < this.#links; at++) {
      const left = this.#left[at];
      const right = this.#right[at];
      if (left === undefined || right === undefined || left.id !== a.id) continue;
      if (!sameRelation(left, right, a, b)) return false;
      // A whole number determines X, an extended one only its low half: compare with the former.
      if (left.extended && !a.extended) {
        this.#left[at] = a;
        this.#right[at] = b;
      }
      return true;
    }
    this.#left[this.#links] = a;
    this.#right[this.#links] = b;
    this.#links += 1;
    return true;
  }
}

const MODULUS = 2 ** 32;

function lowHalf(value: number): number {
  return value - Math.floor(value / MODULUS) * MODULUS;
}

/** Is b2 related to b1 as a2 is to a1 (which have one id)? */
function sameRelation(a1: NumberValue, b1: NumberValue, a2: NumberValue, b2: NumberValue): boolean {
  const difference = a2.delta - a1.delta;
  const c1 = b1.range.full;
  const c2 = b2.range.full;
  if (c1.smin === c1.smax && c2.smin === c2.smax) {
    // Two constants: the relation can be computed.
    if (!a1.extended && !a2.extended) return c2.smin === c1.smin + difference;
    if (a2.extended) return c2.smin === lowHalf(c1.smin + difference);
    return c1.smin === lowHalf(c2.smin - difference);
  }
  if (b1.id === 0 || b1.id !== b2.id || b2.delta - b1.delta !== difference) return false;
  // Equal numbers there, equal numbers here.
  if (difference === 0 && a1.extended === a2.extended && b1.extended === b2.extended) return true;
  return sameForm(a1, b1) && sameForm(a2, b2);
}

/** A whole number below 2^32 is its own zero extension. */
function sameForm(a: NumberValue, b: NumberValue): boolean {
  return a.extended === b.extended || (a.extended && b.range.full.umax < MODULUS);
}

const matching = new Matching();

/** Slots and ids that comparisons looked at since `takeLooked`. */
let looked = 0;

/** What comparing has cost since it was asked last; for the budget, which bounds the time. */
export function takeLooked(): number {
  const count = looked;
  looked = 0;
  return count;
}

/**
 * True if every concrete state of `b` is one of `a` as far as `needs` and `live` (bit i: ri) tell. Sound: a register that
 * is not live is written before it is read on every path; a slot that no path from `a` looked at can hold anything; a
 * number on which nothing depended can be any number (its links with it).
 */
export function covers(a: State, needs: Needs, b: State, live: number): boolean {
  if (a.frames.length !== b.frames.length) return false;
  matching.clear();
  const { preciseRegisters } = needs;
  for (let index = 0; index < REGISTER_COUNT; index++) {
    if (((live >> index) & 1) === 0) continue;
    const precise = ((preciseRegisters >> index) & 1) === 1;
    if (!coversValue(register(a, index), register(b, index), precise)) return false;
  }
  for (let index = a.frames.length - 1; index >= 0; index--) {
    const left = a.frames[index];
    const right = b.frames[index];
    if (left === undefined || right === undefined || !coversFrame(left, right, needs)) return false;
  }
  if ((preciseRegisters >> PACKET_BIT) & 1 && a.packet > b.packet) return false;
  if ((preciseRegisters >> METADATA_BIT) & 1 && a.metadata > b.metadata) return false;
  return coversReferences(a, b);
}

/**
 * What must be given back is part of every state: no more and no less may be held. A callback is to leave very certain
 * ones.
 */
function coversReferences({ references: a, frames }: State, { references: b }: State): boolean {
  if (a.length !== b.length) return false;
  const exact = a.length > 0 && frames.some((frame) => frame.callback !== undefined);
  for (let index = 0; index < a.length; index++) {
    if (exact && a[index] !== b[index]) return false;
    if (!matching.id(a[index] ?? 0, b[index] ?? 0)) return false;
  }
  return true;
}

function coversFrame(a: Frame, b: Frame, needs: Needs): boolean {
  if (a.returnTo !== b.returnTo || a.callback !== b.callback || a.callerSaved.length !== b.callerSaved.length)
    return false;
  for (let index = 0; index < a.callerSaved.length; index++) {
    const left = a.callerSaved[index] ?? UNINITIALIZED;
    if (!coversValue(left, b.callerSaved[index] ?? UNINITIALIZED, true)) return false;
  }
  return coversStack(a.stack, b.stack, needs);
}

function coversStack(a: Stack, b: Stack, needs: Needs): boolean {
  for (let half = 0; half < 2; half++) {
    const precise = half === 0 ? needs.preciseLow : needs.preciseHigh;
    let read = half === 0 ? needs.readLow : needs.readHigh;
    while (read !== 0) {
      const bit = 31 - Math.clz32(read);
      read &= ~(1 << bit);
      looked += 1;
      const left = slotAt(a, 32 * half + bit);
      if (left === undefined) continue;
      if (!coversSlot(left, slotAt(b, 32 * half + bit), ((precise >>> bit) & 1) === 1)) return false;
    }
  }
  return true;
}

function coversSlot(a: Slot, b: Slot | undefined, precise: boolean): boolean {
  if (a === b && a.kind === "spill" && a.value.kind === "number" && a.value.id === 0) return true;
  if (a.kind === "spill") {
    if (a.value.kind === "uninitialized") return true;
    if (b?.kind === "spill") return coversValue(a.value, b.value, precise);
    return numberMask(b) === ALL_BYTES && coversValue(a.value, UNKNOWN_NUMBER, precise);
  }
  if (b === undefined) return a.mask === 0;
  if ((a.mask & ~numberMask(b)) !== 0) return false;
  if (!precise) return true;
  for (const part of a.parts) {
    if (!coversValue(part.value, readSlot(b, part.at, part.size), true)) return false;
  }
  return true;
}

/**
 * True if every concrete value of `b` is one of `a`, given how ids were matched so far. Sound: an uninitialized `a` has
 * been read by nobody, so whatever stands there cannot matter.
 */
function coversValue(a: Value, b: Value, precise: boolean): boolean {
  switch (a.kind) {
    case "uninitialized":
      return true;
    case "number":
      return b.kind === "number" && (!precise || coversNumber(a, b));
    case "pointer":
      return b.kind === "pointer" && coversPointer(a, b);
  }
}

function coversNumber(a: NumberValue, b: NumberValue): boolean {
  if (!ranges.covers(a.range, b.range)) return false;
  if (a.shifted !== undefined && (b.shifted === undefined || !coversNumber(a.shifted, b.shifted)))
    return false;
  return matching.link(a, b);
}

function coversPointer(a: PointerValue, b: PointerValue): boolean {
  // What may be null may also be the pointer that it is if it is not.
  if (a.offset !== b.offset || (b.nullable && !a.nullable) || a.zeros > b.zeros) return false;
  if (a.minimum > b.minimum || a.maximum < b.maximum || a.proved > b.proved) return false;
  return matching.part(a.variable, b.variable) && coversRegion(a.region, b.region);
}

/** The same kind of object with the same size, type and map; which one it is may differ, consistently. */
function coversRegion(a: Region, b: Region): boolean {
  if (a === b && instanceOf(a) === 0) return true;
  if (!sameKind(a, b)) return false;
  if (a.kind === "object" && !matching.id(a.holder, b.kind === "object" ? b.holder : 0)) return false;
  return matching.id(instanceOf(a), instanceOf(b));
}

/** The same object, or the same sort of object where a look-up or a call made it. */
export function sameKind(a: Region, b: Region): boolean {
  switch (a.kind) {
    case "mapValue":
      return b.kind === "mapValue" && a.map === b.map && a.inner === b.inner;
    case "innerMap":
      return b.kind === "innerMap" && a.map === b.map;
    case "allocated":
      return b.kind === "allocated" && a.sizeBytes === b.sizeBytes;
    case "object":
      return b.kind === "object" && a.type === b.type;
    case "kernel":
      return b.kind === "kernel";
    case "memory":
      return b.kind === "memory" && a.sizeBytes === b.sizeBytes && a.readOnly === b.readOnly;
    case "packet":
    case "packetEnd":
    case "packetMeta":
      return a.kind === b.kind;
    default:
      return sameObject(a, b);
  }
}
