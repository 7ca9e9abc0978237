// Bytes -> Instruction[]: one pass, driven by the table of legal opcodes. What the table does not allow is a
// FormatError: nothing illegal gets further in. Knows no sections, no relocations and no jump targets.
import { type ErrorData, FormatError } from "../base/error.ts";
import { fromHalves } from "../base/int.ts";
import {
  type Instruction,
  type LoadImmediateSource,
  type Operand,
  REGISTER_COUNT,
  type Register,
} from "./instruction.ts";
import { type FieldRule, OPCODES_BY_NUMBER, type OpcodeRow, SLOT_SIZE_BYTES } from "./opcode.ts";

/**
 * The instructions of a little-endian stream (RFC 9669 section 3). Throws FormatError InstructionInvalid for an
 * illegal opcode, a nonzero reserved field, a register above r10, a wide instruction without its second slot, and a
 * length that is not a multiple of 8; `data.offset` is that of the slot, counted from `where.offset`, and
 * `data.details.slot` its number. `encode` of the result gives the same bytes.
 */
export function decode(bytes: Uint8Array, where: ErrorData = {}): Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - (bytes.length % SLOT_SIZE_BYTES);
  const instructions: Instruction[] = [];
  for (let at = 0; at < end; at += SLOT_SIZE_BYTES) {
    const opcode = view.getUint8(at);
    const registers = view.getUint8(at + 1);
    const destination = registers & 0x0f;
    const source = registers >> 4;
    const offset = view.getInt16(at + 2, true);
    const immediate = view.getInt32(at + 4, true);
    const rows = OPCODES_BY_NUMBER[opcode] as readonly OpcodeRow[];
    let row: OpcodeRow | undefined;
    for (const candidate of rows) {
      if (
        allows(candidate.destination, destination) &&
        allows(candidate.source, source) &&
        allows(candidate.offset, offset) &&
        allows(candidate.immediate, immediate)
      ) {
        row = candidate;
        break;
      }
    }
    if (row === undefined) {
      throw invalid(at, whyIllegal(opcode, { destination, source, offset, immediate }), where);
    }
    let next = 0;
    if (row.nextImmediate !== undefined) {
      at += SLOT_SIZE_BYTES;
      next = secondSlot(view, at, end, row.nextImmediate, where);
    }
    instructions.push(build(row, destination, source, offset, immediate, next));
  }
  if (end !== bytes.length) {
    throw invalid(end, `only ${bytes.length - end} of the 8 bytes of an instruction are there`, where);
  }
  return instructions;
}

function allows(rule: FieldRule, value: number): boolean {
  return rule === value || rule === "any" || (rule === "register" && value < REGISTER_COUNT);
}

function secondSlot(view: DataView, at: number, end: number, rule: FieldRule, where: ErrorData): number {
  if (at >= end) {
    throw invalid(at - SLOT_SIZE_BYTES, "a 64-bit immediate load lacks its second slot", where);
  }
  if (view.getUint32(at, true) !== 0) {
    throw invalid(at, "a reserved field in the second slot of a 64-bit immediate load is not 0", where);
  }
  const next = view.getInt32(at + 4, true);
  if (!allows(rule, next)) {
    throw invalid(at, `the upper immediate is ${next}, but is reserved here and must be 0`, where);
  }
  return next;
}

const REGISTER_OPERANDS: readonly Operand[] = Array.from({ length: REGISTER_COUNT }, (_, register) => ({
  kind: "register",
  register,
}));

function build(
  row: OpcodeRow,
  destination: Register,
  source: Register,
  offset: number,
  immediate: number,
  next: number,
): Instruction {
  const { shape } = row;
  switch (shape.kind) {
    case "alu":
      return {
        kind: "alu",
        width: shape.width,
        operation: shape.operation,
        destination,
        source: operand(shape.operand, source, immediate),
      };
    case "mov": {
      const right = operand(shape.operand, source, immediate);
      if (shape.signExtendFrom === undefined) {
        return { kind: "mov", width: shape.width, destination, source: right };
      }
      const { width, signExtendFrom } = shape;
      return { kind: "mov", width, signExtendFrom, destination, source: right };
    }
    case "neg":
      return { kind: "neg", width: shape.width, destination };
    case "byteSwap":
      return { kind: "byteSwap", order: shape.order, width: shape.width, destination };
    case "load": {
      const { sizeBytes, signed } = shape;
      return { kind: "load", sizeBytes, signed, destination, base: source, offset };
    }
    case "store": {
      const value = operand(shape.operand, source, immediate);
      return { kind: "store", sizeBytes: shape.sizeBytes, base: destination, offset, source: value };
    }
    case "atomic": {
      const { sizeBytes, operation, fetch } = shape;
      return { kind: "atomic", sizeBytes, operation, fetch, base: destination, offset, source };
    }
    case "loadPacket":
      return shape.indexed
        ? { kind: "loadPacket", sizeBytes: shape.sizeBytes, index: source, offset: immediate }
        : { kind: "loadPacket", sizeBytes: shape.sizeBytes, offset: immediate };
    case "loadImmediate":
      return { kind: "loadImmediate", destination, source: immediateSource(shape.source, immediate, next) };
    case "jump": {
      const { width, test } = shape;
      if (test === undefined || shape.operand === undefined) {
        return { kind: "jump", width, offset: width === 32 ? immediate : offset };
      }
      const right = operand(shape.operand, source, immediate);
      return { kind: "jump", condition: { test, left: destination, right }, width, offset };
    }
    case "call":
      return { kind: "call", target: callTarget(shape.target, destination, offset, immediate) };
    case "exit":
      return { kind: "exit" };
  }
}

function operand(kind: Operand["kind"], register: Register, value: number): Operand {
  return kind === "register" ? (REGISTER_OPERANDS[register] as Operand) : { kind: "immediate", value };
}

function immediateSource(
  kind: LoadImmediateSource["kind"],
  immediate: number,
  next: number,
): LoadImmediateSource {
  switch (kind) {
    case "number":
      return { kind, value: fromHalves(immediate, next) };
    case "map":
      return { kind, map: immediate };
    case "mapValue":
      return { kind, map: immediate, byteOffset: next >>> 0 };
    case "variable":
      return { kind, id: immediate };
    case "function":
      return { kind, offset: immediate };
    case "mapByIndex":
      return { kind, index: immediate };
    case "mapValueByIndex":
      return { kind, index: immediate, byteOffset: next >>> 0 };
  }
}

function callTarget(
  kind: "helper" | "local" | "kfunc" | "register",
  destination: Register,
  offset: number,
  immediate: number,
): Extract<Instruction, { kind: "call" }>["target"] {
  switch (kind) {
    case "helper":
      return { kind, id: immediate };
    case "local":
      return { kind, offset: immediate };
    case "kfunc":
      return { kind, btfId: immediate, module: offset };
    case "register":
      return { kind, register: destination };
  }
}

interface Fields {
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  readonly immediate: number;
}

const FIELDS = ["destination", "source", "offset", "immediate"] as const;

/** Why no row of the opcode allows these fields: told from the row that comes nearest. */
function whyIllegal(opcode: number, fields: Fields): string {
  const name = `opcode 0x${opcode.toString(16).padStart(2, "0")}`;
  const rows = OPCODES_BY_NUMBER[opcode] as readonly OpcodeRow[];
  let nearest: readonly string[] | undefined;
  for (const row of rows) {
    const wrong = FIELDS.filter((field) => !allows(row[field], fields[field]));
    if (nearest === undefined || wrong.length < nearest.length) nearest = wrong;
  }
  if (nearest === undefined) return `${name} is not an instruction`;
  const field = nearest[0] as (typeof FIELDS)[number];
  const value = fields[field];
  const rules = [...new Set(rows.map((row) => row[field]))].filter((rule) => typeof rule === "number");
  if (rules.length === 0)
    return `${name} names register r${value} in its ${field} field; there are r0 to r10`;
  const must = rules.length === 1 && rules[0] === 0 ? "is reserved and must be 0" : `must be ${anyOf(rules)}`;
  return `the ${field} field of ${name} is ${value}, but ${must}`;
}

function anyOf(values: readonly number[]): string {
  return values.length === 1 ? `${values[0]}` : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
}

function invalid(at: number, message: string, where: ErrorData): FormatError {
  const slot = at / SLOT_SIZE_BYTES;
  return new FormatError("InstructionInvalid", `slot ${slot}: ${message}`, {
    ...where,
    offset: (where.offset ?? 0) + at,
    details: { slot },
  });
}
