// Numbers as the checker knows them: bounds of the 64 bits and of the low 32, low zero bits, and a link to other numbers.
// Knows no pointers and no states.
import {
  compute,
  FULL,
  type Interval,
  includes,
  LOW,
  MOST,
  type Operation,
  only,
  onlyBig,
  restrict,
  TESTS,
  type Test,
  TWO_32,
  theOnly,
  tight,
  within,
} from "./interval.ts";

/**
 * With an id other than 0: for each id there is one 64-bit X, and each number with that id is X + delta modulo 2^64 or,
 * if `extended`, the low 32 bits of that.
 */
export interface NumberValue {
  readonly kind: "number";
  readonly full: Interval;
  readonly low: Interval;
  /** So many low bits are 0 for sure; at most 3. */
  readonly zeros: number;
  readonly id: number;
  readonly delta: number;
  readonly extended: boolean;
  /** What was shifted left by 32 to make this. */
  readonly shifted: NumberValue | undefined;
}

/** A link of more is given up: sums of two are exact. */
export const MOST_DELTA = 2 ** 40;

/** At most 3. */
export function trailingZeros(value: number): number {
  return value % 8 === 0 ? 3 : value % 4 === 0 ? 2 : value % 2 === 0 ? 1 : 0;
}

export function plainNumber(full: Interval, low: Interval, zeros: number): NumberValue {
  return { kind: "number", full, low, zeros, id: 0, delta: 0, extended: false, shifted: undefined };
}

/** Narrows the 64 bits and the low half by each other; undefined: there is no such number. */
export function combine(full: Interval, low: Interval, zeros: number): NumberValue | undefined {
  if (full === FULL.any) return plainNumber(full, low, zeros);
  let { u0, u1, s0, s1 } = full;
  let { u0: lu0, u1: lu1, s0: ls0, s1: ls1 } = low;
  // The upper halves are one number: taken as unsigned, as signed, and with the low half taken as signed.
  const unsigned = Math.floor(u0 / TWO_32);
  const sameUnsigned = Math.floor(u1 / TWO_32) === unsigned;
  const signed = Math.floor(s0 / TWO_32);
  const finite = Number.isFinite(s0) && Number.isFinite(s1);
  const sameSigned = finite && Math.floor(s1 / TWO_32) === signed;
  const centred = Math.floor((s0 + 2 ** 31) / TWO_32);
  const sameCentred = finite && Math.floor((s1 + 2 ** 31) / TWO_32) === centred;
  if (sameUnsigned) {
    lu0 = Math.max(lu0, u0 - unsigned * TWO_32);
    lu1 = Math.min(lu1, u1 - unsigned * TWO_32);
  }
  if (sameSigned) {
    lu0 = Math.max(lu0, s0 - signed * TWO_32);
    lu1 = Math.min(lu1, s1 - signed * TWO_32);
  }
  if (sameCentred) {
    ls0 = Math.max(ls0, s0 - centred * TWO_32);
    ls1 = Math.min(ls1, s1 - centred * TWO_32);
  }
  const half = within(LOW, low, lu0, lu1, ls0, ls1);
  if (half === undefined) return undefined;
  if (sameUnsigned) {
    u0 = Math.max(u0, unsigned * TWO_32 + half.u0);
    u1 = Math.min(u1, unsigned * TWO_32 + half.u1);
  }
  if (sameSigned) {
    s0 = Math.max(s0, signed * TWO_32 + half.u0);
    s1 = Math.min(s1, signed * TWO_32 + half.u1);
  }
  if (sameCentred) {
    s0 = Math.max(s0, centred * TWO_32 + half.s0);
    s1 = Math.min(s1, centred * TWO_32 + half.s1);
  }
  const whole = within(FULL, full, u0, u1, s0, s1);
  if (whole === undefined) return undefined;
  const value = theOnly(whole);
  return value === undefined ? plainNumber(whole, half, zeros) : constant(value);
}

const ANY: NumberValue = plainNumber(FULL.any, LOW.any, 0);

function number(full: Interval, low: Interval, zeros: number): NumberValue {
  return combine(full, low, zeros) ?? ANY;
}

/** Those below a limit are made once; by twice their absolute value, and 1 more for negative ones. */
const MOST_KNOWN = 4096;
const constants: (NumberValue | undefined)[] = new Array(2 * MOST_KNOWN);

/** Of at most 53 bits. */
export function constant(value: number): NumberValue {
  const place = value < 0 ? 1 - 2 * value : 2 * value;
  let known = place < 2 * MOST_KNOWN ? constants[place] : undefined;
  if (known !== undefined) return known;
  const low = value - Math.floor(value / TWO_32) * TWO_32;
  // + 0: there is no negative zero.
  known = plainNumber(
    only(FULL, value + 0),
    only(LOW, low >= 2 ** 31 ? low - TWO_32 : low),
    trailingZeros(value),
  );
  if (place < 2 * MOST_KNOWN) constants[place] = known;
  return known;
}

/** The number of those 64 bits. */
export function literal(value: bigint): NumberValue {
  const low = onlyBig(LOW, value);
  return number(onlyBig(FULL, value), low, trailingZeros(low.s0));
}

export function unknown(): NumberValue {
  return ANY;
}

export function between(least: number, most: number): NumberValue {
  const full = tight(FULL, 0, Number.POSITIVE_INFINITY, least, most);
  return full === undefined ? ANY : number(full, LOW.any, 0);
}

export function unsignedBetween(least: number, most: number): NumberValue {
  const full = tight(FULL, least, most, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  return full === undefined ? ANY : number(full, LOW.any, 0);
}

const BY_SIZE: readonly NumberValue[] = [1, 2, 4].map((size) => unsignedBetween(0, 2 ** (8 * size) - 1));

/** Any number of that many bytes, zero- or sign-extended. */
export function anyOfSize(sizeBytes: number, signed = false): NumberValue {
  if (sizeBytes === 8) return ANY;
  const limit = 2 ** (8 * sizeBytes - 1);
  if (signed) return between(-limit, limit - 1);
  return BY_SIZE[sizeBytes === 1 ? 0 : sizeBytes === 2 ? 1 : 2] ?? ANY;
}

export function constantOf(a: NumberValue): number | undefined {
  return theOnly(a.full);
}

export function linked(a: NumberValue, id: number, delta: number, extended: boolean): NumberValue {
  return id === 0 || constantOf(a) !== undefined
    ? unlinked(a)
    : { kind: "number", full: a.full, low: a.low, zeros: a.zeros, id, delta, extended, shifted: undefined };
}

export function unlinked(a: NumberValue): NumberValue {
  return a.id === 0 && a.shifted === undefined ? a : plainNumber(a.full, a.low, a.zeros);
}

/** Below 2^32, within those bounds. */
function ofLow(low: Interval, zeros: number): NumberValue {
  const full = tight(FULL, low.u0, low.u1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  return number(full ?? FULL.any, low, zeros);
}

/** Any number whose low half lies within those bounds. */
export function fromLow(low: Interval): NumberValue {
  return number(FULL.any, tight(LOW, low.u0, low.u1, LOW.noLow, LOW.noHigh) ?? LOW.any, 0);
}

/** The low 32 bits of a; linked as a is. */
export function zeroExtended(a: NumberValue): NumberValue {
  if (a.full.u1 < TWO_32) return a;
  return linked(ofLow(a.low, a.zeros), a.id, a.delta, true);
}

/** The low `bits` of a. */
export function truncated(a: NumberValue, bits: number): NumberValue {
  const limit = 2 ** bits;
  if (bits === 64 || a.full.u1 < limit) return a;
  if (bits === 32) return zeroExtended(a);
  const block = Math.floor(a.low.u0 / limit);
  if (Math.floor(a.low.u1 / limit) !== block) return unsignedBetween(0, limit - 1);
  return unsignedBetween(a.low.u0 - block * limit, a.low.u1 - block * limit);
}

/** The low `bits` (8, 16 or 32) of a, sign-extended to 64. */
export function signExtended(a: NumberValue, bits: number): NumberValue {
  const limit = 2 ** (bits - 1);
  if (a.full.s0 >= -limit && a.full.s1 < limit) return a;
  if (a.low.s0 >= -limit && a.low.s1 < limit) {
    // Not negative: the zero extension, and linked like that.
    return a.low.s0 >= 0 ? zeroExtended(a) : between(a.low.s0, a.low.s1);
  }
  const { u0, u1 } = truncated(a, bits).full;
  if (u1 < limit) return between(u0, u1);
  return u0 >= limit ? between(u0 - 2 * limit, u1 - 2 * limit) : between(-limit, limit - 1);
}

/** Arithmetic of two numbers; `same`: they are one register. */
export function arithmetic(
  bits: 32 | 64,
  operation: Operation,
  a: NumberValue,
  b: NumberValue,
  same: boolean,
): NumberValue {
  if (same && (operation === "sub" || operation === "xor")) return constant(0);
  const amount = constantOf(b);
  if (bits === 64 && amount === 32) {
    // Left by 32 and back: an extension of the low half, whatever the bounds of what is between.
    if (operation === "rsh" && a.shifted !== undefined) return zeroExtended(a.shifted);
    if (operation === "arsh" && a.shifted !== undefined) return signExtended(a.shifted, 32);
  }
  const zeros = resultZeros(operation, a, b);
  if (bits === 32) return sumLink(bits, operation, a, b, ofLow(compute(LOW, operation, a.low, b.low), zeros));
  const result = number(wide(operation, a, b), lowOf(operation, a, b), zeros);
  if (constantOf(result) !== undefined) return result;
  if (operation === "lsh" && amount === 32)
    return { ...result, shifted: a.shifted === undefined ? a : { ...a, shifted: undefined } };
  return sumLink(bits, operation, a, b, result);
}

function resultZeros(operation: Operation, a: NumberValue, b: NumberValue): number {
  switch (operation) {
    case "add":
    case "sub":
    case "or":
    case "xor":
      return Math.min(a.zeros, b.zeros);
    case "and":
      return Math.max(a.zeros, b.zeros);
    case "mul":
      return Math.min(3, a.zeros + b.zeros);
    case "lsh":
      return Math.min(3, a.zeros + (b.full.u1 < 32 ? b.full.u0 : 0));
    default:
      return 0;
  }
}

/** The 64 bits of a result. What is shifted left by 32 or more comes from the low half alone. */
function wide(operation: Operation, a: NumberValue, b: NumberValue): Interval {
  const amount = constantOf(b);
  if (operation !== "lsh" || amount === undefined || amount < 32 || amount > 63) {
    return compute(FULL, operation, a.full, b.full);
  }
  const scale = 2 ** amount;
  const signed = amount === 32 && a.low.s0 * scale >= -MOST && a.low.s1 * scale <= MOST;
  const unsigned = a.low.u1 * scale <= MOST;
  const result = tight(
    FULL,
    unsigned ? a.low.u0 * scale : 0,
    unsigned ? a.low.u1 * scale : Number.POSITIVE_INFINITY,
    signed ? a.low.s0 * scale : Number.NEGATIVE_INFINITY,
    signed ? a.low.s1 * scale : Number.POSITIVE_INFINITY,
  );
  return result ?? FULL.any;
}

/** The low half of a 64-bit result, where it follows from the low halves of the operands. */
function lowOf(operation: Operation, a: NumberValue, b: NumberValue): Interval {
  switch (operation) {
    case "add":
    case "sub":
    case "mul":
    case "and":
    case "or":
    case "xor":
      return compute(LOW, operation, a.low, b.low);
    case "lsh":
      return b.full.u1 < 32 ? compute(LOW, operation, a.low, b.low) : LOW.any;
    default:
      return LOW.any;
  }
}

/** X + delta plus or minus a known number is X plus another delta; of a zero extension only if that neither borrows nor carries. */
function sumLink(
  bits: 32 | 64,
  operation: Operation,
  a: NumberValue,
  b: NumberValue,
  result: NumberValue,
): NumberValue {
  if (operation !== "add" && operation !== "sub") return result;
  const [base, other] = operation === "add" && constantOf(b) === undefined ? [b, a] : [a, b];
  const known = constantOf(other);
  if (known === undefined || base.id === 0) return result;
  const by = operation === "add" ? known : -known;
  const delta = base.delta + by;
  if (Math.abs(by) > MOST_DELTA || Math.abs(delta) > MOST_DELTA) return result;
  if (bits === 32) return linked(result, base.id, delta, true);
  const stays = base.full.u0 + by >= 0 && base.full.u1 + by < TWO_32;
  return base.extended && !stays ? result : linked(result, base.id, delta, base.extended);
}

/** Both numbers where the test is passed; undefined: it never is. Links are kept. */
export function compare(
  bits: 32 | 64,
  test: Test,
  a: NumberValue,
  b: NumberValue,
): readonly [NumberValue, NumberValue] | undefined {
  const word = bits === 64 ? FULL : LOW;
  const [x, y] = bits === 64 ? [a.full, b.full] : [a.low, b.low];
  const left = restrict(word, test, x, y);
  const right = restrict(word, TESTS[test].swapped, y, x);
  if (left === undefined || right === undefined) return undefined;
  const equal = test === "eq";
  if (!equal && left === x && right === y) return [a, b];
  let lowA = bits === 64 ? a.low : left;
  let lowB = bits === 64 ? b.low : right;
  if (equal && bits === 64) {
    const both = restrict(LOW, "eq", lowA, lowB);
    if (both === undefined) return undefined;
    lowA = both;
    lowB = both;
  }
  // Only the low bits are equal where only they are compared, and they are what zeros speaks of.
  const zeros = Math.max(a.zeros, b.zeros);
  const newA = combine(bits === 64 ? left : a.full, lowA, equal ? zeros : a.zeros);
  const newB = combine(bits === 64 ? right : b.full, lowB, equal ? zeros : b.zeros);
  if (newA === undefined || newB === undefined) return undefined;
  return [linked(newA, a.id, a.delta, a.extended), linked(newB, b.id, b.delta, b.extended)];
}

/**
 * `other` where `old`, linked to it, has become `now`; undefined: it cannot be. other is old plus the difference of their
 * deltas, modulo 2^32 in the low halves if one of them is a zero extension.
 */
export function related(old: NumberValue, now: NumberValue, other: NumberValue): NumberValue | undefined {
  const difference = other.delta - old.delta;
  const by = constant(difference);
  if (!old.extended) {
    const whole = difference === 0 ? unlinked(now) : arithmetic(64, "add", unlinked(now), by, false);
    return meet(other, other.extended ? zeroExtended(whole) : whole);
  }
  const low = compute(LOW, "add", now.low, by.low);
  if (other.extended) return meet(other, ofLow(low, 0));
  const both = restrict(LOW, "eq", other.low, low);
  const result = both && combine(other.full, both, other.zeros);
  return result && linked(result, other.id, other.delta, other.extended);
}

function meet(a: NumberValue, b: NumberValue): NumberValue | undefined {
  return compare(64, "eq", a, b)?.[0];
}

export function covers(a: NumberValue, b: NumberValue): boolean {
  return a.zeros <= b.zeros && includes(a.full, b.full) && includes(a.low, b.low);
}
