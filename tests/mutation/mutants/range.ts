// Mistakes in ranges: a number and its low half, zero and sign extension, alignment.
import { mutantsOf } from "./table.ts";

export const RANGE_MUTANTS = mutantsOf("domain/range.ts", [
  {
    name: "the low half follows from the whole even if the upper halves differ",
    find: "const sameU = umax <= full.uLimit && (umax < H || Math.floor(umax / H) === block);",
    replace: "const sameU = umax <= full.uLimit;",
    note: "the low half of 0..2^32 can be anything",
  },
  {
    name: "the same of signed bounds",
    find: "const sameS = signedKnown && !sameU && Math.floor(smax / H) === sblock;",
    replace: "const sameS = signedKnown && !sameU;",
    note: "the low half of -1..2^32 can be anything",
  },
  {
    name: "the same of the half taken as signed",
    find: "const sameC = signedKnown && Math.floor((smax + half.half) / H) === cblock;",
    replace: "const sameC = signedKnown;",
    note: "the low half of 0..2^32 can be negative",
  },
  {
    name: "32-bit results are sign-extended",
    find: "const whole = tighten(full, low.umin, low.umax, full.sBottom, full.sTop);",
    replace: "const whole = tighten(full, 0, full.uTop, low.smin, low.smax);",
    note: "a sub-register write clears the upper half",
  },
  {
    name: "truncation takes the low bits of both bounds",
    find: "if (bits < half.bits && Math.floor(a.half.umax / limit) === block) {",
    replace: "if (bits < half.bits) {",
    note: "0xff..0x101 as a byte can be 0",
  },
  {
    name: "truncation keeps 2^n",
    find: "if (a.full.umax < limit) return a;",
    replace: "if (a.full.umax <= limit) return a;",
    note: "256 as a byte is 0",
  },
  {
    name: "a forgotten sign extension",
    find: "if (a.full.smin >= -limit && a.full.smax < limit) return a;",
    replace: "if (a.full.umax < 2 * limit) return a;",
    note: "255 as a signed byte is -1",
  },
  {
    name: "2^(n-1) is its own sign extension",
    find: "if (low.umax < limit) return between(low.umin, low.umax);",
    replace: "if (low.umax <= limit) return between(low.umin, low.umax);",
    note: "128 as a signed byte is -128",
  },
  {
    name: "a sum is as aligned as the better aligned operand",
    find: 'return Math.min(a.zeros, b.zeros);\n      case "and":',
    replace: 'return Math.max(a.zeros, b.zeros);\n      case "and":',
    note: "8 + 1 is odd",
  },
  {
    name: "a shift left clears as many bits as its largest amount",
    find: "const known = b.full.umax < half.bits ? b.full.umin : 0;",
    replace: "const known = b.full.umax < half.bits ? b.full.umax : 0;",
    note: "the amount may be 0",
  },
  {
    name: "a product is as aligned as the squares would be",
    find: "return Math.min(MOST_ZEROS, a.zeros + b.zeros);",
    replace: "return Math.min(MOST_ZEROS, a.zeros + b.zeros + 1);",
    note: "3 * 5 is odd",
  },
  {
    name: "the low half of a 64-bit shift is the shift of the low half",
    find: 'return b.full.umax < half.bits ? compute(half, "lsh", a.half, b.half) : unknown.half;',
    replace: 'return compute(half, "lsh", a.half, b.half);',
    note: "a shift by 40 leaves no bit of the low half in it",
  },
  {
    name: "the low half of a 64-bit shift right is that of the low half",
    find: 'case "xor":\n        return compute(half, operation, a.half, b.half);',
    replace: 'case "xor":\n      case "rsh":\n        return compute(half, operation, a.half, b.half);',
    note: "bits of the upper half come down",
  },
  {
    name: "the right side of a comparison is narrowed like the left one",
    find: "const right = restrict(word, SWAPPED[test], b[width], a[width]);",
    replace: "const right = restrict(word, test, b[width], a[width]);",
    note: "in a < b it is b that is greater",
  },
  {
    name: "a 32-bit comparison narrows the whole",
    find: 'const newA = combine(width === "full" ? left : a.full, leftHalf,',
    replace: "const newA = combine({ ...a.full, umax: Math.min(a.full.umax, left.umax) }, leftHalf,",
    note: "it tells nothing of the upper half",
  },
  {
    name: "a 32-bit comparison narrows the whole of the right side",
    find: 'const newB = combine(width === "full" ? right : b.full, rightHalf,',
    replace: "const newB = combine({ ...b.full, umax: Math.min(b.full.umax, right.umax) }, rightHalf,",
    note: "it tells nothing of the upper half",
  },
  {
    name: "what is compared is as aligned as what it is compared with",
    find: "leftHalf, equal ? zeros : a.zeros);",
    replace: "leftHalf, zeros);",
    note: "only equal numbers are aligned alike",
  },
  {
    name: "hull keeps the better alignment",
    find: "zeros: Math.min(a.zeros, b.zeros),",
    replace: "zeros: Math.max(a.zeros, b.zeros),",
    note: "a join that drops a case",
  },
  {
    name: "hull keeps the low half of one side",
    find: "half: hullWord(a.half, b.half),",
    replace: "half: a.half,",
    note: "a join that drops a case",
  },
  {
    name: "covers does not look at alignment",
    find: "&& coversWord(a.half, b.half) && a.zeros <= b.zeros);",
    replace: "&& coversWord(a.half, b.half));",
    note: "a path with an unaligned number is not followed",
  },
  {
    name: "covers does not look at the low half",
    find: "(coversWord(a.full, b.full) && coversWord(a.half, b.half) &&",
    replace: "(coversWord(a.full, b.full) &&",
    note: "a path with another low half is not followed",
  },
  {
    name: "a 32-bit negation is one of 64 bits",
    find: 'negate: (width, a) => alu(width, "sub", zero, a),',
    replace: 'negate: (_width, a) => alu("full", "sub", zero, a),',
    note: "a sub-register write clears the upper half",
  },
  {
    name: "loads are one bit smaller than they are",
    find: "ranges.upTo(2 ** (8 * sizeBytes) - 1)",
    replace: "ranges.upTo(2 ** (8 * sizeBytes - 1) - 1)",
    note: "a byte goes up to 255",
  },
  {
    name: "bounds beyond 2^53 are kept as doubles",
    find: "clampedWord(64, Number.MAX_SAFE_INTEGER)",
    replace: "clampedWord(64, 2 ** 62)",
    note: "2^53 + 1 is no double",
  },
]);
