// How arithmetic and moves change the state. The assertions of the instruction have been checked before, so operands
// are initialised and pointers are only used as check.ts allows; anything else becomes an uninitialised value.
import type {
  AluInstruction,
  ByteSwapInstruction,
  MovInstruction,
  NegInstruction,
} from "../isa/instruction.ts";
import { operandValue } from "./check.ts";
import { constantValue, type Range, ranges } from "./domain/range.ts";
import { register, type State } from "./domain/state.ts";
import {
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
  state.registers[instruction.destination] = aluValue(ids, instruction, left, right);
}

function aluValue(ids: Ids, instruction: AluInstruction, left: Value, right: Value): Value {
  const { operation, destination, source } = instruction;
  if (left.kind === "number" && right.kind === "number") {
    const same = source.kind === "register" && source.register === destination;
    // A number minus itself, or exclusive-or itself, is 0 whatever it is.
    if (same && (operation === "sub" || operation === "xor")) return ZERO;
    return numberValue(ranges.alu(width(instruction), operation, left.range, right.range));
  }
  // The low half of an address is any number below 2^32.
  if (instruction.width !== 64) return UNKNOWN_HALF;
  if (isKernel(left) || isKernel(right)) return kernelValue(operation, left, right);
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
  const extended =
    signExtendFrom === undefined ? value.range : ranges.signExtend(value.range, signExtendFrom);
  const range = instruction.width === 32 ? ranges.zeroExtend(extended) : extended;
  // Sound: a number below 2^32 is its own zero extension, so the copy is the same number.
  const unchanged =
    signExtendFrom === undefined && source.kind === "register" && value.range.full.umax < 2 ** 32;
  state.registers[destination] = unchanged
    ? linkCopy(ids, state, source.register, value)
    : numberValue(range);
}

/** A copy of an unknown number shares an id with its source, so that what a branch tells of one holds for the other. */
export function linkCopy(ids: Ids, state: State, source: number, value: Value): Value {
  if (value.kind !== "number" || value.id !== 0 || constantValue(value.range) !== undefined) return value;
  const linked = numberValue(value.range, freshId(ids));
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
