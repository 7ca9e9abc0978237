// How a 64-bit word of a run depends on the input: a tree of the operations between them, with the operands of that run.
// solve() turns it round: which input would have made the word another one? It inverts one operation after the other and
// changes one operand at a time; where an operation loses bits, those of the run stay. No search, no approximation: what
// it answers is tried by running the program.
import type { AluOperation } from "../isa/instruction.ts";
import { answerKey, bytesOf, type Change, LENGTH, nullKey } from "./input.ts";

export type Term =
  /** Zero-extended little-endian bytes of an object of the input; `value` is what they are. */
  | {
      readonly kind: "bytes";
      readonly object: string;
      readonly offset: number;
      readonly sizeBytes: number;
      readonly value: bigint;
    }
  /** The address of the end of the packet, which starts at `start`. */
  | { readonly kind: "end"; readonly start: bigint; readonly least: bigint; readonly most: bigint }
  /** The number that a helper answers, between the bounds of its row. */
  | { readonly kind: "answer"; readonly call: number; readonly least: bigint; readonly most: bigint }
  /** A pointer that a helper answers, or null. */
  | { readonly kind: "pointer"; readonly call: number; readonly address: bigint }
  /** The value at an index of an array, or null if the index is not below its size. */
  | { readonly kind: "element"; readonly index: Word; readonly entries: bigint; readonly address: bigint }
  | {
      readonly kind: "alu";
      readonly operation: AluOperation;
      readonly width: 32 | 64;
      readonly left: Word;
      readonly right: Word;
    }
  /** The low `bits` of a word, zero- or sign-extended to `width`. */
  | {
      readonly kind: "low";
      readonly bits: number;
      readonly signed: boolean;
      readonly width: number;
      readonly of: Word;
    }
  | { readonly kind: "swap"; readonly width: 16 | 32 | 64; readonly of: Word }
  | { readonly kind: "negate"; readonly width: 32 | 64; readonly of: Word }
  /** Bytes from several words, lowest first: byte `byte` of each. */
  | { readonly kind: "join"; readonly parts: readonly { readonly word: Word; readonly byte: number }[] };

/** A word of a run: what it was, and how it depends on the input if it does. */
export interface Word {
  readonly value: bigint;
  readonly term: Term | undefined;
}

/** Deeper trees are not turned round. */
const MOST_DEPTH = 64;

function low(value: bigint, bits: number): bigint {
  return BigInt.asUintN(bits, value);
}

/** Changes of the input after which the low `bits` of the word are those of `wanted`; each alone would do. */
export function solve(word: Word, wanted: bigint, bits: number, depth = 0): Change[][] {
  const { term, value } = word;
  if (low(value, bits) === low(wanted, bits)) return [[]];
  if (term === undefined || depth > MOST_DEPTH) return [];
  const next = (other: Word, target: bigint, width: number): Change[][] =>
    solve(other, target, width, depth + 1);
  switch (term.kind) {
    case "bytes":
      return solveBytes(term, wanted, bits);
    case "end": {
      const length = low(wanted, bits) - low(term.start, bits);
      return length < term.least || length > term.most ? [] : [[{ key: LENGTH, value: length }]];
    }
    case "answer": {
      const full = bits === 64 ? BigInt.asIntN(64, wanted) : low(wanted, bits);
      if (full < term.least || full > term.most) return [];
      return [[{ key: answerKey(term.call), value: full }]];
    }
    case "pointer": {
      const isNull = low(wanted, bits) === 0n;
      if (!isNull && low(wanted, bits) !== low(term.address, bits)) return [];
      return [[{ key: nullKey(term.call), value: isNull ? 1n : 0n }]];
    }
    case "element":
      return next(term.index, low(wanted, bits) === 0n ? term.entries : 0n, 32);
    case "alu":
      return solveAlu(term, wanted, Math.min(bits, term.width), next).filter(() =>
        fitsWidth(wanted, bits, term.width),
      );
    case "low": {
      if (bits <= term.bits) return next(term.of, wanted, bits);
      const part = low(wanted, term.bits);
      const extended = term.signed ? low(BigInt.asIntN(term.bits, part), term.width) : part;
      return extended === low(wanted, bits) ? next(term.of, part, term.bits) : [];
    }
    case "swap": {
      if (!fitsWidth(wanted, bits, term.width)) return [];
      const rest = bits < term.width ? (value >> BigInt(bits)) << BigInt(bits) : 0n;
      return next(term.of, reversed(low(wanted, bits) | rest, term.width), term.width);
    }
    case "negate":
      return fitsWidth(wanted, bits, term.width) ? next(term.of, -wanted, Math.min(bits, term.width)) : [];
    case "join":
      return solveJoin(term, wanted, bits, next);
  }
}

/** The bits that a word can have at all, where a mask says so. */
export function maskOf({ term }: Word): bigint | undefined {
  if (term?.kind === "low" && !term.signed) return maskOf(term.of);
  if (term?.kind !== "alu" || term.operation !== "and") return undefined;
  const { left, right, width } = term;
  if (right.term === undefined) return low(right.value, width);
  return left.term === undefined ? low(left.value, width) : undefined;
}

/** What a narrower operation gives has zeros above. */
function fitsWidth(wanted: bigint, bits: number, width: number): boolean {
  return bits <= width || low(wanted, bits) >> BigInt(width) === 0n;
}

export function reversed(value: bigint, width: number): bigint {
  let result = 0n;
  for (let shift = 0; shift < width; shift += 8) result = (result << 8n) | ((value >> BigInt(shift)) & 0xffn);
  return result;
}

function solveBytes(term: Extract<Term, { kind: "bytes" }>, wanted: bigint, bits: number): Change[][] {
  const own = 8 * term.sizeBytes;
  if (!fitsWidth(wanted, bits, own)) return [];
  const rest = bits < own ? (term.value >> BigInt(bits)) << BigInt(bits) : 0n;
  return [bytesOf(term.object, term.offset, term.sizeBytes, low(wanted, bits) | rest)];
}

type Next = (word: Word, wanted: bigint, bits: number) => Change[][];

function solveJoin(
  term: Extract<Term, { kind: "join" }>,
  wanted: bigint,
  bits: number,
  next: Next,
): Change[][] {
  if (!fitsWidth(wanted, bits, 8 * term.parts.length)) return [];
  const all: Change[] = [];
  for (const [at, { word, byte }] of term.parts.entries()) {
    if (8 * at >= bits) break;
    const target = (wanted >> BigInt(8 * at)) & 0xffn;
    const shift = BigInt(8 * byte);
    if (((word.value >> shift) & 0xffn) === target) continue;
    const whole = (word.value & ~(0xffn << shift)) | (target << shift);
    const [changes] = next(word, whole, 64);
    if (changes === undefined) return [];
    all.push(...changes);
  }
  return [all];
}

function solveAlu(
  term: Extract<Term, { kind: "alu" }>,
  wanted: bigint,
  bits: number,
  next: Next,
): Change[][] {
  const { operation, width, left, right } = term;
  const target = low(wanted, bits);
  const found: Change[][] = [];
  if (left.term !== undefined) {
    for (const value of leftFor(
      operation,
      width,
      target,
      bits,
      low(left.value, width),
      low(right.value, width),
    )) {
      found.push(...next(left, value.wanted, value.bits));
    }
  }
  if (right.term !== undefined) {
    for (const value of rightFor(
      operation,
      width,
      target,
      bits,
      low(left.value, width),
      low(right.value, width),
    )) {
      found.push(...next(right, value.wanted, value.bits));
    }
  }
  return found;
}

interface Target {
  readonly wanted: bigint;
  readonly bits: number;
}

/** Left operands with which the low `bits` of the result are `target`; `left` and `right` are those of the run. */
function leftFor(
  operation: AluOperation,
  width: number,
  target: bigint,
  bits: number,
  left: bigint,
  right: bigint,
): readonly Target[] {
  const shift = right & BigInt(width - 1);
  const one = (wanted: bigint, wide = bits): readonly Target[] => [{ wanted: low(wanted, wide), bits: wide }];
  switch (operation) {
    case "add":
      return one(target - right);
    case "sub":
      return one(target + right);
    case "xor":
      return one(target ^ right);
    case "and":
      // The bits that the mask drops as they were, or all set.
      if ((target & ~right) !== 0n) return [];
      return [...one(target | (left & ~right)), ...one(target | ~right)];
    case "or":
      return (low(right, bits) & ~target) === 0n ? one((target & ~right) | (left & right)) : [];
    case "lsh":
      if ((target & ((1n << shift) - 1n)) !== 0n) return [];
      return one((target >> shift) | (left & ~((1n << BigInt(width - Number(shift))) - 1n)), width);
    case "rsh": {
      const whole = (target << shift) | (left & ((1n << shift) - 1n));
      return low(whole, width) >> shift === target ? one(whole, width) : [];
    }
    case "arsh": {
      const whole = low((target << shift) | (left & ((1n << shift) - 1n)), width);
      return low(BigInt.asIntN(width, whole) >> shift, bits) === target ? one(whole, width) : [];
    }
    case "mul":
      return right !== 0n && target % right === 0n ? one(target / right, width) : [];
    case "div":
      return right !== 0n && target * right < 1n << BigInt(width) ? one(target * right, width) : [];
    case "mod":
      return right === 0n || target < right ? one(target, width) : [];
    default:
      return [];
  }
}

function rightFor(
  operation: AluOperation,
  width: number,
  target: bigint,
  bits: number,
  left: bigint,
  right: bigint,
): readonly Target[] {
  switch (operation) {
    case "sub":
      return [{ wanted: low(left - target, bits), bits }];
    case "add":
    case "xor":
    case "and":
    case "or":
    case "mul":
      // The operands may be exchanged.
      return leftFor(operation, bits, target, bits, right, left);
    case "lsh":
    case "rsh":
      for (let by = 0n; by < BigInt(width); by++) {
        const result = operation === "lsh" ? left << by : left >> by;
        if (low(result, bits) === target) return [{ wanted: by, bits: width }];
      }
      return [];
    default:
      return [];
  }
}
