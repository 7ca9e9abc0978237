// Are two values one and the same, ids included? What a certificate does not tell again.
import type { Interval } from "./interval.ts";
import type { NumberValue } from "./number.ts";
import type { Pointer, Slot } from "./state.ts";

export function sameInterval(a: Interval, b: Interval): boolean {
  return a === b || (a.u0 === b.u0 && a.u1 === b.u1 && a.s0 === b.s0 && a.s1 === b.s1);
}

function sameNumber(a: NumberValue, b: NumberValue): boolean {
  return (
    a.zeros === b.zeros &&
    a.id === b.id &&
    a.delta === b.delta &&
    a.extended === b.extended &&
    sameInterval(a.full, b.full) &&
    sameInterval(a.low, b.low)
  );
}

function samePointer(a: Pointer, b: Pointer): boolean {
  return (
    a.place === b.place &&
    a.which === b.which &&
    a.flag === b.flag &&
    a.instance === b.instance &&
    a.holder === b.holder &&
    a.offset === b.offset &&
    a.least === b.least &&
    a.most === b.most &&
    a.zeros === b.zeros &&
    a.part === b.part &&
    a.proved === b.proved &&
    a.nullable === b.nullable
  );
}

export function sameSlot(a: Slot, b: Slot): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  if (a.kind === "number") return b.kind === "number" && sameNumber(a, b);
  if (a.kind === "pointer") return b.kind === "pointer" && samePointer(a, b);
  if (b.kind !== "bytes" || a.mask !== b.mask || a.parts.length !== b.parts.length) return false;
  return a.parts.every(({ at, size, value }, index) => {
    const other = b.parts[index];
    return other !== undefined && other.at === at && other.size === size && sameNumber(value, other.value);
  });
}
