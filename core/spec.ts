// Blueprints: what an object file says, as plain data. Types only. Deterministic: nothing here depends on the
// running system, on a platform, or on a host; loadObject() makes these from bytes.
import type { CoreRelocation } from "./btf/ext.ts";
import type { BtfTypes } from "./btf/types.ts";
import type { Instruction } from "./isa/instruction.ts";

/** Where an instruction comes from in C. Lines and columns count from 1; column 0 is unknown. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The C text of the line, as BTF keeps it. */
  readonly text: string;
}

export type ReferenceTarget =
  | { readonly kind: "map"; readonly name: string }
  /** A byte of .data, .rodata or .bss; `map` is the name of the MapSpec made of that section. */
  | { readonly kind: "variable"; readonly map: string; readonly byteOffset: number }
  /** A function of this object: callee of a local call, or its address taken. */
  | { readonly kind: "function"; readonly name: string }
  /** An undefined symbol: resolved by name among helpers, or an error at build. `kernel`: one of the kernel's own (`__ksym`). */
  | { readonly kind: "extern"; readonly name: string; readonly kernel?: true };

/** A relocation of the code: which instruction refers to what. */
export interface Reference {
  readonly instructionIndex: number;
  readonly target: ReferenceTarget;
}

/** One function as the object holds it; jump offsets are still relative and in slots. */
export interface FunctionSpec {
  /** Unique in the object. */
  readonly name: string;
  readonly section: string;
  /** Where in the section it starts, in bytes. */
  readonly byteOffset: number;
  readonly binding: "global" | "static";
  readonly instructions: readonly Instruction[];
  readonly references: readonly Reference[];
  /** By instruction index; absent where there is no line info. */
  readonly sources: readonly (SourceLocation | undefined)[];
  readonly coreRelocations: readonly CoreRelocation[];
  /** BTF id of its `func` type, if known. */
  readonly btfId?: number;
  /**
   * Present if its bytes do not decode (`instructions` is then empty), or it cannot be made to fit the target of its CO-RE
   * relocations: why, and where in the section. It cannot be built.
   */
  readonly undecodable?: {
    readonly code: "InstructionInvalid" | "ProgramTooLarge" | "RelocationInvalid";
    readonly message: string;
    readonly byteOffset: number;
  };
}

/** What a section name says about the hook, e.g. "cgroup/connect4" or "kprobe/do_sys_open". */
export interface ProgramSpec extends FunctionSpec {
  /** Section name up to the platform's longest known prefix is matched later, by the platform; this is the whole name. */
  readonly section: string;
}

export interface MapSpec {
  readonly name: string;
  /** The number the object gives; what it means depends on the platform (Windows and Linux number map types differently). */
  readonly type: number;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly pinning: number;
  /** BTF ids of key and value types, for typed display. */
  readonly keyTypeId?: number;
  readonly valueTypeId?: number;
  /** Template of a map-in-map. */
  readonly inner?: MapSpec;
  /** Names of what `values` of the definition lists (inner maps, programs), by index. */
  readonly initialReferences?: readonly { readonly index: number; readonly name: string }[];
  /** Present for maps made of a data section: the bytes of its one value. */
  readonly data?: { readonly section: string; readonly bytes: Uint8Array; readonly readOnly: boolean };
  /** Present for the map of `.kconfig`: the variables in it, whose values only a Linux kernel knows. */
  readonly externs?: readonly string[];
}

export interface VariableSpec {
  readonly name: string;
  readonly map: string;
  readonly byteOffset: number;
  readonly sizeBytes: number;
}

export interface ObjectSpec {
  /** As given by the caller; for messages. */
  readonly file: string;
  readonly license?: string;
  readonly programs: readonly ProgramSpec[];
  /** Callees: functions of .text and static subprograms, by name. */
  readonly functions: readonly FunctionSpec[];
  readonly maps: readonly MapSpec[];
  readonly variables: readonly VariableSpec[];
  readonly btf?: BtfTypes;
  /** Of an object made to fit a target: its types, and what it does not have (see Program.unresolved). */
  readonly target?: BtfTypes;
  readonly unresolved?: readonly string[];
  /** Every section of the file, for `ebpf sections`. */
  readonly sections: readonly SectionSpec[];
}

export interface SectionSpec {
  readonly name: string;
  readonly sizeBytes: number;
  readonly kind:
    | "program"
    | "text"
    | "maps"
    | "data"
    | "license"
    | "btf"
    | "relocation"
    | "debug"
    | "symbols"
    | "other";
  /** Names of the programs or functions in it. */
  readonly functions: readonly string[];
}
