// Coverage, a rule a row: a state covers one that says as much or more, and none that says less.
import test from "ava";
import { covers } from "../../../core/certificate/cover.ts";
import {
  anyOfSize,
  between,
  constant,
  linked,
  type NumberValue,
  unknown,
} from "../../../core/certificate/number.ts";
import {
  emptyFrame,
  emptyState,
  type Frame,
  ownSlots,
  type Pointer,
  pointer,
  type Slot,
  type State,
  type Value,
} from "../../../core/certificate/state.ts";

type Change = (state: State) => void;

function stateOf(change: Change): State {
  const state = emptyState();
  change(state);
  return state;
}

/** Sets facts of the state. */
const having = (facts: Partial<State>): Change => {
  return (state) => {
    Object.assign(state, facts);
  };
};
const in1 = (value: Value): Change => {
  return (state) => {
    state.registers[1] = value;
  };
};
const in2 = (value: Value): Change => {
  return (state) => {
    state.registers[2] = value;
  };
};
const slot = (at: number, value: Slot): Change => {
  return (state) => {
    const frame = state.frames[0];
    if (frame !== undefined) ownSlots(frame)[at] = value;
  };
};
const framed = (frame: Frame): Change => {
  return (state) => {
    state.frames.push(frame);
  };
};
const both = (...changes: readonly Change[]): Change => {
  return (state) => {
    for (const change of changes) change(state);
  };
};
const r1r2 = (first: Value, second: Value): Change => both(in1(first), in2(second));
const bytes = (mask: number, value?: NumberValue): Slot => ({
  kind: "bytes",
  mask,
  parts: value === undefined ? [] : [{ at: 0, size: 4, value }],
});
const packet = (changes: Partial<Pointer>): Pointer => pointer("packet", changes);
const value = (changes: Partial<Pointer> = {}): Pointer =>
  pointer("mapValue", { which: 0, instance: 1, ...changes });
const nothing: Change = () => {};
const moved = (part: number): Partial<Pointer> => ({ part, least: 0, most: 9, zeros: 0 });
const x = (id: number, delta = 0, extended = false) =>
  linked(extended ? between(0, 2 ** 32 - 1) : unknown(), id, delta, extended);

/** Name: what covers, what is covered. In the other direction it must not, unless both are the same. */
const COVERED: Readonly<Record<string, readonly [Change, Change]>> = {
  "nothing covers a number": [nothing, in1(unknown())],
  "nothing covers a pointer": [nothing, in1(value())],
  "any number covers bounds": [in1(unknown()), in1(between(0, 5))],
  "wider bounds cover narrower ones": [in1(between(-1, 6)), in1(between(-1, 5))],
  "bounds cover a constant": [in1(between(0, 5)), in1(constant(3))],
  "less proved covers more": [in1(packet({ proved: 3 })), in1(packet({ proved: 4 }))],
  "a wider range covers a narrower one": [
    in1(packet({ ...moved(1), most: 10 })),
    in1(packet({ ...moved(1), most: 9 })),
  ],
  "a lower range covers": [in1(packet({ ...moved(1), least: -1 })), in1(packet(moved(1)))],
  "fewer zeros cover more": [in1(packet(moved(1))), in1(packet({ ...moved(1), zeros: 2 }))],
  "a moved pointer covers one that is not": [in1(packet(moved(1))), in1(packet({}))],
  "maybe null covers not null": [in1(value({ nullable: true })), in1(value())],
  "fewer packet bytes cover more": [nothing, having({ packet: 5 })],
  "fewer metadata bytes cover more": [nothing, having({ metadata: 5 })],
  "different instances cover the same one": [nothing, r1r2(value(), value())],
  "no bytes cover bytes": [nothing, slot(3, bytes(0xff))],
  "fewer bytes cover more": [slot(3, bytes(0x0f)), slot(3, bytes(0xff))],
  "bytes cover a number": [slot(3, bytes(0xff)), slot(3, constant(1))],
  "bytes cover a part": [slot(3, bytes(0x0f)), slot(3, bytes(0x0f, constant(1)))],
  "a part covers a narrower one": [slot(3, bytes(0x0f, anyOfSize(4))), slot(3, bytes(0x0f, between(0, 5)))],
  "no link covers a link": [r1r2(unknown(), unknown()), r1r2(x(1), x(1))],
};

for (const [name, [a, b]] of Object.entries(COVERED)) {
  test(`${name}, not the other way round`, (t) => {
    t.true(covers(stateOf(a), stateOf(b)));
    t.true(covers(stateOf(a), stateOf(a)));
    t.true(covers(stateOf(b), stateOf(b)));
    t.false(covers(stateOf(b), stateOf(a)));
  });
}

/** Neither covers the other. */
const APART: Readonly<Record<string, readonly [Change, Change]>> = {
  "another offset": [in1(packet({ offset: 1 })), in1(packet({ offset: 2 }))],
  "another place": [in1(packet({})), in1(pointer("packetEnd"))],
  "another map": [in1(value()), in1(value({ which: 1 }))],
  "a value of an inner map": [in1(value()), in1(value({ flag: true }))],
  "a number and a pointer": [in1(unknown()), in1(value())],
  "a direct address and a look-up": [in1(value({ instance: -1 })), in1(value())],
  "another frame's end": [in1(pointer("stack")), in1(pointer("stack", { which: 1 }))],
  "another return": [framed(emptyFrame(4, [])), framed(emptyFrame(5, []))],
  "more frames": [nothing, framed(emptyFrame(4, []))],
  "a reference held": [nothing, having({ references: [1] })],
  "another reference": [
    both(in1(pointer("record", { which: 8, instance: 1 })), having({ references: [1] })),
    both(in1(pointer("record", { which: 8, instance: 1 })), having({ references: [2] })),
  ],
  "another holder": [
    in1(pointer("object", { instance: 1, holder: 1 })),
    in1(pointer("object", { instance: 1, holder: 2 })),
  ],
  "parts that differ": [r1r2(packet(moved(1)), packet(moved(1))), r1r2(packet(moved(1)), packet(moved(2)))],
  "links a constant apart": [r1r2(x(1), x(1, 4)), r1r2(x(1), x(1, 5))],
  "an extension and the whole": [r1r2(x(1), x(1, 0, true)), r1r2(x(1), x(1))],
  callbacks: [
    framed({ ...emptyFrame(), callback: { references: [], stacks: [] } }),
    framed({ ...emptyFrame(), callback: { references: [], stacks: [] } }),
  ],
};

for (const [name, [a, b]] of Object.entries(APART)) {
  test(`not covered: ${name}`, (t) => {
    // Ids of the covering state are matched, so that of two parts only one direction differs.
    const forwards = covers(stateOf(a), stateOf(b));
    const backwards = covers(stateOf(b), stateOf(a));
    t.false(forwards);
    if (name !== "parts that differ" && name !== "another holder" && name !== "another reference")
      t.false(backwards);
  });
}

test("constants are linked as their values are", (t) => {
  const linkedPair = stateOf(r1r2(x(1), x(1, 4)));
  t.true(covers(linkedPair, stateOf(r1r2(constant(1), constant(5)))));
  t.false(covers(linkedPair, stateOf(r1r2(constant(1), constant(6)))));
  const extension = stateOf(r1r2(x(1), x(1, 0, true)));
  t.true(covers(extension, stateOf(r1r2(constant(2 ** 40 + 7), constant(7)))));
  t.false(covers(extension, stateOf(r1r2(constant(2 ** 40 + 7), constant(8)))));
  t.false(covers(extension, stateOf(r1r2(between(0, 9), between(0, 9)))));
});

test("ids are matched, whatever they are", (t) => {
  t.true(covers(stateOf(r1r2(x(1), x(1))), stateOf(r1r2(x(9), x(9)))));
  t.false(covers(stateOf(r1r2(x(1), x(1))), stateOf(r1r2(x(9), x(8)))));
  t.true(covers(stateOf(in1(value({ instance: 2 }))), stateOf(in1(value({ instance: 7 })))));
});
