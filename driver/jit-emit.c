// What the JIT writes for arithmetic, but for division.
#include "jit-emit.h"

const UINT8 JitRegisters[EBPF_REGISTER_COUNT] = {
    X64_RAX, X64_RSI, X64_RDX, X64_RCX, X64_R8, X64_R9, X64_RBX, X64_R13, X64_R14, X64_R15, X64_RBP,
};

_Use_decl_annotations_
UINT32
JitWidthOf(const EBPF_INSTRUCTION *I)
{
    UINT8 Class = I->Opcode & 7;
    return Class == EBPF_CLASS_ALU64 || Class == EBPF_CLASS_JMP ? 64 : 32;
}

_Use_decl_annotations_
VOID
JitMove(JIT *Jit, UINT32 Width, UINT32 To, UINT32 From)
{
    // Of 32 bits it is never nothing: it clears the upper half.
    if (To != From || Width == 32)
        X64Register(&Jit->Code, Width, X64_MOV_TO, From, To);
}

_Use_decl_annotations_
BOOLEAN
JitIsPlain(const JIT *Jit, INT64 Value)
{
    return !Jit->Blind || (Value >= INT8_MIN && Value <= INT8_MAX);
}

_Use_decl_annotations_
UINT64
JitKey(const JIT *Jit)
{
    return Jit->Code.Bytes == NULL ? 0 : PlatformRandom();
}

_Use_decl_annotations_
VOID
JitLoadConstant(JIT *Jit, UINT32 To, UINT64 Value)
{
    X64_CODE *Code = &Jit->Code;
    if (JitIsPlain(Jit, (INT64)Value)) {
        X64Constant(Code, To, Value);
        return;
    }
    // As many bytes whatever the key is, so that all passes agree.
    UINT64 Key = JitKey(Jit);
    if (Value <= UINT32_MAX || Value >= 0xffffffff80000000) {
        UINT32 Width = Value <= UINT32_MAX ? 32 : 64;
        X64Register(Code, Width, X64_MOV_IMMEDIATE, 0, To);
        X64Bytes(Code, 4, Value ^ Key);
        X64Register(Code, Width, X64_GROUP_WORD, X64_XOR, To);
        X64Bytes(Code, 4, Key);
        return;
    }
    X64Byte(Code, (UINT8)(0x48 | To >> 3));
    X64Byte(Code, (UINT8)(0xb8 | (To & 7)));
    X64Bytes(Code, 8, Value ^ Key);
    X64Byte(Code, (UINT8)(0x48 | SCRATCH2 >> 3));
    X64Byte(Code, (UINT8)(0xb8 | (SCRATCH2 & 7)));
    X64Bytes(Code, 8, Key);
    X64Register(Code, 64, X64_XOR_TO, SCRATCH2, To);
}

_Use_decl_annotations_
UINT32
JitOperand(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    if ((I->Opcode & EBPF_X) != 0)
        return JitRegisters[I->Source];
    JitLoadConstant(Jit, SCRATCH, (UINT64)(INT64)I->Immediate);
    return SCRATCH;
}

static VOID
ShiftByRegister(JIT *Jit, UINT32 Width, UINT32 Operation, UINT32 To, UINT32 Count)
{
    X64_CODE *Code = &Jit->Code;
    // A count of 0 changes nothing, but must clear the upper half all the same.
    if (Width == 32)
        JitMove(Jit, 32, To, To);
    if (To == X64_RCX) {
        JitMove(Jit, 64, SCRATCH2, X64_RCX);
        JitMove(Jit, 64, X64_RCX, Count);
        X64Register(Code, Width, X64_SHIFT_CL, Operation, SCRATCH2);
        JitMove(Jit, 64, X64_RCX, SCRATCH2);
        return;
    }
    if (Count == X64_RCX) {
        X64Register(Code, Width, X64_SHIFT_CL, Operation, To);
        return;
    }
    JitMove(Jit, 64, SCRATCH2, X64_RCX);
    JitMove(Jit, 64, X64_RCX, Count);
    X64Register(Code, Width, X64_SHIFT_CL, Operation, To);
    JitMove(Jit, 64, X64_RCX, SCRATCH2);
}

_Use_decl_annotations_
VOID
JitShift(JIT *Jit, UINT32 Width, UINT32 Operation, UINT32 To, UINT8 Count)
{
    // A count of 0 leaves all of the register as it was, also its upper half.
    if (Count == 0) {
        JitMove(Jit, Width, To, To);
        return;
    }
    X64Register(&Jit->Code, Width, X64_SHIFT_BYTE, Operation, To);
    X64Byte(&Jit->Code, Count);
}

static VOID
Shift(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Operation)
{
    UINT32 To = JitRegisters[I->Destination];
    UINT32 Width = JitWidthOf(I);
    UINT8 Count = (UINT8)(I->Immediate & (INT32)(Width - 1));
    if ((I->Opcode & EBPF_X) != 0) {
        ShiftByRegister(Jit, Width, Operation, To, JitRegisters[I->Source]);
        return;
    }
    JitShift(Jit, Width, Operation, To, Count);
    if (Count != 0)
        Jit->FlagsSlot = Jit->Slot;
}

_Use_decl_annotations_
BOOLEAN
JitExtend(JIT *Jit, UINT32 Width, UINT32 To, UINT32 From, INT64 Bits, BOOLEAN Signed)
{
    static const UINT32 Opcodes[3][2] = {
        {X64_MOVZX_BYTE_FROM, X64_MOVSX_BYTE_FROM},
        {X64_MOVZX_WORD_FROM, X64_MOVSX_WORD_FROM},
        {X64_MOV_FROM, X64_MOVSXD_FROM},
    };
    if (Bits != 8 && Bits != 16 && !(Bits == 32 && Width == 64))
        return FALSE;
    X64Register(&Jit->Code, Signed ? Width : 32, Opcodes[Bits / 16][Signed], JitRegisters[To], JitRegisters[From]);
    return TRUE;
}

static VOID
MoveOrExtend(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT32 To = JitRegisters[I->Destination];
    UINT32 Width = JitWidthOf(I);
    if ((I->Opcode & EBPF_X) == 0)
        JitLoadConstant(Jit, To, Width == 64 ? (UINT64)(INT64)I->Immediate : (UINT32)I->Immediate);
    else if (!JitExtend(Jit, Width, I->Destination, I->Source, I->Offset, TRUE))
        JitMove(Jit, Width, To, JitRegisters[I->Source]);
}

_Use_decl_annotations_
BOOLEAN
JitIsSwap(const EBPF_INSTRUCTION *I)
{
    UINT8 Class = I->Opcode & 7;
    return (I->Opcode & 0xf0) == EBPF_END && (Class == EBPF_CLASS_ALU64 || Class == EBPF_CLASS_ALU) &&
           I->Opcode != (EBPF_END | EBPF_K | EBPF_CLASS_ALU);
}

static VOID
Order(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT32 To = JitRegisters[I->Destination];
    if (I->Immediate == 16) {
        if (JitIsSwap(I)) {
            X64Register(&Jit->Code, 16, X64_SHIFT_BYTE, X64_ROR, To);
            X64Byte(&Jit->Code, 8);
        }
        X64Register(&Jit->Code, 32, X64_MOVZX_WORD_FROM, To, To);
    } else if (JitIsSwap(I)) {
        X64ByteSwap(&Jit->Code, (UINT32)I->Immediate, To);
    } else if (I->Immediate == 32) {
        JitMove(Jit, 32, To, To);
    }
}

_Use_decl_annotations_
VOID
JitSimple(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Operation, UINT32 Opcode)
{
    UINT32 To = JitRegisters[I->Destination];
    if ((I->Opcode & EBPF_X) != 0 || !JitIsPlain(Jit, I->Immediate))
        X64Register(&Jit->Code, JitWidthOf(I), Opcode, JitOperand(Jit, I), To);
    else
        X64Group(&Jit->Code, JitWidthOf(I), Operation, To, I->Immediate);
}

/** The same, where the zero flag is the result's then. */
static VOID
Simple(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Operation, UINT32 Opcode)
{
    JitSimple(Jit, I, Operation, Opcode);
    Jit->FlagsSlot = Jit->Slot;
}

_Use_decl_annotations_
VOID
JitAnd(JIT *Jit, UINT32 Width, UINT32 To, INT32 Mask)
{
    // Of a byte or a word blinded code too needs no constant.
    if (JitIsPlain(Jit, Mask)) {
        X64Group(&Jit->Code, Width, X64_AND, To, Mask);
    } else if (Mask == 0xff || Mask == 0xffff) {
        X64Register(&Jit->Code, 32, Mask == 0xff ? X64_MOVZX_BYTE_FROM : X64_MOVZX_WORD_FROM, To, To);
    } else {
        JitLoadConstant(Jit, SCRATCH, (UINT64)(INT64)Mask);
        X64Register(&Jit->Code, Width, X64_AND_TO, SCRATCH, To);
    }
}

static VOID
And(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    if ((I->Opcode & EBPF_X) != 0 || JitIsPlain(Jit, I->Immediate))
        Simple(Jit, I, X64_AND, X64_AND_TO);
    else
        JitAnd(Jit, JitWidthOf(I), JitRegisters[I->Destination], I->Immediate);
}

_Use_decl_annotations_
VOID
JitMultiply(JIT *Jit, UINT32 Width, UINT32 To, INT32 Factor)
{
    X64_CODE *Code = &Jit->Code;
    UINT8 Power = 0;
    while (Power < 31 && Factor != 1 << Power)
        Power++;
    if (Power < 31) {
        JitShift(Jit, Width, X64_SHL, To, Power);
    } else if (Factor == 3 || Factor == 5 || Factor == 9) {
        X64Indexed(Code, Width, X64_LEA, To, To, To, Factor == 3 ? 1 : Factor == 5 ? 2 : 3, 0);
    } else if (JitIsPlain(Jit, Factor)) {
        X64Register(Code, Width, X64_IMUL_IMMEDIATE, To, To);
        X64Bytes(Code, 4, (UINT32)Factor);
    } else {
        JitLoadConstant(Jit, SCRATCH2, (UINT64)(INT64)Factor);
        X64Register(Code, Width, X64_IMUL_FROM, To, SCRATCH2);
    }
}

static VOID
Multiply(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT32 To = JitRegisters[I->Destination];
    if ((I->Opcode & EBPF_X) != 0)
        X64Register(&Jit->Code, JitWidthOf(I), X64_IMUL_FROM, To, JitRegisters[I->Source]);
    else
        JitMultiply(Jit, JitWidthOf(I), To, I->Immediate);
}

_Use_decl_annotations_
VOID
JitArithmetic(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    switch (I->Opcode & 0xf0) {
    case EBPF_ADD:
        Simple(Jit, I, X64_ADD, X64_ADD_TO);
        return;
    case EBPF_SUB:
        Simple(Jit, I, X64_SUB, X64_SUB_TO);
        return;
    case EBPF_OR:
        Simple(Jit, I, X64_OR, X64_OR_TO);
        return;
    case EBPF_AND:
        And(Jit, I);
        return;
    case EBPF_XOR:
        Simple(Jit, I, X64_XOR, X64_XOR_TO);
        return;
    case EBPF_MUL:
        Multiply(Jit, I);
        return;
    case EBPF_DIV:
        JitDivide(Jit, I, FALSE);
        return;
    case EBPF_MOD:
        JitDivide(Jit, I, TRUE);
        return;
    case EBPF_LSH:
        Shift(Jit, I, X64_SHL);
        return;
    case EBPF_RSH:
        Shift(Jit, I, X64_SHR);
        return;
    case EBPF_ARSH:
        Shift(Jit, I, X64_SAR);
        return;
    case EBPF_NEG:
        X64Register(&Jit->Code, JitWidthOf(I), X64_UNARY, X64_NEG, JitRegisters[I->Destination]);
        Jit->FlagsSlot = Jit->Slot;
        return;
    case EBPF_MOV:
        MoveOrExtend(Jit, I);
        return;
    default:
        Order(Jit, I);
        return;
    }
}
