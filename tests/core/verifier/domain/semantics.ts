// RFC 9669 section 4 on bigints of any width: what the domain is measured against. Written from the RFC, apart from the core.
import type { BinaryOperation, Test } from "../../../../core/verifier/domain/interval.ts";

export function signedOf(bits: number, value: bigint): bigint {
  return BigInt.asIntN(bits, value);
}

export function evaluate(operation: BinaryOperation, bits: number, a: bigint, b: bigint): bigint {
  const amount = b % BigInt(bits);
  const sa = signedOf(bits, a);
  const sb = signedOf(bits, b);
  const raw: Record<BinaryOperation, () => bigint> = {
    add: () => a + b,
    sub: () => a - b,
    mul: () => a * b,
    div: () => (b === 0n ? 0n : a / b),
    mod: () => (b === 0n ? a : a % b),
    sdiv: () => (sb === 0n ? 0n : sa / sb),
    smod: () => (sb === 0n ? sa : sa % sb),
    or: () => a | b,
    and: () => a & b,
    xor: () => a ^ b,
    lsh: () => a << amount,
    rsh: () => a >> amount,
    arsh: () => sa >> amount,
  };
  return BigInt.asUintN(bits, raw[operation]());
}

export function holds(test: Test, bits: number, a: bigint, b: bigint): boolean {
  const sa = signedOf(bits, a);
  const sb = signedOf(bits, b);
  const answers: Record<Test, boolean> = {
    eq: a === b,
    ne: a !== b,
    set: (a & b) !== 0n,
    clear: (a & b) === 0n,
    ugt: a > b,
    uge: a >= b,
    ult: a < b,
    ule: a <= b,
    sgt: sa > sb,
    sge: sa >= sb,
    slt: sa < sb,
    sle: sa <= sb,
  };
  return answers[test];
}
