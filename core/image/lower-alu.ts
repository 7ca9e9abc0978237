// Arithmetic (RFC 9669 section 4.1), byte swaps (4.2) and the conditions of jumps (4.3) in WebAssembly. Shift counts are
// taken modulo the width by both; division differs, and is guarded.
import type {
  AluInstruction,
  AluOperation,
  ByteSwapInstruction,
  JumpCondition,
  JumpInstruction,
  MovInstruction,
  NegInstruction,
} from "../isa/instruction.ts";
import { get, getLow, LOCALS, operand, set, setWidth } from "./locals.ts";
import type { WasmInstruction, WasmOpcode } from "./wasm.ts";

type Division = "div" | "sdiv" | "mod" | "smod";

const OPERATIONS: Readonly<Record<Exclude<AluOperation, Division>, string>> = {
  add: "add",
  sub: "sub",
  mul: "mul",
  or: "or",
  and: "and",
  xor: "xor",
  lsh: "shl",
  rsh: "shr_u",
  arsh: "shr_s",
};

const DIVISIONS: Readonly<Record<Division, string>> = {
  div: "div_u",
  sdiv: "div_s",
  mod: "rem_u",
  smod: "rem_s",
};

const CONDITIONS: Readonly<Record<Exclude<JumpCondition, "set">, string>> = {
  eq: "eq",
  ne: "ne",
  ugt: "gt_u",
  uge: "ge_u",
  ult: "lt_u",
  ule: "le_u",
  sgt: "gt_s",
  sge: "ge_s",
  slt: "lt_s",
  sle: "le_s",
};

function typed(width: 32 | 64, name: string): WasmOpcode {
  return `i${width}.${name}` as WasmOpcode;
}

export function lowerAlu({ width, operation, destination, source }: AluInstruction): WasmInstruction[] {
  const left = operand({ kind: "register", register: destination }, width);
  const right = operand(source, width);
  switch (operation) {
    case "div":
    case "sdiv":
    case "mod":
    case "smod":
      return [...divide(operation, width, left, right), ...setWidth(destination, width)];
    default:
      return [...left, ...right, [typed(width, OPERATIONS[operation])], ...setWidth(destination, width)];
  }
}

/**
 * WebAssembly traps where BPF has a result: x / 0 is 0 and x % 0 is x; MIN / -1 wraps to MIN, which is 0 - x, as is x / -1
 * of every other x. (MIN % -1 is 0 in both.)
 */
function divide(
  operation: Division,
  width: 32 | 64,
  left: readonly WasmInstruction[],
  right: readonly WasmInstruction[],
): WasmInstruction[] {
  const type = `i${width}` as const;
  const zero: WasmInstruction = [`${type}.const`, 0];
  const byZero = operation === "div" || operation === "sdiv" ? [zero] : left;
  const quotient: WasmInstruction[] = [...left, ...right, [typed(width, DIVISIONS[operation])]];
  const guarded: readonly WasmInstruction[] =
    operation === "sdiv"
      ? [
          ...right,
          [`${type}.const`, -1],
          [`${type}.eq`],
          ["if", type],
          zero,
          ...left,
          [`${type}.sub`],
          ["else"],
          ...quotient,
          ["end"],
        ]
      : quotient;
  return [...right, [`${type}.eqz`], ["if", type], ...byZero, ["else"], ...guarded, ["end"]];
}

export function lowerMove({ width, signExtendFrom, destination, source }: MovInstruction): WasmInstruction[] {
  const extension: WasmInstruction[] =
    signExtendFrom === undefined || (width === 32 && signExtendFrom === 32)
      ? []
      : [[typed(width, `extend${signExtendFrom}_s`)]];
  return [...operand(source, width), ...extension, ...setWidth(destination, width)];
}

export function lowerNegation({ width, destination }: NegInstruction): WasmInstruction[] {
  const value = operand({ kind: "register", register: destination }, width);
  return [[typed(width, "const"), 0], ...value, [typed(width, "sub")], ...setWidth(destination, width)];
}

/** Memory is little-endian: "le" only truncates. */
export function lowerSwap({ order, width, destination }: ByteSwapInstruction): WasmInstruction[] {
  if (order === "le") {
    if (width === 64) return [];
    return [
      get(destination),
      ["i64.const", width === 16 ? 0xffff : 0xffff_ffff],
      ["i64.and"],
      set(destination),
    ];
  }
  if (width === 64) return [get(destination), ...reverse64(), set(destination)];
  const swapped = width === 16 ? reverse16() : reverse32();
  return [...getLow(destination), ...swapped, ["i64.extend_i32_u"], set(destination)];
}

/** i32 -> its low 16 bits reversed: the two low bytes of the reversed 32 bits are the upper ones. */
export function reverse16(): WasmInstruction[] {
  return [...reverse32(), ["i32.const", 16], ["i32.shr_u"]];
}

/** Bytes 0 and 2 come to their places by a rotation to the left, 1 and 3 by one to the right. */
export function reverse32(): WasmInstruction[] {
  return [
    ["local.tee", LOCALS.narrow],
    ["i32.const", 8],
    ["i32.rotl"],
    ["i32.const", 0x00ff_00ff],
    ["i32.and"],
    ["local.get", LOCALS.narrow],
    ["i32.const", 8],
    ["i32.rotr"],
    ["i32.const", 0xff00_ff00 | 0],
    ["i32.and"],
    ["i32.or"],
  ];
}

/** Swaps neighbouring bytes, then neighbouring pairs, then the halves. */
function reverse64(): WasmInstruction[] {
  const swapNeighbours = (mask: bigint, bits: number): WasmInstruction[] => [
    ["local.tee", LOCALS.wide],
    ["i64.const", mask],
    ["i64.and"],
    ["i64.const", bits],
    ["i64.shl"],
    ["local.get", LOCALS.wide],
    ["i64.const", bits],
    ["i64.shr_u"],
    ["i64.const", mask],
    ["i64.and"],
    ["i64.or"],
  ];
  return [
    ...swapNeighbours(0x00ff_00ff_00ff_00ffn, 8),
    ...swapNeighbours(0x0000_ffff_0000_ffffn, 16),
    ["i64.const", 32],
    ["i64.rotl"],
  ];
}

/** Leaves 1 or 0. */
export function lowerCondition({ condition, width }: JumpInstruction): WasmInstruction[] {
  if (condition === undefined) return [];
  const { test, left, right } = condition;
  const operands = [...operand({ kind: "register", register: left }, width), ...operand(right, width)];
  if (test !== "set") return [...operands, [typed(width, CONDITIONS[test])]];
  return [...operands, [typed(width, "and")], [typed(width, "const"), 0], [typed(width, "ne")]];
}
