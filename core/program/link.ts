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

/** Code whose targets are still to be found. */
interface Draft {
  readonly instructions: readonly Instruction[];
  readonly slots: Int32Array;
  /** The functions as the object has them. */
  readonly functions: readonly Subprogram[];
  /** Instructions with a reference to a function; their offsets are those of the stream. */
  readonly resolved: ReadonlySet<number>;
  /** Instructions with any other reference: an offset in them means nothing yet. */
  readonly pending: ReadonlySet<number>;
}

/** InstructionInvalid if a function that is reached does not decode. */
export function link(object: ObjectSpec, entry: FunctionSpec): LinkedProgram {
  const specs = reach(object, entry);
  const functions: Subprogram[] = [];
  for (const { name, instructions, btfId } of specs) {
    const start = functions.at(-1)?.end ?? 0;
    const end = start + instructions.length;
    functions.push({ name, start, end, ...(btfId !== undefined && { btfId }) });
  }
  const references = specs.flatMap((spec, number) => {
    const start = functions[number]?.start ?? 0;
    return spec.references.map((one) => ({ ...one, instructionIndex: one.instructionIndex + start }));
  });
  const joined = specs.flatMap((spec) => spec.instructions);
  const slots = slotsOf(joined);
  const instructions = pointToFunctions(joined, references, functions, slots);
  const toFunction = ({ target }: Reference) => target.kind === "function";
  const others = references.filter((reference) => !toFunction(reference));
  const indexes = (list: readonly Reference[]) =>
    new Set(list.map((reference) => reference.instructionIndex));
  const [resolved, pending] = [indexes(references.filter(toFunction)), indexes(others)];
  return {
    entry,
    ...settle({ instructions, slots, functions, resolved, pending }),
    sources: specs.flatMap((spec) => spec.sources),
    references: others,
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
  throw new FormatError(undecodable.code, `function "${name}": ${undecodable.message}`, {
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
  functions: readonly Subprogram[],
  slots: Int32Array,
): Instruction[] {
  const starts = new Map(functions.map(({ name, start }) => [name, start]));
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

/** A stream of one function that came without an object. */
export function linkPlain(
  instructions: readonly Instruction[],
  name: string,
): Omit<LinkedProgram, "entry" | "references"> {
  const functions = [{ name, start: 0, end: instructions.length }];
  const none = new Set<number>();
  const draft = { instructions, slots: slotsOf(instructions), functions, resolved: none, pending: none };
  return { ...settle(draft), sources: instructions.map(() => undefined) };
}

function settle(draft: Draft) {
  const leadsTo = resolveOffsets(draft);
  const subprograms = splitAtCalls(draft, leadsTo);
  const { instructions, slots } = draft;
  return { instructions, slots, subprograms, targets: findTargets(instructions, subprograms, leadsTo) };
}

/**
 * By instruction: the one its offset leads to, or -1 if it leads nowhere, into the middle of an instruction, or out of the
 * function: only a reference may lead to another function, because offsets between functions mean nothing after linking.
 */
function resolveOffsets({ instructions, slots, functions, resolved, pending }: Draft): Int32Array {
  const last = instructions.length - 1;
  const slotCounts = last < 0 ? 0 : (slots[last] ?? 0) + slotCount(instructions[last] as Instruction);
  const at = new Int32Array(slotCounts).fill(-1);
  for (let index = 0; index <= last; index++) at[slots[index] ?? 0] = index;
  const result = new Int32Array(instructions.length).fill(-1);
  for (const { start, end } of functions) {
    for (let index = start; index < end; index++) {
      const offset = offsetOf(instructions[index] as Instruction);
      if (offset === undefined || pending.has(index)) continue;
      const target = at[(slots[index] ?? 0) + 1 + offset] ?? -1;
      if (resolved.has(index) || (target >= start && target < end)) result[index] = target;
    }
  }
  return result;
}

/**
 * Code without symbols (raw bytes, hand-written assembly) calls places inside one function: these begin functions of
 * their own, named by their slot.
 */
function splitAtCalls({ instructions, slots, functions }: Draft, leadsTo: Int32Array): Subprogram[] {
  const byStart = new Map(functions.map((subprogram) => [subprogram.start, subprogram]));
  const starts = new Set(byStart.keys());
  for (const [index, instruction] of instructions.entries()) {
    const target = leadsTo[index] ?? -1;
    if (instruction.kind !== "jump" && target >= 0) starts.add(target);
  }
  if (starts.size === functions.length) return [...functions];
  const names = new Set(functions.map((subprogram) => subprogram.name));
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((start, number) => {
    const end = sorted[number + 1] ?? instructions.length;
    const known = byStart.get(start);
    if (known !== undefined) return { ...known, end };
    let name = `subprogram_${slots[start]}`;
    while (names.has(name)) name += "_";
    return { name, start, end };
  });
}

/** By instruction: where it leads, -1 also for a jump out of what has become a function of its own. */
function findTargets(
  instructions: readonly Instruction[],
  subprograms: readonly Subprogram[],
  leadsTo: Int32Array,
): Int32Array {
  const targets = leadsTo.slice();
  for (const { start, end } of subprograms) {
    for (let index = start; index < end; index++) {
      const target = leadsTo[index] ?? -1;
      if (instructions[index]?.kind === "jump" && (target < start || target >= end)) targets[index] = -1;
    }
  }
  return targets;
}
