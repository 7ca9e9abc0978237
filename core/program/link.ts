// Linking: the entry and every function it reaches become one stream of instructions, each function once. Offsets of calls
// are rewritten for the stream; where a jump or call leads is put into `targets`. Knows no platform.
import { FormatError, InternalError } from "../base/error.ts";
import { type Instruction, slotCount } from "../isa/instruction.ts";
import type { FunctionSpec, ObjectSpec, Reference, SourceLocation } from "../spec.ts";
import type { Subprogram } from "./program.ts";

export interface LinkedProgram {
  readonly entry: FunctionSpec;
  readonly instructions: readonly Instruction[];
  readonly sources: readonly (SourceLocation | undefined)[];
  readonly subprograms: readonly Subprogram[];
  readonly slots: Int32Array;
  readonly targets: Int32Array;
  /** What is not a function: maps, variables, externs; indexes are those of the stream. */
  readonly references: readonly Reference[];
}

/** InstructionInvalid if a function that is reached does not decode. */
export function link(object: ObjectSpec, entry: FunctionSpec): LinkedProgram {
  const functions = reach(object, entry);
  const starts = new Map<string, number>();
  let count = 0;
  for (const spec of functions) {
    starts.set(spec.name, count);
    count += spec.instructions.length;
  }
  const joined = functions.flatMap((spec) => spec.instructions);
  const references = functions.flatMap((spec) => {
    const start = starts.get(spec.name) ?? 0;
    return spec.references.map((one) => ({ ...one, instructionIndex: one.instructionIndex + start }));
  });
  const slots = slotsOf(joined);
  const instructions = pointToFunctions(joined, references, starts, slots);
  const named = functions.map(({ name, instructions: { length } }) => {
    const start = starts.get(name) ?? 0;
    return { name, start, end: start + length };
  });
  const plain = references.filter(({ target }) => target.kind !== "function");
  const pending = new Set(plain.map((reference) => reference.instructionIndex));
  const subprograms = splitAtCalls(instructions, named, slots, pending);
  return {
    entry,
    instructions,
    sources: functions.flatMap((spec) => spec.sources),
    subprograms,
    slots,
    targets: findTargets(instructions, subprograms, slots, pending),
    references: plain,
  };
}

/** The entry first, then what it and its callees refer to, in order of discovery. */
function reach(object: ObjectSpec, entry: FunctionSpec): FunctionSpec[] {
  const byName = new Map([...object.programs, ...object.functions].map((spec) => [spec.name, spec]));
  const reached = new Set([entry]);
  for (const spec of reached) {
    checkDecoded(spec, object.file);
    for (const { target } of spec.references) {
      const callee = target.kind === "function" ? byName.get(target.name) : undefined;
      if (callee !== undefined) reached.add(callee);
      else if (target.kind === "function")
        throw new InternalError(`no function "${target.name}" in ${object.file}`);
    }
  }
  return [...reached];
}

function checkDecoded({ name, section, undecodable }: FunctionSpec, file: string): void {
  if (undecodable === undefined) return;
  throw new FormatError("InstructionInvalid", `function "${name}": ${undecodable.message}`, {
    file,
    section,
    offset: undecodable.byteOffset,
    target: name,
  });
}

/** By instruction index: its first slot; one more entry at the end holds the length. */
function slotsOf(instructions: readonly Instruction[]): Int32Array {
  const slots = new Int32Array(instructions.length);
  let slot = 0;
  for (const [index, instruction] of instructions.entries()) {
    slots[index] = slot;
    slot += slotCount(instruction);
  }
  return slots;
}

/** Calls and addresses of functions get the offset they have in the stream. */
function pointToFunctions(
  instructions: readonly Instruction[],
  references: readonly Reference[],
  starts: ReadonlyMap<string, number>,
  slots: Int32Array,
): Instruction[] {
  const result = [...instructions];
  for (const { instructionIndex, target } of references) {
    if (target.kind !== "function") continue;
    const start = slots[starts.get(target.name) ?? 0] ?? 0;
    const offset = start - (slots[instructionIndex] ?? 0) - 1;
    const instruction = result[instructionIndex];
    if (instruction?.kind === "call") {
      result[instructionIndex] = { kind: "call", target: { kind: "local", offset } };
    } else if (instruction?.kind === "loadImmediate") {
      result[instructionIndex] = { ...instruction, source: { kind: "function", offset } };
    }
  }
  return result;
}

/** Where a jump, a local call or a function's address leads by its offset, in slots from the next one. */
function offsetOf(instruction: Instruction): number | undefined {
  switch (instruction.kind) {
    case "jump":
      return instruction.offset;
    case "call":
      return instruction.target.kind === "local" ? instruction.target.offset : undefined;
    case "loadImmediate":
      return instruction.source.kind === "function" ? instruction.source.offset : undefined;
    default:
      return undefined;
  }
}

/** By slot: the instruction that starts there, or -1. */
function indexOfSlots(instructions: readonly Instruction[], slots: Int32Array): Int32Array {
  const last = instructions.length - 1;
  const count = last < 0 ? 0 : (slots[last] ?? 0) + slotCount(instructions[last] as Instruction);
  const result = new Int32Array(count).fill(-1);
  for (let index = 0; index <= last; index++) result[slots[index] ?? 0] = index;
  return result;
}

/**
 * Code without symbols (raw bytes, hand-written assembly) calls places inside one function: these begin functions of
 * their own, named by their slot.
 */
function splitAtCalls(
  instructions: readonly Instruction[],
  named: readonly Subprogram[],
  slots: Int32Array,
  pending: ReadonlySet<number>,
): Subprogram[] {
  const at = indexOfSlots(instructions, slots);
  const starts = new Map(named.map((subprogram) => [subprogram.start, subprogram]));
  const splits = new Set<number>();
  for (const [index, instruction] of instructions.entries()) {
    if (instruction.kind === "jump" || pending.has(index)) continue;
    const offset = offsetOf(instruction);
    const target = offset === undefined ? -1 : (at[(slots[index] ?? 0) + 1 + offset] ?? -1);
    if (target >= 0 && !starts.has(target)) splits.add(target);
  }
  if (splits.size === 0) return [...named];
  const all = [...starts.keys(), ...splits].sort((a, b) => a - b);
  const names = new Set(named.map((subprogram) => subprogram.name));
  return all.map((start, index) => {
    const end = all[index + 1] ?? instructions.length;
    let name = starts.get(start)?.name ?? `subprogram_${slots[start]}`;
    if (!starts.has(start)) while (names.has(name)) name += "_";
    return { name, start, end };
  });
}

/**
 * By instruction: the instruction it leads to. -1 for a jump out of its function or into the middle of an instruction,
 * for a call of what is not the start of a function, and for what leads nowhere. What is `pending` (a call of an outside function, whose
 * offset means nothing yet) has none either.
 */
function findTargets(
  instructions: readonly Instruction[],
  subprograms: readonly Subprogram[],
  slots: Int32Array,
  pending: ReadonlySet<number>,
): Int32Array {
  const at = indexOfSlots(instructions, slots);
  const starts = new Set(subprograms.map((subprogram) => subprogram.start));
  const targets = new Int32Array(instructions.length).fill(-1);
  for (const { start, end } of subprograms) {
    for (let index = start; index < end; index++) {
      const instruction = instructions[index] as Instruction;
      const offset = offsetOf(instruction);
      if (offset === undefined || pending.has(index)) continue;
      const target = at[(slots[index] ?? 0) + 1 + offset] ?? -1;
      const sound = instruction.kind === "jump" ? target >= start && target < end : starts.has(target);
      if (sound) targets[index] = target;
    }
  }
  return targets;
}

/** A stream of one function that came without an object. */
export function linkPlain(
  instructions: readonly Instruction[],
  name: string,
): Omit<LinkedProgram, "entry" | "references"> {
  const slots = slotsOf(instructions);
  const subprograms = splitAtCalls(
    instructions,
    [{ name, start: 0, end: instructions.length }],
    slots,
    new Set(),
  );
  const targets = findTargets(instructions, subprograms, slots, new Set());
  return { instructions, sources: instructions.map(() => undefined), subprograms, slots, targets };
}
