// Types of a target by the names that programs know them by. A program may describe one type in several ways, each with a
// flavour of its own behind three underscores (struct sock___old); the target has it without.
import type { BtfType, BtfTypes } from "../types.ts";

/** A name without its flavour. */
export function essentialName(name: string): string {
  const at = name.lastIndexOf("___");
  return at > 0 && at + 3 < name.length ? name.slice(0, at) : name;
}

/** Undefined for a type that has none. */
export function nameOfType(type: BtfType | undefined): string | undefined {
  return type !== undefined && "name" in type && type.name !== "" ? type.name : undefined;
}

const indexes = new WeakMap<BtfTypes, ReadonlyMap<string, readonly number[]>>();

function indexOf(types: BtfTypes): ReadonlyMap<string, readonly number[]> {
  const known = indexes.get(types);
  if (known !== undefined) return known;
  const index = new Map<string, number[]>();
  for (const [id, type] of types.types.entries()) {
    const name = nameOfType(type);
    if (name === undefined) continue;
    const ids = index.get(essentialName(name));
    if (ids === undefined) index.set(essentialName(name), [id]);
    else ids.push(id);
  }
  indexes.set(types, index);
  return index;
}

/** Ids of the target's types that may be meant by a type of the program: of its kind, and of its name but for flavours. */
export function findCandidates(target: BtfTypes, local: BtfType): readonly number[] {
  const name = nameOfType(local);
  if (name === undefined) return [];
  const ids = indexOf(target).get(essentialName(name)) ?? [];
  return ids.filter((id) => target.types[id]?.kind === local.kind);
}

/** "struct sock", "enum color", "u32". */
export function typeInWords(type: BtfType | undefined): string {
  const name = essentialName(nameOfType(type) ?? "(without a name)");
  const { kind } = type ?? {};
  return kind === "struct" || kind === "union" || kind === "enum" ? `${kind} ${name}` : `type ${name}`;
}
