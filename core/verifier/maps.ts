// Which map does a value stand for? A map of the program, or one that was looked up in a map of maps, which is like that
// one's template.
import { findMapType, type MapType, READ_ONLY_FOR_PROGRAMS } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { MapSpec } from "../spec.ts";
import type { Region } from "./domain/value.ts";

export interface KnownMap {
  readonly spec: MapSpec;
  readonly type: MapType;
}

/** The map that a pointer to a map, or to a value of one, belongs to; undefined for other regions, and if it has no template. */
export function mapOfRegion(program: Program, region: Region): KnownMap | undefined {
  switch (region.kind) {
    case "map":
      return program.maps[region.map];
    case "innerMap":
      return innerMapOf(program, region.map);
    case "mapValue":
      return region.inner === true ? innerMapOf(program, region.map) : program.maps[region.map];
    default:
      return undefined;
  }
}

/** Map number `map` of the program, or what is looked up in it (`inner`). */
export function knownMap(program: Program, map: number, inner: boolean): KnownMap | undefined {
  return inner ? innerMapOf(program, map) : program.maps[map];
}

/** What the entries of map number `map` are, if it is a map of maps with a template of a known type. */
function innerMapOf(program: Program, map: number): KnownMap | undefined {
  const spec = program.maps[map]?.spec.inner;
  const type = spec === undefined ? undefined : findMapType(program.platform, spec.type);
  return spec === undefined || type === undefined ? undefined : { spec, type };
}

export function isMapOfMaps(map: KnownMap): boolean {
  return map.type.name === "hash_of_maps" || map.type.name === "array_of_maps";
}

/** A map whose values programs may not write. */
export function isReadOnlyMap(map: KnownMap | undefined): boolean {
  return (
    map === undefined ||
    map.type.readOnlyValues === true ||
    map.spec.data?.readOnly === true ||
    (map.spec.flags & READ_ONLY_FOR_PROGRAMS) !== 0
  );
}
