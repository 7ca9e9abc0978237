// CO-RE: an object written against types of its own, made to fit the types of a target. What each relocation comes to is
// computed in core/btf/co-re; here it is put into the instruction, or, where the target has nothing that fits, a call of a
// helper that nobody has ("poison", as libbpf does it): it only matters if control comes there.
import { computeFixup, type Fixup } from "../btf/co-re/compute.ts";
import type { CoreRelocation } from "../btf/ext.ts";
import type { BtfTypes } from "../btf/types.ts";
import { type Instruction, type SizeBytes, slotCount } from "../isa/instruction.ts";
import type { FunctionSpec, ObjectSpec } from "../spec.ts";
import { FIRST_UNRESOLVED } from "./program.ts";

const SLOT_BYTES = 8;
/** Fills the second slot of a wide instruction that became a call. */
const NOTHING: Instruction = { kind: "jump", width: 64, offset: 0 };

type Value = Extract<Fixup, { readonly kind: "value" }>;

/**
 * The object with every CO-RE relocation computed against `target`, which is kept with it. A function with a record that makes no sense, does not
 * belong to its instruction, or fits several types that differ, is kept and marked.
 */
export function relocateTypes(object: ObjectSpec, target: BtfTypes): ObjectSpec {
  const { btf } = object;
  if (btf === undefined) return { ...object, target };
  const unresolved: string[] = [];
  // The same field is asked for again and again.
  const known = new Map<string, Fixup>();
  const compute = (record: CoreRelocation): Fixup => {
    const key = `${record.kind} ${record.typeId} ${record.access}`;
    const fixup = known.get(key) ?? computeFixup(btf, target, record);
    known.set(key, fixup);
    return fixup;
  };
  const fitted = (spec: FunctionSpec): FunctionSpec => {
    if (spec.coreRelocations.length === 0 || spec.undecodable !== undefined) return spec;
    return relocateFunction(spec, compute, unresolved);
  };
  const programs = object.programs.map(fitted);
  return { ...object, programs, functions: object.functions.map(fitted), target, unresolved };
}

function relocateFunction(
  spec: FunctionSpec,
  compute: (record: CoreRelocation) => Fixup,
  unresolved: string[],
): FunctionSpec {
  const fixed = new Map<number, readonly Instruction[]>();
  const indexAt = indexByOffset(spec);
  for (const record of spec.coreRelocations) {
    const index = indexAt.get(record.byteOffset) ?? -1;
    try {
      fixed.set(index, relocated(spec.instructions[index], compute(record), unresolved));
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      const message = `a CO-RE relocation cannot be computed: ${error.message}`;
      return { ...spec, undecodable: { code: "RelocationInvalid", message, byteOffset: record.byteOffset } };
    }
  }
  return withInstructions(spec, fixed);
}

/** What makes a record senseless; told of the function that it is in. */
class Misfit extends Error {}

function relocated(
  instruction: Instruction | undefined,
  fixup: Fixup,
  unresolved: string[],
): readonly Instruction[] {
  if (instruction === undefined) throw new Misfit("it is of no instruction");
  if (fixup.kind === "invalid") throw new Misfit(fixup.why);
  const applied = fixup.kind === "value" ? apply(instruction, fixup) : undefined;
  if (applied !== undefined) return [applied];
  unresolved.push(fixup.kind === "unresolved" ? fixup.what : (fixup.sizes?.what ?? ""));
  return poisoned(instruction, unresolved.length - 1);
}

function indexByOffset({ byteOffset, instructions }: FunctionSpec): ReadonlyMap<number, number> {
  const result = new Map<number, number>();
  let at = byteOffset;
  for (const [index, instruction] of instructions.entries()) {
    result.set(at, index);
    at += SLOT_BYTES * slotCount(instruction);
  }
  return result;
}

/** Undefined: the instruction cannot read or write what is there. */
function apply(instruction: Instruction, fixup: Value): Instruction | undefined {
  switch (instruction.kind) {
    case "mov":
    case "alu":
      return withImmediate(instruction, fixup);
    case "load":
    case "store":
      return withOffset(instruction, fixup);
    case "loadImmediate": {
      const { source } = instruction;
      if (source.kind !== "number") throw new Misfit("its instruction loads no number");
      checkLocal(fixup, BigInt.asIntN(64, source.value));
      return { ...instruction, source: { kind: "number", value: fixup.target } };
    }
    default:
      throw new Misfit(`its instruction is a ${instruction.kind}`);
  }
}

function withImmediate(
  instruction: Extract<Instruction, { readonly kind: "mov" | "alu" }>,
  fixup: Value,
): Instruction {
  const { source } = instruction;
  if (source.kind !== "immediate") throw new Misfit("its instruction has no immediate");
  checkLocal(fixup, BigInt(source.value));
  if (fixup.target < -(2n ** 31n) || fixup.target >= 2n ** 32n) {
    throw new Misfit(`${fixup.target} does not fit in 32 bits`);
  }
  return { ...instruction, source: { kind: "immediate", value: Number(BigInt.asIntN(32, fixup.target)) } };
}

function withOffset(
  instruction: Extract<Instruction, { readonly kind: "load" | "store" }>,
  fixup: Value,
): Instruction | undefined {
  checkLocal(fixup, BigInt(instruction.offset));
  if (fixup.target < 0n || fixup.target >= 2n ** 15n)
    throw new Misfit(`the offset ${fixup.target} does not fit in 16 bits`);
  const offset = Number(fixup.target);
  const { sizes } = fixup;
  if (sizes === undefined || sizes.local === sizes.target) return { ...instruction, offset };
  if (!sizes.convertible) return undefined;
  if (instruction.sizeBytes !== sizes.local || !isAccessSize(sizes.target)) {
    throw new Misfit(
      `${instruction.sizeBytes} bytes are accessed of a field of ${sizes.local}, here ${sizes.target}`,
    );
  }
  if (instruction.kind === "store") return { ...instruction, offset, sizeBytes: sizes.target };
  return { ...instruction, offset, sizeBytes: sizes.target, signed: instruction.signed && sizes.target < 8 };
}

function isAccessSize(sizeBytes: number): sizeBytes is SizeBytes {
  return [1, 2, 4, 8].includes(sizeBytes);
}

/** What the compiler wrote into the instruction is what the record says of the program's own types. */
function checkLocal({ local }: Value, written: bigint): void {
  if (local === undefined || BigInt.asIntN(32, local) === BigInt.asIntN(32, written)) return;
  throw new Misfit(`its instruction holds ${written}, not ${local}`);
}

/** As many slots as before, so that jumps over them lead where they led. */
function poisoned(instruction: Instruction, number: number): readonly Instruction[] {
  const call: Instruction = { kind: "call", target: { kind: "helper", id: FIRST_UNRESOLVED + number } };
  return slotCount(instruction) === 2 ? [call, NOTHING] : [call];
}

/** Where an instruction became two, what is told by index moves along. */
function withInstructions(
  spec: FunctionSpec,
  fixed: ReadonlyMap<number, readonly Instruction[]>,
): FunctionSpec {
  const instructions: Instruction[] = [];
  const sources: FunctionSpec["sources"][number][] = [];
  const moved: number[] = [];
  for (const [index, old] of spec.instructions.entries()) {
    moved.push(instructions.length);
    for (const one of fixed.get(index) ?? [old]) {
      instructions.push(one);
      sources.push(spec.sources[index]);
    }
  }
  const references = spec.references.map((one) => ({
    ...one,
    instructionIndex: moved[one.instructionIndex] ?? one.instructionIndex,
  }));
  return { ...spec, instructions, sources, references };
}
