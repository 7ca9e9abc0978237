// Entries of maps as people and programs of people read and write them: JSON by the map's BTF types, or hex after "0x".
// A write to a persistent map is in the state before it is answered.
import { EbpfError } from "../base/error.ts";
import { parseHex, printHex } from "../base/hex.ts";
import { readValue } from "../btf/value.ts";
import { writeValue } from "../btf/write-value.ts";
import type { KernelHost } from "../host/kernel/host.ts";
import type { Checkpoints } from "./checkpoint.ts";
import { numberOfOther, withOtherMap } from "./others.ts";
import { indexBytes, isProgramArray, programBytes, readId } from "./program-arrays.ts";
import type { MapEntryRecord } from "./records.ts";
import type { LiveMap, Registry } from "./registry.ts";

export type UpdateMode = "any" | "noexist" | "exist";

export interface Entries {
  mapEntries(id: number): MapEntryRecord[];
  /** MapKeyNotFound if there is no such key; MapValueInvalid if the key is not one of this map. */
  lookup(id: number, key: unknown): MapEntryRecord;
  update(id: number, key: unknown, value: unknown, mode?: UpdateMode): MapEntryRecord;
  /** Answers what the entry was. */
  delete(id: number, key: unknown): MapEntryRecord;
}

export function createEntries(registry: Registry, kernel: KernelHost, checkpoints: Checkpoints): Entries {
  const withMap = <T>(id: number, body: (live: LiveMap) => T): T => {
    const other = registry.maps.has(id) ? undefined : numberOfOther(id);
    return other === undefined ? body(registry.map(id)) : withOtherMap(kernel, other, body);
  };
  const lookup = (live: LiveMap, key: Uint8Array): Uint8Array => {
    const value = live.map.lookup(key);
    if (value !== undefined) return value;
    const { name } = live.map.spec;
    throw new EbpfError("MapKeyNotFound", `map ${name} has no key 0x${printHex(key)}`, { target: name });
  };
  const written = (live: LiveMap, key: Uint8Array, before: Uint8Array | undefined): void => {
    if (!live.persistent) return;
    try {
      checkpoints.write(live.id, key, live.map.lookup(key));
    } catch (error) {
      if (before === undefined) live.map.delete(key);
      else live.map.update(key, before);
      throw error;
    }
  };
  return {
    mapEntries: (id) =>
      withMap(id, (live) =>
        Array.from(live.map.entries(), ({ key, value }) => entryRecord(live, key, value)),
      ),
    lookup: (id, key) =>
      withMap(id, (live) => {
        const bytes = keyBytes(live, key);
        return entryRecord(live, bytes, lookup(live, bytes));
      }),
    update: (id, key, value, mode = "any") =>
      withMap(id, (live) => {
        const bytes = keyBytes(live, key);
        const before = live.map.lookup(bytes);
        const next = isProgramArray(live) ? programValue(registry, live, value) : valueBytes(live, value);
        live.map.update(bytes, next, mode);
        written(live, bytes, before);
        return entryRecord(live, bytes, lookup(live, bytes));
      }),
    delete: (id, key) =>
      withMap(id, (live) => {
        const bytes = keyBytes(live, key);
        const before = lookup(live, bytes);
        live.map.delete(bytes);
        written(live, bytes, before);
        return entryRecord(live, bytes, before);
      }),
  };
}

function entryRecord(live: LiveMap, key: Uint8Array, value: Uint8Array): MapEntryRecord {
  const { spec } = live.map;
  return {
    mapId: live.id,
    map: spec.name,
    ...shown(live, key, value),
    keyHex: `0x${printHex(key)}`,
    valueHex: `0x${printHex(value)}`,
  };
}

function shown(live: LiveMap, key: Uint8Array, value: Uint8Array): { key: unknown; value: unknown } {
  const { keyTypeId, valueTypeId } = live.map.spec;
  if (isProgramArray(live)) return { key: readId(key), value: readId(value) };
  return {
    key: show(live, keyTypeId, key),
    value: isPerCpu(live)
      ? usedValues(splitValues(live, value)).map((one) => show(live, valueTypeId, one))
      : show(live, valueTypeId, value),
  };
}

function isPerCpu({ type }: LiveMap): boolean {
  return type.name.includes("percpu");
}

/** Each CPU's value starts at a multiple of 8 bytes (host.ts, EbpfMap.lookup). */
function strideOf({ map }: LiveMap): number {
  return (map.spec.valueSizeBytes + 7) & ~7;
}

function splitValues(live: LiveMap, value: Uint8Array): Uint8Array[] {
  const { valueSizeBytes } = live.map.spec;
  const stride = strideOf(live);
  if (!isPerCpu(live) || stride === 0) return [value];
  return Array.from({ length: value.length / stride }, (_unused, cpu) =>
    value.subarray(cpu * stride, cpu * stride + valueSizeBytes),
  );
}

/** Up to the last CPU that has written anything, and at least one. */
function usedValues(values: readonly Uint8Array[]): readonly Uint8Array[] {
  const last = values.findLastIndex((value) => value.some((byte) => byte !== 0));
  return values.slice(0, Math.max(1, last + 1));
}

function show({ btf }: LiveMap, typeId: number | undefined, bytes: Uint8Array): unknown {
  const typed = btf === undefined || typeId === undefined ? undefined : readValue(btf, typeId, bytes);
  return typed ?? `0x${printHex(bytes)}`;
}

function keyBytes(live: LiveMap, key: unknown): Uint8Array {
  const { keySizeBytes, keyTypeId } = live.map.spec;
  const index = isProgramArray(live) ? indexBytes(key) : undefined;
  if (index !== undefined) return index;
  return cellBytes(live, "key", key, keyTypeId, keySizeBytes);
}

/** A program by id or name, or its id as hex. */
function programValue(registry: Registry, live: LiveMap, value: unknown): Uint8Array {
  const named = typeof value === "string" && !/^0x/i.test(value);
  if (named || typeof value === "number") return programBytes(registry, value);
  return cellBytes(live, "value", value, undefined, 4);
}

/** A per-CPU value is a list, one value a CPU, the rest zero; a single value is that of the first CPU. */
function valueBytes(live: LiveMap, value: unknown): Uint8Array {
  const { valueSizeBytes, valueTypeId } = live.map.spec;
  if (!isPerCpu(live)) return cellBytes(live, "value", value, valueTypeId, valueSizeBytes);
  const whole = new Uint8Array(live.map.copySizeBytes);
  const cpuCount = whole.length / strideOf(live);
  const bytes = typeof value === "string" && /^0x/i.test(value) ? parseHex(value) : undefined;
  if (bytes?.length === whole.length) return bytes;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > cpuCount) throw invalid(live, "value", `a list of at most ${cpuCount} values`);
  for (const [cpu, one] of list.entries()) {
    whole.set(cellBytes(live, "value", one, valueTypeId, valueSizeBytes), cpu * strideOf(live));
  }
  return whole;
}

function cellBytes(
  live: LiveMap,
  what: "key" | "value",
  cell: unknown,
  typeId: number | undefined,
  sizeBytes: number,
): Uint8Array {
  if (typeof cell === "string" && /^0x/i.test(cell)) {
    const bytes = parseHex(cell);
    if (bytes.length === sizeBytes) return bytes;
    throw invalid(live, what, `${sizeBytes} bytes, ${bytes.length} are given`);
  }
  if (live.btf === undefined || typeId === undefined) {
    throw invalid(live, what, `${sizeBytes} bytes as hex after 0x (the object has no types for it)`);
  }
  return writeValue(live.btf, typeId, cell);
}

function invalid({ map }: LiveMap, what: "key" | "value", needed: string): EbpfError {
  return new EbpfError("MapValueInvalid", `the ${what} of map ${map.spec.name} is ${needed}`, {
    target: map.spec.name,
  });
}
