// What one step of a slice says, in words: the value it gave, the side of the branch and what is known since. Only text.
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { argumentRegister, registersOf } from "./assertion.ts";
import type { Value } from "./domain/value.ts";
import { outcomeOf, type ReplayStep, valueAt } from "./replay.ts";
import { helperName, plural, wholeInWords } from "./words.ts";

/** `after` is the next step of the path. */
export function noteOf(program: Program, step: ReplayStep, after: ReplayStep): string {
  switch (step.instruction.kind) {
    case "jump":
      return branchNote(program, step, after);
    case "store":
    case "atomic":
      return storeNote(program, step);
    case "call":
      return callNote(program, step, after);
    default:
      return valueNote(program, step, after);
  }
}

function valueNote(program: Program, { instruction }: ReplayStep, after: ReplayStep): string {
  const { written } = registersOf(instruction, program.platform, program.type.name);
  const register = instruction.kind === "loadPacket" ? 0 : 31 - Math.clz32(written);
  return `r${register} is ${wholeInWords(program, valueAt(after, register))}`;
}

function storeNote(program: Program, step: ReplayStep): string {
  const { instruction } = step;
  if (instruction.kind === "store" && instruction.source.kind === "register") {
    return `keeps ${wholeInWords(program, valueAt(step, instruction.source.register))} on the stack`;
  }
  return "writes to the stack";
}

function callNote(program: Program, step: ReplayStep, after: ReplayStep): string {
  const { instruction } = step;
  if (instruction.kind !== "call" || instruction.target.kind !== "helper") return "";
  const helper = findHelper(program.platform, instruction.target.id, program.type.name);
  const name = helper === undefined ? "the call" : helperName(helper);
  const releases = helper?.arguments.findIndex((row) => "release" in row && row.release === true) ?? -1;
  if (releases >= 0) {
    return `${name} takes back ${wholeInWords(program, valueAt(step, argumentRegister(releases)))}`;
  }
  if (helper?.invalidatesPacket === true) return `${name} may move the packet: pointers to it are void`;
  return `${name} gives ${wholeInWords(program, valueAt(after, 0))}`;
}

function branchNote(program: Program, step: ReplayStep, after: ReplayStep): string {
  const outcome = outcomeOf(program, { index: step.index, next: after.index });
  const side = outcome === true ? "taken" : "not taken";
  const learnt = learntOf(program, step, after);
  return learnt === undefined ? side : `${side}: ${learnt}`;
}

/** What the branch told of its operands. */
function learntOf(program: Program, step: ReplayStep, after: ReplayStep): string | undefined {
  const { instruction } = step;
  if (instruction.kind !== "jump" || instruction.condition === undefined) return undefined;
  const { left, right } = instruction.condition;
  if (after.packet > step.packet) return `the packet has at least ${plural(after.packet, "byte")}`;
  const registers = right.kind === "register" ? [left, right.register] : [left];
  for (const register of registers) {
    const before = valueAt(step, register);
    const now = valueAt(after, register);
    if (proved(now) > proved(before))
      return `${plural(proved(now), "byte")} from the variable part on are there`;
    if (before.kind === "pointer" && before.nullable) {
      return now.kind === "pointer" ? `r${register} is not NULL` : `r${register} is NULL`;
    }
  }
  const numbers = registers.filter((register) => {
    const now = valueAt(after, register);
    return now.kind === "number" && now.range.full.smin !== now.range.full.smax;
  });
  const words = numbers.map(
    (register) => `r${register} is ${wholeInWords(program, valueAt(after, register))}`,
  );
  return words.length === 0 ? undefined : words.join(", ");
}

function proved(value: Value): number {
  return value.kind === "pointer" ? value.proved : 0;
}
