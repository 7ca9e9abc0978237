// What is known of a 64-bit number: bounds of the whole and of its low half, each signed and unsigned, and how many
// low bits are zero. Knows nothing of registers. The widths are parameters of `makeRanges`, so that tests can run
// everything on small numbers; the verifier uses the one instance at the bottom.
import {
  type BinaryOperation,
  type Bounds,
  clampedWord,
  compute,
  constantOf,
  constant as constantWord,
  contains as containsWord,
  covers as coversWord,
  exactWord,
  hull as hullWord,
  restrict,
  SWAPPED,
  type Test,
  tighten,
  top,
  type Word,
} from "./interval.ts";

export interface Range {
  readonly full: Bounds;
  readonly half: Bounds;
  /** Known number of low zero bits, at most 3: what alignment to 8 bytes needs. */
  readonly zeros: number;
}

const MOST_ZEROS = 3;
/** A power of two. */
export const CACHED_CONSTANTS = 1024;

/** Narrowing that narrows nothing. */
function sameBounds(a: Bounds, b: Bounds): boolean {
  if (a === b) return true;
  return a.umin === b.umin && a.umax === b.umax && a.smin === b.smin && a.smax === b.smax;
}

/** Trailing zero bits of a whole number, at most 3. */
export function trailingZeros(value: number): number {
  if (value % 8 === 0) return 3;
  if (value % 4 === 0) return 2;
  return value % 2 === 0 ? 1 : 0;
}

export interface Ranges {
  readonly unknown: Range;
  constant(value: number): Range;
  fromBigInt(value: bigint): Range;
  /** Unsigned numbers up to the given maximum. */
  upTo(maximum: number): Range;
  between(smin: number, smax: number): Range;
  /** The low half of a, zero-extended. */
  zeroExtend(a: Range): Range;
  /** The low `bits` of a, zero- or sign-extended. */
  truncate(a: Range, bits: number): Range;
  signExtend(a: Range, bits: number): Range;
  alu(width: "full" | "half", operation: BinaryOperation, a: Range, b: Range): Range;
  negate(width: "full" | "half", a: Range): Range;
  /** False only if the test is true of no members of a and b. */
  possible(width: "full" | "half", test: Test, a: Range, b: Range): boolean;
  /** Members of a and of b for which the test can be true; undefined if it never is. */
  assume(
    width: "full" | "half",
    test: Test,
    a: Range,
    b: Range,
  ): { readonly a: Range; readonly b: Range } | undefined;
  covers(a: Range, b: Range): boolean;
  /** Holds every member of both. */
  hull(a: Range, b: Range): Range;
  /** The members of both; undefined if there are none. */
  meet(a: Range, b: Range): Range | undefined;
  /** The members of a whose low half lies within `low`; undefined if there are none. */
  withHalf(a: Range, low: Bounds): Range | undefined;
  contains(a: Range, value: bigint): boolean;
}

function coversRange(a: Range, b: Range): boolean {
  return a === b || (coversWord(a.full, b.full) && coversWord(a.half, b.half) && a.zeros <= b.zeros);
}

export function makeRanges(full: Word, half: Word): Ranges {
  const H = half.modulus;
  const unknown: Range = { full: top(full), half: top(half), zeros: 0 };

  /** Narrows the whole by its half and the half by the whole; undefined if no number is left. */
  function combine(whole: Bounds, low: Bounds, zeros: number): Range | undefined {
    let { umin, umax, smin, smax } = whole;
    let { umin: hulo, umax: huhi, smin: hslo, smax: hshi } = low;
    // If all members share their upper half, the lower half is the difference to a constant (unsigned, then signed).
    const block = umax < H ? 0 : Math.floor(umin / H);
    const sameU = umax <= full.uLimit && (umax < H || Math.floor(umax / H) === block);
    if (sameU) {
      hulo = Math.max(hulo, umin - block * H);
      huhi = Math.min(huhi, umax - block * H);
    }
    const signedKnown = smin >= full.sLow && smax <= full.sHigh;
    const sblock = Math.floor(smin / H);
    const sameS = signedKnown && !sameU && Math.floor(smax / H) === sblock;
    if (sameS) {
      hulo = Math.max(hulo, smin - sblock * H);
      huhi = Math.min(huhi, smax - sblock * H);
    }
    // The same around zero: the half taken as signed.
    const cblock = Math.floor((smin + half.half) / H);
    const sameC = signedKnown && Math.floor((smax + half.half) / H) === cblock;
    if (sameC) {
      hslo = Math.max(hslo, smin - cblock * H);
      hshi = Math.min(hshi, smax - cblock * H);
    }
    const narrowed = tighten(half, hulo, huhi, hslo, hshi, low);
    if (narrowed === undefined) return undefined;
    if (sameU) {
      umin = Math.max(umin, block * H + narrowed.umin);
      umax = Math.min(umax, block * H + narrowed.umax);
    }
    if (sameS) {
      smin = Math.max(smin, sblock * H + narrowed.umin);
      smax = Math.min(smax, sblock * H + narrowed.umax);
    }
    if (sameC) {
      smin = Math.max(smin, cblock * H + narrowed.smin);
      smax = Math.min(smax, cblock * H + narrowed.smax);
    }
    const tight = tighten(full, umin, umax, smin, smax, whole);
    if (tight === undefined) return undefined;
    const value = constantOf(tight);
    return { full: tight, half: narrowed, zeros: value === undefined ? zeros : trailingZeros(value) };
  }

  function range(whole: Bounds, low: Bounds, zeros: number): Range {
    if (whole.smin === whole.smax) return constant(whole.smin);
    return combine(whole, low, zeros) ?? unknown;
  }

  /** Programs are full of constants: those met last are kept, each in the place of its low bits. */
  const constants = new Array<Range | undefined>(CACHED_CONSTANTS);

  function constant(value: number): Range {
    const place = value & (CACHED_CONSTANTS - 1);
    let known = constants[place];
    if (known !== undefined && constantOf(known.full) === value) return known;
    const low = value - Math.floor(value / H) * H;
    const signed = low >= half.half ? low - H : low;
    known = {
      full: constantWord(full, value),
      half: constantWord(half, signed),
      zeros: trailingZeros(value),
    };
    constants[place] = known;
    return known;
  }

  function fromHalf(low: Bounds, zeros: number): Range {
    const whole = tighten(full, low.umin, low.umax, full.sBottom, full.sTop);
    return range(whole ?? unknown.full, low, zeros);
  }

  function upTo(maximum: number): Range {
    return range(
      tighten(full, 0, maximum, full.sBottom, full.sTop) ?? unknown.full,
      unknown.half,
      maximum === 0 ? MOST_ZEROS : 0,
    );
  }

  function between(smin: number, smax: number): Range {
    return range(tighten(full, 0, full.uTop, smin, smax) ?? unknown.full, unknown.half, 0);
  }

  function fromBigInt(value: bigint): Range {
    const modulus = 1n << BigInt(full.bits);
    const unsigned = ((value % modulus) + modulus) % modulus;
    const signed = unsigned >= modulus >> 1n ? unsigned - modulus : unsigned;
    const low = Number(unsigned % BigInt(H));
    const exact = Number(signed);
    const whole =
      exact >= full.sLow && exact <= full.sHigh
        ? constantWord(full, exact)
        : tighten(
            full,
            0,
            full.uTop,
            exact < 0 ? full.sBottom : full.sHigh,
            exact < 0 ? full.sLow : full.sTop,
          );
    return range(
      whole ?? unknown.full,
      constantWord(half, low >= half.half ? low - H : low),
      trailingZeros(low),
    );
  }

  function zeroExtend(a: Range): Range {
    return fromHalf(a.half, a.zeros);
  }

  function truncate(a: Range, bits: number): Range {
    if (bits >= full.bits) return a;
    const limit = 2 ** bits;
    if (a.full.umax < limit) return a;
    if (bits === half.bits) return zeroExtend(a);
    const block = Math.floor(a.half.umin / limit);
    // Sound: where all low halves share the bits above, the rest is the difference to a constant.
    if (bits < half.bits && Math.floor(a.half.umax / limit) === block) {
      return upToFrom(a.half.umin - block * limit, a.half.umax - block * limit);
    }
    return upTo(limit - 1);
  }

  function upToFrom(umin: number, umax: number): Range {
    return range(tighten(full, umin, umax, full.sBottom, full.sTop) ?? unknown.full, unknown.half, 0);
  }

  function signExtend(a: Range, bits: number): Range {
    const limit = 2 ** (bits - 1);
    // Sound: a number that lies within the narrow signed range is its own sign extension.
    if (a.full.smin >= -limit && a.full.smax < limit) return a;
    if (bits <= half.bits && a.half.smin >= -limit && a.half.smax < limit) {
      return between(a.half.smin, a.half.smax);
    }
    const low = truncate(a, bits).full;
    if (low.umax < limit) return between(low.umin, low.umax);
    if (low.umin >= limit) return between(low.umin - 2 * limit, low.umax - 2 * limit);
    return between(-limit, limit - 1);
  }

  /** Low zero bits of a result; operations on low bits do not depend on the width. */
  function resultZeros(operation: BinaryOperation, a: Range, b: Range): number {
    switch (operation) {
      case "add":
      case "sub":
      case "or":
      case "xor":
        return Math.min(a.zeros, b.zeros);
      case "and":
        return Math.max(a.zeros, b.zeros);
      case "mul":
        return Math.min(MOST_ZEROS, a.zeros + b.zeros);
      case "lsh": {
        // A shift by an amount beyond the word is masked, so only small known amounts count.
        const known = b.full.umax < half.bits ? b.full.umin : 0;
        return Math.min(MOST_ZEROS, a.zeros + known);
      }
      default:
        return 0;
    }
  }

  /** The low half of a full-width result, as far as it follows from the low halves alone. */
  function lowHalf(operation: BinaryOperation, a: Range, b: Range): Bounds {
    switch (operation) {
      case "add":
      case "sub":
      case "mul":
      case "and":
      case "or":
      case "xor":
        return compute(half, operation, a.half, b.half);
      case "lsh":
        return b.full.umax < half.bits ? compute(half, "lsh", a.half, b.half) : unknown.half;
      default:
        return unknown.half;
    }
  }

  /** Shifting left by at least the half's width leaves only what was in the low half. */
  function shiftFromHalf(a: Range, b: Range): Bounds | undefined {
    const amount = constantOf(b.full);
    if (amount === undefined || amount < half.bits || amount >= full.bits) return undefined;
    const scale = 2 ** amount;
    const umax = a.half.umax * scale;
    const smin = a.half.smin * scale;
    const smax = a.half.smax * scale;
    const unsigned = umax <= full.uLimit;
    // As signed: the top bit of the result is a bit of the low half, so that must not be shifted out.
    const signed = amount === half.bits && smin >= full.sLow && smax <= full.sHigh;
    return tighten(
      full,
      unsigned ? a.half.umin * scale : 0,
      unsigned ? umax : full.uTop,
      signed ? smin : full.sBottom,
      signed ? smax : full.sTop,
    );
  }

  function alu(width: "full" | "half", operation: BinaryOperation, a: Range, b: Range): Range {
    const zeros = resultZeros(operation, a, b);
    if (width === "half") return fromHalf(compute(half, operation, a.half, b.half), zeros);
    const shifted = operation === "lsh" ? shiftFromHalf(a, b) : undefined;
    return range(shifted ?? compute(full, operation, a.full, b.full), lowHalf(operation, a, b), zeros);
  }

  const zero = constant(0);

  function possible(width: "full" | "half", test: Test, a: Range, b: Range): boolean {
    const word = width === "full" ? full : half;
    return (
      restrict(word, test, a[width], b[width]) !== undefined &&
      restrict(word, SWAPPED[test], b[width], a[width]) !== undefined
    );
  }

  function assume(width: "full" | "half", test: Test, a: Range, b: Range) {
    const word = width === "full" ? full : half;
    const left = restrict(word, test, a[width], b[width]);
    const right = restrict(word, SWAPPED[test], b[width], a[width]);
    if (left === undefined || right === undefined) return undefined;
    const equal = test === "eq";
    if (!equal && sameBounds(left, a[width]) && sameBounds(right, b[width])) return { a, b };
    let leftHalf = width === "half" ? left : a.half;
    let rightHalf = width === "half" ? right : b.half;
    if (equal && width === "full") {
      const low = restrict(half, "eq", leftHalf, rightHalf);
      if (low === undefined) return undefined;
      leftHalf = low;
      rightHalf = low;
    }
    const zeros = Math.max(a.zeros, b.zeros);
    const newA = combine(width === "full" ? left : a.full, leftHalf, equal ? zeros : a.zeros);
    const newB = combine(width === "full" ? right : b.full, rightHalf, equal ? zeros : b.zeros);
    return newA === undefined || newB === undefined ? undefined : { a: newA, b: newB };
  }

  function withHalf(a: Range, low: Bounds): Range | undefined {
    const narrowed = restrict(half, "eq", a.half, low);
    return narrowed === undefined ? undefined : combine(a.full, narrowed, a.zeros);
  }

  return {
    unknown,
    hull: (a, b) =>
      coversRange(a, b)
        ? a
        : {
            full: hullWord(a.full, b.full),
            half: hullWord(a.half, b.half),
            zeros: Math.min(a.zeros, b.zeros),
          },
    meet: (a, b) => assume("full", "eq", a, b)?.a,
    withHalf,
    constant,
    fromBigInt,
    upTo,
    between,
    zeroExtend,
    truncate,
    signExtend,
    alu,
    negate: (width, a) => alu(width, "sub", zero, a),
    possible,
    assume,
    covers: coversRange,
    contains: (a, value) =>
      containsWord(full, a.full, value) &&
      containsWord(half, a.half, value % BigInt(H)) &&
      value % BigInt(2 ** a.zeros) === 0n,
  };
}

/** 64-bit numbers with bounds up to 2^53 - 1 and 32-bit halves: what the verifier reckons with. */
export const ranges: Ranges = makeRanges(clampedWord(64, Number.MAX_SAFE_INTEGER), exactWord(32));

/** The one 64-bit value as a signed number, if there is only one and it is within +-(2^53 - 1). */
export function constantValue(a: Range): number | undefined {
  return constantOf(a.full);
}

/** Any unsigned number of that many bytes: 1, 2, 4 or 8. */
export function unsignedOf(sizeBytes: number): Range {
  return sizeBytes === 8 ? ranges.unknown : ranges.upTo(2 ** (8 * sizeBytes) - 1);
}
