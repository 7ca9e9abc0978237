// What a register or a stack slot can hold: nothing yet, a number, or a pointer into a region. Values are immutable and
// shared; knows nothing of stacks, states and instructions.
import { constantValue, type Range, ranges } from "./range.ts";

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
export const UNKNOWN_NUMBER: NumberValue = { kind: "number", id: 0, range: ranges.unknown };
export const ZERO: NumberValue = { kind: "number", id: 0, range: ranges.constant(0) };

export function numberValue(range: Range, id = 0): NumberValue {
  return { kind: "number", id, range };
}

export function pointerTo(region: Region, offset = 0, nullable = false): PointerValue {
  return { kind: "pointer", region, offset, minimum: 0, maximum: 0, zeros: 3, variable: 0, nullable };
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

  /** No instance (0) is the same in all states. */
  instance(from: number, to: number): boolean {
    return from === 0 ? to === 0 : to !== 0 && match(this.#instances, from, to);
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
  if (a.region.kind !== b.region.kind) return false;
  if (a.region.kind === "packet" || a.region.kind === "packetMeta") {
    // No unknown part (0) is a variable that is the same in all states.
    return (a.variable === 0) === (b.variable === 0) && renaming.variable(a.variable, b.variable);
  }
  return coversRegion(a.region, b.region, renaming);
}

/** The same kind of object with the same size, type and map; which one it is may differ, consistently. */
function coversRegion(a: Region, b: Region, renaming: Renaming): boolean {
  switch (a.kind) {
    case "mapValue":
      if (b.kind !== "mapValue" || a.map !== b.map || a.inner !== b.inner) return false;
      break;
    case "innerMap":
      if (b.kind !== "innerMap" || a.map !== b.map) return false;
      break;
    case "allocated":
      if (b.kind !== "allocated" || a.sizeBytes !== b.sizeBytes) return false;
      break;
    case "object":
      if (b.kind !== "object" || a.type !== b.type || !renaming.instance(a.holder, b.holder)) return false;
      break;
    case "kernel":
      if (b.kind !== "kernel") return false;
      break;
    case "memory":
      if (b.kind !== "memory" || a.sizeBytes !== b.sizeBytes || a.readOnly !== b.readOnly) return false;
      break;
    default:
      return sameObject(a, b);
  }
  return renaming.instance(instanceOf(a), instanceOf(b));
}
