// What the JIT writes for jumps: the comparison, and what a jump back costs.
#include "jit-emit.h"

_Use_decl_annotations_
VOID
JitCharge(JIT *Jit, UINT32 Cost)
{
    X64Group(&Jit->Code, 64, X64_SUB, BUDGET, (INT32)Cost);
}

static UINT32
ConditionOf(const EBPF_INSTRUCTION *I)
{
    switch (I->Opcode & 0xf0) {
    case EBPF_JEQ:
        return X64_E;
    case EBPF_JNE:
    case EBPF_JSET:
        return X64_NE;
    case EBPF_JGT:
        return X64_A;
    case EBPF_JGE:
        return X64_AE;
    case EBPF_JLT:
        return X64_B;
    case EBPF_JLE:
        return X64_BE;
    case EBPF_JSGT:
        return X64_G;
    case EBPF_JSGE:
        return X64_GE;
    case EBPF_JSLT:
        return X64_L;
    case EBPF_JSLE:
        return X64_LE;
    default:
        return X64_ALWAYS;
    }
}

/** Is it known already from the instruction before whether the register is 0, which is all that is asked? */
static BOOLEAN
FlagsAreOf(const JIT *Jit, const EBPF_INSTRUCTION *I)
{
    const EBPF_INSTRUCTION *Before = I - 1;
    UINT8 Test = I->Opcode & (0xf0 | EBPF_X);
    if (Jit->Slot == 0 || Jit->FlagsSlot != Jit->Slot - 1 || Jit->Targets[Jit->Slot] != 0)
        return FALSE;
    return (Test == EBPF_JEQ || Test == EBPF_JNE) && I->Immediate == 0 && I->Destination == Before->Destination &&
           (JitWidthOf(I) == 64 || JitWidthOf(Before) == 32);
}

/** Is a register equal to a constant? Both are moved by a key, so that none of the two numbers in the code is the program's. */
static VOID
CompareBlinded(JIT *Jit, UINT32 Width, UINT32 Left, INT32 Constant)
{
    // Of the other sign, so that the sum is of 32 bits too; and too large for a short form, so that all passes agree.
    INT32 Key = (INT32)(JitKey(Jit) & INT32_MAX) | 0x100;
    if (Constant >= 0)
        Key = -Key;
    X64Memory(&Jit->Code, Width, X64_LEA, SCRATCH, Left, Key);
    X64Register(&Jit->Code, Width, X64_GROUP_WORD, X64_CMP, SCRATCH);
    X64Bytes(&Jit->Code, 4, (UINT32)(Constant + Key));
}

static VOID
Compare(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT8 Test = I->Opcode & (0xf0 | EBPF_X);
    UINT32 Left = JitRegisters[I->Destination];
    UINT32 Width = JitWidthOf(I);
    if (FlagsAreOf(Jit, I))
        return;
    if ((Test & EBPF_X) == 0 && Test != EBPF_JSET && I->Immediate == 0) {
        X64Register(&Jit->Code, Width, X64_TEST_WITH, Left, Left);
    } else if ((Test == EBPF_JEQ || Test == EBPF_JNE) && !JitIsPlain(Jit, I->Immediate)) {
        CompareBlinded(Jit, Width, Left, I->Immediate);
    } else if ((I->Opcode & 0xf0) != EBPF_JSET) {
        JitSimple(Jit, I, X64_CMP, X64_CMP_WITH);
    } else if ((I->Opcode & EBPF_X) != 0 || !JitIsPlain(Jit, I->Immediate)) {
        X64Register(&Jit->Code, Width, X64_TEST_WITH, JitOperand(Jit, I), Left);
    } else {
        X64Register(&Jit->Code, Width, X64_UNARY, X64_TEST, Left);
        X64Bytes(&Jit->Code, 4, (UINT32)I->Immediate);
    }
}

_Use_decl_annotations_
VOID
JitJump(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    UINT32 Condition = ConditionOf(I);
    UINT32 Cost = BytecodeCost(Jit->Bytecode, Jit->Slot);
    UINT32 Target = Jit->Places[BytecodeTarget(Jit->Bytecode->Slots, Jit->Slot)];
    BOOLEAN Short = Jit->Short[Jit->Slot] != 0;
    UINT32 NotTaken = 0;
    if (Condition != X64_ALWAYS)
        Compare(Jit, I);
    if (Cost == 0) {
        X64Jump(&Jit->Code, Condition, Target, Short);
        return;
    }
    // Conditions come in pairs of opposites.
    if (Condition != X64_ALWAYS)
        NotTaken = X64Skip(&Jit->Code, Condition ^ 1);
    JitCharge(Jit, Cost);
    X64Jump(&Jit->Code, X64_AE, Target, Short);
    X64Jump(&Jit->Code, X64_ALWAYS, Jit->Stubs[Jit->Slot], FALSE);
    if (Condition != X64_ALWAYS)
        X64Land(&Jit->Code, NotTaken);
}
