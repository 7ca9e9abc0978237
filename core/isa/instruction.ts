// The instruction as the rest of the core sees it: one tagged union, RFC 9669 (v4 included). Knows no bytes
// (decode.ts, encode.ts), no text (print.ts, parse.ts) and no program (jump offsets stay in slots here).

/** r0 ... r10, as a number. */
export type Register = number;

export const STACK_POINTER: Register = 10;
export const REGISTER_COUNT = 11;

export type Operand =
  | { readonly kind: "register"; readonly register: Register }
  /** The 32-bit immediate, signed; 64-bit operations sign-extend it (RFC 9669 section 4). */
  | { readonly kind: "immediate"; readonly value: number };

export type AluOperation =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "sdiv"
  | "or"
  | "and"
  | "lsh"
  | "rsh"
  | "mod"
  | "smod"
  | "xor"
  | "arsh";

/** u before an order means unsigned, s signed (RFC 9669 section 4.3). */
export type JumpCondition =
  | "eq"
  | "ne"
  | "set"
  | "ugt"
  | "uge"
  | "ult"
  | "ule"
  | "sgt"
  | "sge"
  | "slt"
  | "sle";

export type AtomicOperation = "add" | "or" | "and" | "xor" | "exchange" | "compareExchange";

/** How many bytes one access moves. */
export type SizeBytes = 1 | 2 | 4 | 8;

export interface AluInstruction {
  readonly kind: "alu";
  readonly width: 32 | 64;
  readonly operation: AluOperation;
  readonly destination: Register;
  readonly source: Operand;
}

export interface MovInstruction {
  readonly kind: "mov";
  readonly width: 32 | 64;
  /** movsx: sign-extend that many low bits of the source register (8, 16, and 32 if width is 64). */
  readonly signExtendFrom?: 8 | 16 | 32;
  readonly destination: Register;
  readonly source: Operand;
}

export interface NegInstruction {
  readonly kind: "neg";
  readonly width: 32 | 64;
  readonly destination: Register;
}

export interface ByteSwapInstruction {
  readonly kind: "byteSwap";
  /** "le" and "be" convert from/to host order (class ALU); "swap" always swaps (class ALU64, v4). */
  readonly order: "le" | "be" | "swap";
  readonly width: 16 | 32 | 64;
  readonly destination: Register;
}

export interface LoadInstruction {
  readonly kind: "load";
  readonly sizeBytes: SizeBytes;
  /** MEMSX (v4): sign-extend to 64 bits; sizes 1, 2, 4. */
  readonly signed: boolean;
  readonly destination: Register;
  readonly base: Register;
  readonly offset: number;
}

export interface StoreInstruction {
  readonly kind: "store";
  readonly sizeBytes: SizeBytes;
  readonly base: Register;
  readonly offset: number;
  readonly source: Operand;
}

export interface AtomicInstruction {
  readonly kind: "atomic";
  readonly sizeBytes: 4 | 8;
  readonly operation: AtomicOperation;
  /** The old value goes to `source` (to r0 for compareExchange). Always true for the two exchanges. */
  readonly fetch: boolean;
  readonly base: Register;
  readonly offset: number;
  readonly source: Register;
}

/** Legacy LD_ABS / LD_IND (RFC 9669 section 5.5): reads the packet into r0, in host order. */
export interface LoadPacketInstruction {
  readonly kind: "loadPacket";
  readonly sizeBytes: 1 | 2 | 4;
  /** Present for LD_IND. */
  readonly index?: Register;
  readonly offset: number;
}

/**
 * The 64-bit immediate load, two slots. `source` says what the immediate is (RFC 9669 section 5.4):
 * in an object file a relocation tells; in a linked Program "map" and "mapValue" carry an index into `Program.maps`.
 */
export type LoadImmediateSource =
  | { readonly kind: "number"; readonly value: bigint }
  /** src 1 (by fd or index) */
  | { readonly kind: "map"; readonly map: number }
  /** src 2: address of a byte of the map's first value */
  | { readonly kind: "mapValue"; readonly map: number; readonly byteOffset: number }
  /** src 3 */
  | { readonly kind: "variable"; readonly id: number }
  /** src 4: address of a subprogram; offset in slots from the slot after the first of the two, as in a local call. */
  | { readonly kind: "function"; readonly offset: number }
  /** src 5 and 6: as 1 and 2 with an index into an array of maps given at load */
  | { readonly kind: "mapByIndex"; readonly index: number }
  | { readonly kind: "mapValueByIndex"; readonly index: number; readonly byteOffset: number };

export interface LoadImmediateInstruction {
  readonly kind: "loadImmediate";
  readonly destination: Register;
  readonly source: LoadImmediateSource;
}

export interface JumpInstruction {
  readonly kind: "jump";
  /** Absent: jump always. `width` 32 of an unconditional jump is the v4 long form (offset in the immediate). */
  readonly condition?: { readonly test: JumpCondition; readonly left: Register; readonly right: Operand };
  readonly width: 32 | 64;
  /** In slots, relative to the slot after this one. */
  readonly offset: number;
}

export interface CallInstruction {
  readonly kind: "call";
  readonly target:
    | { readonly kind: "helper"; readonly id: number }
    /** BPF-to-BPF; offset in slots relative to the slot after the call. */
    | { readonly kind: "local"; readonly offset: number }
    | { readonly kind: "kfunc"; readonly btfId: number; readonly module: number }
    /** callx */
    | { readonly kind: "register"; readonly register: Register };
}

export interface ExitInstruction {
  readonly kind: "exit";
}

export type Instruction =
  | AluInstruction
  | MovInstruction
  | NegInstruction
  | ByteSwapInstruction
  | LoadInstruction
  | StoreInstruction
  | AtomicInstruction
  | LoadPacketInstruction
  | LoadImmediateInstruction
  | JumpInstruction
  | CallInstruction
  | ExitInstruction;

/** 2 for the 64-bit immediate load, else 1. */
export function slotCount(instruction: Instruction): 1 | 2 {
  return instruction.kind === "loadImmediate" ? 2 : 1;
}
