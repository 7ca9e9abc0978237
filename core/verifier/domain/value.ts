// What a register or a stack slot can hold: nothing yet, a number, or a pointer into a region. Values are immutable and
// shared; knows nothing of stacks, states and instructions.
import { CACHED_CONSTANTS, constantValue, type Range, ranges } from "./range.ts";

/** What a pointer may point into. Two pointers are into the same object if their regions are `sameObject`. */
export type Region =
  | { readonly kind: "context" }
  /** The 512 bytes of the frame with that depth; offset 0 is its r10. */
  | { readonly kind: "stack"; readonly frame: number }
  | { readonly kind: "packet" }
  | { readonly kind: "packetEnd" }
  | { readonly kind: "packetMeta" }
  /**
   * A value of map `map`; `instance` is the look-up (or, negative, the direct address) it came from. `inner`: a value of
   * a map that was looked up in `map`, a map of maps.
   */
  | { readonly kind: "mapValue"; readonly map: number; readonly instance: number; readonly inner?: true }
  /** The map itself, as helpers take it. */
  | { readonly kind: "map"; readonly map: number }
  /** A map that was looked up in the map of maps `map`; it is like the template `spec.inner` of that one. */
  | { readonly kind: "innerMap"; readonly map: number; readonly instance: number }
  /** Plain memory of that size: what a raw program or a function is given, or a context field or helper points to. */
  | {
      readonly kind: "memory";
      readonly sizeBytes: number;
      readonly instance?: number;
      readonly readOnly?: true;
    }
  /** A record reserved in a ring buffer: memory that is held until it is submitted or discarded. */
  | { readonly kind: "allocated"; readonly sizeBytes: number; readonly instance: number }
  /**
   * A socket or the like, whose fields the platform lists under `type`. `holder`: the reference that keeps it alive
   * (its own instance, or the one of the object it was made of; 0: none, it lives as long as the program runs).
   */
  | { readonly kind: "object"; readonly type: string; readonly instance: number; readonly holder: number }
  /** Something of the kernel, known only by its BTF: it may be read at any offset, where it is not mapped as 0. */
  | { readonly kind: "kernel"; readonly instance: number }
  /** The address of subprogram number `function`, for a helper that calls it back. */
  | { readonly kind: "code"; readonly function: number };

/** Pointers of one instance other than 0 came from one look-up or call: they are null together, or none of them is. */
export function instanceOf(region: Region): number {
  return "instance" in region && region.instance !== undefined ? region.instance : 0;
}

/** The reference that must be held for pointers into the region to be valid; 0: none. */
export function holderOf(region: Region): number {
  if (region.kind === "object") return region.holder;
  return region.kind === "allocated" ? region.instance : 0;
}

/**
 * A number. With an id other than 0 it is linked: for each id there is one unknown 64-bit X, and every register or slot
 * with that id holds X + delta modulo 2^64 or, if `extended`, the zero extension of the low 32 bits of that.
 */
export interface NumberValue {
  readonly kind: "number";
  readonly range: Range;
  readonly id: number;
  /** Within +-MOST_DELTA; 0 without a link. */
  readonly delta: number;
  readonly extended: boolean;
  /** What was shifted left by 32 to make this: shifting it back extends that. */
  readonly shifted: NumberValue | undefined;
}

/** Beyond it a link is given up, so that sums of two are exact. */
export const MOST_DELTA = 2 ** 40;

export interface PointerValue {
  readonly kind: "pointer";
  readonly region: Region;
  /** The part of the offset that is known; the rest lies within [minimum, maximum] and has `zeros` low zero bits. */
  readonly offset: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly zeros: number;
  /** Packet pointers: those with the same id have the same unknown part (0: none). */
  readonly variable: number;
  /** Packet pointers: so many bytes from the start of the unknown part on lie before the end of the packet (metadata). */
  readonly proved: number;
  /** It may be 0 instead; settled for all pointers of the same instance by one comparison. */
  readonly nullable: boolean;
}

/** Why what was there is gone: a helper may have moved the packet, or the object has been released. */
export type Stale = false | "packet" | "released";

/** Nothing may be read from it. */
export interface UninitializedValue {
  readonly kind: "uninitialized";
  readonly stale: Stale;
}

export type Value = NumberValue | PointerValue | UninitializedValue;

export const UNINITIALIZED: Value = { kind: "uninitialized", stale: false };
export const STALE: Value = { kind: "uninitialized", stale: "packet" };
export const RELEASED: Value = { kind: "uninitialized", stale: "released" };
export const UNKNOWN_NUMBER: NumberValue = numberValue(ranges.unknown);

export function numberValue(range: Range, id = 0, delta = 0, extended = false): NumberValue {
  return { kind: "number", range, id, delta, extended, shifted: undefined };
}

/** The same number, of which the range is known too. A constant needs no link: it is what it is. */
export function withRange(value: NumberValue, range: Range): NumberValue {
  if (value.id === 0 || range.full.smin === range.full.smax) return numberValue(range);
  return numberValue(range, value.id, value.delta, value.extended);
}

/** Programs are full of constants: those met last are kept, each in the place of its low bits. */
const constants = new Array<NumberValue | undefined>(CACHED_CONSTANTS);

export function constantNumber(value: number): NumberValue {
  const place = value & (CACHED_CONSTANTS - 1);
  const known = constants[place];
  if (known !== undefined && constantValue(known.range) === value) return known;
  const made = numberValue(ranges.constant(value));
  constants[place] = made;
  return made;
}

export const ZERO: NumberValue = constantNumber(0);

export function pointerTo(region: Region, offset = 0, nullable = false, proved = 0): PointerValue {
  return { kind: "pointer", region, offset, minimum: 0, maximum: 0, zeros: 3, variable: 0, proved, nullable };
}

export function isZero(value: Value): boolean {
  return value.kind === "number" && constantValue(value.range) === 0;
}

/** Pointers that address the packet and die when a helper moves it. */
export function isPacketPointer(value: Value): boolean {
  return (
    value.kind === "pointer" &&
    (value.region.kind === "packet" ||
      value.region.kind === "packetEnd" ||
      value.region.kind === "packetMeta")
  );
}

/** Two pointers into one object have a meaningful order and distance. The packet, its end and its metadata are one. */
export function sameObject(a: Region, b: Region): boolean {
  switch (a.kind) {
    case "packet":
    case "packetEnd":
    case "packetMeta":
      return b.kind === "packet" || b.kind === "packetEnd" || b.kind === "packetMeta";
    case "stack":
      return b.kind === "stack" && a.frame === b.frame;
    case "map":
      return b.kind === "map" && a.map === b.map;
    case "code":
      return b.kind === "code" && a.function === b.function;
    case "context":
      return b.kind === "context";
    case "memory":
      // Without an instance there is only one such memory.
      return b.kind === "memory" && a.instance === b.instance;
    case "mapValue":
    case "innerMap":
    case "allocated":
    case "object":
    case "kernel":
      return a.kind === b.kind && a.instance === instanceOf(b);
  }
}
