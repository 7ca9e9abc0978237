// The printed form of a state holds all of it: parse∘print is the identity, for states made at random and for every state
// that the fixtures' programs pass through.
import test from "ava";
import fc from "fast-check";
import { analyze } from "../../../core/verifier/analyze.ts";
import { type Range, ranges } from "../../../core/verifier/domain/range.ts";
import { mapSlots, SLOT_COUNT, slotsOf } from "../../../core/verifier/domain/slots.ts";
import { ALL_BYTES, type Part, type Slot, type Stack } from "../../../core/verifier/domain/stack.ts";
import type { Frame, State } from "../../../core/verifier/domain/state.ts";
import {
  type NumberValue,
  numberValue,
  type PointerValue,
  pointerTo,
  RELEASED,
  type Region,
  STALE,
  UNINITIALIZED,
  type Value,
} from "../../../core/verifier/domain/value.ts";
import { printState } from "../../../core/verifier/print-state.ts";
import { structureFailures } from "../../../core/verifier/structure.ts";
import { readFixtures, sectionText } from "../../harness/fixture.ts";
import { parseState } from "./parse-state.ts";
import { mapsOf, testProgram } from "./programs.ts";

const PROGRAM = testProgram({
  code: "call f\nexit\nf:\nr0 = 0\nexit",
  maps: mapsOf("m hash 4 8 16\n.rodata.str1 array 4 8 1\nmy_map+4 array 4 8 1", "windows"),
});

const EDGES = [
  0,
  1,
  -1,
  255,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  -(2 ** 31),
  2 ** 53 - 1,
  -(2 ** 53 - 1),
];
const finite = fc.oneof(fc.constantFrom(...EDGES), fc.integer({ min: -1000, max: 1000 }));
const low = fc.oneof(finite, fc.constant(Number.NEGATIVE_INFINITY));
const high = fc.oneof(finite, fc.constant(Number.POSITIVE_INFINITY));
const bounds = fc.record({ umin: low, umax: high, smin: low, smax: high });
/** Any bounds at all, also ones that no operation gives, and those that operations do give. */
const range: fc.Arbitrary<Range> = fc.oneof(
  fc.record({ full: bounds, half: bounds, zeros: fc.integer({ min: 0, max: 3 }) }),
  fc.constantFrom(...EDGES).map((value) => ranges.constant(value)),
  fc.tuple(fc.integer(), fc.integer()).map(([a, b]) => ranges.between(Math.min(a, b), Math.max(a, b))),
  fc
    .constantFrom("add", "and", "mul", "lsh", "rsh", "arsh", "or")
    .chain((operation) =>
      fc
        .tuple(fc.constantFrom<"full" | "half">("full", "half"), fc.nat(), fc.nat(70))
        .map(([width, a, b]) => ranges.alu(width, operation, ranges.upTo(a), ranges.constant(b))),
    ),
);
const id = fc.integer({ min: 1, max: 1 << 20 });
const delta = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const plainNumber: fc.Arbitrary<NumberValue> = fc.oneof(
  range.map((value) => numberValue(value)),
  fc.tuple(range, id, delta, fc.boolean()).map((parts) => numberValue(...parts)),
);
const number: fc.Arbitrary<NumberValue> = fc.oneof(
  { arbitrary: plainNumber, weight: 4 },
  {
    arbitrary: fc.tuple(plainNumber, plainNumber).map(([value, shifted]) => ({ ...value, shifted })),
    weight: 1,
  },
);
const map = fc.integer({ min: 0, max: PROGRAM.maps.length - 1 });
const sizeBytes = fc.integer({ min: 1, max: 4096 });
const readOnly = fc.constantFrom({}, { readOnly: true } as const);
const region: fc.Arbitrary<Region> = fc.oneof(
  fc.constantFrom<Region>(
    { kind: "context" },
    { kind: "packet" },
    { kind: "packetEnd" },
    { kind: "packetMeta" },
    { kind: "stack", frame: 0 },
    { kind: "stack", frame: 3 },
    { kind: "code", function: 1 },
  ),
  fc.record({ kind: fc.constant("mapValue" as const), map, instance: id }),
  fc.record({ kind: fc.constant("mapValue" as const), map, instance: id, inner: fc.constant(true as const) }),
  map.map((index) => ({ kind: "map" as const, map: index })),
  fc.record({ kind: fc.constant("innerMap" as const), map, instance: id }),
  fc
    .tuple(sizeBytes, readOnly)
    .map(([size, flag]) => ({ kind: "memory" as const, sizeBytes: size, ...flag })),
  fc
    .tuple(sizeBytes, id, readOnly)
    .map(([size, instance, flag]) => ({ kind: "memory" as const, sizeBytes: size, instance, ...flag })),
  fc.record({ kind: fc.constant("allocated" as const), sizeBytes, instance: id }),
  fc.record({
    kind: fc.constant("object" as const),
    type: fc.constantFrom("sock", "tcp_sock"),
    instance: id,
    holder: fc.oneof(fc.constant(0), id),
  }),
  fc.record({ kind: fc.constant("kernel" as const), instance: id }),
);
const offset = fc.integer({ min: -(2 ** 29), max: 2 ** 29 });
const pointer: fc.Arbitrary<PointerValue> = fc
  .record({
    region,
    offset,
    minimum: offset,
    maximum: offset,
    zeros: fc.integer({ min: 0, max: 3 }),
    variable: fc.oneof(fc.constant(0), id),
    proved: fc.nat(65_535),
    nullable: fc.boolean(),
  })
  .map((facts) => ({ ...pointerTo(facts.region), ...facts }));
const value: fc.Arbitrary<Value> = fc.oneof(number, pointer, fc.constantFrom(UNINITIALIZED, STALE, RELEASED));

const spill: fc.Arbitrary<Slot> = fc
  .oneof(number, pointer, fc.constant(STALE))
  .map((spilled) => ({ kind: "spill", value: spilled }));
/** Bytes, of which some are kept as values: never one over the other. */
const bytes: fc.Arbitrary<Slot> = fc
  .tuple(
    fc.integer({ min: 1, max: ALL_BYTES }),
    fc.constantFrom<readonly (readonly [number, number])[]>(
      [],
      [[0, 1]],
      [[0, 2]],
      [[0, 4]],
      [[4, 4]],
      [
        [0, 4],
        [4, 4],
      ],
    ),
    number,
  )
  .map(([mask, places, kept]) => {
    const parts: Part[] = places.map(([at, size]) => ({ at, size, value: kept }));
    const all = parts.reduce((set, { at, size }) => set | ((ALL_BYTES >> (8 - size)) << at), mask);
    return { kind: "bytes", mask: all, parts };
  });
const stack = fc
  .array(fc.tuple(fc.integer({ min: 0, max: SLOT_COUNT - 1 }), fc.oneof(spill, bytes)), { maxLength: 4 })
  .map((filled) => {
    const slots = new Array<Slot | undefined>(SLOT_COUNT).fill(undefined);
    for (const [index, slot] of filled) slots[index] = slot;
    return slotsOf(slots);
  });
const references = fc.uniqueArray(id, { maxLength: 3 });
const called: fc.Arbitrary<Frame> = fc.record({
  returnTo: fc.nat(1000),
  callerSaved: fc.array(value, { minLength: 4, maxLength: 4 }),
  stack,
});
const state: fc.Arbitrary<State> = fc
  .record({
    registers: fc
      .array(value, { minLength: 11, maxLength: 11 })
      .map((list) => list.with(10, pointerTo({ kind: "stack", frame: 0 }))),
    first: stack,
    called: fc.array(called, { maxLength: 2 }),
    callback: fc.option(fc.tuple(references, stack, fc.array(stack, { minLength: 3, maxLength: 3 }))),
    packet: fc.nat(65_535),
    metadata: fc.nat(255),
    references,
  })
  .map(({ first, called: frames, callback, ...rest }) => {
    const below: Frame[] = [{ returnTo: -1, callerSaved: [], stack: first }, ...frames];
    if (callback === null) return { ...rest, frames: below };
    const [held, own, stacks] = callback;
    const before = { references: held, stacks: stacks.slice(0, below.length) };
    return { ...rest, frames: [...below, { returnTo: -1, callerSaved: [], stack: own, callback: before }] };
  });

test("what is printed of a state is all of it", (t) => {
  fc.assert(
    fc.property(state, (made) => {
      const text = printState(PROGRAM, made);
      const read = parseState(PROGRAM, text);
      t.deepEqual(plain(read), plain(made), text);
      return printState(PROGRAM, read) === text;
    }),
    { numRuns: 1000 },
  );
});

/** Without the sign of zero, which the domain does not have and JSON does not keep; infinities stay. */
function plain(made: State): unknown {
  return JSON.parse(
    JSON.stringify(made, (_key, part: unknown) =>
      typeof part === "number" && !Number.isFinite(part) ? `${part}` : part === undefined ? null : part,
    ),
  );
}

test("every state on the way of every verifier fixture", (t) => {
  let states = 0;
  for (const fixture of readFixtures("verifier")) {
    const asm = fixture.sections.find((section) => section.name === "asm");
    const { platform = "windows", type, memory } = asm?.attributes ?? {};
    const program = testProgram({
      code: asm?.text ?? "",
      platform,
      maps: mapsOf(sectionText(fixture, "maps") ?? "", platform),
      ...(type === undefined ? {} : { type }),
      ...(memory === undefined ? {} : { memory: Number(memory) }),
    });
    if (structureFailures(program).next().done !== true) continue;
    let left = 200;
    analyze(program, {
      maximumSteps: 2000,
      observe: (_index, passed) => {
        if (left-- <= 0) return;
        states++;
        const text = printState(program, passed);
        t.is(printState(program, parseState(program, text, true)), text, fixture.name);
        t.deepEqual(
          plain(sorted(parseState(program, text, true))),
          plain(sorted(passed)),
          `${fixture.name}: ${text}`,
        );
      },
    });
  }
  t.true(states > 2000, `${states}`);
});

/** Parts of a slot may have been written in any order, and a slot without a byte is none. */
function sorted(passed: State): State {
  const inOrder = (slot: Slot | undefined): Slot | undefined => {
    if (slot?.kind !== "bytes") return slot;
    if (slot.mask === 0) return undefined;
    return { ...slot, parts: slot.parts.toSorted((a, b) => a.at - b.at) };
  };
  const stackOf = (of: Stack): Stack => mapSlots(of, inOrder);
  return {
    ...passed,
    frames: passed.frames.map(({ callback, ...frame }) => ({
      ...frame,
      stack: stackOf(frame.stack),
      ...(callback !== undefined && { callback: { ...callback, stacks: callback.stacks.map(stackOf) } }),
    })),
  };
}
