// The path to a field, as a record of the program writes it ("0:1:2": the struct itself, its member 1, of that the member or
// element 2), and the same path in the target's types: there members are found by name, wherever they have moved to.
import { resolveType, resolveTypeId, sizeOfType } from "../resolve.ts";
import type { BtfMember, BtfType, BtfTypes } from "../types.ts";
import { areFieldsCompatible } from "./compatible.ts";

/** Longer paths are no path that a compiler writes. */
const LONGEST_PATH = 64;
/** Anonymous structs within one struct; so many deep is no danger to the stack. */
const MOST_NESTED = 1000;

/** One step: to a member that has a name, or to an element of an array (of the first step: of the whole). */
export interface Step {
  readonly index: number;
  /** The struct or union it is in, and the member. */
  readonly member?: { readonly owner: number; readonly row: BtfMember };
}

/** A field: where it begins, and what is there. */
export interface Field {
  readonly root: number;
  readonly steps: readonly Step[];
  readonly bitOffset: number;
  /** BTF id of the type of what is there. */
  readonly type: number;
}

/** "0:1:2" as numbers; undefined if it is no path. */
export function readPath(access: string): readonly number[] | undefined {
  if (!/^\d{1,9}(:\d{1,9})*$/.test(access)) return undefined;
  const path = access.split(":").map(Number);
  return path.length <= LONGEST_PATH ? path : undefined;
}

/** The field that a path leads to in the program's own types; undefined if it leads nowhere. */
export function followPath(types: BtfTypes, root: number, path: readonly number[]): Field | undefined {
  const [first = 0, ...rest] = path;
  const whole = sizeOfType(types, root);
  const start = resolveTypeId(types, root);
  if (whole === undefined || start === undefined) return undefined;
  const steps: Step[] = [{ index: first }];
  let field: Omit<Field, "steps" | "root"> = { bitOffset: first * whole * 8, type: start };
  for (const index of rest) {
    const type = resolveType(types, field.type);
    const row = type !== undefined && "members" in type ? type.members[index] : undefined;
    if (row !== undefined) {
      // What has no name of its own is no step: the target may have more or fewer such layers.
      if (row.name !== "") steps.push({ index, member: { owner: field.type, row } });
      field = {
        bitOffset: field.bitOffset + row.bitOffset,
        type: resolveTypeId(types, row.type) ?? row.type,
      };
      continue;
    }
    const element = elementOf(types, type, index, steps.at(-1));
    if (element === undefined) return undefined;
    steps.push({ index });
    field = { bitOffset: field.bitOffset + element.bitOffset, type: element.type };
  }
  return { root, steps, ...field };
}

/** The same field in a type of the target; undefined if it does not have it, or has something else there. */
export function findField(
  local: BtfTypes,
  wanted: Field,
  target: BtfTypes,
  candidate: number,
): Field | undefined {
  const whole = sizeOfType(target, candidate);
  const [first, ...rest] = wanted.steps;
  if (whole === undefined || first === undefined) return undefined;
  const steps: Step[] = [first];
  let bitOffset = first.index * whole * 8;
  let type = resolveTypeId(target, candidate) ?? candidate;
  for (const { index, member } of rest) {
    if (member === undefined) {
      const element = elementOf(target, resolveType(target, type), index, steps.at(-1), target);
      if (element === undefined) return undefined;
      steps.push({ index });
      bitOffset += element.bitOffset;
      type = element.type;
      continue;
    }
    const found = findMember(target, type, member.row.name, new Set());
    if (found === undefined) return undefined;
    const pair = { local, localId: member.row.type, target, targetId: found.row.type };
    if (!areFieldsCompatible(pair)) return undefined;
    steps.push({ index: found.index, member: { owner: found.owner, row: found.row } });
    bitOffset += found.bitOffset;
    type = resolveTypeId(target, found.row.type) ?? found.row.type;
  }
  return { root: candidate, steps, bitOffset, type };
}

interface FoundMember {
  readonly owner: number;
  readonly index: number;
  readonly row: BtfMember;
  /** From the start of the struct that was searched. */
  readonly bitOffset: number;
}

/** A member by its name, also within members that have none; not in what has been `searched` already. */
function findMember(
  types: BtfTypes,
  id: number,
  name: string,
  searched: Set<number>,
): FoundMember | undefined {
  const owner = resolveTypeId(types, id);
  const type = owner === undefined ? undefined : types.types[owner];
  if (owner === undefined || type === undefined || !("members" in type)) return undefined;
  if (searched.has(owner) || searched.size === MOST_NESTED) return undefined;
  searched.add(owner);
  for (const [index, row] of type.members.entries()) {
    if (row.name === name) return { owner, index, row, bitOffset: row.bitOffset };
    if (row.name !== "") continue;
    const inner = findMember(types, row.type, name, searched);
    if (inner !== undefined) return { ...inner, bitOffset: inner.bitOffset + row.bitOffset };
  }
  return undefined;
}

/** An element of an array; one beyond its length only where the array ends its struct and has no length of its own. */
function elementOf(
  types: BtfTypes,
  type: BtfType | undefined,
  index: number,
  before: Step | undefined,
  owners: BtfTypes = types,
): { readonly bitOffset: number; readonly type: number } | undefined {
  if (type?.kind !== "array") return undefined;
  if (index >= type.length && !isFlexible(owners, type.length, before)) return undefined;
  const sizeBytes = sizeOfType(types, type.type);
  const element = resolveTypeId(types, type.type);
  if (sizeBytes === undefined || element === undefined) return undefined;
  return { bitOffset: index * sizeBytes * 8, type: element };
}

function isFlexible(types: BtfTypes, length: number, before: Step | undefined): boolean {
  if (length > 0 || before?.member === undefined) return false;
  const owner = types.types[before.member.owner];
  return owner !== undefined && "members" in owner && before.index === owner.members.length - 1;
}
