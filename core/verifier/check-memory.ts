// Is this use of memory safe? One place for instructions and for what helpers read and write: bounds by region,
// initialised bytes, the context's fields, read-only maps, alignment of atomics. Reads the state, never changes it.
import type { ContextField, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { Access, AccessKind } from "./assertion.ts";
import { trailingZeros } from "./domain/range.ts";
import { firstOther, STACK_SIZE_BYTES, spillAt } from "./domain/stack.ts";
import { provedBytes, register, type State, stackOf } from "./domain/state.ts";
import type { PointerValue, Region } from "./domain/value.ts";
import type { Extent, Finding } from "./finding.ts";

/** BPF_F_RDONLY_PROG: programs may only read. */
const READ_ONLY_FOR_PROGRAMS = 1 << 7;

/** A map whose values programs may not write. */
export function isReadOnlyMap(program: Program, map: number): boolean {
  const spec = program.maps[map]?.spec;
  return spec === undefined || spec.data?.readOnly === true || (spec.flags & READ_ONLY_FOR_PROGRAMS) !== 0;
}

/** The memory access of an instruction. */
export function checkAccess(program: Program, state: State, access: Access): Finding | undefined {
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
      return checkStackAccess(state, base, base.region.frame, access, extent);
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
      return within(extent, region.sizeBytes, undefined);
    case "mapValue": {
      const limit = program.maps[region.map]?.spec.valueSizeBytes ?? 0;
      const outside = within(extent, limit, region.map);
      if (outside !== undefined) return outside;
      return extent.access !== "read" && isReadOnlyMap(program, region.map)
        ? { code: "ReadOnlyMemory", map: region.map, extent }
        : undefined;
    }
    default:
      return { code: "PointerExpected", register: base, value: pointer };
  }
}

function within(extent: Extent, limit: number, map: number | undefined): Finding | undefined {
  return extent.low < 0 || extent.high + extent.sizeBytes > limit
    ? { code: "MapValueOutOfBounds", extent, map, limit }
    : undefined;
}

/**
 * Sound: `provedBytes` says that data + v + proved is not beyond the end, v being the pointer's unknown part; so with
 * the known part alone the end is respected, and the lowest v must still reach the start.
 */
function checkPacket(
  program: Program,
  state: State,
  pointer: PointerValue,
  extent: Extent,
): Finding | undefined {
  if (extent.access === "write" && program.type.context.packetReadOnly === true) {
    return { code: "ReadOnlyMemory", map: undefined, extent };
  }
  const metadata = pointer.region.kind === "packetMeta";
  const proved = provedBytes(state, pointer);
  const knownEnd = extent.high - pointer.maximum + extent.sizeBytes;
  if (extent.low >= 0 && knownEnd <= proved) return undefined;
  return { code: "PacketOutOfBounds", extent, proved, variable: pointer.variable !== 0, metadata };
}

function checkStackAccess(
  state: State,
  pointer: PointerValue,
  frame: number,
  access: Access,
  extent: Extent,
): Finding | undefined {
  const end = extent.high + extent.sizeBytes;
  if (extent.low < -STACK_SIZE_BYTES || end > 0) return { code: "StackOutOfBounds", extent };
  if (access.kind === "write") return undefined;
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

/** Map values, stack frames and raw memory start at multiples of 8; nothing else may be the target of an atomic. */
function checkAtomic(pointer: PointerValue, access: Access): Finding | undefined {
  const kind: Region["kind"] = pointer.region.kind;
  if (kind !== "mapValue" && kind !== "stack" && kind !== "memory") {
    return { code: "PointerExpected", register: access.base, value: pointer };
  }
  const known = pointer.offset + access.offset;
  const zeros = Math.min(trailingZeros(known), pointer.zeros);
  return 2 ** zeros < access.sizeBytes
    ? { code: "Misaligned", sizeBytes: access.sizeBytes, offset: known }
    : undefined;
}

/** The field of the context that an access of that size at that offset lies in, if the access is allowed there. */
export function contextField(program: Program, offset: number, sizeBytes: number): ContextField | undefined {
  return program.type.context.fields.find(
    (field) => offset >= field.byteOffset && offset + sizeBytes <= field.byteOffset + field.sizeBytes,
  );
}

/** Fields are read at their own offset and width; narrower, aligned to the size, where the table allows it. */
function checkContext(program: Program, access: Access, extent: Extent): Finding | undefined {
  const offset = extent.low;
  const field = extent.low === extent.high ? contextField(program, offset, access.sizeBytes) : undefined;
  if (field === undefined || access.kind === "atomic") return { code: "ContextOutOfBounds", extent, field };
  const exact = offset === field.byteOffset && access.sizeBytes === field.sizeBytes;
  const narrow = field.narrow && field.kind === "scalar" && offset % access.sizeBytes === 0;
  if (!exact && !narrow) return { code: "ContextOutOfBounds", extent, field };
  if (access.kind === "write") {
    return field.writable && field.kind === "scalar" ? undefined : { code: "ContextReadOnly", extent, field };
  }
  return access.signed && field.kind !== "scalar" ? { code: "ContextOutOfBounds", extent, field } : undefined;
}
