// Random programs that are safe by construction, for comparing engines: every register and the 64 bytes of stack and of
// memory they use are initialised, accesses are in bounds, and each jump back costs fuel. Control flow is otherwise
// arbitrary: jumps lead into loops too, so that graphs are often irreducible.
import fc from "fast-check";
import type { Instruction, JumpCondition, Operand } from "../../core/isa/instruction.ts";
import {
  alu,
  aluOperation,
  FREE,
  MEMORY,
  numbers,
  operand,
  register,
  STACK,
  sequence,
  straight,
  value,
  width,
} from "./generate-instructions.ts";

const FUEL = 9;

const test = fc.constantFrom<JumpCondition>(
  ...(["eq", "ne", "set", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle"] as const),
);

/** A statement: instructions, or a jump to another statement (by its number modulo their count; backwards costs fuel). */
type Statement =
  | { readonly kind: "straight"; readonly instructions: readonly Instruction[] }
  | {
      readonly kind: "jump";
      readonly to: number;
      readonly width: 32 | 64;
      readonly condition?: { readonly test: JumpCondition; readonly left: number; readonly right: Operand };
    };

/** Whether what was computed is 0: the instruction before may tell. */
const zeroTest: fc.Arbitrary<Statement[]> = fc
  .tuple(
    width,
    aluOperation,
    register,
    operand,
    width,
    fc.nat({ max: 1000 }),
    fc.constantFrom("eq", "ne", "sgt", "ule"),
  )
  .map(([bits, operation, left, source, wide, to, kind]) => [
    { kind: "straight", instructions: [alu(bits, operation, left, source)] },
    { kind: "jump", to, width: wide, condition: { test: kind as JumpCondition, left, right: value(0) } },
  ]);

const plain: fc.Arbitrary<Statement> = fc
  .oneof(
    { weight: 3, arbitrary: straight.map((instruction) => [instruction]) },
    { weight: 1, arbitrary: sequence },
  )
  .map((instructions) => ({ kind: "straight", instructions }));

const jump: fc.Arbitrary<Statement> = fc.record(
  {
    kind: fc.constant("jump" as const),
    to: fc.nat({ max: 1000 }),
    width,
    condition: fc.record({ test, left: register, right: operand }),
  },
  { requiredKeys: ["kind", "to", "width"] },
);

const statement: fc.Arbitrary<readonly Statement[]> = fc.oneof(
  { weight: 6, arbitrary: plain.map((one) => [one]) },
  { weight: 3, arbitrary: jump.map((one) => [one]) },
  { weight: 1, arbitrary: zeroTest },
);

/** Bytes of memory that a generated program takes. */
export const MEMORY_BYTES = 64;

/** With `branching` false there are no jumps. The program writes all it computed to memory and returns a mix of it. */
export function programs(branching: boolean): fc.Arbitrary<Instruction[]> {
  const body = branching
    ? fc.array(statement, { maxLength: 30 }).map((parts) => parts.flat())
    : fc.array(plain, { maxLength: 30 });
  return fc
    .tuple(fc.array(numbers, { minLength: 16, maxLength: 16 }), body)
    .map(([values, statements]) => [...prologue(values), ...link(statements), ...epilogue()]);
}

function move(destination: number, source: Operand): Instruction {
  return { kind: "mov", width: 64, destination, source };
}

function number(destination: number, value: bigint): Instruction {
  return { kind: "loadImmediate", destination, source: { kind: "number", value } };
}

function store(base: number, offset: number, register: number): Instruction {
  return { kind: "store", sizeBytes: 8, base, offset, source: { kind: "register", register } };
}

function prologue(values: readonly bigint[]): Instruction[] {
  const fill = values
    .slice(8)
    .flatMap((value, index) => [number(0, value), store(STACK, -64 + index * 8, 0)]);
  return [
    move(MEMORY, { kind: "register", register: 1 }),
    ...fill,
    ...FREE.map((register) => number(register, values[register]!)),
    move(FUEL, { kind: "immediate", value: 20 }),
  ];
}

/** Registers and stack, mixed into memory and r0. */
function epilogue(): Instruction[] {
  const mixed: Instruction[] = FREE.flatMap((register): Instruction[] => [
    { kind: "alu", width: 64, operation: "mul", destination: FUEL, source: { kind: "immediate", value: 31 } },
    { kind: "alu", width: 64, operation: "xor", destination: FUEL, source: { kind: "register", register } },
  ]);
  const stack: Instruction[] = FREE.flatMap((index): Instruction[] => [
    { kind: "load", sizeBytes: 8, signed: false, destination: 0, base: STACK, offset: -64 + index * 8 },
    { kind: "alu", width: 64, operation: "mul", destination: FUEL, source: { kind: "immediate", value: 31 } },
    {
      kind: "alu",
      width: 64,
      operation: "xor",
      destination: FUEL,
      source: { kind: "register", register: 0 },
    },
  ]);
  return [...mixed, ...stack, move(0, { kind: "register", register: FUEL }), { kind: "exit" }];
}

const slotsOf = (instructions: readonly Instruction[]): number =>
  instructions.reduce((total, { kind }) => total + (kind === "loadImmediate" ? 2 : 1), 0);

/** Each statement becomes its instructions; a jump back is taken only while there is fuel. */
function link(statements: readonly Statement[]): Instruction[] {
  const target = (to: number): number => to % (statements.length + 1);
  const sizes = statements.map((row, index) => {
    if (row.kind === "straight") return slotsOf(row.instructions);
    return target(row.to) <= index ? 3 : 1;
  });
  const starts = [0];
  for (const size of sizes) starts.push(starts.at(-1)! + size);
  return statements.flatMap((row, index): Instruction[] => {
    if (row.kind === "straight") return [...row.instructions];
    const offset = starts[target(row.to)]! - starts[index + 1]!;
    const jump: Instruction = {
      kind: "jump",
      width: row.width,
      offset,
      ...(row.condition === undefined ? {} : { condition: row.condition }),
    };
    if (target(row.to) > index) return [jump];
    const spent = { test: "sle", left: FUEL, right: { kind: "immediate", value: 0 } } as const;
    return [
      {
        kind: "alu",
        width: 64,
        operation: "sub",
        destination: FUEL,
        source: { kind: "immediate", value: 1 },
      },
      { kind: "jump", width: 64, offset: 1, condition: spent },
      jump,
    ];
  });
}
