// Wrapping and sign extension of fixed-width integers: bigint for 64 bits, number for 32. No arithmetic beyond that.

export const U32_MAX = 0xffff_ffff;
export const U64_MAX = 0xffff_ffff_ffff_ffffn;
export const I64_MIN = -0x8000_0000_0000_0000n;
export const I64_MAX = 0x7fff_ffff_ffff_ffffn;

/** The low 64 bits, unsigned. */
export function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

/** The low 64 bits, as two's complement. */
export function i64(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

/** The low 32 bits of an integer below 2^53, unsigned. */
export function u32(value: number): number {
  return value >>> 0;
}

/** The low 32 bits of an integer below 2^53, as two's complement. */
export function i32(value: number): number {
  return value | 0;
}

/** The low `bitWidth` bits as two's complement, wrapped to unsigned 64 bits (how a register holds it). */
export function signExtend(value: bigint, bitWidth: number): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(bitWidth, value));
}

/** A 64-bit value from its halves; either may be signed. */
export function fromHalves(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
