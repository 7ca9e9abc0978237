// Is every run that one state describes also described by another? Compares everything, in one pass and one order; ids
// are matched as they are met.
import { constantOf, covers as coversNumber, type NumberValue, unknown } from "./number.ts";
import { numberIn } from "./stack.ts";
import {
  type Frame,
  numberMask,
  type Pointer,
  read,
  type Slot,
  type State,
  usedSlots,
  type Value,
} from "./state.ts";

const TWO_32 = 2 ** 32;

/** Ids of the covering state, and what they stand for in the other one. One comparison at a time: it is used again. */
class Matching {
  /** By id, which of a listed state are small: what it stands for, and in which comparison that was told. */
  readonly #ids: number[] = [];
  readonly #told: number[] = [];
  /** Of each link the first number met, in both states. */
  readonly #links: (readonly [NumberValue, NumberValue])[] = [];
  readonly #met: number[] = [];
  #comparison = 0;

  clear(): void {
    this.#comparison += 1;
  }

  /** None (0) and fixed ones (below 0) are themselves. */
  id(a: number, b: number): boolean {
    return a <= 0 || b <= 0 ? a === b : this.#match(a, b);
  }

  /** Of unknown parts: none stands for one that is 0. */
  part(a: number, b: number): boolean {
    return a === 0 ? b === 0 : this.#match(a, b);
  }

  #match(a: number, b: number): boolean {
    if (this.#told[a] === this.#comparison) return this.#ids[a] === b;
    this.#told[a] = this.#comparison;
    this.#ids[a] = b;
    return true;
  }

  link(a: NumberValue, b: NumberValue): boolean {
    if (a.id === 0) return true;
    // A link to the head of a loop (rank.ts) is to one number in all states, not to any number.
    if (a.id < 0) return b.id === a.id && b.delta === a.delta && b.extended === a.extended;
    const first = this.#met[a.id] === this.#comparison ? this.#links[a.id] : undefined;
    if (first !== undefined && !isRelated(first[0], first[1], a, b)) return false;
    // A whole number says more of X than the low half of one: compare with that from now on.
    if (first === undefined || (first[0].extended && !a.extended)) this.#links[a.id] = [a, b];
    this.#met[a.id] = this.#comparison;
    return true;
  }
}

const matching = new Matching();

/** a1 and a2 have one id, so they differ as their deltas say: do b1 and b2 for sure? */
function isRelated(a1: NumberValue, b1: NumberValue, a2: NumberValue, b2: NumberValue): boolean {
  const difference = a2.delta - a1.delta;
  const known1 = constantOf(b1);
  const known2 = constantOf(b2);
  if (known1 !== undefined && known2 !== undefined) {
    if (a2.extended) return known2 === lowBits(known1 + difference);
    return a1.extended ? known1 === lowBits(known2 - difference) : known2 === known1 + difference;
  }
  if (b1.id === 0 || b1.id !== b2.id || b2.delta - b1.delta !== difference) return false;
  // The same number twice.
  if (difference === 0 && a1.extended === a2.extended && b1.extended === b2.extended) return true;
  return hasForm(a1, b1) && hasForm(a2, b2);
}

/** Is b whole or an extension as a is? A number below 2^32 is both. */
function hasForm(a: NumberValue, b: NumberValue): boolean {
  return a.extended === b.extended || (a.extended && b.full.u1 < TWO_32);
}

function lowBits(value: number): number {
  return value - Math.floor(value / TWO_32) * TWO_32;
}

/** Sound, for a listed `a`: what is undefined in it is read by nobody who starts from `a`, so it may be anything in `b`. */
export function covers(a: State, b: State): boolean {
  if (a.frames.length !== b.frames.length || a.packet > b.packet || a.metadata > b.metadata) return false;
  matching.clear();
  for (let register = 0; register < 10; register++) {
    if (!coversValue(read(a, register), read(b, register))) return false;
  }
  for (let at = a.frames.length - 1; at >= 0; at--) {
    if (!coversFrame(a.frames[at] as Frame, b.frames[at] as Frame)) return false;
  }
  if (a.references.length !== b.references.length) return false;
  return a.references.every((held, at) => matching.id(held, b.references[at] ?? 0));
}

function coversFrame(a: Frame, b: Frame): boolean {
  // Callbacks are followed to their end: no state stands for one.
  if (a.returnTo !== b.returnTo || a.callback !== undefined || b.callback !== undefined) return false;
  for (let at = 0; at < a.saved.length; at++) {
    if (!coversValue(a.saved[at], b.saved[at])) return false;
  }
  for (const at of usedSlots(a)) {
    if (!coversSlot(a.slots[at] as Exclude<Slot, undefined>, b.slots[at])) return false;
  }
  return true;
}

function coversSlot(a: Exclude<Slot, undefined>, b: Slot): boolean {
  if (a.kind === "bytes") {
    if ((a.mask & ~numberMask(b)) !== 0) return false;
    return a.parts.every(({ at, size, value }) => coversValue(value, numberIn(b, at, size)));
  }
  if (b === undefined || b.kind !== "bytes") return coversValue(a, b);
  return numberMask(b) === 0xff && coversValue(a, unknown());
}

function coversValue(a: Value, b: Value): boolean {
  if (a === undefined) return true;
  if (b === undefined || a.kind !== b.kind) return false;
  if (a.kind === "number") return coversNumber(a, b as NumberValue) && matching.link(a, b as NumberValue);
  return coversPointer(a, b as Pointer);
}

/** What may be null may also not be. */
function coversPointer(a: Pointer, b: Pointer): boolean {
  return (
    a.place === b.place &&
    a.which === b.which &&
    a.flag === b.flag &&
    a.offset === b.offset &&
    (a.nullable || !b.nullable) &&
    a.least <= b.least &&
    a.most >= b.most &&
    a.zeros <= b.zeros &&
    a.proved <= b.proved &&
    matching.part(a.part, b.part) &&
    matching.id(a.instance, b.instance) &&
    matching.id(a.holder, b.holder)
  );
}
