import test from "ava";
import fc from "fast-check";
import { FormatError } from "../../../core/base/error.ts";
import { decode } from "../../../core/isa/decode.ts";
import type { Instruction } from "../../../core/isa/instruction.ts";
import { OPCODES, opcodeName } from "../../../core/isa/opcode.ts";
import { parse } from "../../../core/isa/parse.ts";
import { print } from "../../../core/isa/print.ts";
import { bytesOf, instructions, slots } from "./arbitrary.ts";

test("parse is the inverse of print for every row of the table", (t) => {
  for (const row of OPCODES) {
    fc.assert(
      fc.property(slots, (slot) => {
        const [instruction] = decode(bytesOf(row, slot)) as [Instruction];
        const text = print(instruction);
        t.deepEqual(parse(text), [instruction], `${opcodeName(row)}: ${text}`);
        t.is(print((parse(text) as [Instruction])[0]), text);
      }),
      { numRuns: 20 },
    );
  }
});

test("parse is the inverse of print for streams", (t) => {
  fc.assert(
    fc.property(fc.array(instructions, { maxLength: 40 }), (stream) => {
      t.deepEqual(parse(stream.map((instruction) => print(instruction)).join("\n")), stream);
    }),
    { numRuns: 100 },
  );
});

/** Each pair is two spellings of one program; the second is what print gives. */
const SPELLINGS: readonly [other: string, canonical: string][] = [
  ["r1=5", "r1 = 5"],
  ["w1 = 0xffffffff", "w1 = -1"],
  ["r1 += 0x10", "r1 += 16"],
  ["r1 = -1 ll", "r1 = 0xffffffffffffffff ll"],
  ["r1 = 10 ll", "r1 = 0xa ll"],
  ["w1 = *(u32 *)(r2)", "r1 = *(u32 *)(r2 + 0)"],
  ["*(u32 *)(r10 - 4) = w1", "*(u32 *)(r10 - 4) = r1"],
  ["*(u8 *)(r1 + 0) = 255", "*(u8 *)(r1 + 0) = 255"],
  ["lock *(u32 *)(r1 + 0) += r2", "lock *(u32 *)(r1 + 0) += w2"],
  ["r2 = atomic64_fetch_add((u64 *)(r1 + 0), r2)", "r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)"],
  ["r2 = atomic_fetch_or((u32 *)(r1 + 0), r2)", "w2 = atomic_fetch_or((u32 *)(r1 + 0), w2)"],
  ["r2 = atomic64_xchg((u64 *)(r1 + 8), r2)", "r2 = xchg_64(r1 + 8, r2)"],
  ["r0 = atomic_cmpxchg((u32 *)(r1 + 8), r0, r2)", "w0 = cmpxchg32_32(r1 + 8, w0, w2)"],
  ["call map_lookup_elem#1", "call 1"],
  ["goto 5", "goto +5"],
  ["r1 = map[3][0]", "r1 = map[3][0] + 0"],
  ["exit ; bye", "exit"],
  ["exit // bye", "exit"],
  ["# first\n\n  exit # bye", "exit"],
  ["loop: r1 -= 1\nif r1 != 0 goto loop\nexit", "r1 -= 1\nif r1 != 0 goto -2\nexit"],
  ["goto end\nr1 = 1 ll\nend: exit", "goto +2\nr1 = 0x1 ll\nexit"],
  ["call f\nexit\nf:\nr0 = 1\nexit", "call pc+1\nexit\nr0 = 1\nexit"],
  ["r1 = subprog[f]\nexit\nf: exit", "r1 = subprog[+2]\nexit\nexit"],
  ["a: b: gotol b", "gotol -1"],
  ["if w1 s>= -3 goto a\na:\nexit", "if w1 s>= -3 goto +0\nexit"],
];

for (const [other, canonical] of SPELLINGS) {
  test(`reads ${JSON.stringify(other)}`, (t) => {
    t.is(
      parse(other)
        .map((instruction) => print(instruction))
        .join("\n"),
      canonical,
    );
  });
}

test("names are looked up when they are printed and parsed", (t) => {
  const names = ["first", "port_map"];
  const printNames = {
    helper: (id: number) => (id === 1 ? "map_lookup_elem" : undefined),
    map: (map: number) => names[map],
    label: (offset: number) => (offset === 2 ? "drop" : undefined),
  };
  const parseNames = {
    helper: (name: string) => (name === "map_lookup_elem" ? 1 : undefined),
    map: (name: string) => (names.includes(name) ? names.indexOf(name) : undefined),
  };
  const cases: readonly [text: string, named: string][] = [
    ["call 1", "call map_lookup_elem#1"],
    ["call 2", "call 2"],
    ["r1 = map[1]", "r1 = map[port_map]"],
    ["r1 = map[0][0] + 8", "r1 = map[first][0] + 8"],
    ["r1 = map[7]", "r1 = map[7]"],
    ["goto +2", "goto drop"],
    ["if r1 == 0 goto +2", "if r1 == 0 goto drop"],
    ["call pc+2", "call drop"],
    ["goto +3", "goto +3"],
  ];
  for (const [text, named] of cases) {
    const [instruction] = parse(text) as [Instruction];
    t.is(print(instruction, printNames), named);
    if (!named.includes("drop")) t.deepEqual(parse(named, parseNames), [instruction]);
  }
  t.deepEqual(parse("call map_lookup_elem", parseNames), parse("call 1"));
});

const MISTAKES: readonly [text: string, line: number, column: number, message: RegExp][] = [
  ["exit\nr11 = 1", 2, 1, /expected a register \(r0 to r10, w0 to w10\), found "r11"/],
  ["r1 == 2", 1, 4, /expected = or an operation such as \+=, found "=="/],
  ["r1 += w2", 1, 7, /expected a 64-bit register, found "w2"/],
  ["if w1 > r2 goto +1", 1, 9, /expected a 32-bit register/],
  ["r1 = 4294967295", 1, 6, /4294967295 is not within -2147483648 and 2147483647/],
  ["w1 = 4294967296", 1, 6, /is not within/],
  ["r1 = ", 1, 6, /expected a value, found the end of the line/],
  ["r1 = *(u24 *)(r1 + 0)", 1, 8, /expected u8, u16, u32, u64, s8, s16 or s32, found "u24"/],
  ["r1 = *(u32 *)(r1 + 40000)", 1, 18, /40000 is not within -32768 and 32767/],
  ["r1 = *(s64 *)(r1 + 0)", 1, 14, /unsigned type/],
  ["w1 = *(s8 *)(r1 + 0)", 1, 13, /expected a 64-bit register on the left/],
  ["r1 = -r2", 1, 7, /expected r1, found "r2"/],
  ["r1 = be16 r2", 1, 11, /a byte swap works in place; expected r1/],
  ["w1 = (s32)w2", 1, 7, /expected s8 or s16, found "s32"/],
  [
    "r2 = atomic_fetch_add((u64 *)(r1 + 0), r3)",
    1,
    40,
    /the old value goes to the operand's register; expected r2/,
  ],
  ["r1 = cmpxchg_64(r1 + 0, r1, r2)", 1, 25, /compares with r0/],
  ["lock *(u64 *)(r1 + 0) -= r2", 1, 23, /expected \+=, \|=, &= or \^=/],
  ["lock *(u16 *)(r1 + 0) += r2", 1, 8, /expected u32 or u64/],
  ["r1 = *(u32 *)skb[0]", 1, 17, /expected r0 and u8, u16 or u32/],
  ["goto nowhere", 1, 6, /there is no label "nowhere"/],
  ["a: exit\na: exit", 2, 1, /the label "a" is defined twice/],
  ["r1: exit", 1, 1, /"r1" cannot be the name of a label/],
  ["exit exit", 1, 6, /expected the end of the line, found "exit"/],
  ["r1 = map[what]", 1, 10, /there is no map "what"/],
  ["r1 = 5 @", 1, 8, /"@" is not understood/],
  ["hello", 1, 1, /expected an instruction, found "hello"/],
  ["call", 1, 5, /expected a helper, a label, pc\+N or kfunc\[N\]/],
  ["w1 = 5 ll", 1, 6, /64-bit register before a number with ll/],
  ["if r1 = 5 goto +1", 1, 7, /expected a comparison, found "="/],
  ["goto +40000", 1, 6, /40000 is not within/],
  [
    `goto end\n${"exit\n".repeat(32768)}end: exit`,
    1,
    6,
    /"end" is too far away for a 16-bit offset; use gotol/,
  ],
];

for (const [text, line, column, message] of MISTAKES) {
  test(`refuses ${JSON.stringify(text.slice(0, 50))}`, (t) => {
    const error = t.throws(() => parse(text), { instanceOf: FormatError, message });
    t.is(error?.code, "AssemblyInvalid");
    t.deepEqual(error?.data, { details: { line, column } });
  });
}

test("labels reach as far as the offset does", (t) => {
  const stream = parse(`goto end\n${"exit\n".repeat(32767)}end: exit`);
  t.deepEqual(stream[0], { kind: "jump", width: 64, offset: 32767 });
  const back = parse(`start:\n${"exit\n".repeat(32767)}goto start`);
  t.deepEqual(back.at(-1), { kind: "jump", width: 64, offset: -32768 });
  const long = parse(`gotol end\n${"exit\n".repeat(40000)}end: exit`);
  t.deepEqual(long[0], { kind: "jump", width: 32, offset: 40000 });
});

test("any text is parsed or refused with a place, never a crash; 20,000 seeded mutations", (t) => {
  const seed = 3;
  const lines = fc.sample(instructions, { seed, numRuns: 500 }).map((instruction) => print(instruction));
  const edits = fc.sample(
    fc.record({
      at: fc.nat(),
      insert: fc.constantFrom(
        "",
        "",
        "(",
        ")",
        " ",
        "-",
        "r1",
        "w",
        "0x",
        "9999999999",
        "#",
        ":",
        "[",
        "ll",
        "é",
      ),
      remove: fc.nat(3),
    }),
    { seed, numRuns: 20_000 },
  );
  let refused = 0;
  for (const [index, { at, insert, remove }] of edits.entries()) {
    const text = lines[index % lines.length] as string;
    const place = at % (text.length + 1);
    const mutated = text.slice(0, place) + insert + text.slice(place + remove);
    try {
      const stream = parse(mutated);
      const printed = stream.map((instruction) => print(instruction)).join("\n");
      t.deepEqual(parse(printed), stream);
    } catch (error) {
      if (!(error instanceof FormatError) || error.code !== "AssemblyInvalid") throw error;
      refused++;
    }
  }
  t.true(refused > 5000 && refused < 20_000, `${refused} refused`);
});
