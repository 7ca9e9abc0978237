// Functions that a helper calls back, any number of times: with what they start, what they must leave as it was, and what
// is left of the caller's state. A callback is followed once for each call of its helper, to its end, from a state that
// describes every round: numbers in the frames below are unknown, pointers and references are as they were.
import { type CallbackParameter, findHelper, type Helper } from "../platform/platform.ts";
import type { Checker } from "./memory.ts";
import { type NumberValue, unknown } from "./number.ts";
import { type CheckedProgram, mapOf, refuse } from "./program.ts";
import {
  copyState,
  emptyFrame,
  type Frame,
  forgetNumbers,
  forgetPacket,
  numberMask,
  pointer,
  read,
  SLOTS,
  type Slot,
  type State,
  type Value,
} from "./state.ts";

type Callback = NonNullable<Frame["callback"]>;

/** Where the function in argument `at` starts, and with what. */
export function callbackState(
  checker: Checker,
  state: State,
  helper: Helper,
  at: number,
): { readonly start: number; readonly state: State } {
  const argument = helper.arguments[at];
  const code = read(state, 1 + at);
  if (argument?.kind !== "callback" || code?.kind !== "pointer" || code.place !== "code") {
    return refuse("no function to call back");
  }
  const start = checker.program.subprograms[code.which]?.start ?? refuse("no such function");
  const parameters = argument.parameters.map((row) => parameterOf(checker, state, helper, row));
  const inner = copyState(state);
  forgetRounds(checker, inner, helper, at);
  inner.registers.fill(undefined);
  for (const [position, value] of parameters.entries()) inner.registers[1 + position] = value;
  const callback: Callback = {
    references: inner.references,
    stacks: inner.frames.map(({ slots }) => slots.slice()),
  };
  inner.frames.push({ ...emptyFrame(), callback });
  return { start, state: inner };
}

function parameterOf(checker: Checker, state: State, helper: Helper, parameter: CallbackParameter): Value {
  const first = read(state, 1);
  const map = first?.kind === "pointer" ? mapOf(checker.program, first) : undefined;
  switch (parameter) {
    case "number":
      return unknown();
    case "kernel":
      return pointer("kernel", { instance: checker.fresh() });
    case "passed": {
      const at = helper.arguments.findIndex(({ kind }) => kind === "callbackContext");
      return at < 0 ? undefined : read(state, 1 + at);
    }
    case "map":
      return first;
    case "mapKey":
      if (map === undefined) return undefined;
      return pointer("memory", { which: map.spec.keySizeBytes, flag: true, instance: checker.fresh() });
    case "mapValue":
      if (first?.kind !== "pointer" || (first.place !== "map" && first.place !== "innerMap"))
        return undefined;
      return pointer("mapValue", {
        which: first.which,
        flag: first.place === "innerMap",
        instance: checker.fresh(),
      });
  }
}

/** What any number of rounds may have done to the frames of the callers and to the packet. */
export function forgetRounds({ program }: Checker, state: State, _: Helper, at: number): void {
  for (const frame of state.frames) forgetNumbers(frame);
  const code = read(state, 1 + at);
  if (code?.kind !== "pointer" || code.place !== "code" || movesPacket(program, code.which))
    forgetPacket(state);
}

/** May the function, or one that it calls or registers, call a helper that moves the packet? */
function movesPacket(program: CheckedProgram, which: number): boolean {
  const reached = new Set([which]);
  for (const current of reached) {
    const { start, end } = program.subprograms[current] ?? refuse("no such function");
    for (let index = start; index < end; index++) {
      const instruction = program.instructions[index];
      if (instruction?.kind === "call" && instruction.target.kind === "helper") {
        const helper = findHelper(program.platform, instruction.target.id, program.type.name);
        if (helper?.invalidatesPacket === true) return true;
      }
      const callee = program.targets[index] ?? -1;
      if (instruction?.kind !== "call" && instruction?.kind !== "loadImmediate") continue;
      const next = program.subprograms.findIndex((row) => row.start === callee);
      if (next >= 0) reached.add(next);
    }
  }
  return false;
}

/** At the end of a callback, its own frame closed: nothing that a later round or the caller relies on has changed. */
export function checkCallbackEnd(state: State, { references, stacks }: Callback): void {
  const result = read(state, 0);
  if (result?.kind !== "number" || !isBoolean(result)) refuse("a callback returns 0 or 1");
  const held = state.references;
  if (held.length !== references.length || held.some((one) => !references.includes(one))) {
    refuse("a callback changes what is held");
  }
  for (const [depth, before] of stacks.entries()) {
    const now = state.frames[depth]?.slots ?? [];
    for (let at = 0; at < SLOTS; at++) {
      if (!isKept(before[at], now[at])) refuse("a callback changes a pointer of its caller");
    }
  }
}

function isBoolean({ low }: NumberValue): boolean {
  return low.u1 <= 1;
}

/** Numbers are still numbers, a pointer is the same, or more is known of it. */
function isKept(before: Slot, now: Slot): boolean {
  if (before?.kind !== "pointer") return (numberMask(before) & ~numberMask(now)) === 0;
  return (
    now?.kind === "pointer" &&
    now.place === before.place &&
    now.which === before.which &&
    now.flag === before.flag &&
    now.instance === before.instance &&
    now.holder === before.holder &&
    now.offset === before.offset &&
    now.part === before.part &&
    now.least >= before.least &&
    now.most <= before.most
  );
}
