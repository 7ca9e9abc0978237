// .BTF.ext: function info, line info and CO-RE relocation records (kernel documentation, BPF Type Format,
// section 4). Byte offsets are relative to the ELF section that the records are about.

export interface FunctionInfo {
  readonly byteOffset: number;
  readonly typeId: number;
}

export interface LineInfo {
  readonly byteOffset: number;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** A CO-RE record as the object holds it; `kind` is enum bpf_core_relo_kind. */
export interface CoreRelocation {
  readonly byteOffset: number;
  readonly typeId: number;
  readonly access: string;
  readonly kind: number;
}

export interface BtfExtension {
  readonly functions: ReadonlyMap<string, readonly FunctionInfo[]>;
  readonly lines: ReadonlyMap<string, readonly LineInfo[]>;
  readonly coreRelocations: ReadonlyMap<string, readonly CoreRelocation[]>;
}
