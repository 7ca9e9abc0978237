// What one state says more than another, as a table: the one that says more does not cover the other, and their join, if
// there is one, covers both. Each row changes one thing.
import assert from "node:assert/strict";
import { ALL_NEEDED, covers } from "../../../../core/verifier/domain/cover.ts";
import { join } from "../../../../core/verifier/domain/join.ts";
import { ranges } from "../../../../core/verifier/domain/range.ts";
import { EMPTY_STACK, spill, writeNumber, writeUnknown } from "../../../../core/verifier/domain/stack.ts";
import { entryState, type State, setStack, stackOf } from "../../../../core/verifier/domain/state.ts";
import {
  numberValue,
  type PointerValue,
  pointerTo,
  type Region,
  UNKNOWN_NUMBER,
  type Value,
} from "../../../../core/verifier/domain/value.ts";
import type { Law } from "./law.ts";

export const COVER_LAWS: Law[] = [];

const LIVE = 0b111_1111_1111;

function stateWith(...values: readonly Value[]): State {
  const state = entryState();
  for (const [index, value] of values.entries()) state.registers[index] = value;
  return state;
}

function stacked(write: (stack: typeof EMPTY_STACK) => typeof EMPTY_STACK): State {
  const state = entryState();
  setStack(state, 0, write(stackOf(state, 0)));
  return state;
}

function called(returnTo: number, saved: Value): State {
  const state = entryState();
  state.frames.push({ returnTo, callerSaved: [saved, saved, saved, saved], stack: EMPTY_STACK });
  return state;
}

const packet: PointerValue = {
  ...pointerTo({ kind: "packet" }, 4),
  variable: 7,
  maximum: 8,
  proved: 8,
  zeros: 2,
};
const value = (instance: number, map = 0): Region => ({ kind: "mapValue", map, instance });
const inBounds: PointerValue = { ...pointerTo(value(1)), minimum: 2, maximum: 8, zeros: 1 };
const range = (low: number, high: number, id = 0, delta = 0, extended = false): Value =>
  numberValue(ranges.between(low, high), id, delta, extended);
const record = (sizeBytes: number): Value => pointerTo({ kind: "allocated", sizeBytes, instance: 1 });
const object = (type: string, holder: number): Value =>
  pointerTo({ kind: "object", type, instance: 3, holder });

/** What it is, the state that says more, and one that says less. */
const ROWS: readonly (readonly [string, State, State])[] = [
  ["a number's greatest value", stateWith(range(0, 5)), stateWith(range(0, 6))],
  ["a number's least value", stateWith(range(0, 5)), stateWith(range(-1, 5))],
  [
    "a number's alignment",
    stateWith(numberValue(ranges.alu("full", "lsh", ranges.upTo(20), ranges.constant(2)))),
    stateWith(range(0, 80)),
  ],
  [
    "a number's low half",
    stateWith(numberValue(ranges.withHalf(ranges.unknown, ranges.upTo(5).half) ?? ranges.unknown)),
    stateWith(UNKNOWN_NUMBER),
  ],
  ["a number, and a pointer", stateWith(range(0, 5)), stateWith(inBounds)],
  ["equal numbers", stateWith(range(0, 9, 5), range(0, 9, 5)), stateWith(range(0, 9), range(0, 9))],
  [
    "the distance of numbers",
    stateWith(range(0, 9, 5), range(0, 9, 5, 1)),
    stateWith(range(0, 9, 5), range(0, 9, 5, 2)),
  ],
  [
    "a zero extension and its origin",
    stateWith(range(-9, 9, 5), range(0, 2 ** 32 - 1, 5, 0, true)),
    stateWith(range(-9, 9, 5, 0, true), range(0, 2 ** 32 - 1, 5)),
  ],
  ["a pointer's least offset", stateWith(inBounds), stateWith({ ...inBounds, minimum: 0 })],
  ["a pointer's greatest offset", stateWith(inBounds), stateWith({ ...inBounds, maximum: 10 })],
  ["a pointer's known offset", stateWith(inBounds), stateWith({ ...inBounds, offset: 8 })],
  ["a pointer's alignment", stateWith(inBounds), stateWith({ ...inBounds, zeros: 0 })],
  ["a pointer that is not null", stateWith(inBounds), stateWith({ ...inBounds, nullable: true })],
  ["a pointer's proof", stateWith(packet), stateWith({ ...packet, proved: 4 })],
  [
    "a pointer without an unknown part",
    stateWith({ ...packet, variable: 0, maximum: 0 }),
    stateWith({ ...packet, maximum: 0 }),
  ],
  [
    "one unknown part of two pointers",
    stateWith(packet, packet),
    stateWith(packet, { ...packet, variable: 8 }),
  ],
  [
    "one look-up of two pointers",
    stateWith(pointerTo(value(1), 0, true), pointerTo(value(1), 0, true)),
    stateWith(pointerTo(value(1), 0, true), pointerTo(value(2), 0, true)),
  ],
  ["a direct address", stateWith(pointerTo(value(-1))), stateWith(pointerTo(value(5)))],
  ["the map of a value", stateWith(pointerTo(value(1, 0))), stateWith(pointerTo(value(1, 1)))],
  ["a record's size", stateWith(record(16)), stateWith(record(8))],
  ["an object's type", stateWith(object("sock", 3)), stateWith(object("task", 3))],
  ["what keeps an object alive", stateWith(object("sock", 0)), stateWith(object("sock", 3))],
  [
    "the frame of an address",
    stateWith(pointerTo({ kind: "stack", frame: 0 })),
    stateWith(pointerTo({ kind: "stack", frame: 1 })),
  ],
  ["what is proved of the packet", { ...entryState(), packet: 14 }, { ...entryState(), packet: 13 }],
  ["what is proved of the metadata", { ...entryState(), metadata: 4 }, { ...entryState(), metadata: 0 }],
  ["what is held", { ...entryState(), references: [] }, { ...entryState(), references: [4] }],
  ["that something is held", { ...entryState(), references: [4] }, { ...entryState(), references: [] }],
  [
    "initialised bytes",
    stacked((stack) => writeUnknown(stack, 496, 504)),
    stacked((stack) => writeUnknown(stack, 496, 503)),
  ],
  [
    "a spilled number",
    stacked((stack) => writeNumber(stack, 496, 8, numberValue(ranges.upTo(5)))),
    stacked((stack) => writeUnknown(stack, 496, 504)),
  ],
  [
    "a narrow number",
    stacked((stack) => writeNumber(stack, 496, 4, numberValue(ranges.upTo(5)))),
    stacked((stack) => writeNumber(stack, 496, 4, numberValue(ranges.upTo(6)))),
  ],
  [
    "a spilled pointer",
    stacked((stack) => spill(stack, 496, inBounds)),
    stacked((stack) => writeUnknown(stack, 496, 504)),
  ],
  ["where a function returns to", called(5, UNKNOWN_NUMBER), called(6, UNKNOWN_NUMBER)],
  ["what a caller has saved", called(5, range(0, 5)), called(5, range(0, 6))],
  ["the depth of frames", entryState(), called(5, UNKNOWN_NUMBER)],
];

let id = 10_000;
const fresh = (): number => {
  id += 1;
  return id;
};

for (const [name, more, less] of ROWS) {
  COVER_LAWS.push({
    name: `what says more does not cover what says less: ${name}`,
    check: () => {
      assert.ok(covers(more, ALL_NEEDED, more, LIVE), "itself");
      assert.ok(covers(less, ALL_NEEDED, less, LIVE), "itself");
      assert.ok(!covers(more, ALL_NEEDED, less, LIVE));
    },
  });
  COVER_LAWS.push({
    name: `a join covers both: ${name}`,
    check: () => {
      for (const [a, b] of [
        [more, less],
        [less, more],
      ] as const) {
        const both = join(a, b, LIVE, fresh);
        if (both === undefined) continue;
        assert.ok(covers(both, ALL_NEEDED, a, LIVE) && covers(both, ALL_NEEDED, b, LIVE));
      }
    },
  });
}
