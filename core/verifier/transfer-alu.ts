// How arithmetic and moves change the state. The assertions of the instruction have been checked before, so operands
// are initialised and pointers are only used as check.ts allows; anything else becomes an uninitialised value.
import type {
  AluInstruction,
  ByteSwapInstruction,
  MovInstruction,
  NegInstruction,
} from "../isa/instruction.ts";
import { isContextMoved, operandValue } from "./check.ts";
import { constantValue, type Range, ranges } from "./domain/range.ts";
import { extendedOf } from "./domain/stack.ts";
import { register, type State } from "./domain/state.ts";
import {
  constantNumber,
  MOST_DELTA,
  type NumberValue,
  numberValue,
  type PointerValue,
  sameObject,
  UNINITIALIZED,
  UNKNOWN_NUMBER,
  type Value,
  ZERO,
} from "./domain/value.ts";

const UNKNOWN_HALF = numberValue(ranges.upTo(2 ** 32 - 1));

/** Gives ids that no value of this analysis has yet. */
export interface Ids {
  next: number;
}

export function freshId(ids: Ids): number {
  ids.next += 1;
  return ids.next;
}

function width(instruction: { readonly width: number }): "full" | "half" {
  return instruction.width === 64 ? "full" : "half";
}

export function transferAlu(ids: Ids, state: State, instruction: AluInstruction): void {
  const left = register(state, instruction.destination);
  const right = operandValue(state, instruction.source);
  state.registers[instruction.destination] =
    left.kind === "number" && right.kind === "number"
      ? aluNumbers(instruction, left, right)
      : aluPointer(ids, instruction, left, right);
}

function aluNumbers(instruction: AluInstruction, left: NumberValue, right: NumberValue): NumberValue {
  const { operation, destination, source } = instruction;
  const same = source.kind === "register" && source.register === destination;
  // A number minus itself, or exclusive-or itself, is 0 whatever it is.
  if (same && (operation === "sub" || operation === "xor")) return ZERO;
  const extension = shiftedBack(instruction, left, right);
  if (extension !== undefined) return extension;
  const range = ranges.alu(width(instruction), operation, left.range, right.range);
  const known = constantValue(range);
  if (known !== undefined) return constantNumber(known);
  if (operation === "lsh" && instruction.width === 64 && constantValue(right.range) === 32) {
    return { ...numberValue(range), shifted: left };
  }
  if (operation === "add" || operation === "sub") {
    return sum(instruction.width, operation, left, right, range);
  }
  return numberValue(range);
}

/**
 * A number plus or minus a known one stays linked. Sound: X + delta + c modulo 2^64; with 32 bits, and for what is the
 * zero extension of a low half already, the same modulo 2^32, which for the latter is the 64-bit sum only if that
 * neither borrows nor carries.
 */
function sum(
  bits: 32 | 64,
  operation: "add" | "sub",
  left: NumberValue,
  right: NumberValue,
  range: Range,
): NumberValue {
  let base = left;
  let known = constantValue(right.range);
  if (known === undefined && operation === "add") {
    base = right;
    known = constantValue(left.range);
  }
  if (known === undefined || base.id === 0) return numberValue(range);
  const by = operation === "add" ? known : -known;
  const delta = base.delta + by;
  if (!(Math.abs(by) <= MOST_DELTA && Math.abs(delta) <= MOST_DELTA)) return numberValue(range);
  if (bits === 32) return numberValue(range, base.id, delta, true);
  if (!base.extended) return numberValue(range, base.id, delta);
  const { umin, umax } = base.range.full;
  const stays = umin + by >= 0 && umax + by < 2 ** 32;
  return stays ? numberValue(range, base.id, delta, true) : numberValue(range);
}

/**
 * Shifted left by 32 and back: the zero or sign extension of the low half of what it was. Sound: the facts that were
 * known of that number are still true of it.
 */
function shiftedBack(
  { width: bits, operation }: AluInstruction,
  left: NumberValue,
  right: NumberValue,
): NumberValue | undefined {
  const before = left.shifted;
  if (before === undefined || bits !== 64 || constantValue(right.range) !== 32) return undefined;
  if (operation === "rsh") return extendedNumber(before);
  if (operation !== "arsh") return undefined;
  const { full, half } = before.range;
  if (full.smin >= -(2 ** 31) && full.smax < 2 ** 31) return before;
  // Not negative as a 32-bit number: sign and zero extension are one.
  return half.smin >= 0 ? extendedNumber(before) : numberValue(ranges.signExtend(before.range, 32));
}

/** The zero extension of the low half of a number. Sound: a number below 2^32 is its own, so it is the same number. */
function extendedNumber(value: NumberValue): NumberValue {
  if (value.range.full.umax < 2 ** 32) return value;
  return extendedOf(value, ranges.zeroExtend(value.range));
}

function aluPointer(ids: Ids, instruction: AluInstruction, left: Value, right: Value): Value {
  const { operation } = instruction;
  // The low half of an address is any number below 2^32.
  if (instruction.width !== 64) return UNKNOWN_HALF;
  if (isKernel(left) || isKernel(right)) return kernelValue(operation, left, right);
  if (isContextMoved(left, right) || isContextMoved(right, left)) return UNKNOWN_NUMBER;
  if (operation === "add") {
    if (left.kind === "pointer" && right.kind === "number") return movePointer(ids, left, right.range);
    if (left.kind === "number" && right.kind === "pointer") return movePointer(ids, right, left.range);
  }
  if (operation === "sub" && left.kind === "pointer") {
    if (right.kind === "number") return movePointer(ids, left, ranges.negate("full", right.range));
    if (right.kind === "pointer") return distance(left, right);
  }
  return UNINITIALIZED;
}

function isKernel(value: Value): boolean {
  return value.kind === "pointer" && value.region.kind === "kernel";
}

/** Something of the kernel is readable at any offset, so where it is moved to does not matter; all else is a number. */
function kernelValue(operation: AluInstruction["operation"], left: Value, right: Value): Value {
  if (operation !== "add" && operation !== "sub") return UNKNOWN_NUMBER;
  const [pointer, by] = isKernel(left) ? [left, right] : [right, left];
  // What may be null is a number once it is moved: compared with 0 it would no longer tell of the pointer.
  if (pointer.kind !== "pointer" || by.kind !== "number" || pointer.nullable) return UNKNOWN_NUMBER;
  if (operation === "sub" && pointer !== left) return UNKNOWN_NUMBER;
  return { ...pointer, offset: 0, minimum: -KERNEL_REACH, maximum: KERNEL_REACH, zeros: 0 };
}

/** Stands for "anywhere": such a pointer is no longer the one that a helper takes. */
const KERNEL_REACH = 2 ** 29;

/**
 * A known number moves the known part; an unknown one widens the unknown part and makes it a new one. Sound: check.ts
 * keeps all parts within +-2^29, so the sums are exact and the address does not wrap.
 */
function movePointer(ids: Ids, pointer: PointerValue, by: Range): PointerValue {
  const known = constantValue(by);
  if (known !== undefined) return { ...pointer, offset: pointer.offset + known };
  const packet = pointer.region.kind === "packet" || pointer.region.kind === "packetMeta";
  return {
    ...pointer,
    minimum: pointer.minimum + by.full.smin,
    maximum: pointer.maximum + by.full.smax,
    zeros: Math.min(pointer.zeros, by.zeros),
    variable: packet ? freshId(ids) : 0,
    proved: 0,
  };
}

/** Known if both have the same unknown part or none; else any number. */
function distance(left: PointerValue, right: PointerValue): NumberValue {
  const packet = left.region.kind === "packet" || left.region.kind === "packetMeta";
  const sameStart =
    left.region.kind === right.region.kind &&
    sameObject(left.region, right.region) &&
    !left.nullable &&
    !right.nullable;
  const samePart = packet
    ? left.variable === right.variable
    : left.minimum === left.maximum && right.minimum === right.maximum;
  if (!sameStart || !samePart) return UNKNOWN_NUMBER;
  const parts = packet ? 0 : left.minimum - right.minimum;
  return numberValue(ranges.constant(left.offset - right.offset + parts));
}

export function transferMov(ids: Ids, state: State, instruction: MovInstruction): void {
  const { source, destination, signExtendFrom } = instruction;
  const value = operandValue(state, source);
  if (instruction.width === 64 && signExtendFrom === undefined) {
    state.registers[destination] =
      source.kind === "register" ? linkCopy(ids, state, source.register, value) : value;
    return;
  }
  if (value.kind !== "number") {
    // Part of an address: any number.
    state.registers[destination] = instruction.width === 32 ? UNKNOWN_HALF : UNKNOWN_NUMBER;
    return;
  }
  const linked = source.kind === "register" ? linkCopy(ids, state, source.register, value) : value;
  if (linked.kind !== "number") return;
  state.registers[destination] = extendedCopy(linked, instruction.width, signExtendFrom);
}

/** Sound: a number that fits is its own extension, so the copy is the same number. */
function extendedCopy(value: NumberValue, bits: 32 | 64, signExtendFrom: number | undefined): NumberValue {
  if (signExtendFrom === undefined) return extendedNumber(value);
  const extended = ranges.signExtend(value.range, signExtendFrom);
  if (extended === value.range) return bits === 32 ? extendedNumber(value) : value;
  return numberValue(bits === 32 ? ranges.zeroExtend(extended) : extended);
}

/** A copy of an unknown number shares an id with its source, so that what a branch tells of one holds for the other. */
export function linkCopy(ids: Ids, state: State, source: number, value: Value): Value {
  if (value.kind !== "number" || value.id !== 0 || constantValue(value.range) !== undefined) return value;
  const linked: NumberValue = { ...value, id: freshId(ids) };
  state.registers[source] = linked;
  return linked;
}

export function transferNeg(state: State, instruction: NegInstruction): void {
  const value = register(state, instruction.destination);
  state.registers[instruction.destination] =
    value.kind === "number" ? numberValue(ranges.negate(width(instruction), value.range)) : UNKNOWN_NUMBER;
}

/** Host order is little-endian everywhere we run, so "le" only truncates (RFC 9669 section 4.2). */
export function transferByteSwap(state: State, instruction: ByteSwapInstruction): void {
  const { destination, order } = instruction;
  const bits = instruction.width;
  const value = register(state, destination);
  if (value.kind !== "number") {
    state.registers[destination] = UNKNOWN_NUMBER;
    return;
  }
  if (order === "le") {
    state.registers[destination] = numberValue(ranges.truncate(value.range, bits));
    return;
  }
  const known = constantValue(value.range);
  const range =
    known !== undefined
      ? ranges.fromBigInt(swapBytes(BigInt.asUintN(bits, BigInt(known)), bits))
      : bits === 64
        ? ranges.unknown
        : ranges.upTo(2 ** bits - 1);
  state.registers[destination] = numberValue(range);
}

function swapBytes(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let shift = 0; shift < bits; shift += 8) {
    result = (result << 8n) | ((value >> BigInt(shift)) & 0xffn);
  }
  return result;
}
