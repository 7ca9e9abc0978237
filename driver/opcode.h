// Which instructions are legal (RFC 9669, with v4), as one row an opcode; the core's table is core/isa/opcode.ts.
#pragma once

#include "instruction.h"

/** What a field may hold. */
typedef enum _EBPF_FIELD_RULE {
    /** Reserved: 0. */
    FieldZero,
    FieldAny,
    FieldRegister,
    /** 0, or 1 for signed division. */
    FieldSigned,
    /** 0, or how many bits of the source are sign-extended. */
    FieldExtend32,
    FieldExtend64,
    /** How many bits are swapped. */
    FieldSwap,
    /** An atomic operation. */
    FieldAtomic,
    /** The kind of a wide immediate or of a call. */
    FieldWideKind,
    FieldCallKind,
} EBPF_FIELD_RULE;

/** What an instruction does to its destination field's register. */
typedef enum _EBPF_OPCODE_KIND {
    /** No such opcode. */
    OpcodeIllegal,
    /** It is written: arithmetic, moves, loads. */
    OpcodeWrites,
    /** It is read only, or there is none: stores, comparisons, legacy packet loads. */
    OpcodeReads,
    OpcodeAtomic,
    OpcodeWide,
    OpcodeJump,
    OpcodeCall,
    OpcodeCallRegister,
    OpcodeExit,
} EBPF_OPCODE_KIND;

typedef struct _EBPF_OPCODE {
    UINT8 Kind;
    UINT8 Destination;
    UINT8 Source;
    UINT8 Offset;
    UINT8 Immediate;
} EBPF_OPCODE;

/** By opcode. */
extern const EBPF_OPCODE Opcodes[256];

/** Whether every field is one that its row allows. Says nothing about a second slot. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN OpcodeIsLegal(_In_ const EBPF_INSTRUCTION *Instruction);
