// A lane is the part of the linear memory that one thread runs programs in: context, packet, stack. Every worker of an
// interface has one, and the main thread has lane 0. Descriptors are plain, so that they can be posted to a worker.

import type { MapKind } from "../../platform/platform.ts";
import type { VerifiedProgram } from "../../verifier/verdict.ts";

/** The lane's index is the CPU a program sees. */
export { LANE_COUNT } from "../../image/abi.ts";

/** All addresses are byte offsets in the linear memory. */
export interface Lane {
  readonly index: number;
  readonly contextAddress: number;
  readonly contextSizeBytes: number;
  /** Packet slots: `packetSlotCount` slots of `packetSlotBytes` each; a packet starts `packetHeadroomBytes` into its slot. */
  readonly packetAddress: number;
  readonly packetSlotCount: number;
  readonly packetSlotBytes: number;
  readonly packetHeadroomBytes: number;
  /** Grows down from `stackAddress + stackSizeBytes`; 8 frames of 512 bytes. */
  readonly stackAddress: number;
  readonly stackSizeBytes: number;
  /** Where the full r0 of the last run is left, and what a run needs beside it (LANE_WORD in image/abi.ts). */
  readonly resultAddress: number;
  /** The ring that trace_printk writes to. */
  readonly traceAddress: number;
  readonly traceSizeBytes: number;
}

/** Where a map lives in the linear memory; its layout is the business of maps/. */
export interface MapDescriptor {
  readonly id: number;
  readonly kind: MapKind;
  readonly address: number;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
}

/** All a thread needs to run a program; can be posted to a worker. */
export interface InstanceDescriptor {
  readonly programId: number;
  readonly engine: "wasm" | "interpreter";
  /** Shared between all threads. */
  readonly memory: WebAssembly.Memory;
  readonly module?: WebAssembly.Module;
  readonly program: VerifiedProgram;
  readonly maps: readonly MapDescriptor[];
}

/** A program ready to run in one lane. */
export interface Instance {
  /** Runs with r1 = contextAddress; returns the low 32 bits of r0, and leaves all 64 at `lane.resultAddress`. */
  run(contextAddress: number): number;
}
