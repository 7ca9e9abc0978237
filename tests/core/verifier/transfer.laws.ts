// What each instruction does to numbers, against RFC 9669 on random 64-bit numbers that are often at an edge: registers and
// two slots of the stack stay inside their ranges, and what is linked stays related. Branches go the way they go.
import assert from "node:assert/strict";
import type { AluOperation, Instruction, JumpCondition, Operand } from "../../../core/isa/instruction.ts";
import { print } from "../../../core/isa/print.ts";
import { assume, possible } from "../../../core/verifier/branch.ts";
import type { Test } from "../../../core/verifier/domain/interval.ts";
import { ranges } from "../../../core/verifier/domain/range.ts";
import { contents } from "../../../core/verifier/domain/stack.ts";
import { entryState, type State, stackOf } from "../../../core/verifier/domain/state.ts";
import {
  type NumberValue,
  numberValue,
  UNKNOWN_NUMBER,
  type Value,
} from "../../../core/verifier/domain/value.ts";
import { transfer } from "../../../core/verifier/transfer.ts";
import { generator } from "../../harness/mutate.ts";
import type { Law } from "./domain/law.ts";
import { evaluate, holds } from "./domain/semantics.ts";
import { programOfInstructions } from "./programs.ts";

type Next = (below: number) => number;

const REGISTERS = 4;
/** Bytes of the stack that are used, below r10. */
const BYTES = 16;

const EDGES = [
  0n,
  1n,
  2n,
  7n,
  8n,
  31n,
  127n,
  128n,
  255n,
  256n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff0n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0001n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 2n ** 31n,
  2n ** 64n - 8n,
  2n ** 64n - 1n,
];
const IMMEDIATES = [
  0, 1, -1, 2, 5, 8, 16, 31, 32, 33, 40, 63, 64, 255, 256, 300, -8, 0x7fffffff, -0x80000000,
];
const OPERATIONS: readonly AluOperation[] = [
  "add",
  "add",
  "add",
  "sub",
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
const TESTS: readonly JumpCondition[] = [
  "eq",
  "ne",
  "set",
  "ugt",
  "uge",
  "ult",
  "ule",
  "sgt",
  "sge",
  "slt",
  "sle",
];

/** The numbers of one run, beside what the verifier knows. */
interface Run {
  readonly registers: bigint[];
  readonly bytes: Uint8Array;
  readonly state: State;
}

function pick<T>(next: Next, list: readonly T[]): T {
  return list[next(list.length)] as T;
}

function anyBits(next: Next): bigint {
  if (next(3) > 0) return BigInt.asUintN(64, pick(next, EDGES) + BigInt(next(5) - 2));
  return (BigInt(next(2 ** 31)) << 33n) ^ (BigInt(next(2 ** 31)) << 10n) ^ BigInt(next(1024));
}

/** Nothing, an interval around it, or everything is known of a number. */
function anyKnown(next: Next, bits: bigint): NumberValue {
  const exact = ranges.fromBigInt(bits);
  const choice = next(4);
  if (choice === 0) return numberValue(exact);
  if (choice === 1) return UNKNOWN_NUMBER;
  return numberValue(ranges.hull(exact, ranges.fromBigInt(anyBits(next))));
}

function operandOf(next: Next): Operand {
  return next(2) === 0
    ? { kind: "register", register: next(REGISTERS) }
    : { kind: "immediate", value: pick(next, IMMEDIATES) };
}

/** Moves and shifts that make links more often than at random. */
function linking(next: Next): Instruction[] {
  const from = next(REGISTERS);
  const to = (from + 1 + next(REGISTERS - 1)) % REGISTERS;
  const source: Operand = { kind: "register", register: from };
  const copy: Instruction = { kind: "mov", width: next(2) === 0 ? 32 : 64, destination: to, source };
  const by = (operation: AluOperation, value: number): Instruction => ({
    kind: "alu",
    width: next(4) === 0 ? 32 : 64,
    operation,
    destination: to,
    source: { kind: "immediate", value },
  });
  switch (next(3)) {
    case 0:
      return [copy, by(next(2) === 0 ? "add" : "sub", pick(next, [1, 2, 8, 15, -1, -8]))];
    case 1:
      return [
        copy,
        { ...by("lsh", pick(next, [32, 32, 8])), width: 64 } as Instruction,
        { ...by(next(2) === 0 ? "rsh" : "arsh", pick(next, [32, 32, 16])), width: 64 } as Instruction,
      ];
    default:
      return [copy];
  }
}

function anyInstruction(next: Next): Instruction[] {
  const destination = next(REGISTERS);
  const width = next(2) === 0 ? 32 : 64;
  switch (next(11)) {
    case 0:
    case 1:
      return [
        { kind: "alu", width, operation: pick(next, OPERATIONS), destination, source: operandOf(next) },
      ];
    case 2:
      return [{ kind: "mov", width, destination, source: operandOf(next) }];
    case 3: {
      const signExtendFrom = pick(next, [8, 16, ...(width === 64 ? [32] : [])]) as 8 | 16 | 32;
      const source: Operand = { kind: "register", register: next(REGISTERS) };
      return [{ kind: "mov", width, signExtendFrom, destination, source }];
    }
    case 4:
      return next(2) === 0
        ? [{ kind: "neg", width, destination }]
        : [
            {
              kind: "byteSwap",
              order: pick(next, ["le", "be", "swap"]),
              width: pick(next, [16, 32, 64]),
              destination,
            },
          ];
    case 5:
    case 6: {
      const sizeBytes = pick(next, [1, 2, 4, 8] as const);
      const at = sizeBytes * next(BYTES / sizeBytes);
      if (next(2) === 0) {
        return [{ kind: "store", sizeBytes, base: 10, offset: at - BYTES, source: operandOf(next) }];
      }
      const signed = sizeBytes < 8 && next(2) === 0;
      return [{ kind: "load", sizeBytes, signed, destination, base: 10, offset: at - BYTES }];
    }
    case 7:
    case 8: {
      const condition = { test: pick(next, TESTS), left: destination, right: operandOf(next) };
      return [{ kind: "jump", width, condition, offset: 0 }];
    }
    default:
      return linking(next);
  }
}

function operandBits(run: Run, operand: Operand): bigint {
  return operand.kind === "register"
    ? (run.registers[operand.register] ?? 0n)
    : BigInt.asUintN(64, BigInt(operand.value));
}

function readBytes(bytes: Uint8Array, at: number, size: number): bigint {
  return bytes.subarray(at, at + size).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** The numbers after the instruction; of a branch, whether it is taken. */
function execute(run: Run, instruction: Instruction): boolean {
  const { registers, bytes } = run;
  switch (instruction.kind) {
    case "alu": {
      const { width, operation, destination } = instruction;
      const [left, right] = [registers[destination] ?? 0n, operandBits(run, instruction.source)];
      const cut = (value: bigint): bigint => BigInt.asUintN(width, value);
      registers[destination] = evaluate(operation, width, cut(left), cut(right));
      return false;
    }
    case "mov": {
      const { width, signExtendFrom = width, destination } = instruction;
      const value = BigInt.asIntN(signExtendFrom, operandBits(run, instruction.source));
      registers[destination] = BigInt.asUintN(width, value);
      return false;
    }
    case "neg": {
      const value = registers[instruction.destination] ?? 0n;
      registers[instruction.destination] = BigInt.asUintN(instruction.width, -value);
      return false;
    }
    case "byteSwap": {
      const { order, width, destination } = instruction;
      const value = BigInt.asUintN(width, registers[destination] ?? 0n);
      const list = Uint8Array.from({ length: width / 8 }, (_, at) =>
        Number((value >> BigInt(8 * at)) & 0xffn),
      );
      registers[destination] = order === "le" ? value : readBytes(list.toReversed(), 0, list.length);
      return false;
    }
    case "load": {
      const { sizeBytes, signed, offset, destination } = instruction;
      const value = readBytes(bytes, BYTES + offset, sizeBytes);
      registers[destination] = signed ? BigInt.asUintN(64, BigInt.asIntN(8 * sizeBytes, value)) : value;
      return false;
    }
    case "store": {
      const value = operandBits(run, instruction.source);
      for (let at = 0; at < instruction.sizeBytes; at++) {
        bytes[BYTES + instruction.offset + at] = Number((value >> BigInt(8 * at)) & 0xffn);
      }
      return false;
    }
    case "jump": {
      const { condition, width } = instruction;
      if (condition === undefined) return true;
      const cut = (value: bigint): bigint => BigInt.asUintN(width, value);
      const left = cut(registers[condition.left] ?? 0n);
      return holds(condition.test as Test, width, left, cut(operandBits(run, condition.right)));
    }
    default:
      throw new Error(instruction.kind);
  }
}

/** Ranges hold, and so do links: for each id there is one X that all are made of. */
function heldBy(run: Run): string | undefined {
  const wholes = new Map<number, bigint>();
  const lows = new Map<number, bigint>();
  const agrees = (known: Map<number, bigint>, id: number, bits: bigint): boolean => {
    const before = known.get(id);
    known.set(id, bits);
    return before === undefined || before === bits;
  };
  const isHeld = (value: Value, bits: bigint): boolean => {
    if (value.kind !== "number") return false;
    if (!ranges.contains(value.range, bits)) return false;
    if (value.id === 0) return true;
    const x = BigInt.asUintN(64, bits - BigInt(value.delta));
    if (value.extended && bits >> 32n !== 0n) return false;
    if (!agrees(lows, value.id, BigInt.asUintN(32, x))) return false;
    return value.extended || agrees(wholes, value.id, x);
  };
  for (const [index, bits] of run.registers.entries()) {
    if (!isHeld(run.state.registers[index] ?? UNKNOWN_NUMBER, bits)) return `r${index} = ${bits}`;
  }
  for (const { at, size, value } of contents(stackOf(run.state, 0))) {
    const bits = readBytes(run.bytes, at - 512 + BYTES, size);
    if (!isHeld(value, bits)) return `${size} bytes at ${at - 512}: ${bits}`;
  }
  return undefined;
}

const BASE = programOfInstructions([{ kind: "exit" }]);

function step(run: Run, instruction: Instruction, ids: { next: number }, done: string[]): void {
  done.push(print(instruction));
  const taken = execute(run, instruction);
  if (instruction.kind === "jump" && instruction.condition !== undefined) {
    const { condition } = instruction;
    assert.ok(possible(run.state, instruction, condition, taken), `${done.join("; ")}: not possible`);
    assert.ok(assume(run.state, instruction, condition, taken), `${done.join("; ")}: ruled out`);
  } else transfer({ ...BASE, instructions: [instruction] }, ids, run.state, 0);
  const wrong = heldBy(run);
  if (wrong !== undefined) assert.fail(`${done.join("; ")}: ${wrong}`);
}

function follow(seed: number, instructions: number): void {
  const next = generator(seed);
  const state = entryState();
  const registers = Array.from({ length: REGISTERS }, () => anyBits(next));
  const run: Run = { registers, bytes: new Uint8Array(BYTES), state };
  for (const [index, bits] of registers.entries()) state.registers[index] = anyKnown(next, bits);
  const ids = { next: 0 };
  const done: string[] = [registers.join(" ")];
  const clear = (offset: number): Instruction => ({
    kind: "store",
    sizeBytes: 8,
    base: 10,
    offset,
    source: { kind: "immediate", value: 0 },
  });
  for (const instruction of [clear(-16), clear(-8)]) step(run, instruction, ids, done);
  while (done.length < instructions) for (const one of anyInstruction(next)) step(run, one, ids, done);
}

const PROGRAMS = 4000;
const INSTRUCTIONS = 16;

let first = Date.now() % 2 ** 30;

export const TRANSFER_LAWS: readonly Law[] = [
  {
    name: "transfer: random instructions on random 64-bit numbers stay inside ranges and links",
    check: () => {
      for (let count = 0; count < PROGRAMS; count++) {
        first += 1;
        try {
          follow(first, INSTRUCTIONS);
        } catch (error) {
          throw new Error(`seed ${first}: ${error instanceof Error ? error.message : error}`, {
            cause: error,
          });
        }
      }
    },
  },
];
