// Relocation: references to maps, variables and outside functions become what a Program holds: indexes into its list of
// maps, and helper numbers. Map types are checked against the platform here.
import { EbpfError, FormatError } from "../base/error.ts";
import type { Instruction, LoadImmediateSource } from "../isa/instruction.ts";
import {
  findHelperByName,
  findMapType,
  type Platform,
  READ_ONLY_FOR_PROGRAMS,
} from "../platform/platform.ts";
import type { MapSpec, ObjectSpec, Reference } from "../spec.ts";
import type { LinkedProgram } from "./link.ts";
import type { ProgramMap } from "./program.ts";

export interface RelocatedCode {
  readonly instructions: readonly Instruction[];
  readonly maps: readonly ProgramMap[];
}

/**
 * The instructions with every reference filled in, and the maps they use: in order of first use, then those that only
 * another map's initial values name. RelocationInvalid if something has no meaning on the platform, MapTypeUnsupported
 * if a map's type has none.
 */
export function relocate(object: ObjectSpec, linked: LinkedProgram, platform: Platform): RelocatedCode {
  const maps = collectMaps(object, linked.references);
  const indexes = new Map(maps.map((map, index) => [map.name, index]));
  const instructions = [...linked.instructions];
  const filled = new Set<number>();
  for (const reference of linked.references) {
    const index = reference.instructionIndex;
    filled.add(index);
    instructions[index] = fill(instructions[index] as Instruction, reference, indexes, platform, (why) =>
      invalid(object, linked, index, why),
    );
  }
  checkUnfilled(instructions, filled, (index, why) => invalid(object, linked, index, why));
  return { instructions, maps: maps.map((spec) => withType(spec, platform, object.file)) };
}

function invalid(object: ObjectSpec, linked: LinkedProgram, index: number, why: string): FormatError {
  const owner =
    linked.subprograms.find(({ start, end }) => index >= start && index < end)?.name ?? linked.entry.name;
  const source = linked.sources[index];
  const at = source === undefined ? "" : ` (${source.file}:${source.line})`;
  return new FormatError("RelocationInvalid", `function "${owner}"${at}: ${why}`, {
    file: object.file,
    section: linked.entry.section,
    target: owner,
  });
}

function collectMaps(object: ObjectSpec, references: readonly Reference[]): MapSpec[] {
  const byName = new Map(object.maps.map((map) => [map.name, map]));
  const used = new Set<MapSpec>();
  const add = (name: string) => {
    const map = byName.get(name);
    if (map !== undefined) used.add(map);
  };
  for (const { target } of references) {
    if (target.kind === "map") add(target.name);
    else if (target.kind === "variable") add(target.map);
  }
  // A Set visits what is added while it is walked; names of programs among the values are not maps and fall out.
  for (const map of used) for (const { name } of map.initialReferences ?? []) add(name);
  return [...used];
}

/** The spec with its row of the platform; MapTypeUnsupported if there is none. */
export function withType(spec: MapSpec, platform: Platform, file: string): ProgramMap {
  const type = findMapType(platform, spec.type);
  if (type === undefined) {
    throw new EbpfError(
      "MapTypeUnsupported",
      `map "${spec.name}" has type ${spec.type}, which ${platform.name} does not have`,
      { file, target: spec.name },
    );
  }
  // As Linux does itself when such a map is made.
  return type.readOnlyValues === true
    ? { spec: { ...spec, flags: spec.flags | READ_ONLY_FOR_PROGRAMS }, type }
    : { spec, type };
}

function fill(
  instruction: Instruction,
  { target }: Reference,
  maps: ReadonlyMap<string, number>,
  platform: Platform,
  fail: (why: string) => FormatError,
): Instruction {
  if (target.kind === "extern") {
    if (target.kernel === true)
      throw fail(`"${target.name}" is the kernel's own (__ksym), which cannot be used yet`);
    return callByName(instruction, target.name, platform, fail);
  }
  const map = maps.get(target.kind === "variable" ? target.map : target.name);
  if (instruction.kind !== "loadImmediate" || map === undefined) {
    throw fail(`a ${instruction.kind} instruction refers to ${target.kind} "${nameOf(target)}"`);
  }
  const source: LoadImmediateSource =
    target.kind === "variable"
      ? { kind: "mapValue", map, byteOffset: target.byteOffset }
      : { kind: "map", map };
  return { ...instruction, source };
}

function nameOf(target: Reference["target"]): string {
  return target.kind === "variable" ? target.map : target.name;
}

function callByName(
  instruction: Instruction,
  name: string,
  platform: Platform,
  fail: (why: string) => FormatError,
): Instruction {
  if (instruction.kind !== "call") throw fail(`"${name}" is not defined in the object`);
  const helper = findHelperByName(platform, name) ?? findHelperByName(platform, `libc_${name}`);
  if (helper === undefined) {
    throw fail(`"${name}" is not defined in the object, and ${platform.name} has no helper of this name`);
  }
  return { kind: "call", target: { kind: "helper", id: helper.id } };
}

/** Without a relocation, a number that claims to be a map is a file descriptor of some other process. */
function checkUnfilled(
  instructions: readonly Instruction[],
  filled: ReadonlySet<number>,
  fail: (index: number, why: string) => FormatError,
): void {
  for (const [index, instruction] of instructions.entries()) {
    if (instruction.kind !== "loadImmediate" || filled.has(index)) continue;
    const { kind } = instruction.source;
    if (kind === "map" || kind === "mapValue" || kind === "mapByIndex" || kind === "mapValueByIndex") {
      throw fail(index, "a map is loaded by number, without a relocation that says which");
    }
  }
}
