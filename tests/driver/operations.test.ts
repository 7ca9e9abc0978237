// What the interpreter makes of bytecode: instructions that stand together become one operation, which must do what they do one
// by one. Held by the same instructions with jumps to each of them, so that each stays alone.
import { Buffer } from "node:buffer";
import test from "ava";
import koffi from "koffi";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { countAllocations, library, runOnMemory, STATUS, share } from "../harness/driver.ts";
import { generator } from "../harness/mutate.ts";

const bytecodeCreate = library.func(
  "int32 BytecodeCreate(const void*, uint32, uint32, void*, _Out_ uint32*, _Out_ uint32*)",
);
const bytecodeDestroy = library.func("void BytecodeDestroy(void*)");
const operationsCreate = library.func("int32 OperationsCreate(const void*, const void*, void*)");
const operationsDestroy = library.func("void OperationsDestroy(void*)");

/** By operation: the slot that a fault in it is told with. */
function operationsOf(text: string): number[] {
  const slots = new Uint8Array(encode(parse(text)));
  const [bytecode, operations] = [new Uint8Array(24), new BigUint64Array(4)];
  if (bytecodeCreate(slots, slots.length >> 3, 0, bytecode, [0], [0]) !== STATUS.SUCCESS)
    throw new Error(`refused: ${text}`);
  if (operationsCreate(bytecode, null, operations) !== STATUS.SUCCESS) throw new Error("no memory");
  const [, address = 0n, count = 0n] = operations;
  const numbers = new Uint32Array(koffi.view(address, Number(count & 0xffff_ffffn) * 4).slice(0));
  operationsDestroy(operations);
  bytecodeDestroy(bytecode);
  return [...numbers];
}

/** Texts, and the operations that they become, an exit being one. */
const RULES: readonly (readonly [text: string, slots: readonly number[]])[] = [
  ["r1 = r2\nr1 += r3\nexit", [0, 2]],
  ["r1 = r2\nr3 += r1\nexit", [0, 1, 2]],
  ["w1 = w2\nw1 += w3\nexit", [0, 2]],
  ["w1 = w2\nr1 += r3\nexit", [0, 1, 2]],
  ["r1 = r2\nw1 = -w1\nexit", [0, 2]],
  ["r1 = r2\nr1 <<= 32\nr1 >>= 32\nexit", [0, 3]],
  ["r1 <<= 56\nr1 s>>= 56\nexit", [0, 2]],
  ["r1 <<= 40\nr1 s>>= 40\nexit", [0, 1, 2]],
  ["r1 <<= 40\nr1 >>= 41\nexit", [0, 1, 2]],
  ["r1 = r2\nr1 += r3\nr1 = *(u32 *)(r1 + 4)\nexit", [2, 3]],
  ["r1 += 8\nr1 = *(u64 *)(r1 - 4)\nexit", [1, 2]],
  ["r1 += 8\nr2 = *(u64 *)(r1 - 4)\nexit", [0, 1, 2]],
  ["r1 += r2\n*(u8 *)(r1 + 0) = r3\nexit", [1, 2]],
  ["r1 = *(u16 *)(r2 + 12)\nr1 = be16 r1\nexit", [0, 2]],
  ["r1 = *(u16 *)(r2 + 12)\nr1 = be32 r1\nexit", [0, 1, 2]],
  ["r1 = *(u32 *)(r2 + 12)\n*(u32 *)(r3 + 8) = r1\nexit", [1, 2]],
  ["r1 = *(u32 *)(r2 + 12)\n*(u16 *)(r3 + 8) = r1\nexit", [0, 1, 2]],
  ["r1 = *(u64 *)(r2 + 12)\nr1 = be64 r1\n*(u64 *)(r3 + 8) = r1\nexit", [2, 3]],
  ["r1 += -1\nif r1 != 0 goto -2\nexit", [1, 2]],
  ["r1 += -1\nif w1 != 0 goto -2\nexit", [0, 1, 2]],
  ["r1 += 200\nif r1 != 0 goto -2\nexit", [0, 1, 2]],
  ["r1 = r2\nr1 += 14\nif r1 > r3 goto +0\nexit", [2, 3]],
  ["r1 = r2\nr1 += 14\nif r3 < r1 goto -3\nexit", [2, 3]],
  ["r1 += 14\nif r3 < r2 goto +0\nexit", [0, 1, 2]],
  ["w1 += 14\nif r1 > r3 goto +0\nexit", [0, 1, 2]],
  ["r1 += 14\nif w1 > w3 goto +0\nexit", [0, 1, 2]],
  ["w5 = w4\nw5 &= 240\nif w5 != 64 goto +0\nexit", [0, 3]],
  ["r5 &= 65535\nif r5 == 0 goto -2\nexit", [0, 1, 2]],
  ["r5 &= 65536\nif r5 == 0 goto +0\nexit", [0, 1, 2]],
  ["r5 &= -1\nif r5 == 0 goto +0\nexit", [0, 1, 2]],
  ["w5 &= 1\nif w5 != -1 goto +0\nexit", [0, 1, 2]],
  ["r1 = *(u8 *)(r2 + 9)\nif r1 == 17 goto +0\nexit", [0, 2]],
  ["r1 = *(u8 *)(r2 + 9)\nif r1 == -17 goto +0\nexit", [0, 1, 2]],
  ["r1 = *(u8 *)(r2 + 9)\nif w1 != -17 goto -2\nexit", [0, 1, 2]],
  ["if r1 == 7 goto +1\ngoto -2\nexit", [1, 2]],
  ["if r1 & 7 goto +1\ngoto -2\nexit", [0, 1, 2]],
  ["r1 += 4\nif r1 s< 7 goto +1\ngoto -3\nexit", [2, 3]],
  ["if r1 == 7 goto +1\nr1 = r2\nr1 += r3\nexit", [0, 1, 2, 3]],
];

test("instructions that become one operation, and the slot it is told by", (t) => {
  const before = countAllocations();
  for (const [text, slots] of RULES) t.deepEqual(operationsOf(text), slots, text);
  t.is(countAllocations(), before);
});

const WORK_BYTES = 64;
const CHOICES = [
  ...["r1 = r2", "w1 = w2", "r1 = r7", "r1 = r1", "r2 = r1", "r1 = 5", "r1 = r8", "r7 = r1"],
  ...["r1 += r2", "r1 += r1", "r1 += r7", "r1 += r8", "r1 += 8", "r1 += -1", "r1 -= r2", "r8 += r1"],
  ...["w1 += w2", "w1 += w1", "w1 += -1", "w1 ^= w2", "w1 &= 15", "w1 s/= w2", "r1 %= r2", "w1 s>>= w8"],
  ...["r1 <<= 32", "r1 >>= 32", "r1 s>>= 32", "r1 <<= 56", "r1 s>>= 56", "r1 <<= 7", "r1 >>= 7"],
  ...[
    "r1 = -r1",
    "w1 = -w1",
    "r1 = be16 r1",
    "r1 = be32 r1",
    "r1 = be64 r1",
    "r1 = bswap32 r1",
    "r1 = le32 r1",
  ],
  ...["r1 = (s8)r2", "r1 = (s32)r1", "w1 = (s16)w1", "r1 = 0x1122334455667788 ll"],
  ...["r1 = *(u8 *)(r1 + 0)", "r1 = *(u16 *)(r1 + 2)", "r1 = *(u32 *)(r1 + 0)", "r1 = *(u64 *)(r1 - 8)"],
  ...["r1 = *(u8 *)(r7 + 9)", "r1 = *(u16 *)(r7 + 12)", "r1 = *(u32 *)(r7 + 4)", "r1 = *(u64 *)(r7 + 57)"],
  ...["*(u8 *)(r1 + 0) = r2", "*(u16 *)(r1 + 2) = r1", "*(u32 *)(r1 - 4) = r1", "*(u64 *)(r1 + 8) = r8"],
  ...["*(u8 *)(r7 + 3) = r1", "*(u16 *)(r7 + 8) = r1", "*(u32 *)(r7 + 61) = r1", "*(u64 *)(r7 + 16) = r1"],
  ...[
    "*(u64 *)(r10 - 16) = r1",
    "r1 = *(u64 *)(r10 - 16)",
    "*(u32 *)(r10 - 12) = 7",
    "r1 = *(u8 *)(r10 - 9)",
  ],
  ...["if r1 == 5 goto over", "if r1 != 8 goto next", "if w1 != 0 goto back", "if w1 == -1 goto back"],
  ...["if r1 > r2 goto next", "if r1 s< 4 goto over", "if w1 & 1 goto over", "if r1 s<= 100 goto back"],
  ...["goto next", "goto over", "goto back", "if w1 >= w2 goto over", "if r1 < 4096 goto back"],
] as const;

/** What rules have, with registers that lead to memory and such that do not. */
const RUNS: readonly (readonly string[])[] = [
  ...["r1 = r2", "r1 = r7", "r1 = r1", "w1 = w2"].flatMap((move) =>
    ["r1 += r8", "w1 ^= w2", "r1 -= r1", "w1 += w1", "w1 = -w1", "r1 = be64 r1", "r1 += 8"].map((text) => [
      move,
      text,
    ]),
  ),
  ...[32, 48, 56, 7].flatMap((bits) => ["", "s"].map((sign) => [`r1 <<= ${bits}`, `r1 ${sign}>>= ${bits}`])),
  ...["r7", "r2"].flatMap((base) =>
    [
      "r1 = *(u8 *)(r1 + 1)",
      "r1 = *(u64 *)(r1 + 0)",
      "*(u16 *)(r1 - 2) = r2",
      "*(u64 *)(r1 + 0) = r1",
    ].flatMap((text) => [
      [`r1 = ${base}`, "r1 += r8", text],
      [`r1 = ${base}`, "r1 += 60", text],
    ]),
  ),
  ...["r7", "r1"].flatMap((base) => [
    [`r1 = *(u16 *)(${base} + 12)`, "r1 = be16 r1"],
    [`r1 = *(u32 *)(${base} + 4)`, "*(u32 *)(r7 + 40) = r1"],
    ["r1 = *(u64 *)(r7 + 8)", "r1 = be64 r1", `*(u64 *)(${base} + 56) = r1`],
    [`r1 = *(u8 *)(${base} + 9)`, "if r1 != 8 goto over"],
    [`r1 = *(u32 *)(${base} + 4)`, "if w1 == -1 goto next"],
  ]),
  ...["r1 += r2", "r1 += 8", "r8 += -9"].flatMap((text) =>
    ["==", "!=", "<", "<=", ">", ">=", "s<", "s<=", "s>", "s>=", "&"].flatMap((test) => [
      [text, `if r1 ${test} r8 goto over`],
      [text, `if r8 ${test} r1 goto back`],
      [text, `if r1 ${test} r1 goto over`, "goto back"],
    ]),
  ),
  ...["r1 &= 15", "w1 &= 65535", "r1 &= 65536"].flatMap((text) =>
    ["if r1 == 5 goto over", "if w1 != 0 goto next", "if w1 == -1 goto over"].map((jump) => [text, jump]),
  ),
  ...["r1 += 1", "w1 += -1", "r8 += -4"].flatMap((text) =>
    ["if r1 < 4096 goto back", "if w1 != 0 goto back", "if r8 s> 0 goto over"].flatMap((jump) => [
      [text, jump],
      [text, jump.replace(/back|over/, "over"), "goto back"],
    ]),
  ),
];

/** A few instructions between what sets the registers and what keeps them. With `apart` a jump leads to each, never taken. */
function programOf(chosen: readonly string[], numbers: readonly bigint[], apart: boolean): string {
  const last = chosen.length;
  const lines = chosen.map((text, at) => {
    const placed = text
      .replace("next", `at${Math.min(at + 1, last)}`)
      .replace("over", `at${Math.min(at + 2, last)}`);
    return `at${at}:\n${placed.replace("back", `at${Math.max(at - 1, 0)}`)}`;
  });
  const set = [0, 2, 3, 4, 5].map((register, at) => `r${register} = ${numbers[at] ?? 0n} ll`);
  const jumps = chosen.map((_, at) => `if r9 == 1 goto at${apart ? at : last}`);
  const kept = [0, 1, 2, 3, 7, 8].map(
    (register) => `*(u64 *)(r6 + ${WORK_BYTES + register * 8}) = r${register}`,
  );
  const texts = ["r6 = r1", "r7 = r1", "r8 = 8", "r9 = 0", ...set, ...jumps, ...lines, `at${last}:`, ...kept];
  return [...texts, "exit"].join("\n");
}

test("what they do is what they do one by one: registers, memory, budget, and where a fault is", (t) => {
  const next = generator(4711);
  const number = (): bigint => {
    const wide = (BigInt(next(2 ** 32)) << 32n) | BigInt(next(2 ** 32));
    return next(2) === 0 ? BigInt(next(20)) : wide >> BigInt(next(64));
  };
  const memory = new Uint8Array(WORK_BYTES + 72);
  const ends = new Map<string, number>();
  let merged = 0;
  for (let count = 0; count < share(8000); count++) {
    const one = (): readonly string[] => [CHOICES[next(CHOICES.length)] ?? ""];
    const chosen = Array.from({ length: 1 + next(3) }, () =>
      next(2) === 0 ? one() : (RUNS[next(RUNS.length)] ?? []),
    ).flat();
    const numbers = Array.from({ length: 5 }, number);
    const given = Uint8Array.from({ length: memory.length }, () => next(256));
    const results = [false, true].map((apart) => {
      memory.set(given);
      const code = encode(parse(programOf(chosen, numbers, apart)));
      const { result, fault, faultSlot, budget } = runOnMemory(code, memory, "interpreter", 50);
      ends.set(fault, (ends.get(fault) ?? 0) + 1);
      return `${fault} at ${faultSlot}, r0 ${result.toString(16)}, budget ${budget}, ${Buffer.from(memory).toString("hex")}`;
    });
    if (results[0] !== results[1]) return t.fail(`${chosen.join("\n")}\n${results.join("\n")}`);
    const texts = [false, true].map((apart) => operationsOf(programOf(chosen, numbers, apart)).length);
    merged += (texts[0] ?? 0) < (texts[1] ?? 0) ? 1 : 0;
  }
  t.true(merged > share(8000) / 4, `${merged} merged`);
  for (const fault of ["None", "OutOfBounds", "Budget"])
    t.true((ends.get(fault) ?? 0) > share(8000) / 20, `${fault}: ${ends.get(fault)}`);
});
