// How loads, stores and atomics change the state. Their assertions have been checked before. Only stacks have contents
// here: the packet, map values and raw memory can be written by others at any time, so a load of them is any number.
import type {
  AtomicInstruction,
  LoadImmediateInstruction,
  LoadInstruction,
  StoreInstruction,
} from "../isa/instruction.ts";
import type { ContextField } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { operandValue } from "./check.ts";
import { fieldAt } from "./check-memory.ts";
import { type Range, ranges, unsignedOf } from "./domain/range.ts";
import {
  readNumber,
  STACK_SIZE_BYTES,
  type Stack,
  spill,
  spillAt,
  writeNumber,
  writeSomewhere,
  writeUnknown,
} from "./domain/stack.ts";
import { register, type State, setStack, stackOf } from "./domain/state.ts";
import {
  numberValue,
  type PointerValue,
  pointerTo,
  type Region,
  UNINITIALIZED,
  type Value,
} from "./domain/value.ts";
import { mapOfRegion } from "./maps.ts";
import { freshId, type Ids, linkCopy } from "./transfer-alu.ts";

/** What any `sizeBytes` bytes can be, loaded with or without sign. */
function anyLoaded(sizeBytes: number, signed: boolean): Range {
  return signed ? ranges.signExtend(unsignedOf(sizeBytes), 8 * sizeBytes) : unsignedOf(sizeBytes);
}

export function transferLoad(program: Program, ids: Ids, state: State, instruction: LoadInstruction): void {
  const base = register(state, instruction.base);
  state.registers[instruction.destination] =
    base.kind === "pointer" ? loaded(program, ids, state, base, instruction) : UNINITIALIZED;
}

function loaded(
  program: Program,
  ids: Ids,
  state: State,
  base: PointerValue,
  instruction: LoadInstruction,
): Value {
  const { sizeBytes, signed, offset } = instruction;
  const known = base.minimum === base.maximum;
  const at = base.offset + base.minimum + offset;
  switch (base.region.kind) {
    case "context": {
      const { fields, elsewhere } = program.type.context;
      const field = known ? fieldAt(fields, at, sizeBytes) : undefined;
      if (field !== undefined) return fieldValue(ids, field, instruction, 0);
      if (elsewhere === "kernel") return pointerTo({ kind: "kernel", instance: freshId(ids) });
      return numberValue(anyLoaded(sizeBytes, signed));
    }
    case "object": {
      const { type, holder } = base.region;
      const fields = program.platform.objectTypes?.find((row) => row.name === type)?.fields ?? [];
      const field = known ? fieldAt(fields, at, sizeBytes) : undefined;
      return field === undefined ? UNINITIALIZED : fieldValue(ids, field, instruction, holder);
    }
    case "mapValue": {
      const constant = known ? constantData(program, base.region, at, sizeBytes) : undefined;
      if (constant === undefined) return numberValue(anyLoaded(sizeBytes, signed));
      return numberValue(signed ? ranges.signExtend(constant, 8 * sizeBytes) : constant);
    }
    case "stack":
      return known
        ? loadedFromStack(stackOf(state, base.region.frame), at + STACK_SIZE_BYTES, sizeBytes, signed)
        : numberValue(anyLoaded(sizeBytes, signed));
    default:
      return numberValue(anyLoaded(sizeBytes, signed));
  }
}

/** Sound: nobody writes read-only data; its bytes in the object are those that the program finds. */
function constantData(
  program: Program,
  region: Extract<Region, { readonly kind: "mapValue" }>,
  at: number,
  sizeBytes: number,
): Range | undefined {
  const data = mapOfRegion(program, region)?.spec.data;
  if (data?.readOnly !== true || region.instance >= 0 || at + sizeBytes > data.bytes.length) return undefined;
  let value = 0n;
  for (let index = sizeBytes - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(data.bytes[at + index] ?? 0);
  }
  return ranges.fromBigInt(value);
}

function loadedFromStack(stack: Stack, at: number, sizeBytes: number, signed: boolean): Value {
  const whole = spillAt(stack, at, sizeBytes);
  if (whole !== undefined) return whole;
  const value = readNumber(stack, at, sizeBytes);
  return signed ? numberValue(ranges.signExtend(value.range, 8 * sizeBytes)) : value;
}

function fieldValue(
  ids: Ids,
  field: ContextField,
  { sizeBytes, signed }: LoadInstruction,
  holder: number,
): Value {
  switch (field.kind) {
    case "scalar":
      return numberValue(anyLoaded(sizeBytes, signed));
    case "packetStart":
      return pointerTo({ kind: "packet" });
    case "packetEnd":
      return pointerTo({ kind: "packetEnd" });
    case "packetMeta":
      return pointerTo({ kind: "packetMeta" });
    case "object":
    case "memory":
    case "kernel":
      return pointed(ids, field, holder);
  }
}

/** What a field of the context or of an object points to. Each load is an instance of its own; nothing is acquired. */
function pointed(ids: Ids, field: ContextField, holder: number): Value {
  const to = field.pointsTo;
  const instance = freshId(ids);
  if (field.kind === "kernel") return pointerTo({ kind: "kernel", instance });
  if (to === undefined) return UNINITIALIZED;
  const region: Region =
    to.kind === "object"
      ? { kind: "object", type: to.type, instance, holder }
      : { kind: "memory", sizeBytes: to.sizeBytes, instance, readOnly: true };
  return pointerTo(region, 0, to.nullable);
}

export function transferStore(ids: Ids, state: State, instruction: StoreInstruction): void {
  const base = register(state, instruction.base);
  if (base.kind !== "pointer" || base.region.kind !== "stack") return;
  const { frame } = base.region;
  const { source } = instruction;
  const operand = operandValue(state, source);
  // The register and its spilled copy are one number: what a branch tells of one holds for the other.
  const value = source.kind === "register" ? linkCopy(ids, state, source.register, operand) : operand;
  const stack = stackOf(state, frame);
  setStack(state, frame, stored(stack, base, instruction, value));
}

/** Sound at an unknown place: every slot that may be hit loses what was known of it (see writeSomewhere). */
function stored(stack: Stack, base: PointerValue, instruction: StoreInstruction, value: Value): Stack {
  const { sizeBytes } = instruction;
  const from = base.offset + base.minimum + instruction.offset + STACK_SIZE_BYTES;
  if (base.minimum !== base.maximum) {
    return writeSomewhere(stack, from, from + base.maximum - base.minimum + sizeBytes);
  }
  if (value.kind === "number") return writeNumber(stack, from, sizeBytes, value);
  return sizeBytes === 8 && from % 8 === 0
    ? spill(stack, from, value)
    : writeSomewhere(stack, from, from + sizeBytes);
}

/** The old value, zero-extended, goes to the source or, for compareExchange, to r0 (RFC 9669 section 5.3). */
export function transferAtomic(state: State, instruction: AtomicInstruction): void {
  const base = register(state, instruction.base);
  if (base.kind === "pointer" && base.region.kind === "stack") {
    const from = base.offset + base.minimum + instruction.offset + STACK_SIZE_BYTES;
    const to = from + base.maximum - base.minimum + instruction.sizeBytes;
    setStack(state, base.region.frame, writeUnknown(stackOf(state, base.region.frame), from, to));
  }
  const old = numberValue(unsignedOf(instruction.sizeBytes));
  if (instruction.operation === "compareExchange") state.registers[0] = old;
  else if (instruction.fetch) state.registers[instruction.source] = old;
}

/** Structure.ts has refused the sources that are not modelled. */
export function transferLoadImmediate(
  program: Program,
  state: State,
  instruction: LoadImmediateInstruction,
  index: number,
): void {
  state.registers[instruction.destination] = immediateValue(program, instruction.source, index);
}

function immediateValue(program: Program, source: LoadImmediateInstruction["source"], index: number): Value {
  switch (source.kind) {
    case "number":
      return numberValue(ranges.fromBigInt(source.value));
    case "map":
      return pointerTo({ kind: "map", map: source.map });
    case "mapValue":
      // Every direct address of one map is into the same value; look-ups have positive instances.
      return pointerTo({ kind: "mapValue", map: source.map, instance: -1 - source.map }, source.byteOffset);
    case "function": {
      const start = program.targets[index];
      const at = program.subprograms.findIndex((row) => row.start === start);
      return at < 0 ? UNINITIALIZED : pointerTo({ kind: "code", function: at });
    }
    case "variable":
    case "mapByIndex":
    case "mapValueByIndex":
      return UNINITIALIZED;
  }
}
