// Reads the integers of a certificate, each in its one shortest form. Whatever is wrong with the bytes is a Refusal.
import { ByteReader } from "../base/bytes.ts";
import { FormatError } from "../base/error.ts";
import { readSignedLeb128, readUnsignedLeb128 } from "../base/leb128.ts";
import { MOST } from "./interval.ts";
import { refuse } from "./program.ts";

/** Of the shortest form of 53 bits and a sign; a longer one could have bits that are cut off. */
const MOST_BYTES = 8;

export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#reader = new ByteReader(bytes, { code: "CertificateInvalid", what: "the certificate" });
  }

  get atEnd(): boolean {
    return this.position === this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.position++] ?? refuse("the certificate ends too soon");
  }

  take(count: number): Uint8Array {
    if (count > this.#bytes.length - this.position) refuse("the certificate ends too soon");
    this.position += count;
    return this.#bytes.subarray(this.position - count, this.position);
  }

  /** From 0 to `most`. */
  unsigned(most = MOST): number {
    const first = this.#bytes[this.position] ?? 0x80;
    let value = first;
    if (first < 0x80) this.position += 1;
    else {
      value = this.#long(false);
      // The last byte of the shortest form has a bit set.
      if (this.#bytes[this.position - 1] === 0) refuse("an integer is not in its shortest form");
    }
    return value <= most ? value : refuse(`${value} is more than ${most}`);
  }

  /** Within +-`most`. */
  signed(most = MOST): number {
    const first = this.#bytes[this.position] ?? 0x80;
    let value = first < 0x40 ? first : first - 0x80;
    if (first < 0x80) this.position += 1;
    else {
      value = this.#long(true);
      const last = this.#bytes[this.position - 1] ?? 0;
      const sign = (this.#bytes[this.position - 2] ?? 0) & 0x40;
      if (last === (sign === 0 ? 0 : 0x7f)) refuse("an integer is not in its shortest form");
    }
    return Math.abs(value) <= most ? value : refuse(`${value} is beyond ${most}`);
  }

  #long(signed: boolean): number {
    this.#reader.seek(this.position);
    try {
      const value = signed ? readSignedLeb128(this.#reader) : readUnsignedLeb128(this.#reader);
      if (this.#reader.position - this.position > MOST_BYTES) refuse("an integer is too long");
      this.position = this.#reader.position;
      return Number(value);
    } catch (error) {
      if (error instanceof FormatError) return refuse(error.message);
      throw error;
    }
  }
}
