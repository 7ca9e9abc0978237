// Writes x64 instructions by their form; knows nothing of bytecode. With no buffer it only counts, so that the same calls
// made twice first tell the places of labels and then use them. What does not fit is counted and not written.
//
//   | 66 | REX: 0100 W R X B | opcode, 0F before it or not | ModRM: mod:2 reg:3 rm:3 | SIB | displacement | immediate |
#pragma once

#include "platform.h"

enum {
    X64_RAX,
    X64_RCX,
    X64_RDX,
    X64_RBX,
    X64_RSP,
    X64_RBP,
    X64_RSI,
    X64_RDI,
    X64_R8,
    X64_R9,
    X64_R10,
    X64_R11,
    X64_R12,
    X64_R13,
    X64_R14,
    X64_R15,
};

/** Opcodes, by the order of their operands: the register of ModRM.reg to that or the memory of ModRM.rm, or from it. */
enum {
    X64_ADD_TO = 0x01,
    X64_OR_TO = 0x09,
    X64_AND_TO = 0x21,
    X64_SUB_TO = 0x29,
    X64_XOR_TO = 0x31,
    X64_CMP_WITH = 0x39,
    X64_MOVSXD_FROM = 0x63,
    X64_TEST_WITH = 0x85,
    X64_XCHG_WITH = 0x87,
    X64_MOV_BYTE_TO = 0x88,
    X64_MOV_TO = 0x89,
    X64_MOV_FROM = 0x8b,
    X64_LEA = 0x8d,
    X64_IMUL_FROM = 0x0faf,
    X64_CMPXCHG_WITH = 0x0fb1,
    X64_MOVZX_BYTE_FROM = 0x0fb6,
    X64_MOVZX_WORD_FROM = 0x0fb7,
    X64_MOVSX_BYTE_FROM = 0x0fbe,
    X64_MOVSX_WORD_FROM = 0x0fbf,
    X64_XADD_WITH = 0x0fc1,
};

/** Opcodes whose operation is ModRM.reg: with an immediate of 1 or 4 bytes, shifts by 1 byte or CL, one operand. */
enum { X64_GROUP_BYTE = 0x83, X64_GROUP_WORD = 0x81, X64_SHIFT_BYTE = 0xc1, X64_SHIFT_CL = 0xd3, X64_UNARY = 0xf7 };
enum { X64_ADD = 0, X64_OR = 1, X64_AND = 4, X64_SUB = 5, X64_XOR = 6, X64_CMP = 7 };
enum { X64_ROR = 1, X64_SHL = 4, X64_SHR = 5, X64_SAR = 7 };
enum { X64_TEST = 0, X64_NEG = 3, X64_MUL = 4, X64_DIV = 6, X64_IDIV = 7 };
enum { X64_MOV_BYTE_IMMEDIATE = 0xc6, X64_MOV_IMMEDIATE = 0xc7, X64_IMUL_IMMEDIATE = 0x69 };

/** Conditions of jumps. */
enum {
    X64_B = 0x2,
    X64_AE = 0x3,
    X64_E = 0x4,
    X64_NE = 0x5,
    X64_BE = 0x6,
    X64_A = 0x7,
    X64_L = 0xc,
    X64_GE = 0xd,
    X64_LE = 0xe,
    X64_G = 0xf,
    X64_ALWAYS = 0x10,
};

typedef struct _X64_CODE {
    UINT8 *Bytes;
    UINT32 CapacityBytes;
    UINT32 SizeBytes;
    /** A short jump did not reach: what was written is of no use. */
    BOOLEAN IsBroken;
} X64_CODE;

_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Byte(_Inout_ X64_CODE *Code, _In_ UINT8 Byte);

/** The lowest bytes of a value. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Bytes(_Inout_ X64_CODE *Code, _In_ UINT32 Count, _In_ UINT64 Value);

/** An instruction on two registers, or on one and an operation; Width is 8, 16, 32 or 64 bits. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Register(
    _Inout_ X64_CODE *Code, _In_ UINT32 Width, _In_ UINT32 Opcode, _In_ UINT32 Reg, _In_ UINT32 Rm);

/** An instruction on a register, or an operation, and the memory at Base + Displacement. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Memory(
    _Inout_ X64_CODE *Code,
    _In_ UINT32 Width,
    _In_ UINT32 Opcode,
    _In_ UINT32 Reg,
    _In_ UINT32 Base,
    _In_ INT32 Displacement);

/** The same with the memory at Base + (Index << Shift) + Displacement; Index is not RSP, Shift at most 3. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Indexed(
    _Inout_ X64_CODE *Code,
    _In_ UINT32 Width,
    _In_ UINT32 Opcode,
    _In_ UINT32 Reg,
    _In_ UINT32 Base,
    _In_ UINT32 Index,
    _In_ UINT32 Shift,
    _In_ INT32 Displacement);

/** An operation of the first group on a register and a constant, which is sign-extended. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Group(
    _Inout_ X64_CODE *Code, _In_ UINT32 Width, _In_ UINT32 Operation, _In_ UINT32 Rm, _In_ INT32 Immediate);

/** Sets all 64 bits of a register, in the shortest way. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Constant(_Inout_ X64_CODE *Code, _In_ UINT32 Register, _In_ UINT64 Value);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Push(_Inout_ X64_CODE *Code, _In_ UINT32 Register);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Pop(_Inout_ X64_CODE *Code, _In_ UINT32 Register);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64ByteSwap(_Inout_ X64_CODE *Code, _In_ UINT32 Width, _In_ UINT32 Register);

/** Instructions that do nothing, up to a multiple of Alignment (at most 64) from the begin of the code. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Align(_Inout_ X64_CODE *Code, _In_ UINT32 Alignment);

/** Jumps to a place in the code; a short jump has one byte of distance. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Jump(
    _Inout_ X64_CODE *Code, _In_ UINT32 Condition, _In_ UINT32 Target, _In_ BOOLEAN Short);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Call(_Inout_ X64_CODE *Code, _In_ UINT32 Target);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64CallRegister(_Inout_ X64_CODE *Code, _In_ UINT32 Register);

/** A jump over what follows, up to where X64Land is called with what this returns; at most 127 bytes. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 X64Skip(_Inout_ X64_CODE *Code, _In_ UINT32 Condition);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID X64Land(_Inout_ X64_CODE *Code, _In_ UINT32 Skip);
