// Which bytes a running program may touch, for the interpreter: its context, its packet, its live stack frames and the
// values of its maps. It trusts the context's own packet pointers, because the host wrote them.
import { FRAME_SIZE_BYTES } from "../../image/abi.ts";
import type { ContextDescriptor } from "../../platform/platform.ts";
import type { ProgramMap } from "../../program/program.ts";
import type { Lane } from "./lane.ts";
import type { MapAccess } from "./maps/map.ts";
import type { MemoryViews } from "./memory.ts";

export interface PacketBounds {
  readonly start: number;
  readonly end: number;
}

/** The packet between a context's packetMeta (else packetStart) and packetEnd fields; empty if it has none. */
export function readPacketBounds(
  views: MemoryViews,
  context: ContextDescriptor,
  contextAddress: number,
): PacketBounds {
  const read = (kind: string): number | undefined => {
    const field = context.fields.find((row) => row.kind === kind);
    return field === undefined ? undefined : views.data.getUint32(contextAddress + field.byteOffset, true);
  };
  const start = read("packetStart");
  const end = read("packetEnd");
  if (start === undefined || end === undefined) return { start: 0, end: 0 };
  const meta = read("packetMeta");
  return { start: meta === undefined ? start : Math.min(meta, start), end };
}

export interface Regions {
  readonly lane: Lane;
  readonly contextAddress: number;
  readonly contextSizeBytes: number;
  readonly packet: PacketBounds;
  readonly maps: readonly MapAccess[];
  readonly program: { readonly maps: readonly ProgramMap[] };
  /** Set where the context may only be touched field by field. */
  readonly fields?: ContextDescriptor;
}

export type Access = "allowed" | "readOnly" | "outside";

/** `depth` is the number of live frames: a callee may use its callers' stack. */
export function checkAccess(
  regions: Regions,
  address: number,
  sizeBytes: number,
  write: boolean,
  depth: number,
): Access {
  const { lane, contextAddress, contextSizeBytes, packet } = regions;
  const end = address + sizeBytes;
  const stackTop = lane.stackAddress + lane.stackSizeBytes;
  if (address >= stackTop - depth * FRAME_SIZE_BYTES && end <= stackTop) return "allowed";
  if (address >= packet.start && end <= packet.end) return "allowed";
  if (address >= contextAddress && end <= contextAddress + contextSizeBytes) {
    const { fields } = regions;
    return fields === undefined ? "allowed" : checkField(fields, address - contextAddress, sizeBytes, write);
  }
  for (let index = 0; index < regions.maps.length; index++) {
    if (!regions.maps[index]!.contains(address, sizeBytes)) continue;
    return write && regions.program.maps[index]?.spec.data?.readOnly === true ? "readOnly" : "allowed";
  }
  return "outside";
}

/** A field is touched whole, or in part where its row allows it; between fields there is only what `elsewhere` says. */
function checkField(context: ContextDescriptor, offset: number, sizeBytes: number, write: boolean): Access {
  const end = offset + sizeBytes;
  const field = context.fields.find((row) => offset < row.byteOffset + row.sizeBytes && row.byteOffset < end);
  if (field === undefined) {
    const whole = context.elsewhere === "number" || (sizeBytes === 8 && offset % 8 === 0);
    if (context.elsewhere === undefined || !whole) return "outside";
    return write ? "readOnly" : "allowed";
  }
  const exact = offset === field.byteOffset && sizeBytes === field.sizeBytes;
  const part =
    field.narrow &&
    !(write && sizeBytes < (field.leastWriteBytes ?? 0)) &&
    field.kind === "scalar" &&
    offset % sizeBytes === 0;
  const inside = offset >= field.byteOffset && end <= field.byteOffset + field.sizeBytes;
  const listed = exact || (part && inside) || (context.elsewhere === "number" && field.kind === "scalar");
  if (!listed) return "outside";
  return write && !(field.writable && field.kind === "scalar") ? "readOnly" : "allowed";
}
