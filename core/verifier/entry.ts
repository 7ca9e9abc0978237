// The state in which a program starts: what is in r1 ... r5.
import type { Program } from "../program/program.ts";
import { ranges } from "./domain/range.ts";
import { entryState, type State } from "./domain/state.ts";
import { numberValue, pointerTo, UNINITIALIZED, UNKNOWN_NUMBER, type Value, ZERO } from "./domain/value.ts";
import { type Parameter, prototypeOf } from "./prototype.ts";

/** Instances of what a function is given; those of look-ups are positive, those of direct addresses negative and small. */
export const FIRST_PARAMETER = -(2 ** 30);

/**
 * r1 is the context. Of a raw program r1 is its memory and r2 the length (0: r1 is 0). A function of .text has what its
 * prototype says; its callers, when they are verified, are followed into it with what they really pass.
 */
export function initialState(program: Program): State {
  const state = entryState();
  const sizeBytes = program.rawMemorySizeBytes;
  const prototype = prototypeOf(program);
  if (sizeBytes !== undefined) {
    state.registers[1] = sizeBytes === 0 ? ZERO : pointerTo({ kind: "memory", sizeBytes });
    state.registers[2] = numberValue(ranges.constant(sizeBytes));
  } else if (prototype === undefined) {
    state.registers[1] = pointerTo({ kind: "context" });
  } else {
    for (const [position, parameter] of prototype.parameters.entries()) {
      state.registers[position + 1] = parameterValue(parameter, FIRST_PARAMETER + position);
    }
  }
  return state;
}

function parameterValue(parameter: Parameter, instance: number): Value {
  switch (parameter.kind) {
    case "context":
      return pointerTo({ kind: "context" });
    case "number":
      return UNKNOWN_NUMBER;
    case "memory":
      return pointerTo({ kind: "memory", sizeBytes: parameter.sizeBytes, instance });
    case "opaque":
      return UNINITIALIZED;
  }
}
