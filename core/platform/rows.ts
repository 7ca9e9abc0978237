// The argument kinds and map operations that rows of several platforms share, under short names.
import type { ArgumentKind, ContextField, HelperReturn, MapKind, MapType } from "./platform.ts";

export const SCALAR: ArgumentKind = { kind: "scalar" };
export const OPTIONAL_SCALAR: ArgumentKind = { kind: "scalar", optional: true };
export const CONTEXT: ArgumentKind = { kind: "context" };
export const MAP_KEY: ArgumentKind = { kind: "mapKey" };
export const MAP_VALUE: ArgumentKind = { kind: "mapValue", access: "read" };
export const MAP_VALUE_OUT: ArgumentKind = { kind: "mapValue", access: "write" };
export const MEMORY: ArgumentKind = { kind: "memory", access: "read", orNull: false };
export const MEMORY_OR_NULL: ArgumentKind = { kind: "memory", access: "read", orNull: true };
export const MEMORY_OUT: ArgumentKind = { kind: "memory", access: "write", orNull: false };
export const MEMORY_IN_OUT: ArgumentKind = { kind: "memory", access: "readWrite", orNull: false };
export const SIZE: ArgumentKind = { kind: "size", zeroAllowed: false };
export const SIZE_OR_ZERO: ArgumentKind = { kind: "size", zeroAllowed: true };

export const ANY_SCALAR: HelperReturn = { kind: "scalar" };
export const U32: HelperReturn = { kind: "scalar", minimum: 0n, maximum: 0xffff_ffffn };

/** What a program may do with the entries of each kind of map; kinds without operations have helpers of their own. */
const MAP_RULES: Readonly<Record<MapKind, Pick<MapType, "operations" | "key">>> = {
  array: { operations: ["lookup", "update"], key: "u32" },
  hash: { operations: ["lookup", "update", "delete"], key: "any" },
  percpu_array: { operations: ["lookup", "update"], key: "u32" },
  percpu_hash: { operations: ["lookup", "update", "delete"], key: "any" },
  lru_hash: { operations: ["lookup", "update", "delete"], key: "any" },
  lru_percpu_hash: { operations: ["lookup", "update", "delete"], key: "any" },
  prog_array: { operations: [], key: "u32" },
  perf_event_array: { operations: [], key: "u32" },
  // A look-up would give a map, not a value; no helper row can say that yet.
  hash_of_maps: { operations: [], key: "any" },
  array_of_maps: { operations: [], key: "u32" },
  lpm_trie: { operations: ["lookup", "update", "delete"], key: "any" },
  queue: { operations: [], key: "none" },
  stack: { operations: [], key: "none" },
  ringbuf: { operations: [], key: "none" },
  other: { operations: [], key: "any" },
};

export function mapTypes(numbers: Readonly<Record<number, MapKind>>): readonly MapType[] {
  return Object.entries(numbers).map(([id, name]) => ({ name, id: Number(id), ...MAP_RULES[name] }));
}

/** A map argument for a helper that does this to an entry. */
export function mapWith(operation: MapType["operations"][number]): ArgumentKind {
  const kinds = Object.entries(MAP_RULES).filter(([, rule]) => rule.operations.includes(operation));
  return { kind: "map", types: kinds.map(([name]) => name) };
}

export function mapOf(...types: readonly MapKind[]): ArgumentKind {
  return { kind: "map", types };
}

/** A number of the context that programs may read, also in parts. */
export function scalarField(
  name: string,
  byteOffset: number,
  sizeBytes: ContextField["sizeBytes"],
  writable = false,
): ContextField {
  return { name, byteOffset, sizeBytes, kind: "scalar", writable, narrow: true };
}

/** A field that yields a pointer when read whole. */
export function pointerField(
  name: string,
  byteOffset: number,
  sizeBytes: 4 | 8,
  kind: "packetStart" | "packetEnd" | "packetMeta",
): ContextField {
  return { name, byteOffset, sizeBytes, kind, writable: false, narrow: false };
}
