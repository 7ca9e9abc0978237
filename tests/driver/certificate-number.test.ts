// Numbers of the driver's certificate checker: the same bounds, zero bits and links as the core's, from any operands.
import test from "ava";
import type { Operation, Test } from "../../core/certificate/interval.ts";
import {
  anyOfSize,
  arithmetic,
  between,
  compare,
  constant,
  fromLow,
  linked,
  literal,
  type NumberValue,
  related,
  signExtended,
  truncated,
  unknown,
  unsignedBetween,
} from "../../core/certificate/number.ts";
import { library, share } from "../harness/driver.ts";
import { generator } from "../harness/mutate.ts";

/** By number in driver/certificate/interval.h. */
const OPERATIONS: readonly Operation[] = [
  ...(["add", "sub", "mul", "div", "sdiv", "or", "and", "lsh", "rsh", "mod", "smod", "xor", "arsh"] as const),
];
const TESTS: readonly Test[] = [
  ...(["eq", "ne", "set", "clear", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle"] as const),
];

// What returns a struct is given the place for it, before all else.
const compute = library.func("void NumberCompute(_Out_ void*, uint32, int, const void*, const void*)");
const signExtend = library.func("void NumberSignExtended(_Out_ void*, const void*, uint32)");
const truncate = library.func("void NumberTruncated(_Out_ void*, const void*, uint32)");
const compareNumbers = library.func(
  "bool NumberCompare(uint32, int, const void*, const void*, _Out_ void*, _Out_ void*)",
);
const relate = library.func("bool NumberRelated(const void*, const void*, const void*, _Out_ void*)");

const BYTES = 88;
/** INTERVAL_NONE. */
const NONE = 2 ** 61;

const place = (): Uint8Array => new Uint8Array(BYTES);

/** A CHECK_NUMBER; what it was shifted from is left out. */
function structOf({ full, low, delta, id, zeros, extended }: NumberValue): Uint8Array {
  const bytes = place();
  const view = new DataView(bytes.buffer);
  const bounds = [full, low].flatMap(({ u0, u1, s0, s1 }) => [u0, u1, s0, s1]);
  for (const [at, bound] of bounds.entries()) {
    view.setBigInt64(8 * at, BigInt(Number.isFinite(bound) ? bound : Math.sign(bound) * NONE), true);
  }
  view.setBigInt64(64, BigInt(delta), true);
  view.setUint32(72, id, true);
  view.setUint8(80, zeros);
  view.setUint8(81, extended ? 1 : 0);
  return bytes;
}

/** The words of a struct, without its padding. */
function told(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer);
  const bounds = Array.from({ length: 9 }, (_, at) => view.getBigInt64(8 * at, true));
  return [...bounds, view.getUint32(72, true), view.getUint8(80), view.getUint8(81)].join(" ");
}

const toldOf = (value: NumberValue | undefined): string =>
  value === undefined ? "none" : told(structOf(value));

const EDGES = [
  0,
  1,
  2,
  7,
  8,
  31,
  32,
  63,
  64,
  255,
  256,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 40,
  2 ** 53 - 1,
];

class Numbers {
  readonly next: (below: number) => number;

  constructor(seed: number) {
    this.next = generator(seed);
  }

  edge(): number {
    const edge = (EDGES[this.next(EDGES.length)] ?? 0) + this.next(3) - 1;
    const near = this.next(4) === 0 ? this.next(2 ** 30) * (1 + this.next(2 ** 20)) : edge;
    return Math.max(Math.min(this.next(2) === 0 ? near : -near, 2 ** 53 - 1), 1 - 2 ** 53);
  }

  plain(): NumberValue {
    const [a, b] = [this.edge(), this.edge()];
    const [least, most] = [Math.min(a, b), Math.max(a, b)];
    switch (this.next(8)) {
      case 0:
        return unknown();
      case 1:
      case 2:
        return constant(a);
      case 3:
        return literal((BigInt(this.next(2 ** 31)) << 33n) | BigInt(this.next(2 ** 31)));
      case 4:
        return anyOfSize([1, 2, 4][this.next(3)] ?? 8, this.next(2) === 0);
      case 5:
        return unsignedBetween(Math.min(Math.abs(a), Math.abs(b)), Math.max(Math.abs(a), Math.abs(b)));
      case 6: {
        const low = [Math.abs(a) % 2 ** 32, Math.abs(b) % 2 ** 32].sort((x, y) => x - y);
        return fromLow({ u0: low[0] ?? 0, u1: low[1] ?? 0, s0: -(2 ** 31), s1: 2 ** 31 - 1 });
      }
      default:
        return between(least, most);
    }
  }

  /** One that arithmetic and tests have made, with a link. */
  any(): NumberValue {
    let value = this.plain();
    for (let count = this.next(3); count > 0; count--) {
      const other = this.plain();
      if (this.next(2) === 0) value = arithmetic(this.bits(), this.operation(), value, other, false);
      else value = compare(this.bits(), this.test(), value, other)?.[0] ?? value;
    }
    // Without what it was shifted from, which the driver keeps elsewhere.
    value = linked(value, this.next(3), this.next(9) - 4, value.full.u1 < 2 ** 32 && this.next(2) === 0);
    return value.id === 0 ? { ...value, shifted: undefined } : value;
  }

  bits(): 32 | 64 {
    return this.next(2) === 0 ? 32 : 64;
  }

  operation(): Operation {
    return OPERATIONS[this.next(OPERATIONS.length)] ?? "add";
  }

  test(): Test {
    return TESTS[this.next(TESTS.length)] ?? "eq";
  }
}

const CASES = share(30_000);

test("arithmetic", (t) => {
  const numbers = new Numbers(1);
  for (let count = 0; count < CASES; count++) {
    const [a, b, bits, operation] = [numbers.any(), numbers.any(), numbers.bits(), numbers.operation()];
    const own = place();
    compute(own, bits, OPERATIONS.indexOf(operation), structOf(a), structOf(b));
    const core = toldOf(arithmetic(bits, operation, a, b, false));
    if (told(own) === core) continue;
    return t.is(told(own), core, `${operation}${bits}: ${toldOf(a)}, ${toldOf(b)}`);
  }
  t.pass();
});

test("comparisons", (t) => {
  const numbers = new Numbers(2);
  for (let count = 0; count < CASES; count++) {
    const [a, b, bits, name] = [numbers.any(), numbers.any(), numbers.bits(), numbers.test()];
    const [left, right] = [place(), place()];
    const holds = compareNumbers(bits, TESTS.indexOf(name), structOf(a), structOf(b), left, right);
    const core = compare(bits, name, a, b);
    const own = holds ? `${told(left)}, ${told(right)}` : "none";
    const expected = core === undefined ? "none" : `${toldOf(core[0])}, ${toldOf(core[1])}`;
    if (own !== expected) return t.is(own, expected, `${name}${bits}: ${toldOf(a)}, ${toldOf(b)}`);
  }
  t.pass();
});

test("extensions, truncations, and what follows of links", (t) => {
  const numbers = new Numbers(3);
  for (let count = 0; count < CASES; count++) {
    const a = numbers.any();
    const size = [8, 16, 32][numbers.next(3)] ?? 8;
    const own = place();
    signExtend(own, structOf(a), size);
    if (told(own) !== toldOf(signExtended(a, size)))
      return t.is(told(own), toldOf(signExtended(a, size)), toldOf(a));
    truncate(own, structOf(a), size);
    if (told(own) !== toldOf(truncated(a, size)))
      return t.is(told(own), toldOf(truncated(a, size)), toldOf(a));
    const [other, limit] = [numbers.any(), numbers.any()];
    const now = compare(numbers.bits(), numbers.test(), a, limit)?.[0];
    if (now === undefined || a.id === 0 || other.id === 0) continue;
    const expected = toldOf(related(a, now, other));
    const answer = relate(structOf(a), structOf(now), structOf(other), own) ? told(own) : "none";
    if (answer !== expected) return t.is(answer, expected, `${toldOf(a)}, ${toldOf(now)}, ${toldOf(other)}`);
  }
  t.pass();
});
