// Bounds of a 64-bit word and of its low 32 bits, unsigned and signed, and what arithmetic and comparisons do to them.
// Knows no registers. Bounds are whole numbers: of the low half exact, of the 64 bits up to 2^53 - 1, beyond which there
// is no bound (infinity). Written for the checker alone; docs/certificate.md states the same rules.

/** A width: what its bounds may be. */
export interface Word {
  readonly bits: number;
  readonly modulus: number;
  /** Greatest unsigned and signed bounds that are kept, and what stands for "no bound". */
  readonly mostUnsigned: number;
  readonly mostSigned: number;
  readonly leastSigned: number;
  readonly noUnsigned: number;
  readonly noHigh: number;
  readonly noLow: number;
  /** Every number. */
  readonly any: Interval;
}

/** u0 <= value <= u1 taken as unsigned, s0 <= value <= s1 taken as signed. */
export interface Interval {
  readonly u0: number;
  readonly u1: number;
  readonly s0: number;
  readonly s1: number;
}

export const MOST = Number.MAX_SAFE_INTEGER;
export const TWO_32 = 2 ** 32;
const INFINITE = Number.POSITIVE_INFINITY;

/** Of `most` given: bounds beyond +-most are not kept. */
export function wordOf(bits: number, most?: number): Word {
  const modulus = 2 ** bits;
  const kept = { unsigned: most ?? modulus - 1, high: most ?? modulus / 2 - 1, low: -(most ?? modulus / 2) };
  const none = most === undefined ? kept : { unsigned: INFINITE, high: INFINITE, low: -INFINITE };
  return {
    bits,
    modulus,
    mostUnsigned: kept.unsigned,
    mostSigned: kept.high,
    leastSigned: kept.low,
    noUnsigned: none.unsigned,
    noHigh: none.high,
    noLow: none.low,
    any: { u0: 0, u1: none.unsigned, s0: none.low, s1: none.high },
  };
}

export const FULL = wordOf(64, MOST);
export const LOW = wordOf(32);

/** The interval of these bounds, each sign's narrowed by the other's, without bounds beyond the word's; undefined: empty. */
export function tight(w: Word, u0: number, u1: number, s0: number, s1: number): Interval | undefined {
  let a = u0;
  let b = u1;
  let c = s0;
  let d = s1;
  if (b <= w.mostSigned || c >= 0) {
    // All are below half of the modulus: the same number either way.
    a = c = Math.max(a, c);
    b = d = Math.min(b, d);
  } else if (d < 0 || (a >= w.modulus / 2 && b <= w.mostUnsigned)) {
    a = Math.max(a, c === w.noLow ? w.modulus / 2 : c + w.modulus);
    b = Math.min(b, d + w.modulus);
    if (b <= w.mostUnsigned) {
      c = a - w.modulus;
      d = b - w.modulus;
    }
  }
  if (!(a <= b && c <= d)) return undefined;
  if (a === 0 && b === w.noUnsigned && c === w.noLow && d === w.noHigh) return w.any;
  return {
    u0: Math.min(a, w.mostUnsigned),
    u1: b > w.mostUnsigned ? w.noUnsigned : b,
    s0: c < w.leastSigned ? w.noLow : Math.min(c, w.mostSigned),
    s1: d > w.mostSigned ? w.noHigh : Math.max(d, w.leastSigned),
  };
}

/** Of results that hold a value because their operands do. */
function of(w: Word, u0: number, u1: number, s0: number, s1: number): Interval {
  return tight(w, u0, u1, s0, s1) ?? w.any;
}

export function only(w: Word, value: number): Interval {
  return of(w, 0, w.noUnsigned, value, value);
}

/** The one value, signed. */
export function theOnly(a: Interval): number | undefined {
  return a.s0 === a.s1 ? a.s0 : undefined;
}

export function includes(a: Interval, b: Interval): boolean {
  return a.u0 <= b.u0 && a.u1 >= b.u1 && a.s0 <= b.s0 && a.s1 >= b.s1;
}

export type Operation =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "sdiv"
  | "or"
  | "and"
  | "lsh"
  | "rsh"
  | "mod"
  | "smod"
  | "xor"
  | "arsh";

/** Two known numbers, exactly (RFC 9669 section 4.1). */
function exact(bits: number, operation: Operation, x: bigint, y: bigint): bigint {
  const a = BigInt.asUintN(bits, x);
  const b = BigInt.asUintN(bits, y);
  const signedA = BigInt.asIntN(bits, x);
  const signedB = BigInt.asIntN(bits, y);
  const shift = b % BigInt(bits);
  switch (operation) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return b === 0n ? 0n : a / b;
    case "mod":
      return b === 0n ? a : a % b;
    case "sdiv":
      return b === 0n ? 0n : signedA / signedB;
    case "smod":
      return b === 0n ? a : signedA % signedB;
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "lsh":
      return a << shift;
    case "rsh":
      return a >> shift;
    case "arsh":
      return signedA >> shift;
  }
}

/** The interval of one value given modulo 2^bits. */
export function onlyBig(w: Word, value: bigint): Interval {
  const signed = BigInt.asIntN(w.bits, value);
  if (signed >= BigInt(w.leastSigned) && signed <= BigInt(w.mostSigned)) return only(w, Number(signed));
  return signed < 0n
    ? of(w, w.mostUnsigned, w.noUnsigned, w.noLow, w.leastSigned)
    : of(w, w.mostUnsigned, w.noUnsigned, w.mostSigned, w.noHigh);
}

/** Smallest 2^k - 1 that is not below x. */
function ones(x: number): number {
  let all = 0;
  while (all < x) all = 2 * all + 1;
  return all;
}

/** What `operation` can give for members of a and b. */
export function compute(w: Word, operation: Operation, a: Interval, b: Interval): Interval {
  const x = theOnly(a);
  const y = theOnly(b);
  if (x !== undefined && y !== undefined && operation !== "add" && operation !== "sub") {
    return onlyBig(w, exact(w.bits, operation, BigInt(x), BigInt(y)));
  }
  const none = w.noUnsigned;
  switch (operation) {
    case "add":
      return sum(w, a.u0 + b.u0, a.u1 + b.u1, a.s0 + b.s0, a.s1 + b.s1);
    case "sub":
      return difference(w, a, b);
    case "mul": {
      // Only of numbers that are not negative.
      const most = a.u1 === 0 || b.u1 === 0 ? 0 : a.u1 * b.u1;
      return most <= w.mostUnsigned ? of(w, a.u0 * b.u0, most, w.noLow, w.noHigh) : product(w, a, b);
    }
    case "div": {
      const least = Math.max(b.u0, 1);
      if (a.u1 === Number.POSITIVE_INFINITY) {
        return of(w, 0, Math.floor(w.modulus / least) + 1, least > 1 ? 0 : w.noLow, w.noHigh);
      }
      return of(w, 0, (a.u1 - (a.u1 % least)) / least, a.s0 >= 0 ? 0 : w.noLow, w.noHigh);
    }
    case "mod":
      if (b.u0 > a.u1) return a;
      return of(
        w,
        0,
        b.u0 === 0 ? a.u1 : Math.min(a.u1, b.u1 - 1),
        a.s0 >= 0 ? 0 : w.noLow,
        a.s0 >= 0 && b.u0 === 0 ? a.s1 : w.noHigh,
      );
    case "and": {
      const positive = a.s0 >= 0 || b.s0 >= 0;
      return of(w, 0, Math.min(a.u1, b.u1), positive ? 0 : w.noLow, w.noHigh);
    }
    case "or": {
      const most = Math.max(a.u1, b.u1);
      const negative = a.s1 < 0 || b.s1 < 0;
      // With a negative operand bits below the sign only add to that one.
      const least = Math.max(a.s1 < 0 ? a.s0 : w.noLow, b.s1 < 0 ? b.s0 : w.noLow);
      const s0 = a.s0 >= 0 && b.s0 >= 0 ? 0 : least;
      return of(w, Math.max(a.u0, b.u0), most <= MOST ? ones(most) : none, s0, negative ? -1 : w.noHigh);
    }
    case "xor": {
      const most = Math.max(a.u1, b.u1);
      const same = (a.s0 >= 0 && b.s0 >= 0) || (a.s1 < 0 && b.s1 < 0);
      const differ = (a.s0 >= 0 && b.s1 < 0) || (a.s1 < 0 && b.s0 >= 0);
      return of(w, 0, most <= MOST ? ones(most) : none, same ? 0 : w.noLow, differ ? -1 : w.noHigh);
    }
    case "lsh":
    case "rsh":
    case "arsh":
      return shift(w, operation, a, b);
    case "sdiv":
    case "smod":
      return signedQuotient(w, operation, a, b);
  }
}

/** Neither the quotient nor the remainder is further from 0 than the dividend; both have its sign if the divisor has none. */
function signedQuotient(w: Word, operation: "sdiv" | "smod", a: Interval, b: Interval): Interval {
  let s0 = Math.min(a.s0, 0);
  let s1 = Math.max(a.s1, 0);
  if (operation === "smod") {
    // Modulo 0 leaves the dividend.
    const most = b.s0 > 0 ? b.s1 - 1 : Number.POSITIVE_INFINITY;
    return of(w, 0, w.noUnsigned, Math.max(s0, -most), Math.min(s1, most));
  }
  if (b.s0 >= 0) {
    const least = Math.max(b.s0, 1);
    return of(w, 0, w.noUnsigned, s0 === 0 ? 0 : -Math.floor(-s0 / least), Math.floor(s1 / least));
  }
  const most = Math.max(-s0, s1);
  if (most > w.mostSigned) return w.any;
  s0 = -most;
  s1 = most;
  return of(w, 0, w.noUnsigned, s0, s1);
}

/** Bounds of sums: unsigned ones that all wrap once are known again, ones of which some wrap are not. */
function sum(w: Word, u0: number, u1: number, s0: number, s1: number): Interval {
  const wraps = u0 >= w.modulus;
  const known = wraps || u1 <= w.mostUnsigned;
  const by = wraps ? w.modulus : 0;
  const signed = s0 >= w.leastSigned && s1 <= w.mostSigned;
  return of(
    w,
    known ? u0 - by : 0,
    known ? u1 - by : w.noUnsigned,
    signed ? s0 : w.noLow,
    signed ? s1 : w.noHigh,
  );
}

function difference(w: Word, a: Interval, b: Interval): Interval {
  let u0 = a.u0 - b.u1;
  let u1 = a.u1 - b.u0;
  if (u1 < 0 && w.mostUnsigned === w.noUnsigned) {
    // All borrow. Of 64 bits the sum would not be exact.
    u0 += w.modulus;
    u1 += w.modulus;
  } else if (!(u0 >= 0)) {
    u0 = 0;
    u1 = w.noUnsigned;
  }
  const s0 = a.s0 - b.s1;
  const s1 = a.s1 - b.s0;
  const signed = s0 >= w.leastSigned && s1 <= w.mostSigned;
  return of(w, u0, u1, signed ? s0 : w.noLow, signed ? s1 : w.noHigh);
}

/** A product where a factor may be negative: the corners, if they are exact. */
function product(w: Word, a: Interval, b: Interval): Interval {
  if (!Number.isFinite(a.s0 + a.s1 + b.s0 + b.s1)) return w.any;
  const corners = [a.s0 * b.s0, a.s0 * b.s1, a.s1 * b.s0, a.s1 * b.s1];
  const s0 = Math.min(...corners);
  const s1 = Math.max(...corners);
  return s0 >= w.leastSigned && s1 <= w.mostSigned ? of(w, 0, w.noUnsigned, s0, s1) : w.any;
}

/** The amount is taken modulo the width. */
function shift(w: Word, operation: "lsh" | "rsh" | "arsh", a: Interval, b: Interval): Interval {
  const [least, most] = b.u1 < w.bits ? [b.u0, b.u1] : [0, w.bits - 1];
  if (most === 0) return a;
  if (operation === "lsh") {
    const u1 = a.u1 * 2 ** most;
    const s0 = a.s0 * 2 ** (a.s0 < 0 ? most : least);
    const s1 = a.s1 * 2 ** (a.s1 < 0 ? least : most);
    const known = u1 <= w.mostUnsigned;
    const signed = s0 >= w.leastSigned && s1 <= w.mostSigned;
    return of(
      w,
      known ? a.u0 * 2 ** least : 0,
      known ? u1 : w.noUnsigned,
      signed ? s0 : w.noLow,
      signed ? s1 : w.noHigh,
    );
  }
  if (operation === "rsh") {
    const u1 = a.u1 === w.noUnsigned ? w.modulus / 2 ** least - 1 : Math.floor(a.u1 / 2 ** least);
    return of(w, Math.floor(a.u0 / 2 ** most), u1, least > 0 || a.s0 >= 0 ? 0 : w.noLow, w.noHigh);
  }
  const low = Math.max(a.s0, -w.modulus / 2);
  const s1 =
    a.s1 === w.noHigh ? w.modulus / 2 / 2 ** least - 1 : Math.floor(a.s1 / 2 ** (a.s1 < 0 ? most : least));
  return of(w, 0, w.noUnsigned, Math.floor(low / 2 ** (low < 0 ? least : most)), s1);
}

export type Test =
  | "eq"
  | "ne"
  | "set"
  | "clear"
  | "ugt"
  | "uge"
  | "ult"
  | "ule"
  | "sgt"
  | "sge"
  | "slt"
  | "sle";

/** Of each test: its negation, and the same with the operands exchanged. */
export const TESTS: Readonly<Record<Test, { readonly not: Test; readonly swapped: Test }>> = {
  eq: { not: "ne", swapped: "eq" },
  ne: { not: "eq", swapped: "ne" },
  set: { not: "clear", swapped: "set" },
  clear: { not: "set", swapped: "clear" },
  ugt: { not: "ule", swapped: "ult" },
  uge: { not: "ult", swapped: "ule" },
  ult: { not: "uge", swapped: "ugt" },
  ule: { not: "ugt", swapped: "uge" },
  sgt: { not: "sle", swapped: "slt" },
  sge: { not: "slt", swapped: "sle" },
  slt: { not: "sge", swapped: "sgt" },
  sle: { not: "sgt", swapped: "sge" },
};

/** The members of a within those bounds as well; a itself if that tells nothing new. */
export function within(
  w: Word,
  a: Interval,
  u0: number,
  u1: number,
  s0: number,
  s1: number,
): Interval | undefined {
  if (u0 === a.u0 && u1 === a.u1 && s0 === a.s0 && s1 === a.s1) return a;
  return tight(w, u0, u1, s0, s1);
}

/** The members of a for which a member of b passes the test, or more; undefined: there is surely none. */
export function restrict(w: Word, test: Test, a: Interval, b: Interval): Interval | undefined {
  const { u0, u1, s0, s1 } = a;
  switch (test) {
    case "eq":
      return within(w, a, Math.max(u0, b.u0), Math.min(u1, b.u1), Math.max(s0, b.s0), Math.min(s1, b.s1));
    case "ne":
      return without(w, a, theOnly(b));
    case "set":
    case "clear": {
      const x = theOnly(a);
      const y = theOnly(b);
      if (x !== undefined && y !== undefined) {
        return ((BigInt(x) & BigInt(y)) === 0n) === (test === "clear") ? a : undefined;
      }
      if (test === "clear") return a;
      return y === 0 ? undefined : without(w, a, 0);
    }
    case "ugt":
      return within(w, a, Math.max(u0, b.u0 + 1), u1, s0, s1);
    case "uge":
      return within(w, a, Math.max(u0, b.u0), u1, s0, s1);
    case "ult":
      return within(w, a, u0, Math.min(u1, b.u1 - 1), s0, s1);
    case "ule":
      return within(w, a, u0, Math.min(u1, b.u1), s0, s1);
    case "sgt":
      return within(w, a, u0, u1, Math.max(s0, b.s0 + 1), s1);
    case "sge":
      return within(w, a, u0, u1, Math.max(s0, b.s0), s1);
    case "slt":
      return within(w, a, u0, u1, s0, Math.min(s1, b.s1 - 1));
    case "sle":
      return within(w, a, u0, u1, s0, Math.min(s1, b.s1));
  }
}

function without(w: Word, a: Interval, value: number | undefined): Interval | undefined {
  if (value === undefined) return a;
  const unsigned = value < 0 ? value + w.modulus : value;
  const counts = unsigned <= w.mostUnsigned;
  return within(
    w,
    a,
    counts && a.u0 === unsigned ? a.u0 + 1 : a.u0,
    counts && a.u1 === unsigned ? a.u1 - 1 : a.u1,
    a.s0 === value ? a.s0 + 1 : a.s0,
    a.s1 === value ? a.s1 - 1 : a.s1,
  );
}
