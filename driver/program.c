#include "program.h"

#include "helpers.h"
#include "interpreter.h"

static BOOLEAN CountRuns;

static VOID
Destroy(EBPF_OBJECT *Object)
{
    EBPF_PROGRAM *Program = CONTAINING_RECORD(Object, EBPF_PROGRAM, Object);
    for (UINT32 Index = 0; Index < Program->MapCount; Index++)
        ObjectRelease(&Program->Maps[Index]->Object);
    JitFree(&Program->Code);
    OperationsDestroy(&Program->Operations);
    BytecodeDestroy(&Program->Bytecode);
    PlatformFree(Program->Statistics);
    PlatformFree(Program);
}

/** The address that a wide immediate asks for: only an array's first value is always there, at one place. */
static EBPF_FINDING
FindValue(EBPF_MAP *Map, UINT32 Offset, UINT64 *Address)
{
    static const UINT8 FirstKey[sizeof(UINT32)] = {0};
    if (Map->Definition.Type != EBPF_MAP_TYPE_ARRAY || Offset > Map->Definition.ValueSizeBytes)
        return FindingMapInvalid;
    *Address = (UINT64)(UINT_PTR)Map->Type->Lookup(Map, FirstKey) + Offset;
    return FindingNone;
}

/** Makes a number of a wide immediate that refers to a map. */
static EBPF_FINDING
BindWide(const EBPF_PROGRAM *Program, EBPF_INSTRUCTION *First)
{
    UINT64 Value = (UINT64)(UINT32)First->Immediate + 1;
    if (First->Source == EBPF_LDDW_NUMBER)
        return FindingNone;
    if (First->Source == EBPF_LDDW_MAP_VALUE) {
        EBPF_FINDING Finding = FindValue(Program->Maps[First->Immediate], (UINT32)First[1].Immediate, &Value);
        if (Finding != FindingNone)
            return Finding;
    }
    First->Source = EBPF_LDDW_NUMBER;
    First->Immediate = (INT32)(UINT32)Value;
    First[1].Immediate = (INT32)(UINT32)(Value >> 32);
    return FindingNone;
}

/** Replaces references by what they mean here; a call of a helper that is not there is refused. */
static EBPF_FINDING
Bind(const EBPF_PROGRAM *Program, UINT32 *FindingSlot)
{
    const EBPF_BYTECODE *Bytecode = &Program->Bytecode;
    for (UINT32 Slot = 0; Slot < Bytecode->SlotCount; Slot++) {
        EBPF_INSTRUCTION *Instruction = &Bytecode->Slots[Slot];
        EBPF_FINDING Finding = FindingNone;
        *FindingSlot = Slot;
        if (Instruction->Opcode == EBPF_OPCODE_CALL && Instruction->Source == EBPF_CALL_HELPER &&
            HelperFind(Program->Type, (UINT32)Instruction->Immediate) == NULL)
            Finding = FindingHelperUnknown;
        if (Instruction->Opcode == EBPF_OPCODE_LDDW) {
            Finding = BindWide(Program, Instruction);
            Slot++;
        }
        if (Finding != FindingNone)
            return Finding;
    }
    *FindingSlot = 0;
    return FindingNone;
}

_Use_decl_annotations_
NTSTATUS
ProgramPrepare(
    const EBPF_PROGRAM_TYPE *Type,
    const EBPF_INSTRUCTION *Slots,
    UINT32 SlotCount,
    EBPF_MAP *const *Maps,
    UINT32 MapCount,
    EBPF_PROGRAM **Program,
    EBPF_FINDING *Finding,
    UINT32 *FindingSlot)
{
    *Finding = FindingNone;
    *FindingSlot = 0;
    *Program = NULL;
    if (MapCount > PROGRAM_MAXIMUM_MAPS)
        return STATUS_INVALID_PARAMETER;
    EBPF_PROGRAM *New = PlatformAllocate(sizeof(EBPF_PROGRAM));
    if (New == NULL)
        return STATUS_NO_MEMORY;
    New->Type = Type;
    for (; New->MapCount < MapCount; New->MapCount++) {
        New->Maps[New->MapCount] = Maps[New->MapCount];
        ObjectReference(&Maps[New->MapCount]->Object);
    }
    New->Statistics = PlatformAllocate(PlatformProcessorCount() * sizeof(PROGRAM_STATISTICS));
    NTSTATUS Status = New->Statistics == NULL
                          ? STATUS_NO_MEMORY
                          : BytecodeCreate(Slots, SlotCount, MapCount, &New->Bytecode, Finding, FindingSlot);
    if (NT_SUCCESS(Status)) {
        *Finding = Bind(New, FindingSlot);
        if (*Finding != FindingNone)
            Status = STATUS_INVALID_IMAGE_FORMAT;
    }
    if (NT_SUCCESS(Status))
        Status = OperationsCreate(&New->Bytecode, Type, &New->Operations);
    if (!NT_SUCCESS(Status)) {
        Destroy(&New->Object);
        return Status;
    }
    *Program = New;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
ProgramPublish(EBPF_PROGRAM *Program)
{
    ObjectPublish(&Program->Object, ObjectProgram, Destroy);
}

_Use_decl_annotations_
VOID
ProgramDiscard(EBPF_PROGRAM *Program)
{
    Destroy(&Program->Object);
}

_Use_decl_annotations_
NTSTATUS
ProgramCreate(
    const EBPF_PROGRAM_TYPE *Type,
    const EBPF_INSTRUCTION *Slots,
    UINT32 SlotCount,
    EBPF_MAP *const *Maps,
    UINT32 MapCount,
    EBPF_PROGRAM **Program,
    EBPF_FINDING *Finding,
    UINT32 *FindingSlot)
{
    NTSTATUS Status = ProgramPrepare(Type, Slots, SlotCount, Maps, MapCount, Program, Finding, FindingSlot);
    if (NT_SUCCESS(Status))
        ProgramPublish(*Program);
    return Status;
}

_Use_decl_annotations_
UINT64
ProgramCountBytes(const EBPF_PROGRAM *Program)
{
    const EBPF_BYTECODE *Bytecode = &Program->Bytecode;
    return sizeof(*Program) + PlatformProcessorCount() * sizeof(PROGRAM_STATISTICS) +
           (UINT64)Bytecode->SlotCount * sizeof(EBPF_INSTRUCTION) +
           (UINT64)Bytecode->SubprogramCount * sizeof(EBPF_SUBPROGRAM) + Program->Code.SizeBytes +
           Program->Operations.SizeBytes;
}

_Use_decl_annotations_
NTSTATUS
ProgramCompile(EBPF_PROGRAM *Program, BOOLEAN Blind)
{
    NTSTATUS Status =
        JitCompile(Program->Type, &Program->Bytecode, Program->Maps, Program->MapCount, Blind, &Program->Code);
    if (NT_SUCCESS(Status))
        OperationsDestroy(&Program->Operations);
    return Status;
}

static EBPF_REGION
RegionOf(VOID *Memory, UINT64 SizeBytes)
{
    return (EBPF_REGION){.Start = (UINT64)(UINT_PTR)Memory, .SizeBytes = SizeBytes};
}

/** The program and those that tail calls lead to, one after the other, on one budget. */
static VOID
RunPrograms(const EBPF_PROGRAM *Program, EBPF_RUN *Run, const EBPF_RUN_INPUT *Input)
{
    for (;;) {
        Run->Maps = Program->Maps;
        Run->MapCount = Program->MapCount;
        Run->TailTarget = NULL;
        UINT64 R1 = (UINT64)(UINT_PTR)Input->Context;
        if (Program->Code.Entry == NULL) {
            InterpreterRun(&Program->Operations, Run, R1, Input->SecondArgument);
        } else {
            UINT64 Result = Program->Code.Entry(Run, R1, Input->SecondArgument);
            Run->Result = Run->Fault == FaultNone ? Result : 0;
        }
        if (Run->TailTarget == NULL)
            return;
        Program = CONTAINING_RECORD(Run->TailTarget, EBPF_PROGRAM, Object);
    }
}

_Use_decl_annotations_
VOID
ProgramCountRuns(BOOLEAN Enable)
{
    __atomic_store_n(&CountRuns, Enable, __ATOMIC_RELAXED);
}

_Use_decl_annotations_
BOOLEAN
ProgramRunsAreCounted(VOID)
{
    return __atomic_load_n(&CountRuns, __ATOMIC_RELAXED);
}

_Use_decl_annotations_
PROGRAM_STATISTICS
ProgramStatistics(const EBPF_PROGRAM *Program)
{
    PROGRAM_STATISTICS Sum = {0};
    for (UINT32 Index = 0; Index < PlatformProcessorCount(); Index++) {
        const PROGRAM_STATISTICS *Own = &Program->Statistics[Index];
        Sum.Runs += __atomic_load_n(&Own->Runs, __ATOMIC_RELAXED);
        Sum.Nanoseconds += __atomic_load_n(&Own->Nanoseconds, __ATOMIC_RELAXED);
        Sum.Faults += __atomic_load_n(&Own->Faults, __ATOMIC_RELAXED);
    }
    return Sum;
}

/** Notes a run that has ended, whoever else runs on that processor: only in the kernel is that nobody. */
static VOID
Count(PROGRAM_STATISTICS *Own, BOOLEAN Timed, UINT64 Start, EBPF_FAULT Fault)
{
    if (Timed) {
        __atomic_add_fetch(&Own->Runs, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&Own->Nanoseconds, PlatformMonotonicTime() - Start, __ATOMIC_RELAXED);
    }
    if (Fault != FaultNone)
        __atomic_add_fetch(&Own->Faults, 1, __ATOMIC_RELAXED);
}

_Use_decl_annotations_
VOID
ProgramRunAttached(const EBPF_PROGRAM *Program, const EBPF_RUN_INPUT *Input, EBPF_RUN_OUTPUT *Output)
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
    Run.TailTarget = NULL;
    Run.TailCalls = 0;
    Run.Type = Program->Type;
    Run.Subject = Input->Subject;
    BOOLEAN Timed = ProgramRunsAreCounted();
    UINT64 Start = Timed ? PlatformMonotonicTime() : 0;
    RunPrograms(Program, &Run, Input);
    if (Timed || Run.Fault != FaultNone)
        Count(&Program->Statistics[PlatformProcessorNumber()], Timed, Start, Run.Fault);
    *Output = (EBPF_RUN_OUTPUT){
        .Result = Run.Result, .Budget = Run.Budget, .Fault = Run.Fault, .FaultSlot = Run.FaultSlot};
}

_Use_decl_annotations_
VOID
ProgramRun(const EBPF_PROGRAM *Program, const EBPF_RUN_INPUT *Input, EBPF_RUN_OUTPUT *Output)
{
    EBPF_EPOCH_TOKEN Token = EpochEnter();
    ProgramRunAttached(Program, Input, Output);
    EpochExit(Token);
}
