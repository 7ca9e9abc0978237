#include "program.h"

#include "interpreter.h"

/** There are no helpers yet: a call of one is refused when the program is loaded, not when it runs. */
static EBPF_FINDING
CheckHelpers(const EBPF_BYTECODE *Bytecode, UINT32 *FindingSlot)
{
    for (UINT32 Slot = 0; Slot < Bytecode->SlotCount; Slot++) {
        const EBPF_INSTRUCTION *Instruction = &Bytecode->Slots[Slot];
        *FindingSlot = Slot;
        if (Instruction->Opcode == EBPF_OPCODE_CALL && Instruction->Source == EBPF_CALL_HELPER)
            return FindingHelperUnknown;
    }
    return FindingNone;
}

_Use_decl_annotations_
NTSTATUS
ProgramCreate(
    const EBPF_INSTRUCTION *Slots,
    UINT32 SlotCount,
    EBPF_PROGRAM **Program,
    EBPF_FINDING *Finding,
    UINT32 *FindingSlot)
{
    *Finding = FindingNone;
    *FindingSlot = 0;
    *Program = NULL;
    EBPF_PROGRAM *New = PlatformAllocate(sizeof(EBPF_PROGRAM));
    if (New == NULL)
        return STATUS_NO_MEMORY;
    NTSTATUS Status = BytecodeCreate(Slots, SlotCount, 0, &New->Bytecode, Finding, FindingSlot);
    if (NT_SUCCESS(Status)) {
        *Finding = CheckHelpers(&New->Bytecode, FindingSlot);
        if (*Finding != FindingNone)
            Status = STATUS_INVALID_IMAGE_FORMAT;
    }
    if (!NT_SUCCESS(Status)) {
        ProgramDestroy(New);
        return Status;
    }
    *Program = New;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
ProgramDestroy(EBPF_PROGRAM *Program)
{
    BytecodeDestroy(&Program->Bytecode);
    PlatformFree(Program);
}

static EBPF_REGION
RegionOf(VOID *Memory, UINT64 SizeBytes)
{
    return (EBPF_REGION){.Start = (UINT64)(UINT_PTR)Memory, .SizeBytes = SizeBytes, .Writable = TRUE};
}

_Use_decl_annotations_
VOID
ProgramRun(const EBPF_PROGRAM *Program, const EBPF_RUN_INPUT *Input, EBPF_RUN_OUTPUT *Output)
{
    // Not initialised as a whole: the stack is 4 KiB, and each frame is cleared where it is entered.
    EBPF_RUN Run;
    Run.Budget = Input->Budget;
    Run.Result = 0;
    Run.Fault = FaultNone;
    Run.FaultSlot = 0;
    Run.Regions[RegionStack] = RegionOf(NULL, 0);
    Run.Regions[RegionContext] = RegionOf(Input->Context, Input->ContextSizeBytes);
    Run.Regions[RegionPacket] = RegionOf(Input->Packet, Input->PacketSizeBytes);
    InterpreterRun(&Program->Bytecode, &Run, (UINT64)(UINT_PTR)Input->Context, Input->SecondArgument);
    *Output = (EBPF_RUN_OUTPUT){
        .Result = Run.Result, .Budget = Run.Budget, .Fault = Run.Fault, .FaultSlot = Run.FaultSlot};
}
