#include "x64.h"

_Use_decl_annotations_
VOID
X64Byte(X64_CODE *Code, UINT8 Byte)
{
    if (Code->SizeBytes < Code->CapacityBytes)
        Code->Bytes[Code->SizeBytes] = Byte;
    Code->SizeBytes++;
}

_Use_decl_annotations_
VOID
X64Bytes(X64_CODE *Code, UINT32 Count, UINT64 Value)
{
    for (UINT32 Index = 0; Index < Count; Index++)
        X64Byte(Code, (UINT8)(Value >> (8 * Index)));
}

/** All that stands before ModRM. A REX without bits is needed for the low bytes of RSP to RDI; elsewhere it does nothing. */
static VOID
Begin(X64_CODE *Code, UINT32 Width, UINT32 Opcode, UINT32 Reg, UINT32 Index, UINT32 Rm)
{
    UINT8 Rex = (UINT8)((Width == 64) << 3 | (Reg >> 3) << 2 | (Index >> 3) << 1 | Rm >> 3);
    if (Width == 16)
        X64Byte(Code, 0x66);
    if (Rex != 0 || Width == 8 || Opcode == X64_MOVZX_BYTE_FROM || Opcode == X64_MOVSX_BYTE_FROM)
        X64Byte(Code, 0x40 | Rex);
    if (Opcode > 0xff)
        X64Byte(Code, (UINT8)(Opcode >> 8));
    X64Byte(Code, (UINT8)Opcode);
}

_Use_decl_annotations_
VOID
X64Register(X64_CODE *Code, UINT32 Width, UINT32 Opcode, UINT32 Reg, UINT32 Rm)
{
    Begin(Code, Width, Opcode, Reg, 0, Rm);
    X64Byte(Code, (UINT8)(0xc0 | (Reg & 7) << 3 | (Rm & 7)));
}

/** RBP and R13 as a base always have one: their encoding without stands for something else. */
static BOOLEAN
HasNoDisplacement(UINT32 Base, INT32 Displacement)
{
    return Displacement == 0 && (Base & 7) != X64_RBP;
}

_Use_decl_annotations_
VOID
X64Memory(X64_CODE *Code, UINT32 Width, UINT32 Opcode, UINT32 Reg, UINT32 Base, INT32 Displacement)
{
    BOOLEAN Short = Displacement >= -128 && Displacement <= 127;
    BOOLEAN None = HasNoDisplacement(Base, Displacement);
    Begin(Code, Width, Opcode, Reg, 0, Base);
    X64Byte(Code, (UINT8)((None ? 0 : Short ? 0x40 : 0x80) | (Reg & 7) << 3 | (Base & 7)));
    // RSP and R12 as a base are written in a SIB byte without an index.
    if ((Base & 7) == X64_RSP)
        X64Byte(Code, 0x24);
    X64Bytes(Code, None ? 0 : Short ? 1 : 4, (UINT64)(INT64)Displacement);
}

_Use_decl_annotations_
VOID
X64Indexed(
    X64_CODE *Code,
    UINT32 Width,
    UINT32 Opcode,
    UINT32 Reg,
    UINT32 Base,
    UINT32 Index,
    UINT32 Shift,
    INT32 Displacement)
{
    BOOLEAN Short = Displacement >= -128 && Displacement <= 127;
    BOOLEAN None = HasNoDisplacement(Base, Displacement);
    Begin(Code, Width, Opcode, Reg, Index, Base);
    X64Byte(Code, (UINT8)((None ? 0 : Short ? 0x40 : 0x80) | (Reg & 7) << 3 | 4));
    X64Byte(Code, (UINT8)(Shift << 6 | (Index & 7) << 3 | (Base & 7)));
    X64Bytes(Code, None ? 0 : Short ? 1 : 4, (UINT64)(INT64)Displacement);
}

_Use_decl_annotations_
VOID
X64Group(X64_CODE *Code, UINT32 Width, UINT32 Operation, UINT32 Rm, INT32 Immediate)
{
    BOOLEAN Short = Immediate >= -128 && Immediate <= 127;
    X64Register(Code, Width, Short ? X64_GROUP_BYTE : X64_GROUP_WORD, Operation, Rm);
    X64Bytes(Code, Short ? 1 : 4, (UINT64)(INT64)Immediate);
}

_Use_decl_annotations_
VOID
X64Constant(X64_CODE *Code, UINT32 Register, UINT64 Value)
{
    if (Value == 0) {
        X64Register(Code, 32, X64_XOR_TO, Register, Register);
    } else if (Value <= UINT32_MAX) {
        if (Register >= 8)
            X64Byte(Code, 0x41);
        X64Byte(Code, (UINT8)(0xb8 | (Register & 7)));
        X64Bytes(Code, 4, Value);
    } else if (Value >= 0xffffffff80000000) {
        X64Register(Code, 64, X64_MOV_IMMEDIATE, 0, Register);
        X64Bytes(Code, 4, Value);
    } else {
        X64Byte(Code, (UINT8)(0x48 | Register >> 3));
        X64Byte(Code, (UINT8)(0xb8 | (Register & 7)));
        X64Bytes(Code, 8, Value);
    }
}

/** An opcode that has the register in its last three bits. */
static VOID
WithRegister(X64_CODE *Code, UINT8 Opcode, UINT32 Register)
{
    if (Register >= 8)
        X64Byte(Code, 0x41);
    X64Byte(Code, (UINT8)(Opcode | (Register & 7)));
}

_Use_decl_annotations_
VOID
X64Push(X64_CODE *Code, UINT32 Register)
{
    WithRegister(Code, 0x50, Register);
}

_Use_decl_annotations_
VOID
X64Pop(X64_CODE *Code, UINT32 Register)
{
    WithRegister(Code, 0x58, Register);
}

_Use_decl_annotations_
VOID
X64ByteSwap(X64_CODE *Code, UINT32 Width, UINT32 Register)
{
    UINT8 Rex = (UINT8)((Width == 64) << 3 | Register >> 3);
    if (Rex != 0)
        X64Byte(Code, 0x40 | Rex);
    X64Byte(Code, 0x0f);
    X64Byte(Code, (UINT8)(0xc8 | (Register & 7)));
}

_Use_decl_annotations_
VOID
X64Align(X64_CODE *Code, UINT32 Alignment)
{
    // The forms that the manuals of processors name, by their length.
    static const UINT8 Forms[][9] = {
        {0x90},
        {0x66, 0x90},
        {0x0f, 0x1f, 0x00},
        {0x0f, 0x1f, 0x40, 0x00},
        {0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    };
    for (UINT32 Left = (0 - Code->SizeBytes) & (Alignment - 1), Length; Left != 0; Left -= Length) {
        Length = Left < RTL_NUMBER_OF(Forms) ? Left : RTL_NUMBER_OF(Forms);
        for (UINT32 Index = 0; Index < Length; Index++)
            X64Byte(Code, Forms[Length - 1][Index]);
    }
}

/** Distances count from the end of the instruction. */
static VOID
Distance(X64_CODE *Code, UINT32 Target)
{
    X64Bytes(Code, 4, (UINT32)(Target - (Code->SizeBytes + 4)));
}

_Use_decl_annotations_
VOID
X64Jump(X64_CODE *Code, UINT32 Condition, UINT32 Target, BOOLEAN Short)
{
    if (Short) {
        X64Byte(Code, (UINT8)(Condition == X64_ALWAYS ? 0xeb : 0x70 | Condition));
        UINT32 Distance8 = Target - (Code->SizeBytes + 1);
        if (Code->Bytes != NULL && (INT8)Distance8 != (INT32)Distance8)
            Code->IsBroken = TRUE;
        X64Byte(Code, (UINT8)Distance8);
        return;
    }
    if (Condition == X64_ALWAYS) {
        X64Byte(Code, 0xe9);
    } else {
        X64Byte(Code, 0x0f);
        X64Byte(Code, (UINT8)(0x80 | Condition));
    }
    Distance(Code, Target);
}

_Use_decl_annotations_
VOID
X64Call(X64_CODE *Code, UINT32 Target)
{
    X64Byte(Code, 0xe8);
    Distance(Code, Target);
}

_Use_decl_annotations_
VOID
X64CallRegister(X64_CODE *Code, UINT32 Register)
{
    X64Register(Code, 32, 0xff, 2, Register);
}

_Use_decl_annotations_
UINT32
X64Skip(X64_CODE *Code, UINT32 Condition)
{
    X64Byte(Code, (UINT8)(Condition == X64_ALWAYS ? 0xeb : 0x70 | Condition));
    X64Byte(Code, 0);
    return Code->SizeBytes;
}

_Use_decl_annotations_
VOID
X64Land(X64_CODE *Code, UINT32 Skip)
{
    if (Code->SizeBytes <= Code->CapacityBytes)
        Code->Bytes[Skip - 1] = (UINT8)(Code->SizeBytes - Skip);
}
