// Random instructions and slots for the property tests: every row of the table, every value its fields allow.
import fc from "fast-check";
import { decode } from "../../../core/isa/decode.ts";
import type { Instruction } from "../../../core/isa/instruction.ts";
import { type FieldRule, OPCODES, type OpcodeRow } from "../../../core/isa/opcode.ts";

interface Slot {
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  readonly immediate: number;
  readonly next: number;
}

/** The bytes of one instruction of a row; fields the row fixes are taken from it. */
export function bytesOf(row: OpcodeRow, slot: Slot): Uint8Array {
  const fixed = (rule: FieldRule, value: number): number => (typeof rule === "number" ? rule : value);
  const view = new DataView(new ArrayBuffer(row.nextImmediate === undefined ? 8 : 16));
  view.setUint8(0, row.opcode);
  view.setUint8(1, fixed(row.destination, slot.destination) | (fixed(row.source, slot.source) << 4));
  view.setInt16(2, fixed(row.offset, slot.offset), true);
  view.setInt32(4, fixed(row.immediate, slot.immediate), true);
  if (row.nextImmediate !== undefined) view.setInt32(12, fixed(row.nextImmediate, slot.next), true);
  return new Uint8Array(view.buffer);
}

const integer = (bitWidth: number): fc.Arbitrary<number> =>
  fc.integer({ min: -(2 ** (bitWidth - 1)), max: 2 ** (bitWidth - 1) - 1 });

export const slots: fc.Arbitrary<Slot> = fc.record({
  destination: fc.nat(10),
  source: fc.nat(10),
  offset: integer(16),
  immediate: integer(32),
  next: integer(32),
});

/** Bytes of one legal instruction. */
export const legalBytes: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.constantFrom(...OPCODES), slots)
  .map(([row, slot]) => bytesOf(row, slot));

export const instructions: fc.Arbitrary<Instruction> = legalBytes.map(
  (bytes) => decode(bytes)[0] as Instruction,
);
