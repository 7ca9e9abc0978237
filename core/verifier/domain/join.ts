// The least state of one shape that covers two others. States of different shape are not joined: what would be lost
// there (which object a pointer is into, which constant a register holds) is what later branches turn on.
// Knows nothing of programs and paths.
import { REGISTER_COUNT } from "../../isa/instruction.ts";
import { sameKind } from "./cover.ts";
import { constantValue, ranges } from "./range.ts";
import { mapSlots, SLOT_COUNT, slotAt } from "./slots.ts";
import { numberMask, type Part, readSlot, type Slot } from "./stack.ts";
import { type Frame, register, type State, stackOf } from "./state.ts";
import {
  instanceOf,
  MOST_DELTA,
  type NumberValue,
  numberValue,
  type PointerValue,
  type Region,
  UNINITIALIZED,
  type Value,
} from "./value.ts";

/** Marks a number that is known: it is itself plus X = 0. */
const KNOWN = -1;

/**
 * A number that is the same for states of one shape, made of the registers: their kinds, constants, and of pointers what
 * they point into, their known offset and how much of the packet is proved.
 */
export function shapeOf(state: State, live: number): number {
  let hash = state.frames.length + state.references.length * 64;
  for (let index = 0; index < REGISTER_COUNT; index++) {
    if ((live >> index) & 1) hash = Math.imul(hash, 31) + shapeOfRegister(register(state, index));
  }
  return hash | 0;
}

function shapeOfRegister(value: Value): number {
  if (value.kind === "uninitialized") return 1;
  if (value.kind === "number") {
    const constant = constantValue(value.range);
    return constant === undefined ? 2 : Math.imul(constant, 7) + 3;
  }
  const { region } = value;
  const map = "map" in region ? region.map : 0;
  return (
    Math.imul(value.offset, 127) +
    Math.imul(value.proved, 8191) +
    Math.imul(map, 524287) +
    region.kind.length * 11 +
    region.kind.charCodeAt(1) * 5
  );
}

/** True if all slots of the two states are of one kind: the rest of the shape. */
export function sameStackShape(a: State, b: State): boolean {
  for (let depth = a.frames.length - 1; depth >= 0; depth--) {
    const left = stackOf(a, depth);
    const right = stackOf(b, depth);
    for (let index = 0; index < SLOT_COUNT; index++) {
      if (!sameSlotShape(slotAt(left, index), slotAt(right, index))) return false;
    }
  }
  return true;
}

function sameSlotShape(a: Slot | undefined, b: Slot | undefined): boolean {
  if (a === b) return true;
  const mask = numberMask(a);
  if (mask !== numberMask(b)) return false;
  if (mask !== 0) return true;
  if (a === undefined || b === undefined) return false;
  if (a.kind !== "spill" || b.kind !== "spill") return a.kind === b.kind;
  return samePointerShape(a.value, b.value);
}

function samePointerShape(a: Value, b: Value): boolean {
  if (a.kind !== "pointer" || b.kind !== "pointer") return a.kind === b.kind;
  return a.offset === b.offset && a.proved === b.proved && sameKind(a.region, b.region);
}

/** A pair of ids, one of each state, and the id that stands for it in the joined one. */
interface Pair {
  readonly left: number;
  readonly right: number;
  /** Links: delta there minus delta here. */
  readonly shift: number;
  readonly id: number;
  members: number;
  /** Links: the only number of this join that has the id so far. */
  only: { -readonly [Key in keyof NumberValue]: NumberValue[Key] } | undefined;
}

/**
 * The join of `a` and `b` if they have one shape, looking at live registers (bit i of `live`: ri) and all slots; else
 * undefined. `fresh` gives ids that no state has. Sound: each value of the result holds the values of both; ids of the
 * result stand for pairs of ids that went together in both.
 */
export function join(a: State, b: State, live: number, fresh: () => number): State | undefined {
  const joining = new Joining(fresh);
  const joined = joining.states(a, b, live);
  joining.dropSingleLinks();
  return joined;
}

/** How many values of a join are not those of `a`: the memory that it takes beside that one. */
export function newValues(joined: State, a: State): number {
  let count = 0;
  for (let index = 0; index < REGISTER_COUNT; index++) {
    if (joined.registers[index] !== a.registers[index]) count += 1;
  }
  for (const [depth, { stack }] of joined.frames.entries()) {
    const before = stackOf(a, depth);
    for (let index = 0; index < SLOT_COUNT; index++) {
      if (slotAt(stack, index) !== slotAt(before, index)) count += 1;
    }
  }
  return count;
}

class Joining {
  readonly #fresh: () => number;
  readonly #ids: Pair[] = [];
  readonly #links: Pair[] = [];

  constructor(fresh: () => number) {
    this.#fresh = fresh;
  }

  states(a: State, b: State, live: number): State | undefined {
    if (a.frames.length !== b.frames.length || a.references.length !== b.references.length) return undefined;
    const inCallback = a.frames.some((frame) => frame.callback !== undefined);
    if (inCallback && a.references.some((held, index) => held !== b.references[index])) return undefined;
    const references = a.references.map((held, index) => this.#id(held, b.references[index] ?? 0));
    const registers: Value[] = [];
    for (let index = 0; index < REGISTER_COUNT; index++) {
      let value: Value | undefined = UNINITIALIZED;
      if ((live >> index) & 1) value = this.#register(register(a, index), register(b, index));
      if (value === undefined) return undefined;
      registers.push(value);
    }
    const frames: Frame[] = [];
    for (let index = 0; index < a.frames.length; index++) {
      const frame = this.#frame(a.frames[index], b.frames[index]);
      if (frame === undefined) return undefined;
      frames.push(frame);
    }
    const packet = Math.min(a.packet, b.packet);
    const metadata = Math.min(a.metadata, b.metadata);
    return { registers, frames, packet, metadata, references };
  }

  /** What is linked to nothing else needs no link. Sound: these numbers were made here, and nobody has seen them. */
  dropSingleLinks(): void {
    for (const { only } of this.#links) {
      if (only === undefined) continue;
      only.id = 0;
      only.delta = 0;
      only.extended = false;
    }
  }

  #frame(a: Frame | undefined, b: Frame | undefined): Frame | undefined {
    if (a === undefined || b === undefined || a.returnTo !== b.returnTo) return undefined;
    // What a callback has to leave as it was is part of the shape.
    if (a.callback !== b.callback) return undefined;
    const callerSaved: Value[] = [];
    for (const [index, left] of a.callerSaved.entries()) {
      const value = this.#register(left, b.callerSaved[index] ?? UNINITIALIZED);
      if (value === undefined) return undefined;
      callerSaved.push(value);
    }
    let differ = false;
    const stack = mapSlots(a.stack, (left, index) => {
      const slot = this.#slot(left, slotAt(b.stack, index));
      differ ||= slot === null;
      return slot ?? undefined;
    });
    return differ ? undefined : { ...a, callerSaved, stack };
  }

  /** Constants in registers are part of the shape. */
  #register(a: Value, b: Value): Value | undefined {
    if (a.kind === "number" && b.kind === "number" && constantValue(a.range) !== constantValue(b.range)) {
      return undefined;
    }
    return this.#value(a, b);
  }

  #value(a: Value, b: Value): Value | undefined {
    if (a.kind === "number") return b.kind === "number" ? this.#number(a, b) : undefined;
    if (a.kind === "pointer") return b.kind === "pointer" ? this.#pointer(a, b) : undefined;
    return b.kind === "uninitialized" ? UNINITIALIZED : undefined;
  }

  /** Null: the slots differ in shape. */
  #slot(a: Slot | undefined, b: Slot | undefined): Slot | undefined | null {
    if (a === undefined || b === undefined) return a === b ? undefined : null;
    if (a.kind === "spill" && b.kind === "spill") {
      const value = this.#value(a.value, b.value);
      if (value === a.value) return a;
      return value === undefined ? null : { kind: "spill", value };
    }
    if (a === b && a.kind === "bytes" && a.parts.length === 0) return a;
    const mask = numberMask(a);
    if (mask === 0 || mask !== numberMask(b)) return null;
    const parts: Part[] = [];
    const [bytes, other] = a.kind === "bytes" ? [a, b] : b.kind === "bytes" ? [b, a] : [undefined, a];
    for (const { at, size, value } of bytes?.parts ?? []) {
      const there = readSlot(other, at, size);
      const joined = bytes === a ? this.#number(value, there) : this.#number(there, value);
      parts.push({ at, size, value: joined });
    }
    return { kind: "bytes", mask, parts };
  }

  #number(a: NumberValue, b: NumberValue): NumberValue {
    if (a === b && a.id === 0) return a;
    const range = ranges.hull(a.range, b.range);
    if (constantValue(range) !== undefined) return numberValue(range);
    // An anchor (see loop.ts) is one number in both states: either the join is linked to it as both are, or to nothing.
    if (a.id < 0 || b.id < 0) {
      const alike = a.id === b.id && a.delta === b.delta && a.extended === b.extended;
      return alike ? numberValue(range, a.id, a.delta, a.extended) : numberValue(range);
    }
    const pair = this.#link(a, b);
    if (pair === undefined) return numberValue(range);
    const number = numberValue(range, pair.id, deltaOf(a), a.extended || b.extended);
    pair.only = pair.members === 0 ? number : undefined;
    pair.members += 1;
    return number;
  }

  /** The link of two numbers: those that are related alike in both states get one id. */
  #link(a: NumberValue, b: NumberValue): Pair | undefined {
    const left = linkOf(a);
    const right = linkOf(b);
    if (left === 0 || right === 0) return undefined;
    const extended = a.extended || b.extended;
    // A whole number and a zero extension are alike only if the whole one is below 2^32.
    if (extended && !(isExtension(a) && isExtension(b))) return undefined;
    const shift = deltaOf(b) - deltaOf(a);
    if (Math.abs(deltaOf(a)) > MOST_DELTA || Math.abs(deltaOf(b)) > MOST_DELTA) return undefined;
    return this.#pair(this.#links, left, right, shift);
  }

  #pair(pairs: Pair[], left: number, right: number, shift: number): Pair {
    for (const pair of pairs) {
      if (pair.left === left && pair.right === right && pair.shift === shift) return pair;
    }
    const pair: Pair = { left, right, shift, id: this.#fresh(), members: 0, only: undefined };
    pairs.push(pair);
    return pair;
  }

  /** The id of a pair of instances or unknown parts. One that is the same in both states can stay. */
  #id(left: number, right: number): number {
    if (left === right) return left;
    return this.#pair(this.#ids, left, right, 0).id;
  }

  #pointer(a: PointerValue, b: PointerValue): PointerValue | undefined {
    if (a === b) return a;
    if (a.offset !== b.offset || a.proved !== b.proved || !sameKind(a.region, b.region)) return undefined;
    const region = this.#region(a.region, b.region);
    if (region === undefined) return undefined;
    return {
      ...a,
      region,
      minimum: Math.min(a.minimum, b.minimum),
      maximum: Math.max(a.maximum, b.maximum),
      zeros: Math.min(a.zeros, b.zeros),
      variable: this.#id(a.variable, b.variable),
      nullable: a.nullable || b.nullable,
    };
  }

  #region(a: Region, b: Region): Region | undefined {
    const left = instanceOf(a);
    const right = instanceOf(b);
    if (left === right && !(a.kind === "object" && b.kind === "object" && a.holder !== b.holder)) return a;
    // A direct address (below 0) is the same in all states; what has no instance is one thing only.
    if (left <= 0 || right <= 0) return undefined;
    const instance = this.#id(left, right);
    if (a.kind === "object" && b.kind === "object") {
      if ((a.holder === 0) !== (b.holder === 0)) return undefined;
      return { ...a, instance, holder: this.#id(a.holder, b.holder) };
    }
    return { ...a, instance } as Region;
  }
}

/** The id of the unknown that a number is made of; a known one is made of none. */
function linkOf(value: NumberValue): number {
  return constantValue(value.range) === undefined ? value.id : KNOWN;
}

function deltaOf(value: NumberValue): number {
  return constantValue(value.range) ?? value.delta;
}

function isExtension(value: NumberValue): boolean {
  return value.extended || value.range.full.umax < 2 ** 32;
}
