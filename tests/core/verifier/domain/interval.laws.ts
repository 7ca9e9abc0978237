// Every one-word operation and test against the machine's own semantics, exhaustively on small words: one whose bounds
// are all kept, and one whose bounds beyond a limit are forgotten (as the 64-bit word's are beyond 2^53).
import assert from "node:assert/strict";
import {
  type BinaryOperation,
  type Bounds,
  clampedWord,
  compute,
  contains,
  exactWord,
  NEGATION,
  restrict,
  type Test,
  tighten,
  type Word,
} from "../../../../core/verifier/domain/interval.ts";
import type { Law } from "./law.ts";
import { evaluate, holds } from "./semantics.ts";

export const INTERVAL_LAWS: Law[] = [];

function law(name: string, check: () => void): void {
  INTERVAL_LAWS.push({ name, check });
}

const OPERATIONS: readonly BinaryOperation[] = [
  "add",
  "sub",
  "mul",
  "div",
  "sdiv",
  "or",
  "and",
  "lsh",
  "rsh",
  "mod",
  "smod",
  "xor",
  "arsh",
];

interface Row {
  readonly bounds: Bounds;
  readonly members: readonly number[];
}

/** As `contains`, on numbers; the test below ties the two together. */
function within(w: Word, a: Bounds, value: number): boolean {
  const signed = value >= w.half ? value - w.modulus : value;
  return value >= a.umin && value <= a.umax && signed >= a.smin && signed <= a.smax;
}

/** Every distinct Bounds that one unsigned or one signed interval makes, with all its members. */
function rowsOf(w: Word): Row[] {
  const rows = new Map<string, Row>();
  for (let low = 0; low < w.modulus; low++) {
    for (let high = low; high < w.modulus; high++) {
      for (const bounds of [
        tighten(w, low, high, w.sBottom, w.sTop),
        tighten(w, 0, w.uTop, low - w.half, high - w.half),
      ]) {
        if (bounds === undefined) continue;
        const all = Array.from({ length: w.modulus }, (_, value) => value);
        const members = all.filter((value) => within(w, bounds, value));
        rows.set(Object.values(bounds).join(), { bounds, members });
      }
    }
  }
  return [...rows.values()];
}

/** [a][b] -> f(a, b), computed once with the bigint semantics. */
function tableOf<T>(w: Word, f: (a: bigint, b: bigint) => T): T[][] {
  const values = Array.from({ length: w.modulus }, (_, value) => BigInt(value));
  return values.map((a) => values.map((b) => f(a, b)));
}

for (const [name, w] of [
  ["all bounds kept, 4 bits", exactWord(4)],
  ["bounds beyond 5 forgotten, 4 bits", clampedWord(4, 5)],
] as const) {
  const rows = rowsOf(w);

  law(`${name}: tighten keeps every member`, () => {
    const lost: string[] = [];
    for (let ulo = 0; ulo < w.modulus; ulo++) {
      for (let uhi = ulo; uhi < w.modulus; uhi++) {
        for (let slo = -w.half; slo < w.half; slo++) {
          for (let shi = slo; shi < w.half; shi++) {
            const b = tighten(w, ulo, uhi, slo, shi);
            for (let v = ulo; v <= uhi; v++) {
              const s = v >= w.half ? v - w.modulus : v;
              if (s >= slo && s <= shi && (b === undefined || !within(w, b, v))) {
                lost.push(`${v} of u ${ulo}..${uhi} s ${slo}..${shi}`);
              }
            }
          }
        }
      }
    }
    assert.deepEqual(lost.slice(0, 3), []);
  });

  law(`${name}: contains`, () => {
    for (const { bounds, members } of rows) {
      for (let v = 0; v < w.modulus; v++) {
        if (contains(w, bounds, BigInt(v)) !== members.includes(v)) assert.fail(`${v}`);
      }
    }
    assert.ok(rows.length > 50);
  });

  for (const operation of OPERATIONS) {
    law(`${name}: ${operation} contains every concrete result`, () => {
      const table = tableOf(w, (a, b) => Number(evaluate(operation, w.bits, a, b)));
      const lost: string[] = [];
      for (const x of rows) {
        for (const y of rows) {
          const result = compute(w, operation, x.bounds, y.bounds);
          for (const a of x.members) {
            for (const b of y.members) {
              const value = table[a]![b]!;
              if (!within(w, result, value))
                lost.push(`${a} ${operation} ${b} = ${value}: ${JSON.stringify(result)}`);
            }
          }
        }
      }
      assert.deepEqual(lost.slice(0, 3), []);
    });
  }

  for (const condition of Object.keys(NEGATION) as Test[]) {
    law(`${name}: ${condition} keeps every member that can satisfy it`, () => {
      const table = tableOf(w, (a, b) => holds(condition, w.bits, a, b));
      const lost: string[] = [];
      for (const x of rows) {
        for (const y of rows) {
          const result = restrict(w, condition, x.bounds, y.bounds);
          for (const a of x.members) {
            if (result !== undefined && within(w, result, a)) continue;
            const b = y.members.find((value) => table[a]![value]);
            if (b !== undefined) lost.push(`${a} ${condition} ${b}: ${JSON.stringify(result)}`);
          }
        }
      }
      assert.deepEqual(lost.slice(0, 3), []);
    });
  }
}
