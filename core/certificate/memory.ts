// Loads, stores and atomics: what must hold of the pointer, and what is read or left there. Only stacks have contents:
// everything else can be written by others at any time.
import type {
  AtomicInstruction,
  Instruction,
  LoadInstruction,
  StoreInstruction,
} from "../isa/instruction.ts";
import type { ContextField } from "../platform/platform.ts";
import { anyOfSize, literal, type NumberValue, signExtended, trailingZeros } from "./number.ts";
import { type CheckedProgram, isReadOnly, mapOf, refuse } from "./program.ts";
import { isNumbers, numberAt, wholeAt, writeAny, writeNumber, writeSomewhere } from "./stack.ts";
import {
  type Frame,
  ownSlots,
  type Pointer,
  pointer,
  read,
  type Slot,
  STACK_BYTES,
  type State,
  type Value,
} from "./state.ts";

/** What every step needs beside the state. */
export interface Checker {
  readonly program: CheckedProgram;
  /** No address leaves the program, nothing uninitialised is read or handed out. */
  readonly strict: boolean;
  /** An id that no value has. */
  readonly fresh: () => number;
}

export function frameOf(state: State, { which }: Pointer): Frame {
  return state.frames[which] ?? refuse("a pointer into a frame that is closed");
}

/** A pointer that is not null, in a register that is used as one. */
export function address(state: State, register: number): Pointer {
  const value = read(state, register);
  if (value?.kind !== "pointer") return refuse(`r${register} is not a pointer`);
  return value.nullable ? refuse(`r${register} may be null`) : value;
}

/** `size` bytes at pointer + offset lie within memory of plain bytes, and may be written if they are. */
export function checkBytes(
  { program }: Checker,
  state: State,
  base: Pointer,
  offset: number,
  size: number,
  writes: boolean,
): void {
  const low = base.offset + offset + base.least;
  const end = base.offset + offset + base.most + size;
  switch (base.place) {
    case "stack":
      if (low < -STACK_BYTES || end > 0) refuse("outside the stack frame");
      return;
    case "packet":
    case "packetMeta": {
      if (writes && program.type.context.packetReadOnly === true) refuse("the packet is read-only");
      // proved + something <= end of the packet, so the known part alone must be proved.
      const known = base.offset + offset + size;
      const proved = base.place === "packet" ? state.packet : state.metadata;
      if (low < 0) refuse("before the packet");
      if (known > base.proved && (base.part !== 0 || known > proved))
        refuse("the packet is not proved that long");
      return;
    }
    case "memory":
    case "record":
      if (low < 0 || end > base.which) refuse("outside the memory");
      if (writes && base.flag) refuse("the memory is read-only");
      return;
    case "mapValue": {
      const map = mapOf(program, base);
      if (low < 0 || end > (map?.spec.valueSizeBytes ?? 0)) refuse("outside the map's value");
      if (writes && isReadOnly(map)) refuse("the map's values are read-only");
      return;
    }
    default:
      refuse(`no memory of bytes: ${base.place}`);
  }
}

export function load(checker: Checker, state: State, instruction: LoadInstruction): Value {
  const base = address(state, instruction.base);
  const { sizeBytes: size, signed, offset } = instruction;
  const isKnown = base.least === base.most;
  const at = base.offset + base.least + offset;
  switch (base.place) {
    case "context":
      return loadContext(checker, isKnown ? at : refuse("an unknown place of the context"), size, signed);
    case "object": {
      const fields = checker.program.platform.objectTypes?.[base.which]?.fields ?? [];
      const field = isKnown ? fieldAt(fields, at, size) : undefined;
      if (field === undefined || !isWhole(field, at, size)) return refuse("no field of the object");
      return fieldValue(checker, field, size, signed, base.holder);
    }
    case "kernel":
      return anyOfSize(size, signed);
    case "stack": {
      checkBytes(checker, state, base, offset, size, false);
      return loadStack(checker, frameOf(state, base).slots, base, at + STACK_BYTES, instruction);
    }
    default:
      checkBytes(checker, state, base, offset, size, false);
      if (base.place === "mapValue" && isKnown) {
        const fixed = constantAt(checker.program, base, at, size);
        if (fixed !== undefined) return signed ? signExtended(fixed, 8 * size) : fixed;
      }
      return anyOfSize(size, signed);
  }
}

function loadStack(
  { strict }: Checker,
  slots: readonly Slot[],
  base: Pointer,
  at: number,
  { sizeBytes: size, signed }: LoadInstruction,
): Value {
  if (base.least !== base.most) {
    if (strict && !isNumbers(slots, at, at + base.most - base.least + size))
      refuse("stack that is no number");
    return anyOfSize(size, signed);
  }
  const whole = wholeAt(slots, at, size);
  if (whole !== undefined) return whole.kind === "pointer" && signed ? refuse("part of an address") : whole;
  if (strict && !isNumbers(slots, at, at + size)) refuse("stack that is no number");
  const value = numberAt(slots, at, size);
  return signed ? signExtended(value, 8 * size) : value;
}

/** Bytes of read-only data are those of the object: nobody writes them. */
function constantAt(
  program: CheckedProgram,
  base: Pointer,
  at: number,
  size: number,
): NumberValue | undefined {
  const data = mapOf(program, base)?.spec.data;
  if (data?.readOnly !== true || base.instance >= 0 || at + size > data.bytes.length) return undefined;
  let value = 0n;
  for (let byte = size - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(data.bytes[at + byte] ?? 0);
  return literal(value);
}

function fieldAt(fields: readonly ContextField[], at: number, size: number): ContextField | undefined {
  return fields.find((row) => at >= row.byteOffset && at + size <= row.byteOffset + row.sizeBytes);
}

function isWhole(field: ContextField, at: number, size: number): boolean {
  if (at === field.byteOffset && size === field.sizeBytes) return true;
  return field.narrow && field.kind === "scalar" && at % size === 0;
}

function loadContext(checker: Checker, at: number, size: number, signed: boolean): Value {
  const { fields, elsewhere, sizeBytes } = checker.program.type.context;
  const field = fieldAt(fields, at, size);
  if (field !== undefined) {
    if (!isWhole(field, at, size)) refuse("part of a field of the context");
    return fieldValue(checker, field, size, signed, 0);
  }
  if (elsewhere === undefined || at < 0 || at + size > sizeBytes) return refuse("outside the context");
  if (elsewhere === "kernel") {
    if (size !== 8 || at % 8 !== 0 || signed) refuse("part of an argument");
    return pointer("kernel", { instance: checker.fresh() });
  }
  const overlaps = fields.some(
    (row) => row.kind !== "scalar" && at < row.byteOffset + row.sizeBytes && row.byteOffset < at + size,
  );
  return overlaps ? refuse("part of a pointer of the context") : anyOfSize(size, signed);
}

const OF_PACKET = {
  packetStart: pointer("packet"),
  packetEnd: pointer("packetEnd"),
  packetMeta: pointer("packetMeta"),
} as const;

function fieldValue(
  checker: Checker,
  field: ContextField,
  size: number,
  signed: boolean,
  holder: number,
): Value {
  if (field.kind === "scalar") return anyOfSize(size, signed);
  if (signed) refuse("part of an address");
  const to = field.pointsTo;
  switch (field.kind) {
    case "packetStart":
    case "packetEnd":
    case "packetMeta":
      return OF_PACKET[field.kind];
    case "kernel":
      return pointer("kernel", { instance: checker.fresh() });
    case "object":
    case "memory":
      if (to?.kind === "object") {
        return object(checker, to.type, { instance: checker.fresh(), holder, nullable: to.nullable });
      }
      if (to === undefined) return refuse("a field that points to nothing known");
      return pointer("memory", {
        which: to.sizeBytes,
        flag: true,
        instance: checker.fresh(),
        nullable: to.nullable,
      });
  }
}

export function object({ program }: Checker, type: string, changes: Partial<Pointer>): Pointer {
  const which = program.platform.objectTypes?.findIndex((row) => row.name === type) ?? -1;
  return which < 0 ? refuse(`no type ${type}`) : pointer("object", { ...changes, which });
}

export function store(checker: Checker, state: State, instruction: StoreInstruction, value: Value): void {
  const base = address(state, instruction.base);
  const { sizeBytes: size, offset } = instruction;
  if (value === undefined) refuse("nothing is stored");
  if (base.place === "context") {
    const at = base.offset + base.least + offset;
    const field =
      base.least === base.most ? fieldAt(checker.program.type.context.fields, at, size) : undefined;
    const isWritten = field?.kind === "scalar" && field.writable && isWhole(field, at, size);
    if (!isWritten || size < (field.leastWriteBytes ?? 0)) {
      refuse("the context is not written there");
    }
    if (value.kind === "pointer" && checker.strict) refuse("an address leaves");
    return;
  }
  checkBytes(checker, state, base, offset, size, true);
  const at = base.offset + base.least + offset + STACK_BYTES;
  const isKnown = base.least === base.most;
  if (value.kind === "pointer" && checker.strict) {
    if (base.place !== "stack" || size !== 8 || !isKnown || at % 8 !== 0) refuse("an address leaves");
  }
  if (base.place !== "stack") return;
  const slots = ownSlots(frameOf(state, base));
  if (!isKnown) writeSomewhere(slots, at, at + base.most - base.least + size);
  else if (value.kind === "number") writeNumber(slots, at, size, value);
  else if (size === 8 && at % 8 === 0) slots[at >> 3] = value;
  else writeSomewhere(slots, at, at + size);
}

/** The old value goes to r0 or to the source. */
export function atomic(checker: Checker, state: State, instruction: AtomicInstruction): void {
  const { sizeBytes: size, offset, operation, source } = instruction;
  const base = address(state, instruction.base);
  const { place } = base;
  if (place !== "stack" && place !== "mapValue" && place !== "memory" && place !== "record") {
    refuse("no memory for atomics");
  }
  checkBytes(checker, state, base, offset, size, true);
  if (2 ** Math.min(trailingZeros(base.offset + offset), base.zeros) < size) refuse("not aligned");
  checkStored(state, source, checker.strict);
  if (place === "stack") {
    const slots = ownSlots(frameOf(state, base));
    const from = base.offset + base.least + offset + STACK_BYTES;
    const to = from + base.most - base.least + size;
    if (checker.strict && !isNumbers(slots, from, to)) refuse("stack that is no number");
    // Where it is not known which bytes are hit, a pointer among them is gone.
    if (base.least === base.most) writeAny(slots, from, to);
    else writeSomewhere(slots, from, to);
  }
  if (operation === "compareExchange") {
    const compared = read(state, 0);
    if (compared?.kind !== "number" && !isKernel(compared)) refuse("r0 is no number");
    state.registers[0] = anyOfSize(size);
  } else if (instruction.fetch) state.registers[source] = anyOfSize(size);
}

export function isKernel(value: Value): boolean {
  return value?.kind === "pointer" && value.place === "kernel";
}

/** What an atomic adds or stores: a number, or, where they may leave, an address. */
function checkStored(state: State, register: number, strict: boolean): void {
  const value = read(state, register);
  if (value === undefined) refuse(`r${register} is not initialised`);
  if (value.kind === "pointer" && strict && !isKernel(value)) refuse("an address leaves");
}

/** The value of a 64-bit immediate load. */
export function immediate(
  program: CheckedProgram,
  { source }: Extract<Instruction, { readonly kind: "loadImmediate" }>,
  index: number,
): Value {
  switch (source.kind) {
    case "number":
      return literal(source.value);
    case "map":
      return program.maps[source.map] === undefined
        ? refuse("no such map")
        : pointer("map", { which: source.map });
    case "mapValue": {
      const { map: which, byteOffset } = source;
      const map = program.maps[which];
      // Only an array has a first value that is always there.
      if (map === undefined || map.type.name !== "array" || map.spec.maxEntries < 1)
        return refuse("no such value");
      if (byteOffset < 0 || byteOffset > map.spec.valueSizeBytes) refuse("outside the map's value");
      return pointer("mapValue", { which, instance: -1 - which, offset: byteOffset });
    }
    case "function": {
      const which = program.subprograms.findIndex((row) => row.start === program.targets[index]);
      return which < 0 ? refuse("no such function") : pointer("code", { which });
    }
    default:
      return refuse("an immediate that is not resolved");
  }
}
