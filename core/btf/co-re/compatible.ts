// Is a type of the target what the program took it for? Three answers, from lenient to strict, as libbpf's documentation has
// them: fields that may be read one for the other, types that exist, types that match. Types may refer to each other in
// circles: a pair that is being looked at is taken for alike, and one that has been is not looked at again.
import { resolveType, resolveTypeId } from "../resolve.ts";
import type { BtfType, BtfTypes } from "../types.ts";
import { essentialName, nameOfType } from "./names.ts";

const DEPTH_LIMIT = 32;

/** Answers by pair of ids. */
type Known = Map<string, boolean>;

function once(known: Known, key: string, answer: () => boolean): boolean {
  const found = known.get(key);
  if (found !== undefined) return found;
  known.set(key, true);
  const result = answer();
  known.set(key, result);
  return result;
}

/** A type of the program beside one of the target. */
export interface Pair {
  readonly local: BtfTypes;
  readonly localId: number;
  readonly target: BtfTypes;
  readonly targetId: number;
}

const resolved = ({
  local,
  localId,
  target,
  targetId,
}: Pair): readonly [BtfType | undefined, BtfType | undefined] => [
  resolveType(local, localId),
  resolveType(target, targetId),
];

const isComposite = (type: BtfType): boolean => type.kind === "struct" || type.kind === "union";

/** May a field of the one type stand for a field of the other? Structs may differ in all but being structs or unions. */
export function areFieldsCompatible(pair: Pair, depth = DEPTH_LIMIT): boolean {
  const [local, target] = resolved(pair);
  if (local === undefined || target === undefined || depth === 0) return false;
  if (isComposite(local) && isComposite(target)) return true;
  if (local.kind === "array" && target.kind === "array") {
    return areFieldsCompatible({ ...pair, localId: local.type, targetId: target.type }, depth - 1);
  }
  if (local.kind !== target.kind) return false;
  switch (local.kind) {
    case "pointer":
    case "float":
      return true;
    case "forward":
    case "enum":
      return sameNameOrNone(local, target);
    case "int":
      return local.bitOffset === 0 && target.kind === "int" && target.bitOffset === 0;
    default:
      return false;
  }
}

function sameNameOrNone(local: BtfType, target: BtfType): boolean {
  const names = [nameOfType(local), nameOfType(target)];
  return names.includes(undefined) || essentialName(names[0] ?? "") === essentialName(names[1] ?? "");
}

/** Does the target's type exist in the sense of "type exists": of the same shape, whatever is in it? */
export function areTypesCompatible(pair: Pair, depth = DEPTH_LIMIT, known: Known = new Map()): boolean {
  const [local, target] = resolved(pair);
  if (local === undefined || target === undefined || depth === 0 || local.kind !== target.kind) return false;
  const next = (localId: number, targetId: number): boolean =>
    once(known, `${localId} ${targetId}`, () =>
      areTypesCompatible({ ...pair, localId, targetId }, depth - 1, known),
    );
  switch (local.kind) {
    case "void":
    case "struct":
    case "union":
    case "enum":
    case "forward":
      return true;
    case "int":
      return local.bitOffset === 0 && target.kind === "int" && target.bitOffset === 0;
    case "pointer":
      return target.kind === "pointer" && next(local.type, target.type);
    case "array":
      return target.kind === "array" && next(local.type, target.type);
    case "functionPrototype":
      return target.kind === "functionPrototype" && isPrototypeAlike(local, target, next);
    default:
      return false;
  }
}

type Prototype = Extract<BtfType, { readonly kind: "functionPrototype" }>;

function isPrototypeAlike(
  local: Prototype,
  target: Prototype,
  alike: (localId: number, targetId: number) => boolean,
): boolean {
  return (
    local.parameters.length === target.parameters.length &&
    local.parameters.every(({ type }, index) => alike(type, target.parameters[index]?.type ?? 0)) &&
    alike(local.returnType, target.returnType)
  );
}

/** Does all that the program says of the type hold of the target's: members and enumerators by name, sizes, signs? */
export function doTypesMatch(
  pair: Pair,
  behindPointer = false,
  depth = DEPTH_LIMIT,
  known: Known = new Map(),
): boolean {
  const [local, target] = resolved(pair);
  if (local === undefined || target === undefined || depth === 0) return false;
  if (essentialName(nameOfType(local) ?? "") !== essentialName(nameOfType(target) ?? "")) return false;
  const next = (localId: number, targetId: number, behind = false): boolean =>
    once(known, `${localId} ${targetId} ${behind}`, () =>
      doTypesMatch({ ...pair, localId, targetId }, behind, depth - 1, known),
    );
  switch (local.kind) {
    case "void":
      return target.kind === "void";
    case "forward":
      if (target.kind === "forward") return local.union === target.union;
      return behindPointer && target.kind === (local.union ? "union" : "struct");
    case "enum":
      return target.kind === "enum" && areNamesAmong(local.values, target.values);
    case "struct":
    case "union":
      if (!behindPointer) return isComposite(target) && areMembersAmong(local, target, next);
      return (
        target.kind === local.kind || (target.kind === "forward" && target.union === (local.kind === "union"))
      );
    case "int":
      return (
        target.kind === "int" && target.sizeBytes === local.sizeBytes && isSigned(target) === isSigned(local)
      );
    case "pointer":
      return target.kind === "pointer" && next(local.type, target.type, true);
    case "array":
      return target.kind === "array" && target.length === local.length && next(local.type, target.type);
    case "functionPrototype":
      return target.kind === "functionPrototype" && isPrototypeAlike(local, target, next);
    default:
      return false;
  }
}

interface Named {
  readonly name: string;
}

function areNamesAmong(local: readonly Named[], target: readonly Named[]): boolean {
  const names = new Set(target.map(({ name }) => essentialName(name)));
  return local.every(({ name }) => names.has(essentialName(name)));
}

function areMembersAmong(
  local: BtfType,
  target: BtfType,
  match: (localId: number, targetId: number) => boolean,
): boolean {
  if (!("members" in local) || !("members" in target) || local.kind !== target.kind) return false;
  return local.members.every((member) =>
    target.members.some(
      (other) => essentialName(other.name) === essentialName(member.name) && match(member.type, other.type),
    ),
  );
}

/** Of an integer or an enumeration. */
export function isSigned(type: BtfType | undefined): boolean {
  return (type?.kind === "int" && type.encoding === "signed") || (type?.kind === "enum" && type.signed);
}

/** The type behind names and qualifiers, for a message or a comparison of kinds. */
export function behind(types: BtfTypes, id: number): BtfType | undefined {
  const found = resolveTypeId(types, id);
  return found === undefined ? undefined : types.types[found];
}
