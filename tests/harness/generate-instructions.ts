// Random instructions, and short sequences of them, that are safe wherever they stand in a program of generate.ts.
import fc from "fast-check";
import type { AluOperation, Instruction, Operand, SizeBytes } from "../../core/isa/instruction.ts";

/** r8 is the memory, r9 left to programs, r10 the stack; these are free. */
export const FREE = [0, 1, 2, 3, 4, 5, 6, 7] as const;
export const MEMORY = 8;
export const STACK = 10;

export const numbers = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, 0x8000n, 0x80n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const immediates = fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 31, 32, 63, 64), fc.integer());
export const register = fc.constantFrom(...FREE);
export const width = fc.constantFrom<32 | 64>(32, 64);
export const operand: fc.Arbitrary<Operand> = fc.oneof(
  register.map((number): Operand => ({ kind: "register", register: number })),
  immediates.map((value): Operand => ({ kind: "immediate", value })),
);
export const aluOperation = fc.constantFrom<AluOperation>(
  ...(["add", "sub", "mul", "div", "sdiv", "or", "and", "lsh", "rsh", "mod", "smod", "xor", "arsh"] as const),
);

/** A base and an offset within its 64 bytes. */
function place(sizeBytes: SizeBytes, aligned: boolean): fc.Arbitrary<{ base: number; offset: number }> {
  return fc
    .tuple(fc.constantFrom(MEMORY, STACK), fc.nat({ max: 64 - sizeBytes }))
    .map(([base, at]) => ({ base, at: aligned ? at - (at % sizeBytes) : at }))
    .map(({ base, at }) => ({ base, offset: base === STACK ? at - 64 : at }));
}

export const straight: fc.Arbitrary<Instruction> = fc.oneof(
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

export const alu = (
  bits: 32 | 64,
  operation: AluOperation,
  destination: number,
  source: Operand,
): Instruction => ({
  kind: "alu",
  width: bits,
  operation,
  destination,
  source,
});

export const value = (immediate: number): Operand => ({ kind: "immediate", value: immediate });

export const copy = (bits: 32 | 64, destination: number, source: number): Instruction => ({
  kind: "mov",
  width: bits,
  destination,
  source: { kind: "register", register: source },
});

/** Parts of a sum: what an address is made of. */
const sum = (bits: 32 | 64, destination: number): fc.Arbitrary<Instruction[]> =>
  fc.array(
    fc.oneof(
      fc
        .tuple(
          fc.constantFrom<AluOperation>("add", "sub"),
          fc.oneof(fc.integer({ min: -99, max: 99 }), immediates),
        )
        .map(([operation, number]) => alu(bits, operation, destination, value(number))),
      register.map((source) => alu(bits, "add", destination, { kind: "register", register: source })),
      fc.nat({ max: 4 }).map((count) => alu(bits, "lsh", destination, value(count))),
    ),
    { minLength: 1, maxLength: 5 },
  );

/** Within the memory: r8, moved there and back by constants, by which it is loaded over the address itself. */
const loadAtSum: fc.Arbitrary<Instruction[]> = fc
  .tuple(
    register,
    fc.constantFrom(MEMORY, STACK),
    fc.array(fc.integer({ min: -200, max: 200 }), { maxLength: 3 }),
  )
  .chain(([destination, base, steps]) =>
    fc.constantFrom<SizeBytes>(1, 2, 4, 8).chain((sizeBytes) =>
      fc.tuple(fc.nat({ max: 64 - sizeBytes }), fc.boolean()).map(([at, signed]): Instruction[] => [
        copy(64, destination, base),
        ...steps.map((step) => alu(64, "add", destination, value(step))),
        {
          kind: "load",
          sizeBytes,
          signed: signed && sizeBytes < 8,
          destination,
          base: destination,
          offset: (base === STACK ? at - 64 : at) - steps.reduce((total, step) => total + step, 0),
        },
      ]),
    ),
  );

/** The same with an index, up to 7 of so many bytes. */
const loadAtIndex: fc.Arbitrary<Instruction[]> = fc
  .tuple(register, register, fc.nat({ max: 3 }), fc.integer({ min: -200, max: 200 }))
  .chain(([destination, index, shift, step]) =>
    fc.constantFrom<SizeBytes>(1, 2, 4, 8).map((sizeBytes): Instruction[] => [
      alu(64, "and", index, value(sizeBytes === 8 && shift === 3 ? 7 : 3)),
      copy(64, destination, index),
      alu(64, "lsh", destination, value(shift)),
      alu(64, "add", destination, { kind: "register", register: MEMORY }),
      ...(step < 0 ? [] : [alu(64, "add", destination, value(step))]),
      {
        kind: "load",
        sizeBytes,
        signed: false,
        destination,
        base: destination,
        offset: step < 0 ? 0 : -step,
      },
    ]),
  );

/** Sequences that compilers of bytecode may write as one instruction, or nearly: several on one register. */
export const sequence: fc.Arbitrary<Instruction[]> = fc.oneof(
  fc
    .tuple(width, register, fc.option(register))
    .chain(([bits, destination, source]) =>
      sum(bits, destination).map((parts) =>
        source === null ? parts : [copy(bits, destination, source), ...parts],
      ),
    ),
  loadAtSum,
  loadAtIndex,
  fc
    .tuple(width, width, register, register, fc.constantFrom(8, 16, 24, 32, 48, 56), fc.boolean())
    .map(([bits, moved, destination, source, count, signed]) => [
      copy(moved, destination, source),
      alu(bits, "lsh", destination, value(count)),
      alu(bits, signed ? "arsh" : "rsh", destination, value(count)),
    ]),
  fc
    .tuple(place(2, false), register, fc.constantFrom<"le" | "be" | "swap">("le", "be", "swap"), fc.boolean())
    .map(([at, destination, order, signed]): Instruction[] => [
      { kind: "load", sizeBytes: 2, signed, destination, ...at },
      { kind: "byteSwap", order, width: 16, destination },
    ]),
  fc
    .tuple(
      width,
      fc.constantFrom<AluOperation>("div", "mod", "mul"),
      register,
      fc.oneof(fc.integer({ min: 2, max: 1000 }), immediates),
    )
    .map(([bits, operation, destination, number]) => [alu(bits, operation, destination, value(number))]),
);
