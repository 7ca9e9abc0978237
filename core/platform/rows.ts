// The argument kinds and map operations that rows of several platforms share, under short names.
import type { ArgumentKind, ContextField, HelperReturn, MapKind, MapType } from "./platform.ts";

export const SCALAR: ArgumentKind = { kind: "scalar" };
export const OPTIONAL_SCALAR: ArgumentKind = { kind: "scalar", optional: true };
export const ANYTHING: ArgumentKind = { kind: "anything" };
export const OPTIONAL: ArgumentKind = { kind: "anything", optional: true };
export const CONTEXT: ArgumentKind = { kind: "context" };
export const MAP_KEY: ArgumentKind = { kind: "mapKey" };
export const MAP_VALUE: ArgumentKind = { kind: "mapValue", access: "read" };
export const MAP_VALUE_OUT: ArgumentKind = { kind: "mapValue", access: "write" };
export const MEMORY: ArgumentKind = { kind: "memory", access: "read", orNull: false };
export const MEMORY_OR_NULL: ArgumentKind = { kind: "memory", access: "read", orNull: true };
export const MEMORY_OUT: ArgumentKind = { kind: "memory", access: "write", orNull: false };
export const MEMORY_OUT_OR_NULL: ArgumentKind = { kind: "memory", access: "write", orNull: true };
export const MEMORY_IN_OUT: ArgumentKind = { kind: "memory", access: "readWrite", orNull: false };
export const SIZE: ArgumentKind = { kind: "size", zeroAllowed: false };
export const SIZE_OR_ZERO: ArgumentKind = { kind: "size", zeroAllowed: true };
/** Sizes of which the helper takes all 64 bits. */
export const WIDE_SIZE: ArgumentKind = { kind: "size", zeroAllowed: false, bits: 64 };
export const WIDE_SIZE_OR_ZERO: ArgumentKind = { kind: "size", zeroAllowed: true, bits: 64 };

export const ANY_SCALAR: HelperReturn = { kind: "scalar" };
export const U32: HelperReturn = { kind: "scalar", minimum: 0n, maximum: 0xffff_ffffn };

type MapRule = Omit<MapType, "name" | "id">;

const HASH_RULE: MapRule = { operations: ["lookup", "update", "delete"], key: "any" };
const ARRAY_RULE: MapRule = { operations: ["lookup", "update"], key: "u32" };
/** Only helpers of their own work on them. */
const INDEXED_RULE: MapRule = { operations: [], key: "u32" };
const KEYED_RULE: MapRule = { operations: [], key: "any" };
const KEYLESS_RULE: MapRule = { operations: [], key: "none" };

/**
 * What a program may do with the entries of each kind of map. A look-up in a map of maps gives the inner map. Sockets of
 * a sockmap cannot be looked up: no helper row says yet that they must be given back.
 */
const MAP_RULES: Readonly<Record<MapKind, MapRule>> = {
  array: ARRAY_RULE,
  hash: HASH_RULE,
  percpu_array: ARRAY_RULE,
  percpu_hash: HASH_RULE,
  lru_hash: HASH_RULE,
  lru_percpu_hash: HASH_RULE,
  lpm_trie: HASH_RULE,
  array_of_maps: { operations: ["lookup"], key: "u32" },
  hash_of_maps: { operations: ["lookup"], key: "any" },
  prog_array: INDEXED_RULE,
  perf_event_array: INDEXED_RULE,
  cgroup_array: INDEXED_RULE,
  stack_trace: INDEXED_RULE,
  cpumap: INDEXED_RULE,
  reuseport_sockarray: INDEXED_RULE,
  // What is looked up is the host's own record.
  devmap: { operations: ["lookup"], key: "u32", readOnlyValues: true },
  devmap_hash: { operations: ["lookup"], key: "u32", readOnlyValues: true },
  xskmap: { operations: ["lookup"], key: "u32", readOnlyValues: true },
  sockmap: { operations: ["delete"], key: "u32" },
  sockhash: { operations: ["delete"], key: "any" },
  cgroup_storage: KEYED_RULE,
  percpu_cgroup_storage: KEYED_RULE,
  sk_storage: KEYED_RULE,
  inode_storage: KEYED_RULE,
  task_storage: KEYED_RULE,
  cgrp_storage: KEYED_RULE,
  queue: KEYLESS_RULE,
  stack: KEYLESS_RULE,
  bloom_filter: KEYLESS_RULE,
  ringbuf: KEYLESS_RULE,
  user_ringbuf: KEYLESS_RULE,
  arena: KEYLESS_RULE,
  struct_ops: KEYED_RULE,
  sample_hash_map: KEYED_RULE,
};

export function mapTypes(numbers: Readonly<Record<number, MapKind>>): readonly MapType[] {
  return Object.entries(numbers).map(([id, name]) => ({ name, id: Number(id), ...MAP_RULES[name] }));
}

/** A map argument of any kind that lets a helper do this to an entry. */
export function mapWith(operation: MapType["operations"][number]): ArgumentKind {
  return { kind: "map", types: mapTypesWith(operation) };
}

/** The kinds of map that let a helper do this to an entry. */
export function mapTypesWith(operation: MapType["operations"][number]): readonly string[] {
  const kinds = Object.entries(MAP_RULES).filter(([, rule]) => rule.operations.includes(operation));
  return kinds.map(([name]) => name);
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
