// Values of BTF types as JSON and back: how the keys and values of maps are shown to people and taken from them. Numbers
// that JSON cannot hold exactly are strings of digits. Knows no maps.
import { EbpfError } from "../base/error.ts";
import { printHex } from "../base/hex.ts";
import { resolveType, sizeOfType } from "./resolve.ts";
import type { BtfMember, BtfType, BtfTypes } from "./types.ts";

/** Deeper nesting is taken as a circle, as in resolve.ts. */
const DEPTH_LIMIT = 32;

type Int = Extract<BtfType, { kind: "int" }>;
type Struct = Extract<BtfType, { kind: "struct" | "union" }>;
type Enum = Extract<BtfType, { kind: "enum" }>;
type ArrayType = Extract<BtfType, { kind: "array" }>;

/** The JSON value that the bytes are; undefined if the type has none, or is not of that many bytes. */
export function readValue(btf: BtfTypes, typeId: number, bytes: Uint8Array): unknown {
  if (sizeOfType(btf, typeId) !== bytes.length) return undefined;
  return read(btf, typeId, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, 0);
}

function read(btf: BtfTypes, typeId: number, data: DataView, at: number, depth: number): unknown {
  const type = resolveType(btf, typeId);
  if (type === undefined || depth > DEPTH_LIMIT) return undefined;
  switch (type.kind) {
    case "int":
      return intValue(type, readBits(data, at * 8 + type.bitOffset, type.bitSize));
    case "enum":
      return enumName(type, readBits(data, at * 8, type.sizeBytes * 8));
    case "pointer":
      return `0x${readBits(data, at * 8, 64).toString(16)}`;
    case "float":
      return readFloat(type.sizeBytes, data, at);
    case "array":
      return readArray(btf, type, data, at, depth);
    case "struct":
    case "union":
      return readStruct(btf, type, data, at, depth);
    default:
      return undefined;
  }
}

/** Little-endian: bit 0 of a value is the lowest bit of its first byte. */
function readBits(data: DataView, bitOffset: number, bitSize: number): bigint {
  let value = 0n;
  const first = bitOffset >> 3;
  const last = (bitOffset + bitSize - 1) >> 3;
  for (let byte = last; byte >= first; byte--) value = (value << 8n) | BigInt(data.getUint8(byte));
  return BigInt.asUintN(bitSize, value >> BigInt(bitOffset & 7));
}

function plain(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function intValue({ encoding, bitSize }: Int, bits: bigint): unknown {
  if (encoding === "bool") return bits !== 0n;
  return plain(encoding === "signed" ? BigInt.asIntN(bitSize, bits) : bits);
}

function enumName({ values, signed, sizeBytes }: Enum, bits: bigint): unknown {
  const value = signed ? BigInt.asIntN(sizeBytes * 8, bits) : bits;
  return values.find((row) => row.value === value)?.name ?? plain(value);
}

function readFloat(sizeBytes: number, data: DataView, at: number): unknown {
  const value = sizeBytes === 4 ? data.getFloat32(at, true) : data.getFloat64(at, true);
  return Number.isFinite(value) ? value : String(value);
}

/** Text in an array of char is shown as text; anything else in one, as its bytes. */
function readArray(btf: BtfTypes, array: ArrayType, data: DataView, at: number, depth: number): unknown {
  const element = resolveType(btf, array.type);
  const sizeBytes = sizeOfType(btf, array.type) ?? 0;
  if (element?.kind === "int" && element.sizeBytes === 1 && isChar(element)) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset + at, array.length);
    return textOf(bytes) ?? `0x${printHex(bytes)}`;
  }
  return Array.from({ length: array.length }, (_unused, index) =>
    read(btf, array.type, data, at + index * sizeBytes, depth + 1),
  );
}

/** clang marks char as signed or char; unsigned char (u8) is a number. */
function isChar(type: Int): boolean {
  return type.encoding === "char" || type.name === "char";
}

function textOf(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const used = end < 0 ? bytes : bytes.subarray(0, end);
  const rest = end < 0 ? bytes.subarray(bytes.length) : bytes.subarray(end);
  const printable = used.every((byte) => byte >= 0x20 && byte < 0x7f) && rest.every((byte) => byte === 0);
  return printable ? String.fromCharCode(...used) : undefined;
}

function readStruct(btf: BtfTypes, struct: Struct, data: DataView, at: number, depth: number): unknown {
  const pairs = struct.members.flatMap((member): [string, unknown][] => {
    const value = readMember(btf, member, data, at, depth);
    // Members of an anonymous struct or union are the outer one's in C.
    if (member.name === "" && typeof value === "object" && value !== null) return Object.entries(value);
    return [[member.name, value]];
  });
  return Object.fromEntries(pairs);
}

function readMember(btf: BtfTypes, member: BtfMember, data: DataView, at: number, depth: number): unknown {
  if (member.bitSize === 0) return read(btf, member.type, data, at + (member.bitOffset >> 3), depth + 1);
  const bits = readBits(data, at * 8 + member.bitOffset, member.bitSize);
  const type = resolveType(btf, member.type);
  return type?.kind === "int" ? intValue({ ...type, bitSize: member.bitSize }, bits) : plain(bits);
}

/**
 * The bytes of a JSON value in the form that readValue() gives; members that are not named are zero. MapValueInvalid says
 * which part is wrong and what it must be.
 */
export function writeValue(btf: BtfTypes, typeId: number, value: unknown): Uint8Array<ArrayBuffer> {
  const sizeBytes = sizeOfType(btf, typeId);
  if (sizeBytes === undefined) throw wrong([], "has a type that can only be given as hex after 0x");
  const bytes = new Uint8Array(sizeBytes);
  write({ btf, data: new DataView(bytes.buffer) }, typeId, value, 0, []);
  return bytes;
}

interface Target {
  readonly btf: BtfTypes;
  readonly data: DataView;
}

type Path = readonly (string | number)[];

function wrong(path: Path, what: string): EbpfError {
  const place = path.length === 0 ? "the value" : path.join(".");
  return new EbpfError(
    "MapValueInvalid",
    `${place} ${what}`,
    path.length === 0 ? {} : { target: path.join(".") },
  );
}

function write(target: Target, typeId: number, value: unknown, at: number, path: Path): void {
  const type = resolveType(target.btf, typeId);
  if (type === undefined || path.length > DEPTH_LIMIT) throw wrong(path, "has no type that can be written");
  switch (type.kind) {
    case "int":
      writeBits(target.data, at * 8 + type.bitOffset, type.bitSize, intBits(type, value, path));
      break;
    case "enum":
      writeBits(target.data, at * 8, type.sizeBytes * 8, enumBits(type, value, path));
      break;
    case "pointer":
      writeBits(target.data, at * 8, 64, numberBits(value, 64, false, path));
      break;
    case "float":
      writeFloat(target.data, type.sizeBytes, value, at, path);
      break;
    case "array":
      writeArray(target, type, value, at, path);
      break;
    case "struct":
    case "union":
      writeStruct(target, type, value, at, path);
      break;
    default:
      throw wrong(path, "has no type that can be written");
  }
}

function writeBits(data: DataView, bitOffset: number, bitSize: number, bits: bigint): void {
  for (let bit = 0; bit < bitSize; bit++) {
    const at = (bitOffset + bit) >> 3;
    const mask = 1 << ((bitOffset + bit) & 7);
    const set = ((bits >> BigInt(bit)) & 1n) === 1n;
    data.setUint8(at, set ? data.getUint8(at) | mask : data.getUint8(at) & ~mask);
  }
}

function intBits({ encoding, bitSize }: Int, value: unknown, path: Path): bigint {
  if (typeof value === "boolean") return value ? 1n : 0n;
  return numberBits(value, bitSize, encoding === "signed", path);
}

function numberBits(value: unknown, bitSize: number, signed: boolean, path: Path): bigint {
  const exact =
    (typeof value === "number" && Number.isSafeInteger(value)) ||
    (typeof value === "string" && /^(-?[0-9]{1,20}|0x[0-9a-f]{1,16})$/i.test(value));
  const bits = exact ? BigInt(value as number | string) : undefined;
  const minimum = signed ? -(1n << BigInt(bitSize - 1)) : 0n;
  const maximum = (1n << BigInt(signed ? bitSize - 1 : bitSize)) - 1n;
  if (bits === undefined || bits < minimum || bits > maximum) {
    throw wrong(path, `must be a whole number from ${minimum} to ${maximum}`);
  }
  return BigInt.asUintN(bitSize, bits);
}

function enumBits(type: Enum, value: unknown, path: Path): bigint {
  const named = type.values.find((row) => row.name === value);
  if (named !== undefined) return BigInt.asUintN(type.sizeBytes * 8, named.value);
  return numberBits(value, type.sizeBytes * 8, type.signed, path);
}

function writeFloat(data: DataView, sizeBytes: number, value: unknown, at: number, path: Path): void {
  if (typeof value !== "number") throw wrong(path, "must be a number");
  if (sizeBytes === 4) data.setFloat32(at, value, true);
  else data.setFloat64(at, value, true);
}

function writeArray(target: Target, array: ArrayType, value: unknown, at: number, path: Path): void {
  const sizeBytes = sizeOfType(target.btf, array.type) ?? 0;
  if (typeof value === "string") {
    writeText(target, array, value, at, path);
    return;
  }
  if (!Array.isArray(value) || value.length > array.length) {
    throw wrong(path, `must be a list of at most ${array.length}`);
  }
  for (const [index, one] of value.entries()) {
    write(target, array.type, one, at + index * sizeBytes, [...path, index]);
  }
}

function writeText(target: Target, array: ArrayType, value: string, at: number, path: Path): void {
  const element = resolveType(target.btf, array.type);
  const bytes = new TextEncoder().encode(value);
  if (element?.kind !== "int" || element.sizeBytes !== 1 || bytes.length > array.length) {
    throw wrong(path, `must be a list or, for characters, text of at most ${array.length} bytes`);
  }
  for (const [index, byte] of bytes.entries()) target.data.setUint8(at + index, byte);
}

function writeStruct(target: Target, struct: Struct, value: unknown, at: number, path: Path): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(path, `must be an object with ${memberNames(target.btf, struct).join(", ")}`);
  }
  const known = memberNames(target.btf, struct);
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw wrong([...path, name], `is no member; there are ${known.join(", ")}`);
  }
  writeMembers(target, struct, value as Readonly<Record<string, unknown>>, at, path);
}

function anonymous(btf: BtfTypes, member: BtfMember): Struct | undefined {
  const type = member.name === "" ? resolveType(btf, member.type) : undefined;
  return type?.kind === "struct" || type?.kind === "union" ? type : undefined;
}

function memberNames(btf: BtfTypes, struct: Struct, depth = 0): string[] {
  if (depth > DEPTH_LIMIT) return [];
  return struct.members.flatMap((member) => {
    const inner = anonymous(btf, member);
    return inner === undefined ? [member.name] : memberNames(btf, inner, depth + 1);
  });
}

function writeMembers(
  target: Target,
  struct: Struct,
  values: Readonly<Record<string, unknown>>,
  at: number,
  path: Path,
): void {
  for (const member of struct.members) {
    const inner = anonymous(target.btf, member);
    if (inner !== undefined) writeMembers(target, inner, values, at + (member.bitOffset >> 3), path);
    const value = Object.hasOwn(values, member.name) ? values[member.name] : undefined;
    if (value !== undefined) writeMember(target, member, value, at, [...path, member.name]);
  }
}

function writeMember(target: Target, member: BtfMember, value: unknown, at: number, path: Path): void {
  if (member.bitSize === 0) {
    write(target, member.type, value, at + (member.bitOffset >> 3), path);
    return;
  }
  const type = resolveType(target.btf, member.type);
  const signed = type?.kind === "int" && type.encoding === "signed";
  writeBits(
    target.data,
    at * 8 + member.bitOffset,
    member.bitSize,
    numberBits(value, member.bitSize, signed, path),
  );
}
