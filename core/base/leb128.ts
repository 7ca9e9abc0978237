// LEB128, the variable-length integers of WebAssembly (core specification 5.2.2), written to a ByteWriter and read
// from a ByteReader: 7 bits a byte, low bits first, bit 7 set where more follow.
import type { ByteReader, ByteWriter } from "./bytes.ts";

/** Writes an unsigned integer; a bigint is taken as unsigned 64 bits. */
export function writeUnsignedLeb128(writer: ByteWriter, value: number | bigint): void {
  if (typeof value === "number" && value >>> 0 === value) {
    writeSmallUnsigned(writer, value);
    return;
  }
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    writer.u8(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  writer.u8(Number(rest));
}

/** Writes a signed integer of at most 64 bits. */
export function writeSignedLeb128(writer: ByteWriter, value: number | bigint): void {
  if (typeof value === "number" && (value | 0) === value) {
    writeSmallSigned(writer, value);
    return;
  }
  let rest = BigInt.asIntN(64, BigInt(value));
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    // Done when what is left is only copies of the sign bit just written.
    if ((rest === 0n && byte < 0x40) || (rest === -1n && byte >= 0x40)) {
      writer.u8(byte);
      return;
    }
    writer.u8(byte | 0x80);
  }
}

/** The same for 32 bits, without a BigInt: compiled programs consist of them. */
function writeSmallUnsigned(writer: ByteWriter, value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    writer.u8((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  writer.u8(rest);
}

function writeSmallSigned(writer: ByteWriter, value: number): void {
  let rest = value;
  while (rest < -0x40 || rest > 0x3f) {
    writer.u8((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  writer.u8(rest & 0x7f);
}

/** Reads an unsigned integer of at most `bitWidth` bits; longer or unfinished ones are the reader's FormatError. */
export function readUnsignedLeb128(reader: ByteReader, bitWidth = 64): bigint {
  return readBits(reader, bitWidth).value;
}

/** Reads a signed integer of at most `bitWidth` bits. */
export function readSignedLeb128(reader: ByteReader, bitWidth = 64): bigint {
  const { value, bits } = readBits(reader, bitWidth);
  return BigInt.asIntN(Math.min(bits, bitWidth), value);
}

function readBits(reader: ByteReader, bitWidth: number): { readonly value: bigint; readonly bits: number } {
  const start = reader.position;
  let value = 0n;
  for (let bits = 0; bits < bitWidth; ) {
    const byte = reader.u8();
    value |= BigInt(byte & 0x7f) << BigInt(bits);
    bits += 7;
    if (byte < 0x80) return { value: BigInt.asUintN(bitWidth, value), bits };
  }
  throw reader.error(`an integer is longer than ${bitWidth} bits`, start);
}
