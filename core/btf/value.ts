// Bytes of a map's key or value -> what people and JSON see, by their BTF type. Numbers beyond 2^53 are strings. It never
// fails and never takes long, however hostile the types. The way back is in write-value.ts.
import { resolveType, sizeOfType } from "./resolve.ts";
import type { BtfMember, BtfType, BtfTypes } from "./types.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Parts shown of one value, beyond what its bytes need; types may overlap themselves without end. */
const EXTRA_PARTS = 1024;
/** Deeper nesting is taken as a circle. */
export const DEPTH_LIMIT = 32;

interface Source {
  readonly btf: BtfTypes;
  readonly view: DataView;
  parts: number;
}

/**
 * The value as JSON: structs and unions as objects (anonymous members are part of theirs), arrays as arrays, char arrays as
 * text, enums by name, pointers as hexadecimal text, a data section as its variables. Undefined if the bytes do not fit the
 * type, or it has no values.
 */
export function readValue(btf: BtfTypes, typeId: number, bytes: Uint8Array): JsonValue | undefined {
  if (sizeOfType(btf, typeId) !== bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return read({ btf, view, parts: 16 * bytes.length + EXTRA_PARTS }, typeId, 0, 0);
}

/** Undefined if the type cannot be shown. */
function read(source: Source, typeId: number, offset: number, depth: number): JsonValue | undefined {
  const sizeBytes = sizeOfType(source.btf, typeId);
  const outside = sizeBytes === undefined || offset + sizeBytes > source.view.byteLength;
  if (outside || depth > DEPTH_LIMIT || --source.parts < 0) return undefined;
  const type = resolveType(source.btf, typeId);
  switch (type?.kind) {
    case "int":
      return readInt(source, type, offset);
    case "enum":
      return readEnum(type, bits(source, offset * 8, sizeBytes * 8));
    case "pointer":
      return `0x${bits(source, offset * 8, 64).toString(16)}`;
    case "float":
      return readFloat(source, sizeBytes, offset);
    case "array":
      return readArray(source, type, offset, depth);
    case "struct":
    case "union":
      return readMembers(source, type.members, offset, depth);
    case "dataSection":
      return readSection(source, type, offset, depth);
    default:
      return undefined;
  }
}

/** Unsigned, little-endian. */
function bits(source: Source, bitOffset: number, bitSize: number): bigint {
  let value = 0n;
  const first = Math.floor(bitOffset / 8);
  const last = Math.ceil((bitOffset + bitSize) / 8);
  for (let at = last - 1; at >= first; at--) {
    value = (value << 8n) | BigInt(at < source.view.byteLength ? source.view.getUint8(at) : 0);
  }
  return BigInt.asUintN(bitSize, value >> BigInt(bitOffset % 8));
}

function number(value: bigint): number | string {
  const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return safe ? Number(value) : value.toString();
}

export type Of<Kind extends BtfType["kind"]> = Extract<BtfType, { kind: Kind }>;

export function isSigned(type: BtfType | undefined): boolean {
  return type?.kind === "int" ? type.encoding === "signed" : type?.kind === "enum" && type.signed;
}

function readInt(source: Source, type: Of<"int">, offset: number): JsonValue {
  const value = bits(source, offset * 8 + type.bitOffset, type.bitSize);
  if (type.encoding === "bool" && value <= 1n) return value === 1n;
  return number(isSigned(type) ? BigInt.asIntN(type.bitSize, value) : value);
}

function readEnum(type: Of<"enum">, raw: bigint): JsonValue {
  const value = type.signed ? BigInt.asIntN(type.sizeBytes * 8, raw) : raw;
  return type.values.find((row) => row.value === value)?.name ?? number(value);
}

function readFloat({ view }: Source, sizeBytes: number, offset: number): JsonValue | undefined {
  if (sizeBytes !== 4 && sizeBytes !== 8) return undefined;
  const value = sizeBytes === 4 ? view.getFloat32(offset, true) : view.getFloat64(offset, true);
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : `${value}`;
}

/** clang gives `char` no encoding of its own: it is the signed integer of that name. */
export function isChar(btf: BtfTypes, typeId: number): boolean {
  const type = resolveType(btf, typeId);
  return type?.kind === "int" && type.sizeBytes === 1 && (type.encoding === "char" || type.name === "char");
}

function readArray(source: Source, type: Of<"array">, offset: number, depth: number): JsonValue | undefined {
  const elementBytes = sizeOfType(source.btf, type.type) ?? 0;
  if (elementBytes === 0) return [];
  const text = isChar(source.btf, type.type) ? readText(source, offset, type.length) : undefined;
  if (text !== undefined) return text;
  const result: JsonValue[] = [];
  for (let index = 0; index < type.length; index++) {
    const value = read(source, type.type, offset + index * elementBytes, depth + 1);
    if (value === undefined) return undefined;
    result.push(value);
  }
  return result;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Only what gives the same bytes when it is written back: printable UTF-8, then zeros to the end. */
function readText({ view }: Source, offset: number, length: number): string | undefined {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
  const end = bytes.indexOf(0);
  const used = end < 0 ? bytes : bytes.subarray(0, end);
  if (end >= 0 && bytes.subarray(end).some((byte) => byte !== 0)) return undefined;
  if (used.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)) return undefined;
  if (used[0] === 0xef && used[1] === 0xbb && used[2] === 0xbf) return undefined;
  try {
    return decoder.decode(used);
  } catch {
    return undefined;
  }
}

function readMembers(
  source: Source,
  members: readonly BtfMember[],
  offset: number,
  depth: number,
): JsonValue | undefined {
  const entries: [string, JsonValue][] = [];
  for (const member of members) {
    const value = readMember(source, member, offset, depth);
    if (value === undefined) return undefined;
    if (member.name !== "") entries.push([member.name, value]);
    else if (isObject(value))
      for (const pair of Object.entries(value)) entries.push(pair as [string, JsonValue]);
  }
  return Object.fromEntries(entries);
}

function readMember(source: Source, member: BtfMember, offset: number, depth: number): JsonValue | undefined {
  const { bitOffset, bitSize, type: typeId } = member;
  if (bitSize === 0) return read(source, typeId, offset + Math.floor(bitOffset / 8), depth + 1);
  const type = resolveType(source.btf, typeId);
  const start = offset * 8 + bitOffset;
  if (start + bitSize > source.view.byteLength * 8 || --source.parts < 0) return undefined;
  const value = bits(source, start, bitSize);
  return number(isSigned(type) ? BigInt.asIntN(bitSize, value) : value);
}

function readSection(
  source: Source,
  type: Of<"dataSection">,
  offset: number,
  depth: number,
): JsonValue | undefined {
  const entries: [string, JsonValue][] = [];
  for (const { type: typeId, byteOffset } of type.variables) {
    const variable = source.btf.types[typeId];
    const value = read(source, typeId, offset + byteOffset, depth + 1);
    if (value === undefined || variable?.kind !== "variable") return undefined;
    entries.push([variable.name, value]);
  }
  return Object.fromEntries(entries);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
