// Does an argument fit the helper's prototype? One function per argument kind; memory is in check-argument.ts. Reads the
// state, never changes it.
import type { ArgumentKind, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { type Assertion, argumentRegister } from "./assertion.ts";
import {
  type ArgumentCheck,
  checkFixedMemory,
  checkMapMemory,
  checkSize,
  checkSizedMemory,
  checkText,
} from "./check-argument.ts";
import { constantValue } from "./domain/range.ts";
import { register, type State } from "./domain/state.ts";
import { holderOf, isZero, type PointerValue, type Value } from "./domain/value.ts";
import type { Finding } from "./finding.ts";
import { isMapOfMaps, isReadOnlyMap, mapOfRegion } from "./maps.ts";

type ArgumentAssertion = Extract<Assertion, { readonly kind: "argument" }>;
type ArgumentOf<Kind extends ArgumentKind["kind"]> = Extract<ArgumentKind, { readonly kind: Kind }>;

export function checkArgument(
  program: Program,
  state: State,
  { helper, position, argument }: ArgumentAssertion,
  strict: boolean,
): Finding | undefined {
  const index = argumentRegister(position);
  const value = register(state, index);
  if (value.kind === "uninitialized") {
    // Sound: the host's helpers never act on a number that the prototype lets be anything.
    const optional = (argument.kind === "scalar" || argument.kind === "anything") && argument.optional;
    return optional === true
      ? undefined
      : { code: "RegisterUninitialized", register: index, stale: value.stale };
  }
  const wrong = (expected: string): Finding => ({
    code: "HelperArgument",
    helper,
    position,
    expected,
    value,
  });
  return checkKind({ program, state, strict, helper, position, value, wrong }, argument);
}

function checkKind(check: ArgumentCheck, argument: ArgumentKind): Finding | undefined {
  const { value, wrong, helper } = check;
  switch (argument.kind) {
    case "scalar":
      return checkNumber(check);
    case "anything":
    case "callbackContext":
      // A callback gets it as it is, so a pointer does not leave the program.
      return check.strict && argument.kind === "anything" ? checkNumber(check) : undefined;
    case "context":
      if (argument.orNull === true && isZero(value)) return undefined;
      return isContext(value) ? undefined : wrong("the context, unchanged");
    case "map":
      return checkMap(check, argument);
    case "mapKey":
    case "mapValue":
      return checkMapMemory(check, argument);
    case "memory":
      return checkSizedMemory(check, argument);
    case "fixedMemory":
      return checkFixedMemory(check, argument);
    case "size":
      return checkSize(check, argument);
    case "recordSize":
      return recordSize(value) === undefined ? wrong("a size known when the program is compiled") : undefined;
    case "record":
      return checkRecord(check);
    case "object":
      return checkObject(check, argument);
    case "callback":
      return value.kind === "pointer" && value.region.kind === "code"
        ? undefined
        : wrong("a function of this program");
    case "text":
      return checkText(check);
    case "unsupported":
      return { code: "FeatureUnsupported", what: `bpf_${helper.name} with ${argument.what}` };
  }
}

function checkNumber({ value, position, helper, strict, wrong }: ArgumentCheck): Finding | undefined {
  if (value.kind === "number") return undefined;
  return strict
    ? { code: "PointerLeak", value, register: argumentRegister(position), to: "narrowed", helper, position }
    : wrong("a number");
}

/** A pointer as it was handed out, and not null. */
function isWhole(value: PointerValue): boolean {
  return value.offset === 0 && value.minimum === 0 && value.maximum === 0 && !value.nullable;
}

function isContext(value: Value): boolean {
  return value.kind === "pointer" && value.region.kind === "context" && isWhole(value);
}

function checkMap(check: ArgumentCheck, { types }: ArgumentOf<"map">): Finding | undefined {
  const { program, value, helper, wrong, position } = check;
  if (value.kind !== "pointer") return wrong("a map");
  const { region } = value;
  if (region.kind !== "map" && region.kind !== "innerMap") return wrong("a map");
  if (value.nullable) return { code: "PointerMaybeNull", register: argumentRegister(position), value };
  const map = mapOfRegion(program, region);
  const fault = (reason: "type" | "template"): Finding => ({
    code: "MapOperation",
    helper,
    map: region.map,
    inner: region.kind === "innerMap",
    reason,
  });
  // An inner map is known by the template of its map of maps only, and a template has none of its own.
  if (map === undefined || (region.kind === "innerMap" && isMapOfMaps(map))) return fault("template");
  return types.includes(map.type.name) ? undefined : fault("type");
}

/** Largest record a program may reserve: far above what fits into a ring buffer of any use. */
const MAXIMUM_RECORD_BYTES = 2 ** 29;

/** The known number of bytes that "recordSize" asks for. */
export function recordSize(value: Value): number | undefined {
  if (value.kind !== "number") return undefined;
  const size = constantValue(value.range);
  return size !== undefined && size >= 0 && size <= MAXIMUM_RECORD_BYTES ? size : undefined;
}

function checkRecord({ state, value, position, wrong }: ArgumentCheck): Finding | undefined {
  if (value.kind !== "pointer" || value.region.kind !== "allocated") return wrong("a reserved record");
  const index = argumentRegister(position);
  if (value.nullable) return { code: "PointerMaybeNull", register: index, value };
  if (!isWhole(value)) return wrong("a reserved record, from its first byte");
  return checkHeld(state, value, index);
}

/** Sound: only what is held is given back, so nothing is released twice. */
function checkHeld(state: State, value: PointerValue, register: number): Finding | undefined {
  return state.references.includes(holderOf(value.region))
    ? undefined
    : { code: "ReferenceNotHeld", register, value };
}

function checkObject(check: ArgumentCheck, argument: ArgumentOf<"object">): Finding | undefined {
  const { state, value, wrong, position } = check;
  if (argument.orNull === true && isZero(value)) return undefined;
  const expected = argument.types.filter((type) => type !== "kernel").join(" or ") || "kernel object";
  if (value.kind !== "pointer") return wrong(`a ${expected}`);
  const { region } = value;
  const type = region.kind === "object" ? region.type : region.kind;
  if ((region.kind !== "object" && region.kind !== "kernel") || !argument.types.includes(type)) {
    return wrong(`a ${expected}`);
  }
  const index = argumentRegister(position);
  if (value.nullable && argument.orNull !== true) {
    return { code: "PointerMaybeNull", register: index, value };
  }
  if (!isWhole({ ...value, nullable: false })) return wrong(`a ${expected}, unchanged`);
  return argument.release === true ? checkHeld(state, value, index) : undefined;
}

/** A map that is read-only for programs is not to be changed by a helper on their behalf either. */
export function checkMapWritable(program: Program, state: State, helper: Helper): Finding | undefined {
  const value = register(state, argumentRegister(0));
  if (value.kind !== "pointer") return undefined;
  const { region } = value;
  if (region.kind !== "map" && region.kind !== "innerMap") return undefined;
  return isReadOnlyMap(mapOfRegion(program, region))
    ? { code: "MapOperation", helper, map: region.map, inner: region.kind === "innerMap", reason: "readOnly" }
    : undefined;
}
