// The analysis' invariants as the certificate's states. Knows both forms; changes nothing of what they say, but for what
// a certificate does not keep: why a value is gone, what a number was before it was shifted.
import { CELLS_PER_FRAME, FIRST_CELL } from "../certificate/form.ts";
import type { NumberValue as CheckedNumber } from "../certificate/number.ts";
import type { Rank as CheckedRank } from "../certificate/rank.ts";
import {
  type Frame as CheckedFrame,
  type Slot as CheckedSlot,
  type State as CheckedState,
  type Value as CheckedValue,
  type Pointer,
  pointer,
  SLOTS,
} from "../certificate/state.ts";
import type { Platform } from "../platform/platform.ts";
import type { Rank } from "./analysis.ts";
import type { Bounds } from "./domain/interval.ts";
import { listOf, slotAt } from "./domain/slots.ts";
import type { Slot } from "./domain/stack.ts";
import { type Frame, type State, stackOf } from "./domain/state.ts";
import type { NumberValue, PointerValue, Value } from "./domain/value.ts";
import { FIRST_PARAMETER } from "./entry.ts";

/** What ranks a loop, of which `state` is the head. */
export function rankFor(
  { place, order, direction, anchor }: Omit<Rank, "inside">,
  state: State,
): CheckedRank {
  const { register, frame, slot, at } = place;
  const inFrame = FIRST_CELL + CELLS_PER_FRAME * frame + SLOTS - 1 - slot;
  const known = slotAt(stackOf(state, frame), slot);
  const parts = known?.kind === "bytes" ? known.parts.map((part) => part.at).sort((a, b) => a - b) : [];
  return {
    cell: register >= 0 ? register : inFrame,
    part: Math.max(0, parts.indexOf(at)),
    signed: order === "signed",
    up: direction === "up",
    anchor,
  };
}

/** Undefined for a state inside a callback: certificates follow those to their end. */
export function translated(platform: Platform, state: State): CheckedState | undefined {
  if (state.frames.some(({ callback }) => callback !== undefined)) return undefined;
  return {
    registers: state.registers.slice(0, 10).map((value) => valueFor(platform, value)),
    frames: state.frames.map((frame) => frameOf(platform, frame)),
    packet: state.packet,
    metadata: state.metadata,
    references: state.references,
  };
}

function frameOf(platform: Platform, { returnTo, callerSaved, stack }: Frame): CheckedFrame {
  return {
    returnTo,
    saved: callerSaved.map((value) => valueFor(platform, value)),
    slots: listOf(stack).map((slot) => slotOf(platform, slot)),
    shared: true,
    used: undefined,
  };
}

function slotOf(platform: Platform, slot: Slot | undefined): CheckedSlot {
  if (slot === undefined) return undefined;
  if (slot.kind === "spill") return valueFor(platform, slot.value);
  const parts = slot.parts.map(({ at, size, value }) => ({ at, size, value: numberOf(value) }));
  if (slot.mask === 0) return undefined;
  return { kind: "bytes", mask: slot.mask, parts: parts.sort((a, b) => a.at - b.at) };
}

function valueFor(platform: Platform, value: Value): CheckedValue {
  switch (value.kind) {
    case "uninitialized":
      return undefined;
    case "number":
      return numberOf(value);
    case "pointer":
      return pointerOf(platform, value);
  }
}

function numberOf({ range, id, delta, extended }: NumberValue): CheckedNumber {
  return {
    kind: "number",
    full: intervalOf(range.full),
    low: intervalOf(range.half),
    zeros: range.zeros,
    id,
    delta,
    extended,
    shifted: undefined,
  };
}

function intervalOf({ umin, umax, smin, smax }: Bounds) {
  return { u0: umin, u1: umax, s0: smin, s1: smax };
}

function pointerOf(platform: Platform, value: PointerValue): Pointer {
  const { offset, minimum: least, maximum: most, zeros, variable: part, proved, nullable } = value;
  const common = { offset, least, most, zeros, part, proved, nullable };
  const { region } = value;
  switch (region.kind) {
    case "context":
    case "packet":
    case "packetEnd":
    case "packetMeta":
      return pointer(region.kind, common);
    case "stack":
      return pointer("stack", { ...common, which: region.frame });
    case "mapValue":
      return pointer("mapValue", {
        ...common,
        which: region.map,
        instance: region.instance,
        flag: region.inner === true,
      });
    case "map":
      return pointer("map", { ...common, which: region.map });
    case "innerMap":
      return pointer("innerMap", { ...common, which: region.map, instance: region.instance });
    case "memory": {
      const { instance = 0 } = region;
      return pointer("memory", {
        ...common,
        which: region.sizeBytes,
        flag: region.readOnly === true,
        instance: instance >= 0 ? instance : FIRST_PARAMETER - instance - 1,
      });
    }
    case "allocated":
      return pointer("record", { ...common, which: region.sizeBytes, instance: region.instance });
    case "object": {
      const which = platform.objectTypes?.findIndex((row) => row.name === region.type) ?? -1;
      return pointer("object", { ...common, which, instance: region.instance, holder: region.holder });
    }
    case "kernel":
      return pointer("kernel", { ...common, instance: region.instance });
    case "code":
      return pointer("code", { ...common, which: region.function });
  }
}
