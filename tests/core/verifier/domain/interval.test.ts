// Every one-word operation and test against the machine's own semantics, exhaustively on small words.
import test from "ava";
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
import { evaluate, holds } from "./semantics.ts";

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

/** Every distinct Bounds that one unsigned and one signed interval make. */
function allBounds(w: Word, step: number): Bounds[] {
  const seen = new Map<string, Bounds>();
  const n = w.modulus;
  for (let low = 0; low < n; low += step) {
    for (let high = low; high < n; high += step) {
      for (const b of [
        tighten(w, low, high, w.sBottom, w.sTop),
        tighten(w, 0, w.uTop, low - w.half, high - w.half),
      ]) {
        if (b !== undefined)
          seen.set(JSON.stringify([b.umin, String(b.umax), String(b.smin), String(b.smax)]), b);
      }
    }
  }
  return [...seen.values()];
}

function members(w: Word, a: Bounds): bigint[] {
  const list: bigint[] = [];
  for (let v = 0n; v < BigInt(w.modulus); v++) if (contains(w, a, v)) list.push(v);
  return list;
}

for (const [name, w, step] of [
  ["exact 4-bit", exactWord(4), 1],
  ["4 bits, limit 5", clampedWord(4, 5), 1],
] as const) {
  test(`${name}: tighten keeps every member`, (t) => {
    const n = w.modulus;
    for (let ulo = 0; ulo < n; ulo++)
      for (let uhi = ulo; uhi < n; uhi++)
        for (let slo = -w.half; slo < w.half; slo += 1)
          for (let shi = slo; shi < w.half; shi += 1) {
            const b = tighten(w, ulo, uhi, slo, shi);
            for (let v = 0; v < n; v++) {
              const s = v >= w.half ? v - n : v;
              if (
                v >= ulo &&
                v <= uhi &&
                s >= slo &&
                s <= shi &&
                !(b !== undefined && contains(w, b, BigInt(v)))
              ) {
                t.fail(`${v} lost from u[${ulo},${uhi}] s[${slo},${shi}]`);
                return;
              }
            }
          }
    t.pass();
  });

  for (const operation of OPERATIONS) {
    test(`${name}: ${operation} contains every concrete result`, (t) => {
      const all = allBounds(w, step).map((a) => ({ a, values: members(w, a) }));
      for (const x of all) {
        for (const y of all) {
          const r = compute(w, operation, x.a, y.a);
          for (const p of x.values)
            for (const q of y.values) {
              const v = evaluate(operation, w.bits, p, q);
              if (!contains(w, r, v)) {
                t.fail(`${p} ${operation} ${q} = ${v} not in ${JSON.stringify(r)}`);
                return;
              }
            }
        }
      }
      t.pass();
    });
  }

  for (const condition of Object.keys(NEGATION) as Test[]) {
    test(`${name}: ${condition} keeps every member that can satisfy it`, (t) => {
      const all = allBounds(w, step).map((a) => ({ a, values: members(w, a) }));
      for (const x of all) {
        for (const y of all) {
          const r = restrict(w, condition, x.a, y.a);
          for (const p of x.values) {
            const possible = y.values.some((q) => holds(condition, w.bits, p, q));
            if (possible && !(r !== undefined && contains(w, r, p))) {
              t.fail(`${p} lost by ${condition} ${JSON.stringify(x.a)} ${JSON.stringify(y.a)}`);
              return;
            }
          }
        }
      }
      t.pass();
    });
  }
}
