// Ranges (a whole and its low half together) against concrete numbers: chains of random operations carry, beside each
// range, numbers that it must contain. On 8-bit numbers with 4-bit halves, where edges are near, and on 64-bit ones.
import fc from "fast-check";
import {
  type BinaryOperation,
  clampedWord,
  exactWord,
  type Test,
} from "../../../../core/verifier/domain/interval.ts";
import { makeRanges, type Range, type Ranges, ranges } from "../../../../core/verifier/domain/range.ts";
import type { Law } from "./law.ts";
import { evaluate, holds } from "./semantics.ts";

export const RANGE_LAWS: Law[] = [];

function law(name: string, check: () => void): void {
  RANGE_LAWS.push({ name, check });
}

const OPERATIONS: readonly BinaryOperation[] = [
  "add",
  "sub",
  "mul",
  "div",
  "sdiv",
  "or",
  "and",
  "lsh",
  "rsh",
  "mod",
  "smod",
  "xor",
  "arsh",
];
const TESTS: readonly Test[] = [
  "eq",
  "ne",
  "set",
  "clear",
  "ugt",
  "uge",
  "ult",
  "ule",
  "sgt",
  "sge",
  "slt",
  "sle",
];

interface Subject {
  readonly range: Range;
  readonly members: readonly bigint[];
}

interface Step {
  readonly what: number;
  readonly left: number;
  readonly right: number;
  readonly values: readonly bigint[];
}

interface Domain {
  readonly ranges: Ranges;
  readonly bits: number;
  readonly half: number;
  /** What numbers are drawn from. */
  readonly number: fc.Arbitrary<bigint>;
}

const EDGES_64 = [
  0n,
  1n,
  7n,
  8n,
  31n,
  32n,
  63n,
  64n,
  255n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
];
const LARGE_64 = [2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 8n];

const DOMAINS: Readonly<Record<string, Domain>> = {
  "8 bits": {
    ranges: makeRanges(clampedWord(8, 63), exactWord(4)),
    bits: 8,
    half: 4,
    number: fc.bigInt(0n, 255n),
  },
  "16 bits": {
    ranges: makeRanges(clampedWord(16, 2 ** 13 - 1), exactWord(8)),
    bits: 16,
    half: 8,
    number: fc.oneof(fc.bigInt(0n, 0xffffn), fc.bigInt(0n, 300n)),
  },
  "64 bits": {
    ranges,
    bits: 64,
    half: 32,
    number: fc.oneof(
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.constantFrom(...EDGES_64, ...LARGE_64),
      fc.bigInt(0n, 300n),
      fc.bigInt(2n ** 64n - 300n, 2n ** 64n - 1n),
      fc.bigInt(0n, 2n ** 33n),
    ),
  },
};

function check(domain: Domain, subject: Subject, what: string): Subject {
  for (const member of subject.members) {
    if (!domain.ranges.contains(subject.range, member)) {
      throw new Error(`${what}: ${member} is not in ${JSON.stringify(subject.range)}`);
    }
  }
  return subject;
}

/** A range made of numbers: a constant, or what holds of all after comparisons with their least and greatest. */
function start(domain: Domain, values: readonly bigint[], signed: boolean): Subject {
  const r = domain.ranges;
  const first = values[0] ?? 0n;
  if (values.length < 2) return { range: r.fromBigInt(first), members: [first] };
  const key = (value: bigint): bigint => (signed ? BigInt.asIntN(domain.bits, value) : value);
  const sorted = [...values].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  let range = r.unknown;
  const low = r.assume("full", signed ? "sge" : "uge", range, r.fromBigInt(sorted[0] ?? 0n));
  range = low?.a ?? range;
  const high = r.assume("full", signed ? "sle" : "ule", range, r.fromBigInt(sorted.at(-1) ?? 0n));
  range = high?.a ?? range;
  return { range, members: values };
}

function apply(domain: Domain, step: Step, a: Subject, b: Subject): Subject | undefined {
  const r = domain.ranges;
  const wide = step.what % 2 === 0;
  const choice = Math.floor(step.what / 2);
  const mask = (value: bigint): bigint => BigInt.asUintN(domain.half, value);
  if (choice < OPERATIONS.length) {
    const operation = OPERATIONS[choice]!;
    const members = a.members.flatMap((x) =>
      b.members.map((y) =>
        wide ? evaluate(operation, domain.bits, x, y) : evaluate(operation, domain.half, mask(x), mask(y)),
      ),
    );
    const range = r.alu(wide ? "full" : "half", operation, a.range, b.range);
    return check(domain, { range, members }, `${a.members} ${operation} ${b.members}`);
  }
  const rest = choice - OPERATIONS.length;
  if (rest < TESTS.length) {
    const condition = TESTS[rest]!;
    const bits = wide ? domain.bits : domain.half;
    const cut = (value: bigint): bigint => (wide ? value : mask(value));
    const narrowed = r.assume(wide ? "full" : "half", condition, a.range, b.range);
    const left = a.members.filter((x) => b.members.some((y) => holds(condition, bits, cut(x), cut(y))));
    const right = b.members.filter((y) => a.members.some((x) => holds(condition, bits, cut(x), cut(y))));
    if (narrowed === undefined) {
      if (left.length > 0) throw new Error(`${condition} is possible for ${left} and ${right}`);
      return undefined;
    }
    check(domain, { range: narrowed.b, members: right }, `right of ${condition}`);
    return check(domain, { range: narrowed.a, members: left }, `left of ${condition}`);
  }
  const width = wide ? domain.half : domain.half / 2;
  if (rest === TESTS.length) {
    const members = a.members.map((x) => BigInt.asUintN(width, x));
    return check(domain, { range: r.truncate(a.range, width), members }, `truncate ${width}`);
  }
  const members = a.members.map((x) => BigInt.asUintN(domain.bits, BigInt.asIntN(width, x)));
  return check(domain, { range: r.signExtend(a.range, width), members }, `sign-extend ${width}`);
}

for (const [name, domain] of Object.entries(DOMAINS)) {
  const step = fc.record({
    what: fc.nat(2 * (OPERATIONS.length + TESTS.length + 2) - 1),
    left: fc.nat(),
    right: fc.nat(),
    values: fc.array(domain.number, { minLength: 1, maxLength: 4 }),
  });

  law(`${name}: chains of operations, tests and extensions keep every concrete number`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 12 }), (steps) => {
        const pool: Subject[] = [];
        for (const one of steps) {
          pool.push(check(domain, start(domain, one.values, one.left % 2 === 0), "start"));
          const a = pool[one.left % pool.length]!;
          const b = pool[one.right % pool.length]!;
          const next = apply(domain, one, a, b);
          if (next !== undefined) pool.push({ ...next, members: next.members.slice(0, 8) });
        }
      }),
      { numRuns: 4000 },
    );
  });

  law(`${name}: covers is reflexive, and holds only if every member is contained`, () => {
    const values = fc.array(domain.number, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(values, values, fc.boolean(), (xs, ys, signed) => {
        const a = start(domain, xs, signed);
        const b = start(domain, ys, !signed);
        if (!domain.ranges.covers(a.range, a.range)) throw new Error("not reflexive");
        if (domain.ranges.covers(a.range, b.range)) check(domain, { range: a.range, members: ys }, "covers");
        if (!domain.ranges.covers(domain.ranges.unknown, a.range)) throw new Error("unknown covers all");
      }),
      { numRuns: 2000 },
    );
  });
}
