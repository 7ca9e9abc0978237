// BTF types as data (kernel documentation, BPF Type Format). Knows no bytes (read.ts).

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** 0 if not a bit field. */
  readonly bitSize: number;
}

export interface BtfParameter {
  readonly name: string;
  readonly type: number;
}

export type BtfType =
  | { readonly kind: "void" }
  | {
      readonly kind: "int";
      readonly name: string;
      readonly sizeBytes: number;
      readonly encoding: "none" | "signed" | "char" | "bool";
      readonly bitOffset: number;
      readonly bitSize: number;
    }
  | { readonly kind: "pointer"; readonly type: number }
  | { readonly kind: "array"; readonly type: number; readonly indexType: number; readonly length: number }
  | {
      readonly kind: "struct" | "union";
      readonly name: string;
      readonly sizeBytes: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: "enum";
      readonly name: string;
      readonly sizeBytes: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | { readonly kind: "forward"; readonly name: string; readonly union: boolean }
  | { readonly kind: "typedef"; readonly name: string; readonly type: number }
  | { readonly kind: "volatile" | "const" | "restrict"; readonly type: number }
  | {
      readonly kind: "function";
      readonly name: string;
      readonly type: number;
      readonly linkage: "static" | "global" | "extern";
    }
  | {
      readonly kind: "functionPrototype";
      readonly returnType: number;
      readonly parameters: readonly BtfParameter[];
    }
  | {
      readonly kind: "variable";
      readonly name: string;
      readonly type: number;
      readonly linkage: "static" | "global" | "extern";
    }
  | {
      readonly kind: "dataSection";
      readonly name: string;
      readonly sizeBytes: number;
      readonly variables: readonly {
        readonly type: number;
        readonly byteOffset: number;
        readonly sizeBytes: number;
      }[];
    }
  | { readonly kind: "float"; readonly name: string; readonly sizeBytes: number }
  | {
      readonly kind: "declarationTag";
      readonly name: string;
      readonly type: number;
      readonly componentIndex: number;
    }
  | { readonly kind: "typeTag"; readonly name: string; readonly type: number };

/** All types of one object; index is the BTF id, 0 is void. Plain data, so that it can be sent to a worker. */
export interface BtfTypes {
  readonly types: readonly BtfType[];
}
