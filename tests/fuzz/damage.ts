// One change to one instruction of a program, and pieces of one program put into another: what makes an accepted program
// nearly unsafe. Keeps the number of instructions, so targets stay where they are.
import type { Instruction, Operand, SizeBytes } from "../../core/isa/instruction.ts";
import type { Next } from "./writer.ts";

const TESTS = ["eq", "ne", "set", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle"] as const;
const SIZES: readonly SizeBytes[] = [1, 2, 4, 8];

function damageOperand(next: Next, operand: Operand): Operand {
  if (operand.kind === "register") return { kind: "register", register: next(11) };
  const change = [1, -1, 8, -8, 0x7fffffff][next(5)] ?? 1;
  return { kind: "immediate", value: (operand.value + change) | 0 };
}

function damageOffset(next: Next, offset: number): number {
  const moved = offset + (next(2) === 0 ? 1 : -1) * ([1, 4, 8][next(3)] ?? 1);
  return Math.max(Math.min(moved, 0x7fff), -0x8000);
}

/** One change to one instruction; the instruction itself if there is nothing to change. */
export function damageInstruction(next: Next, instruction: Instruction): Instruction {
  switch (instruction.kind) {
    case "alu":
      if (next(3) === 0) return { ...instruction, width: instruction.width === 32 ? 64 : 32 };
      if (next(2) === 0) return { ...instruction, destination: next(10) };
      return { ...instruction, source: damageOperand(next, instruction.source) };
    case "mov":
      if (next(4) === 0 && instruction.signExtendFrom === undefined) {
        return { ...instruction, width: instruction.width === 32 ? 64 : 32 };
      }
      return { ...instruction, source: damageOperand(next, instruction.source) };
    case "load":
      if (next(3) === 0) return { ...instruction, base: next(11) };
      if (next(2) === 0) return { ...instruction, sizeBytes: SIZES[next(instruction.signed ? 3 : 4)] ?? 8 };
      return { ...instruction, offset: damageOffset(next, instruction.offset) };
    case "store":
      if (next(3) === 0) return { ...instruction, source: damageOperand(next, instruction.source) };
      if (next(2) === 0) return { ...instruction, sizeBytes: SIZES[next(4)] ?? 8 };
      return { ...instruction, offset: damageOffset(next, instruction.offset) };
    case "atomic":
      return { ...instruction, offset: damageOffset(next, instruction.offset) };
    case "jump": {
      const { condition } = instruction;
      if (condition === undefined) return instruction;
      // A check that is gone, or always true.
      if (next(4) === 0)
        return { kind: "mov", width: 64, destination: condition.left, source: register(condition.left) };
      if (next(2) === 0)
        return { ...instruction, condition: { ...condition, test: TESTS[next(11)] ?? "eq" } };
      return { ...instruction, condition: { ...condition, right: damageOperand(next, condition.right) } };
    }
    default:
      return instruction;
  }
}

function register(number: number): Operand {
  return { kind: "register", register: number };
}

export function damage(next: Next, instructions: readonly Instruction[]): readonly Instruction[] {
  const at = next(instructions.length);
  return instructions.map((instruction, index) =>
    index === at ? damageInstruction(next, instruction) : instruction,
  );
}

/** Straight-line instructions of `from` in place of as many of `into`; jumps, calls and exits stay. */
export function splice(
  next: Next,
  into: readonly Instruction[],
  from: readonly Instruction[],
): readonly Instruction[] {
  const length = 1 + next(8);
  const start = next(Math.max(1, from.length - length));
  const to = next(Math.max(1, into.length - length));
  return into.map((instruction, index) => {
    const other = index >= to && index < to + length ? from[start + index - to] : undefined;
    return other !== undefined && isPlain(other) && isPlain(instruction) ? other : instruction;
  });
}

function isPlain({ kind }: Instruction): boolean {
  return (
    kind === "alu" ||
    kind === "mov" ||
    kind === "neg" ||
    kind === "byteSwap" ||
    kind === "load" ||
    kind === "store"
  );
}
