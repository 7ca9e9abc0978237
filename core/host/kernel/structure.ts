// Structures of C, as compilers for x64 lay them out, little-endian: data that describes them, and values as bytes. Knows no
// structure of its own.

/** What one member is: an unsigned number of 4 or 8 bytes, some numbers of 4 bytes, text of some bytes, or a structure. */
export type Member = 4 | 8 | readonly [4, number] | readonly [1, number] | Structure;
export interface Structure {
  readonly [member: string]: Member;
}

export type ValueOf<M extends Member> = M extends 4
  ? number
  : M extends 8
    ? bigint
    : M extends readonly [4, number]
      ? readonly number[]
      : M extends readonly [1, number]
        ? string
        : { readonly [Name in keyof M]: M[Name] extends Member ? ValueOf<M[Name]> : never };

type Value = number | bigint | string | readonly number[] | { readonly [member: string]: Value };

/** Where a member lies. */
export interface Place {
  readonly offset: number;
  readonly sizeBytes: number;
}

const isArray = (member: Member): member is readonly [4 | 1, number] => Array.isArray(member);
const isNumber = (member: Member): member is 4 | 8 => typeof member === "number";
const roundUp = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

function alignmentOf(member: Member): number {
  if (isNumber(member)) return member;
  return isArray(member) ? member[0] : Math.max(1, ...Object.values(member).map(alignmentOf));
}

function sizeOfMember(member: Member): number {
  if (isNumber(member)) return member;
  return isArray(member) ? member[0] * member[1] : sizeOf(member);
}

interface Layout {
  readonly places: ReadonlyMap<string, Place>;
  readonly sizeBytes: number;
}

/** A request would else take most of its time to find out the same again. */
const layouts = new WeakMap<Structure, Layout>();

function layOut(structure: Structure): Layout {
  const known = layouts.get(structure);
  if (known !== undefined) return known;
  const places = new Map<string, Place>();
  let end = 0;
  for (const [name, member] of Object.entries(structure)) {
    const offset = roundUp(end, alignmentOf(member));
    const sizeBytes = sizeOfMember(member);
    places.set(name, { offset, sizeBytes });
    end = offset + sizeBytes;
  }
  const layout = { places, sizeBytes: roundUp(end, alignmentOf(structure)) };
  layouts.set(structure, layout);
  return layout;
}

/** Members in their order, each at a multiple of its alignment. */
export const layoutOf = (structure: Structure): ReadonlyMap<string, Place> => layOut(structure).places;

export const sizeOf = (structure: Structure): number => layOut(structure).sizeBytes;

/** Writes it at the begin of `bytes`, which has room for it. */
export function encodeStructure(structure: Structure, value: object, bytes: Uint8Array): void {
  write(structure, value as { readonly [member: string]: Value }, viewOf(bytes), 0);
}

function write(member: Member, value: Value | undefined, view: DataView, at: number): void {
  if (isNumber(member)) {
    if (member === 8) view.setBigUint64(at, BigInt(value as bigint), true);
    else view.setUint32(at, value as number, true);
  } else if (isArray(member)) {
    if (typeof value === "string") writeText(value, view, at, member[1]);
    else
      for (const [index, one] of (value as readonly number[]).entries()) write(4, one, view, at + 4 * index);
  } else {
    const values = value as { readonly [member: string]: Value };
    const places = layoutOf(member);
    for (const [name, part] of Object.entries(member))
      write(part, values[name], view, at + (places.get(name)?.offset ?? 0));
  }
}

/** UTF-8, and at least one 0 after it; whole characters of what is longer. */
function writeText(text: string, view: DataView, at: number, sizeBytes: number): void {
  new TextEncoder().encodeInto(text, new Uint8Array(view.buffer, view.byteOffset + at, sizeBytes - 1));
}

/** What is at the begin of `bytes`, which hold it whole. */
export function decodeStructure(structure: Structure, bytes: Uint8Array): object {
  return read(structure, viewOf(bytes), 0) as object;
}

function read(member: Member, view: DataView, at: number): Value {
  if (isNumber(member)) return member === 8 ? view.getBigUint64(at, true) : view.getUint32(at, true);
  if (isArray(member)) {
    if (member[0] === 1) return readText(view, at, member[1]);
    return Array.from({ length: member[1] }, (_unused, index) => view.getUint32(at + 4 * index, true));
  }
  const places = layoutOf(member);
  return Object.fromEntries(
    Object.entries(member).map(([name, part]) => [
      name,
      read(part, view, at + (places.get(name)?.offset ?? 0)),
    ]),
  );
}

function readText(view: DataView, at: number, sizeBytes: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, sizeBytes);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
