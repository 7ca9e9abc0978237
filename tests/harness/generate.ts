// Random programs that are safe by construction, for comparing engines: every register and the 64 bytes of stack and of
// memory they use are initialised, accesses are in bounds, and each jump back costs fuel. Control flow is otherwise
// arbitrary: jumps lead into loops too, so that graphs are often irreducible.
import fc from "fast-check";
import type {
  AluOperation,
  Instruction,
  JumpCondition,
  Operand,
  SizeBytes,
} from "../../core/isa/instruction.ts";

/** r8 is the memory, r9 the fuel, r10 the stack; these are free. */
const FREE = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const MEMORY = 8;
const FUEL = 9;
const STACK = 10;

const numbers = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, 0x8000n, 0x80n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const immediates = fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 31, 32, 63, 64), fc.integer());
const register = fc.constantFrom(...FREE);
const width = fc.constantFrom<32 | 64>(32, 64);
const operand: fc.Arbitrary<Operand> = fc.oneof(
  register.map((number): Operand => ({ kind: "register", register: number })),
  immediates.map((value): Operand => ({ kind: "immediate", value })),
);
const aluOperation = fc.constantFrom<AluOperation>(
  ...(["add", "sub", "mul", "div", "sdiv", "or", "and", "lsh", "rsh", "mod", "smod", "xor", "arsh"] as const),
);
const test = fc.constantFrom<JumpCondition>(
  ...(["eq", "ne", "set", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle"] as const),
);

/** A base and an offset within its 64 bytes. */
function place(sizeBytes: SizeBytes, aligned: boolean): fc.Arbitrary<{ base: number; offset: number }> {
  return fc
    .tuple(fc.constantFrom(MEMORY, STACK), fc.nat({ max: 64 - sizeBytes }))
    .map(([base, at]) => ({ base, at: aligned ? at - (at % sizeBytes) : at }))
    .map(({ base, at }) => ({ base, offset: base === STACK ? at - 64 : at }));
}

const straight: fc.Arbitrary<Instruction> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("alu" as const),
      width,
      operation: aluOperation,
      destination: register,
      source: operand,
    }),
  },
  fc.record({ kind: fc.constant("mov" as const), width, destination: register, source: operand }),
  fc.tuple(width, fc.constantFrom<8 | 16 | 32>(8, 16, 32), register, register).map(
    ([bits, from, destination, source]): Instruction => ({
      kind: "mov",
      width: bits,
      signExtendFrom: bits === 32 && from === 32 ? 16 : from,
      destination,
      source: { kind: "register", register: source },
    }),
  ),
  fc.record({ kind: fc.constant("neg" as const), width, destination: register }),
  fc.record({
    kind: fc.constant("byteSwap" as const),
    order: fc.constantFrom<"le" | "be" | "swap">("le", "be", "swap"),
    width: fc.constantFrom<16 | 32 | 64>(16, 32, 64),
    destination: register,
  }),
  fc.tuple(fc.constantFrom<SizeBytes>(1, 2, 4, 8), fc.boolean()).chain(([sizeBytes, signed]) =>
    fc.tuple(place(sizeBytes, false), register).map(
      ([at, destination]): Instruction => ({
        kind: "load",
        sizeBytes,
        signed: signed && sizeBytes < 8,
        destination,
        ...at,
      }),
    ),
  ),
  fc
    .constantFrom<SizeBytes>(1, 2, 4, 8)
    .chain((sizeBytes) =>
      fc
        .tuple(place(sizeBytes, false), operand)
        .map(([at, source]): Instruction => ({ kind: "store", sizeBytes, source, ...at })),
    ),
  fc.constantFrom<4 | 8>(4, 8).chain((sizeBytes) =>
    fc
      .tuple(
        place(sizeBytes, true),
        register,
        fc.constantFrom("add", "or", "and", "xor", "exchange", "compareExchange"),
        fc.boolean(),
      )
      .map(([at, source, operation, fetch]) => ({
        kind: "atomic" as const,
        sizeBytes,
        operation: operation as "add",
        fetch: fetch || operation === "exchange" || operation === "compareExchange",
        source,
        ...at,
      })),
  ),
  fc.tuple(register, numbers).map(
    ([destination, value]): Instruction => ({
      kind: "loadImmediate",
      destination,
      source: { kind: "number", value },
    }),
  ),
);

/** A statement: instructions, or a jump to another statement (by its number modulo their count; backwards costs fuel). */
type Statement =
  | { readonly kind: "straight"; readonly instruction: Instruction }
  | {
      readonly kind: "jump";
      readonly to: number;
      readonly width: 32 | 64;
      readonly condition?: { readonly test: JumpCondition; readonly left: number; readonly right: Operand };
    };

const statement: fc.Arbitrary<Statement> = fc.oneof(
  { weight: 2, arbitrary: straight.map((instruction) => ({ kind: "straight" as const, instruction })) },
  fc.record(
    {
      kind: fc.constant("jump" as const),
      to: fc.nat({ max: 1000 }),
      width,
      condition: fc.record({ test, left: register, right: operand }),
    },
    { requiredKeys: ["kind", "to", "width"] },
  ),
);

/** Bytes of memory that a generated program takes. */
export const MEMORY_BYTES = 64;

/** With `branching` false there are no jumps. The program writes all it computed to memory and returns a mix of it. */
export function programs(branching: boolean): fc.Arbitrary<Instruction[]> {
  const body = branching
    ? fc.array(statement, { maxLength: 30 })
    : fc.array(
        straight.map((instruction): Statement => ({ kind: "straight", instruction })),
        { maxLength: 30 },
      );
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

/** Each statement becomes its instructions; a jump back is taken only while there is fuel. */
function link(statements: readonly Statement[]): Instruction[] {
  const target = (to: number): number => to % (statements.length + 1);
  const sizes = statements.map((row, index) => {
    if (row.kind === "straight") return row.instruction.kind === "loadImmediate" ? 2 : 1;
    return target(row.to) <= index ? 3 : 1;
  });
  const starts = [0];
  for (const size of sizes) starts.push(starts.at(-1)! + size);
  return statements.flatMap((row, index): Instruction[] => {
    if (row.kind === "straight") return [row.instruction];
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
