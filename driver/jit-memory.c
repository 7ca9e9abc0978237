// What the JIT writes for accesses to memory.
#include "jit-emit.h"

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

_Use_decl_annotations_
LOAD_FORM
JitLoadForm(const EBPF_INSTRUCTION *I)
{
    static const LOAD_FORM Forms[2][3] = {
        {{8, 32, X64_MOVZX_BYTE_FROM}, {16, 32, X64_MOVZX_WORD_FROM}, {32, 32, X64_MOV_FROM}},
        {{8, 64, X64_MOVSX_BYTE_FROM}, {16, 64, X64_MOVSX_WORD_FROM}, {32, 64, X64_MOVSXD_FROM}},
    };
    BOOLEAN Signed = (I->Opcode & 0xe0) == EBPF_MEMSX;
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Forms[Signed]); Index++)
        if (Forms[Signed][Index].Bits == JitSizeOf(I))
            return Forms[Signed][Index];
    return (LOAD_FORM){.Bits = 64, .Width = 64, .Opcode = X64_MOV_FROM};
}

_Use_decl_annotations_
VOID
JitLoad(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    LOAD_FORM Form = JitLoadForm(I);
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
    X64Jump(Code, X64_NE, Again, TRUE);
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
