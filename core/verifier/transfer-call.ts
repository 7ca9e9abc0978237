// How calls and returns change the state: helpers by their row, local calls by opening a frame, exit by closing it.
import { type LoadPacketInstruction, REGISTER_COUNT, STACK_POINTER } from "../isa/instruction.ts";
import type { Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { argumentRegister } from "./assertion.ts";
import { mapBefore, sizeAfter } from "./check-argument.ts";
import { recordSize } from "./check-call.ts";
import { ranges, unsignedOf } from "./domain/range.ts";
import { EMPTY_STACK, STACK_SIZE_BYTES, writeSomewhere, writeUnknown } from "./domain/stack.ts";
import {
  acquire,
  forgetPacket,
  mapValues,
  register,
  release,
  type State,
  setStack,
  stackOf,
} from "./domain/state.ts";
import { holderOf, numberValue, pointerTo, UNINITIALIZED, type Value } from "./domain/value.ts";
import { isMapOfMaps, mapOfRegion } from "./maps.ts";
import { freshId, type Ids } from "./transfer-alu.ts";
import { forgetRounds } from "./transfer-callback.ts";

/** r1 ... r5 are lost in any call (RFC 9669 section 2.1). */
const LAST_ARGUMENT = 5;
const FIRST_SAVED = 6;

export function transferHelper(program: Program, ids: Ids, state: State, helper: Helper): void {
  for (let position = 0; position < helper.arguments.length; position++) {
    writeArgument(program, state, helper, position);
  }
  forgetRounds(program, state, helper);
  const result = helperResult(program, state, ids, helper);
  for (const holder of releasedBy(state, helper)) release(state, holder);
  if (helper.invalidatesPacket === true) forgetPacket(state);
  for (let index = 1; index <= LAST_ARGUMENT; index++) state.registers[index] = UNINITIALIZED;
  state.registers[0] = result;
}

/** References that the call gives back. */
function releasedBy(state: State, helper: Helper): number[] {
  return helper.arguments.flatMap((argument, position) => {
    const releases = (argument.kind === "object" || argument.kind === "record") && argument.release === true;
    const value = register(state, argumentRegister(position));
    return releases && value.kind === "pointer" ? [holderOf(value.region)] : [];
  });
}

/**
 * Stack memory that the helper writes holds unknown numbers afterwards. Sound: where the length is not known exactly,
 * check-argument.ts asked for initialised numbers throughout, so every byte is a number either way; or any byte of the
 * stack is a number to whoever reads it so (not strict), and what stays uninitialised says no more.
 */
function writeArgument(program: Program, state: State, helper: Helper, position: number): void {
  const argument = helper.arguments[position];
  const value = register(state, argumentRegister(position));
  if (value.kind !== "pointer" || value.region.kind !== "stack" || argument === undefined) return;
  const size = writtenSize(program, state, helper, position);
  if (size === undefined || size.most === 0) return;
  const { frame } = value.region;
  const from = value.offset + value.minimum + STACK_SIZE_BYTES;
  const to = value.offset + value.maximum + STACK_SIZE_BYTES + size.most;
  const stack = stackOf(state, frame);
  const exact = value.minimum === value.maximum && size.least === size.most;
  setStack(state, frame, exact ? writeUnknown(stack, from, to) : writeSomewhere(stack, from, to));
}

/** How many bytes the helper writes at its argument; undefined if it does not write there. */
function writtenSize(
  program: Program,
  state: State,
  helper: Helper,
  position: number,
): { readonly least: number; readonly most: number } | undefined {
  const argument = helper.arguments[position];
  switch (argument?.kind) {
    case "memory":
      return argument.access === "read" ? undefined : sizeAfter(state, helper, position);
    case "fixedMemory":
      if (argument.access === "read") return undefined;
      return { least: argument.sizeBytes, most: argument.sizeBytes };
    case "mapValue": {
      if (argument.access === "read") return undefined;
      const size = mapBefore(program, state, helper, position)?.spec.valueSizeBytes;
      return size === undefined ? undefined : { least: size, most: size };
    }
    default:
      return undefined;
  }
}

function helperResult(program: Program, state: State, ids: Ids, helper: Helper): Value {
  const { returns } = helper;
  switch (returns.kind) {
    case "scalar": {
      const { minimum, maximum } = returns;
      if (minimum === undefined || maximum === undefined) return numberValue(ranges.unknown);
      return numberValue(ranges.between(clamp(minimum), clamp(maximum)));
    }
    case "nothing":
      return UNINITIALIZED;
    case "mapValueOrNull":
    case "mapValue":
      return entryOf(program, state, ids, returns.kind === "mapValueOrNull");
    case "recordOrNull":
      return reserved(state, ids, helper);
    case "objectOrNull": {
      const instance = freshId(ids);
      if (returns.acquired) acquire(state, instance);
      const holder = returns.acquired ? instance : holderOfArgument(state);
      return pointerTo({ kind: "object", type: returns.type, instance, holder }, 0, true);
    }
    case "kernel":
      return pointerTo({ kind: "kernel", instance: freshId(ids) }, 0, returns.nullable);
    case "memoryOrNull":
      return pointerTo({ kind: "memory", sizeBytes: returns.sizeBytes, instance: freshId(ids) }, 0, true);
  }
}

/** What is made of an object lives as long as that one. */
function holderOfArgument(state: State): number {
  const first = register(state, argumentRegister(0));
  return first.kind === "pointer" ? holderOf(first.region) : 0;
}

/** The value, or of a map of maps the inner map, that a look-up in the map in r1 gives. */
function entryOf(program: Program, state: State, ids: Ids, nullable: boolean): Value {
  const given = register(state, argumentRegister(0));
  if (given.kind !== "pointer") return UNINITIALIZED;
  const { region } = given;
  const map = mapOfRegion(program, region);
  if (map === undefined) return UNINITIALIZED;
  const instance = freshId(ids);
  if (region.kind === "innerMap") {
    if (isMapOfMaps(map)) return UNINITIALIZED;
    return pointerTo({ kind: "mapValue", map: region.map, instance, inner: true }, 0, nullable);
  }
  if (region.kind !== "map") return UNINITIALIZED;
  return isMapOfMaps(map)
    ? pointerTo({ kind: "innerMap", map: region.map, instance }, 0, nullable)
    : pointerTo({ kind: "mapValue", map: region.map, instance }, 0, nullable);
}

/** A new record, held until it is given back; if the ring buffer is full there is none (see settleNull in branch.ts). */
function reserved(state: State, ids: Ids, helper: Helper): Value {
  const at = helper.arguments.findIndex((argument) => argument.kind === "recordSize");
  const sizeBytes = recordSize(register(state, argumentRegister(at)));
  if (sizeBytes === undefined) return UNINITIALIZED;
  const instance = freshId(ids);
  acquire(state, instance);
  return pointerTo({ kind: "allocated", sizeBytes, instance }, 0, true);
}

/** The legacy packet load is a call: the result is in r0, r1 ... r5 are lost. */
export function transferPacketLoad(state: State, instruction: LoadPacketInstruction): void {
  for (let index = 1; index <= LAST_ARGUMENT; index++) state.registers[index] = UNINITIALIZED;
  state.registers[0] = numberValue(unsignedOf(instruction.sizeBytes));
}

/** A bound that is not exact as a double is no bound. */
function clamp(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  return number < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Opens a frame: arguments are passed as they are, pointers to the caller's stack among them; nothing else is. */
export function enterFrame(state: State, returnTo: number, liveAtReturn: number): void {
  const callerSaved: Value[] = [];
  for (let index = FIRST_SAVED; index < STACK_POINTER; index++) {
    // What the caller does not read again need not be kept apart in states of the callee.
    callerSaved.push((liveAtReturn >> index) & 1 ? register(state, index) : UNINITIALIZED);
    state.registers[index] = UNINITIALIZED;
  }
  const frame = state.frames.length;
  state.frames.push({ returnTo, callerSaved, stack: EMPTY_STACK });
  state.registers[0] = UNINITIALIZED;
  state.registers[STACK_POINTER] = pointerTo({ kind: "stack", frame });
}

/**
 * Closes the running frame and answers where to go on; -1 if it was the entry's or a callback's. Sound: no pointer into the closed
 * frame stays usable, wherever the callee has put it.
 */
export function leaveFrame(state: State): number {
  const closed = state.frames.pop();
  const frame = state.frames.length;
  if (closed === undefined || frame === 0 || closed.callback !== undefined) return -1;
  for (let index = 1; index < REGISTER_COUNT; index++) {
    state.registers[index] = closed.callerSaved[index - FIRST_SAVED] ?? UNINITIALIZED;
  }
  state.registers[STACK_POINTER] = pointerTo({ kind: "stack", frame: frame - 1 });
  mapValues(state, (value) =>
    value.kind === "pointer" && value.region.kind === "stack" && value.region.frame >= frame
      ? UNINITIALIZED
      : value,
  );
  return closed.returnTo;
}
