// Values and registers -> text: one canonical, short form for messages. Knows nothing of failures; whole states are in
// print-state.ts.
//
//   r0 = 7   r1 = number   r2 = number 0..255   r3 = number -4..4   r6 = context   r7 = packet+14+(0..60)
//   r8 = map_value_or_null(port_map)   r10 = stack
import type { Program } from "../program/program.ts";
import type { Bounds } from "./domain/interval.ts";
import { constantValue, type Range } from "./domain/range.ts";
import { register, type State } from "./domain/state.ts";
import type { PointerValue, Region, Value } from "./domain/value.ts";

function mapName(program: Program, map: number): string {
  return program.maps[map]?.spec.name ?? `${map}`;
}

function printRegion(program: Program, region: Region, nullable: boolean): string {
  const orNull = nullable ? "_or_null" : "";
  switch (region.kind) {
    case "context":
      return "context";
    case "stack":
      return region.frame === 0 ? "stack" : `stack[${region.frame}]`;
    case "packet":
      return "packet";
    case "packetEnd":
      return "packet_end";
    case "packetMeta":
      return "packet_meta";
    case "mapValue":
      return `${region.inner ? "inner_" : ""}map_value${orNull}(${mapName(program, region.map)})`;
    case "map":
      return `map(${mapName(program, region.map)})`;
    case "innerMap":
      return `inner_map${orNull}(${mapName(program, region.map)})`;
    case "memory":
      return region.instance === undefined ? "memory" : `memory${orNull}(${region.sizeBytes})`;
    case "allocated":
      return `record${orNull}(${region.sizeBytes})`;
    case "object":
      return `${region.type}${orNull}`;
    case "kernel":
      return `kernel${orNull}`;
    case "code":
      return `function(${program.subprograms[region.function]?.name ?? region.function})`;
  }
}

function printPointer(program: Program, pointer: PointerValue): string {
  const { offset, minimum, maximum } = pointer;
  const known = offset === 0 ? "" : offset > 0 ? `+${offset}` : `${offset}`;
  const part = minimum === 0 && maximum === 0 ? "" : `+(${minimum}..${maximum})`;
  return `${printRegion(program, pointer.region, pointer.nullable)}${known}${part}`;
}

/** The bounds that say most: unsigned if there is an upper one, else signed. */
export function boundsTold({ umin, umax, smin, smax }: Bounds): readonly [number, number] | undefined {
  if (Number.isFinite(umax)) return [umin, umax];
  return Number.isFinite(smin) || Number.isFinite(smax) ? [smin, smax] : undefined;
}

/** What is known of the low 32 bits, for where nothing else is. */
export function lowBitsTold({ half: { umin, umax } }: Range): readonly [number, number] | undefined {
  return umin > 0 || umax < 2 ** 32 - 1 ? [umin, umax] : undefined;
}

function printEnds([low, high]: readonly [number, number]): string {
  return `${Number.isFinite(low) ? low : ""}..${Number.isFinite(high) ? high : ""}`;
}

function printRange(range: Range): string {
  const value = constantValue(range);
  if (value !== undefined) return `${value}`;
  const told = boundsTold(range.full);
  if (told !== undefined) return `number ${printEnds(told)}`;
  const low = lowBitsTold(range);
  return low === undefined ? "number" : `number, low 32 bits ${printEnds(low)}`;
}

const STALE_TEXTS = { packet: "stale packet pointer", released: "released pointer" } as const;

export function printValue(program: Program, value: Value): string {
  switch (value.kind) {
    case "uninitialized":
      return value.stale === false ? "uninitialized" : STALE_TEXTS[value.stale];
    case "number":
      return printRange(value.range);
    case "pointer":
      return printPointer(program, value);
  }
}

/** What is known of each register that holds something, by name. */
export function printRegisters(program: Program, state: State): Record<string, string> {
  const registers: Record<string, string> = {};
  for (const index of state.registers.keys()) {
    const value = register(state, index);
    if (value.kind !== "uninitialized" || value.stale !== false)
      registers[`r${index}`] = printValue(program, value);
  }
  return registers;
}
