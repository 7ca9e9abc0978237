// Stacks against bytes: whatever is written where, a read holds what the bytes hold, no byte counts as a number that was
// never written, and none of a pointer does.
import assert from "node:assert/strict";
import { ranges } from "../../../../core/verifier/domain/range.ts";
import {
  byteContent,
  EMPTY_STACK,
  firstOther,
  readNumber,
  type Stack,
  spill,
  spillAt,
  writeNumber,
  writeSomewhere,
  writeUnknown,
} from "../../../../core/verifier/domain/stack.ts";
import { numberValue, pointerTo } from "../../../../core/verifier/domain/value.ts";
import { generator } from "../../../harness/mutate.ts";
import type { Law } from "./law.ts";

/** Bytes 480 to 504 of a frame; undefined was never written, "pointer" is part of one. */
type Byte = number | undefined | "pointer";

const FROM = 480;
const BYTES = 24;
const POINTER = pointerTo({ kind: "context" });
const SIZES = [1, 2, 4, 8] as const;
type Next = (below: number) => number;

interface Model {
  stack: Stack;
  readonly bytes: Byte[];
}

/** What is left of a pointer that is hit in part is no number and no pointer. */
function hit(bytes: Byte[], at: number, size: number): void {
  for (let slot = at & ~7; slot < at + size; slot += 8) {
    for (let index = slot; index < slot + 8; index++)
      if (bytes[index] === "pointer") bytes[index] = undefined;
  }
}

function writeOne(model: Model, next: Next): void {
  const size = SIZES[next(4)] ?? 8;
  const at = next(2) === 0 ? size * next(Math.floor(BYTES / size)) : next(BYTES - size + 1);
  const { bytes } = model;
  const value = Array.from({ length: 8 }, () => (next(3) === 0 ? 255 : next(2) === 0 ? 0 : next(256)));
  const whole = value.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const set = (to: number, length: number): void => {
    hit(bytes, to, length);
    for (let index = 0; index < length; index++) bytes[to + index] = value[index];
  };
  const kind = next(10);
  if (kind < 5) {
    // Known exactly, or only that it lies in a range.
    const exact = ranges.fromBigInt(whole);
    const range = next(2) === 0 ? exact : ranges.hull(exact, ranges.fromBigInt(BigInt(next(1000))));
    model.stack = writeNumber(model.stack, FROM + at, size, numberValue(range));
    set(at, size);
  } else if (kind < 7) {
    model.stack = writeUnknown(model.stack, FROM + at, FROM + at + size);
    set(at, size);
  } else if (kind < 8) {
    model.stack = spill(model.stack, FROM + (at & ~7), POINTER);
    for (let index = at & ~7; index < (at & ~7) + 8; index++) bytes[index] = "pointer";
  } else {
    // Somewhere in [at, to): what may be hit of a pointer may be gone.
    const to = at + size + next(BYTES - at - size + 1);
    model.stack = writeSomewhere(model.stack, FROM + at, FROM + to);
    const place = at + next(to - at - size + 1);
    hit(bytes, at, to - at);
    for (let index = 0; index < size; index++) {
      if (bytes[place + index] !== undefined) bytes[place + index] = value[index];
    }
  }
}

function checkReads({ stack, bytes }: Model): void {
  for (let at = 0; at < BYTES; at++) {
    const byte = bytes[at];
    const content = byteContent(stack, FROM + at);
    if (byte === undefined) assert.notEqual(content, "number", `byte ${at}`);
    if (byte === "pointer") assert.equal(content, "pointer", `byte ${at}`);
    for (const size of SIZES) {
      if (at + size > BYTES) continue;
      const read = bytes.slice(at, at + size);
      const other = firstOther(stack, FROM + at, FROM + at + size);
      const spilled = spillAt(stack, FROM + at, size);
      if (spilled?.kind === "pointer") assert.ok(read.every((one) => one === "pointer"));
      if (!read.every((one) => typeof one === "number")) {
        assert.ok(other !== undefined, `${size} bytes at ${at}`);
        continue;
      }
      const bits = read.reduceRight<bigint>((sum, one) => (sum << 8n) | BigInt(one as number), 0n);
      const { range } = spilled?.kind === "number" ? spilled : readNumber(stack, FROM + at, size);
      assert.ok(ranges.contains(range, bits), `${size} bytes at ${at}: ${bits} in ${JSON.stringify(range)}`);
    }
  }
}

const ROUNDS = 400;
const WRITES = 12;

export const STACK_LAWS: readonly Law[] = [
  {
    name: "stacks hold what was written last, byte by byte",
    check: () => {
      for (let seed = 1; seed <= ROUNDS; seed++) {
        const next = generator(seed);
        const model: Model = { stack: EMPTY_STACK, bytes: new Array<Byte>(BYTES).fill(undefined) };
        for (let count = 0; count < WRITES; count++) {
          writeOne(model, next);
          checkReads(model);
        }
      }
    },
  },
];
