// Three passes over the bytecode: the first only counts, all jumps being long, and so finds which can be short ones; the second finds
// where each slot begins then, and the third writes.
//
//   r0 RAX, r1-r5 RSI RDX RCX R8 R9, r6-r9 RBX R13 R14 R15, r10 RBP; the run R12, its budget RDI; scratch R10 R11
//
// So r1 to r5 are where a helper expects its second to sixth argument (System V); the run becomes the first, and the budget is
// in the run while native functions are called. Native stack
// of a function: what its caller saved of r6 to r9, the return address, and what aligns the next call.
#include "jit-emit.h"

#include "helpers.h"
#include "opcode.h"

/** What is known of a slot: jumps lead there, also from behind. */
enum { TARGET = 1, TARGET_OF_LOOP = 2 };
/** Of a cache line. */
#define LOOP_ALIGNMENT 64

/** Is it a call of C: of a helper, or of what reads the packet? */
static BOOLEAN
IsNativeCall(const EBPF_INSTRUCTION *I)
{
    if (I->Opcode == EBPF_OPCODE_CALL)
        return I->Source != EBPF_CALL_LOCAL;
    return (I->Opcode & 7) == EBPF_CLASS_LD && I->Opcode != EBPF_OPCODE_LDDW;
}

static VOID
PushKept(JIT *Jit)
{
    for (UINT32 Index = 0; Index < Jit->KeptCount; Index++)
        X64Push(&Jit->Code, Jit->Kept[Index]);
}

static VOID
PopKept(JIT *Jit)
{
    for (UINT32 Index = Jit->KeptCount; Index > 0; Index--)
        X64Pop(&Jit->Code, Jit->Kept[Index - 1]);
}

/** Moves the native stack's pointer so that it is a multiple of 16 again, after a return address and what was pushed. */
static VOID
AlignStack(JIT *Jit, UINT32 Operation, UINT32 Pushed)
{
    if (Jit->CallsNative && Pushed % 2 == 0)
        X64Group(&Jit->Code, 64, Operation, X64_RSP, 8);
}

static BOOLEAN
UsesRun(const JIT *Jit)
{
    return Jit->Charges || Jit->CallsNative;
}

static UINT32
CountPushed(const JIT *Jit)
{
    return Jit->KeptCount + UsesRun(Jit) + Jit->UsesStack;
}

/** What the code begins with: of what the program does not need nothing is set up. R1 and R2 are where they are given. */
static VOID
Enter(JIT *Jit)
{
    X64_CODE *Code = &Jit->Code;
    if (Jit->UsesStack)
        X64Push(Code, X64_RBP);
    if (UsesRun(Jit))
        X64Push(Code, RUN);
    PushKept(Jit);
    AlignStack(Jit, X64_SUB, CountPushed(Jit));
    if (Jit->UsesStack)
        X64Memory(
            Code, 64, X64_LEA, X64_RBP, X64_RDI, offsetof(EBPF_RUN, Stack) + EBPF_FRAME_COUNT * EBPF_FRAME_SIZE_BYTES);
    if (UsesRun(Jit))
        JitMove(Jit, 64, RUN, X64_RDI);
    if (Jit->Bytecode->SubprogramCount > 1)
        X64Memory(Code, 64, X64_MOV_TO, X64_RSP, RUN, offsetof(EBPF_RUN, NativeStack));
    if (Jit->Charges)
        X64Memory(Code, 64, X64_MOV_FROM, BUDGET, RUN, offsetof(EBPF_RUN, Budget));
}

/** What it ends with, where the native stack's pointer is as Enter left it. */
static VOID
Leave(JIT *Jit)
{
    X64_CODE *Code = &Jit->Code;
    if (Jit->Charges)
        X64Memory(Code, 64, X64_MOV_TO, BUDGET, RUN, offsetof(EBPF_RUN, Budget));
    AlignStack(Jit, X64_ADD, CountPushed(Jit));
    PopKept(Jit);
    if (UsesRun(Jit))
        X64Pop(Code, RUN);
    if (Jit->UsesStack)
        X64Pop(Code, X64_RBP);
    X64Byte(Code, 0xc3);
}

/** Where a run ends that is over in the midst of it, in any function. */
static VOID
Unwind(JIT *Jit)
{
    Jit->Unwind = Jit->Code.SizeBytes;
    if (Jit->Bytecode->SubprogramCount > 1)
        X64Memory(&Jit->Code, 64, X64_MOV_FROM, X64_RSP, RUN, offsetof(EBPF_RUN, NativeStack));
    Leave(Jit);
}

static VOID
Exit(JIT *Jit)
{
    if (Jit->Subprogram->Start == 0) {
        Leave(Jit);
        return;
    }
    AlignStack(Jit, X64_ADD, Jit->KeptCount);
    X64Byte(&Jit->Code, 0xc3);
}

static VOID
CallNative(JIT *Jit, UINT_PTR Function)
{
    if (Jit->Charges)
        X64Memory(&Jit->Code, 64, X64_MOV_TO, BUDGET, RUN, offsetof(EBPF_RUN, Budget));
    JitMove(Jit, 64, X64_RDI, RUN);
    X64Constant(&Jit->Code, SCRATCH, Function);
    X64CallRegister(&Jit->Code, SCRATCH);
    if (Jit->Charges)
        X64Memory(&Jit->Code, 64, X64_MOV_FROM, BUDGET, RUN, offsetof(EBPF_RUN, Budget));
}

#define OUTSIDE_OF_PACKET UINT64_MAX

/** What legacy packet loads call: up to 4 bytes in network order, or OUTSIDE_OF_PACKET. */
static UINT64 EBPF_SYSV_ABI
ReadPacket(const EBPF_RUN *Run, INT64 Offset, UINT32 SizeBytes)
{
    UINT64 Value;
    return RunReadPacket(Run, Offset, SizeBytes, &Value) ? Value : OUTSIDE_OF_PACKET;
}

static VOID
LoadPacket(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    X64_CODE *Code = &Jit->Code;
    if ((I->Opcode & 0xe0) == EBPF_IND)
        X64Register(Code, 64, X64_MOVSXD_FROM, SCRATCH, JitRegisters[I->Source]);
    else
        X64Constant(Code, SCRATCH, 0);
    JitLoadConstant(Jit, X64_RSI, (UINT64)(INT64)I->Immediate);
    X64Register(Code, 64, X64_ADD_TO, SCRATCH, X64_RSI);
    X64Constant(Code, X64_RDX, JitSizeOf(I) / 8);
    CallNative(Jit, (UINT_PTR)ReadPacket);
    X64Group(Code, 64, X64_CMP, X64_RAX, -1);
    UINT32 Inside = X64Skip(Code, X64_NE);
    X64Constant(Code, X64_RAX, 0);
    Exit(Jit);
    X64Land(Code, Inside);
}

static VOID
CallLocal(JIT *Jit)
{
    X64_CODE *Code = &Jit->Code;
    JitCharge(Jit, BytecodeCost(Jit->Bytecode, Jit->Slot));
    X64Jump(Code, X64_B, Jit->Stubs[Jit->Slot], FALSE);
    PushKept(Jit);
    if (Jit->UsesStack)
        X64Group(Code, 64, X64_SUB, X64_RBP, EBPF_FRAME_SIZE_BYTES);
    X64Call(Code, Jit->Entries[BytecodeTarget(Jit->Bytecode->Slots, Jit->Slot)]);
    if (Jit->UsesStack)
        X64Group(Code, 64, X64_ADD, X64_RBP, EBPF_FRAME_SIZE_BYTES);
    PopKept(Jit);
}

/** A look-up in an array that is known when it is compiled, without a call. */
static VOID
LookUpInArray(JIT *Jit, UINT64 StrideBytes)
{
    static const UINT8 FirstKey[sizeof(UINT32)] = {0};
    X64_CODE *Code = &Jit->Code;
    X64Memory(Code, 32, X64_MOV_FROM, X64_RAX, X64_RDX, 0);
    // How many entries there are, and of what size, is the program's choice too.
    JitLoadConstant(Jit, SCRATCH, Jit->Array->Definition.MaxEntries);
    X64Register(Code, 32, X64_CMP_WITH, SCRATCH, X64_RAX);
    UINT32 Inside = X64Skip(Code, X64_B);
    X64Constant(Code, X64_RAX, 0);
    UINT32 End = X64Skip(Code, X64_ALWAYS);
    X64Land(Code, Inside);
    JitMultiply(Jit, 64, X64_RAX, (INT32)StrideBytes);
    X64Constant(Code, SCRATCH, (UINT_PTR)Jit->Array->Type->Lookup(Jit->Array, FirstKey));
    X64Register(Code, 64, X64_ADD_TO, SCRATCH, X64_RAX);
    X64Land(Code, End);
}

/** What r1 is after the instruction; NULL after one that writes r1 otherwise, and at every place that a jump leads to. */
static EBPF_MAP *
KnownArray(const JIT *Jit, const EBPF_INSTRUCTION *I)
{
    // As BindWide has made it: the place of the map plus 1.
    UINT32 Index = (UINT32)I->Immediate - 1;
    switch (Opcodes[I->Opcode].Kind) {
    case OpcodeWide:
        if (I->Destination != 1)
            return Jit->Array;
        if (I[1].Immediate != 0 || Index >= Jit->MapCount || Jit->Maps[Index]->Type != &ArrayMapType)
            return NULL;
        return Jit->Maps[Index];
    case OpcodeWrites:
        return I->Destination == 1 ? NULL : Jit->Array;
    case OpcodeReads:
    case OpcodeJump:
        return Jit->Array;
    default:
        return NULL;
    }
}

static VOID
CallHelper(JIT *Jit, UINT32 Id)
{
    UINT64 StrideBytes = Jit->Array == NULL ? 0 : MapAlign(Jit->Array->Definition.ValueSizeBytes, 8);
    if (Id == EBPF_HELPER_LOOKUP && Jit->Array != NULL && StrideBytes <= INT32_MAX) {
        LookUpInArray(Jit, StrideBytes);
        return;
    }
    CallNative(Jit, (UINT_PTR)HelperFind(Jit->Type, Id)->Function);
    if (Id != EBPF_HELPER_TAIL_CALL)
        return;
    X64Memory(&Jit->Code, 64, X64_GROUP_BYTE, X64_CMP, RUN, offsetof(EBPF_RUN, TailTarget));
    X64Byte(&Jit->Code, 0);
    X64Jump(&Jit->Code, X64_NE, Jit->Unwind, FALSE);
}

static VOID
Instruction(JIT *Jit, const EBPF_INSTRUCTION *I)
{
    switch (I->Opcode & 7) {
    case EBPF_CLASS_ALU:
    case EBPF_CLASS_ALU64:
        JitArithmetic(Jit, I);
        return;
    case EBPF_CLASS_LD:
        if (I->Opcode == EBPF_OPCODE_LDDW)
            JitLoadConstant(
                Jit, JitRegisters[I->Destination], (UINT32)I->Immediate | (UINT64)(UINT32)I[1].Immediate << 32);
        else
            LoadPacket(Jit, I);
        return;
    case EBPF_CLASS_LDX:
        JitLoad(Jit, I);
        return;
    case EBPF_CLASS_ST:
        JitStoreImmediate(Jit, I);
        return;
    case EBPF_CLASS_STX:
        if ((I->Opcode & 0xe0) == EBPF_ATOMIC)
            JitAtomic(Jit, I);
        else
            JitStoreRegister(Jit, I, JitRegisters[I->Source]);
        return;
    default:
        break;
    }
    if (I->Opcode == EBPF_OPCODE_EXIT)
        Exit(Jit);
    else if (I->Opcode != EBPF_OPCODE_CALL)
        JitJump(Jit, I);
    else if (I->Source == EBPF_CALL_LOCAL)
        CallLocal(Jit);
    else
        CallHelper(Jit, (UINT32)I->Immediate);
}

/** For each instruction that costs: what was taken too much is given back, and the run ends with a fault. */
static VOID
WriteStubs(JIT *Jit)
{
    X64_CODE *Code = &Jit->Code;
    for (UINT32 Slot = 0; Slot < Jit->Bytecode->SlotCount; Slot++) {
        // What is no instruction has no place.
        UINT32 Cost = Jit->Places[Slot] == 0 ? 0 : BytecodeCost(Jit->Bytecode, Slot);
        if (Cost == 0)
            continue;
        Jit->Stubs[Slot] = Code->SizeBytes;
        X64Group(Code, 64, X64_ADD, BUDGET, (INT32)Cost);
        X64Memory(Code, 32, X64_MOV_IMMEDIATE, 0, RUN, offsetof(EBPF_RUN, FaultSlot));
        X64Bytes(Code, 4, Slot);
        X64Memory(Code, 32, X64_MOV_IMMEDIATE, 0, RUN, offsetof(EBPF_RUN, Fault));
        X64Bytes(Code, 4, FaultBudget);
        X64Jump(Code, X64_ALWAYS, Jit->Unwind, FALSE);
    }
}

/** Instructions from here on, at most as many as are ever fused, of which none but the first is jumped to; 0 where no pattern begins. */
static UINT32
CountStraight(const JIT *Jit)
{
    UINT8 Class = Jit->Bytecode->Slots[Jit->Slot].Opcode & 7;
    UINT32 Count = Class == EBPF_CLASS_ALU || Class == EBPF_CLASS_ALU64 || Class == EBPF_CLASS_LDX;
    while (Count > 0 && Count < JIT_MOST_FUSED && Jit->Slot + Count < Jit->Subprogram->End && Jit->Targets[Jit->Slot + Count] == 0)
        Count++;
    return Count;
}

static VOID
WriteFunction(JIT *Jit, const EBPF_SUBPROGRAM *Subprogram)
{
    const EBPF_INSTRUCTION *Slots = Jit->Bytecode->Slots;
    Jit->Subprogram = Subprogram;
    Jit->Array = NULL;
    Jit->Entries[Subprogram->Start] = Jit->Code.SizeBytes;
    if (Subprogram->Start != 0)
        AlignStack(Jit, X64_SUB, Jit->KeptCount);
    for (Jit->Slot = Subprogram->Start; Jit->Slot < Subprogram->End; Jit->Slot++) {
        if (Jit->Targets[Jit->Slot] == TARGET_OF_LOOP)
            X64Align(&Jit->Code, LOOP_ALIGNMENT);
        Jit->Places[Jit->Slot] = Jit->Code.SizeBytes;
        if (Jit->Targets[Jit->Slot] != 0)
            Jit->Array = NULL;
        UINT32 Fused = JitFuse(Jit, &Slots[Jit->Slot], CountStraight(Jit));
        if (Fused == 0)
            Instruction(Jit, &Slots[Jit->Slot]);
        for (; Fused > 1; Fused--)
            Jit->Array = KnownArray(Jit, &Slots[Jit->Slot++]);
        Jit->Array = KnownArray(Jit, &Slots[Jit->Slot]);
        if (Slots[Jit->Slot].Opcode == EBPF_OPCODE_LDDW)
            Jit->Slot++;
    }
}

/** What of registers, the run and the stack the program uses at all. */
static VOID
FindUses(JIT *Jit)
{
    UINT32 Named = BytecodeRegisters(Jit->Bytecode);
    for (UINT32 Slot = 0; Slot < Jit->Bytecode->SlotCount; Slot++) {
        const EBPF_INSTRUCTION *I = &Jit->Bytecode->Slots[Slot];
        if (BytecodeCost(Jit->Bytecode, Slot) != 0)
            Jit->Charges = TRUE;
        if (IsNativeCall(I))
            Jit->CallsNative = TRUE;
        // The second slot of a wide immediate is no instruction.
        if (I->Opcode == EBPF_OPCODE_LDDW)
            Slot++;
    }
    Jit->UsesStack = (Named >> EBPF_FRAME_POINTER & 1) != 0;
    for (UINT32 Register = 6; Register <= 9; Register++)
        if ((Named >> Register & 1) != 0)
            Jit->Kept[Jit->KeptCount++] = JitRegisters[Register];
}

static VOID
MarkTargets(JIT *Jit)
{
    const EBPF_INSTRUCTION *Slots = Jit->Bytecode->Slots;
    for (UINT32 Slot = 0; Slot < Jit->Bytecode->SlotCount; Slot++) {
        UINT32 Target = BytecodeTarget(Slots, Slot);
        if (Opcodes[Slots[Slot].Opcode].Kind == OpcodeJump && Jit->Targets[Target] != TARGET_OF_LOOP)
            Jit->Targets[Target] = Target <= Slot ? TARGET_OF_LOOP : TARGET;
        if (Slots[Slot].Opcode == EBPF_OPCODE_LDDW)
            Slot++;
    }
}

static VOID
Pass(JIT *Jit)
{
    Jit->Code.SizeBytes = 0;
    Jit->FlagsSlot = Jit->Bytecode->SlotCount;
    Enter(Jit);
    for (UINT32 Index = 0; Index < Jit->Bytecode->SubprogramCount; Index++)
        WriteFunction(Jit, &Jit->Bytecode->Subprograms[Index]);
    Unwind(Jit);
    WriteStubs(Jit);
}

/**
 * Is a jump near enough to be a short one? Nothing is aligned between it and where it leads, so once other jumps are short that is no
 * further away than it is now, when all are long.
 */
static BOOLEAN
IsNear(const JIT *Jit, UINT32 Slot)
{
    UINT32 Target = BytecodeTarget(Jit->Bytecode->Slots, Slot);
    UINT32 First = Target < Slot ? Target : Slot;
    UINT32 Last = Target < Slot ? Slot : Target;
    UINT32 After = Slot + 1;
    if (Last - First > INT8_MAX || After == Jit->Bytecode->SlotCount)
        return FALSE;
    for (UINT32 Between = First + 1; Between <= Last; Between++)
        if (Jit->Targets[Between] == TARGET_OF_LOOP)
            return FALSE;
    return (Target > Slot ? Jit->Places[Target] - Jit->Places[After] : Jit->Places[After] - Jit->Places[Target]) <= INT8_MAX;
}

static VOID
MarkShort(JIT *Jit)
{
    for (UINT32 Slot = 0; Slot < Jit->Bytecode->SlotCount; Slot++) {
        const EBPF_INSTRUCTION *I = &Jit->Bytecode->Slots[Slot];
        if (Opcodes[I->Opcode].Kind == OpcodeJump)
            Jit->Short[Slot] = IsNear(Jit, Slot);
        if (I->Opcode == EBPF_OPCODE_LDDW)
            Slot++;
    }
}

/** The last pass, into memory that is made executable after it. */
static NTSTATUS
WriteCode(JIT *Jit, JIT_CODE *Code)
{
    UINT32 SizeBytes = Jit->Code.SizeBytes;
    VOID *Memory = PlatformAllocateCode(SizeBytes);
    if (Memory == NULL)
        return STATUS_NO_MEMORY;
    Jit->Code.Bytes = Memory;
    Jit->Code.CapacityBytes = SizeBytes;
    Pass(Jit);
    if (Jit->Code.SizeBytes != SizeBytes || Jit->Code.IsBroken || !PlatformSealCode(Memory, SizeBytes)) {
        PlatformFreeCode(Memory, SizeBytes);
        return STATUS_NOT_SUPPORTED;
    }
    *Code = (JIT_CODE){.Entry = (JIT_ENTRY *)(UINT_PTR)Memory, .Memory = Memory, .SizeBytes = SizeBytes};
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
NTSTATUS
JitCompile(
    const EBPF_PROGRAM_TYPE *Type,
    const EBPF_BYTECODE *Bytecode,
    EBPF_MAP *const *Maps,
    UINT32 MapCount,
    BOOLEAN Blind,
    JIT_CODE *Code)
{
    *Code = (JIT_CODE){0};
    JIT Jit = {.Type = Type, .Bytecode = Bytecode, .Maps = Maps, .MapCount = MapCount, .Blind = Blind};
    UINT32 *Arrays = PlatformAllocate(5 * (SIZE_T)Bytecode->SlotCount * sizeof(UINT32));
    if (Arrays == NULL)
        return STATUS_NO_MEMORY;
    Jit.Places = Arrays;
    Jit.Stubs = Arrays + Bytecode->SlotCount;
    Jit.Entries = Arrays + 2 * (SIZE_T)Bytecode->SlotCount;
    Jit.Targets = Arrays + 3 * (SIZE_T)Bytecode->SlotCount;
    Jit.Short = Arrays + 4 * (SIZE_T)Bytecode->SlotCount;
    FindUses(&Jit);
    MarkTargets(&Jit);
    Pass(&Jit);
    MarkShort(&Jit);
    Pass(&Jit);
    NTSTATUS Status = WriteCode(&Jit, Code);
    PlatformFree(Arrays);
    return Status;
}

_Use_decl_annotations_
VOID
JitFree(JIT_CODE *Code)
{
    if (Code->Memory != NULL)
        PlatformFreeCode(Code->Memory, Code->SizeBytes);
    *Code = (JIT_CODE){0};
}
