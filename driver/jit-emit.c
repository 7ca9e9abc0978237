// What the JIT writes for one instruction that leads nowhere else: arithmetic and memory.
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
VOID
JitLoadConstant(JIT *Jit, UINT32 To, UINT64 Value)
{
    X64_CODE *Code = &Jit->Code;
    if (JitIsPlain(Jit, (INT64)Value)) {
        X64Constant(Code, To, Value);
        return;
    }
    // As many bytes whatever the key is, so that both passes agree.
    UINT64 Key = PlatformRandom();
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
    if ((I->Opcode & EBPF_X) != 0)
        ShiftByRegister(Jit, Width, Operation, To, JitRegisters[I->Source]);
    else
        JitShift(Jit, Width, Operation, To, (UINT8)(I->Immediate & (INT32)(Width - 1)));
}

/** Divides RAX and RDX by SCRATCH for real; both are kept but for the answer. */
static VOID
DivideNative(JIT *Jit, UINT32 Width, UINT32 To, BOOLEAN Signed, BOOLEAN Modulo)
{
    X64_CODE *Code = &Jit->Code;
    JitMove(Jit, 64, SCRATCH2, X64_RAX);
    X64Push(Code, X64_RDX);
    JitMove(Jit, 64, X64_RAX, To);
    if (Signed) {
        if (Width == 64)
            X64Byte(Code, 0x48);
        // CDQ, CQO: the sign of RAX fills RDX.
        X64Byte(Code, 0x99);
    } else {
        X64Constant(Code, X64_RDX, 0);
    }
    X64Register(Code, Width, X64_UNARY, Signed ? X64_IDIV : X64_DIV, SCRATCH);
    JitMove(Jit, Width, SCRATCH, Modulo ? X64_RDX : X64_RAX);
    JitMove(Jit, 64, X64_RAX, SCRATCH2);
    X64Pop(Code, X64_RDX);
    JitMove(Jit, 64, To, SCRATCH);
}

/** By zero and, signed, by -1 the processor would fault; RFC 9669 section 4.1 has answers. */
static VOID
Divide(JIT *Jit, const EBPF_INSTRUCTION *I, BOOLEAN Modulo)
{
    X64_CODE *Code = &Jit->Code;
    UINT32 To = JitRegisters[I->Destination];
    UINT32 Width = JitWidthOf(I);
    BOOLEAN Signed = I->Offset != 0;
    UINT32 ToEndFromMinusOne = 0;
    JitMove(Jit, 64, SCRATCH, JitOperand(Jit, I));
    X64Register(Code, Width, X64_TEST_WITH, SCRATCH, SCRATCH);
    UINT32 ToNotZero = X64Skip(Code, X64_NE);
    if (!Modulo)
        X64Constant(Code, To, 0);
    else if (Width == 32)
        JitMove(Jit, 32, To, To);
    UINT32 ToEndFromZero = X64Skip(Code, X64_ALWAYS);
    X64Land(Code, ToNotZero);
    if (Signed) {
        X64Group(Code, Width, X64_CMP, SCRATCH, -1);
        UINT32 ToNotMinusOne = X64Skip(Code, X64_NE);
        if (Modulo)
            X64Constant(Code, To, 0);
        else
            X64Register(Code, Width, X64_UNARY, X64_NEG, To);
        ToEndFromMinusOne = X64Skip(Code, X64_ALWAYS);
        X64Land(Code, ToNotMinusOne);
    }
    DivideNative(Jit, Width, To, Signed, Modulo);
    X64Land(Code, ToEndFromZero);
    if (Signed)
        X64Land(Code, ToEndFromMinusOne);
}

static VOID
MoveOrExtend(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT32 To = JitRegisters[I->Destination];
    UINT32 Width = JitWidthOf(I);
    if ((I->Opcode & EBPF_X) == 0) {
        JitLoadConstant(Jit, To, Width == 64 ? (UINT64)(INT64)I->Immediate : (UINT32)I->Immediate);
        return;
    }
    UINT32 From = JitRegisters[I->Source];
    switch (I->Offset) {
    case 8:
        X64Register(&Jit->Code, Width, X64_MOVSX_BYTE_FROM, To, From);
        return;
    case 16:
        X64Register(&Jit->Code, Width, X64_MOVSX_WORD_FROM, To, From);
        return;
    case 32:
        X64Register(&Jit->Code, 64, X64_MOVSXD_FROM, To, From);
        return;
    default:
        JitMove(Jit, Width, To, From);
        return;
    }
}

static VOID
Order(JIT *Jit, const EBPF_INSTRUCTION *I, BOOLEAN Swap)
{
    UINT32 To = JitRegisters[I->Destination];
    if (I->Immediate == 16) {
        if (Swap) {
            X64Register(&Jit->Code, 16, X64_SHIFT_BYTE, X64_ROR, To);
            X64Byte(&Jit->Code, 8);
        }
        X64Register(&Jit->Code, 32, X64_MOVZX_WORD_FROM, To, To);
    } else if (Swap) {
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

/** Of a byte or a word blinded code too needs no constant. */
static VOID
And(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT32 To = JitRegisters[I->Destination];
    if ((I->Opcode & EBPF_X) != 0 || JitIsPlain(Jit, I->Immediate) || (I->Immediate != 0xff && I->Immediate != 0xffff))
        JitSimple(Jit, I, X64_AND, X64_AND_TO);
    else
        X64Register(&Jit->Code, 32, I->Immediate == 0xff ? X64_MOVZX_BYTE_FROM : X64_MOVZX_WORD_FROM, To, To);
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
        JitLoadConstant(Jit, SCRATCH, (UINT64)(INT64)Factor);
        X64Register(Code, Width, X64_IMUL_FROM, To, SCRATCH);
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
        JitSimple(Jit, I, X64_ADD, X64_ADD_TO);
        return;
    case EBPF_SUB:
        JitSimple(Jit, I, X64_SUB, X64_SUB_TO);
        return;
    case EBPF_OR:
        JitSimple(Jit, I, X64_OR, X64_OR_TO);
        return;
    case EBPF_AND:
        And(Jit, I);
        return;
    case EBPF_XOR:
        JitSimple(Jit, I, X64_XOR, X64_XOR_TO);
        return;
    case EBPF_MUL:
        Multiply(Jit, I);
        return;
    case EBPF_DIV:
        Divide(Jit, I, FALSE);
        return;
    case EBPF_MOD:
        Divide(Jit, I, TRUE);
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
        return;
    case EBPF_MOV:
        MoveOrExtend(Jit, I);
        return;
    default:
        // To little-endian is the one order that x64 has already.
        Order(Jit, I, I->Opcode != (EBPF_END | EBPF_K | EBPF_CLASS_ALU));
        return;
    }
}

_Use_decl_annotations_
UINT32
JitSizeOf(const EBPF_INSTRUCTION *I)
{
    switch (I->Opcode & 0x18) {
    case EBPF_B:
        return 8;
    case EBPF_H:
        return 16;
    case EBPF_W:
        return 32;
    default:
        return 64;
    }
}

/** How an x64 load of that many bits fills a register. */
typedef struct _LOAD_FORM {
    UINT32 Bits, Width, Opcode;
} LOAD_FORM;

static LOAD_FORM
LoadFormOf(const EBPF_INSTRUCTION *I, BOOLEAN Signed)
{
    static const LOAD_FORM Forms[2][3] = {
        {{8, 32, X64_MOVZX_BYTE_FROM}, {16, 32, X64_MOVZX_WORD_FROM}, {32, 32, X64_MOV_FROM}},
        {{8, 64, X64_MOVSX_BYTE_FROM}, {16, 64, X64_MOVSX_WORD_FROM}, {32, 64, X64_MOVSXD_FROM}},
    };
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Forms[Signed]); Index++)
        if (Forms[Signed][Index].Bits == JitSizeOf(I))
            return Forms[Signed][Index];
    return (LOAD_FORM){.Bits = 64, .Width = 64, .Opcode = X64_MOV_FROM};
}

_Use_decl_annotations_
VOID
JitLoad(JIT *Jit, const EBPF_INSTRUCTION *I, BOOLEAN Signed)
{
    LOAD_FORM Form = LoadFormOf(I, Signed);
    X64Memory(&Jit->Code, Form.Width, Form.Opcode, JitRegisters[I->Destination], JitRegisters[I->Source], I->Offset);
}

_Use_decl_annotations_
VOID
JitStoreRegister(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 From)
{
    UINT32 Opcode = JitSizeOf(I) == 8 ? X64_MOV_BYTE_TO : X64_MOV_TO;
    X64Memory(&Jit->Code, JitSizeOf(I), Opcode, From, JitRegisters[I->Destination], I->Offset);
}

_Use_decl_annotations_
VOID
JitStoreImmediate(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT32 Width = JitSizeOf(I);
    if (!JitIsPlain(Jit, I->Immediate)) {
        JitLoadConstant(Jit, SCRATCH, (UINT64)(INT64)I->Immediate);
        JitStoreRegister(Jit, I, SCRATCH);
        return;
    }
    UINT32 Opcode = Width == 8 ? X64_MOV_BYTE_IMMEDIATE : X64_MOV_IMMEDIATE;
    X64Memory(&Jit->Code, Width, Opcode, 0, JitRegisters[I->Destination], I->Offset);
    X64Bytes(&Jit->Code, Width == 64 ? 4 : Width / 8, (UINT32)I->Immediate);
}

/** An instruction on memory that is atomic. */
static VOID
Locked(JIT *Jit, UINT32 Width, UINT32 Opcode, UINT32 Reg, UINT32 Base, INT16 Offset)
{
    X64Byte(&Jit->Code, 0xf0);
    X64Memory(&Jit->Code, Width, Opcode, Reg, Base, Offset);
}

/** AND, OR and XOR that give the old value: tried until nobody came between. RAX, which that takes, is kept in SCRATCH2. */
static VOID
FetchInLoop(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Opcode)
{
    X64_CODE *Code = &Jit->Code;
    UINT32 Width = JitSizeOf(I);
    UINT32 Source = JitRegisters[I->Source];
    UINT32 Base = JitRegisters[I->Destination] == X64_RAX ? SCRATCH2 : JitRegisters[I->Destination];
    JitMove(Jit, 64, SCRATCH2, X64_RAX);
    X64Memory(Code, Width, X64_MOV_FROM, X64_RAX, Base, I->Offset);
    UINT32 Again = Code->SizeBytes;
    JitMove(Jit, 64, SCRATCH, X64_RAX);
    X64Register(Code, Width, Opcode, Source == X64_RAX ? SCRATCH2 : Source, SCRATCH);
    Locked(Jit, Width, X64_CMPXCHG_WITH, SCRATCH, Base, I->Offset);
    X64Jump(Code, X64_NE, Again);
    if (Source == X64_RAX)
        return;
    JitMove(Jit, Width, Source, X64_RAX);
    JitMove(Jit, 64, X64_RAX, SCRATCH2);
}

_Use_decl_annotations_
VOID
JitAtomic(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    static const struct {
        INT32 Operation;
        UINT32 Opcode;
    } Forms[] = {
        {EBPF_ATOMIC_ADD, X64_ADD_TO},
        {EBPF_ATOMIC_OR, X64_OR_TO},
        {EBPF_ATOMIC_AND, X64_AND_TO},
        {EBPF_ATOMIC_XOR, X64_XOR_TO},
        {EBPF_ATOMIC_ADD | EBPF_FETCH, X64_XADD_WITH},
        {EBPF_ATOMIC_XCHG, X64_XCHG_WITH},
        {EBPF_ATOMIC_CMPXCHG, X64_CMPXCHG_WITH},
    };
    UINT32 Width = JitSizeOf(I);
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Forms); Index++) {
        if (Forms[Index].Operation != I->Immediate)
            continue;
        Locked(Jit, Width, Forms[Index].Opcode, JitRegisters[I->Source], JitRegisters[I->Destination], I->Offset);
        // CMPXCHG that succeeds leaves the upper half of RAX as it was.
        if (I->Immediate == EBPF_ATOMIC_CMPXCHG && Width == 32)
            JitMove(Jit, 32, X64_RAX, X64_RAX);
        return;
    }
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Forms); Index++)
        if ((Forms[Index].Operation | EBPF_FETCH) == I->Immediate)
            FetchInLoop(Jit, I, Forms[Index].Opcode);
}

#define MOV64 (EBPF_MOV | EBPF_X | EBPF_CLASS_ALU64)
#define ADD64(Form) (EBPF_ADD | (Form) | EBPF_CLASS_ALU64)

/** `r3 = r1; r3 += r2` or `r3 += 8` is one address; with `r3 = *(r3 + 4)` after it, one load. */
static UINT32
FuseAddress(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Count)
{
    X64_CODE *Code = &Jit->Code;
    UINT8 To = I->Destination;
    BOOLEAN ByRegister = I[1].Opcode == ADD64(EBPF_X);
    INT64 Displacement = ByRegister ? 0 : I[1].Immediate;
    if (I->Opcode != MOV64 || I->Offset != 0 || I[1].Destination != To ||
        !(ByRegister || (I[1].Opcode == ADD64(EBPF_K) && JitIsPlain(Jit, Displacement))))
        return 0;
    UINT32 Base = JitRegisters[I->Source];
    // What is added may be the register itself: it is the base already.
    UINT32 Index = JitRegisters[I[1].Source == To ? I->Source : I[1].Source];
    LOAD_FORM Form = {.Width = 64, .Opcode = X64_LEA};
    UINT32 Fused = 2;
    BOOLEAN Signed = Count > 2 && I[2].Opcode != EBPF_OPCODE_LDDW && (I[2].Opcode & 0xe0) == EBPF_MEMSX;
    if (Count > 2 && (I[2].Opcode & 7) == EBPF_CLASS_LDX && (Signed || (I[2].Opcode & 0xe0) == EBPF_MEM) &&
        I[2].Destination == To && I[2].Source == To && Displacement + I[2].Offset <= INT32_MAX &&
        Displacement + I[2].Offset >= INT32_MIN) {
        Form = LoadFormOf(&I[2], Signed);
        Displacement += I[2].Offset;
        Fused = 3;
    }
    if (ByRegister)
        X64Indexed(Code, Form.Width, Form.Opcode, JitRegisters[To], Base, Index, 0, (INT32)Displacement);
    else
        X64Memory(Code, Form.Width, Form.Opcode, JitRegisters[To], Base, (INT32)Displacement);
    return Fused;
}

/** `r1 <<= 32; r1 >>= 32` is one move, that clears the upper half or fills it with the sign. */
static UINT32
FuseExtension(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT32 To = JitRegisters[I->Destination];
    BOOLEAN Signed = I[1].Opcode == (EBPF_ARSH | EBPF_K | EBPF_CLASS_ALU64);
    if (I->Opcode != (EBPF_LSH | EBPF_K | EBPF_CLASS_ALU64) || I->Immediate != 32 || I[1].Immediate != 32 ||
        I[1].Destination != I->Destination || !(Signed || I[1].Opcode == (EBPF_RSH | EBPF_K | EBPF_CLASS_ALU64)))
        return 0;
    if (Signed)
        X64Register(&Jit->Code, 64, X64_MOVSXD_FROM, To, To);
    else
        JitMove(Jit, 32, To, To);
    return 2;
}

_Use_decl_annotations_
UINT32
JitFuse(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Count)
{
    if (Count < 2)
        return 0;
    UINT32 Fused = FuseAddress(Jit, I, Count);
    return Fused != 0 ? Fused : FuseExtension(Jit, I);
}
