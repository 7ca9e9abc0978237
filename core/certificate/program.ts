// What the checker asks of a program, and with what it starts. The verifier's Program has this shape.
import { createHash } from "node:crypto";
import { resolveType, sizeOfType } from "../btf/resolve.ts";
import type { BtfTypes } from "../btf/types.ts";
import { encode } from "../isa/encode.ts";
import type { Instruction } from "../isa/instruction.ts";
import {
  findMapType,
  type MapType,
  type Platform,
  type ProgramType,
  READ_ONLY_FOR_PROGRAMS,
} from "../platform/platform.ts";
import type { MapSpec } from "../spec.ts";
import { constant, unknown } from "./number.ts";
import { emptyState, type Pointer, pointer, type State, type Value } from "./state.ts";

export interface CheckedMap {
  readonly spec: MapSpec;
  readonly type: MapType;
}

export interface CheckedProgram {
  readonly name: string;
  readonly section: string;
  readonly platform: Platform;
  readonly type: ProgramType;
  readonly instructions: readonly Instruction[];
  /** Functions: instructions [start, end); number 0 is the entry. */
  readonly subprograms: readonly { readonly start: number; readonly end: number; readonly btfId?: number }[];
  /** By instruction: where its jump, local call or function address goes, else -1. */
  readonly targets: Int32Array;
  readonly maps: readonly CheckedMap[];
  readonly btf?: BtfTypes;
  readonly rawMemorySizeBytes?: number;
}

/** Why a certificate does not hold for a program; caught at the door of the room. */
export class Refusal extends Error {}

export function refuse(reason: string): never {
  throw new Refusal(reason);
}

/** SHA-256 of everything that a certificate speaks of: the instructions, the functions, the maps, the type, the entry. */
export function digestOf(program: CheckedProgram): Uint8Array<ArrayBuffer> {
  const hash = createHash("sha256");
  const facts = {
    platform: program.platform.name,
    type: program.type.name,
    section: program.section,
    context: program.type.context.name,
    returns: program.type.returnRange ?? null,
    functions: program.subprograms.map(({ start, end }) => [start, end]),
    entry: entryOf(program),
    maps: program.maps.map(({ spec, type }) => [type.name, ...mapFacts(spec)]),
  };
  hash.update(JSON.stringify(facts)).update("\0").update(encode(program.instructions));
  for (const { spec } of program.maps) if (spec.data !== undefined) hash.update(spec.data.bytes);
  return new Uint8Array(hash.digest());
}

function mapFacts(spec: MapSpec): unknown[] {
  const { type, keySizeBytes, valueSizeBytes, maxEntries, flags, data, inner } = spec;
  const bytes = data === undefined ? null : [data.readOnly, data.bytes.length];
  return [
    type,
    keySizeBytes,
    valueSizeBytes,
    maxEntries,
    flags,
    bytes,
    inner === undefined ? null : mapFacts(inner),
  ];
}

type Parameter = "context" | "number" | "opaque" | { readonly memory: number };

interface Entry {
  /** r1 ... r5; undefined: those of a hook. */
  readonly parameters: readonly Parameter[] | undefined;
  readonly returnsNothing: boolean;
}

const HOOK: Entry = { parameters: undefined, returnsNothing: false };

/** A function of .text is not called by a hook: it is given what its BTF prototype says. */
export function entryOf(program: CheckedProgram): Entry {
  const { btf, section } = program;
  const id = program.subprograms[0]?.btfId;
  if (section !== ".text" || btf === undefined || id === undefined) return HOOK;
  const declared = resolveType(btf, id);
  const type = declared?.kind === "function" ? resolveType(btf, declared.type) : declared;
  if (type?.kind !== "functionPrototype") return HOOK;
  return {
    parameters: type.parameters.slice(0, 5).map((row, at) => parameterOf(program, btf, row.type, at)),
    returnsNothing: resolveType(btf, type.returnType)?.kind === "void",
  };
}

function parameterOf(program: CheckedProgram, btf: BtfTypes, id: number, position: number): Parameter {
  const type = resolveType(btf, id);
  if (type?.kind !== "pointer") return "number";
  const target = resolveType(btf, type.type);
  const name = target?.kind === "struct" || target?.kind === "forward" ? target.name : undefined;
  if (name === program.type.context.name) return "context";
  if (position === 0 && (target?.kind === "void" || target?.kind === "forward")) return "context";
  const memory = sizeOfType(btf, type.type);
  return memory === undefined ? "opaque" : { memory };
}

/** The state in which every run starts. */
export function initialState(program: CheckedProgram): State {
  const state = emptyState();
  const size = program.rawMemorySizeBytes;
  const { parameters } = entryOf(program);
  if (size !== undefined) {
    state.registers[1] = size === 0 ? constant(0) : pointer("memory", { which: size });
    state.registers[2] = constant(size);
  } else if (parameters === undefined) state.registers[1] = pointer("context");
  else for (const [at, parameter] of parameters.entries()) state.registers[at + 1] = given(parameter, at);
  return state;
}

function given(parameter: Parameter, position: number): Value {
  switch (parameter) {
    case "context":
      return pointer("context");
    case "number":
      return unknown();
    case "opaque":
      return undefined;
    default:
      return pointer("memory", { which: parameter.memory, instance: -1 - position });
  }
}

/** What holds of every instruction, reached or not: jumps stay within their function, which does not fall off its end. */
export function checkShape({ instructions, subprograms, targets }: CheckedProgram): void {
  let end = 0;
  for (const own of subprograms) {
    if (own.start !== end || own.end <= own.start) refuse("functions that do not follow each other");
    end = own.end;
    for (let index = own.start; index < own.end; index++) {
      const target = targets[index] ?? -1;
      if (instructions[index]?.kind === "jump" && (target < own.start || target >= own.end)) {
        refuse(`instruction ${index} jumps out of its function`);
      }
    }
    const last = instructions[own.end - 1];
    const ends = last?.kind === "exit" || (last?.kind === "jump" && last.condition === undefined);
    if (!ends) refuse("a function falls off its end");
  }
  if (end === 0 || end !== instructions.length) refuse("instructions outside of functions");
}

/** The map that a pointer to a map or into a value of one belongs to; an inner map is as its template says. */
export function mapOf(program: CheckedProgram, { place, which, flag }: Pointer): CheckedMap | undefined {
  if (place === "map" || (place === "mapValue" && !flag)) return program.maps[which];
  if (place !== "innerMap" && place !== "mapValue") return undefined;
  const spec = program.maps[which]?.spec.inner;
  const type = spec && findMapType(program.platform, spec.type);
  return spec === undefined || type === undefined ? undefined : { spec, type };
}

export function isMapOfMaps({ type }: CheckedMap): boolean {
  return type.name === "hash_of_maps" || type.name === "array_of_maps";
}

export function isReadOnly(map: CheckedMap | undefined): boolean {
  if (map === undefined || map.type.readOnlyValues === true) return true;
  return map.spec.data?.readOnly === true || (map.spec.flags & READ_ONLY_FOR_PROGRAMS) !== 0;
}
