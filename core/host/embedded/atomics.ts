// The atomic operations of RFC 9669 section 5.3 on shared memory, for the interpreter. Each returns the old value.
import { unreachable } from "../../base/error.ts";
import type { AtomicOperation } from "../../isa/instruction.ts";

export function atomic32(
  words: Int32Array,
  index: number,
  operation: AtomicOperation,
  operand: number,
  expected: number,
): number {
  switch (operation) {
    case "add":
      return Atomics.add(words, index, operand);
    case "or":
      return Atomics.or(words, index, operand);
    case "and":
      return Atomics.and(words, index, operand);
    case "xor":
      return Atomics.xor(words, index, operand);
    case "exchange":
      return Atomics.exchange(words, index, operand);
    case "compareExchange":
      return Atomics.compareExchange(words, index, expected, operand);
    default:
      return unreachable(operation);
  }
}

export function atomic64(
  longs: BigInt64Array,
  index: number,
  operation: AtomicOperation,
  operand: bigint,
  expected: bigint,
): bigint {
  switch (operation) {
    case "add":
      return Atomics.add(longs, index, operand);
    case "or":
      return Atomics.or(longs, index, operand);
    case "and":
      return Atomics.and(longs, index, operand);
    case "xor":
      return Atomics.xor(longs, index, operand);
    case "exchange":
      return Atomics.exchange(longs, index, operand);
    case "compareExchange":
      return Atomics.compareExchange(longs, index, expected, operand);
    default:
      return unreachable(operation);
  }
}
