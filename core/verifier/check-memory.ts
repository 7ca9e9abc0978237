// Is this use of memory safe? One place for instructions and for what helpers read and write: bounds by region,
// initialised bytes, the context's fields, read-only maps, alignment of atomics. Reads the state, never changes it.
import type { ContextDescriptor, ContextField, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { Access, AccessKind } from "./assertion.ts";
import { trailingZeros } from "./domain/range.ts";
import { firstOther, STACK_SIZE_BYTES, spillAt } from "./domain/stack.ts";
import { isProved, register, type State, stackOf } from "./domain/state.ts";
import type { PointerValue, Region } from "./domain/value.ts";
import type { Extent, Finding } from "./finding.ts";
import { isReadOnlyMap, mapOfRegion } from "./maps.ts";

/** The memory access of an instruction. */
export function checkAccess(
  program: Program,
  state: State,
  access: Access,
  strict: boolean,
): Finding | undefined {
  const base = register(state, access.base);
  if (base.kind === "uninitialized") {
    return { code: "RegisterUninitialized", register: access.base, stale: base.stale };
  }
  if (base.kind === "number") return { code: "PointerExpected", register: access.base, value: base };
  if (base.nullable) return { code: "PointerMaybeNull", register: access.base, value: base };
  const extent = extentOf(base, access.offset, access.sizeBytes, access.kind);
  switch (base.region.kind) {
    case "context":
      return checkContext(program, access, extent);
    case "stack":
      return checkStackAccess(state, base, base.region.frame, access, extent, strict);
    case "object":
      return checkObject(program, access, extent, base.region.type);
    case "kernel":
      // Sound: the host's loads through such a pointer give 0 where nothing is mapped (Linux: BPF_PROBE_MEM).
      return access.kind === "read" ? undefined : { code: "ReadOnlyMemory", region: base.region, extent };
    default: {
      const bounds = checkBounds(program, state, base, access.base, extent);
      if (bounds !== undefined || access.kind !== "atomic") return bounds;
      return checkAtomic(base, access);
    }
  }
}

/** Where `sizeBytes` bytes at `pointer + offset` can lie. */
export function extentOf(
  pointer: PointerValue,
  offset: number,
  sizeBytes: number,
  access: AccessKind,
  helper?: Helper,
): Extent {
  const low = pointer.offset + offset + pointer.minimum;
  const high = pointer.offset + offset + pointer.maximum;
  return helper === undefined ? { access, low, high, sizeBytes } : { access, low, high, sizeBytes, helper };
}

/** Bounds in every region that holds plain bytes (not the context); on the stack, bounds only. */
export function checkBounds(
  program: Program,
  state: State,
  pointer: PointerValue,
  base: number,
  extent: Extent,
): Finding | undefined {
  const { region } = pointer;
  const end = extent.high + extent.sizeBytes;
  switch (region.kind) {
    case "stack":
      return extent.low < -STACK_SIZE_BYTES || end > 0 ? { code: "StackOutOfBounds", extent } : undefined;
    case "packet":
    case "packetMeta":
      return checkPacket(program, state, pointer, extent);
    case "memory":
    case "allocated":
      return within(extent, region.sizeBytes, undefined) ?? checkWritable(program, region, extent);
    case "mapValue": {
      const limit = mapOfRegion(program, region)?.spec.valueSizeBytes ?? 0;
      return within(extent, limit, region.map) ?? checkWritable(program, region, extent);
    }
    default:
      return { code: "PointerExpected", register: base, value: pointer };
  }
}

function checkWritable(program: Program, region: Region, extent: Extent): Finding | undefined {
  if (extent.access === "read") return undefined;
  const readOnly =
    region.kind === "mapValue"
      ? isReadOnlyMap(mapOfRegion(program, region))
      : region.kind === "memory" && region.readOnly === true;
  return readOnly ? { code: "ReadOnlyMemory", region, extent } : undefined;
}

function within(extent: Extent, limit: number, map: number | undefined): Finding | undefined {
  return extent.low < 0 || extent.high + extent.sizeBytes > limit
    ? { code: "MapValueOutOfBounds", extent, map, limit }
    : undefined;
}

/**
 * Sound: what is proved says that data + v + proved is not beyond the end, v being the pointer's unknown part; so with
 * the known part alone the end is respected, and the lowest v must still reach the start.
 */
function checkPacket(
  program: Program,
  state: State,
  pointer: PointerValue,
  extent: Extent,
): Finding | undefined {
  if (extent.access === "write" && program.type.context.packetReadOnly === true) {
    return { code: "ReadOnlyMemory", region: pointer.region, extent };
  }
  const metadata = pointer.region.kind === "packetMeta";
  const knownEnd = extent.high - pointer.maximum + extent.sizeBytes;
  if (extent.low >= 0 && isProved(state, pointer, knownEnd)) return undefined;
  const known = metadata ? state.metadata : state.packet;
  const proved = pointer.variable === 0 ? Math.max(pointer.proved, known) : pointer.proved;
  return { code: "PacketOutOfBounds", extent, proved, variable: pointer.variable !== 0, metadata };
}

function checkStackAccess(
  state: State,
  pointer: PointerValue,
  frame: number,
  access: Access,
  extent: Extent,
  strict: boolean,
): Finding | undefined {
  const end = extent.high + extent.sizeBytes;
  if (extent.low < -STACK_SIZE_BYTES || end > 0) return { code: "StackOutOfBounds", extent };
  if (access.kind === "write") return undefined;
  // Where pointers may leave, every byte of the stack is a number to whoever reads it so.
  if (!strict) return access.kind === "atomic" ? checkAtomic(pointer, access) : undefined;
  const stack = stackOf(state, frame);
  const at = extent.low + STACK_SIZE_BYTES;
  if (extent.low === extent.high && access.kind === "read") {
    const whole = spillAt(stack, at, access.sizeBytes);
    if (whole !== undefined && whole.kind !== "uninitialized") {
      return whole.kind === "pointer" && access.signed
        ? { code: "PointerLeak", value: whole, register: access.base, to: "partial" }
        : undefined;
    }
  }
  const other = firstOther(stack, at, end + STACK_SIZE_BYTES);
  if (other !== undefined) {
    if (other.content === "uninitialized") {
      return { code: "StackUninitialized", extent, at: other.at - STACK_SIZE_BYTES };
    }
    const to = access.kind === "atomic" ? "atomic" : "partial";
    return { code: "PointerLeak", value: pointer, register: access.base, to };
  }
  return access.kind === "atomic" ? checkAtomic(pointer, access) : undefined;
}

/** Map values, stack frames, records and raw memory start at multiples of 8; nothing else may be the target of an atomic. */
function checkAtomic(pointer: PointerValue, access: Access): Finding | undefined {
  const kind: Region["kind"] = pointer.region.kind;
  if (kind !== "mapValue" && kind !== "stack" && kind !== "memory" && kind !== "allocated") {
    return { code: "PointerExpected", register: access.base, value: pointer };
  }
  const known = pointer.offset + access.offset;
  const zeros = Math.min(trailingZeros(known), pointer.zeros);
  return 2 ** zeros < access.sizeBytes
    ? { code: "Misaligned", sizeBytes: access.sizeBytes, offset: known }
    : undefined;
}

/** The field that an access of that size at that offset lies in. */
export function fieldAt(
  fields: readonly ContextField[],
  offset: number,
  sizeBytes: number,
): ContextField | undefined {
  return fields.find(
    (field) => offset >= field.byteOffset && offset + sizeBytes <= field.byteOffset + field.sizeBytes,
  );
}

/** Read or written at its own offset and width; narrower, aligned to the size, where the table allows it. */
function isWhole(field: ContextField, offset: number, sizeBytes: number): boolean {
  const exact = offset === field.byteOffset && sizeBytes === field.sizeBytes;
  return exact || (field.narrow && field.kind === "scalar" && offset % sizeBytes === 0);
}

function checkContext(program: Program, access: Access, extent: Extent): Finding | undefined {
  const { context } = program.type;
  const { sizeBytes, signed } = access;
  const offset = extent.low;
  const known = extent.low === extent.high;
  const field = known ? fieldAt(context.fields, offset, sizeBytes) : undefined;
  const wrong: Finding = { code: "ContextOutOfBounds", extent, field };
  if (access.kind === "atomic") return wrong;
  if (field === undefined) {
    if (!known || !isElsewhere(context, offset, sizeBytes, signed)) return wrong;
    return access.kind === "read" ? undefined : { code: "ContextReadOnly", extent, field };
  }
  if (!isWhole(field, offset, sizeBytes)) return wrong;
  if (access.kind === "write") {
    if (!field.writable || field.kind !== "scalar") return { code: "ContextReadOnly", extent, field };
    return sizeBytes < (field.leastWriteBytes ?? 0) ? wrong : undefined;
  }
  return signed && field.kind !== "scalar" ? wrong : undefined;
}

/** May a place of the context that no field describes be read? A field that overlaps it is read as the field only. */
function isElsewhere(
  { elsewhere, sizeBytes: end, fields }: ContextDescriptor,
  offset: number,
  sizeBytes: number,
  signed: boolean,
): boolean {
  if (elsewhere === undefined || offset < 0 || offset + sizeBytes > end) return false;
  if (elsewhere === "kernel") return sizeBytes === 8 && offset % 8 === 0 && !signed;
  return !fields.some(
    (field) =>
      field.kind !== "scalar" &&
      offset < field.byteOffset + field.sizeBytes &&
      field.byteOffset < offset + sizeBytes,
  );
}

/** Objects are read by their fields. */
function checkObject(program: Program, access: Access, extent: Extent, type: string): Finding | undefined {
  const fields = program.platform.objectTypes?.find((row) => row.name === type)?.fields ?? [];
  const field = extent.low === extent.high ? fieldAt(fields, extent.low, access.sizeBytes) : undefined;
  if (field === undefined || !isWhole(field, extent.low, access.sizeBytes)) {
    return { code: "ObjectOutOfBounds", extent, field, type };
  }
  if (access.kind !== "read") {
    return { code: "ReadOnlyMemory", region: { kind: "object", type, instance: 0, holder: 0 }, extent };
  }
  return access.signed && field.kind !== "scalar"
    ? { code: "ObjectOutOfBounds", extent, field, type }
    : undefined;
}
