// Arithmetic of RFC 9669 section 4.1 and the comparisons of 4.3 on registers that are pairs of 32-bit halves: fast in
// JavaScript, where a 64-bit BigInt is allocated at every step. Division and the rare rest go through BigInt.
import { unreachable } from "../../base/error.ts";
import type { AluOperation, JumpCondition, Register } from "../../isa/instruction.ts";

/** Low half of register r at 2r, high half at 2r + 1; `wide` is the same memory. */
export interface Registers {
  readonly halves: Int32Array;
  readonly wide: BigInt64Array;
}

export function createRegisters(count: number): Registers {
  const halves = new Int32Array(count * 2);
  return { halves, wide: new BigInt64Array(halves.buffer) };
}

const TWO_32 = 2 ** 32;

/** destination = destination operation (high, low). */
export function alu64(
  { halves, wide }: Registers,
  operation: AluOperation,
  destination: Register,
  low: number,
  high: number,
): void {
  const at = destination * 2;
  const ownLow = halves[at]!;
  const ownHigh = halves[at + 1]!;
  switch (operation) {
    case "add": {
      const sum = (ownLow >>> 0) + (low >>> 0);
      halves[at] = sum | 0;
      halves[at + 1] = ownHigh + high + (sum >= TWO_32 ? 1 : 0);
      return;
    }
    case "sub":
      halves[at] = ownLow - low;
      halves[at + 1] = ownHigh - high - (ownLow >>> 0 < low >>> 0 ? 1 : 0);
      return;
    case "or":
      halves[at] = ownLow | low;
      halves[at + 1] = ownHigh | high;
      return;
    case "and":
      halves[at] = ownLow & low;
      halves[at + 1] = ownHigh & high;
      return;
    case "xor":
      halves[at] = ownLow ^ low;
      halves[at + 1] = ownHigh ^ high;
      return;
    case "lsh":
      shiftLeft(halves, at, low & 63);
      return;
    case "rsh":
      shiftRight(halves, at, low & 63, 0);
      return;
    case "arsh":
      shiftRight(halves, at, low & 63, ownHigh >> 31);
      return;
    case "mul":
    case "div":
    case "sdiv":
    case "mod":
    case "smod":
      wide[destination] = wideArithmetic(operation, wide[destination]!, join(low, high));
      return;
    default:
      unreachable(operation);
  }
}

function shiftLeft(halves: Int32Array, at: number, count: number): void {
  const low = halves[at]!;
  if (count >= 32) {
    halves[at + 1] = low << (count - 32);
    halves[at] = 0;
  } else if (count > 0) {
    halves[at + 1] = (halves[at + 1]! << count) | (low >>> (32 - count));
    halves[at] = low << count;
  }
}

/** `fill` is what comes in from the left: 0, or all ones. */
function shiftRight(halves: Int32Array, at: number, count: number, fill: number): void {
  const high = halves[at + 1]!;
  if (count >= 32) {
    halves[at] = count === 32 ? high : (high >>> (count - 32)) | (fill << (64 - count));
    halves[at + 1] = fill;
  } else if (count > 0) {
    halves[at] = (halves[at]! >>> count) | (high << (32 - count));
    halves[at + 1] = (high >>> count) | (fill << (32 - count));
  }
}

function join(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** Division by zero gives 0, modulo by zero the dividend; the one overflow, MIN / -1, wraps (RFC 9669 section 4.1). */
function wideArithmetic(
  operation: "mul" | "div" | "sdiv" | "mod" | "smod",
  left: bigint,
  right: bigint,
): bigint {
  const unsigned = operation === "div" || operation === "mod";
  const dividend = unsigned ? BigInt.asUintN(64, left) : left;
  const divisor = unsigned ? BigInt.asUintN(64, right) : right;
  switch (operation) {
    case "mul":
      return BigInt.asIntN(64, left * right);
    case "div":
    case "sdiv":
      return divisor === 0n ? 0n : BigInt.asIntN(64, dividend / divisor);
    case "mod":
    case "smod":
      return divisor === 0n ? left : BigInt.asIntN(64, dividend % divisor);
    default:
      return unreachable(operation);
  }
}

/** The 32-bit forms: the result as 32 bits; the caller clears the high half. */
export function alu32(operation: AluOperation, left: number, right: number): number {
  switch (operation) {
    case "add":
      return (left + right) | 0;
    case "sub":
      return (left - right) | 0;
    case "mul":
      return Math.imul(left, right);
    case "div":
      return right === 0 ? 0 : ((left >>> 0) / (right >>> 0)) | 0;
    case "sdiv":
      return right === 0 ? 0 : (left / right) | 0;
    case "mod":
      return right === 0 ? left : ((left >>> 0) % (right >>> 0)) | 0;
    case "smod":
      return right === 0 ? left : (left % right) | 0;
    case "or":
      return left | right;
    case "and":
      return left & right;
    case "xor":
      return left ^ right;
    case "lsh":
      return left << (right & 31);
    case "rsh":
      return (left >>> (right & 31)) | 0;
    case "arsh":
      return left >> (right & 31);
    default:
      return unreachable(operation);
  }
}

export function compare64(
  test: JumpCondition,
  leftLow: number,
  leftHigh: number,
  rightLow: number,
  rightHigh: number,
): boolean {
  if (test === "set") return ((leftLow & rightLow) | (leftHigh & rightHigh)) !== 0;
  if (leftHigh === rightHigh) return compareLow(test, leftLow >>> 0, rightLow >>> 0);
  const signed = test.charCodeAt(0) === 0x73; // "s"
  return signed ? compareLow(test, leftHigh, rightHigh) : compareLow(test, leftHigh >>> 0, rightHigh >>> 0);
}

export function compare32(test: JumpCondition, left: number, right: number): boolean {
  if (test === "set") return (left & right) !== 0;
  const signed = test.charCodeAt(0) === 0x73; // "s"
  return signed ? compareLow(test, left | 0, right | 0) : compareLow(test, left >>> 0, right >>> 0);
}

/** Numbers that were already made signed or unsigned as the test wants them. */
function compareLow(test: Exclude<JumpCondition, "set">, left: number, right: number): boolean {
  switch (test) {
    case "eq":
      return left === right;
    case "ne":
      return left !== right;
    case "ugt":
    case "sgt":
      return left > right;
    case "uge":
    case "sge":
      return left >= right;
    case "ult":
    case "slt":
      return left < right;
    case "ule":
    case "sle":
      return left <= right;
    default:
      return unreachable(test);
  }
}

/** RFC 9669 section 4.2. On this little-endian machine "le" only truncates; "be" and "swap" reverse the bytes. */
export function swapBytes(
  halves: Int32Array,
  register: Register,
  reverse: boolean,
  width: 16 | 32 | 64,
): void {
  const at = register * 2;
  const low = halves[at]!;
  const high = halves[at + 1]!;
  switch (width) {
    case 16:
      halves[at] = reverse ? ((low & 0xff) << 8) | ((low >>> 8) & 0xff) : low & 0xffff;
      halves[at + 1] = 0;
      return;
    case 32:
      halves[at] = reverse ? reverse32(low) : low;
      halves[at + 1] = 0;
      return;
    case 64:
      if (!reverse) return;
      halves[at] = reverse32(high);
      halves[at + 1] = reverse32(low);
      return;
    default:
      unreachable(width);
  }
}

function reverse32(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}
