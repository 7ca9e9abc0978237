// The join of two states covers both, with all their links; and what a state covers is made of its members.
import assert from "node:assert/strict";
import fc from "fast-check";
import { ALL_NEEDED, covers } from "../../../../core/verifier/domain/cover.ts";
import { generalised } from "../../../../core/verifier/domain/generalise.ts";
import { join, sameStackShape, shapeOf } from "../../../../core/verifier/domain/join.ts";
import { ranges } from "../../../../core/verifier/domain/range.ts";
import { spill, writeNumber } from "../../../../core/verifier/domain/stack.ts";
import { entryState, type State, setStack, stackOf } from "../../../../core/verifier/domain/state.ts";
import {
  type NumberValue,
  numberValue,
  pointerTo,
  UNINITIALIZED,
  type Value,
} from "../../../../core/verifier/domain/value.ts";
import type { Law } from "./law.ts";

export const JOIN_LAWS: Law[] = [];

function law(name: string, check: () => void): void {
  JOIN_LAWS.push({ name, check });
}

const LIVE = 0b111_1111_1111;

const small = fc.integer({ min: -20, max: 20 });

const numbers: fc.Arbitrary<NumberValue> = fc.oneof(
  small.map((value) => numberValue(ranges.constant(value))),
  fc
    .tuple(small, fc.nat(30), fc.nat(3), fc.integer({ min: -3, max: 3 }))
    .map(([low, size, id, delta]) =>
      size === 0
        ? numberValue(ranges.constant(low))
        : numberValue(ranges.between(low, low + size), id, id === 0 ? 0 : delta),
    ),
  fc
    .tuple(fc.nat(20), fc.integer({ min: 1, max: 30 }), fc.nat(3), fc.integer({ min: -3, max: 3 }))
    .map(([low, size, id, delta]) =>
      numberValue(ranges.between(low, low + size), id, id === 0 ? 0 : delta, id !== 0),
    ),
);

const values: fc.Arbitrary<Value> = fc.oneof(
  { weight: 5, arbitrary: numbers },
  { weight: 1, arbitrary: fc.constant(UNINITIALIZED) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(2), fc.nat(2), fc.boolean())
      .map(([map, instance, nullable]) =>
        pointerTo({ kind: "mapValue", map, instance: instance + 1 }, 0, nullable),
      ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(2), fc.nat(10), fc.nat(2)).map(([variable, maximum, proved]) => ({
      ...pointerTo({ kind: "packet" }),
      variable,
      maximum: variable === 0 ? 0 : maximum,
      proved: 4 * proved,
    })),
  },
);

const states: fc.Arbitrary<State> = fc
  .tuple(fc.array(values, { minLength: 4, maxLength: 4 }), values, numbers)
  .map(([registers, spilled, narrow]) => {
    const state = entryState();
    for (const [index, value] of registers.entries()) state.registers[index] = value;
    const stack = spill(stackOf(state, 0), 504, spilled);
    setStack(state, 0, writeNumber(stack, 496, 4, narrow));
    return state;
  });

/** Two states that differ little, so that many have one shape. */
const pairs = fc
  .tuple(states, states, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }))
  .map(([a, b, same]): [State, State] => {
    const registers = b.registers.map((value, index) =>
      same[index % 6] ? (a.registers[index] ?? value) : value,
    );
    return [a, { ...b, registers, frames: same[5] ? a.frames : b.frames }];
  });

let next = 1000;
const fresh = (): number => {
  next += 1;
  return next;
};

law("a join covers both states", () => {
  let joined = 0;
  fc.assert(
    fc.property(pairs, ([a, b]) => {
      const both = join(a, b, LIVE, fresh);
      if (both === undefined) return;
      joined += 1;
      assert.ok(covers(both, ALL_NEEDED, a, LIVE));
      assert.ok(covers(both, ALL_NEEDED, b, LIVE));
    }),
    { numRuns: 2000 },
  );
  assert.ok(joined > 100, `${joined}`);
});

law("what has no shape in common is not joined, what can be joined has one shape", () => {
  fc.assert(
    fc.property(pairs, ([a, b]) => {
      if (join(a, b, LIVE, fresh) === undefined) return;
      assert.equal(shapeOf(a, LIVE), shapeOf(b, LIVE));
      assert.ok(sameStackShape(a, b));
    }),
    { numRuns: 1000 },
  );
});

law("a state covers itself, and is covered by what is left when nothing of it matters", () => {
  const nothing = { readLow: 0, readHigh: 0, preciseRegisters: 0, preciseLow: 0, preciseHigh: 0 };
  fc.assert(
    fc.property(states, (state) => {
      assert.ok(covers(state, ALL_NEEDED, state, LIVE));
      assert.ok(covers(generalised(state, nothing, LIVE), ALL_NEEDED, state, LIVE));
      assert.ok(covers(generalised(state, ALL_NEEDED, LIVE), ALL_NEEDED, state, LIVE));
    }),
    { numRuns: 1000 },
  );
});

/** The relation of r0 and r1 that a link states, checked on concrete numbers. */
function holds(state: State, concrete: readonly bigint[]): boolean {
  const unknown = new Map<number, { whole?: bigint; low?: bigint }>();
  return concrete.every((bits, index) => {
    const value = state.registers[index];
    if (value?.kind !== "number" || !ranges.contains(value.range, bits)) return false;
    if (value.id === 0) return true;
    const x = BigInt.asUintN(64, bits - BigInt(value.delta));
    const known = unknown.get(value.id) ?? {};
    unknown.set(value.id, known);
    const low = BigInt.asUintN(32, x);
    if (known.low !== undefined && known.low !== low) return false;
    known.low = low;
    if (value.extended) return bits < 1n << 32n;
    if (known.whole !== undefined && known.whole !== x) return false;
    known.whole = x;
    return true;
  });
}

/** A link of r0, r1 or r2: id (0: none), delta, zero extension. */
const links = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: -1, max: 1 }), fc.boolean()), {
  minLength: 3,
  maxLength: 3,
});

function linkedState(
  list: readonly (readonly [number, number, boolean])[],
  rangeOf: (index: number) => NumberValue["range"],
): State {
  const state = entryState();
  for (const [index, [id, delta, extended]] of list.entries()) {
    state.registers[index] =
      id === 0 ? numberValue(rangeOf(index)) : numberValue(rangeOf(index), id, delta, extended);
  }
  return state;
}

law("concrete members of a covered state are members of the state that covers it, and of its joins", () => {
  const unknowns = fc.array(fc.integer({ min: -2, max: 5 }), { minLength: 3, maxLength: 3 });
  let covered = 0;
  let joined = 0;
  fc.assert(
    fc.property(links, links, unknowns, fc.nat(2), (inner, outer, xs, slack) => {
      // The numbers that the inner links make of the unknowns.
      const numbersOf = inner.map(([id, delta, extended]) => {
        const sum = (xs[id] ?? 0) + (id === 0 ? 0 : delta);
        return extended && id !== 0 && sum < 0 ? sum + 2 ** 32 : sum;
      });
      const members = numbersOf.map((value) => BigInt.asUintN(64, BigInt(value)));
      const b = linkedState(inner, (index) => {
        const value = numbersOf[index] ?? 0;
        const extended = inner[index]?.[2] === true && inner[index]?.[0] !== 0;
        return ranges.between(extended ? Math.max(0, value - slack) : value - slack, value + slack);
      });
      assert.ok(holds(b, members));
      const a = linkedState(outer, (index) =>
        outer[index]?.[2] === true && outer[index]?.[0] !== 0
          ? ranges.upTo(2 ** 32 - 1)
          : ranges.between(-100, 2 ** 33),
      );
      if (covers(a, ALL_NEEDED, b, 0b111)) {
        covered += 1;
        assert.ok(holds(a, members), "covered");
      }
      const both = join(b, a, 0b111, fresh);
      if (both === undefined) return;
      joined += 1;
      assert.ok(holds(both, members), "joined");
    }),
    { numRuns: 10_000 },
  );
  assert.ok(covered > 100 && joined > 100, `${covered} ${joined}`);
});
