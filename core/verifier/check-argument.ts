// Memory arguments of helpers: keys and values of maps, memory with a size, memory of a fixed size, constant texts. Bounds
// are check-memory.ts' business. Reads the state, never changes it.
import type { ArgumentKind, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { argumentRegister } from "./assertion.ts";
import { checkBounds, extentOf } from "./check-memory.ts";
import { firstOther, STACK_SIZE_BYTES } from "./domain/stack.ts";
import { register, type State, stackOf } from "./domain/state.ts";
import { isZero, type PointerValue, type Value } from "./domain/value.ts";
import type { Finding } from "./finding.ts";
import { type KnownMap, mapOfRegion } from "./maps.ts";

type ArgumentOf<Kind extends ArgumentKind["kind"]> = Extract<ArgumentKind, { readonly kind: Kind }>;
type MemoryAccess = "read" | "write" | "readWrite";

/** Largest memory a helper is handed; above it bounds are not reckoned. */
export const MAXIMUM_SIZE_BYTES = 2 ** 29;

/** What a check of one argument looks at. */
export interface ArgumentCheck {
  readonly program: Program;
  readonly state: State;
  readonly strict: boolean;
  readonly helper: Helper;
  /** From 0; the register is r1 + position. */
  readonly position: number;
  readonly value: Value;
  /** The finding that the argument is not `expected`. */
  readonly wrong: (expected: string) => Finding;
}

interface SizeBounds {
  readonly least: number;
  readonly most: number;
}

/** The map given by the nearest argument of kind map before this one. */
export function mapBefore(
  program: Program,
  state: State,
  helper: Helper,
  position: number,
): KnownMap | undefined {
  for (let at = position - 1; at >= 0; at--) {
    if (helper.arguments[at]?.kind !== "map") continue;
    const value = register(state, argumentRegister(at));
    return value.kind === "pointer" ? mapOfRegion(program, value.region) : undefined;
  }
  return undefined;
}

/**
 * Bounds of a size argument as an unsigned number. Sound: a helper's size is a u32, of which hosts take the low 32 bits of
 * the register; where one takes all 64 (`bits`), all are bounded.
 */
export function sizeBounds(value: Value, bits: 32 | 64 = 32): SizeBounds | undefined {
  if (value.kind !== "number") return undefined;
  const { umin, umax } = bits === 64 ? value.range.full : value.range.half;
  return umax > MAXIMUM_SIZE_BYTES ? undefined : { least: umin, most: umax };
}

/** The register with the size of the memory argument at `position`. */
function sizeRegister(helper: Helper, position: number): number {
  const memory = helper.arguments[position];
  const at = memory?.kind === "memory" ? memory.sizeAt : undefined;
  return argumentRegister(at ?? position + 1);
}

/** The bounds of the size of the memory argument at `position`. */
export function sizeAfter(state: State, helper: Helper, position: number): SizeBounds | undefined {
  const index = sizeRegister(helper, position);
  const argument = helper.arguments[index - argumentRegister(0)];
  const bits = argument?.kind === "size" ? argument.bits : undefined;
  return sizeBounds(register(state, index), bits);
}

export function checkSize(
  { value, wrong }: ArgumentCheck,
  { zeroAllowed, bits }: ArgumentOf<"size">,
): Finding | undefined {
  const bounds = sizeBounds(value, bits);
  if (bounds === undefined) return wrong("a bounded size");
  return bounds.least === 0 && !zeroAllowed ? wrong("a size that is not 0") : undefined;
}

export function checkMapMemory(
  check: ArgumentCheck,
  argument: ArgumentOf<"mapKey"> | ArgumentOf<"mapValue">,
): Finding | undefined {
  const { program, state, helper, position, value, wrong } = check;
  if (argument.kind === "mapValue" && argument.orNull === true && isZero(value)) return undefined;
  const map = mapBefore(program, state, helper, position);
  if (map === undefined) return wrong("a map before it");
  const key = argument.kind === "mapKey";
  const sizeBytes = key ? map.spec.keySizeBytes : map.spec.valueSizeBytes;
  const what = key ? `the map's key, ${sizeBytes} bytes` : `the map's value, ${sizeBytes} bytes`;
  const access = key ? "read" : argument.access;
  return checkMemory(check, { least: sizeBytes, most: sizeBytes }, access, what);
}

export function checkFixedMemory(
  check: ArgumentCheck,
  { sizeBytes, access, orNull }: ArgumentOf<"fixedMemory">,
): Finding | undefined {
  if (orNull === true && isZero(check.value)) return undefined;
  const size = { least: sizeBytes, most: sizeBytes };
  return checkMemory(check, size, access, `memory of ${sizeBytes} bytes`);
}

export function checkSizedMemory(
  check: ArgumentCheck,
  { access, orNull }: ArgumentOf<"memory">,
): Finding | undefined {
  const { state, helper, position, value, wrong } = check;
  const index = sizeRegister(helper, position);
  const size = register(state, index);
  if (size.kind === "uninitialized") {
    return { code: "RegisterUninitialized", register: index, stale: size.stale };
  }
  const bounds = sizeAfter(state, helper, position);
  if (bounds === undefined) {
    const expected = "a bounded size";
    const at = index - argumentRegister(0);
    return { code: "HelperArgument", helper, position: at, expected, value: size };
  }
  if (orNull && isZero(value)) {
    return bounds.most === 0 ? undefined : wrong("memory, or NULL with size 0");
  }
  return checkMemory(check, bounds, access, `memory of ${bounds.most} bytes`);
}

/**
 * Memory that a helper reads or writes, of a size within `size`. What it reads must be numbers throughout (a spilled
 * pointer would leak). What it writes may be uninitialised stack only if exactly `most` bytes are written for sure. Where
 * pointers may leave, any byte of the stack is a number.
 */
function checkMemory(
  check: ArgumentCheck,
  size: SizeBounds,
  access: MemoryAccess,
  expected: string,
): Finding | undefined {
  const { program, state, helper, position, value, wrong } = check;
  const index = argumentRegister(position);
  if (value.kind !== "pointer" || !isPlainMemory(value)) return wrong(expected);
  if (value.nullable) return { code: "PointerMaybeNull", register: index, value };
  const extent = extentOf(value, 0, size.most, access === "read" ? "read" : "write", helper);
  const bounds = checkBounds(program, state, value, index, extent);
  if (bounds !== undefined || value.region.kind !== "stack" || !check.strict) return bounds;
  const fresh = access === "write" && size.least === size.most && extent.low === extent.high;
  return fresh ? undefined : checkInitialized(state, value, value.region.frame, index, extent, position);
}

/** Regions that are bytes and nothing else; objects and the kernel's memory are read by the program itself only. */
function isPlainMemory({ region }: PointerValue): boolean {
  switch (region.kind) {
    case "stack":
    case "packet":
    case "packetMeta":
    case "mapValue":
    case "memory":
    case "allocated":
      return true;
    case "context":
    case "packetEnd":
    case "map":
    case "innerMap":
    case "object":
    case "kernel":
    case "code":
      return false;
  }
}

function checkInitialized(
  state: State,
  pointer: PointerValue,
  frame: number,
  index: number,
  extent: ReturnType<typeof extentOf>,
  position: number,
): Finding | undefined {
  const end = extent.high + extent.sizeBytes + STACK_SIZE_BYTES;
  const other = firstOther(stackOf(state, frame), extent.low + STACK_SIZE_BYTES, end);
  if (other === undefined) return undefined;
  if (other.content === "uninitialized") {
    return { code: "StackUninitialized", extent, at: other.at - STACK_SIZE_BYTES };
  }
  const leak: Finding = { code: "PointerLeak", value: pointer, register: index, to: "partial", position };
  return extent.helper === undefined ? leak : { ...leak, helper: extent.helper };
}

/** A text with its final 0 whose bytes are known: a known place of read-only data. */
export function checkText({ program, value, wrong }: ArgumentCheck): Finding | undefined {
  if (value.kind !== "pointer" || value.region.kind !== "mapValue" || value.minimum !== value.maximum) {
    return wrong("a constant text");
  }
  const data = mapOfRegion(program, value.region)?.spec.data;
  const at = value.offset + value.minimum;
  const ended = data?.readOnly === true && at >= 0 && data.bytes.indexOf(0, at) >= 0;
  return ended && !value.nullable ? undefined : wrong("a constant text with its final 0");
}
