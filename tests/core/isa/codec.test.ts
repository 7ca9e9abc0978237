import test from "ava";
import fc from "fast-check";
import { FormatError } from "../../../core/base/error.ts";
import { decode } from "../../../core/isa/decode.ts";
import { encode } from "../../../core/isa/encode.ts";
import { type Instruction, slotCount } from "../../../core/isa/instruction.ts";
import { findOpcode, OPCODES, opcodeName } from "../../../core/isa/opcode.ts";
import { bytesOf, instructions, legalBytes, slots } from "./arbitrary.ts";

test("every row of the table decodes to its own shape and encodes to the same bytes", (t) => {
  for (const row of OPCODES) {
    fc.assert(
      fc.property(slots, (slot) => {
        const bytes = bytesOf(row, slot);
        const [instruction, ...more] = decode(bytes) as [Instruction];
        t.is(more.length, 0);
        t.is(findOpcode(instruction), row, opcodeName(row));
        t.is(slotCount(instruction) * 8, bytes.length);
        t.deepEqual(encode([instruction]), bytes);
      }),
      { numRuns: 20 },
    );
  }
});

test("rows are unique, and no two match the same slot", (t) => {
  t.is(new Set(OPCODES.map(opcodeName)).size, OPCODES.length);
  const probe = { destination: 1, source: 2, offset: 3, immediate: 4, next: 5 };
  const slotsOfRows = OPCODES.map((row) => bytesOf(row, probe).join());
  t.is(new Set(slotsOfRows).size, OPCODES.length);
});

test("streams round-trip: decode then encode, encode then decode", (t) => {
  fc.assert(
    fc.property(fc.array(instructions, { maxLength: 50 }), (stream) => {
      t.deepEqual(decode(encode(stream)), stream);
    }),
    { numRuns: 200 },
  );
  t.deepEqual(decode(new Uint8Array()), []);
});

/** Decodes, and if it does not throw FormatError, encodes; true if the bytes were legal. */
function decodesExactly(bytes: Uint8Array): boolean {
  let stream: Instruction[];
  try {
    stream = decode(bytes);
  } catch (error) {
    if (error instanceof FormatError && error.code === "InstructionInvalid") return false;
    throw error;
  }
  if (!Buffer.from(bytes).equals(encode(stream)))
    throw new Error(`${Buffer.from(bytes).toString("hex")} changed`);
  return true;
}

test("any bytes either decode and encode exactly, or are a FormatError", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      decodesExactly(bytes);
      t.pass();
    }),
    { numRuns: 2000 },
  );
});

test("20,000 seeded mutations of legal streams never crash and never decode to other bytes", (t) => {
  const seed = 20_000;
  const random = fc.sample(fc.array(legalBytes, { minLength: 1, maxLength: 8 }), { seed, numRuns: 400 });
  const edits = fc.sample(
    fc.record({ at: fc.nat(), value: fc.nat(255), kind: fc.constantFrom("set", "flip", "cut", "insert") }),
    { seed, numRuns: 20_000 },
  );
  let legal = 0;
  for (const [index, edit] of edits.entries()) {
    const bytes = Buffer.concat(random[index % random.length] as Uint8Array[]);
    const at = edit.at % bytes.length;
    let mutated: Uint8Array = bytes;
    if (edit.kind === "set") bytes[at] = edit.value;
    else if (edit.kind === "flip") bytes[at] = (bytes[at] as number) ^ (1 << (edit.value & 7));
    else if (edit.kind === "cut") mutated = bytes.subarray(0, at);
    else mutated = Buffer.concat([bytes.subarray(0, at), Uint8Array.of(edit.value), bytes.subarray(at)]);
    if (decodesExactly(mutated)) legal++;
  }
  t.true(legal > 1000 && legal < 19_000, `${legal} of 20,000 were legal`);
});

test("illegal bytes: the message says which field of which slot", (t) => {
  const cases: readonly [hex: string, slot: number, message: RegExp][] = [
    ["ff00000000000000", 0, /opcode 0xff is not an instruction/],
    ["95000000000000008f00000000000000", 1, /slot 1: opcode 0x8f is not an instruction/],
    ["0710010000000000", 0, /field of opcode 0x07 is 1, but is reserved and must be 0/],
    ["b70b000000000000", 0, /names register r11 in its destination field/],
    ["bff0000000000000", 0, /names register r15 in its source field/],
    ["d400000011000000", 0, /immediate field of opcode 0xd4 is 17, but must be 16, 32 or 64/],
    ["bc00200000000000", 0, /offset field of opcode 0xbc is 32, but must be 0, 8 or 16/],
    ["db00000002000000", 0, /immediate field of opcode 0xdb is 2/],
    ["1870000000000000", 0, /source field of opcode 0x18 is 7/],
    ["1800000000000000", 0, /lacks its second slot/],
    ["18000000000000009500000000000000", 1, /reserved field in the second slot/],
    ["18100000000000000000000001000000", 1, /upper immediate is 1/],
    ["9500000001000000", 0, /immediate field of opcode 0x95 is 1, but is reserved/],
    ["950000000000000095", 1, /only 1 of the 8 bytes/],
  ];
  for (const [hex, slot, message] of cases) {
    const error = t.throws(() => decode(Buffer.from(hex, "hex"), { section: "xdp", offset: 64 }), {
      instanceOf: FormatError,
      message,
    });
    t.is(error?.code, "InstructionInvalid");
    t.deepEqual(error?.data, { section: "xdp", offset: 64 + slot * 8, details: { slot } }, hex);
  }
});

test("what no bytes can say is refused by encode, not cut to fit", (t) => {
  const immediate = (value: number) => ({ kind: "immediate", value }) as const;
  const wrong: readonly Instruction[] = [
    { kind: "mov", width: 64, destination: 11, source: immediate(0) },
    { kind: "mov", width: 64, destination: 0, source: immediate(2 ** 31) },
    { kind: "mov", width: 64, destination: 0, source: immediate(1.5) },
    { kind: "mov", width: 32, signExtendFrom: 32, destination: 0, source: { kind: "register", register: 1 } },
    { kind: "load", sizeBytes: 8, signed: true, destination: 0, base: 1, offset: 0 },
    { kind: "load", sizeBytes: 8, signed: false, destination: 0, base: 1, offset: 32768 },
    { kind: "jump", width: 64, offset: 40_000 },
    { kind: "loadImmediate", destination: 0, source: { kind: "number", value: 2n ** 64n } },
    { kind: "loadImmediate", destination: 0, source: { kind: "mapValue", map: 0, byteOffset: -1 } },
    { kind: "atomic", sizeBytes: 8, operation: "exchange", fetch: false, base: 1, offset: 0, source: 2 },
  ];
  for (const instruction of wrong) {
    const error = t.throws(() => encode([{ kind: "exit" }, instruction]), { instanceOf: FormatError });
    t.is(error?.code, "InstructionInvalid");
    t.is(error?.data.offset, 8);
  }
  const minusOne = { kind: "loadImmediate", destination: 1, source: { kind: "number", value: -1n } } as const;
  t.deepEqual([...encode([minusOne])].slice(4, 8), [255, 255, 255, 255]);
});
