// (state, assertion) -> what is wrong, or nothing. Registers, arithmetic, comparisons, results; memory and helper
// arguments are in check-memory.ts and check-call.ts. Reads the state, never changes it.

import type { Operand, Register } from "../isa/instruction.ts";
import { STACK_POINTER } from "../isa/instruction.ts";
import type { Program } from "../program/program.ts";
import { type Access, type Assertion, CONTEXT_OF_PACKET_LOAD } from "./assertion.ts";
import { checkArgument, checkMapWritable } from "./check-call.ts";
import { checkAccess } from "./check-memory.ts";
import { constantValue } from "./domain/range.ts";
import { contents, firstOther, STACK_SIZE_BYTES, type Stack, spillAt } from "./domain/stack.ts";
import { register, type State, stackOf } from "./domain/state.ts";
import {
  constantNumber,
  holderOf,
  isZero,
  type PointerValue,
  sameObject,
  type Value,
} from "./domain/value.ts";
import type { Finding } from "./finding.ts";
import { prototypeOf } from "./prototype.ts";

/** No pointer's offset leaves +- this (as in Linux), so that no address wraps and every sum is exact. */
export const MAXIMUM_POINTER_OFFSET = 2 ** 29;

/** Frames that may be open at once (Linux and RFC 9669's hosts agree on 8). */
export const MAXIMUM_FRAMES = 8;

/** `strict`: pointers may not leave the program and nothing uninitialised may be handed out (see strict.ts). */
export function check(
  program: Program,
  state: State,
  assertion: Assertion,
  strict: boolean,
): Finding | undefined {
  switch (assertion.kind) {
    case "writable":
      return assertion.register === STACK_POINTER ? { code: "FramePointerReadOnly" } : undefined;
    case "initialized":
      return checkInitialized(state, assertion.register);
    case "number":
      return checkNumber(state, assertion.register, assertion.use, strict);
    case "arithmetic":
      return checkArithmetic(state, assertion, strict);
    case "memory":
      return checkAccess(program, state, assertion.access, strict);
    case "storable":
      return checkStorable(state, assertion.register, assertion.access, strict);
    case "comparable":
      return checkComparable(state, assertion, strict);
    case "argument":
      return checkArgument(program, state, assertion, strict);
    case "mapWritable":
      return checkMapWritable(program, state, assertion.helper);
    case "result":
      return checkExit(program, state, strict);
    case "nothingHeld":
      return checkNothingHeld(state, assertion.at);
    case "callersKept":
      return checkCallersKept(state);
    case "packetLoad":
      return checkPacketLoad(program, state);
    case "resolved":
      return { code: "RelocationUnresolved", what: program.unresolved?.[assertion.number] ?? "" };
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
  strict: boolean,
): Finding | undefined {
  const value = register(state, index);
  if (value.kind === "uninitialized") {
    return { code: "RegisterUninitialized", register: index, stale: value.stale };
  }
  if (value.kind === "number" || isLoose(value)) return undefined;
  if (use === "operand") {
    return { code: "PointerArithmetic", operation: "other", reason: "operation", value, other: undefined };
  }
  // Where pointers may leave, what is stored or narrowed is an unknown number.
  if (!strict) return undefined;
  return { code: "PointerLeak", value, register: index, to: use === "stored" ? "atomic" : "narrowed" };
}

/** Of the kernel, pointer or number: arithmetic takes it for an unknown number. */
function isLoose(value: Value): boolean {
  return value.kind === "pointer" && value.region.kind === "kernel";
}

/** Where pointers may leave, a context moved by an unknown number is a number: nothing can be read through it. */
export function isContextMoved(value: Value, other: Value): boolean {
  const context = value.kind === "pointer" && value.region.kind === "context";
  return context && other.kind === "number" && constantValue(other.range) === undefined;
}

/** What is between such pointers tells nothing of where their object is. */
function isWithinObject(left: Value, right: Value): boolean {
  if (left.kind !== "pointer" || right.kind !== "pointer") return false;
  return sameObject(left.region, right.region) && !left.nullable && !right.nullable;
}

/** The value of an operand; an immediate is sign-extended (RFC 9669 section 4.1). */
export function operandValue(state: State, operand: Operand): Value {
  return operand.kind === "register" ? register(state, operand.register) : constantNumber(operand.value);
}

function checkArithmetic(
  state: State,
  assertion: Extract<Assertion, { readonly kind: "arithmetic" }>,
  strict: boolean,
): Finding | undefined {
  const left = register(state, assertion.left);
  const right = operandValue(state, assertion.right);
  if (left.kind !== "pointer" && right.kind !== "pointer") return undefined;
  return checkPointers(assertion, strict, left, right);
}

function checkPointers(
  assertion: Extract<Assertion, { readonly kind: "arithmetic" }>,
  strict: boolean,
  left: Value,
  right: Value,
): Finding | undefined {
  const { operation } = assertion;
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
  if (assertion.width === 32) {
    // The distance of the low halves is a number, and only that; of pointers into one object it is that of the whole ones.
    const isDistance = operation === "sub" && (!strict || isWithinObject(left, right));
    return isLoose(value) || isDistance ? undefined : wrong("narrow");
  }
  const index =
    left.kind === "pointer" || assertion.right.kind !== "register"
      ? assertion.left
      : assertion.right.register;
  if (isLoose(value) && other.kind === "number") return undefined;
  if (!strict && isContextMoved(value, other)) return undefined;
  if (value.nullable) return { code: "PointerMaybeNull", register: index, value };
  if (other.kind === "pointer") {
    if (operation !== "sub") return wrong("pointers");
    if (!strict) return undefined;
    return isWithinObject(value, other) ? undefined : wrong("pointers");
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
      case "innerMap":
      case "packetEnd":
      case "code":
        return wrong("region");
      case "context":
      case "object":
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

/**
 * A pointer may only be stored whole, aligned, at a known place of a stack; anywhere else it would leak. Where it may
 * leave, what is stored otherwise is a number to whoever reads it.
 */
function checkStorable(state: State, index: Register, access: Access, strict: boolean): Finding | undefined {
  if (!strict) return undefined;
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

/** Numbers with numbers; pointers with zero by equality; pointers into one object with each other. Else addresses leak. */
function checkComparable(
  state: State,
  assertion: Extract<Assertion, { readonly kind: "comparable" }>,
  strict: boolean,
): Finding | undefined {
  if (!strict) return undefined;
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

function checkExit(program: Program, state: State, strict: boolean): Finding | undefined {
  const frame = state.frames.at(-1);
  if (frame?.callback !== undefined) return checkResult(state, CALLBACK_RESULT, "helper", strict);
  if (state.frames.length > 1 || prototypeOf(program)?.returnsNothing === true) return undefined;
  return checkResult(state, program.type.returnRange, "hook", strict);
}

/** What Linux' helpers take from their callbacks: 0 to go on, 1 to stop. */
const CALLBACK_RESULT = { minimum: 0, maximum: 1 };

function checkResult(
  state: State,
  range: { readonly minimum: number; readonly maximum: number } | undefined,
  to: "hook" | "helper",
  strict: boolean,
): Finding | undefined {
  const value = register(state, 0);
  if (value.kind === "uninitialized") {
    return { code: "RegisterUninitialized", register: 0, stale: value.stale };
  }
  if (value.kind === "pointer") {
    if (strict) return { code: "PointerLeak", value, register: 0, to: "return" };
    return range === undefined ? undefined : { code: "ReturnValue", value, ...range, to };
  }
  if (range === undefined) return undefined;
  // Hooks take the result as a 32-bit int.
  const { half } = value.range;
  const { minimum, maximum } = range;
  const fits =
    minimum >= 0
      ? half.umin >= minimum && half.umax <= maximum
      : half.smin >= minimum && half.smax <= maximum;
  return fits ? undefined : { code: "ReturnValue", value, minimum, maximum, to };
}

/**
 * Where the program ends, nothing is held. A callee may leave references to its caller; a callback, which may run any
 * number of times, must leave exactly what it found. The legacy packet load ends the program if the packet is too short.
 */
function checkNothingHeld(state: State, at: "exit" | "tailCall" | "packetLoad"): Finding | undefined {
  const found = state.frames.at(-1)?.callback?.references;
  if (at === "exit" && found !== undefined) {
    const kept =
      found.length === state.references.length && found.every((held) => state.references.includes(held));
    return kept ? undefined : { code: "ReferenceLeak", at: "callback", value: holderIn(state, found) };
  }
  if (state.references.length === 0 || (at === "exit" && state.frames.length > 1)) return undefined;
  return { code: "ReferenceLeak", at, value: holderIn(state, []) };
}

/** A value that depends on a reference that is not among those. */
function holderIn(state: State, expected: readonly number[]): Value | undefined {
  return state.registers.find((value) => {
    if (value.kind !== "pointer") return false;
    const holder = holderOf(value.region);
    return holder !== 0 && state.references.includes(holder) && !expected.includes(holder);
  });
}

/**
 * Sound: a callback is followed once, from the callers' frames as they are before it has ever run, but with every number
 * in them unknown. If pointers are left as they were, these frames describe every later round too.
 */
function checkCallersKept(state: State): Finding | undefined {
  const callback = state.frames.at(-1)?.callback;
  if (callback === undefined) return undefined;
  for (const [index, before] of callback.stacks.entries()) {
    const at = changedAt(before, stackOf(state, index));
    if (at !== undefined) return { code: "CallbackChangesPointer", frame: index, at: at - STACK_SIZE_BYTES };
  }
  return undefined;
}

/** The first byte where `now` is not what `before` says: the same pointers, numbers where there were numbers. */
function changedAt(before: Stack, now: Stack): number | undefined {
  for (const { at, size, value } of contents(before)) {
    if (value.kind === "pointer") {
      const other = spillAt(now, at, size);
      if (other === undefined || !isStill(value, other)) return at;
    } else if (value.kind === "number") {
      const other = firstOther(now, at, at + size);
      if (other !== undefined) return other.at;
    }
  }
  return undefined;
}

/** The same pointer; more may be known of it, as that it is not null. */
function isStill(before: PointerValue, now: Value): boolean {
  return (
    now.kind === "pointer" &&
    now.region.kind === before.region.kind &&
    sameObject(now.region, before.region) &&
    now.offset === before.offset &&
    now.variable === before.variable &&
    now.minimum >= before.minimum &&
    now.maximum <= before.maximum
  );
}

function checkPacketLoad(program: Program, state: State): Finding | undefined {
  if (program.type.packetLoads !== true) {
    return {
      code: "InstructionUnsupported",
      what: `the legacy packet load, which programs of type ${program.type.name} do not have`,
    };
  }
  const value = register(state, CONTEXT_OF_PACKET_LOAD);
  if (value.kind === "uninitialized") {
    return { code: "RegisterUninitialized", register: CONTEXT_OF_PACKET_LOAD, stale: value.stale };
  }
  const isContext =
    value.kind === "pointer" && value.region.kind === "context" && value.offset === 0 && !value.nullable;
  return isContext ? undefined : { code: "ContextExpected", register: CONTEXT_OF_PACKET_LOAD, value };
}
