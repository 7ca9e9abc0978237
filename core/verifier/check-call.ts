// Does an argument fit the helper's prototype? One function per argument kind. Reads the state, never changes it.
import type { ArgumentKind, Helper } from "../platform/platform.ts";
import type { Program, ProgramMap } from "../program/program.ts";
import type { Assertion } from "./assertion.ts";
import { checkBounds, extentOf, isReadOnlyMap } from "./check-memory.ts";
import { constantValue } from "./domain/range.ts";
import { firstOther, STACK_SIZE_BYTES } from "./domain/stack.ts";
import { register, type State, stackOf } from "./domain/state.ts";
import type { PointerValue, Value } from "./domain/value.ts";
import type { Finding } from "./finding.ts";

type ArgumentAssertion = Extract<Assertion, { readonly kind: "argument" }>;

/** r1 ... r5. */
export function argumentRegister(position: number): number {
  return position + 1;
}

/** Largest memory a helper is handed; above it bounds are not reckoned. */
const MAXIMUM_SIZE_BYTES = 2 ** 29;

export function checkArgument(
  program: Program,
  state: State,
  assertion: ArgumentAssertion,
): Finding | undefined {
  const { helper, position, argument } = assertion;
  const index = argumentRegister(position);
  const value = register(state, index);
  if (value.kind === "uninitialized") {
    // Sound: the host's helpers never act on a number that the prototype lets be anything.
    if (argument.kind === "scalar" && argument.optional === true) return undefined;
    return { code: "RegisterUninitialized", register: index, stale: value.stale };
  }
  const wrong = (expected: string): Finding => ({
    code: "HelperArgument",
    helper,
    position,
    expected,
    value,
  });
  switch (argument.kind) {
    case "scalar":
      return value.kind === "number"
        ? undefined
        : { code: "PointerLeak", value, register: index, to: "narrowed", helper, position };
    case "context":
      return isContext(value) ? undefined : wrong("the context, unchanged");
    case "map":
      return checkMapArgument(program, value, argument.types, helper, wrong);
    case "mapKey":
    case "mapValue": {
      const map = mapBefore(program, state, helper, position);
      if (map === undefined) return wrong("a map before it");
      const key = argument.kind === "mapKey";
      const sizeBytes = key ? map.spec.keySizeBytes : map.spec.valueSizeBytes;
      const access = argument.kind === "mapValue" ? argument.access : "read";
      const what = key ? `the map's key, ${sizeBytes} bytes` : `the map's value, ${sizeBytes} bytes`;
      return checkMemory(
        program,
        state,
        assertion,
        value,
        { least: sizeBytes, most: sizeBytes },
        access,
        what,
      );
    }
    case "memory":
      return checkSizedMemory(program, state, assertion, argument, value, wrong);
    case "size":
      return checkSize(value, argument.zeroAllowed, wrong);
    case "unsupported":
      return { code: "InstructionUnsupported", what: `a call of bpf_${helper.name} with ${argument.what}` };
    default:
      return { code: "InstructionUnsupported", what: `a call of bpf_${helper.name} (${argument.kind})` };
  }
}

function isContext(value: Value): boolean {
  return value.kind === "pointer" && value.region.kind === "context" && value.offset === 0 && !value.nullable;
}

function checkMapArgument(
  program: Program,
  value: Value,
  types: readonly string[],
  helper: Helper,
  wrong: (expected: string) => Finding,
): Finding | undefined {
  if (value.kind !== "pointer" || value.region.kind !== "map") return wrong("a map");
  const type = program.maps[value.region.map]?.type.name;
  if (type !== undefined && types.includes(type)) return undefined;
  return { code: "MapOperation", helper, map: value.region.map, readOnly: false };
}

/** The map given by the nearest argument of kind map before this one. */
export function mapBefore(
  program: Program,
  state: State,
  helper: Helper,
  position: number,
): ProgramMap | undefined {
  for (let at = position - 1; at >= 0; at--) {
    if (helper.arguments[at]?.kind !== "map") continue;
    const value = register(state, argumentRegister(at));
    return value.kind === "pointer" && value.region.kind === "map"
      ? program.maps[value.region.map]
      : undefined;
  }
  return undefined;
}

/** Bounds of a size argument as an unsigned number; the helper is given the low 32 or all 64 bits, so both are bounded. */
export function sizeBounds(value: Value): { readonly least: number; readonly most: number } | undefined {
  if (value.kind !== "number" || value.range.full.umax > MAXIMUM_SIZE_BYTES) return undefined;
  return { least: value.range.full.umin, most: value.range.full.umax };
}

function checkSize(
  value: Value,
  zeroAllowed: boolean,
  wrong: (expected: string) => Finding,
): Finding | undefined {
  const bounds = sizeBounds(value);
  if (bounds === undefined) return wrong("a bounded size");
  return bounds.least === 0 && !zeroAllowed ? wrong("a size that is not 0") : undefined;
}

function checkSizedMemory(
  program: Program,
  state: State,
  assertion: ArgumentAssertion,
  argument: Extract<ArgumentKind, { readonly kind: "memory" }>,
  value: Value,
  wrong: (expected: string) => Finding,
): Finding | undefined {
  const size = register(state, argumentRegister(assertion.position + 1));
  if (size.kind === "uninitialized") {
    return { code: "RegisterUninitialized", register: assertion.position + 2, stale: size.stale };
  }
  const bounds = sizeBounds(size);
  if (bounds === undefined) {
    return {
      code: "HelperArgument",
      helper: assertion.helper,
      position: assertion.position + 1,
      expected: "a bounded size",
      value: size,
    };
  }
  if (argument.orNull && value.kind === "number" && constantValue(value.range) === 0) {
    return bounds.most === 0 ? undefined : wrong("memory, or NULL with size 0");
  }
  const what = `memory of ${bounds.most} bytes`;
  return checkMemory(program, state, assertion, value, bounds, argument.access, what);
}

/**
 * Memory that a helper reads or writes, of a size within `size`. What it reads must be numbers throughout (a spilled
 * pointer would leak). What it writes may be uninitialised stack only if exactly `most` bytes are written for sure.
 */
function checkMemory(
  program: Program,
  state: State,
  assertion: ArgumentAssertion,
  value: Value,
  size: { readonly least: number; readonly most: number },
  access: "read" | "write" | "readWrite",
  expected: string,
): Finding | undefined {
  const { helper, position } = assertion;
  const index = argumentRegister(position);
  const wrong: Finding = { code: "HelperArgument", helper, position, expected, value };
  if (value.kind !== "pointer") return wrong;
  if (value.nullable) return { code: "PointerMaybeNull", register: index, value };
  if (value.region.kind === "context" || value.region.kind === "map" || value.region.kind === "packetEnd") {
    return wrong;
  }
  const extent = extentOf(value, 0, size.most, access === "read" ? "read" : "write", helper);
  const bounds = checkBounds(program, state, value, index, extent);
  if (bounds !== undefined || value.region.kind !== "stack") return bounds;
  const fresh = access === "write" && size.least === size.most && extent.low === extent.high;
  return fresh ? undefined : checkInitialized(state, value, value.region.frame, index, extent, position);
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

/** A map that is read-only for programs is not to be changed by a helper on their behalf either. */
export function checkMapWritable(program: Program, state: State, helper: Helper): Finding | undefined {
  const value = register(state, argumentRegister(0));
  if (value.kind !== "pointer" || value.region.kind !== "map") return undefined;
  const { map } = value.region;
  return isReadOnlyMap(program, map) ? { code: "MapOperation", helper, map, readOnly: true } : undefined;
}
