// RFC 9669 section 4 on bigints of any width: what the domain is measured against. Written from the RFC, apart from the core.
import type { BinaryOperation, Test } from "../../../../core/verifier/domain/interval.ts";

export function signedOf(bits: number, value: bigint): bigint {
  return BigInt.asIntN(bits, value);
}

type Evaluate = (bits: number, a: bigint, b: bigint) => bigint;

const OPERATIONS: Readonly<Record<BinaryOperation, Evaluate>> = {
  add: (_, a, b) => a + b,
  sub: (_, a, b) => a - b,
  mul: (_, a, b) => a * b,
  div: (_, a, b) => (b === 0n ? 0n : a / b),
  mod: (_, a, b) => (b === 0n ? a : a % b),
  sdiv: (bits, a, b) => (b === 0n ? 0n : signedOf(bits, a) / signedOf(bits, b)),
  smod: (bits, a, b) => (b === 0n ? a : signedOf(bits, a) % signedOf(bits, b)),
  or: (_, a, b) => a | b,
  and: (_, a, b) => a & b,
  xor: (_, a, b) => a ^ b,
  lsh: (bits, a, b) => a << (b % BigInt(bits)),
  rsh: (bits, a, b) => a >> (b % BigInt(bits)),
  arsh: (bits, a, b) => signedOf(bits, a) >> (b % BigInt(bits)),
};

export function evaluate(operation: BinaryOperation, bits: number, a: bigint, b: bigint): bigint {
  return BigInt.asUintN(bits, OPERATIONS[operation](bits, a, b));
}

const TESTS: Readonly<Record<Test, (bits: number, a: bigint, b: bigint) => boolean>> = {
  eq: (_, a, b) => a === b,
  ne: (_, a, b) => a !== b,
  set: (_, a, b) => (a & b) !== 0n,
  clear: (_, a, b) => (a & b) === 0n,
  ugt: (_, a, b) => a > b,
  uge: (_, a, b) => a >= b,
  ult: (_, a, b) => a < b,
  ule: (_, a, b) => a <= b,
  sgt: (bits, a, b) => signedOf(bits, a) > signedOf(bits, b),
  sge: (bits, a, b) => signedOf(bits, a) >= signedOf(bits, b),
  slt: (bits, a, b) => signedOf(bits, a) < signedOf(bits, b),
  sle: (bits, a, b) => signedOf(bits, a) <= signedOf(bits, b),
};

export function holds(test: Test, bits: number, a: bigint, b: bigint): boolean {
  return TESTS[test](bits, a, b);
}
