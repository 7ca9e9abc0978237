// The encoding of the instruction set (RFC 9669, v4 included) as one table: every legal opcode, what each of its
// fields may hold, and which Instruction it is. decode.ts and encode.ts are driven by it; it knows no text.
//
// A slot, little-endian:                         An opcode of class ALU, ALU64, JMP, JMP32:
//   | opcode | src:4 dst:4 | offset:16 | imm:32 |    | code:4 | source:1 | class:3 |
// LDDW takes a second slot that holds only the     An opcode of class LD, LDX, ST, STX:
// upper immediate; all else in it is reserved.       | mode:3 | size:2 | class:3 |
import type {
  AluOperation,
  AtomicOperation,
  Instruction,
  JumpCondition,
  LoadImmediateSource,
  SizeBytes,
} from "./instruction.ts";

export const SLOT_SIZE_BYTES = 8;

/** RFC 9669 section 3.2. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;
/** RFC 9669 section 4: where the second operand comes from. */
export const SOURCE = { K: 0x00, X: 0x08 } as const;
/** RFC 9669 section 5. */
export const SIZE = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const;
export const MODE = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;

/** RFC 9669 section 2.4; "callx" is not of the RFC, but compilers emit it. */
export type ConformanceGroup =
  | "base32"
  | "base64"
  | "divmul32"
  | "divmul64"
  | "atomic32"
  | "atomic64"
  | "packet"
  | "callx";

export type OperandKind = "register" | "immediate";

/** What is constant in the Instruction a row stands for. */
export type Shape =
  | {
      readonly kind: "alu";
      readonly width: 32 | 64;
      readonly operation: AluOperation;
      readonly operand: OperandKind;
    }
  | {
      readonly kind: "mov";
      readonly width: 32 | 64;
      readonly signExtendFrom?: 8 | 16 | 32;
      readonly operand: OperandKind;
    }
  | { readonly kind: "neg"; readonly width: 32 | 64 }
  | { readonly kind: "byteSwap"; readonly order: "le" | "be" | "swap"; readonly width: 16 | 32 | 64 }
  | { readonly kind: "load"; readonly sizeBytes: SizeBytes; readonly signed: boolean }
  | { readonly kind: "store"; readonly sizeBytes: SizeBytes; readonly operand: OperandKind }
  | {
      readonly kind: "atomic";
      readonly sizeBytes: 4 | 8;
      readonly operation: AtomicOperation;
      readonly fetch: boolean;
    }
  | { readonly kind: "loadPacket"; readonly sizeBytes: 1 | 2 | 4; readonly indexed: boolean }
  | { readonly kind: "loadImmediate"; readonly source: LoadImmediateSource["kind"] }
  | {
      readonly kind: "jump";
      readonly width: 32 | 64;
      readonly test?: JumpCondition;
      readonly operand?: OperandKind;
    }
  | { readonly kind: "call"; readonly target: "helper" | "local" | "kfunc" | "register" }
  | { readonly kind: "exit" };

/** What a field may hold: any value, any register (0 to 10), or this number only. 0 means the field is reserved. */
export type FieldRule = "any" | "register" | number;

export interface OpcodeRow {
  readonly opcode: number;
  readonly destination: FieldRule;
  readonly source: FieldRule;
  readonly offset: FieldRule;
  readonly immediate: FieldRule;
  /** The upper immediate; rows of two slots only. */
  readonly nextImmediate?: FieldRule;
  readonly group: ConformanceGroup;
  readonly shape: Shape;
}

const OPERANDS = [
  { operand: "immediate", bit: SOURCE.K, source: 0, immediate: "any" },
  { operand: "register", bit: SOURCE.X, source: "register", immediate: 0 },
] as const;

const WIDTHS = [
  { width: 32, class: CLASS.ALU, jumpClass: CLASS.JMP32, base: "base32", divmul: "divmul32" },
  { width: 64, class: CLASS.ALU64, jumpClass: CLASS.JMP, base: "base64", divmul: "divmul64" },
] as const;

const SIZES = [
  { sizeBytes: 1, bits: SIZE.B, base: "base32" },
  { sizeBytes: 2, bits: SIZE.H, base: "base32" },
  { sizeBytes: 4, bits: SIZE.W, base: "base32" },
  { sizeBytes: 8, bits: SIZE.DW, base: "base64" },
] as const;

/** RFC 9669 section 4.1: the code, and the offset that tells signed from unsigned division. */
const ALU_OPERATIONS: readonly [operation: AluOperation, code: number, offset: number, divmul?: boolean][] = [
  ["add", 0x00, 0],
  ["sub", 0x10, 0],
  ["mul", 0x20, 0, true],
  ["div", 0x30, 0, true],
  ["sdiv", 0x30, 1, true],
  ["or", 0x40, 0],
  ["and", 0x50, 0],
  ["lsh", 0x60, 0],
  ["rsh", 0x70, 0],
  ["mod", 0x90, 0, true],
  ["smod", 0x90, 1, true],
  ["xor", 0xa0, 0],
  ["arsh", 0xc0, 0],
];

/** RFC 9669 section 4.3. */
const JUMP_CONDITIONS: readonly [test: JumpCondition, code: number][] = [
  ["eq", 0x10],
  ["ugt", 0x20],
  ["uge", 0x30],
  ["set", 0x40],
  ["ne", 0x50],
  ["sgt", 0x60],
  ["sge", 0x70],
  ["ult", 0xa0],
  ["ule", 0xb0],
  ["slt", 0xc0],
  ["sle", 0xd0],
];

/** RFC 9669 section 5.3: the immediate. */
const ATOMIC_OPERATIONS: readonly [operation: AtomicOperation, fetch: boolean, immediate: number][] = [
  ["add", false, 0x00],
  ["or", false, 0x40],
  ["and", false, 0x50],
  ["xor", false, 0xa0],
  ["add", true, 0x01],
  ["or", true, 0x41],
  ["and", true, 0x51],
  ["xor", true, 0xa1],
  ["exchange", true, 0xe1],
  ["compareExchange", true, 0xf1],
];

/** RFC 9669 section 5.4: the source field and what the upper immediate may be. */
const LOAD_IMMEDIATE_SOURCES: readonly [
  kind: LoadImmediateSource["kind"],
  source: number,
  next: FieldRule,
][] = [
  ["number", 0, "any"],
  ["map", 1, 0],
  ["mapValue", 2, "any"],
  ["variable", 3, 0],
  ["function", 4, 0],
  ["mapByIndex", 5, 0],
  ["mapValueByIndex", 6, "any"],
];

function* arithmetic(): Generator<OpcodeRow> {
  for (const { width, class: bits, base, divmul } of WIDTHS) {
    for (const { operand, bit, source, immediate } of OPERANDS) {
      const fields = { destination: "register", source, immediate } as const;
      for (const [operation, code, offset, multiplies] of ALU_OPERATIONS) {
        const shape = { kind: "alu", width, operation, operand } as const;
        yield { opcode: code | bit | bits, ...fields, offset, group: multiplies ? divmul : base, shape };
      }
      const shape = { kind: "mov", width, operand } as const;
      yield { opcode: 0xb0 | bit | bits, ...fields, offset: 0, group: base, shape };
    }
    const unary = { destination: "register", source: 0, offset: 0, group: base } as const;
    yield { opcode: 0x80 | bits, ...unary, immediate: 0, shape: { kind: "neg", width } };
    for (const from of [8, 16, 32] as const) {
      if (from === width) continue;
      const shape = { kind: "mov", width, signExtendFrom: from, operand: "register" } as const;
      const fields = { destination: "register", source: "register", offset: from, immediate: 0 } as const;
      yield { opcode: 0xb0 | SOURCE.X | bits, ...fields, group: base, shape };
    }
  }
}

function* byteSwaps(): Generator<OpcodeRow> {
  const orders = [
    ["le", 0xd0 | SOURCE.K | CLASS.ALU],
    ["be", 0xd0 | SOURCE.X | CLASS.ALU],
    ["swap", 0xd0 | SOURCE.K | CLASS.ALU64],
  ] as const;
  for (const [order, opcode] of orders) {
    for (const width of [16, 32, 64] as const) {
      const fields = { destination: "register", source: 0, offset: 0, immediate: width } as const;
      const group = width === 64 ? "base64" : "base32";
      yield { opcode, ...fields, group, shape: { kind: "byteSwap", order, width } };
    }
  }
}

function* memory(): Generator<OpcodeRow> {
  const two = { destination: "register", source: "register", offset: "any", immediate: 0 } as const;
  for (const { sizeBytes, bits, base: group } of SIZES) {
    const mem = MODE.MEM | bits;
    yield { opcode: mem | CLASS.LDX, ...two, group, shape: { kind: "load", sizeBytes, signed: false } };
    yield {
      opcode: mem | CLASS.STX,
      ...two,
      group,
      shape: { kind: "store", sizeBytes, operand: "register" },
    };
    yield {
      opcode: mem | CLASS.ST,
      destination: "register",
      source: 0,
      offset: "any",
      immediate: "any",
      group,
      shape: { kind: "store", sizeBytes, operand: "immediate" },
    };
    if (sizeBytes === 8) continue;
    // MEMSX sign-extends to 64 bits, so all its sizes belong to base64.
    const signed = { kind: "load", sizeBytes, signed: true } as const;
    yield { opcode: MODE.MEMSX | bits | CLASS.LDX, ...two, group: "base64", shape: signed };
    const packet = { destination: 0, offset: 0, immediate: "any", group: "packet" } as const;
    for (const indexed of [false, true]) {
      const opcode = (indexed ? MODE.IND : MODE.ABS) | bits | CLASS.LD;
      const source = indexed ? "register" : 0;
      yield { opcode, ...packet, source, shape: { kind: "loadPacket", sizeBytes, indexed } };
    }
  }
  for (const [sizeBytes, bits, group] of [
    [4, SIZE.W, "atomic32"],
    [8, SIZE.DW, "atomic64"],
  ] as const) {
    for (const [operation, fetch, immediate] of ATOMIC_OPERATIONS) {
      const opcode = MODE.ATOMIC | bits | CLASS.STX;
      yield { opcode, ...two, immediate, group, shape: { kind: "atomic", sizeBytes, operation, fetch } };
    }
  }
  for (const [kind, source, nextImmediate] of LOAD_IMMEDIATE_SOURCES) {
    const fields = { destination: "register", source, offset: 0, immediate: "any", nextImmediate } as const;
    const opcode = MODE.IMM | SIZE.DW | CLASS.LD;
    yield { opcode, ...fields, group: "base64", shape: { kind: "loadImmediate", source: kind } };
  }
}

function* jumps(): Generator<OpcodeRow> {
  for (const { width, jumpClass, base: group } of WIDTHS) {
    for (const { operand, bit, source, immediate } of OPERANDS) {
      for (const [test, code] of JUMP_CONDITIONS) {
        const fields = { destination: "register", source, offset: "any", immediate } as const;
        yield {
          opcode: code | bit | jumpClass,
          ...fields,
          group,
          shape: { kind: "jump", width, test, operand },
        };
      }
    }
  }
  const none = { destination: 0, source: 0, offset: 0, immediate: 0, group: "base32" } as const;
  yield { ...none, opcode: 0x05, offset: "any", shape: { kind: "jump", width: 64 } };
  yield { ...none, opcode: 0x06, immediate: "any", shape: { kind: "jump", width: 32 } };
  yield { ...none, opcode: 0x85, immediate: "any", shape: { kind: "call", target: "helper" } };
  yield { ...none, opcode: 0x85, source: 1, immediate: "any", shape: { kind: "call", target: "local" } };
  // The offset of a kfunc call says which module's BTF the id is of, as the Linux kernel has it.
  const kfunc = { source: 2, offset: "any", immediate: "any" } as const;
  yield { ...none, opcode: 0x85, ...kfunc, shape: { kind: "call", target: "kfunc" } };
  const callx = { destination: "register", group: "callx" } as const;
  yield { ...none, opcode: 0x8d, ...callx, shape: { kind: "call", target: "register" } };
  yield { ...none, opcode: 0x95, shape: { kind: "exit" } };
}

/** Every legal instruction, one row each; no two rows match the same slot. */
export const OPCODES: readonly OpcodeRow[] = [...arithmetic(), ...byteSwaps(), ...memory(), ...jumps()];

/** By opcode, its rows; empty for an opcode that is not legal. */
export const OPCODES_BY_NUMBER: readonly (readonly OpcodeRow[])[] = Array.from({ length: 256 }, (_, opcode) =>
  OPCODES.filter((row) => row.opcode === opcode),
);

/** The shape of an instruction: what is left when registers, offsets and immediates are taken away. */
export function shapeOf(instruction: Instruction): Shape {
  switch (instruction.kind) {
    case "alu": {
      const { kind, width, operation, source } = instruction;
      return { kind, width, operation, operand: source.kind };
    }
    case "mov": {
      const { kind, width, signExtendFrom, source } = instruction;
      const operand = source.kind;
      return signExtendFrom === undefined
        ? { kind, width, operand }
        : { kind, width, signExtendFrom, operand };
    }
    case "neg":
      return { kind: "neg", width: instruction.width };
    case "byteSwap":
      return { kind: "byteSwap", order: instruction.order, width: instruction.width };
    case "load":
      return { kind: "load", sizeBytes: instruction.sizeBytes, signed: instruction.signed };
    case "store":
      return { kind: "store", sizeBytes: instruction.sizeBytes, operand: instruction.source.kind };
    case "atomic": {
      const { kind, sizeBytes, operation, fetch } = instruction;
      return { kind, sizeBytes, operation, fetch };
    }
    case "loadPacket":
      return {
        kind: "loadPacket",
        sizeBytes: instruction.sizeBytes,
        indexed: instruction.index !== undefined,
      };
    case "loadImmediate":
      return { kind: "loadImmediate", source: instruction.source.kind };
    case "jump": {
      const { kind, width, condition } = instruction;
      return condition === undefined
        ? { kind, width }
        : { kind, width, test: condition.test, operand: condition.right.kind };
    }
    case "call":
      return { kind: "call", target: instruction.target.kind };
    case "exit":
      return { kind: "exit" };
  }
}

/** Rows by the values of their shapes, one after the other: every instruction of every program is looked up here. */
interface Branch {
  readonly next: Map<unknown, Branch>;
  row: OpcodeRow | undefined;
}

const root: Branch = { next: new Map(), row: undefined };
for (const row of OPCODES) {
  let branch = root;
  for (const value of Object.values(row.shape)) {
    let next = branch.next.get(value);
    if (next === undefined) {
      next = { next: new Map(), row: undefined };
      branch.next.set(value, next);
    }
    branch = next;
  }
  branch.row = row;
}

/** The row of an instruction; undefined for one that cannot be encoded (sdiv with a movsx, say). */
export function findOpcode(instruction: Instruction): OpcodeRow | undefined {
  let branch: Branch | undefined = root;
  const shape = shapeOf(instruction);
  for (const key in shape) branch = branch?.next.get(shape[key as keyof Shape]);
  return branch?.row;
}

/** A row in words, unique: "alu 64 add register". */
export function opcodeName(row: OpcodeRow): string {
  return Object.values(row.shape).join(" ");
}
