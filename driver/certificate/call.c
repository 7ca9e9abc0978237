#include "certificate/call.h"

#include "certificate/callback.h"
#include "certificate/memory.h"
#include "certificate/stack.h"

/** No memory that helpers are given is larger. */
#define MOST_BYTES ((INT64)1 << 29)

/** Sections of programs that may wait end their hook's name so. */
static BOOLEAN
MayWait(const CERTIFICATE_PROGRAM *Program)
{
    if (Program->Type->MayWait)
        return TRUE;
    for (UINT32 At = 0; At + 1 < Program->SectionLength; At++) {
        if (Program->Section[At] != '.' || Program->Section[At + 1] != 's')
            continue;
        if (At + 2 == Program->SectionLength || Program->Section[At + 2] == '/')
            return TRUE;
    }
    return FALSE;
}

const CHECK_HELPER *
CallFirstHelper(const CHECK_PLATFORM *Platform, UINT32 Id)
{
    UINT32 Low = 0, High = Platform->HelperCount;
    while (Low < High) {
        UINT32 Middle = Low + (High - Low) / 2;
        if (Platform->Helpers[Middle].Id < Id)
            Low = Middle + 1;
        else
            High = Middle;
    }
    return &Platform->Helpers[Low];
}

const CHECK_HELPER *
CallFindHelper(CHECKER *Checker, UINT32 Id)
{
    const CHECK_PLATFORM *Platform = Checker->Program->Platform;
    const CHECK_HELPER *End = &Platform->Helpers[Platform->HelperCount];
    for (const CHECK_HELPER *Helper = CallFirstHelper(Platform, Id); Helper < End && Helper->Id == Id; Helper++) {
        if ((Helper->ProgramTypes & Checker->Program->Type->Bit) == 0)
            continue;
        if (!Helper->MaySleep || MayWait(Checker->Program))
            return Helper;
        Refuse(Checker, "a helper may wait");
        return NULL;
    }
    Refuse(Checker, "no such helper for this type");
    return NULL;
}

UINT32
CallFindArgument(const CHECK_HELPER *Helper, CHECK_ARGUMENT_KIND Kind)
{
    UINT32 Position = 0;
    while (Position < Helper->ArgumentCount && Helper->Arguments[Position].Kind != Kind)
        Position++;
    return Position;
}

/** One argument of a call. */
typedef struct _GIVEN {
    CHECK_STATE *State;
    const CHECK_HELPER *Helper;
    UINT32 Position;
    const CHECK_ARGUMENT *Row;
    const CHECK_VALUE *Value;
} GIVEN;

/** What is written through an argument: so many bytes at least and at most. */
typedef struct _WRITTEN {
    CHECK_POINTER Base;
    INT64 Least;
    INT64 Most;
} WRITTEN;

/** What a call does beside its result. */
typedef struct _EFFECTS {
    UINT32 WrittenCount;
    WRITTEN Written[5];
    UINT32 ReleasedCount;
    INT64 Released[5];
} EFFECTS;

static BOOLEAN
IsZero(const CHECK_VALUE *Value)
{
    return Value->Kind == KindNumber && NumberIsZero(&Value->Number);
}

/** A pointer as it was handed out, to that place; null only if that is allowed. */
static const CHECK_POINTER *
Whole(CHECKER *Checker, const GIVEN *Given, BOOLEAN Nullable)
{
    const CHECK_POINTER *Pointer = Given->Value->Kind == KindPointer ? &Given->Value->Pointer : NULL;
    if (Pointer == NULL || Pointer->Offset != 0 || Pointer->Least != 0 || Pointer->Most != 0 ||
        (Pointer->Nullable && !Nullable)) {
        Refuse(Checker, "an argument is not the pointer that is asked for");
        return NULL;
    }
    return Pointer;
}

static VOID
CheckMap(CHECKER *Checker, const GIVEN *Given)
{
    const CHECK_POINTER *Pointer = Given->Value->Kind == KindPointer ? &Given->Value->Pointer : NULL;
    CHECK_MAP Map;
    if (Pointer == NULL || Pointer->Nullable || (Pointer->Place != PlaceMap && Pointer->Place != PlaceInnerMap))
        Refuse(Checker, "an argument is not a map");
    else if (
        !CheckerMapOf(Checker, Pointer, &Map) ||
        (Pointer->Place == PlaceInnerMap && Map.Type->Kind == MapKindOfMaps))
        Refuse(Checker, "an argument is not a known map");
    else if ((Given->Row->Types & Map.TypeBit) == 0)
        Refuse(Checker, "a map of another type");
}

/** The map of the nearest argument before that is one. */
static BOOLEAN
MapBefore(CHECKER *Checker, const GIVEN *Given, CHECK_MAP *Map)
{
    for (UINT32 At = Given->Position; At > 0; At--) {
        if (Given->Helper->Arguments[At - 1].Kind != ArgumentMap)
            continue;
        const CHECK_POINTER *Pointer = PointerAt(Checker, Given->State->Registers[At]);
        return Pointer != NULL && CheckerMapOf(Checker, Pointer, Map);
    }
    return FALSE;
}

/** Bounds of the size in argument At: the low 32 bits, or all where the helper takes them. */
static BOOLEAN
SizeOf(CHECKER *Checker, const GIVEN *Given, UINT32 At, INT64 *Least, INT64 *Most)
{
    const CHECK_NUMBER *Number = At < 5 ? NumberAt(Checker, Given->State->Registers[1 + At]) : NULL;
    if (Number == NULL)
        return Refuse(Checker, "an argument is not a size");
    const CHECK_ARGUMENT *Row = &Given->Helper->Arguments[At];
    const CHECK_INTERVAL *Bounds = Row->Kind == ArgumentSize && Row->Wide ? &Number->Full : &Number->Low;
    *Least = Bounds->U0;
    *Most = Bounds->U1;
    return *Most <= MOST_BYTES || Refuse(Checker, "a size without a bound");
}

/**
 * Memory that the helper reads or writes. Where no address may leave, what it reads of a stack must be numbers, and so must
 * what it may or may not write.
 */
static VOID
CheckBytes(CHECKER *Checker, const GIVEN *Given, INT64 Least, INT64 Most, UINT8 Access, EFFECTS *Effects)
{
    const CHECK_POINTER *Base = MemoryAddress(Checker, Given->State, 1 + Given->Position);
    if (Base == NULL || !MemoryCheck(Checker, Given->State, Base, 0, Most, Access != AccessRead))
        return;
    BOOLEAN Surely = Access == AccessWrite && Least == Most && PointerIsKnown(Base);
    if (Base->Place == PlaceStack && Checker->Strict && !Surely) {
        INT64 From = Base->Offset + Base->Least + FRAME_BYTES, To = Base->Offset + Base->Most + Most + FRAME_BYTES;
        if (!StackIsNumbers(Checker, Given->State->Frames[Base->Which]->Slots, From, To))
            Refuse(Checker, "an argument is stack that is no number");
    }
    if (Access != AccessRead)
        Effects->Written[Effects->WrittenCount++] = (WRITTEN){*Base, Least, Most};
}

static VOID
CheckMapBytes(CHECKER *Checker, const GIVEN *Given, EFFECTS *Effects)
{
    CHECK_MAP Map;
    BOOLEAN Key = Given->Row->Kind == ArgumentMapKey;
    if (!Key && Given->Row->OrNull && IsZero(Given->Value))
        return;
    if (!MapBefore(Checker, Given, &Map)) {
        Refuse(Checker, "an argument is not behind a map");
        return;
    }
    INT64 Size = Key ? Map.Map->KeySizeBytes : Map.Map->ValueSizeBytes;
    CheckBytes(Checker, Given, Size, Size, Key ? (UINT8)AccessRead : Given->Row->Access, Effects);
}

static VOID
CheckMemory(CHECKER *Checker, const GIVEN *Given, EFFECTS *Effects)
{
    INT64 Least = Given->Row->SizeBytes, Most = Least;
    if (Given->Row->Kind == ArgumentMemory && !SizeOf(Checker, Given, Given->Row->SizeAt, &Least, &Most))
        return;
    if (!Given->Row->OrNull || !IsZero(Given->Value))
        CheckBytes(Checker, Given, Least, Most, Given->Row->Access, Effects);
    else if (Given->Row->Kind == ArgumentMemory && Most != 0)
        Refuse(Checker, "an argument is null, with a size");
}

static VOID
CheckSize(CHECKER *Checker, const GIVEN *Given)
{
    INT64 Least, Most;
    if (SizeOf(Checker, Given, Given->Position, &Least, &Most) && Least == 0 && !Given->Row->ZeroAllowed)
        Refuse(Checker, "a size may be 0");
}

static INT64
RecordSize(CHECKER *Checker, const CHECK_VALUE *Value)
{
    INT64 Size = Value->Kind == KindNumber && NumberIsKnown(&Value->Number) ? Value->Number.Full.S0 : -1;
    return Size >= 0 && Size <= MOST_BYTES ? Size : Refuse(Checker, "a record of unknown size");
}

/** Only what is held is given back. */
static VOID
CheckHeld(CHECKER *Checker, const GIVEN *Given)
{
    if (Given->Value->Kind != KindPointer || !StateHolds(Given->State, PointerHolder(&Given->Value->Pointer)))
        Refuse(Checker, "an argument is not held");
}

static VOID
CheckObject(CHECKER *Checker, const GIVEN *Given)
{
    if (Given->Row->OrNull && IsZero(Given->Value))
        return;
    const CHECK_POINTER *Pointer = Whole(Checker, Given, Given->Row->OrNull);
    if (Pointer == NULL)
        return;
    UINT64 Type = 0;
    if (Pointer->Place == PlaceKernel)
        Type = CHECK_TYPES_KERNEL;
    else if (Pointer->Place == PlaceObject && Pointer->Which < (INT64)Checker->Program->Platform->ObjectCount)
        Type = (UINT64)1 << Pointer->Which;
    if ((Given->Row->Types & Type) == 0)
        Refuse(Checker, "an argument is not such an object");
    else if (Given->Row->Release)
        CheckHeld(Checker, Given);
}

/** A text with its final 0 in read-only data. */
static VOID
CheckText(CHECKER *Checker, const GIVEN *Given)
{
    const CHECK_POINTER *Pointer = Given->Value->Kind == KindPointer ? &Given->Value->Pointer : NULL;
    CHECK_MAP Map;
    if (Pointer == NULL || Pointer->Place != PlaceMapValue || Pointer->Nullable || !PointerIsKnown(Pointer) ||
        !CheckerMapOf(Checker, Pointer, &Map) || !Map.Map->HasData || !Map.Map->DataReadOnly) {
        Refuse(Checker, "an argument is not a constant text");
        return;
    }
    INT64 At = Pointer->Offset + Pointer->Least, End = Map.Map->DataSizeBytes;
    while (At >= 0 && At < End && Map.Map->Data[At] != 0)
        At++;
    CheckerSpend(Checker, (UINT64)(At - Pointer->Offset - Pointer->Least));
    if (At < 0 || At >= End)
        Refuse(Checker, "a text without its final 0");
}

static VOID
CheckPlace(CHECKER *Checker, const GIVEN *Given, CHECK_PLACE Place)
{
    const CHECK_POINTER *Pointer = Whole(Checker, Given, FALSE);
    if (Pointer != NULL && Pointer->Place != Place)
        Refuse(Checker, "an argument is not the pointer that is asked for");
}

static VOID
CheckArgument(CHECKER *Checker, const GIVEN *Given, EFFECTS *Effects)
{
    const CHECK_VALUE *Value = Given->Value;
    switch (Given->Row->Kind) {
    case ArgumentScalar:
    case ArgumentAnything:
        if (Value->Kind != KindNumber && (Checker->Strict || Given->Row->Kind == ArgumentScalar))
            Refuse(Checker, "an argument is not a number");
        return;
    case ArgumentCallbackContext:
        return;
    case ArgumentContext:
        if (!Given->Row->OrNull || !IsZero(Value))
            CheckPlace(Checker, Given, PlaceContext);
        return;
    case ArgumentMap:
        CheckMap(Checker, Given);
        return;
    case ArgumentMapKey:
    case ArgumentMapValue:
        CheckMapBytes(Checker, Given, Effects);
        return;
    case ArgumentMemory:
    case ArgumentFixedMemory:
        CheckMemory(Checker, Given, Effects);
        return;
    case ArgumentSize:
        CheckSize(Checker, Given);
        return;
    case ArgumentRecordSize:
        RecordSize(Checker, Value);
        return;
    case ArgumentRecord:
        CheckPlace(Checker, Given, PlaceRecord);
        CheckHeld(Checker, Given);
        return;
    case ArgumentObject:
        CheckObject(Checker, Given);
        return;
    case ArgumentCallback:
        if (Value->Kind != KindPointer || Value->Pointer.Place != PlaceCode)
            Refuse(Checker, "an argument is not a function");
        return;
    case ArgumentText:
        CheckText(Checker, Given);
        return;
    default:
        Refuse(Checker, "a helper with an argument that is not understood");
    }
}

static VOID
CheckArguments(CHECKER *Checker, CHECK_STATE *State, const CHECK_HELPER *Helper, EFFECTS *Effects)
{
    for (UINT32 Position = 0; Position < Helper->ArgumentCount && Checker->Refusal == NULL; Position++) {
        const CHECK_ARGUMENT *Row = &Helper->Arguments[Position];
        const CHECK_VALUE *Value = ValueAt(Checker, State->Registers[1 + Position]);
        GIVEN Given = {State, Helper, Position, Row, Value};
        if (Value->Kind == KindNothing) {
            if (!Row->Optional)
                Refuse(Checker, "an argument is not initialised");
            continue;
        }
        CheckArgument(Checker, &Given, Effects);
        if (Row->Release && Value->Kind == KindPointer)
            Effects->Released[Effects->ReleasedCount++] = PointerHolder(&Value->Pointer);
    }
    CHECK_MAP Map;
    const CHECK_POINTER *First = PointerAt(Checker, State->Registers[1]);
    if (Helper->WritesMap && First != NULL && (First->Place == PlaceMap || First->Place == PlaceInnerMap) &&
        CheckerIsReadOnly(CheckerMapOf(Checker, First, &Map) ? &Map : NULL))
        Refuse(Checker, "the map is read-only");
    if (Helper->TailCall && State->ReferenceCount > 0)
        Refuse(Checker, "a tail call with a reference held");
}

/** What is written to stacks becomes numbers. */
static VOID
Write(CHECKER *Checker, CHECK_STATE *State, const WRITTEN *Written)
{
    const CHECK_POINTER *Base = &Written->Base;
    if (Base->Place != PlaceStack || Written->Most == 0)
        return;
    INT64 From = Base->Offset + Base->Least + FRAME_BYTES;
    INT64 To = Base->Offset + Base->Most + FRAME_BYTES + Written->Most;
    VALUE_ID *Slots = StateOwnSlots(Checker, State, (UINT32)Base->Which);
    if (PointerIsKnown(Base) && Written->Least == Written->Most)
        StackWriteAny(Checker, Slots, From, To);
    else
        StackWriteSomewhere(Checker, Slots, From, To);
}

/** A value of the map in the first argument; of a map of maps, an inner map. */
static VALUE_ID
EntryOf(CHECKER *Checker, const CHECK_STATE *State, BOOLEAN Nullable)
{
    const CHECK_POINTER *First = PointerAt(Checker, State->Registers[1]);
    CHECK_MAP Map;
    if (First == NULL || (First->Place != PlaceMap && First->Place != PlaceInnerMap) ||
        !CheckerMapOf(Checker, First, &Map))
        return 0;
    BOOLEAN Inner = First->Place == PlaceInnerMap, OfMaps = Map.Type->Kind == MapKindOfMaps;
    if (Inner && OfMaps)
        return 0;
    CHECK_POINTER Entry = PointerTo(OfMaps ? PlaceInnerMap : PlaceMapValue, First->Which);
    Entry.Instance = CheckerFresh(Checker);
    Entry.Nullable = Nullable;
    Entry.Flag = !OfMaps && Inner;
    return AddPointer(Checker, Entry);
}

static VALUE_ID
RecordOf(CHECKER *Checker, CHECK_STATE *State, const CHECK_HELPER *Helper)
{
    UINT32 At = CallFindArgument(Helper, ArgumentRecordSize);
    VALUE_ID Size = At < Helper->ArgumentCount ? State->Registers[1 + At] : State->Registers[0];
    CHECK_POINTER Record = PointerTo(PlaceRecord, RecordSize(Checker, ValueAt(Checker, Size)));
    UINT32 Instance = CheckerFresh(Checker);
    Record.Instance = Instance;
    Record.Nullable = TRUE;
    StateAcquire(Checker, State, Instance);
    return AddPointer(Checker, Record);
}

static VALUE_ID
ObjectOf(CHECKER *Checker, CHECK_STATE *State, const CHECK_HELPER *Helper)
{
    const CHECK_POINTER *First = PointerAt(Checker, State->Registers[1]);
    if (Helper->To < 0)
        return Refuse(Checker, "a helper that returns nothing known");
    CHECK_POINTER Object = PointerTo(PlaceObject, Helper->To);
    UINT32 Instance = CheckerFresh(Checker);
    Object.Instance = Instance;
    Object.Nullable = TRUE;
    // What is made of an object lives as long as that one.
    Object.Holder = Helper->Acquired ? Instance : First != NULL ? (UINT32)PointerHolder(First) : 0;
    if (Helper->Acquired)
        StateAcquire(Checker, State, Instance);
    return AddPointer(Checker, Object);
}

/** What is in r0 afterwards; what is acquired is held. The arguments are still there. */
static VALUE_ID
ResultOf(CHECKER *Checker, CHECK_STATE *State, const CHECK_HELPER *Helper)
{
    CHECK_POINTER Pointer;
    switch (Helper->Returns) {
    case ReturnScalar:
        return AddNumber(
            Checker, Helper->HasRange ? NumberBetween(Helper->Minimum, Helper->Maximum) : NumberAny());
    case ReturnMapValue:
    case ReturnMapValueOrNull:
        return EntryOf(Checker, State, Helper->Returns == ReturnMapValueOrNull);
    case ReturnRecordOrNull:
        return RecordOf(Checker, State, Helper);
    case ReturnObjectOrNull:
        return ObjectOf(Checker, State, Helper);
    case ReturnKernel:
        Pointer = PointerTo(PlaceKernel, 0);
        Pointer.Nullable = Helper->Nullable;
        break;
    case ReturnMemoryOrNull:
        Pointer = PointerTo(PlaceMemory, Helper->To);
        Pointer.Nullable = TRUE;
        break;
    default:
        return 0;
    }
    Pointer.Instance = CheckerFresh(Checker);
    return AddPointer(Checker, Pointer);
}

static VALUE_ID
WithoutHolder(CHECKER *Checker, VALUE_ID Id, const CHECK_VALUE *Value, VOID *Context)
{
    (VOID)Checker;
    const INT64 *Holder = Context;
    return Value->Kind == KindPointer && PointerHolder(&Value->Pointer) == *Holder ? 0 : Id;
}

VOID
CallHelper(CHECKER *Checker, CHECK_STATE *State, const CHECK_HELPER *Helper)
{
    EFFECTS Effects;
    Effects.WrittenCount = 0;
    Effects.ReleasedCount = 0;
    CheckArguments(Checker, State, Helper, &Effects);
    if (Checker->Refusal != NULL)
        return;
    for (UINT32 Index = 0; Index < Effects.WrittenCount; Index++)
        Write(Checker, State, &Effects.Written[Index]);
    UINT32 Callback = CallFindArgument(Helper, ArgumentCallback);
    if (Callback < Helper->ArgumentCount)
        CallbackForgetRounds(Checker, State, State->Registers[1 + Callback]);
    VALUE_ID Result = ResultOf(Checker, State, Helper);
    for (UINT32 Index = 0; Index < Effects.ReleasedCount; Index++) {
        StateDrop(State, Effects.Released[Index]);
        StateChange(Checker, State, WithoutHolder, &Effects.Released[Index]);
    }
    if (Helper->InvalidatesPacket)
        StateForgetPacket(Checker, State);
    memset(&State->Registers[1], 0, 5 * sizeof(State->Registers[0]));
    State->Registers[0] = Result;
}

VOID
CallLoadPacket(CHECKER *Checker, CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction)
{
    const CHECK_POINTER *Context = PointerAt(Checker, State->Registers[6]);
    if (!Checker->Program->Type->PacketLoads)
        Refuse(Checker, "no packet loads for this type");
    if (State->ReferenceCount > 0)
        Refuse(Checker, "a packet load with a reference held");
    if (Context == NULL || Context->Place != PlaceContext || Context->Offset != 0 || Context->Nullable)
        Refuse(Checker, "r6 is not the context");
    if ((Instruction->Opcode & 0xe0) == EBPF_IND) {
        const CHECK_VALUE *Index = ValueAt(Checker, StateRead(Checker, State, Instruction->Source));
        if (Index->Kind != KindNumber && !ValueIsKernel(Index))
            Refuse(Checker, "the index is no number");
    }
    UINT8 Size = Instruction->Opcode & 0x18;
    memset(&State->Registers[1], 0, 5 * sizeof(State->Registers[0]));
    State->Registers[0] = AddNumber(Checker, NumberAnyOfSize(Size == EBPF_B ? 1 : Size == EBPF_H ? 2 : 4, FALSE));
}
