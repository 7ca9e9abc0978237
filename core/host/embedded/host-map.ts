// A map as the host's own side sees it: keys and values as bytes, errors as EbpfError. Programs see the same map
// through maps/map.ts. Lives in the main thread only.
import { EbpfError } from "../../base/error.ts";
import { isArrayKind } from "../../image/abi.ts";
import type { MapKind } from "../../platform/platform.ts";
import type { MapSpec } from "../../spec.ts";
import { checkMapFlags, type EbpfMap } from "../host.ts";
import { LANE_COUNT, type MapDescriptor } from "./lane.ts";
import { findMapImplementation, openMap } from "./maps/kinds.ts";
import { MAP_ERROR, type RingAccess, UPDATE_MODE } from "./maps/map.ts";
import { LEAST_RING_BYTES, MOST_RING_BYTES } from "./maps/ring.ts";
import { alignUp, type LinearMemory, viewsOf } from "./memory.ts";

export interface EmbeddedMap extends EbpfMap {
  readonly descriptor: MapDescriptor;
}

/** What a map needs of its host. */
export interface MapHost {
  readonly memory: LinearMemory;
  /** Frees memory once no thread can use it any more. */
  free(address: number): void;
  /** Before program `id` is put into a program array; throws if it cannot be. */
  enter(map: EmbeddedMap, id: number): void;
}

/** MapTypeUnsupported, MapDefinitionInvalid or MemoryExhausted if the map cannot be made. */
export function createEmbeddedMap(host: MapHost, id: number, spec: MapSpec, kind: MapKind): EmbeddedMap {
  const implementation = findMapImplementation(kind);
  if (implementation === undefined) {
    throw new EbpfError(
      "MapTypeUnsupported",
      `map '${spec.name}' is of type ${kind}, which is not supported`,
      {
        target: spec.name,
        details: { kind },
      },
    );
  }
  const shape = {
    kind,
    keySizeBytes: spec.keySizeBytes,
    valueSizeBytes: spec.valueSizeBytes,
    maxEntries: spec.maxEntries,
  };
  checkMapFlags(spec);
  checkShape(spec, kind);
  // One allocation, so that nothing is left behind if it fails: the map, then the host's own key and value.
  const sizeBytes = alignUp(implementation.sizeBytes(shape), 16);
  const valueOffset = alignUp(shape.keySizeBytes, 8);
  const { memory } = host;
  const address = memory.allocate(sizeBytes + valueOffset + shape.valueSizeBytes);
  const scratch = address + sizeBytes;
  const descriptor: MapDescriptor = { id, address, ...shape };
  const views = viewsOf(memory.memory);
  implementation.initialize(views, descriptor);
  const access = openMap(views, descriptor, 0);
  const stride = alignUp(shape.valueSizeBytes, 8);
  const copies = implementation.perCpu ? LANE_COUNT : 1;
  const readOnly = spec.data?.readOnly === true;
  if (spec.data !== undefined) {
    views.bytes.set(spec.data.bytes.subarray(0, shape.valueSizeBytes), access.peek(scratch, 0));
  }

  const putKey = (key: Uint8Array): void => {
    if (key.length !== shape.keySizeBytes) throw wrongSize(spec.name, "key", key.length, shape.keySizeBytes);
    views.bytes.set(key, scratch);
  };
  const refuse = (code: number): EbpfError => refusal(spec.name, kind, code);

  const { ring } = access;
  const map: EmbeddedMap = {
    id,
    spec,
    descriptor,
    ...(ring === undefined ? {} : { ring: { ...ring, take: (most) => takeRecords(ring, most) } }),
    copySizeBytes: copies === 1 ? shape.valueSizeBytes : stride * copies,
    lookup(key) {
      if (shape.keySizeBytes === 0) throw refuse(MAP_ERROR.invalid);
      putKey(key);
      if (access.peek(scratch, 0) === 0) return undefined;
      if (copies === 1) {
        const from = access.peek(scratch, 0);
        return Uint8Array.from(views.bytes.subarray(from, from + shape.valueSizeBytes));
      }
      const values = new Uint8Array(stride * copies);
      for (let lane = 0; lane < copies; lane++) {
        const from = access.peek(scratch, lane);
        values.set(views.bytes.subarray(from, from + shape.valueSizeBytes), lane * stride);
      }
      return values;
    },
    update(key, value, mode = "any") {
      const expected = copies === 1 ? shape.valueSizeBytes : stride * copies;
      if (value.length !== expected) throw wrongSize(spec.name, "value", value.length, expected);
      if (readOnly) throw readOnlyMap(spec.name);
      if (kind === "prog_array")
        host.enter(map, new DataView(value.buffer, value.byteOffset).getUint32(0, true));
      putKey(key);
      views.bytes.set(value.subarray(0, shape.valueSizeBytes), scratch + valueOffset);
      const result = access.update(scratch, scratch + valueOffset, UPDATE_MODE[mode]);
      if (result !== 0) throw refuse(result);
      for (let lane = 1; lane < copies; lane++) {
        const to = access.peek(scratch, lane);
        if (to !== 0)
          views.bytes.set(value.subarray(lane * stride, lane * stride + shape.valueSizeBytes), to);
      }
    },
    delete(key) {
      if (readOnly) throw readOnlyMap(spec.name);
      putKey(key);
      const result = access.remove(scratch);
      if (result !== 0 && result !== MAP_ERROR.notFound) throw refuse(result);
      return result === 0;
    },
    *entries() {
      for (const key of access.keys()) {
        const value = map.lookup(key);
        if (value !== undefined) yield { key, value };
      }
    },
    count: () => access.count(),
    close: () => host.free(address),
  };
  return map;
}

/** Taken at once, but for the last one. */
const RECORDS_BYTES = 65_536;

function takeRecords(ring: RingAccess, most: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let sizeBytes = 0; records.length < most && sizeBytes < RECORDS_BYTES; ) {
    const record = ring.take();
    if (record === undefined) break;
    records.push(record);
    sizeBytes += record.length;
  }
  return records;
}

function checkShape(spec: MapSpec, kind: MapKind): void {
  const { keySizeBytes, valueSizeBytes, maxEntries } = spec;
  const wrong = wrongOf(spec, kind);
  if (wrong === undefined) return;
  throw new EbpfError("MapDefinitionInvalid", `map '${spec.name}': ${wrong}`, {
    target: spec.name,
    details: { keySizeBytes, valueSizeBytes, maxEntries },
  });
}

function wrongOf(spec: MapSpec, kind: MapKind): string | undefined {
  switch (kind) {
    case "ringbuf":
      return wrongOfRing(spec);
    case "queue":
    case "stack":
      return spec.keySizeBytes === 0 ? wrongOfValues(spec) : `a ${kind} has no keys`;
    default:
      return wrongOfEntries(spec, kind);
  }
}

function wrongOfValues({ valueSizeBytes, maxEntries }: MapSpec): string | undefined {
  if (valueSizeBytes === 0) return "the value size is 0";
  return maxEntries === 0 ? "max_entries is 0" : undefined;
}

function wrongOfEntries(spec: MapSpec, kind: MapKind): string | undefined {
  const { keySizeBytes, valueSizeBytes } = spec;
  if (isIndexed(kind) && keySizeBytes !== 4) return "keys of an array must have 4 bytes";
  if (keySizeBytes === 0) return "the key size is 0";
  if (kind === "prog_array" && valueSizeBytes !== 4) return "values of a program array must have 4 bytes";
  return wrongOfValues(spec);
}

function wrongOfRing({ keySizeBytes, valueSizeBytes, maxEntries }: MapSpec): string | undefined {
  if (keySizeBytes !== 0 || valueSizeBytes !== 0) return "a ring buffer has neither keys nor values";
  const fits = maxEntries >= LEAST_RING_BYTES && maxEntries <= MOST_RING_BYTES;
  if (fits && (maxEntries & (maxEntries - 1)) === 0) return undefined;
  return `the size of a ring buffer must be a power of two from ${LEAST_RING_BYTES} to ${MOST_RING_BYTES} bytes`;
}

function isIndexed(kind: MapKind): boolean {
  return isArrayKind(kind) || kind === "prog_array";
}

function wrongSize(name: string, what: string, given: number, wanted: number): EbpfError {
  return new EbpfError(
    "MapValueInvalid",
    `map '${name}': the ${what} has ${given} bytes, it must have ${wanted}`,
    {
      target: name,
      details: { given, wanted },
    },
  );
}

function readOnlyMap(name: string): EbpfError {
  return new EbpfError("MapOperationUnsupported", `map '${name}' holds read-only data`, { target: name });
}

function refusal(name: string, kind: MapKind, code: number): EbpfError {
  const data = { target: name, details: { error: code } };
  switch (code) {
    case MAP_ERROR.exists:
      return new EbpfError("MapKeyExists", `map '${name}' has an entry with this key already`, data);
    case MAP_ERROR.notFound:
      return new EbpfError("MapKeyNotFound", `map '${name}' has no entry with this key`, data);
    case MAP_ERROR.tooBig:
      return isIndexed(kind)
        ? new EbpfError("MapKeyNotFound", `the key is beyond the last index of map '${name}'`, data)
        : new EbpfError("MapFull", `map '${name}' is full`, data);
    default:
      return new EbpfError("MapOperationUnsupported", `map '${name}' of type ${kind} cannot do this`, data);
  }
}
