// The structural check, in four passes: instructions one by one; where functions begin; where jumps lead and functions
// end; which function calls which. Each is linear, whatever the bytecode is.
#include "bytecode.h"

#include "opcode.h"

/** What is known of a slot. */
enum { MarkInstruction = 1, MarkFunction = 2 };

/** How far the search for recursion is with a function. */
typedef struct _WALK {
    /** The function whose call led here. */
    UINT32 Caller;
    /** The next slot to look at; below Start: not begun, End: done. */
    UINT32 Next;
    BOOLEAN Open;
} WALK;

typedef struct _CHECK {
    EBPF_BYTECODE *Bytecode;
    UINT32 MapCount;
    UINT8 *Marks;
    WALK *Walks;
    UINT32 Slot;
} CHECK;

static BOOLEAN
IsLocalCall(const EBPF_INSTRUCTION *Instruction)
{
    return Instruction->Opcode == EBPF_OPCODE_CALL && Instruction->Source == EBPF_CALL_LOCAL;
}

static BOOLEAN
IsJump(const EBPF_INSTRUCTION *Instruction)
{
    return Opcodes[Instruction->Opcode].Kind == OpcodeJump;
}

/** A 64-bit immediate: its second slot holds nothing but the upper half, which maps do not have. */
static EBPF_FINDING
CheckWide(const CHECK *Check, const EBPF_INSTRUCTION *First)
{
    if (Check->Slot + 1 >= Check->Bytecode->SlotCount)
        return FindingInstructionInvalid;
    const EBPF_INSTRUCTION *Second = First + 1;
    if (Second->Opcode != 0 || Second->Destination != 0 || Second->Source != 0 || Second->Offset != 0)
        return FindingInstructionInvalid;
    switch (First->Source) {
    case EBPF_LDDW_NUMBER:
        return FindingNone;
    case EBPF_LDDW_MAP:
    case EBPF_LDDW_MAP_VALUE:
        if (First->Source == EBPF_LDDW_MAP && Second->Immediate != 0)
            return FindingInstructionInvalid;
        return (UINT32)First->Immediate < Check->MapCount ? FindingNone : FindingMapInvalid;
    default:
        // Kinds 2 and 6 have an offset in the upper half, the others nothing.
        if (First->Source != 6 && Second->Immediate != 0)
            return FindingInstructionInvalid;
        return FindingInstructionUnsupported;
    }
}

/** CMPXCHG writes r0, the other fetching operations their source. */
static BOOLEAN
WritesFramePointer(const EBPF_INSTRUCTION *Instruction)
{
    switch (Opcodes[Instruction->Opcode].Kind) {
    case OpcodeWrites:
    case OpcodeWide:
        return Instruction->Destination == EBPF_FRAME_POINTER;
    case OpcodeAtomic:
        return (Instruction->Immediate & EBPF_FETCH) != 0 && Instruction->Immediate != EBPF_ATOMIC_CMPXCHG &&
               Instruction->Source == EBPF_FRAME_POINTER;
    default:
        return FALSE;
    }
}

static EBPF_FINDING
CheckInstruction(const CHECK *Check)
{
    const EBPF_INSTRUCTION *Instruction = &Check->Bytecode->Slots[Check->Slot];
    UINT8 Kind = Opcodes[Instruction->Opcode].Kind;
    EBPF_FINDING Finding = FindingNone;
    if (!OpcodeIsLegal(Instruction))
        return FindingInstructionInvalid;
    if (Kind == OpcodeWide)
        Finding = CheckWide(Check, Instruction);
    else if (Kind == OpcodeCallRegister || (Kind == OpcodeCall && Instruction->Source > EBPF_CALL_LOCAL))
        Finding = FindingInstructionUnsupported;
    if (Finding != FindingInstructionInvalid && WritesFramePointer(Instruction))
        return FindingFramePointerReadOnly;
    return Finding;
}

static EBPF_FINDING
CheckInstructions(CHECK *Check)
{
    const EBPF_BYTECODE *Bytecode = Check->Bytecode;
    UINT32 Count = 0;
    for (Check->Slot = 0; Check->Slot < Bytecode->SlotCount; Check->Slot++) {
        EBPF_FINDING Finding = CheckInstruction(Check);
        if (Finding != FindingNone)
            return Finding;
        if (++Count > BYTECODE_MAXIMUM_INSTRUCTIONS)
            return FindingTooComplex;
        Check->Marks[Check->Slot] |= MarkInstruction;
        if (Bytecode->Slots[Check->Slot].Opcode == EBPF_OPCODE_LDDW)
            Check->Slot++;
    }
    return FindingNone;
}

/** A function begins at the first slot and wherever a call leads. */
static EBPF_FINDING
FindFunctions(CHECK *Check)
{
    EBPF_BYTECODE *Bytecode = Check->Bytecode;
    Check->Marks[0] |= MarkFunction;
    for (Check->Slot = 0; Check->Slot < Bytecode->SlotCount; Check->Slot++) {
        if ((Check->Marks[Check->Slot] & MarkInstruction) == 0 || !IsLocalCall(&Bytecode->Slots[Check->Slot]))
            continue;
        UINT32 Target = BytecodeTarget(Bytecode->Slots, Check->Slot);
        if (Target >= Bytecode->SlotCount || (Check->Marks[Target] & MarkInstruction) == 0)
            return FindingJumpOutOfRange;
        Check->Marks[Target] |= MarkFunction;
    }
    for (UINT32 Slot = 0; Slot < Bytecode->SlotCount; Slot++)
        Bytecode->SubprogramCount += (Check->Marks[Slot] & MarkFunction) != 0;
    return FindingNone;
}

static VOID
FillSubprograms(const CHECK *Check)
{
    EBPF_BYTECODE *Bytecode = Check->Bytecode;
    UINT32 Count = 0;
    for (UINT32 Slot = 0; Slot < Bytecode->SlotCount; Slot++) {
        if ((Check->Marks[Slot] & MarkFunction) != 0)
            Bytecode->Subprograms[Count++].Start = Slot;
        Bytecode->Subprograms[Count - 1].End = Slot + 1;
    }
}

/** The last instruction of a function; a wide one is found by its second slot, which is no exit and no jump. */
static BOOLEAN
EndsPath(const CHECK *Check, UINT32 Slot)
{
    UINT8 Opcode = Check->Bytecode->Slots[Slot].Opcode;
    return (Check->Marks[Slot] & MarkInstruction) != 0 &&
           (Opcode == EBPF_OPCODE_EXIT || Opcode == EBPF_OPCODE_JA || Opcode == EBPF_OPCODE_JA32);
}

static EBPF_FINDING
CheckFlow(CHECK *Check, const EBPF_SUBPROGRAM *Subprogram)
{
    const EBPF_INSTRUCTION *Slots = Check->Bytecode->Slots;
    for (Check->Slot = Subprogram->Start; Check->Slot < Subprogram->End; Check->Slot++) {
        if ((Check->Marks[Check->Slot] & MarkInstruction) == 0 || !IsJump(&Slots[Check->Slot]))
            continue;
        UINT32 Target = BytecodeTarget(Slots, Check->Slot);
        if (Target < Subprogram->Start || Target >= Subprogram->End ||
            (Check->Marks[Target] & MarkInstruction) == 0)
            return FindingJumpOutOfRange;
    }
    Check->Slot = Subprogram->End - 1;
    return EndsPath(Check, Check->Slot) ? FindingNone : FindingFallThrough;
}

/** The next local call of a function at or after a slot; End if there is none. */
static UINT32
NextCall(const CHECK *Check, const EBPF_SUBPROGRAM *Subprogram, UINT32 Slot)
{
    const EBPF_INSTRUCTION *Slots = Check->Bytecode->Slots;
    while (Slot < Subprogram->End &&
           ((Check->Marks[Slot] & MarkInstruction) == 0 || !IsLocalCall(&Slots[Slot])))
        Slot++;
    return Slot;
}

static VOID
RaiseDepth(EBPF_SUBPROGRAM *Caller, const EBPF_SUBPROGRAM *Callee)
{
    if (Caller->Depth < Callee->Depth + 1)
        Caller->Depth = Callee->Depth + 1;
}

/** Follows the calls of one function depth first, without recursion of its own: the way back is in Walks. */
static EBPF_FINDING
WalkCalls(CHECK *Check, UINT32 Root)
{
    EBPF_SUBPROGRAM *Subprograms = Check->Bytecode->Subprograms;
    WALK *Walks = Check->Walks;
    UINT32 At = Root;
    Walks[Root].Open = TRUE;
    for (;;) {
        EBPF_SUBPROGRAM *Own = &Subprograms[At];
        Check->Slot = NextCall(Check, Own, Walks[At].Next);
        if (Check->Slot == Own->End) {
            Walks[At].Next = Own->End;
            Walks[At].Open = FALSE;
            if (At == Root)
                return FindingNone;
            At = Walks[At].Caller;
            RaiseDepth(&Subprograms[At], Own);
            continue;
        }
        UINT32 Target = BytecodeTarget(Check->Bytecode->Slots, Check->Slot);
        UINT32 Callee = (UINT32)(BytecodeFindSubprogram(Check->Bytecode, Target) - Subprograms);
        if (Walks[Callee].Open)
            return FindingRecursion;
        Walks[At].Next = Check->Slot + 1;
        if (Walks[Callee].Next == Subprograms[Callee].End) {
            RaiseDepth(Own, &Subprograms[Callee]);
            continue;
        }
        Walks[Callee].Caller = At;
        Walks[Callee].Open = TRUE;
        At = Callee;
    }
}

static EBPF_FINDING
CheckCalls(CHECK *Check)
{
    const EBPF_BYTECODE *Bytecode = Check->Bytecode;
    for (UINT32 Index = 0; Index < Bytecode->SubprogramCount; Index++) {
        Bytecode->Subprograms[Index].Depth = 1;
        Check->Walks[Index].Next = Bytecode->Subprograms[Index].Start;
    }
    for (UINT32 Index = 0; Index < Bytecode->SubprogramCount; Index++) {
        if (Check->Walks[Index].Next == Bytecode->Subprograms[Index].End)
            continue;
        EBPF_FINDING Finding = WalkCalls(Check, Index);
        if (Finding != FindingNone)
            return Finding;
    }
    for (UINT32 Index = 0; Index < Bytecode->SubprogramCount; Index++) {
        Check->Slot = Bytecode->Subprograms[Index].Start;
        if (Bytecode->Subprograms[Index].Depth > EBPF_FRAME_COUNT)
            return FindingCallDepth;
    }
    return FindingNone;
}

static EBPF_FINDING
CheckFunctions(CHECK *Check)
{
    for (UINT32 Index = 0; Index < Check->Bytecode->SubprogramCount; Index++) {
        EBPF_FINDING Finding = CheckFlow(Check, &Check->Bytecode->Subprograms[Index]);
        if (Finding != FindingNone)
            return Finding;
    }
    return CheckCalls(Check);
}

/** The passes, and the memory that each needs from the one before. */
static NTSTATUS
RunPasses(CHECK *Check, EBPF_FINDING *Finding)
{
    EBPF_BYTECODE *Bytecode = Check->Bytecode;
    *Finding = CheckInstructions(Check);
    if (*Finding == FindingNone)
        *Finding = FindFunctions(Check);
    if (*Finding != FindingNone)
        return STATUS_INVALID_IMAGE_FORMAT;
    Bytecode->Subprograms = PlatformAllocate(Bytecode->SubprogramCount * sizeof(EBPF_SUBPROGRAM));
    Check->Walks = PlatformAllocate(Bytecode->SubprogramCount * sizeof(WALK));
    if (Bytecode->Subprograms == NULL || Check->Walks == NULL)
        return STATUS_NO_MEMORY;
    FillSubprograms(Check);
    *Finding = CheckFunctions(Check);
    return *Finding == FindingNone ? STATUS_SUCCESS : STATUS_INVALID_IMAGE_FORMAT;
}

_Use_decl_annotations_
NTSTATUS
BytecodeCreate(
    const EBPF_INSTRUCTION *Slots,
    UINT32 SlotCount,
    UINT32 MapCount,
    EBPF_BYTECODE *Bytecode,
    EBPF_FINDING *Finding,
    UINT32 *FindingSlot)
{
    *Bytecode = (EBPF_BYTECODE){.SlotCount = SlotCount};
    *Finding = SlotCount == 0 ? FindingFallThrough : FindingNone;
    *FindingSlot = 0;
    // Every instruction has two slots at most.
    if (SlotCount > 2 * BYTECODE_MAXIMUM_INSTRUCTIONS)
        *Finding = FindingTooComplex;
    if (*Finding != FindingNone)
        return STATUS_INVALID_IMAGE_FORMAT;

    CHECK Check = {.Bytecode = Bytecode, .MapCount = MapCount};
    NTSTATUS Status = STATUS_NO_MEMORY;
    Bytecode->Slots = PlatformAllocate(SlotCount * sizeof(EBPF_INSTRUCTION));
    Check.Marks = PlatformAllocate(SlotCount);
    if (Bytecode->Slots != NULL && Check.Marks != NULL) {
        memcpy(Bytecode->Slots, Slots, SlotCount * sizeof(EBPF_INSTRUCTION));
        Status = RunPasses(&Check, Finding);
        if (*Finding != FindingNone)
            *FindingSlot = Check.Slot;
    }
    PlatformFree(Check.Marks);
    PlatformFree(Check.Walks);
    if (!NT_SUCCESS(Status))
        BytecodeDestroy(Bytecode);
    return Status;
}

_Use_decl_annotations_
VOID
BytecodeDestroy(EBPF_BYTECODE *Bytecode)
{
    PlatformFree(Bytecode->Slots);
    PlatformFree(Bytecode->Subprograms);
    *Bytecode = (EBPF_BYTECODE){0};
}

_Use_decl_annotations_
const EBPF_SUBPROGRAM *
BytecodeFindSubprogram(const EBPF_BYTECODE *Bytecode, UINT32 Start)
{
    UINT32 Low = 0;
    UINT32 High = Bytecode->SubprogramCount;
    while (High - Low > 1) {
        UINT32 Middle = Low + (High - Low) / 2;
        if (Bytecode->Subprograms[Middle].Start <= Start)
            Low = Middle;
        else
            High = Middle;
    }
    return &Bytecode->Subprograms[Low];
}

_Use_decl_annotations_
UINT32
BytecodeCost(const EBPF_BYTECODE *Bytecode, UINT32 Slot)
{
    const EBPF_INSTRUCTION *I = &Bytecode->Slots[Slot];
    UINT32 Target = BytecodeTarget(Bytecode->Slots, Slot);
    if (Opcodes[I->Opcode].Kind == OpcodeJump)
        return Target <= Slot ? Slot - Target + 1 : 0;
    if (I->Opcode != EBPF_OPCODE_CALL || I->Source != EBPF_CALL_LOCAL)
        return 0;
    const EBPF_SUBPROGRAM *Callee = BytecodeFindSubprogram(Bytecode, Target);
    return Callee->End - Callee->Start;
}

_Use_decl_annotations_
UINT32
BytecodeRegisters(const EBPF_BYTECODE *Bytecode)
{
    UINT32 Registers = 0;
    for (UINT32 Slot = 0; Slot < Bytecode->SlotCount; Slot++) {
        const EBPF_INSTRUCTION *I = &Bytecode->Slots[Slot];
        Registers |= 1u << I->Destination | 1u << I->Source;
        // The second slot of a wide immediate is no instruction.
        if (I->Opcode == EBPF_OPCODE_LDDW)
            Slot++;
    }
    return Registers;
}
