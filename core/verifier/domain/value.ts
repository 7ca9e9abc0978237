// What a register or a stack slot can hold: nothing yet, a number, or a pointer into a region. Values are immutable and
// shared; knows nothing of stacks, states and instructions.
import { type Range, ranges } from "./range.ts";

/** What a pointer may point into. Two pointers are into the same object if their regions are `sameObject`. */
export type Region =
  | { readonly kind: "context" }
  /** The 512 bytes of the frame with that depth; offset 0 is its r10. */
  | { readonly kind: "stack"; readonly frame: number }
  | { readonly kind: "packet" }
  | { readonly kind: "packetEnd" }
  | { readonly kind: "packetMeta" }
  /** A value of map `map`; `instance` is the look-up (or, negative, the direct address) it came from. */
  | { readonly kind: "mapValue"; readonly map: number; readonly instance: number }
  /** The map itself, as helpers take it. */
  | { readonly kind: "map"; readonly map: number }
  /** The memory a raw program is given. */
  | { readonly kind: "memory"; readonly sizeBytes: number };

export interface NumberValue {
  readonly kind: "number";
  /** Registers and slots with the same id other than 0 hold the same number. */
  readonly id: number;
  readonly range: Range;
}

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
  /** It may be 0 instead; settled for all pointers of the same instance by one comparison. */
  readonly nullable: boolean;
}

/** Nothing may be read from it. `stale`: a packet pointer from before a helper that moves the packet. */
export interface UninitializedValue {
  readonly kind: "uninitialized";
  readonly stale: boolean;
}

export type Value = NumberValue | PointerValue | UninitializedValue;

export const UNINITIALIZED: Value = { kind: "uninitialized", stale: false };
export const STALE: Value = { kind: "uninitialized", stale: true };
export const UNKNOWN_NUMBER: NumberValue = { kind: "number", id: 0, range: ranges.unknown };
export const ZERO: NumberValue = { kind: "number", id: 0, range: ranges.constant(0) };

export function numberValue(range: Range, id = 0): NumberValue {
  return { kind: "number", id, range };
}

export function pointerTo(region: Region, offset = 0, nullable = false): PointerValue {
  return { kind: "pointer", region, offset, minimum: 0, maximum: 0, zeros: 3, variable: 0, nullable };
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
    case "mapValue":
      return b.kind === "mapValue" && a.map === b.map && a.instance === b.instance;
    case "map":
      return b.kind === "map" && a.map === b.map;
    default:
      return a.kind === b.kind;
  }
}

/** Ids of one state matched to ids of another: what one calls equal must be equal in the other. */
export class Renaming {
  readonly #numbers = new Map<number, number>();
  readonly #variables = new Map<number, number>();
  readonly #instances = new Map<number, number>();

  /** A number without link (0) can stand for an id only once. */
  number(from: number, to: number): boolean {
    if (from === 0) return true;
    const known = this.#numbers.get(from);
    if (known === undefined) {
      this.#numbers.set(from, to);
      return true;
    }
    return known === to && to !== 0;
  }

  variable(from: number, to: number): boolean {
    return match(this.#variables, from, to);
  }

  instance(from: number, to: number): boolean {
    return match(this.#instances, from, to);
  }

  variables(): ReadonlyMap<number, number> {
    return this.#variables;
  }
}

function match(map: Map<number, number>, from: number, to: number): boolean {
  const known = map.get(from);
  if (known !== undefined) return known === to;
  map.set(from, to);
  return true;
}

/**
 * True if every concrete value of `b` is one of `a`, given the renaming of ids. Sound: an uninitialized `a` has been
 * read by nobody, so whatever stands there cannot matter.
 */
export function coversValue(a: Value, b: Value, renaming: Renaming): boolean {
  switch (a.kind) {
    case "uninitialized":
      return true;
    case "number":
      return b.kind === "number" && ranges.covers(a.range, b.range) && renaming.number(a.id, b.id);
    case "pointer":
      return b.kind === "pointer" && coversPointer(a, b, renaming);
  }
}

function coversPointer(a: PointerValue, b: PointerValue, renaming: Renaming): boolean {
  if (a.offset !== b.offset || a.nullable !== b.nullable || a.zeros > b.zeros) return false;
  if (a.minimum > b.minimum || a.maximum < b.maximum) return false;
  if (a.region.kind === "mapValue") {
    return (
      b.region.kind === "mapValue" &&
      a.region.map === b.region.map &&
      renaming.instance(a.region.instance, b.region.instance)
    );
  }
  if (a.region.kind !== b.region.kind) return false;
  if (a.region.kind === "packet" || a.region.kind === "packetMeta") {
    // No unknown part (0) is a variable that is the same in all states.
    return (a.variable === 0) === (b.variable === 0) && renaming.variable(a.variable, b.variable);
  }
  return sameObject(a.region, b.region);
}
