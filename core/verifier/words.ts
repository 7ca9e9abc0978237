// Values and regions in the words of the C program: what every text of a failure is made of. Only text.
import type { ArgumentKind, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { MAXIMUM_POINTER_OFFSET } from "./check.ts";
import type { PointerValue, Region, Value } from "./domain/value.ts";
import { printValue } from "./print.ts";

export function plural(count: number, noun: string): string {
  return count === 1 ? `${count} ${noun}` : `${count} ${noun}s`;
}

export function helperName(helper: Helper): string {
  return `bpf_${helper.name}`;
}

/** A value in words: "a number between 0 and 255", "a pointer to the packet". */
export function inWords(program: Program, value: Value): string {
  if (value.kind === "number") return numberInWords(printValue(program, value));
  if (value.kind === "uninitialized") return "nothing yet";
  return `a pointer to ${regionInWords(program, value.region)}`;
}

/** A number that may be added to a pointer. */
export function isNear(value: Value | undefined): boolean {
  if (value?.kind !== "number") return false;
  const { smin, smax } = value.range.full;
  return smin >= -MAXIMUM_POINTER_OFFSET && smax <= MAXIMUM_POINTER_OFFSET;
}

/** The least size that a helper takes there. */
export function leastSize(argument: ArgumentKind | undefined): number {
  return argument?.kind === "size" && argument.zeroAllowed ? 0 : 1;
}

/** From the printed form of a number: "number 0..255", "number 7..", "number, low 32 bits 0..9", "12". */
function numberInWords(text: string): string {
  const [, low = "", high = ""] = /^number (-?\d*)\.\.(-?\d*)$/.exec(text) ?? [];
  if (low === "0" && high === "4294967295") return "any 32-bit number";
  if (low !== "" && high !== "") return `a number between ${low} and ${high}`;
  if (low !== "") return `a number of at least ${low}`;
  if (high !== "") return `a number of at most ${high}`;
  if (text === "number") return "any number";
  return text.replace(
    /^number, low 32 bits (\d+)\.\.(\d+)$/,
    "a number whose low 32 bits are between $1 and $2",
  );
}

export function regionInWords(program: Program, region: Region): string {
  switch (region.kind) {
    case "context":
      return "the context";
    case "stack":
      return "the stack";
    case "packet":
      return "the packet";
    case "packetEnd":
      return "the end of the packet";
    case "packetMeta":
      return "the packet's metadata";
    case "mapValue":
      return region.inner === true
        ? `a value of an inner map of ${program.maps[region.map]?.spec.name ?? region.map}`
        : `a value of map ${program.maps[region.map]?.spec.name ?? region.map}`;
    case "map":
      return `map ${program.maps[region.map]?.spec.name ?? region.map}`;
    case "innerMap":
      return `an inner map of ${program.maps[region.map]?.spec.name ?? region.map}`;
    case "memory":
      return "the memory it was given";
    case "allocated":
      return "a record of a ring buffer";
    case "object":
      return `a ${region.type}`;
    case "kernel":
      return "an object of the kernel";
    case "code":
      return `function ${program.subprograms[region.function]?.name ?? region.function}`;
  }
}

/** A value with all that is known of it: "a pointer to the packet at offset 14", "a pointer to a value of map m, or NULL". */
export function wholeInWords(program: Program, value: Value): string {
  if (value.kind !== "pointer") return inWords(program, value);
  return `${inWords(program, value)}${offsetInWords(value)}${value.nullable ? ", or NULL" : ""}`;
}

function offsetInWords({ offset, minimum, maximum }: PointerValue): string {
  if (minimum !== maximum) return ` at an offset between ${offset + minimum} and ${offset + maximum}`;
  return offset + minimum === 0 ? "" : ` at offset ${offset + minimum}`;
}
