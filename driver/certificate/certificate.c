#include "certificate/certificate.h"

#include "certificate/digest.h"
#include "certificate/follow.h"
#include "opcode.h"

/** Steps for each byte of the program and the certificate, and at least. */
#define STEPS_PER_BYTE 16
#define LEAST_STEPS 4096
/** Work for each step that may be taken. */
#define WORK_PER_STEP 64
/** Memory for each such byte, at least, and at most. */
#define MEMORY_PER_BYTE 1024
#define LEAST_MEMORY ((UINT64)1 << 25)
#define MOST_MEMORY ((UINT64)1 << 28)
#define MAXIMUM_SLOTS 200000
/** Bytes of data maps: all of them go into the digest. */
#define MOST_DATA ((UINT64)1 << 24)

static BOOLEAN
IsWide(const EBPF_INSTRUCTION *Instruction)
{
    return Instruction->Opcode == EBPF_OPCODE_LDDW;
}

/** Numbers the instructions. Legal ones only, so that each has the fields that its opcode says. */
static BOOLEAN
ListInstructions(CHECKER *Checker)
{
    const CERTIFICATE_PROGRAM *Program = Checker->Program;
    for (UINT32 Slot = 0; Slot < Program->SlotCount; Slot++) {
        if (!OpcodeIsLegal(&Program->Slots[Slot]))
            return Refuse(Checker, "an instruction that does not exist");
        Checker->Slots[Checker->InstructionCount] = Slot;
        Checker->Indexes[Slot] = Checker->InstructionCount++;
        if (!IsWide(&Program->Slots[Slot]))
            continue;
        if (++Slot == Program->SlotCount)
            return Refuse(Checker, "half an instruction at the end");
        Checker->Indexes[Slot] = UINT32_MAX;
    }
    return TRUE;
}

/** Functions follow each other without gaps: they are told by where they begin. */
static BOOLEAN
ListFunctions(CHECKER *Checker)
{
    const CERTIFICATE_PROGRAM *Program = Checker->Program;
    for (UINT32 Which = 0; Which < Program->FunctionCount; Which++) {
        UINT32 Slot = Program->FunctionStarts[Which];
        UINT32 Index = Slot < Program->SlotCount ? Checker->Indexes[Slot] : UINT32_MAX;
        if (Index == UINT32_MAX || (Which == 0 ? Index != 0 : Index <= Checker->Functions[Which - 1]))
            return Refuse(Checker, "functions that do not follow each other");
        Checker->Functions[Which] = Index;
    }
    Checker->Functions[Program->FunctionCount] = Checker->InstructionCount;
    return TRUE;
}

static BOOLEAN
IsJump(const EBPF_INSTRUCTION *Instruction)
{
    UINT8 Class = Instruction->Opcode & 7, Code = Instruction->Opcode & 0xf0;
    return (Class == EBPF_CLASS_JMP || Class == EBPF_CLASS_JMP32) && Code != EBPF_CALL && Code != EBPF_EXIT;
}

/** What holds of every instruction, reached or not: jumps stay within their function, which does not fall off its end. */
static BOOLEAN
CheckFunction(CHECKER *Checker, UINT32 Start, UINT32 End)
{
    const EBPF_INSTRUCTION *Slots = Checker->Program->Slots;
    for (UINT32 Index = Start; Index < End; Index++) {
        const EBPF_INSTRUCTION *Instruction = &Slots[Checker->Slots[Index]];
        if (!IsJump(Instruction))
            continue;
        INT64 By = Instruction->Opcode == EBPF_OPCODE_JA32 ? Instruction->Immediate : Instruction->Offset;
        INT64 Slot = (INT64)Checker->Slots[Index] + 1 + By;
        UINT32 Target = UINT32_MAX;
        if (Slot >= 0 && Slot < (INT64)Checker->Program->SlotCount)
            Target = Checker->Indexes[Slot];
        if (Target < Start || Target >= End)
            return Refuse(Checker, "a jump out of its function");
    }
    UINT8 Last = Slots[Checker->Slots[End - 1]].Opcode;
    if (Last != EBPF_OPCODE_EXIT && Last != EBPF_OPCODE_JA && Last != EBPF_OPCODE_JA32)
        return Refuse(Checker, "a function falls off its end");
    return TRUE;
}

static BOOLEAN
CheckShape(CHECKER *Checker)
{
    for (UINT32 Which = 0; Which < Checker->Program->FunctionCount; Which++)
        if (!CheckFunction(Checker, Checker->Functions[Which], Checker->Functions[Which + 1]))
            return FALSE;
    return TRUE;
}

/** Maps of a type that the platform has; their data is there, and not more than is worth looking at. */
static BOOLEAN
CheckMaps(CHECKER *Checker)
{
    UINT64 DataBytes = 0;
    for (UINT32 At = 0; At < Checker->Program->MapCount; At++) {
        const CERTIFICATE_MAP *Map = &Checker->Program->Maps[At];
        if (CheckerMap(Checker, Map).Type == NULL)
            return Refuse(Checker, "a map of an unknown type");
        DataBytes += Map->HasData ? Map->DataSizeBytes : 0;
        if (DataBytes > MOST_DATA)
            return Refuse(Checker, "more data than is looked at");
        if (Map->Inner != NULL && (Map->Inner->Inner != NULL || Map->Inner->HasData))
            return Refuse(Checker, "an inner map that is not understood");
    }
    return TRUE;
}

/** The state in which the program is entered. */
static VOID
Enter(CHECKER *Checker, CHECK_STATE *State)
{
    INT64 Bytes = Checker->Program->RawMemoryBytes;
    StateInitiate(Checker, State);
    if (Bytes < 0) {
        State->Registers[1] = AddPointer(Checker, PointerTo(PlaceContext, 0));
        return;
    }
    State->Registers[1] = Bytes == 0 ? AddNumber(Checker, NumberConstant(0))
                                     : AddPointer(Checker, PointerTo(PlaceMemory, Bytes));
    State->Registers[2] = AddNumber(Checker, NumberConstant(Bytes));
}

/** The next of Count states of the list, followed and listed. */
static VOID
FollowNext(FOLLOWER *Follower, UINT32 Count, UINT32 *Label, const CHECK_STATE *Empty)
{
    CHECKER *Checker = Follower->Checker;
    INT64 Index = *Label + CursorSigned(Checker, Follower->Cursor, Checker->InstructionCount);
    if (Index < 0 || Index >= (INT64)Checker->InstructionCount) {
        Refuse(Checker, "a state behind the program");
        return;
    }
    *Label = (UINT32)Index;
    const CHECK_STATE *Base = FollowLast(Follower, *Label);
    if (Base == NULL && Follower->ListedCount > 0)
        Base = &FollowListedAt(Follower, Follower->ListedCount - 1)->State;
    CHECK_STATE State;
    CHECK_RANK Rank = {.Anchor = STATE_FIRST_ANCHOR + Follower->ListedCount};
    DecodeState(Checker, Follower->Cursor, Base == NULL ? Empty : Base, &State, &Rank);
    // Inside of a loop, and of those around it.
    UINT32 End = Checker->AnchorCount == 0 ? Count : Follower->Open[Checker->AnchorCount - 1].End;
    UINT32 Inside = 0;
    if (Rank.Anchor != 0 && Checker->Refusal == NULL)
        Inside = (UINT32)CursorUnsigned(Checker, Follower->Cursor, End - Follower->ListedCount - 1);
    if (Checker->Pool.Exhausted)
        Refuse(Checker, "more memory than the certificate may take");
    if (Checker->Refusal != NULL) {
        StateRelease(Checker, &State);
        return;
    }
    FollowListed(Follower, *Label, &State, &Rank, Inside);
}

static VOID
FollowAll(FOLLOWER *Follower)
{
    CHECKER *Checker = Follower->Checker;
    UINT32 Label = 0;
    UINT32 Count = (UINT32)CursorUnsigned(Checker, Follower->Cursor, FOLLOW_MOST_STATES);
    CHECK_STATE State;
    StateInitiate(Checker, &State);
    while (Follower->ListedCount < Count && Checker->Refusal == NULL && !Checker->Pool.Exhausted)
        FollowNext(Follower, Count, &Label, &State);
    StateRelease(Checker, &State);
    Enter(Checker, &State);
    if (Checker->Refusal == NULL)
        FollowFrom(Follower, 0, &State, NULL);
    StateRelease(Checker, &State);
    if (Checker->Refusal == NULL && Follower->Cursor->Position != Follower->Cursor->SizeBytes)
        Refuse(Checker, "there is more behind the end");
    if (Checker->Pool.Exhausted)
        Refuse(Checker, "more memory than the certificate may take");
}

/** Follows the certificate, its digest read. */
static VOID
CheckStates(CHECKER *Checker, CURSOR *Cursor, CERTIFICATE_RESULT *Result)
{
    UINT64 Bytes = Cursor->SizeBytes + 8 * (UINT64)Checker->InstructionCount;
    UINT64 Steps = LEAST_STEPS + STEPS_PER_BYTE * Bytes;
    UINT64 Work = WORK_PER_STEP * Steps;
    Checker->Work = Work;
    FOLLOWER Follower = {.Checker = Checker};
    if (!CheckShape(Checker))
        return;
    UINT8 Flags = CursorByte(Checker, Cursor);
    if (Flags > 1)
        Refuse(Checker, "flags that are not known");
    Checker->Strict = Flags == 1 || !Checker->Program->Platform->MayBeLoose;
    if (Checker->Refusal == NULL && FollowCreate(&Follower, Checker, Cursor, Steps)) {
        FollowAll(&Follower);
        Result->States = Follower.ListedCount;
        Result->Steps = Steps - Follower.Steps;
        Result->Work = Work - Checker->Work;
        Result->Strict = Checker->Strict;
        for (UINT32 Number = 0; Number < Follower.ListedCount; Number++)
            StateRelease(Checker, &FollowListedAt(&Follower, Number)->State);
    }
    if (Checker->Refusal == NULL && Checker->Pool.Exhausted)
        Refuse(Checker, "no memory");
    FollowDestroy(&Follower);
}

static VOID
CheckProgram(CHECKER *Checker, CURSOR *Cursor, CERTIFICATE_RESULT *Result)
{
    UINT8 Digest[SHA256_BYTES];
    Result->Outcome = CertificateRefused;
    if (!ListInstructions(Checker) || !ListFunctions(Checker) || !CheckMaps(Checker))
        return;
    DigestProgram(Checker, Digest);
    if (memcmp(Digest, Cursor->Bytes, sizeof(Digest)) != 0) {
        Result->Outcome = CertificateMismatch;
        Refuse(Checker, "the certificate is of another program");
        return;
    }
    Cursor->Position = sizeof(Digest);
    CheckStates(Checker, Cursor, Result);
    if (Checker->Refusal == NULL)
        Result->Outcome = CertificateProved;
}

/** Of the pool: all but the checker itself. */
static UINT64
PoolBytes(UINT32 SizeBytes, UINT32 SlotCount)
{
    UINT64 Limit = LEAST_MEMORY + MEMORY_PER_BYTE * (SizeBytes + 8 * (UINT64)SlotCount);
    return Limit < MOST_MEMORY ? Limit : MOST_MEMORY;
}

_Use_decl_annotations_
UINT64
CertificateCountBytes(UINT32 SizeBytes, UINT32 SlotCount)
{
    return sizeof(CHECKER) + PoolBytes(SizeBytes, SlotCount);
}

_Use_decl_annotations_
BOOLEAN
CertificateCheck(
    const CERTIFICATE_PROGRAM *Program, const UINT8 *Certificate, UINT32 SizeBytes, CERTIFICATE_RESULT *Result)
{
    CURSOR Cursor = {.Bytes = Certificate, .SizeBytes = SizeBytes};
    *Result = (CERTIFICATE_RESULT){.Outcome = CertificateInvalid, .Reason = "no certificate"};
    if (SizeBytes < SHA256_BYTES || SizeBytes > CERTIFICATE_MAXIMUM_BYTES || Program->SlotCount == 0 ||
        Program->SlotCount > MAXIMUM_SLOTS || Program->FunctionCount == 0 ||
        Program->FunctionCount > Program->SlotCount)
        return FALSE;
    CHECKER *Checker = PlatformAllocate(sizeof(*Checker));
    if (Checker == NULL) {
        *Result = (CERTIFICATE_RESULT){.Outcome = CertificateUnchecked, .Reason = "no memory"};
        return FALSE;
    }
    Checker->Program = Program;
    BOOLEAN Created = ValuesCreate(&Checker->Pool, PoolBytes(SizeBytes, Program->SlotCount));
    CHECK_VALUES *Pool = &Checker->Pool;
    Checker->Slots = ValuesAllocate(Pool, Program->SlotCount * sizeof(UINT32));
    Checker->Indexes = ValuesAllocate(Pool, Program->SlotCount * sizeof(UINT32));
    Checker->Functions = ValuesAllocate(Pool, (Program->FunctionCount + 1) * sizeof(UINT32));
    if (Created && !Pool->Exhausted)
        CheckProgram(Checker, &Cursor, Result);
    if (Pool->Exhausted)
        *Result = (CERTIFICATE_RESULT){.Outcome = CertificateUnchecked, .Reason = "no memory"};
    else
        Result->Reason = Checker->Refusal;
    BOOLEAN Proved = Result->Outcome == CertificateProved;
    PlatformFree(Checker->Slots);
    PlatformFree(Checker->Indexes);
    PlatformFree(Checker->Functions);
    ValuesDestroy(Pool);
    PlatformFree(Checker);
    return Proved;
}
