// Bounds of one machine word, unsigned and signed at once, and what each operation does to them. Knows nothing of
// registers or pointers. Bounds are doubles: a bound beyond `uLimit` / `sLow` / `sHigh` is replaced by the word's top, so
// every sum and product that is kept is exact. The width is a parameter; tests run all of it exhaustively on small words.

/** What a word can hold and which of its bounds are kept as numbers. */
export interface Word {
  readonly bits: number;
  /** 2^bits and 2^(bits-1). */
  readonly modulus: number;
  readonly half: number;
  /** The largest unsigned bound kept, and what stands for "up to the maximum". */
  readonly uLimit: number;
  readonly uTop: number;
  readonly sLow: number;
  readonly sHigh: number;
  readonly sBottom: number;
  readonly sTop: number;
}

/** A word all of whose bounds are kept: up to 32 bits, so that a product of two still compares right. */
export function exactWord(bits: number): Word {
  const half = 2 ** (bits - 1);
  return {
    bits,
    modulus: 2 ** bits,
    half,
    uLimit: 2 ** bits - 1,
    uTop: 2 ** bits - 1,
    sLow: -half,
    sHigh: half - 1,
    sBottom: -half,
    sTop: half - 1,
  };
}

/** A word whose bounds beyond +-limit are forgotten; limit < 2^(bits-1), and at most 2^53-1. */
export function clampedWord(bits: number, limit: number): Word {
  return {
    bits,
    modulus: 2 ** bits,
    half: 2 ** (bits - 1),
    uLimit: limit,
    uTop: Number.POSITIVE_INFINITY,
    sLow: -limit,
    sHigh: limit,
    sBottom: Number.NEGATIVE_INFINITY,
    sTop: Number.POSITIVE_INFINITY,
  };
}

/** The values v with umin <= v <= umax as unsigned and smin <= v <= smax as signed numbers. Never empty. */
export interface Bounds {
  readonly umin: number;
  readonly umax: number;
  readonly smin: number;
  readonly smax: number;
}

export function top(w: Word): Bounds {
  return { umin: 0, umax: w.uTop, smin: w.sBottom, smax: w.sTop };
}

/**
 * Bounds from raw numbers: each view narrows the other, then what is beyond the limits is forgotten. Undefined: no value.
 * `same` is given back where the result is like it, so that what changes nothing makes nothing.
 */
export function tighten(
  w: Word,
  umin: number,
  umax: number,
  smin: number,
  smax: number,
  same?: Bounds,
): Bounds | undefined {
  let ulo = umin;
  let uhi = umax;
  let slo = smin;
  let shi = smax;
  // Unsigned below half is the same number signed; at or above half it is that minus 2^bits.
  if (uhi < w.half) {
    if (ulo > slo) slo = ulo;
    if (uhi < shi) shi = uhi;
  } else if (ulo >= w.half) {
    if (ulo - w.modulus > slo) slo = ulo - w.modulus;
    if (uhi - w.modulus < shi) shi = uhi - w.modulus;
    if (shi >= 0) shi = -1;
  }
  if (slo >= 0) {
    if (slo > ulo) ulo = slo;
    if (shi < uhi) uhi = shi;
    if (uhi >= w.half && w.uTop < Number.POSITIVE_INFINITY) uhi = w.half - 1;
  } else if (shi < 0) {
    const low = slo === w.sBottom ? w.half : slo + w.modulus;
    if (low > ulo) ulo = low;
    if (shi + w.modulus < uhi) uhi = shi + w.modulus;
  }
  if (ulo > uhi || slo > shi) return undefined;
  if (uhi > w.uLimit) uhi = w.uTop;
  if (ulo > w.uLimit) ulo = w.uLimit;
  if (slo < w.sLow) slo = w.sBottom;
  else if (slo > w.sHigh) slo = w.sHigh;
  if (shi > w.sHigh) shi = w.sTop;
  else if (shi < w.sLow) shi = w.sLow;
  if (
    same !== undefined &&
    same.umin === ulo &&
    same.umax === uhi &&
    same.smin === slo &&
    same.smax === shi
  ) {
    return same;
  }
  return { umin: ulo, umax: uhi, smin: slo, smax: shi };
}

/** As `tighten`, for results that hold at least one value because their operands do. */
function result(w: Word, umin: number, umax: number, smin: number, smax: number): Bounds {
  return tighten(w, umin, umax, smin, smax) ?? top(w);
}

/** The one value, as a signed number; undefined if there are more. */
export function constantOf(a: Bounds): number | undefined {
  return a.smin === a.smax ? a.smin : undefined;
}

export function constant(w: Word, value: number): Bounds {
  // + 0: there is no negative zero among whole numbers.
  return result(w, 0, w.uTop, value + 0, value + 0);
}

export function covers(a: Bounds, b: Bounds): boolean {
  return a.umin <= b.umin && a.umax >= b.umax && a.smin <= b.smin && a.smax >= b.smax;
}

/** Holds every member of both. */
export function hull(a: Bounds, b: Bounds): Bounds {
  if (covers(a, b)) return a;
  return {
    umin: Math.min(a.umin, b.umin),
    umax: Math.max(a.umax, b.umax),
    smin: Math.min(a.smin, b.smin),
    smax: Math.max(a.smax, b.smax),
  };
}

export function contains(w: Word, a: Bounds, unsigned: bigint): boolean {
  const modulus = 1n << BigInt(w.bits);
  const signed = unsigned >= modulus >> 1n ? unsigned - modulus : unsigned;
  return unsigned >= a.umin && unsigned <= a.umax && signed >= a.smin && signed <= a.smax;
}

export type BinaryOperation =
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

// Sound: below the limit nothing can have wrapped; from the limit on (or where a bound is unknown) the result is top.
// In an exact word, if even the smallest sum wraps then all do, once.
function add(w: Word, a: Bounds, b: Bounds): Bounds {
  let umin = a.umin + b.umin;
  let umax = a.umax + b.umax;
  if (umin >= w.modulus) {
    umin -= w.modulus;
    umax -= w.modulus;
  } else if (umax > w.uLimit) {
    umin = 0;
    umax = w.uTop;
  }
  let smin = a.smin + b.smin;
  let smax = a.smax + b.smax;
  if (smin < w.sLow || smax > w.sHigh) {
    smin = w.sBottom;
    smax = w.sTop;
  }
  return result(w, umin, umax, smin, smax);
}

// Sound: the unsigned difference does not borrow if the smallest minuend reaches the largest subtrahend.
function sub(w: Word, a: Bounds, b: Bounds): Bounds {
  let umin = a.umin - b.umax;
  let umax = a.umax - b.umin;
  if (umax < 0 && w.uTop < Number.POSITIVE_INFINITY) {
    umin += w.modulus;
    umax += w.modulus;
  } else if (!(umin >= 0)) {
    umin = 0;
    umax = w.uTop;
  }
  let smin = a.smin - b.smax;
  let smax = a.smax - b.smin;
  if (!(smin >= w.sLow) || !(smax <= w.sHigh)) {
    smin = w.sBottom;
    smax = w.sTop;
  }
  return result(w, umin, umax, smin, smax);
}

// Sound: a product is kept only if the largest one fits; a rounded product above 2^53 is still above the limit.
function mul(w: Word, a: Bounds, b: Bounds): Bounds {
  let umin = a.umin * b.umin;
  let umax = a.umax === 0 || b.umax === 0 ? 0 : a.umax * b.umax;
  if (umax > w.uLimit) {
    umin = 0;
    umax = w.uTop;
  }
  let smin = w.sBottom;
  let smax = w.sTop;
  if (Number.isFinite(a.smin + a.smax + b.smin + b.smax)) {
    const corners = [a.smin * b.smin, a.smin * b.smax, a.smax * b.smin, a.smax * b.smax];
    const low = Math.min(...corners);
    const high = Math.max(...corners);
    if (low >= w.sLow && high <= w.sHigh) {
      smin = low;
      smax = high;
    }
  }
  return result(w, umin, umax, smin, smax);
}

/** Floor of x / y for whole numbers x, y > 0; `%` is exact on doubles where `/` may round up. */
function floorDivide(x: number, y: number): number {
  return (x - (x % y)) / y;
}

// RFC 9669 section 4.1: division by zero gives 0. Sound: the quotient grows with the dividend, falls with the divisor.
function div(w: Word, a: Bounds, b: Bounds): Bounds {
  const least = Math.max(b.umin, 1);
  const umax =
    a.umax === Number.POSITIVE_INFINITY ? Math.floor(w.modulus / least) + 1 : floorDivide(a.umax, least);
  const umin = b.umin === 0 || b.umax === Number.POSITIVE_INFINITY ? 0 : floorDivide(a.umin, b.umax);
  const positive = a.smin >= 0 || b.umin >= 2;
  return result(w, umin, umax > w.uLimit ? w.uTop : umax, positive ? 0 : w.sBottom, w.sTop);
}

// RFC 9669 section 4.1: modulo zero leaves the dividend. Sound: a remainder is below the divisor and not above the dividend.
function mod(w: Word, a: Bounds, b: Bounds): Bounds {
  if (b.umin > 0 && a.umax < b.umin) return a;
  if (b.umin === 0) {
    return result(w, 0, a.umax, a.smin >= 0 ? 0 : w.sBottom, a.smin >= 0 ? a.smax : w.sTop);
  }
  if (a.umin === a.umax && b.umin === b.umax) {
    return result(w, a.umin % b.umin, a.umin % b.umin, w.sBottom, w.sTop);
  }
  return result(w, 0, Math.min(a.umax, b.umax - 1), a.smin >= 0 ? 0 : w.sBottom, w.sTop);
}

// RFC 9669 section 4.1: signed division truncates, by zero gives 0, and the least number by -1 is itself.
function sdiv(w: Word, a: Bounds, b: Bounds): Bounds {
  const divisor = constantOf(b);
  const dividend = constantOf(a);
  if (divisor !== undefined && dividend !== undefined) {
    if (divisor === 0) return constant(w, 0);
    if (divisor === -1) return -dividend > w.sHigh ? top(w) : constant(w, -dividend);
    return constant(w, Math.trunc((dividend - (dividend % divisor)) / divisor));
  }
  if (b.smin >= 0) {
    // The sign stays, the magnitude does not grow (a zero divisor gives 0, which lies between).
    const least = Math.max(b.smin, 1);
    const low = a.smin >= 0 ? 0 : -Math.floor(-a.smin / least);
    const high = a.smax <= 0 ? 0 : Math.floor(a.smax / least);
    return result(w, 0, w.uTop, low, high);
  }
  const magnitude = Math.max(Math.abs(a.smin), Math.abs(a.smax));
  return magnitude > w.sHigh ? top(w) : result(w, 0, w.uTop, -magnitude, magnitude);
}

// The remainder has the dividend's sign and is smaller than the divisor; modulo zero leaves the dividend.
function smod(w: Word, a: Bounds, b: Bounds): Bounds {
  const divisor = constantOf(b);
  const dividend = constantOf(a);
  if (divisor !== undefined && dividend !== undefined) {
    return constant(w, divisor === 0 ? dividend : dividend % divisor);
  }
  let low = Math.min(a.smin, 0);
  let high = Math.max(a.smax, 0);
  if (b.smin > 0 || b.smax < 0) {
    const most = Math.max(Math.abs(b.smin), Math.abs(b.smax)) - 1;
    low = Math.max(low, -most);
    high = Math.min(high, most);
  }
  return result(w, 0, w.uTop, low, high);
}

/** Bitwise operation on two signed constants, exact: both fit in 54 bits, and so does the result. */
function bitwise(operation: "and" | "or" | "xor", x: number, y: number): number {
  if ((x | 0) === x && (y | 0) === y) {
    return operation === "and" ? x & y : operation === "or" ? x | y : x ^ y;
  }
  const left = BigInt(x);
  const right = BigInt(y);
  return Number(operation === "and" ? left & right : operation === "or" ? left | right : left ^ right);
}

/** Smallest 2^k - 1 that is not below x. */
function fill(x: number): number {
  const high = Math.floor(x / 2 ** 32);
  return high > 0 ? 2 ** (64 - Math.clz32(high)) - 1 : 2 ** (32 - Math.clz32(x >>> 0)) - 1;
}

// Sound: a & b has no bit that a or b lacks; it is not negative if one of them is not.
function and(w: Word, a: Bounds, b: Bounds): Bounds {
  const x = constantOf(a);
  const y = constantOf(b);
  if (x !== undefined && y !== undefined) return constant(w, bitwise("and", x, y));
  let smax = w.sTop;
  if (a.smin >= 0) smax = Math.min(smax, a.smax);
  if (b.smin >= 0) smax = Math.min(smax, b.smax);
  return result(w, 0, Math.min(a.umax, b.umax), a.smin >= 0 || b.smin >= 0 ? 0 : w.sBottom, smax);
}

// Sound: a | b has all bits of both, none above the highest of either; with a negative operand it stays negative and,
// since bits below the sign only add, is not below that operand.
function or(w: Word, a: Bounds, b: Bounds): Bounds {
  const x = constantOf(a);
  const y = constantOf(b);
  if (x !== undefined && y !== undefined) return constant(w, bitwise("or", x, y));
  const most = Math.max(a.umax, b.umax);
  const umax = most > w.uLimit || most === Number.POSITIVE_INFINITY ? w.uTop : fill(most);
  let smin = w.sBottom;
  let smax = w.sTop;
  if (a.smin >= 0 && b.smin >= 0) smin = 0;
  if (a.smax < 0 || b.smax < 0) smax = -1;
  if (a.smax < 0) smin = Math.max(smin, a.smin);
  if (b.smax < 0) smin = Math.max(smin, b.smin);
  return result(w, Math.max(a.umin, b.umin), umax, smin, smax);
}

// Sound: no bit above the highest of either operand; the sign is that of the operands' signs combined.
function xor(w: Word, a: Bounds, b: Bounds): Bounds {
  const x = constantOf(a);
  const y = constantOf(b);
  if (x !== undefined && y !== undefined) return constant(w, bitwise("xor", x, y));
  const most = Math.max(a.umax, b.umax);
  const umax = most > w.uLimit || most === Number.POSITIVE_INFINITY ? w.uTop : fill(most);
  const same = (a.smin >= 0 && b.smin >= 0) || (a.smax < 0 && b.smax < 0);
  const differ = (a.smin >= 0 && b.smax < 0) || (a.smax < 0 && b.smin >= 0);
  return result(w, 0, umax, same ? 0 : w.sBottom, differ ? -1 : w.sTop);
}

/** The amounts a shift by b can have: it is masked to the width (RFC 9669 section 4.1). */
function shiftRange(w: Word, b: Bounds): readonly [number, number] {
  return b.umax < w.bits ? [b.umin, b.umax] : [0, w.bits - 1];
}

// Sound: kept only if the largest result fits, so no bit has been shifted out.
function lsh(w: Word, a: Bounds, b: Bounds): Bounds {
  const [least, most] = shiftRange(w, b);
  let umin = a.umin * 2 ** least;
  let umax = a.umax * 2 ** most;
  if (umax > w.uLimit) {
    umin = 0;
    umax = w.uTop;
  }
  let smin = a.smin * 2 ** (a.smin < 0 ? most : least);
  let smax = a.smax * 2 ** (a.smax < 0 ? least : most);
  if (smin < w.sLow || smax > w.sHigh) {
    smin = w.sBottom;
    smax = w.sTop;
  }
  return result(w, umin, umax, smin, smax);
}

// Sound: a logical shift right by at least one clears the sign bit; it falls with the amount.
function rsh(w: Word, a: Bounds, b: Bounds): Bounds {
  const [least, most] = shiftRange(w, b);
  if (most === 0) return a;
  const umin = Math.floor(a.umin / 2 ** most);
  const umax = a.umax === w.uTop ? w.modulus / 2 ** least - 1 : Math.floor(a.umax / 2 ** least);
  return result(w, umin, umax, least >= 1 || a.smin >= 0 ? 0 : w.sBottom, w.sTop);
}

// Sound: an arithmetic shift right is a floor division by a power of two; it moves every number towards 0 or -1.
function arsh(w: Word, a: Bounds, b: Bounds): Bounds {
  const [least, most] = shiftRange(w, b);
  if (most === 0) return a;
  const low = a.smin === w.sBottom ? -w.half : a.smin;
  const smin = Math.floor(low / 2 ** (low < 0 ? least : most));
  // The greatest number is half - 1; written so that nothing is rounded where half is 2^63.
  const smax =
    a.smax === w.sTop ? w.half / 2 ** least - 1 : Math.floor(a.smax / 2 ** (a.smax < 0 ? most : least));
  return result(w, 0, w.uTop, smin, smax);
}

const OPERATIONS: Readonly<Record<BinaryOperation, (w: Word, a: Bounds, b: Bounds) => Bounds>> = {
  add,
  sub,
  mul,
  div,
  sdiv,
  or,
  and,
  lsh,
  rsh,
  mod,
  smod,
  xor,
  arsh,
};

/** All results of `operation` on members of a and b, RFC 9669 section 4.1, at this word's width. */
export function compute(w: Word, operation: BinaryOperation, a: Bounds, b: Bounds): Bounds {
  return OPERATIONS[operation](w, a, b);
}

/** A jump condition or its negation ("clear" is the negation of "set"). */
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

export const NEGATION: Readonly<Record<Test, Test>> = {
  eq: "ne",
  ne: "eq",
  set: "clear",
  clear: "set",
  ugt: "ule",
  uge: "ult",
  ult: "uge",
  ule: "ugt",
  sgt: "sle",
  sge: "slt",
  slt: "sge",
  sle: "sgt",
};

/** The same test with its operands exchanged. */
export const SWAPPED: Readonly<Record<Test, Test>> = {
  eq: "eq",
  ne: "ne",
  set: "set",
  clear: "clear",
  ugt: "ult",
  uge: "ule",
  ult: "ugt",
  ule: "uge",
  sgt: "slt",
  sge: "sle",
  slt: "sgt",
  sle: "sge",
};

function without(w: Word, a: Bounds, value: number): Bounds | undefined {
  const unsigned = value >= 0 ? value : value + w.modulus;
  const exact = unsigned <= w.uLimit;
  return tighten(
    w,
    exact && a.umin === unsigned ? a.umin + 1 : a.umin,
    exact && a.umax === unsigned ? a.umax - 1 : a.umax,
    a.smin === value ? a.smin + 1 : a.smin,
    a.smax === value ? a.smax - 1 : a.smax,
    a,
  );
}

/** The members of a for which some member of b makes the test true. Undefined: there is none. */
export function restrict(w: Word, test: Test, a: Bounds, b: Bounds): Bounds | undefined {
  switch (test) {
    case "eq":
      return tighten(
        w,
        Math.max(a.umin, b.umin),
        Math.min(a.umax, b.umax),
        Math.max(a.smin, b.smin),
        Math.min(a.smax, b.smax),
        a,
      );
    case "ne": {
      const value = constantOf(b);
      return value === undefined ? a : without(w, a, value);
    }
    case "set": {
      const x = constantOf(a);
      const y = constantOf(b);
      if (x !== undefined && y !== undefined && bitwise("and", x, y) === 0) return undefined;
      return y === 0 ? undefined : without(w, a, 0);
    }
    case "clear": {
      const x = constantOf(a);
      const y = constantOf(b);
      return x !== undefined && y !== undefined && bitwise("and", x, y) !== 0 ? undefined : a;
    }
    case "ugt":
      return tighten(w, Math.max(a.umin, b.umin + 1), a.umax, a.smin, a.smax, a);
    case "uge":
      return tighten(w, Math.max(a.umin, b.umin), a.umax, a.smin, a.smax, a);
    case "ult":
      return tighten(w, a.umin, Math.min(a.umax, b.umax - 1), a.smin, a.smax, a);
    case "ule":
      return tighten(w, a.umin, Math.min(a.umax, b.umax), a.smin, a.smax, a);
    case "sgt":
      return tighten(w, a.umin, a.umax, Math.max(a.smin, b.smin + 1), a.smax, a);
    case "sge":
      return tighten(w, a.umin, a.umax, Math.max(a.smin, b.smin), a.smax, a);
    case "slt":
      return tighten(w, a.umin, a.umax, a.smin, Math.min(a.smax, b.smax - 1), a);
    case "sle":
      return tighten(w, a.umin, a.umax, a.smin, Math.min(a.smax, b.smax), a);
  }
}
