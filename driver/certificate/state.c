#include "certificate/state.h"

/** BPF_F_RDONLY_PROG. */
#define READ_ONLY_FLAG 0x80

/** What a new value takes, in cells that are only looked at. */
#define WORK_PER_VALUE 8

BOOLEAN
Refuse(CHECKER *Checker, const char *Reason)
{
    if (Checker->Refusal == NULL)
        Checker->Refusal = Reason;
    return FALSE;
}

VOID
CheckerSpend(CHECKER *Checker, UINT64 Work)
{
    if (Work > Checker->Work) {
        Checker->Work = 0;
        Refuse(Checker, "more work than the certificate may take");
    } else {
        Checker->Work -= Work;
    }
}

UINT64
StateCells(const CHECK_STATE *State)
{
    return STATE_FIRST_CELL + (UINT64)State->FrameCount * STATE_CELLS_PER_FRAME;
}

UINT32
CheckerFresh(CHECKER *Checker)
{
    if (Checker->NextId == UINT32_MAX)
        return Refuse(Checker, "ids are used up");
    return Checker->NextId++;
}

UINT32
CheckerFindFunction(const CHECKER *Checker, UINT32 Index)
{
    UINT32 Low = 0, High = Checker->Program->FunctionCount;
    while (Low < High) {
        UINT32 Middle = Low + (High - Low) / 2;
        if (Checker->Functions[Middle] < Index)
            Low = Middle + 1;
        else
            High = Middle;
    }
    BOOLEAN Found = Low < Checker->Program->FunctionCount && Checker->Functions[Low] == Index;
    return Found ? Low : UINT32_MAX;
}

CHECK_MAP
CheckerMap(const CHECKER *Checker, const CERTIFICATE_MAP *Map)
{
    const CHECK_PLATFORM *Platform = Checker->Program->Platform;
    for (UINT32 Index = 0; Index < Platform->MapTypeCount; Index++)
        if (Platform->MapTypes[Index].Id == Map->Type)
            return (CHECK_MAP){Map, &Platform->MapTypes[Index], (UINT64)1 << Index};
    return (CHECK_MAP){Map, NULL, 0};
}

BOOLEAN
CheckerMapOf(const CHECKER *Checker, const CHECK_POINTER *Pointer, CHECK_MAP *Map)
{
    const CERTIFICATE_PROGRAM *Program = Checker->Program;
    BOOLEAN Inner = Pointer->Place == PlaceInnerMap || (Pointer->Place == PlaceMapValue && Pointer->Flag);
    if (Pointer->Place != PlaceMap && Pointer->Place != PlaceMapValue && !Inner)
        return FALSE;
    if (Pointer->Which < 0 || Pointer->Which >= (INT64)Program->MapCount)
        return FALSE;
    const CERTIFICATE_MAP *Own = &Program->Maps[Pointer->Which];
    if (Inner)
        Own = Own->Inner;
    if (Own == NULL)
        return FALSE;
    *Map = CheckerMap(Checker, Own);
    return Map->Type != NULL;
}

BOOLEAN
CheckerIsReadOnly(const CHECK_MAP *Map)
{
    if (Map == NULL || Map->Type->ReadOnlyValues)
        return TRUE;
    return (Map->Map->HasData && Map->Map->DataReadOnly) || (Map->Map->Flags & READ_ONLY_FLAG) != 0;
}

VOID
StateInitiate(CHECKER *Checker, CHECK_STATE *State)
{
    memset(State, 0, sizeof(*State));
    State->FrameCount = 1;
    State->Frames[0] = ValuesAddFrame(&Checker->Pool, -1);
}

VOID
StateCopy(CHECK_STATE *To, const CHECK_STATE *From)
{
    *To = *From;
    for (UINT32 Depth = 0; Depth < To->FrameCount; Depth++)
        To->Frames[Depth]->Owners++;
}

VOID
StateRelease(CHECKER *Checker, CHECK_STATE *State)
{
    while (State->FrameCount > 0)
        ValuesReleaseFrame(&Checker->Pool, State->Frames[--State->FrameCount]);
}

VALUE_ID
StateRead(CHECKER *Checker, const CHECK_STATE *State, UINT32 Register)
{
    if (Register < STATE_REGISTERS)
        return State->Registers[Register];
    return AddPointer(Checker, PointerTo(PlaceStack, State->FrameCount - 1));
}

VALUE_ID *
StateCell(CHECKER *Checker, CHECK_STATE *State, UINT32 Cell, BOOLEAN Own)
{
    if (Cell < STATE_FIRST_CELL)
        return &State->Registers[Cell];
    UINT32 Depth = (Cell - STATE_FIRST_CELL) / STATE_CELLS_PER_FRAME;
    UINT32 At = (Cell - STATE_FIRST_CELL) % STATE_CELLS_PER_FRAME;
    if (Depth >= State->FrameCount || (Depth == 0 && At >= FRAME_SLOTS))
        return NULL;
    CHECK_FRAME *Frame = Own ? ValuesOwnFrame(&Checker->Pool, &State->Frames[Depth]) : State->Frames[Depth];
    return At < FRAME_SLOTS ? &Frame->Slots[FRAME_SLOTS - 1 - At] : &Frame->Saved[At - FRAME_SLOTS];
}

VALUE_ID *
StateOwnSlots(CHECKER *Checker, CHECK_STATE *State, UINT32 Depth)
{
    return ValuesOwnFrame(&Checker->Pool, &State->Frames[Depth])->Slots;
}

/** A slot of which some bytes are numbers, with the changed ones. */
static VALUE_ID
ChangeParts(CHECKER *Checker, VALUE_ID Id, const CHECK_VALUE *Value, STATE_CHANGE Change, VOID *Context)
{
    CHECK_VALUE New = *Value;
    BOOLEAN Changes = FALSE;
    for (UINT32 Part = 0; Part < New.Bytes.PartCount; Part++) {
        VALUE_ID Old = New.Bytes.Parts[Part].Value;
        VALUE_ID Next = Change(Checker, Old, ValueAt(Checker, Old), Context);
        if (Next == Old || NumberAt(Checker, Next) == NULL)
            continue;
        New.Bytes.Parts[Part].Value = Next;
        Changes = TRUE;
    }
    return Changes ? ValuesAdd(&Checker->Pool, &New) : Id;
}

static VALUE_ID
Changed(CHECKER *Checker, VALUE_ID Id, STATE_CHANGE Change, VOID *Context)
{
    if (Id == 0)
        return 0;
    const CHECK_VALUE *Value = ValueAt(Checker, Id);
    VALUE_ID New = Value->Kind == KindBytes ? ChangeParts(Checker, Id, Value, Change, Context)
                                            : Change(Checker, Id, Value, Context);
    if (New != Id)
        CheckerSpend(Checker, WORK_PER_VALUE);
    return New;
}

VOID
StateChange(CHECKER *Checker, CHECK_STATE *State, STATE_CHANGE Change, VOID *Context)
{
    CheckerSpend(Checker, StateCells(State));
    for (UINT32 Register = 0; Register < STATE_REGISTERS; Register++)
        State->Registers[Register] = Changed(Checker, State->Registers[Register], Change, Context);
    for (UINT32 Depth = 0; Depth < State->FrameCount; Depth++) {
        for (UINT32 At = 0; At < RTL_NUMBER_OF(State->Frames[Depth]->Saved); At++) {
            VALUE_ID Old = State->Frames[Depth]->Saved[At], New = Changed(Checker, Old, Change, Context);
            if (New != Old)
                ValuesOwnFrame(&Checker->Pool, &State->Frames[Depth])->Saved[At] = New;
        }
        for (UINT32 At = 0; At < FRAME_SLOTS; At++) {
            VALUE_ID Old = State->Frames[Depth]->Slots[At];
            if (Old == 0)
                continue;
            VALUE_ID New = Changed(Checker, Old, Change, Context);
            if (New != Old)
                StateOwnSlots(Checker, State, Depth)[At] = New;
        }
    }
}

static VALUE_ID
WithoutPacket(CHECKER *Checker, VALUE_ID Id, const CHECK_VALUE *Value, VOID *Context)
{
    (VOID)Checker;
    (VOID)Context;
    return Value->Kind == KindPointer && PointerIsPacket(&Value->Pointer) ? 0 : Id;
}

VOID
StateForgetPacket(CHECKER *Checker, CHECK_STATE *State)
{
    StateChange(Checker, State, WithoutPacket, NULL);
    State->Packet = 0;
    State->Metadata = 0;
}

VOID
StateForgetNumbers(CHECKER *Checker, CHECK_STATE *State, UINT32 Depth)
{
    CheckerSpend(Checker, FRAME_SLOTS);
    VALUE_ID *Slots = StateOwnSlots(Checker, State, Depth);
    VALUE_ID Any = AddNumber(Checker, NumberAny());
    for (UINT32 At = 0; At < FRAME_SLOTS; At++) {
        CHECK_VALUE Value = *ValueAt(Checker, Slots[At]);
        if (Value.Kind == KindNumber)
            Slots[At] = Any;
        if (Value.Kind != KindBytes)
            continue;
        Value.Bytes.PartCount = 0;
        Slots[At] = ValuesAdd(&Checker->Pool, &Value);
    }
}

BOOLEAN
StateHolds(const CHECK_STATE *State, INT64 Reference)
{
    for (UINT32 Index = 0; Index < State->ReferenceCount; Index++)
        if (State->References[Index] == Reference)
            return TRUE;
    return FALSE;
}

VOID
StateAcquire(CHECKER *Checker, CHECK_STATE *State, UINT32 Reference)
{
    if (State->ReferenceCount == STATE_REFERENCES)
        Refuse(Checker, "too many references are held");
    else
        State->References[State->ReferenceCount++] = Reference;
}

VOID
StateDrop(CHECK_STATE *State, INT64 Reference)
{
    UINT32 Kept = 0;
    for (UINT32 Index = 0; Index < State->ReferenceCount; Index++)
        if (State->References[Index] != Reference)
            State->References[Kept++] = State->References[Index];
    State->ReferenceCount = Kept;
}

BOOLEAN
PointerIsPacket(const CHECK_POINTER *Pointer)
{
    return Pointer->Place == PlacePacket || Pointer->Place == PlacePacketEnd || Pointer->Place == PlacePacketMeta;
}

INT64
PointerHolder(const CHECK_POINTER *Pointer)
{
    if (Pointer->Place == PlaceObject)
        return Pointer->Holder;
    return Pointer->Place == PlaceRecord ? Pointer->Instance : 0;
}

BOOLEAN
PointerSameObject(const CHECK_POINTER *A, const CHECK_POINTER *B)
{
    if (PointerIsPacket(A))
        return PointerIsPacket(B);
    if (A->Place != B->Place || A->Instance != B->Instance)
        return FALSE;
    return (A->Place != PlaceStack && A->Place != PlaceMap && A->Place != PlaceCode) || A->Which == B->Which;
}

BOOLEAN
ValueIsKernel(const CHECK_VALUE *Value)
{
    return Value->Kind == KindPointer && Value->Pointer.Place == PlaceKernel;
}

BOOLEAN
NumberIsSame(const CHECK_NUMBER *A, const CHECK_NUMBER *B)
{
    return A->Zeros == B->Zeros && A->Id == B->Id && A->Delta == B->Delta && A->Extended == B->Extended &&
           IntervalIsSame(&A->Full, &B->Full) && IntervalIsSame(&A->Low, &B->Low);
}

static BOOLEAN
IsSamePointer(const CHECK_POINTER *A, const CHECK_POINTER *B)
{
    return A->Place == B->Place && A->Which == B->Which && A->Flag == B->Flag && A->Instance == B->Instance &&
           A->Holder == B->Holder && A->Offset == B->Offset && A->Least == B->Least && A->Most == B->Most &&
           A->Zeros == B->Zeros && A->Part == B->Part && A->Proved == B->Proved && A->Nullable == B->Nullable;
}

static BOOLEAN
IsSameBytes(const CHECKER *Checker, const CHECK_BYTES *A, const CHECK_BYTES *B)
{
    if (A->Mask != B->Mask || A->PartCount != B->PartCount)
        return FALSE;
    for (UINT32 Index = 0; Index < A->PartCount; Index++) {
        const CHECK_PART *PartA = &A->Parts[Index], *PartB = &B->Parts[Index];
        if (PartA->At != PartB->At || PartA->SizeBytes != PartB->SizeBytes ||
            !NumberIsSame(NumberAt(Checker, PartA->Value), NumberAt(Checker, PartB->Value)))
            return FALSE;
    }
    return TRUE;
}

BOOLEAN
ValueIsSame(const CHECKER *Checker, const CHECK_VALUE *A, const CHECK_VALUE *B)
{
    if (A->Kind != B->Kind)
        return FALSE;
    switch (A->Kind) {
    case KindNumber:
        return NumberIsSame(&A->Number, &B->Number);
    case KindPointer:
        return IsSamePointer(&A->Pointer, &B->Pointer);
    case KindBytes:
        return IsSameBytes(Checker, &A->Bytes, &B->Bytes);
    default:
        return TRUE;
    }
}
