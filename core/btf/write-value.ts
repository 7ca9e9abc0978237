// What people and JSON give -> bytes of a map's key or value, by their BTF type: the inverse of readValue, checked to the
// last bit. Every refusal is MapValueInvalid and says which part does not fit.
import { FormatError } from "../base/error.ts";
import { resolveType, sizeOfType } from "./resolve.ts";
import type { BtfMember, BtfTypes } from "./types.ts";
import { DEPTH_LIMIT, isChar, isObject, isSigned, type Of } from "./value.ts";

/** Larger types are damaged ones. */
const SIZE_LIMIT = 64 << 20;
/** Members looked at to find those of anonymous structs; types may contain themselves many times over. */
const MEMBER_LIMIT = 65_536;

interface Sink {
  readonly btf: BtfTypes;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

function invalid(path: string, why: string): FormatError {
  return new FormatError(
    "MapValueInvalid",
    path === "" ? why : `${path}: ${why}`,
    path === "" ? {} : { target: path },
  );
}

/**
 * The bytes of a value as readValue gives it; members of a struct that are not given are zero. MapValueInvalid, with the
 * path of the part that does not fit as target.
 */
export function writeValue(btf: BtfTypes, typeId: number, value: unknown): Uint8Array<ArrayBuffer> {
  const sizeBytes = sizeOfType(btf, typeId);
  if (sizeBytes === undefined || sizeBytes > SIZE_LIMIT)
    throw invalid("", "values of this type cannot be given");
  const sink = { btf, bytes: new Uint8Array(sizeBytes) };
  write(sink, typeId, 0, value, "", 0);
  return sink.bytes;
}

/** Decimal or 0x, with a sign; beyond 2^53 as text only. Zeros in front are refused: they look like hex bytes. */
function integer(value: unknown): bigint | undefined {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== "string") return undefined;
  const match = /^\s*([+-]?)(0x[0-9a-f]{1,32}|0|[1-9]\d{0,38})\s*$/i.exec(value);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2] ?? "0");
  return match[1] === "-" ? -magnitude : magnitude;
}

function write(
  sink: Sink,
  typeId: number,
  offset: number,
  value: unknown,
  path: string,
  depth: number,
): void {
  const type = resolveType(sink.btf, typeId);
  const sizeBytes = sizeOfType(sink.btf, typeId);
  if (depth > DEPTH_LIMIT || sizeBytes === undefined || offset + sizeBytes > sink.bytes.length) {
    throw invalid(path, "its type has no place for a value");
  }
  switch (type?.kind) {
    case "int":
      writeNumber(sink, offset * 8 + type.bitOffset, type.bitSize, value, isSigned(type), path);
      break;
    case "enum": {
      const named = type.values.find((row) => row.name === value);
      const given = named === undefined ? value : named.value.toString();
      writeNumber(sink, offset * 8, sizeBytes * 8, given, type.signed, path);
      break;
    }
    case "pointer":
      writeNumber(sink, offset * 8, 64, value, false, path);
      break;
    case "float":
      writeFloat(sink, sizeBytes, offset, value, path);
      break;
    case "array":
      writeArray(sink, type, offset, value, path, depth);
      break;
    case "struct":
    case "union":
      writeMembers(sink, memberMap(sink.btf, type.members), offset, value, path, depth);
      break;
    case "dataSection":
      writeMembers(sink, variableMap(sink.btf, type), offset, value, path, depth);
      break;
    default:
      throw invalid(path, "values of this type cannot be given");
  }
}

function writeNumber(
  sink: Sink,
  bitOffset: number,
  bitSize: number,
  value: unknown,
  signed: boolean,
  path: string,
): void {
  const parsed = value === "true" ? 1n : value === "false" ? 0n : integer(value);
  if (parsed === undefined) throw invalid(path, `${JSON.stringify(value)} is not a whole number`);
  writeBits(sink, bitOffset, bitSize, parsed, signed, path);
}

function writeBits(
  sink: Sink,
  bitOffset: number,
  bitSize: number,
  value: bigint,
  signed: boolean,
  path: string,
): void {
  const kept = signed ? BigInt.asIntN(bitSize, value) : BigInt.asUintN(bitSize, value);
  if (kept !== value) {
    const [least, most] = signed
      ? [-(1n << BigInt(bitSize - 1)), (1n << BigInt(bitSize - 1)) - 1n]
      : [0n, (1n << BigInt(bitSize)) - 1n];
    throw invalid(path, `${value} does not fit; ${least} to ${most} do`);
  }
  const raw = BigInt.asUintN(bitSize, value);
  for (let bit = 0; bit < bitSize; ) {
    const at = bitOffset + bit;
    const index = at >> 3;
    const width = Math.min(8 - (at & 7), bitSize - bit);
    const mask = ((1 << width) - 1) << (at & 7);
    const part = Number((raw >> BigInt(bit)) & BigInt((1 << width) - 1)) << (at & 7);
    sink.bytes[index] = ((sink.bytes[index] ?? 0) & ~mask) | part;
    bit += width;
  }
}

function writeFloat(sink: Sink, sizeBytes: number, offset: number, value: unknown, path: string): void {
  const parsed = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  const nan = value === "NaN";
  if (typeof parsed !== "number" || (Number.isNaN(parsed) && !nan)) {
    throw invalid(path, `${JSON.stringify(value)} is not a number`);
  }
  const view = new DataView(sink.bytes.buffer);
  if (sizeBytes === 4) view.setFloat32(offset, parsed, true);
  else if (sizeBytes === 8) view.setFloat64(offset, parsed, true);
  else throw invalid(path, `floats of ${sizeBytes} bytes cannot be given`);
}

function writeArray(
  sink: Sink,
  type: Of<"array">,
  offset: number,
  value: unknown,
  path: string,
  depth: number,
): void {
  if (typeof value === "string" && isChar(sink.btf, type.type)) {
    const text = new TextEncoder().encode(value);
    if (text.length > type.length)
      throw invalid(path, `the text has ${text.length} bytes, ${type.length} fit`);
    sink.bytes.set(text, offset);
    sink.bytes.fill(0, offset + text.length, offset + type.length);
    return;
  }
  const elementBytes = sizeOfType(sink.btf, type.type) ?? 0;
  const length = elementBytes === 0 ? 0 : type.length;
  if (!Array.isArray(value) || value.length !== length) {
    throw invalid(path, `an array of ${length} values is needed`);
  }
  for (const [index, element] of value.entries()) {
    write(sink, type.type, offset + index * elementBytes, element, `${path}[${index}]`, depth + 1);
  }
}

interface Place {
  readonly typeId: number;
  readonly bitOffset: number;
  readonly bitSize: number;
}

/** Members by name, those of anonymous members included. */
function memberMap(btf: BtfTypes, members: readonly BtfMember[]): Map<string, Place> {
  const result = new Map<string, Place>();
  const pending = [{ members, base: 0 }];
  let steps = 0;
  for (const level of pending) {
    for (const { name, type: typeId, bitOffset, bitSize } of level.members) {
      if (++steps > MEMBER_LIMIT) return result;
      const place = { typeId, bitOffset: level.base + bitOffset, bitSize };
      const inner = name === "" ? resolveType(btf, typeId) : undefined;
      if (name !== "") result.set(name, place);
      else if (inner?.kind === "struct" || inner?.kind === "union") {
        pending.push({ members: inner.members, base: place.bitOffset });
      }
    }
  }
  return result;
}

function variableMap(btf: BtfTypes, type: Of<"dataSection">): Map<string, Place> {
  return new Map(
    type.variables.flatMap(({ type: typeId, byteOffset }) => {
      const variable = btf.types[typeId];
      const place = { typeId, bitOffset: byteOffset * 8, bitSize: 0 };
      return variable?.kind === "variable" ? [[variable.name, place] as const] : [];
    }),
  );
}

function writeMembers(
  sink: Sink,
  members: ReadonlyMap<string, Place>,
  offset: number,
  value: unknown,
  path: string,
  depth: number,
): void {
  const known = [...members.keys()].slice(0, 8).join(", ");
  if (!isObject(value)) throw invalid(path, `an object with ${known} is needed`);
  for (const [name, part] of Object.entries(value)) {
    const member = members.get(name);
    const inner = `${path}.${name}`;
    if (member === undefined) throw invalid(inner, `there is no such member; there is ${known}`);
    const { typeId, bitOffset, bitSize } = member;
    const start = offset * 8 + bitOffset;
    if (bitSize === 0) write(sink, typeId, Math.floor(start / 8), part, inner, depth + 1);
    else if (start + bitSize > sink.bytes.length * 8)
      throw invalid(inner, "its type has no place for a value");
    else writeNumber(sink, start, bitSize, part, isSigned(resolveType(sink.btf, typeId)), inner);
  }
}
