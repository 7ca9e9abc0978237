// The memory of the model machine: every object apart, at an address of its own, and every word with the object that it
// points into. So an access one byte beyond an object is seen whatever lies there, and so is a number used as an address.
// Knows no instructions. Written apart from core/host, which it judges too.
import type { ContextField } from "../../../core/platform/platform.ts";

export type ThingKind =
  | "context"
  | "stack"
  | "packet"
  | "mapValue"
  | "map"
  | "innerMap"
  | "memory"
  | "record"
  | "object"
  | "kernel"
  | "code";

/** Something a pointer may point into. Maps, functions and the kernel's own have no bytes. */
export interface Thing {
  readonly kind: ThingKind;
  readonly base: bigint;
  readonly bytes: Uint8Array;
  readonly writable: boolean;
  /** Map, frame or subprogram number. */
  readonly index: number;
  /** Of a map of maps: a value of an inner map. */
  readonly inner: boolean;
  /** Type of an object. */
  readonly type: string;
  /** Where only listed fields may be touched. */
  readonly fields?: readonly ContextField[];
  /** By byte of a stack: 1 if it was written. */
  readonly written?: Uint8Array;
  /** By offset of a stack: pointers stored there whole. */
  readonly pointers: Map<number, Thing>;
  /** Of a packet: where its data begin, behind the metadata. */
  readonly dataAt: number;
  /** What keeps it alive. */
  readonly holder?: Thing;
  live: boolean;
}

/** The contents of a register: 64 bits, and what they point into if they are an address. */
export interface Word {
  readonly bits: bigint;
  readonly to: Thing | undefined;
}

export const NULL: Word = { bits: 0n, to: undefined };

export function numberWord(value: bigint | number): Word {
  return { bits: BigInt.asUintN(64, BigInt(value)), to: undefined };
}

export function pointerWord(thing: Thing, offset = 0): Word {
  return { bits: BigInt.asUintN(64, thing.base + BigInt(offset)), to: thing };
}

/** Where in its thing a pointer points. */
export function offsetOf(word: Word): number {
  return Number(BigInt.asIntN(64, word.bits - (word.to?.base ?? 0n)));
}

export interface ThingOptions {
  readonly index?: number;
  readonly inner?: boolean;
  readonly type?: string;
  readonly fields?: readonly ContextField[];
  readonly readOnly?: boolean;
  readonly dataAt?: number;
  readonly holder?: Thing;
  readonly base?: bigint;
  readonly written?: Uint8Array;
}

/**
 * Gives addresses: aligned to 16, never null, apart from each other. What a tracing program is given may be an address of
 * the kernel or a number, and is both to whoever calculates with it: it is the same wherever everything else lies.
 */
export class AddressSpace {
  #next: bigint;
  #nextOfKernel = 0xffff_c900_0000_1000n;

  constructor(first: bigint) {
    this.#next = first;
  }

  make(kind: ThingKind, bytes: Uint8Array, options: ThingOptions = {}): Thing {
    const base = options.base ?? (kind === "kernel" ? this.#nextOfKernel : this.#next);
    if (kind === "kernel") this.#nextOfKernel += 4112n;
    else if (options.base === undefined) this.#next += BigInt((bytes.length & ~15) + 4112);
    return {
      kind,
      base,
      bytes,
      writable: options.readOnly !== true,
      index: options.index ?? 0,
      inner: options.inner ?? false,
      type: options.type ?? "",
      pointers: new Map(),
      dataAt: options.dataAt ?? 0,
      live: true,
      ...(options.fields && { fields: options.fields }),
      ...(options.holder && { holder: options.holder }),
      ...(options.written && { written: options.written }),
    };
  }
}

export function readBits(bytes: Uint8Array, at: number, sizeBytes: number): bigint {
  let value = 0n;
  for (let index = sizeBytes - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[at + index] ?? 0);
  return value;
}

/** Also forgets the pointers that are hit, wholly or in part. */
export function writeBits(thing: Thing, at: number, sizeBytes: number, value: bigint): void {
  for (let index = 0; index < sizeBytes; index++) {
    thing.bytes[at + index] = Number((value >> BigInt(8 * index)) & 0xffn);
  }
  touched(thing, at, sizeBytes);
}

/** The bytes were given numbers. */
export function touched(thing: Thing, at: number, sizeBytes: number): void {
  thing.written?.fill(1, at, at + sizeBytes);
  for (let slot = at & ~7; slot < at + sizeBytes; slot += 8) thing.pointers.delete(slot);
}
