// Program: one flat instruction stream, ready to verify. Types and a number; build.ts makes it.
import type { BtfTypes } from "../btf/types.ts";
import type { Instruction } from "../isa/instruction.ts";
import type { AttachType, MapType, Platform, ProgramType } from "../platform/platform.ts";
import type { MapSpec, SourceLocation } from "../spec.ts";

export interface ProgramMap {
  readonly spec: MapSpec;
  readonly type: MapType;
}

/** A function of the stream: instructions [start, end). Number 0 is the entry. */
export interface Subprogram {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** BTF id of its `func` type, if known. */
  readonly btfId?: number;
}

/** Calls from this number on (libbpf's 0xbad2310) are where a CO-RE relocation found nothing; see Program.unresolved. */
export const FIRST_UNRESOLVED = 0xbad2310;

export interface Program {
  readonly file: string;
  readonly name: string;
  readonly section: string;
  readonly platform: Platform;
  readonly type: ProgramType;
  /** The hook its section names; absent when the type was given by hand. */
  readonly attachType?: AttachType;
  readonly license?: string;
  /**
   * The entry first, then every callee once. `loadImmediate` refers to `maps` by index (kinds "map" and "mapValue");
   * jump and call offsets in the instructions stay as encoded for this stream (so encode(instructions) is loadable),
   * their targets are in `targets`.
   */
  readonly instructions: readonly Instruction[];
  readonly subprograms: readonly Subprogram[];
  /** By instruction index: the index a jump, a local call or a function address goes to, else -1. */
  readonly targets: Int32Array;
  /** By instruction index: its first slot in the encoded stream. */
  readonly slots: Int32Array;
  readonly maps: readonly ProgramMap[];
  readonly sources: readonly (SourceLocation | undefined)[];
  readonly btf?: BtfTypes;
  /** What the target of CO-RE relocations does not have, by the number of the call that stands there. */
  readonly unresolved?: readonly string[];
  /** Set for the platform "raw": r1 is memory of that many bytes (0: r1 is 0), r2 its length. */
  readonly rawMemorySizeBytes?: number;
}
