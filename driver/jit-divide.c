// What the JIT writes for divisions. By a constant an unsigned one is a multiplication by its reciprocal, which is exact for all that is
// divided: T. Granlund, P. Montgomery, "Division by invariant integers using multiplication" (PLDI 1994), theorem 4.2.
#include "jit-emit.h"

/** n / d is (n * (Multiplier + (HasCarry << Width))) >> (Width + Shift). */
typedef struct _RECIPROCAL {
    UINT64 Multiplier;
    UINT8 Shift;
    BOOLEAN HasCarry;
} RECIPROCAL;

/** Of a divisor that is no power of 2. The theorem asks of a multiplier m: 0 < m * d - 2^(Width + Shift) <= 2^Shift. */
static RECIPROCAL
FindReciprocal(UINT32 Width, UINT64 Divisor)
{
    UINT64 Most = Width == 64 ? UINT64_MAX : UINT32_MAX;
    UINT8 Length = 0;
    while (Length < 64 && Divisor >> Length != 0)
        Length++;
    // 2^(Width + Shift) is Quotient * Divisor + Rest, the quotient without what is above 64 bits; the multiplier is one more.
    UINT64 Quotient = Most / Divisor;
    UINT64 Rest = Most % Divisor + 1;
    UINT8 Shift = 0;
    while (Shift < Length && Divisor - Rest > 1ull << Shift) {
        BOOLEAN IsOver = Rest >= Divisor - Rest;
        Quotient = 2 * Quotient + IsOver;
        Rest = IsOver ? Rest - (Divisor - Rest) : 2 * Rest;
        Shift++;
    }
    return (RECIPROCAL){.Multiplier = (Quotient + 1) & Most, .Shift = Shift, .HasCarry = Shift == Length};
}

/** SCRATCH becomes the upper half of its product with To, shifted to the right. */
static VOID
TakeUpperHalf(JIT *Jit, UINT32 Width, UINT32 To, UINT8 Shift)
{
    X64_CODE *Code = &Jit->Code;
    if (Width == 32) {
        JitMove(Jit, 32, SCRATCH2, To);
        X64Register(Code, 64, X64_IMUL_FROM, SCRATCH, SCRATCH2);
        JitShift(Jit, 64, X64_SHR, SCRATCH, (UINT8)(32 + Shift));
        return;
    }
    JitMove(Jit, 64, SCRATCH2, X64_RAX);
    X64Push(Code, X64_RDX);
    JitMove(Jit, 64, X64_RAX, To);
    X64Register(Code, 64, X64_UNARY, X64_MUL, SCRATCH);
    JitMove(Jit, 64, SCRATCH, X64_RDX);
    X64Pop(Code, X64_RDX);
    JitMove(Jit, 64, X64_RAX, SCRATCH2);
    JitShift(Jit, 64, X64_SHR, SCRATCH, Shift);
}

/** SCRATCH becomes To / Divisor. */
static VOID
MultiplyByReciprocal(JIT *Jit, UINT32 Width, UINT32 To, UINT64 Divisor)
{
    X64_CODE *Code = &Jit->Code;
    RECIPROCAL Reciprocal = FindReciprocal(Width, Divisor);
    JitLoadConstant(Jit, SCRATCH, Reciprocal.Multiplier);
    TakeUpperHalf(Jit, Width, To, Reciprocal.HasCarry ? 0 : Reciprocal.Shift);
    if (!Reciprocal.HasCarry)
        return;
    // To + SCRATCH may be too large by one bit: half of their difference, added to the one, is half of the sum.
    JitMove(Jit, 64, SCRATCH2, To);
    X64Register(Code, Width, X64_SUB_TO, SCRATCH, SCRATCH2);
    JitShift(Jit, Width, X64_SHR, SCRATCH2, 1);
    X64Register(Code, Width, X64_ADD_TO, SCRATCH2, SCRATCH);
    JitShift(Jit, Width, X64_SHR, SCRATCH, (UINT8)(Reciprocal.Shift - 1));
}

/** By 0 too: RFC 9669 section 4.1 says that n / 0 is 0 and n % 0 is n. */
static VOID
DivideByConstant(JIT *Jit, UINT32 Width, UINT32 To, INT32 Immediate, BOOLEAN Modulo)
{
    X64_CODE *Code = &Jit->Code;
    UINT64 Divisor = Width == 64 ? (UINT64)(INT64)Immediate : (UINT32)Immediate;
    BOOLEAN IsPower = (Divisor & (Divisor - 1)) == 0;
    if (Divisor == (Modulo ? 1 : 0)) {
        X64Constant(Code, To, 0);
    } else if (Divisor == 0) {
        JitMove(Jit, Width, To, To);
    } else if (IsPower && Modulo) {
        JitAnd(Jit, Width, To, (INT32)(Divisor - 1));
    } else if (IsPower) {
        UINT8 Shift = 0;
        while (Divisor >> Shift != 1)
            Shift++;
        JitShift(Jit, Width, X64_SHR, To, Shift);
    } else {
        MultiplyByReciprocal(Jit, Width, To, Divisor);
        if (!Modulo) {
            JitMove(Jit, Width, To, SCRATCH);
            return;
        }
        JitMultiply(Jit, Width, SCRATCH, Immediate);
        X64Register(Code, Width, X64_SUB_TO, SCRATCH, To);
    }
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
_Use_decl_annotations_
VOID
JitDivide(JIT *Jit, const EBPF_INSTRUCTION *I, BOOLEAN Modulo)
{
    X64_CODE *Code = &Jit->Code;
    UINT32 To = JitRegisters[I->Destination];
    UINT32 Width = JitWidthOf(I);
    BOOLEAN Signed = I->Offset != 0;
    UINT32 ToEndFromMinusOne = 0;
    if ((I->Opcode & EBPF_X) == 0 && !Signed) {
        DivideByConstant(Jit, Width, To, I->Immediate, Modulo);
        return;
    }
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
