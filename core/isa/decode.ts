// Bytes -> Instruction[]: one pass, driven by the table of legal opcodes. What the table does not allow is a
// FormatError: nothing illegal gets further in. Knows no sections, no relocations and no jump targets.
import { type ErrorData, FormatError } from "../base/error.ts";
import { fromHalves } from "../base/int.ts";
import {
  type CallInstruction,
  type Instruction,
  type LoadImmediateSource,
  type Operand,
  REGISTER_COUNT,
  type Register,
} from "./instruction.ts";
import { type FieldRule, OPCODES_BY_NUMBER, type OpcodeRow, type Shape, SLOT_SIZE_BYTES } from "./opcode.ts";

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
    const pattern = match(PATTERNS[opcode] as readonly Pattern[], destination, source, offset, immediate);
    if (pattern === undefined) {
      throw invalid(at, whyIllegal(opcode, { destination, source, offset, immediate }), where);
    }
    let next = 0;
    if (pattern.wide !== undefined) {
      at += SLOT_SIZE_BYTES;
      next = secondSlot(view, at, end, pattern.wide, where);
    }
    instructions.push(pattern.make(destination, source, offset, immediate, next));
  }
  if (end !== bytes.length) {
    throw invalid(end, `only ${bytes.length - end} of the 8 bytes of an instruction are there`, where);
  }
  return instructions;
}

type Make = (
  destination: Register,
  source: Register,
  offset: number,
  immediate: number,
  next: number,
) => Instruction;

/** A row made for speed: what each field may hold as a range, all objects of one shape. */
interface Pattern {
  readonly destinationMinimum: number;
  readonly destinationMaximum: number;
  readonly sourceMinimum: number;
  readonly sourceMaximum: number;
  readonly offsetMinimum: number;
  readonly offsetMaximum: number;
  readonly immediateMinimum: number;
  readonly immediateMaximum: number;
  readonly wide: FieldRule | undefined;
  readonly make: Make;
}

const PATTERNS: readonly (readonly Pattern[])[] = OPCODES_BY_NUMBER.map((rows) => rows.map(patternOf));

function patternOf(row: OpcodeRow): Pattern {
  const [destinationMinimum, destinationMaximum] = range(row.destination);
  const [sourceMinimum, sourceMaximum] = range(row.source);
  const [offsetMinimum, offsetMaximum] = range(row.offset);
  const [immediateMinimum, immediateMaximum] = range(row.immediate);
  return {
    destinationMinimum,
    destinationMaximum,
    sourceMinimum,
    sourceMaximum,
    offsetMinimum,
    offsetMaximum,
    immediateMinimum,
    immediateMaximum,
    wide: row.nextImmediate,
    make: makerOf(row.shape),
  };
}

function range(rule: FieldRule): readonly [minimum: number, maximum: number] {
  if (rule === "any") return [-(2 ** 31), 2 ** 31 - 1];
  return rule === "register" ? [0, REGISTER_COUNT - 1] : [rule, rule];
}

function match(
  patterns: readonly Pattern[],
  destination: number,
  source: number,
  offset: number,
  immediate: number,
): Pattern | undefined {
  for (let index = 0; index < patterns.length; index++) {
    const pattern = patterns[index] as Pattern;
    if (
      destination >= pattern.destinationMinimum &&
      destination <= pattern.destinationMaximum &&
      source >= pattern.sourceMinimum &&
      source <= pattern.sourceMaximum &&
      offset >= pattern.offsetMinimum &&
      offset <= pattern.offsetMaximum &&
      immediate >= pattern.immediateMinimum &&
      immediate <= pattern.immediateMaximum
    ) {
      return pattern;
    }
  }
  return undefined;
}

function secondSlot(view: DataView, at: number, end: number, rule: FieldRule, where: ErrorData): number {
  if (at >= end) {
    throw invalid(at - SLOT_SIZE_BYTES, "a 64-bit immediate load lacks its second slot", where);
  }
  if (view.getUint32(at, true) !== 0) {
    throw invalid(at, "a reserved field in the second slot of a 64-bit immediate load is not 0", where);
  }
  const next = view.getInt32(at + 4, true);
  if (rule !== "any" && rule !== next) {
    throw invalid(at, `the upper immediate is ${next}, but is reserved here and must be 0`, where);
  }
  return next;
}

const REGISTER_OPERANDS: readonly Operand[] = Array.from({ length: REGISTER_COUNT }, (_, register) => ({
  kind: "register",
  register,
}));

function operand(isRegister: boolean, register: Register, value: number): Operand {
  return isRegister ? (REGISTER_OPERANDS[register] as Operand) : { kind: "immediate", value };
}

function makerOf(shape: Shape): Make {
  switch (shape.kind) {
    case "alu": {
      const { kind, width, operation } = shape;
      const register = shape.operand === "register";
      return (destination, source, _, immediate) => {
        return { kind, width, operation, destination, source: operand(register, source, immediate) };
      };
    }
    case "mov": {
      const { kind, width, signExtendFrom } = shape;
      const register = shape.operand === "register";
      if (signExtendFrom === undefined) {
        return (destination, source, _, immediate) => {
          return { kind, width, destination, source: operand(register, source, immediate) };
        };
      }
      return (destination, source) => {
        return { kind, width, signExtendFrom, destination, source: operand(true, source, 0) };
      };
    }
    case "neg": {
      const { kind, width } = shape;
      return (destination) => ({ kind, width, destination });
    }
    case "byteSwap": {
      const { kind, order, width } = shape;
      return (destination) => ({ kind, order, width, destination });
    }
    case "load": {
      const { kind, sizeBytes, signed } = shape;
      return (destination, base, offset) => ({ kind, sizeBytes, signed, destination, base, offset });
    }
    case "store": {
      const { kind, sizeBytes } = shape;
      const register = shape.operand === "register";
      return (base, source, offset, immediate) => {
        return { kind, sizeBytes, base, offset, source: operand(register, source, immediate) };
      };
    }
    case "atomic": {
      const { kind, sizeBytes, operation, fetch } = shape;
      return (base, source, offset) => ({ kind, sizeBytes, operation, fetch, base, offset, source });
    }
    case "loadPacket": {
      const { kind, sizeBytes, indexed } = shape;
      return indexed
        ? (_destination, index, _offset, offset) => ({ kind, sizeBytes, index, offset })
        : (_destination, _source, _offset, offset) => ({ kind, sizeBytes, offset });
    }
    case "loadImmediate": {
      const { kind } = shape;
      const sourceOf = immediateSource(shape.source);
      return (destination, _source, _offset, immediate, next) => {
        return { kind, destination, source: sourceOf(immediate, next) };
      };
    }
    case "jump": {
      const { kind, width, test } = shape;
      if (test === undefined) {
        return width === 32
          ? (_destination, _source, _offset, offset) => ({ kind, width, offset })
          : (_destination, _source, offset) => ({ kind, width, offset });
      }
      const register = shape.operand === "register";
      return (left, source, offset, immediate) => {
        const right = operand(register, source, immediate);
        return { kind, condition: { test, left, right }, width, offset };
      };
    }
    case "call": {
      const { kind } = shape;
      const targetOf = callTarget(shape.target);
      return (destination, _, offset, immediate) => {
        return { kind, target: targetOf(destination, offset, immediate) };
      };
    }
    case "exit": {
      const { kind } = shape;
      return () => ({ kind });
    }
  }
}

function immediateSource(
  kind: LoadImmediateSource["kind"],
): (immediate: number, next: number) => LoadImmediateSource {
  switch (kind) {
    case "number":
      return (immediate, next) => ({ kind, value: fromHalves(immediate, next) });
    case "map":
      return (map) => ({ kind, map });
    case "mapValue":
      return (map, next) => ({ kind, map, byteOffset: next >>> 0 });
    case "variable":
      return (id) => ({ kind, id });
    case "function":
      return (offset) => ({ kind, offset });
    case "mapByIndex":
      return (index) => ({ kind, index });
    case "mapValueByIndex":
      return (index, next) => ({ kind, index, byteOffset: next >>> 0 });
  }
}

function callTarget(
  kind: CallInstruction["target"]["kind"],
): (destination: Register, offset: number, immediate: number) => CallInstruction["target"] {
  switch (kind) {
    case "helper":
      return (_destination, _offset, id) => ({ kind, id });
    case "local":
      return (_destination, _offset, offset) => ({ kind, offset });
    case "kfunc":
      return (_destination, module, btfId) => ({ kind, btfId, module });
    case "register":
      return (register) => ({ kind, register });
  }
}

function allows(rule: FieldRule, value: number): boolean {
  const [minimum, maximum] = range(rule);
  return value >= minimum && value <= maximum;
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
