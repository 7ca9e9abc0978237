// Calls of helpers: what each argument must be, what the call leaves. One row of the platform's table a helper.
import type { LoadPacketInstruction } from "../isa/instruction.ts";
import { type ArgumentKind, findHelper, type Helper, mayCall } from "../platform/platform.ts";
import { isZero } from "./arithmetic.ts";
import { address, type Checker, checkBytes, frameOf, isKernel, object } from "./memory.ts";
import { anyOfSize, between, constantOf, type NumberValue, unknown } from "./number.ts";
import { type CheckedMap, isMapOfMaps, isReadOnly, mapOf, refuse } from "./program.ts";
import { isNumbers, writeAny, writeSomewhere } from "./stack.ts";
import {
  dropReference,
  forgetPacket,
  holderOf,
  mapValues,
  ownSlots,
  type Pointer,
  pointer,
  read,
  STACK_BYTES,
  type State,
  type Value,
} from "./state.ts";

/** No memory that helpers are given is larger. */
const MOST_BYTES = 2 ** 29;
const MAP_WRITERS = ["map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem"];

/** The helper of a call, which programs of this type may call. */
export function helperOf({ program }: Checker, id: number): Helper {
  const helper = findHelper(program.platform, id, program.type.name);
  if (helper === undefined || !mayCall(helper, program.type.name)) return refuse(`helper ${id}`);
  // Sections of programs that may wait end their hook's name so.
  const waits = program.type.name === "syscall" || /\.s(\/|$)/.test(program.section);
  return helper.maySleep === true && !waits ? refuse(`${helper.name} may wait`) : helper;
}

/** What is written through an argument: so many bytes at least and at most. */
interface Written {
  readonly base: Pointer;
  readonly least: number;
  readonly most: number;
}

/** Checks the call and does to the state what it does; callbacks are the caller's business, before. */
export function callHelper(checker: Checker, state: State, helper: Helper, forget: () => void): void {
  const written: Written[] = [];
  const released: number[] = [];
  for (let position = 0; position < helper.arguments.length; position++) {
    const argument = helper.arguments[position] as ArgumentKind;
    const value = read(state, 1 + position);
    if (value === undefined) {
      const optional = (argument.kind === "scalar" || argument.kind === "anything") && argument.optional;
      if (optional !== true) refuse(`${helper.name}: r${1 + position} is not initialised`);
      continue;
    }
    const memory = checkArgument({ checker, state, helper, position, value }, argument);
    if (memory !== undefined) written.push(memory);
    const releases = (argument.kind === "object" || argument.kind === "record") && argument.release === true;
    if (releases && value.kind === "pointer") released.push(holderOf(value));
  }
  if (MAP_WRITERS.includes(helper.name)) checkMapWritten(checker, read(state, 1));
  if (helper.name === "tail_call" && state.references.length > 0) refuse("tail call with a reference held");
  for (const { base, least, most } of written) {
    if (base.place !== "stack" || most === 0) continue;
    const from = base.offset + base.least + STACK_BYTES;
    const to = base.offset + base.most + STACK_BYTES + most;
    const slots = ownSlots(frameOf(state, base));
    if (base.least === base.most && least === most) writeAny(slots, from, to);
    else writeSomewhere(slots, from, to);
  }
  forget();
  const result = resultOf(checker, state, helper);
  for (const reference of released) {
    dropReference(state, reference);
    mapValues(state, (one) => (one.kind === "pointer" && holderOf(one) === reference ? undefined : one));
  }
  if (helper.invalidatesPacket === true) forgetPacket(state);
  for (let register = 1; register <= 5; register++) state.registers[register] = undefined;
  state.registers[0] = result;
}

interface Argument {
  readonly checker: Checker;
  readonly state: State;
  readonly helper: Helper;
  readonly position: number;
  readonly value: NumberValue | Pointer;
}

function wrong({ helper, position }: Argument, expected: string): never {
  return refuse(`${helper.name}: r${1 + position} is not ${expected}`);
}

/** A pointer as it was handed out; null only if that is allowed. */
function whole(given: Argument, expected: string, nullable = false): Pointer {
  const { value } = given;
  if (value.kind !== "pointer" || value.offset !== 0 || value.least !== 0 || value.most !== 0) {
    return wrong(given, expected);
  }
  return value.nullable && !nullable ? wrong(given, `${expected}, it may be null`) : value;
}

function checkArgument(given: Argument, argument: ArgumentKind): Written | undefined {
  const { checker, value, helper } = given;
  switch (argument.kind) {
    case "scalar":
      if (value.kind !== "number") wrong(given, "a number");
      return undefined;
    case "anything":
      if (checker.strict && value.kind !== "number") wrong(given, "a number");
      return undefined;
    case "callbackContext":
      return undefined;
    case "context":
      if (argument.orNull === true && isZero(value)) return undefined;
      if (whole(given, "the context").place !== "context") wrong(given, "the context");
      return undefined;
    case "map":
      checkMap(given, argument.types);
      return undefined;
    case "mapKey":
    case "mapValue": {
      if (argument.kind === "mapValue" && argument.orNull === true && isZero(value)) return undefined;
      const { spec } = mapBefore(given) ?? wrong(given, "behind a map");
      const size = argument.kind === "mapKey" ? spec.keySizeBytes : spec.valueSizeBytes;
      return bytes(given, size, size, argument.kind === "mapKey" ? "read" : argument.access);
    }
    case "memory": {
      const { least, most } = sizeOf(given, argument.sizeAt ?? given.position + 1);
      if (argument.orNull && isZero(value)) return most === 0 ? undefined : wrong(given, "memory");
      return bytes(given, least, most, argument.access);
    }
    case "fixedMemory":
      if (argument.orNull === true && isZero(value)) return undefined;
      return bytes(given, argument.sizeBytes, argument.sizeBytes, argument.access);
    case "size": {
      const { least } = sizeOf(given, given.position);
      if (least === 0 && !argument.zeroAllowed) wrong(given, "a size above 0");
      return undefined;
    }
    case "recordSize":
      recordSize(value);
      return undefined;
    case "record":
      if (whole(given, "a record").place !== "record") wrong(given, "a record");
      checkHeld(given);
      return undefined;
    case "object": {
      if (argument.orNull === true && isZero(value)) return undefined;
      const { place, which } = whole(given, "an object", argument.orNull === true);
      const type = place === "object" ? checker.program.platform.objectTypes?.[which]?.name : place;
      if (
        (place !== "object" && place !== "kernel") ||
        type === undefined ||
        !argument.types.includes(type)
      ) {
        wrong(given, "such an object");
      }
      if (argument.release === true) checkHeld(given);
      return undefined;
    }
    case "callback":
      if (value.kind !== "pointer" || value.place !== "code") wrong(given, "a function");
      return undefined;
    case "text":
      checkText(given);
      return undefined;
    case "unsupported":
      return refuse(`${helper.name} with ${argument.what}`);
  }
}

function checkMap(given: Argument, types: readonly string[]): void {
  const { value, checker } = given;
  if (value.kind !== "pointer" || value.nullable || (value.place !== "map" && value.place !== "innerMap")) {
    wrong(given, "a map");
  }
  const map = mapOf(checker.program, value as Pointer);
  if (map === undefined || ((value as Pointer).place === "innerMap" && isMapOfMaps(map)))
    wrong(given, "a known map");
  if (!types.includes(map?.type.name ?? "")) wrong(given, "a map of such a type");
}

function checkMapWritten({ program }: Checker, map: Value): void {
  if (map?.kind !== "pointer" || (map.place !== "map" && map.place !== "innerMap")) return;
  if (isReadOnly(mapOf(program, map))) refuse("the map is read-only");
}

/** Only what is held is given back. */
function checkHeld(given: Argument): void {
  const { value, state } = given;
  if (value.kind !== "pointer" || !state.references.includes(holderOf(value))) wrong(given, "held");
}

/** The map of the nearest argument before that is one. */
function mapBefore({ checker, state, helper, position }: Argument): CheckedMap | undefined {
  for (let at = position - 1; at >= 0; at--) {
    if (helper.arguments[at]?.kind !== "map") continue;
    const value = read(state, 1 + at);
    return value?.kind === "pointer" ? mapOf(checker.program, value) : undefined;
  }
  return undefined;
}

/** Bounds of the size in argument `at`: the low 32 bits, or all where the helper takes them. */
function sizeOf(given: Argument, at: number): { readonly least: number; readonly most: number } {
  const { state, helper } = given;
  const value = read(state, 1 + at);
  const row = helper.arguments[at];
  if (value?.kind !== "number") return wrong(given, "with a size");
  const { u0: least, u1: most } = row?.kind === "size" && row.bits === 64 ? value.full : value.low;
  return most <= MOST_BYTES ? { least, most } : wrong(given, "with a bounded size");
}

/**
 * Memory that the helper reads or writes. Where no address may leave, what it reads of a stack must be numbers, and so
 * must what it may or may not write.
 */
function bytes(
  given: Argument,
  least: number,
  most: number,
  access: "read" | "write" | "readWrite",
): Written | undefined {
  const { checker, state, position, helper } = given;
  const base = address(state, 1 + position);
  const writes = access !== "read";
  checkBytes(checker, state, base, 0, most, writes);
  if (
    base.place === "stack" &&
    checker.strict &&
    !(access === "write" && least === most && base.least === base.most)
  ) {
    const from = base.offset + base.least + STACK_BYTES;
    const to = base.offset + base.most + most + STACK_BYTES;
    if (!isNumbers(frameOf(state, base).slots, from, to)) refuse(`${helper.name}: stack that is no number`);
  }
  return writes ? { base, least, most } : undefined;
}

function recordSize(value: Value): number {
  const size = value?.kind === "number" ? constantOf(value) : undefined;
  return size !== undefined && size >= 0 && size <= MOST_BYTES ? size : refuse("a record of unknown size");
}

/** A text with its final 0 in read-only data. */
function checkText(given: Argument): void {
  const { value, checker } = given;
  if (
    value.kind !== "pointer" ||
    value.place !== "mapValue" ||
    value.nullable ||
    value.least !== value.most
  ) {
    wrong(given, "a constant text");
  }
  const { offset, least } = value as Pointer;
  const data = mapOf(checker.program, value as Pointer)?.spec.data;
  const at = offset + least;
  if (data?.readOnly !== true || at < 0 || data.bytes.indexOf(0, at) < 0)
    wrong(given, "a text with its final 0");
}

/** What is in r0 afterwards; what is acquired is held. The arguments are still there. */
function resultOf(checker: Checker, state: State, helper: Helper): Value {
  const { returns } = helper;
  switch (returns.kind) {
    case "scalar": {
      const { minimum, maximum } = returns;
      return minimum === undefined || maximum === undefined
        ? unknown()
        : between(bound(minimum), bound(maximum));
    }
    case "nothing":
      return undefined;
    case "mapValue":
    case "mapValueOrNull":
      return entryOf(checker, read(state, 1), returns.kind === "mapValueOrNull");
    case "recordOrNull": {
      const at = helper.arguments.findIndex((row) => row.kind === "recordSize");
      const which = recordSize(read(state, 1 + at));
      const instance = checker.fresh();
      state.references = [...state.references, instance];
      return pointer("record", { which, instance, nullable: true });
    }
    case "objectOrNull": {
      const instance = checker.fresh();
      const first = read(state, 1);
      // What is made of an object lives as long as that one.
      const holder = returns.acquired ? instance : first?.kind === "pointer" ? holderOf(first) : 0;
      if (returns.acquired) state.references = [...state.references, instance];
      return object(checker, returns.type, { instance, holder, nullable: true });
    }
    case "kernel":
      return pointer("kernel", { instance: checker.fresh(), nullable: returns.nullable });
    case "memoryOrNull":
      return pointer("memory", { which: returns.sizeBytes, instance: checker.fresh(), nullable: true });
  }
}

function bound(value: bigint): number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : number * Number.POSITIVE_INFINITY;
}

function entryOf(checker: Checker, given: Value, nullable: boolean): Value {
  if (given?.kind !== "pointer") return undefined;
  const map = mapOf(checker.program, given);
  if (map === undefined || (given.place !== "map" && given.place !== "innerMap")) return undefined;
  const inner = given.place === "innerMap";
  if (isMapOfMaps(map) && inner) return undefined;
  const changes = { which: given.which, instance: checker.fresh(), nullable };
  return isMapOfMaps(map) ? pointer("innerMap", changes) : pointer("mapValue", { ...changes, flag: inner });
}

/** The legacy packet load is a call with the context in r6; it may end the program. */
export function loadPacket(
  { program }: Checker,
  state: State,
  { sizeBytes, index }: LoadPacketInstruction,
): void {
  if (program.type.packetLoads !== true) refuse("no packet loads for this type");
  if (state.references.length > 0) refuse("packet load with a reference held");
  const context = read(state, 6);
  if (
    context?.kind !== "pointer" ||
    context.place !== "context" ||
    context.offset !== 0 ||
    context.nullable
  ) {
    refuse("r6 is not the context");
  }
  if (index !== undefined) {
    const value = read(state, index);
    if (value?.kind !== "number" && !isKernel(value)) refuse("the index is no number");
  }
  for (let register = 1; register <= 5; register++) state.registers[register] = undefined;
  state.registers[0] = anyOfSize(sizeBytes);
}
