// (state, assertion) -> what is wrong, or nothing. Registers, arithmetic, comparisons, results; memory and helper
// arguments are in check-memory.ts and check-call.ts. Reads the state, never changes it.

import type { Operand, Register } from "../isa/instruction.ts";
import { STACK_POINTER } from "../isa/instruction.ts";
import type { Program } from "../program/program.ts";
import type { Access, Assertion } from "./assertion.ts";
import { checkArgument, checkMapWritable } from "./check-call.ts";
import { checkAccess } from "./check-memory.ts";
import { constantValue, ranges } from "./domain/range.ts";
import { register, type State } from "./domain/state.ts";
import { numberValue, type PointerValue, sameObject, type Value } from "./domain/value.ts";
import type { Finding } from "./finding.ts";

/** No pointer's offset leaves +- this (as in Linux), so that no address wraps and every sum is exact. */
export const MAXIMUM_POINTER_OFFSET = 2 ** 29;

/** Frames that may be open at once (Linux and RFC 9669's hosts agree on 8). */
export const MAXIMUM_FRAMES = 8;

export function check(program: Program, state: State, assertion: Assertion): Finding | undefined {
  switch (assertion.kind) {
    case "writable":
      return assertion.register === STACK_POINTER ? { code: "FramePointerReadOnly" } : undefined;
    case "initialized":
      return checkInitialized(state, assertion.register);
    case "number":
      return checkNumber(state, assertion.register, assertion.use);
    case "arithmetic":
      return checkArithmetic(state, assertion);
    case "memory":
      return checkAccess(program, state, assertion.access);
    case "storable":
      return checkStorable(state, assertion.register, assertion.access);
    case "comparable":
      return checkComparable(state, assertion);
    case "argument":
      return checkArgument(program, state, assertion);
    case "mapWritable":
      return checkMapWritable(program, state, assertion.helper);
    case "result":
      return state.frames.length > 1 ? undefined : checkResult(program, state);
    case "callDepth":
      return state.frames.length >= MAXIMUM_FRAMES
        ? { code: "CallDepth", depth: state.frames.length + 1 }
        : undefined;
  }
}

function checkInitialized(state: State, index: Register): Finding | undefined {
  const value = register(state, index);
  return value.kind === "uninitialized"
    ? { code: "RegisterUninitialized", register: index, stale: value.stale }
    : undefined;
}

function checkNumber(
  state: State,
  index: Register,
  use: "operand" | "stored" | "narrowed",
): Finding | undefined {
  const value = register(state, index);
  if (value.kind === "uninitialized") {
    return { code: "RegisterUninitialized", register: index, stale: value.stale };
  }
  if (value.kind === "number") return undefined;
  if (use === "operand") {
    return { code: "PointerArithmetic", operation: "other", reason: "operation", value, other: undefined };
  }
  return { code: "PointerLeak", value, register: index, to: use === "stored" ? "atomic" : "narrowed" };
}

/** The value of an operand; an immediate is sign-extended (RFC 9669 section 4.1). */
export function operandValue(state: State, operand: Operand): Value {
  return operand.kind === "register"
    ? register(state, operand.register)
    : numberValue(ranges.constant(operand.value));
}

function checkArithmetic(
  state: State,
  assertion: Extract<Assertion, { readonly kind: "arithmetic" }>,
): Finding | undefined {
  const { operation } = assertion;
  const left = register(state, assertion.left);
  const right = operandValue(state, assertion.right);
  if (left.kind !== "pointer" && right.kind !== "pointer") return undefined;
  const value = left.kind === "pointer" ? left : right;
  const other = left.kind === "pointer" ? right : left;
  const wrong = (reason: "operation" | "region" | "number" | "pointers" | "narrow"): Finding => ({
    code: "PointerArithmetic",
    operation,
    reason,
    value,
    other,
  });
  if (value.kind !== "pointer") return undefined;
  if (assertion.width === 32) return wrong("narrow");
  const index =
    left.kind === "pointer" || assertion.right.kind !== "register"
      ? assertion.left
      : assertion.right.register;
  if (value.nullable) return { code: "PointerMaybeNull", register: index, value };
  if (other.kind === "pointer") {
    if (operation !== "sub") return wrong("pointers");
    return sameObject(value.region, other.region) && !other.nullable ? undefined : wrong("pointers");
  }
  if (operation === "sub" && left.kind !== "pointer") return wrong("operation");
  return checkOffset(value, other, operation === "sub") ?? undefined;

  function checkOffset(pointer: PointerValue, by: Value, negative: boolean): Finding | undefined {
    if (by.kind !== "number") return wrong("number");
    const { smin, smax } = by.range.full;
    const low = negative ? -smax : smin;
    const high = negative ? -smin : smax;
    const constant = constantValue(by.range) !== undefined;
    switch (pointer.region.kind) {
      case "map":
      case "packetEnd":
        return wrong("region");
      case "context":
        if (!constant) return wrong("number");
        break;
      default:
    }
    const lowest = pointer.offset + pointer.minimum + low;
    const highest = pointer.offset + pointer.maximum + high;
    const fixed = pointer.offset + (constant ? low : 0);
    // Both ends written so that an unknown bound (infinite) fails too.
    const fits =
      lowest >= -MAXIMUM_POINTER_OFFSET &&
      highest <= MAXIMUM_POINTER_OFFSET &&
      Math.abs(fixed) <= MAXIMUM_POINTER_OFFSET;
    return fits ? undefined : wrong("number");
  }
}

/** A pointer may only be stored whole, aligned, at a known place of a stack; anywhere else it would leak. */
function checkStorable(state: State, index: Register, access: Access): Finding | undefined {
  const value = register(state, index);
  const base = register(state, access.base);
  if (value.kind !== "pointer" || base.kind !== "pointer") return undefined;
  if (base.region.kind !== "stack") {
    return { code: "PointerLeak", value, register: index, to: base.region.kind };
  }
  if (access.sizeBytes !== 8) return { code: "PointerLeak", value, register: index, to: "partial" };
  if (base.minimum !== base.maximum) return { code: "PointerLeak", value, register: index, to: "variable" };
  const at = base.offset + base.minimum + access.offset;
  return at % 8 === 0 ? undefined : { code: "Misaligned", sizeBytes: 8, offset: at };
}

/** Numbers with numbers; pointers with zero by equality; pointers into one object with each other. */
function checkComparable(
  state: State,
  assertion: Extract<Assertion, { readonly kind: "comparable" }>,
): Finding | undefined {
  const { test, width } = assertion;
  const left = register(state, assertion.left);
  const right = operandValue(state, assertion.right);
  if (left.kind === "number" && right.kind === "number") return undefined;
  const equality = test === "eq" || test === "ne";
  if (width === 64 && equality && (isZero(left) || isZero(right))) return undefined;
  if (
    width === 64 &&
    test !== "set" &&
    left.kind === "pointer" &&
    right.kind === "pointer" &&
    sameObject(left.region, right.region)
  ) {
    return undefined;
  }
  return { code: "PointerComparison", test, left, right, width };
}

export function isZero(value: Value): boolean {
  return value.kind === "number" && constantValue(value.range) === 0;
}

function checkResult(program: Program, state: State): Finding | undefined {
  const value = register(state, 0);
  if (value.kind === "uninitialized")
    return { code: "RegisterUninitialized", register: 0, stale: value.stale };
  if (value.kind === "pointer") return { code: "PointerLeak", value, register: 0, to: "return" };
  const range = program.type.returnRange;
  if (range === undefined) return undefined;
  // Hooks take the result as a 32-bit int.
  const { half } = value.range;
  const { minimum, maximum } = range;
  const fits =
    minimum >= 0
      ? half.umin >= minimum && half.umax <= maximum
      : half.smin >= minimum && half.smax <= maximum;
  return fits ? undefined : { code: "ReturnValue", value, minimum, maximum };
}
