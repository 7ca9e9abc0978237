// Bytes as hexadecimal text and back. Knows nothing of what the bytes are.
import { FormatError } from "./error.ts";

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case pairs of digits, joined by `separator` (nothing by default). */
export function printHex(bytes: Uint8Array, separator = ""): string {
  const pairs: string[] = [];
  for (const byte of bytes) pairs.push(DIGITS[byte] as string);
  return pairs.join(separator);
}

/**
 * Bytes of pairs of hexadecimal digits; white space, commas, colons and hyphens between pairs and `0x` before a pair
 * are skipped. HexInvalid (data.offset: the character) if something else stands there or a digit is left over.
 */
export function parseHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length >> 1);
  const pattern = /(?:[\s,:-]|0[xX](?=[0-9a-fA-F]))*(?:([0-9a-fA-F]{2})|$)/y;
  let length = 0;
  while (pattern.lastIndex < text.length) {
    const start = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw invalid(text, start);
    if (match[1] === undefined) break;
    bytes[length++] = Number.parseInt(match[1], 16);
  }
  return bytes.slice(0, length);
}

function invalid(text: string, start: number): FormatError {
  const offset = start + (/^[\s,:-]*/.exec(text.slice(start))?.[0].length ?? 0);
  const found = text.slice(offset, offset + 2);
  return new FormatError("HexInvalid", `"${found}" at character ${offset + 1} is not a pair of hex digits`, {
    offset,
  });
}
