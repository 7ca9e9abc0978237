// Ranges against all concrete numbers of a small word: 5 bits whose bounds beyond 11 are forgotten, with a low half of 3.
// Every operation, comparison, extension, join and cover, on every pair of some hundred ranges, with every member.
import assert from "node:assert/strict";
import {
  type BinaryOperation,
  clampedWord,
  compute,
  exactWord,
  NEGATION,
  restrict,
  type Test,
  tighten,
} from "../../../../core/verifier/domain/interval.ts";
import { makeRanges, type Range } from "../../../../core/verifier/domain/range.ts";
import { generator } from "../../../harness/mutate.ts";
import type { Law } from "./law.ts";
import { evaluate, holds } from "./semantics.ts";

export const SMALL_LAWS: Law[] = [];

function law(name: string, check: () => void): void {
  SMALL_LAWS.push({ name: `5 bits: ${name}`, check });
}

const FULL = clampedWord(5, 11);
const HALF = exactWord(3);
const r = makeRanges(FULL, HALF);
const VALUES = Array.from({ length: 32 }, (_, value) => value);

function signed(value: number, bits: number): number {
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

/** As `contains`, on numbers. */
function within({ full, half, zeros }: Range, value: number): boolean {
  const s = signed(value, 5);
  const low = value % 8;
  const lowSigned = signed(low, 3);
  return (
    value >= full.umin &&
    value <= full.umax &&
    s >= full.smin &&
    s <= full.smax &&
    low >= half.umin &&
    low <= half.umax &&
    lowSigned >= half.smin &&
    lowSigned <= half.smax &&
    value % 2 ** zeros === 0
  );
}

interface Row {
  readonly range: Range;
  readonly members: readonly number[];
}

/** Distinct ranges: constants, intervals of both views, with some of their low half cut off or some bits known to be 0. */
function makeRows(count: number): Row[] {
  const next = generator(5);
  const rows = new Map<string, Row>();
  const add = (range: Range | undefined): void => {
    if (range === undefined) return;
    const members = VALUES.filter((value) => within(range, value));
    if (members.length > 0) rows.set(JSON.stringify(range), { range, members });
  };
  add(r.unknown);
  for (const value of VALUES) add(r.fromBigInt(BigInt(value)));
  while (rows.size < count) {
    const low = next(32);
    const high = low + next(32 - low);
    const bounds =
      next(2) === 0
        ? tighten(FULL, low, high, FULL.sBottom, FULL.sTop)
        : tighten(FULL, 0, FULL.uTop, low - 16, high - 16);
    let range = bounds && r.meet({ ...r.unknown, full: bounds }, r.unknown);
    if (range === undefined) continue;
    if (next(2) === 0) {
      const from = next(8);
      const half = tighten(HALF, from, from + next(8 - from), HALF.sBottom, HALF.sTop);
      range = half && r.withHalf(range, half);
    }
    if (range !== undefined && next(4) === 0) {
      range = r.alu("full", "lsh", range, r.constant(1 + next(3)));
    }
    add(range);
  }
  return [...rows.values()];
}

const rows = makeRows(130);

function mustHold(range: Range, values: Iterable<number>, what: () => string): void {
  for (const value of values) {
    if (!within(range, value)) assert.fail(`${what()}: ${value} is not in ${JSON.stringify(range)}`);
  }
}

function show(...list: readonly Row[]): string {
  return list.map(({ range }) => JSON.stringify(range)).join(" and ");
}

/** [a][b] -> f of the operands at that width, as the whole word holds them. */
function tableOf<T>(width: "full" | "half", f: (bits: number, a: bigint, b: bigint) => T): T[][] {
  const bits = width === "full" ? 5 : 3;
  const cut = (value: number): bigint => BigInt.asUintN(bits, BigInt(value));
  return VALUES.map((a) => VALUES.map((b) => f(bits, cut(a), cut(b))));
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
const TESTS = Object.keys(NEGATION) as Test[];

law("extensions contain every concrete result", () => {
  for (const row of rows) {
    mustHold(
      r.zeroExtend(row.range),
      row.members.map((x) => x % 8),
      () => `zeroExtend ${show(row)}`,
    );
    for (let bits = 1; bits <= 5; bits++) {
      const low = row.members.map((x) => x % 2 ** bits);
      mustHold(r.truncate(row.range, bits), low, () => `truncate ${bits} ${show(row)}`);
      const wide = low.map((x) => Number(BigInt.asUintN(5, BigInt(signed(x, bits)))));
      mustHold(r.signExtend(row.range, bits), wide, () => `signExtend ${bits} ${show(row)}`);
    }
  }
});

law(
  "what covers holds every member; hull holds those of both, meet those in both, half those with that half",
  () => {
    for (const a of rows) {
      for (const b of rows) {
        if (r.covers(a.range, b.range)) mustHold(a.range, b.members, () => `covers ${show(a, b)}`);
        const both = r.hull(a.range, b.range);
        mustHold(both, [...a.members, ...b.members], () => `hull ${show(a, b)}`);
        assert.ok(r.covers(both, a.range) && r.covers(both, b.range), show(a, b));
        const shared = a.members.filter((x) => b.members.includes(x));
        const met = r.meet(a.range, b.range);
        if (met === undefined) assert.equal(shared.length, 0, show(a, b));
        else mustHold(met, shared, () => `meet ${show(a, b)}`);
        const alike = a.members.filter((x) => b.members.some((y) => x % 8 === y % 8));
        const half = r.withHalf(a.range, b.range.half);
        if (half === undefined) assert.equal(alike.length, 0, show(a, b));
        else mustHold(half, alike, () => `withHalf ${show(a, b)}`);
      }
    }
  },
);

for (const width of ["full", "half"] as const) {
  for (const operation of OPERATIONS) {
    law(`${operation} of the ${width} contains every concrete result`, () => {
      const table = tableOf(width, (bits, a, b) => Number(evaluate(operation, bits, a, b)));
      for (const a of rows) {
        for (const b of rows) {
          const results = new Set(a.members.flatMap((x) => b.members.map((y) => table[x]?.[y] ?? 0)));
          const range = r.alu(width, operation, a.range, b.range);
          mustHold(range, results, () => `${operation} of ${show(a, b)}`);
        }
      }
    });
  }

  for (const condition of TESTS) {
    law(`${condition} of the ${width} keeps whatever can satisfy it, on both sides`, () => {
      const table = tableOf(width, (bits, a, b) => holds(condition, bits, a, b));
      for (const a of rows) {
        for (const b of rows) {
          const left = a.members.filter((x) => b.members.some((y) => table[x]?.[y]));
          const right = b.members.filter((y) => a.members.some((x) => table[x]?.[y]));
          const what = (): string => `${condition} of ${show(a, b)}`;
          const known = r.assume(width, condition, a.range, b.range);
          if (left.length > 0) {
            assert.ok(r.possible(width, condition, a.range, b.range), what());
            assert.ok(known, what());
          }
          if (known === undefined) continue;
          mustHold(known.a, left, what);
          mustHold(known.b, right, what);
        }
      }
    });
  }

  law(`the negation of the ${width}`, () => {
    const bits = width === "full" ? 5 : 3;
    for (const row of rows) {
      const results = row.members.map((x) => Number(BigInt.asUintN(bits, -BigInt(x))));
      mustHold(r.negate(width, row.range), results, () => show(row));
    }
  });
}

/** Of all pairs of unsigned intervals of an exact word: how often are the unsigned bounds the least that are sound? */
function exactShare(make: (a: readonly number[], b: readonly number[]) => boolean | undefined): number {
  let exact = 0;
  let all = 0;
  for (let a = 0; a < 64; a++) {
    for (let b = 0; b < 64; b++) {
      const [al, ah, bl, bh] = [a >> 3, a & 7, b >> 3, b & 7];
      if (al > ah || bl > bh) continue;
      const answer = make([al, ah], [bl, bh]);
      if (answer === undefined) continue;
      all += 1;
      if (answer) exact += 1;
    }
  }
  return exact / all;
}

const boundsOf = ([low = 0, high = 0]: readonly number[]) =>
  tighten(HALF, low, high, HALF.sBottom, HALF.sTop);
const between = ([low = 0, high = 0]: readonly number[]): number[] =>
  Array.from({ length: high - low + 1 }, (_, index) => low + index);

law(
  "ordered comparisons of unsigned intervals lose nothing; sums and differences only where they wrap in part",
  () => {
    for (const condition of ["ugt", "uge", "ult", "ule", "eq"] as const) {
      const share = exactShare((a, b) => {
        const left = between(a).filter((x) =>
          between(b).some((y) => holds(condition, 3, BigInt(x), BigInt(y))),
        );
        const [x, y] = [boundsOf(a), boundsOf(b)];
        const found = x && y && restrict(HALF, condition, x, y);
        if (left.length === 0) return found === undefined;
        return found?.umin === Math.min(...left) && found.umax === Math.max(...left);
      });
      assert.equal(share, 1, condition);
    }
    for (const operation of ["add", "sub"] as const) {
      const share = exactShare((a, b) => {
        const results = between(a).flatMap((x) =>
          between(b).map((y) => Number(evaluate(operation, 3, BigInt(x), BigInt(y)))),
        );
        const raw = between(a).flatMap((x) => between(b).map((y) => (operation === "add" ? x + y : x - y)));
        const wraps = raw.map((value) => Math.floor(value / 8));
        if (new Set(wraps).size > 1) return undefined;
        const [x, y] = [boundsOf(a), boundsOf(b)];
        const found = x && y && compute(HALF, operation, x, y);
        return found?.umin === Math.min(...results) && found.umax === Math.max(...results);
      });
      assert.equal(share, 1, operation);
    }
  },
);
