// Writes contexts: the struct that r1 points at when a program starts, as the platform's descriptor lays it out.
import type { ContextDescriptor, PacketAction, ProgramType } from "../../platform/platform.ts";
import { type MemoryViews, viewsOf } from "./memory.ts";

/** Sets the packet's pointers in the context; the metadata area is empty. Scalar fields stay as they are. */
export type PacketWriter = (contextAddress: number, packetAddress: number, packetSizeBytes: number) => void;

/** For a packet loop: made once, called for each packet. `memory` must hold the context already. */
export function createPacketWriter(context: ContextDescriptor, memory: WebAssembly.Memory): PacketWriter {
  return packetWriter(context, viewsOf(memory));
}

export function packetWriter(context: ContextDescriptor, { data }: MemoryViews): PacketWriter {
  const fields = context.fields.filter((field) => field.kind !== "scalar");
  const starts = fields.filter((field) => field.kind !== "packetEnd").map((field) => field.byteOffset);
  const ends = fields.filter((field) => field.kind === "packetEnd").map((field) => field.byteOffset);
  // Pointers are below 2^32: of a field 8 bytes wide the upper half is 0, and stays 0 because programs cannot write it.
  return (contextAddress, packetAddress, packetSizeBytes) => {
    for (let index = 0; index < starts.length; index++) {
      data.setUint32(contextAddress + starts[index]!, packetAddress, true);
    }
    for (let index = 0; index < ends.length; index++) {
      data.setUint32(contextAddress + ends[index]!, packetAddress + packetSizeBytes, true);
    }
  };
}

/** Clears the context and sets named scalars (others are 0; unknown names are ignored), e.g. `ingress_ifindex`. */
export function clearContext(
  context: ContextDescriptor,
  memory: WebAssembly.Memory,
  contextAddress: number,
  scalars: Readonly<Record<string, number>> = {},
): void {
  const { bytes, data } = viewsOf(memory);
  bytes.fill(0, contextAddress, contextAddress + context.sizeBytes);
  for (const field of context.fields) {
    const value = scalars[field.name];
    if (field.kind !== "scalar" || value === undefined) continue;
    const address = contextAddress + field.byteOffset;
    if (field.sizeBytes === 1) data.setUint8(address, value);
    else if (field.sizeBytes === 2) data.setUint16(address, value, true);
    else data.setUint32(address, value, true);
  }
}

/** Do programs of this type decide about packets? */
export function isPacketHook(type: ProgramType): boolean {
  return type.returns.some((row) => row.action !== undefined);
}

/**
 * What a return value (the low 32 bits of r0) means under the program's own platform; a value without an action there
 * is "aborted". The numbers of Windows and Linux differ, so this is the only place that may read a verdict.
 */
export function actionOf(type: ProgramType, returnValue: number): PacketAction {
  const { returns } = type;
  for (let index = 0; index < returns.length; index++) {
    const row = returns[index]!;
    if ((row.value | 0) === (returnValue | 0)) return row.action ?? "aborted";
  }
  return "aborted";
}
