// A map as the host's own side sees it: keys and values as bytes, errors as EbpfError. Programs see the same map
// through maps/map.ts. Lives in the main thread only.
import { EbpfError } from "../../base/error.ts";
import { isArrayKind } from "../../image/abi.ts";
import type { MapKind } from "../../platform/platform.ts";
import type { MapSpec } from "../../spec.ts";
import type { EbpfMap } from "../host.ts";
import { LANE_COUNT, type MapDescriptor } from "./lane.ts";
import { findMapImplementation, openMap } from "./maps/kinds.ts";
import { MAP_ERROR, UPDATE_MODE } from "./maps/map.ts";
import { alignUp, type LinearMemory, viewsOf } from "./memory.ts";

export interface EmbeddedMap extends EbpfMap {
  readonly descriptor: MapDescriptor;
}

/** MapTypeUnsupported, MapDefinitionInvalid or MemoryExhausted if the map cannot be made. */
export function createEmbeddedMap(
  memory: LinearMemory,
  id: number,
  spec: MapSpec,
  kind: MapKind,
): EmbeddedMap {
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
  checkShape(spec, kind);
  // One allocation, so that nothing is left behind if it fails: the map, then the host's own key and value.
  const sizeBytes = alignUp(implementation.sizeBytes(shape), 16);
  const valueOffset = alignUp(shape.keySizeBytes, 8);
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

  return {
    id,
    spec,
    descriptor,
    lookup(key) {
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
    keys: () => access.keys(),
    count: () => access.count(),
    close: () => memory.free(address),
  };
}

function checkShape(spec: MapSpec, kind: MapKind): void {
  const { keySizeBytes, valueSizeBytes, maxEntries } = spec;
  const isArray = isArrayKind(kind);
  const wrong =
    (isArray && keySizeBytes !== 4 && "keys of an array must have 4 bytes") ||
    (keySizeBytes === 0 && "the key size is 0") ||
    (valueSizeBytes === 0 && "the value size is 0") ||
    (maxEntries === 0 && "max_entries is 0");
  if (wrong) {
    throw new EbpfError("MapDefinitionInvalid", `map '${spec.name}': ${wrong}`, {
      target: spec.name,
      details: { keySizeBytes, valueSizeBytes, maxEntries },
    });
  }
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
      return isArrayKind(kind)
        ? new EbpfError("MapKeyNotFound", `the key is beyond the last index of map '${name}'`, data)
        : new EbpfError("MapFull", `map '${name}' is full`, data);
    default:
      return new EbpfError("MapOperationUnsupported", `map '${name}' of type ${kind} cannot do this`, data);
  }
}
