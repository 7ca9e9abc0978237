// How calls and returns change the state: helpers by their row, local calls by opening a frame, exit by closing it.
import { REGISTER_COUNT, STACK_POINTER } from "../isa/instruction.ts";
import type { Helper, HelperReturn } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { argumentRegister, mapBefore, sizeBounds } from "./check-call.ts";
import { ranges } from "./domain/range.ts";
import { EMPTY_STACK, STACK_SIZE_BYTES, writeSomewhere, writeUnknown } from "./domain/stack.ts";
import { forgetPacket, mapValues, register, type State, setStack, stackOf } from "./domain/state.ts";
import { numberValue, pointerTo, UNINITIALIZED, type Value } from "./domain/value.ts";
import { freshId, type Ids } from "./transfer-alu.ts";

/** r1 ... r5 are lost in any call (RFC 9669 section 2.1). */
const LAST_ARGUMENT = 5;
const FIRST_SAVED = 6;

export function transferHelper(program: Program, ids: Ids, state: State, helper: Helper): void {
  for (let position = 0; position < helper.arguments.length; position++) {
    writeArgument(program, state, helper, position);
  }
  const result = helperResult(program, state, ids, helper.returns);
  if (helper.invalidatesPacket === true) forgetPacket(state);
  for (let index = 1; index <= LAST_ARGUMENT; index++) state.registers[index] = UNINITIALIZED;
  state.registers[0] = result;
}

/**
 * Stack memory that the helper writes holds unknown numbers afterwards. Sound: where the length is not known exactly,
 * check-call.ts asked for initialised numbers throughout, so every byte is a number either way.
 */
function writeArgument(program: Program, state: State, helper: Helper, position: number): void {
  const argument = helper.arguments[position];
  const value = register(state, argumentRegister(position));
  if (value.kind !== "pointer" || value.region.kind !== "stack" || argument === undefined) return;
  let most: number | undefined;
  if (argument.kind === "memory" && argument.access !== "read") {
    most = sizeBounds(register(state, argumentRegister(position + 1)))?.most;
  } else if (argument.kind === "mapValue" && argument.access === "write") {
    most = mapBefore(program, state, helper, position)?.spec.valueSizeBytes;
  }
  if (most === undefined || most === 0) return;
  const { frame } = value.region;
  const from = value.offset + value.minimum + STACK_SIZE_BYTES;
  const to = value.offset + value.maximum + STACK_SIZE_BYTES + most;
  const stack = stackOf(state, frame);
  const exact = value.minimum === value.maximum;
  setStack(state, frame, exact ? writeUnknown(stack, from, to) : writeSomewhere(stack, from, to));
}

function helperResult(program: Program, state: State, ids: Ids, returns: HelperReturn): Value {
  if (returns.kind === "scalar") {
    const { minimum, maximum } = returns;
    if (minimum === undefined || maximum === undefined) return numberValue(ranges.unknown);
    return numberValue(ranges.between(clamp(minimum), clamp(maximum)));
  }
  if (returns.kind === "nothing") return UNINITIALIZED;
  const map = register(state, 1);
  if (map.kind !== "pointer" || map.region.kind !== "map") return UNINITIALIZED;
  // The value of a map of maps is a map, which no region here describes.
  const type = program.maps[map.region.map]?.type.name;
  if (type === "hash_of_maps" || type === "array_of_maps") return UNINITIALIZED;
  return pointerTo({ kind: "mapValue", map: map.region.map, instance: freshId(ids) }, 0, true);
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
 * Closes the running frame and answers where to go on; -1 if it was the entry's. Sound: no pointer into the closed
 * frame stays usable, wherever the callee has put it.
 */
export function leaveFrame(state: State): number {
  const closed = state.frames.pop();
  const frame = state.frames.length;
  if (closed === undefined || frame === 0) return -1;
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
