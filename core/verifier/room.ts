// How many bytes there are behind where a pointer points: what sizes and indexes may come to. Reads values, checks nothing.
import type { Program } from "../program/program.ts";
import { MAXIMUM_PACKET_OFFSET } from "./branch.ts";
import type { PointerValue, Value } from "./domain/value.ts";
import { mapOfRegion } from "./maps.ts";

/** Bytes from where the pointer points at to the end of what it points into; of a packet, to that of the longest one. */
export function roomBehind(program: Program, value: Value): number | undefined {
  if (value.kind !== "pointer") return undefined;
  const total = sizeOf(program, value);
  return total === undefined ? undefined : total - (value.offset + value.maximum);
}

function sizeOf(program: Program, { region }: PointerValue): number | undefined {
  switch (region.kind) {
    case "stack":
      return 0;
    case "packet":
      return MAXIMUM_PACKET_OFFSET;
    case "mapValue":
      return mapOfRegion(program, region)?.spec.valueSizeBytes;
    case "memory":
    case "allocated":
      return region.sizeBytes;
    default:
      return undefined;
  }
}
