// solve() against RFC 9669's arithmetic: after each change that it answers, the word is what was wanted. Each leaf is an
// object of its own, so that no change touches two.

import test from "ava";
import fc from "fast-check";
import { byteKey, type Change } from "../../../core/example/input.ts";
import { reversed, solve, type Term, type Word } from "../../../core/example/term.ts";
import type { AluOperation } from "../../../core/isa/instruction.ts";
import { evaluate } from "../verifier/domain/semantics.ts";

const OPERATIONS: readonly AluOperation[] = [
  "add",
  "sub",
  "mul",
  "div",
  "or",
  "and",
  "lsh",
  "rsh",
  "mod",
  "xor",
  "arsh",
];

interface Shape {
  readonly kind: "leaf" | "constant" | "alu" | "low" | "swap" | "negate";
  readonly value: bigint;
  readonly sizeBytes: number;
  readonly operation: AluOperation;
  readonly width: 32 | 64;
  readonly signed: boolean;
  readonly left?: Shape;
  readonly right?: Shape;
}

const facts = {
  value: fc.bigInt(0n, 2n ** 64n - 1n),
  sizeBytes: fc.constantFrom(1, 2, 4, 8),
  operation: fc.constantFrom(...OPERATIONS),
  width: fc.constantFrom(32 as const, 64 as const),
  signed: fc.boolean(),
};
const leaf: fc.Arbitrary<Shape> = fc.record({ kind: fc.constantFrom("leaf", "leaf", "constant"), ...facts });
const { tree } = fc.letrec<{ tree: Shape }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.record({
      kind: fc.constantFrom("alu", "alu", "low", "swap", "negate"),
      ...facts,
      left: tie("tree"),
      right: tie("tree"),
    }),
  ),
}));

/** The word of a shape, on an input; leaves are numbered in the order met. */
function build(shape: Shape, input: ReadonlyMap<string, bigint>, counter = { next: 0 }): Word {
  const { value, sizeBytes, operation, width, signed } = shape;
  const number = (at: number): Word => build((at === 0 ? shape.left : shape.right) ?? shape, input, counter);
  switch (shape.kind) {
    case "constant":
      // Shifts and masks by small constants are what programs have.
      return { value: value % 2n === 0n ? value : value % 64n, term: undefined };
    case "leaf": {
      const object = `leaf ${counter.next++}`;
      let bits = 0n;
      for (let at = sizeBytes - 1; at >= 0; at--) {
        bits = (bits << 8n) | (input.get(byteKey(object, at)) ?? (value >> BigInt(8 * at)) & 0xffn);
      }
      return { value: bits, term: { kind: "bytes", object, offset: 0, sizeBytes, value: bits } };
    }
    case "alu": {
      const left = number(0);
      const right = number(1);
      const low = (word: Word): bigint => BigInt.asUintN(width, word.value);
      return withTerm(
        { kind: "alu", operation, width, left, right },
        evaluate(operation, width, low(left), low(right)),
      );
    }
    case "low": {
      const of = number(0);
      const bits = 8 * sizeBytes;
      const extended = signed ? BigInt.asIntN(bits, of.value) : BigInt.asUintN(bits, of.value);
      const wide = Math.max(width, bits);
      return withTerm({ kind: "low", bits, signed, width: wide, of }, BigInt.asUintN(wide, extended));
    }
    case "swap": {
      const of = number(0);
      const swapped = sizeBytes === 2 ? 16 : width;
      return withTerm(
        { kind: "swap", width: swapped, of },
        reversed(BigInt.asUintN(swapped, of.value), swapped),
      );
    }
    case "negate": {
      const of = number(0);
      return withTerm({ kind: "negate", width, of }, BigInt.asUintN(width, -of.value));
    }
  }
}

function withTerm(term: Term, value: bigint): Word {
  return { value, term };
}

function applied(changes: readonly Change[]): Map<string, bigint> {
  return new Map(changes.map(({ key, value }) => [key, value]));
}

test("each change makes the word what was wanted", (t) => {
  let solved = 0;
  fc.assert(
    fc.property(tree, fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(8, 16, 32, 64), (shape, any, bits) => {
      const word = build(shape, new Map());
      for (const wanted of [any, word.value + 1n, any % 256n, 0n]) {
        for (const changes of solve(word, wanted, bits)) {
          solved += 1;
          const after = build(shape, applied(changes));
          if (BigInt.asUintN(bits, after.value) !== BigInt.asUintN(bits, wanted)) return false;
        }
      }
      return true;
    }),
    { numRuns: 3000 },
  );
  t.true(solved > 3000, `${solved}`);
});
