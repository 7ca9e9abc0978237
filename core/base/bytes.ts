// Cursors over bytes: ByteReader and ByteWriter. Little-endian unless told otherwise. A read beyond the end is a
// FormatError with the code its owner chose and the offset where it happened. Knows no file format.
import { type ErrorCode, type ErrorData, FormatError } from "./error.ts";

export interface ByteReaderOptions {
  /** Code of the FormatError thrown for a read beyond the end. */
  readonly code: ErrorCode;
  /** What the bytes are, for messages and `data`; its `offset` is where the bytes start in the file. */
  readonly where?: ErrorData;
  /** What is read, as it stands in messages: "section .BTF". */
  readonly what?: string;
  readonly bigEndian?: boolean;
}

/** A cursor that reads integers and strings; `position` and every length are in bytes. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: ByteReaderOptions;
  readonly #littleEndian: boolean;
  position = 0;

  constructor(bytes: Uint8Array, options: ByteReaderOptions) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
    this.#littleEndian = options.bigEndian !== true;
  }

  get length(): number {
    return this.bytes.length;
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  /** The error of this reader's owner at `offset` (default: here), to be thrown by whoever finds what it reads wrong. */
  error(message: string, offset = this.position): FormatError {
    const where = this.#options.where ?? {};
    return new FormatError(this.#options.code, message, { ...where, offset: (where.offset ?? 0) + offset });
  }

  #take(count: number): number {
    const start = this.position;
    if (!(count >= 0 && start >= 0 && count <= this.bytes.length - start)) {
      const what = this.#options.what ?? "the data";
      throw this.error(
        `${what} ends after ${this.bytes.length} bytes; ${count} more were expected at ${start}`,
      );
    }
    this.position = start + count;
    return start;
  }

  /** Moves to an absolute position; the end itself is allowed. */
  seek(position: number): void {
    this.position = 0;
    this.#take(position);
  }

  skip(count: number): void {
    this.#take(count);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), this.#littleEndian);
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2), this.#littleEndian);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), this.#littleEndian);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), this.#littleEndian);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.#littleEndian);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), this.#littleEndian);
  }

  /** A u64 that is an offset or a size: above 2^53 it cannot lie in any file and is an error. */
  size64(): number {
    const start = this.position;
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.error(`the 64-bit size or offset ${value} is impossible`, start);
    }
    return Number(value);
  }

  /** A view of the next `count` bytes, not a copy. */
  take(count: number): Uint8Array {
    const start = this.#take(count);
    return this.bytes.subarray(start, start + count);
  }

  /** The text up to the next zero byte (which is consumed), as UTF-8. */
  cstring(): string {
    const end = this.bytes.indexOf(0, this.position);
    if (end < 0) throw this.error(`${this.#options.what ?? "the data"} ends inside a string`);
    const text = decoder.decode(this.bytes.subarray(this.position, end));
    this.position = end + 1;
    return text;
  }
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A growing buffer with a write cursor at its end. Integers wrap to their width. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  readonly #littleEndian: boolean;

  constructor(options: { readonly capacity?: number; readonly bigEndian?: boolean } = {}) {
    this.#bytes = new Uint8Array(options.capacity ?? 256);
    this.#view = new DataView(this.#bytes.buffer);
    this.#littleEndian = options.bigEndian !== true;
  }

  get length(): number {
    return this.#length;
  }

  #grow(count: number): number {
    const start = this.#length;
    const end = start + count;
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      bytes.set(this.#bytes.subarray(0, start));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.#length = end;
    return start;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, this.#littleEndian);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, this.#littleEndian);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), this.#littleEndian);
    return this;
  }

  put(bytes: ArrayLike<number>): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** UTF-8 without a terminating zero. */
  text(text: string): this {
    return this.put(encoder.encode(text));
  }

  zeros(count: number): this {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, at + count);
    return this;
  }

  /** Zeros up to the next multiple of `alignment`. */
  align(alignment: number): this {
    return this.zeros((alignment - (this.#length % alignment)) % alignment);
  }

  /** Overwrites a u32 written before, for lengths known only later. */
  patchU32(position: number, value: number): void {
    if (position < 0 || position + 4 > this.#length) throw new RangeError(`no u32 at ${position}`);
    this.#view.setUint32(position, value, this.#littleEndian);
  }

  /** A copy of what was written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }
}
