// Instruction[] -> bytes, the exact inverse of decode.ts, over the same table. An instruction that the table cannot
// express (an offset too far, a register that does not exist) is refused, never cut to fit.
import { FormatError } from "../base/error.ts";
import { type Instruction, REGISTER_COUNT, slotCount } from "./instruction.ts";
import { findOpcode, type OpcodeRow, SLOT_SIZE_BYTES } from "./opcode.ts";

/** The stream's little-endian bytes; FormatError InstructionInvalid (data.details.slot) if one cannot be encoded. */
export function encode(instructions: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  let slots = 0;
  for (const instruction of instructions) slots += slotCount(instruction);
  const bytes = new Uint8Array(slots * SLOT_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const instruction of instructions) {
    const row = findOpcode(instruction);
    if (row === undefined) {
      throw invalid(at, `no encoding exists for ${instruction.kind} with these properties`);
    }
    const fields = fieldsOf(instruction, row);
    write(view, at, row, fields);
    at += slotCount(instruction) * SLOT_SIZE_BYTES;
  }
  return bytes;
}

/** Values of the fields that the row leaves open; those it fixes are taken from the row. */
interface OpenFields {
  readonly destination?: number;
  readonly source?: number;
  readonly offset?: number;
  readonly immediate?: number;
  readonly nextImmediate?: number;
}

function write(view: DataView, at: number, row: OpcodeRow, fields: OpenFields): void {
  const destination = field(row.destination, fields.destination);
  const source = field(row.source, fields.source);
  const offset = field(row.offset, fields.offset);
  const immediate = field(row.immediate, fields.immediate);
  if (!isRegister(destination)) throw invalid(at, `there is no register r${destination}`);
  if (!isRegister(source)) throw invalid(at, `there is no register r${source}`);
  if (!fits(offset, 16)) throw invalid(at, `the offset ${offset} does not fit in 16 bits`);
  if (!fits(immediate, 32)) throw invalid(at, `the immediate ${immediate} does not fit in 32 bits`);
  view.setUint8(at, row.opcode);
  view.setUint8(at + 1, destination | (source << 4));
  view.setInt16(at + 2, offset, true);
  view.setInt32(at + 4, immediate, true);
  if (row.nextImmediate === undefined) return;
  const next = field(row.nextImmediate, fields.nextImmediate);
  if (!fits(next, 32)) throw invalid(at, `the upper immediate ${next} does not fit in 32 bits`);
  view.setInt32(at + SLOT_SIZE_BYTES + 4, next, true);
}

function field(rule: OpcodeRow["offset"], value: number | undefined): number {
  return typeof rule === "number" ? rule : (value ?? Number.NaN);
}

function isRegister(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < REGISTER_COUNT;
}

function fits(value: number, bitWidth: number): boolean {
  const half = 2 ** (bitWidth - 1);
  return Number.isInteger(value) && value >= -half && value < half;
}

function operandFields(source: Extract<Instruction, { kind: "alu" }>["source"]): OpenFields {
  return source.kind === "register" ? { source: source.register } : { immediate: source.value };
}

function fieldsOf(instruction: Instruction, row: OpcodeRow): OpenFields {
  switch (instruction.kind) {
    case "alu":
    case "mov":
      return { destination: instruction.destination, ...operandFields(instruction.source) };
    case "neg":
    case "byteSwap":
      return { destination: instruction.destination };
    case "load":
      return {
        destination: instruction.destination,
        source: instruction.base,
        offset: instruction.offset,
      };
    case "store":
      return {
        destination: instruction.base,
        offset: instruction.offset,
        ...operandFields(instruction.source),
      };
    case "atomic":
      return { destination: instruction.base, source: instruction.source, offset: instruction.offset };
    case "loadPacket":
      return instruction.index === undefined
        ? { immediate: instruction.offset }
        : { source: instruction.index, immediate: instruction.offset };
    case "loadImmediate":
      return { destination: instruction.destination, ...immediateFields(instruction.source) };
    case "jump": {
      const { condition, offset } = instruction;
      if (condition === undefined) return row.offset === "any" ? { offset } : { immediate: offset };
      return { destination: condition.left, offset, ...operandFields(condition.right) };
    }
    case "call":
      return callFields(instruction.target);
    case "exit":
      return {};
  }
}

function immediateFields(source: Extract<Instruction, { kind: "loadImmediate" }>["source"]): OpenFields {
  switch (source.kind) {
    case "number": {
      // Out of 64 bits: NaN is refused by the checks above, as nothing is ever cut to fit.
      if (source.value < -(2n ** 63n) || source.value >= 2n ** 64n) return {};
      return {
        immediate: Number(BigInt.asIntN(32, source.value)),
        nextImmediate: Number(BigInt.asIntN(32, source.value >> 32n)),
      };
    }
    case "map":
      return { immediate: source.map };
    case "mapValue":
      return { immediate: source.map, nextImmediate: signed(source.byteOffset) };
    case "variable":
      return { immediate: source.id };
    case "function":
      return { immediate: source.offset };
    case "mapByIndex":
      return { immediate: source.index };
    case "mapValueByIndex":
      return { immediate: source.index, nextImmediate: signed(source.byteOffset) };
  }
}

/** The signed form of an unsigned 32-bit field; what is outside stays as it is and is refused later. */
function signed(value: number): number {
  return value >= 2 ** 31 && value < 2 ** 32 ? value - 2 ** 32 : value < 0 ? Number.NaN : value;
}

function callFields(target: Extract<Instruction, { kind: "call" }>["target"]): OpenFields {
  switch (target.kind) {
    case "helper":
      return { immediate: target.id };
    case "local":
      return { immediate: target.offset };
    case "kfunc":
      return { immediate: target.btfId, offset: target.module };
    case "register":
      return { destination: target.register };
  }
}

function invalid(at: number, message: string): FormatError {
  const slot = at / SLOT_SIZE_BYTES;
  return new FormatError("InstructionInvalid", `slot ${slot}: ${message}`, { offset: at, details: { slot } });
}
