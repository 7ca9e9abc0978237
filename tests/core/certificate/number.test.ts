// The checker's arithmetic against RFC 9669: whatever concrete numbers lie within the operands, the result lies within
// what the checker says. Every interval of small words; random 64-bit numbers with bounds around them.
import test, { type ExecutionContext } from "ava";
import {
  compute,
  FULL,
  type Interval,
  LOW,
  type Operation,
  restrict,
  TESTS,
  type Test,
  tight,
  type Word,
  wordOf,
} from "../../../core/certificate/interval.ts";
import {
  arithmetic,
  combine,
  compare,
  linked,
  literal,
  MOST_DELTA,
  type NumberValue,
  related,
  signExtended,
  truncated,
  zeroExtended,
} from "../../../core/certificate/number.ts";
import { generator } from "../../harness/mutate.ts";
import { evaluate, holds } from "../verifier/domain/semantics.ts";

const OPERATIONS: readonly Operation[] = [
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
const ALL_TESTS = Object.keys(TESTS) as readonly Test[];

function isIn(bits: number, { u0, u1, s0, s1 }: Interval, value: bigint): boolean {
  const signed = BigInt.asIntN(bits, value);
  return value >= u0 && value <= u1 && signed >= s0 && signed <= s1;
}

/** A word of which all bounds are kept, and one that forgets what is beyond a limit, as 32 and 64 bits do. */
const WORDS: Readonly<Record<string, Word>> = {
  exact: wordOf(3),
  clamped: wordOf(4, 3),
};

/** Every interval of the word, with its members. */
function intervals(word: Word): { interval: Interval; members: readonly bigint[] }[] {
  const found = new Map<string, Interval>();
  const half = word.modulus / 2;
  for (let u0 = 0; u0 < word.modulus; u0++) {
    for (let u1 = u0; u1 < word.modulus; u1++) {
      for (let s0 = -half; s0 < half; s0++) {
        for (let s1 = s0; s1 < half; s1++) {
          const interval = tight(word, u0, u1, s0, s1);
          if (interval !== undefined)
            found.set(JSON.stringify(Object.values(interval).map(String)), interval);
        }
      }
    }
  }
  const all = Array.from({ length: word.modulus }, (_, at) => BigInt(at));
  return [...found.values()].map((interval) => ({
    interval,
    members: all.filter((value) => isIn(word.bits, interval, value)),
  }));
}

for (const [name, word] of Object.entries(WORDS)) {
  const list = intervals(word);

  test(`every operation on every interval of the ${name} word`, (t) => {
    t.true(list.length > 20, `${list.length}`);
    let wrong = 0;
    for (const operation of OPERATIONS) {
      for (const a of list) {
        for (const b of list) {
          const result = compute(word, operation, a.interval, b.interval);
          for (const x of a.members) {
            for (const y of b.members) {
              if (!isIn(word.bits, result, evaluate(operation, word.bits, x, y))) wrong += 1;
            }
          }
        }
      }
      t.is(wrong, 0, operation);
    }
  });

  test(`every test on every interval of the ${name} word`, (t) => {
    for (const one of ALL_TESTS) {
      let wrong = 0;
      for (const a of list) {
        for (const b of list) {
          const result = restrict(word, one, a.interval, b.interval);
          for (const x of a.members) {
            const passes = b.members.some((y) => holds(one, word.bits, x, y));
            if (passes && (result === undefined || !isIn(word.bits, result, x))) wrong += 1;
          }
        }
      }
      t.is(wrong, 0, one);
    }
  });
}

type Next = (below: number) => number;

function anyWord(next: Next): bigint {
  const small = BigInt(next(64)) - 32n;
  const edges = [0n, 1n << 31n, 1n << 32n, 1n << 53n, 1n << 63n, -(1n << 31n), -(1n << 53n)];
  switch (next(4)) {
    case 0:
      return BigInt.asUintN(64, small);
    case 1:
      return BigInt.asUintN(64, (edges[next(edges.length)] ?? 0n) + small);
    case 2:
      return BigInt(next(2 ** 31)) * 2n + BigInt(next(2));
    default:
      return BigInt.asUintN(64, (BigInt(next(2 ** 31)) << 33n) ^ (BigInt(next(2 ** 31)) << 7n) ^ small);
  }
}

/** Bounds of the word around a value, or none. */
function around(next: Next, word: Word, value: bigint): Interval {
  const unsigned = Number(BigInt.asUintN(word.bits, value));
  const signed = Number(BigInt.asIntN(word.bits, value));
  const slack = () => [0, 1, 7, 300, 2 ** 20, 2 ** 33][next(6)] ?? 0;
  const bounded = Math.abs(signed) < 2 ** 53 && unsigned < 2 ** 53;
  const result = tight(
    word,
    next(3) === 0 || !bounded ? 0 : Math.max(0, unsigned - slack()),
    next(3) === 0 || !bounded ? word.noUnsigned : unsigned + slack(),
    next(3) === 0 || Math.abs(signed) >= 2 ** 53 ? word.noLow : signed - slack(),
    next(3) === 0 || Math.abs(signed) >= 2 ** 53 ? word.noHigh : signed + slack(),
  );
  return result ?? word.any;
}

function isNumber(number: NumberValue, value: bigint): boolean {
  return (
    isIn(64, number.full, value) &&
    isIn(32, number.low, BigInt.asUintN(32, value)) &&
    value % BigInt(2 ** number.zeros) === 0n
  );
}

function numberOf(t: ExecutionContext, next: Next, value: bigint): NumberValue {
  if (next(4) === 0) return literal(value);
  const zeros = value % 8n === 0n ? next(4) : 0;
  const number = combine(around(next, FULL, value), around(next, LOW, value), zeros);
  if (number === undefined || !isNumber(number, value)) {
    t.fail(`bounds around ${value} do not hold it`);
    throw new Error("bounds");
  }
  return number;
}

const CASES = 150_000;

test("random numbers: arithmetic, extensions, comparisons, links", (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  const next = generator(seed);
  const wrong: string[] = [];
  const expect = (what: string, number: NumberValue | undefined, value: bigint, ...from: bigint[]): void => {
    if (number === undefined || !isNumber(number, value))
      wrong.push(`${what} of ${from.join(", ")}: ${value}`);
  };
  for (let count = 0; count < CASES && wrong.length === 0; count++) {
    const x = anyWord(next);
    const y = next(5) === 0 ? x : anyWord(next);
    const a = numberOf(t, next, x);
    const b = numberOf(t, next, y);
    const operation = OPERATIONS[next(OPERATIONS.length)] ?? "add";
    const bits = next(2) === 0 ? 32 : 64;
    const low = (value: bigint) => BigInt.asUintN(bits, value);
    expect(
      operation,
      arithmetic(bits, operation, a, b, false),
      evaluate(operation, bits, low(x), low(y)),
      x,
      y,
    );
    const shifted = arithmetic(64, "lsh", a, literal(32n), false);
    expect("lsh rsh", arithmetic(64, "rsh", shifted, literal(32n), false), BigInt.asUintN(32, x), x);
    const extension = BigInt.asUintN(64, BigInt.asIntN(32, x));
    expect("lsh arsh", arithmetic(64, "arsh", shifted, literal(32n), false), extension, x);
    expect("zero extension", zeroExtended(a), BigInt.asUintN(32, x), x);
    const width = [8, 16, 32][next(3)] ?? 8;
    expect(`truncated ${width}`, truncated(a, width), BigInt.asUintN(width, x), x);
    expect(`extended ${width}`, signExtended(a, width), BigInt.asUintN(64, BigInt.asIntN(width, x)), x);
    const one = ALL_TESTS[next(ALL_TESTS.length)] ?? "eq";
    if (holds(one, bits, low(x), low(y))) {
      const both = compare(bits, one, a, b);
      expect(`${one} ${bits}, left`, both?.[0], x, x, y);
      expect(`${one} ${bits}, right`, both?.[1], y, x, y);
    }
    linkCase(t, next, x, expect);
  }
  t.deepEqual(wrong, []);
});

/** Two numbers with one X: what becomes known of one must not rule out the other. */
function linkCase(
  t: ExecutionContext,
  next: Next,
  x: bigint,
  expect: (what: string, number: NumberValue | undefined, value: bigint, ...from: bigint[]) => void,
): void {
  const link = () => {
    const delta = next(3) === 0 ? next(2 ** 31) - 2 ** 30 : next(2) === 0 ? 0 : MOST_DELTA - next(9);
    const extended = next(2) === 0;
    const sum = BigInt.asUintN(64, x + BigInt(delta));
    const value = extended ? BigInt.asUintN(32, sum) : sum;
    return { value, number: linked(numberOf(t, next, value), 1, delta, extended) };
  };
  const old = link();
  const other = link();
  if (old.number.id === 0 || other.number.id === 0) return;
  const now = compare(64, "eq", old.number, numberOf(t, next, old.value))?.[0];
  expect("narrowed", now, old.value, x);
  if (now !== undefined) expect("related", related(old.number, now, other.number), other.value, x, old.value);
}
