// Functions of the program that a helper calls back while it runs: with what they start, and what is left of the callers'
// state after any number of rounds.
//
// A callback is followed once for each call of its helper, from a state that describes every round: what it could change
// in the frames below (numbers) is unknown, what it must not change (pointers, references) is checked where it exits.
import { REGISTER_COUNT, STACK_POINTER } from "../isa/instruction.ts";
import { type CallbackParameter, findHelper, type Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { argumentRegister } from "./assertion.ts";
import { EMPTY_STACK, forgetNumbers } from "./domain/stack.ts";
import { cloneState, forgetPacket, register, type State, setStack } from "./domain/state.ts";
import { pointerTo, UNINITIALIZED, UNKNOWN_NUMBER, type Value } from "./domain/value.ts";
import { mapOfRegion } from "./maps.ts";
import { freshId, type Ids } from "./transfer-alu.ts";

export interface CallbackPath {
  /** The first instruction of the callback. */
  readonly start: number;
  readonly state: State;
}

/** The path into the callback that a call of `helper` registers, if it takes one; `state` is the one before the call. */
export function callbackPath(
  program: Program,
  ids: Ids,
  state: State,
  helper: Helper,
): CallbackPath | undefined {
  const position = helper.arguments.findIndex((argument) => argument.kind === "callback");
  const argument = helper.arguments[position];
  const value = register(state, argumentRegister(position));
  if (argument?.kind !== "callback" || value.kind !== "pointer" || value.region.kind !== "code")
    return undefined;
  const start = program.subprograms[value.region.function]?.start;
  if (start === undefined) return undefined;
  const next = cloneState(state);
  const parameters = argument.parameters.map((parameter) =>
    parameterValue(program, ids, state, helper, parameter),
  );
  forgetRounds(program, next, helper);
  for (let index = 0; index < REGISTER_COUNT; index++) next.registers[index] = UNINITIALIZED;
  for (const [index, parameter] of parameters.entries()) next.registers[argumentRegister(index)] = parameter;
  const frame = next.frames.length;
  const callback = { references: next.references, stacks: next.frames.map((row) => row.stack) };
  next.frames.push({ returnTo: -1, callerSaved: [], stack: EMPTY_STACK, callback });
  next.registers[STACK_POINTER] = pointerTo({ kind: "stack", frame });
  return { start, state: next };
}

/** What any number of rounds of the callback that `helper` was given may have done. */
export function forgetRounds(program: Program, state: State, helper: Helper): void {
  const position = helper.arguments.findIndex((argument) => argument.kind === "callback");
  if (position < 0) return;
  for (const [index, frame] of state.frames.entries()) setStack(state, index, forgetNumbers(frame.stack));
  const value = register(state, argumentRegister(position));
  if (
    value.kind !== "pointer" ||
    value.region.kind !== "code" ||
    movesPacket(program, value.region.function)
  ) {
    forgetPacket(state);
  }
}

function parameterValue(
  program: Program,
  ids: Ids,
  state: State,
  helper: Helper,
  parameter: CallbackParameter,
): Value {
  const given = register(state, argumentRegister(0));
  const region = given.kind === "pointer" ? given.region : undefined;
  const map = region === undefined ? undefined : mapOfRegion(program, region);
  switch (parameter) {
    case "number":
      return UNKNOWN_NUMBER;
    case "kernel":
      return pointerTo({ kind: "kernel", instance: freshId(ids) });
    case "passed": {
      const at = helper.arguments.findIndex((argument) => argument.kind === "callbackContext");
      return at < 0 ? UNINITIALIZED : register(state, argumentRegister(at));
    }
    case "map":
      return given;
    case "mapKey":
      if (map === undefined) return UNINITIALIZED;
      return pointerTo({
        kind: "memory",
        sizeBytes: map.spec.keySizeBytes,
        instance: freshId(ids),
        readOnly: true,
      });
    case "mapValue": {
      if (region?.kind !== "map" && region?.kind !== "innerMap") return UNINITIALIZED;
      const inner = region.kind === "innerMap" ? ({ inner: true } as const) : {};
      return pointerTo({ kind: "mapValue", map: region.map, instance: freshId(ids), ...inner });
    }
  }
}

const movers = new WeakMap<Program, Map<number, boolean>>();

/** May function number `index`, or one that it calls or registers in turn, call a helper that moves the packet? */
function movesPacket(program: Program, index: number): boolean {
  let known = movers.get(program);
  if (known === undefined) {
    known = new Map();
    movers.set(program, known);
  }
  let answer = known.get(index);
  if (answer === undefined) {
    answer = reachesMover(program, index);
    known.set(index, answer);
  }
  return answer;
}

function reachesMover(program: Program, index: number): boolean {
  const reached = new Set([index]);
  for (const current of reached) {
    const { start, end } = program.subprograms[current] ?? { start: 0, end: 0 };
    for (let at = start; at < end; at++) {
      const instruction = program.instructions[at];
      if (instruction?.kind === "call" && instruction.target.kind === "helper") {
        const helper = findHelper(program.platform, instruction.target.id, program.type.name);
        if (helper?.invalidatesPacket === true) return true;
      } else if (instruction?.kind === "call" || instruction?.kind === "loadImmediate") {
        const callee = program.subprograms.findIndex((row) => row.start === program.targets[at]);
        if (callee >= 0) reached.add(callee);
      }
    }
  }
  return false;
}
