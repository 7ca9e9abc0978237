// Variables of the kernel's configuration (`.kconfig`), where their values are known: the map that holds them becomes
// constants, as libbpf makes it when it loads the object.
import type { MapSpec, ObjectSpec } from "../spec.ts";

/** Each variable has a place of its own in the map, in the order of their names (core/elf/externs.ts). */
const PLACE_BYTES = 8;

/** The object with these values; where one is missing all stay unknown. */
export function configure(object: ObjectSpec, values: ReadonlyMap<string, bigint>): ObjectSpec {
  return { ...object, maps: object.maps.map((map) => configured(map, values)) };
}

function configured(map: MapSpec, values: ReadonlyMap<string, bigint>): MapSpec {
  const { externs, valueSizeBytes, name } = map;
  if (externs === undefined || valueSizeBytes !== PLACE_BYTES * externs.length) return map;
  const view = new DataView(new ArrayBuffer(valueSizeBytes));
  for (const [index, extern] of externs.entries()) {
    const value = values.get(extern);
    if (value === undefined) return map;
    view.setBigUint64(PLACE_BYTES * index, value, true);
  }
  return { ...map, data: { section: name, bytes: new Uint8Array(view.buffer), readOnly: true } };
}
