// A state of the checker as one of the verifier, for tests that hold such states against runs (tests/fuzz/contain.ts).
import type { Interval } from "../../../core/certificate/interval.ts";
import type { NumberValue } from "../../../core/certificate/number.ts";
import {
  type Slot as CheckedSlot,
  type State as CheckedState,
  type Value as CheckedValue,
  type Pointer,
  read,
} from "../../../core/certificate/state.ts";
import type { Platform } from "../../../core/platform/platform.ts";
import type { Bounds } from "../../../core/verifier/domain/interval.ts";
import { slotsOf } from "../../../core/verifier/domain/slots.ts";
import type { Slot } from "../../../core/verifier/domain/stack.ts";
import type { State } from "../../../core/verifier/domain/state.ts";
import {
  type NumberValue as KnownNumber,
  type Region,
  UNINITIALIZED,
  type Value,
} from "../../../core/verifier/domain/value.ts";

export function untranslated(platform: Platform, state: CheckedState): State {
  return {
    registers: Array.from({ length: 11 }, (_, index) => valueFor(platform, read(state, index))),
    frames: state.frames.map(({ returnTo, saved, slots }) => ({
      returnTo,
      callerSaved: saved.map((value) => valueFor(platform, value)),
      stack: slotsOf(slots.map((slot) => slotFor(platform, slot))),
    })),
    packet: state.packet,
    metadata: state.metadata,
    references: state.references,
  };
}

function slotFor(platform: Platform, slot: CheckedSlot): Slot | undefined {
  if (slot === undefined) return undefined;
  if (slot.kind !== "bytes") return { kind: "spill", value: valueFor(platform, slot) };
  const parts = slot.parts.map(({ at, size, value }) => ({ at, size, value: numberFor(value) }));
  return { kind: "bytes", mask: slot.mask, parts };
}

function valueFor(platform: Platform, value: CheckedValue): Value {
  if (value === undefined) return UNINITIALIZED;
  if (value.kind === "number") return numberFor(value);
  const { offset, least: minimum, most: maximum, zeros, part: variable, proved, nullable } = value;
  const region = regionFor(platform, value);
  return { kind: "pointer", region, offset, minimum, maximum, zeros, variable, proved, nullable };
}

function numberFor({ full, low, zeros, id, delta, extended }: NumberValue): KnownNumber {
  const range = { full: boundsFor(full), half: boundsFor(low), zeros };
  return { kind: "number", range, id, delta, extended, shifted: undefined };
}

function boundsFor({ u0: umin, u1: umax, s0: smin, s1: smax }: Interval): Bounds {
  return { umin, umax, smin, smax };
}

function regionFor(platform: Platform, { place, which, flag, instance, holder }: Pointer): Region {
  switch (place) {
    case "context":
    case "packet":
    case "packetEnd":
    case "packetMeta":
      return { kind: place };
    case "stack":
      return { kind: "stack", frame: which };
    case "mapValue":
      return { kind: "mapValue", map: which, instance, ...(flag ? { inner: true } : {}) };
    case "map":
      return { kind: "map", map: which };
    case "innerMap":
      return { kind: "innerMap", map: which, instance };
    case "memory":
      return { kind: "memory", sizeBytes: which, instance, ...(flag ? { readOnly: true } : {}) };
    case "record":
      return { kind: "allocated", sizeBytes: which, instance };
    case "object":
      return { kind: "object", type: platform.objectTypes?.[which]?.name ?? "", instance, holder };
    case "kernel":
      return { kind: "kernel", instance };
    case "code":
      return { kind: "code", function: which };
  }
}
