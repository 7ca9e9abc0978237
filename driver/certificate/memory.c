#include "certificate/memory.h"

#include "certificate/stack.h"

static UINT32
SizeOf(const EBPF_INSTRUCTION *Instruction)
{
    switch (Instruction->Opcode & 0x18) {
    case EBPF_B:
        return 1;
    case EBPF_H:
        return 2;
    case EBPF_W:
        return 4;
    default:
        return 8;
    }
}

const CHECK_POINTER *
MemoryAddress(CHECKER *Checker, const CHECK_STATE *State, UINT32 Register)
{
    const CHECK_POINTER *Pointer = PointerAt(Checker, StateRead(Checker, State, Register));
    if (Pointer == NULL)
        Refuse(Checker, "a register is not a pointer");
    else if (Pointer->Nullable)
        Refuse(Checker, "a pointer may be null");
    else
        return Pointer;
    return NULL;
}

BOOLEAN
MemoryFrame(CHECKER *Checker, const CHECK_STATE *State, const CHECK_POINTER *Base)
{
    return Base->Which < (INT64)State->FrameCount || Refuse(Checker, "a pointer into a frame that is closed");
}

static BOOLEAN
CheckPacket(
    CHECKER *Checker, const CHECK_STATE *State, const CHECK_POINTER *Base, INT64 Low, INT64 Known, BOOLEAN Writes)
{
    INT64 Proved = Base->Place == PlacePacket ? State->Packet : State->Metadata;
    if (Writes && Checker->Program->Type->Context->PacketReadOnly)
        return Refuse(Checker, "the packet is read-only");
    if (Low < 0)
        return Refuse(Checker, "before the packet");
    // proved + something <= end of the packet, so the known part alone must be proved.
    if (Known > (INT64)Base->Proved && (Base->Part != 0 || Known > Proved))
        return Refuse(Checker, "the packet is not proved that long");
    return TRUE;
}

static BOOLEAN
CheckMapValue(CHECKER *Checker, const CHECK_POINTER *Base, INT64 Low, INT64 End, BOOLEAN Writes)
{
    CHECK_MAP Map;
    BOOLEAN Known = CheckerMapOf(Checker, Base, &Map);
    if (Low < 0 || End > (Known ? (INT64)Map.Map->ValueSizeBytes : 0))
        return Refuse(Checker, "outside the map's value");
    if (Writes && CheckerIsReadOnly(Known ? &Map : NULL))
        return Refuse(Checker, "the map's values are read-only");
    return TRUE;
}

BOOLEAN
MemoryCheck(
    CHECKER *Checker,
    const CHECK_STATE *State,
    const CHECK_POINTER *Base,
    INT64 Offset,
    INT64 SizeBytes,
    BOOLEAN Writes)
{
    INT64 Low = Base->Offset + Offset + Base->Least, End = Base->Offset + Offset + Base->Most + SizeBytes;
    switch (Base->Place) {
    case PlaceStack:
        if (Low < -FRAME_BYTES || End > 0)
            return Refuse(Checker, "outside the stack frame");
        return MemoryFrame(Checker, State, Base);
    case PlacePacket:
    case PlacePacketMeta:
        return CheckPacket(Checker, State, Base, Low, Base->Offset + Offset + SizeBytes, Writes);
    case PlaceMemory:
    case PlaceRecord:
        if (Low < 0 || End > Base->Which)
            return Refuse(Checker, "outside the memory");
        return !(Writes && Base->Flag) || Refuse(Checker, "the memory is read-only");
    case PlaceMapValue:
        return CheckMapValue(Checker, Base, Low, End, Writes);
    default:
        return Refuse(Checker, "no memory of bytes");
    }
}

static const CHECK_FIELD *
FieldAt(const CHECK_FIELDS *Fields, INT64 At, UINT32 SizeBytes)
{
    for (UINT32 Index = 0; Index < Fields->Count; Index++) {
        const CHECK_FIELD *Field = &Fields->Rows[Index];
        if (At >= Field->ByteOffset && At + SizeBytes <= (INT64)Field->ByteOffset + Field->SizeBytes)
            return Field;
    }
    return NULL;
}

static BOOLEAN
IsWhole(const CHECK_FIELD *Field, INT64 At, UINT32 SizeBytes)
{
    if (At == Field->ByteOffset && SizeBytes == Field->SizeBytes)
        return TRUE;
    return Field->Narrow && Field->Kind == FieldScalar && At % SizeBytes == 0;
}

static VALUE_ID
LoadPointer(CHECKER *Checker, const CHECK_FIELD *Field, UINT32 Holder)
{
    CHECK_POINTER Pointer;
    switch (Field->Kind) {
    case FieldPacketStart:
        return AddPointer(Checker, PointerTo(PlacePacket, 0));
    case FieldPacketEnd:
        return AddPointer(Checker, PointerTo(PlacePacketEnd, 0));
    case FieldPacketMeta:
        return AddPointer(Checker, PointerTo(PlacePacketMeta, 0));
    case FieldKernel:
        Pointer = PointerTo(PlaceKernel, 0);
        break;
    default:
        if (Field->To < 0)
            return Refuse(Checker, "a field that points to nothing known");
        Pointer = PointerTo(Field->Kind == FieldObject ? PlaceObject : PlaceMemory, Field->To);
        Pointer.Flag = Field->Kind == FieldMemory;
        Pointer.Holder = Field->Kind == FieldObject ? Holder : 0;
        Pointer.Nullable = Field->Nullable;
        break;
    }
    Pointer.Instance = CheckerFresh(Checker);
    return AddPointer(Checker, Pointer);
}

static VALUE_ID
LoadField(CHECKER *Checker, const CHECK_FIELD *Field, UINT32 SizeBytes, BOOLEAN Signed, UINT32 Holder)
{
    if (Field->Kind == FieldScalar)
        return AddNumber(Checker, NumberAnyOfSize(SizeBytes, Signed));
    return Signed ? (VALUE_ID)Refuse(Checker, "part of an address") : LoadPointer(Checker, Field, Holder);
}

/** What is read where the table of the context lists nothing. */
static VALUE_ID
LoadElsewhere(CHECKER *Checker, INT64 At, UINT32 SizeBytes, BOOLEAN Signed)
{
    const CHECK_CONTEXT *Context = Checker->Program->Type->Context;
    if (Context->Elsewhere == ElsewhereNothing || At < 0 || At + SizeBytes > (INT64)Context->SizeBytes)
        return Refuse(Checker, "outside the context");
    if (Context->Elsewhere == ElsewhereKernel) {
        if (SizeBytes != 8 || At % 8 != 0 || Signed)
            return Refuse(Checker, "part of an argument");
        CHECK_POINTER Pointer = PointerTo(PlaceKernel, 0);
        Pointer.Instance = CheckerFresh(Checker);
        return AddPointer(Checker, Pointer);
    }
    for (UINT32 Index = 0; Index < Context->Fields.Count; Index++) {
        const CHECK_FIELD *Field = &Context->Fields.Rows[Index];
        if (Field->Kind != FieldScalar && At < (INT64)Field->ByteOffset + Field->SizeBytes &&
            (INT64)Field->ByteOffset < At + SizeBytes)
            return Refuse(Checker, "part of a pointer of the context");
    }
    return AddNumber(Checker, NumberAnyOfSize(SizeBytes, Signed));
}

static VALUE_ID
LoadContext(CHECKER *Checker, INT64 At, UINT32 SizeBytes, BOOLEAN Signed)
{
    const CHECK_FIELD *Field = FieldAt(&Checker->Program->Type->Context->Fields, At, SizeBytes);
    if (Field == NULL)
        return LoadElsewhere(Checker, At, SizeBytes, Signed);
    if (!IsWhole(Field, At, SizeBytes))
        return Refuse(Checker, "part of a field of the context");
    return LoadField(Checker, Field, SizeBytes, Signed, 0);
}

static VALUE_ID
LoadObject(CHECKER *Checker, const CHECK_POINTER *Base, INT64 At, UINT32 SizeBytes, BOOLEAN Signed)
{
    const CHECK_PLATFORM *Platform = Checker->Program->Platform;
    const CHECK_FIELD *Field = NULL;
    if (PointerIsKnown(Base) && Base->Which < (INT64)Platform->ObjectCount)
        Field = FieldAt(&Platform->Objects[Base->Which], At, SizeBytes);
    if (Field == NULL || !IsWhole(Field, At, SizeBytes))
        return Refuse(Checker, "no field of the object");
    return LoadField(Checker, Field, SizeBytes, Signed, Base->Holder);
}

static VALUE_ID
LoadStack(
    CHECKER *Checker, const CHECK_STATE *State, const CHECK_POINTER *Base, INT64 At, UINT32 SizeBytes, BOOLEAN Signed)
{
    const VALUE_ID *Slots = State->Frames[Base->Which]->Slots;
    INT64 Spread = Base->Most - Base->Least;
    VALUE_ID Whole = Spread == 0 ? StackWhole(Checker, Slots, At, SizeBytes) : 0;
    if (Whole != 0)
        return Signed && PointerAt(Checker, Whole) != NULL ? (VALUE_ID)Refuse(Checker, "part of an address")
                                                           : Whole;
    if (Checker->Strict && !StackIsNumbers(Checker, Slots, At, At + Spread + SizeBytes))
        return Refuse(Checker, "stack that is no number");
    if (Spread != 0)
        return AddNumber(Checker, NumberAnyOfSize(SizeBytes, Signed));
    CHECK_NUMBER Number = StackNumber(Checker, Slots, At, SizeBytes);
    return AddNumber(Checker, Signed ? NumberSignExtended(&Number, 8 * SizeBytes) : Number);
}

/** Bytes of read-only data are those of the object: nobody writes them. */
static BOOLEAN
ConstantAt(const CHECKER *Checker, const CHECK_POINTER *Base, INT64 At, UINT32 SizeBytes, CHECK_NUMBER *Number)
{
    CHECK_MAP Map;
    if (Base->Place != PlaceMapValue || !PointerIsKnown(Base) || Base->Instance >= 0 ||
        !CheckerMapOf(Checker, Base, &Map))
        return FALSE;
    if (!Map.Map->HasData || !Map.Map->DataReadOnly || At + SizeBytes > (INT64)Map.Map->DataSizeBytes)
        return FALSE;
    UINT64 Value = 0;
    for (UINT32 Byte = SizeBytes; Byte > 0; Byte--)
        Value = Value << 8 | Map.Map->Data[At + Byte - 1];
    *Number = NumberLiteral(Value);
    return TRUE;
}

VALUE_ID
MemoryLoad(CHECKER *Checker, CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction)
{
    const CHECK_POINTER *Base = MemoryAddress(Checker, State, Instruction->Source);
    if (Base == NULL)
        return 0;
    UINT32 SizeBytes = SizeOf(Instruction);
    BOOLEAN Signed = (Instruction->Opcode & 0xe0) == EBPF_MEMSX;
    INT64 At = Base->Offset + Base->Least + Instruction->Offset;
    switch (Base->Place) {
    case PlaceContext:
        if (!PointerIsKnown(Base))
            return Refuse(Checker, "an unknown place of the context");
        return LoadContext(Checker, At, SizeBytes, Signed);
    case PlaceObject:
        return LoadObject(Checker, Base, At, SizeBytes, Signed);
    case PlaceKernel:
        return AddNumber(Checker, NumberAnyOfSize(SizeBytes, Signed));
    default:
        break;
    }
    if (!MemoryCheck(Checker, State, Base, Instruction->Offset, SizeBytes, FALSE))
        return 0;
    if (Base->Place == PlaceStack)
        return LoadStack(Checker, State, Base, At + FRAME_BYTES, SizeBytes, Signed);
    CHECK_NUMBER Number;
    if (ConstantAt(Checker, Base, At, SizeBytes, &Number))
        return AddNumber(Checker, Signed ? NumberSignExtended(&Number, 8 * SizeBytes) : Number);
    return AddNumber(Checker, NumberAnyOfSize(SizeBytes, Signed));
}

static VOID
StoreContext(CHECKER *Checker, const CHECK_POINTER *Base, INT64 At, UINT32 SizeBytes, VALUE_ID Value)
{
    const CHECK_FIELD *Field = NULL;
    if (PointerIsKnown(Base))
        Field = FieldAt(&Checker->Program->Type->Context->Fields, At, SizeBytes);
    if (Field == NULL || Field->Kind != FieldScalar || !Field->Writable || !IsWhole(Field, At, SizeBytes) ||
        SizeBytes < Field->LeastWriteBytes)
        Refuse(Checker, "the context is not written there");
    if (Checker->Strict && PointerAt(Checker, Value) != NULL)
        Refuse(Checker, "an address leaves");
}

static VOID
StoreStack(
    CHECKER *Checker, CHECK_STATE *State, const CHECK_POINTER *Base, INT64 At, UINT32 SizeBytes, VALUE_ID Value)
{
    VALUE_ID *Slots = StateOwnSlots(Checker, State, (UINT32)Base->Which);
    if (!PointerIsKnown(Base))
        StackWriteSomewhere(Checker, Slots, At, At + Base->Most - Base->Least + SizeBytes);
    else if (NumberAt(Checker, Value) != NULL)
        StackWriteNumber(Checker, Slots, At, SizeBytes, Value);
    else if (SizeBytes == 8 && At % 8 == 0)
        Slots[At >> 3] = Value;
    else
        StackWriteSomewhere(Checker, Slots, At, At + SizeBytes);
}

VOID
MemoryStore(CHECKER *Checker, CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction, VALUE_ID Value)
{
    const CHECK_POINTER *Base = MemoryAddress(Checker, State, Instruction->Destination);
    if (Base == NULL)
        return;
    if (Value == 0) {
        Refuse(Checker, "nothing is stored");
        return;
    }
    UINT32 SizeBytes = SizeOf(Instruction);
    INT64 At = Base->Offset + Base->Least + Instruction->Offset;
    if (Base->Place == PlaceContext) {
        StoreContext(Checker, Base, At, SizeBytes, Value);
        return;
    }
    if (!MemoryCheck(Checker, State, Base, Instruction->Offset, SizeBytes, TRUE))
        return;
    BOOLEAN Aligned = SizeBytes == 8 && PointerIsKnown(Base) && At % 8 == 0;
    if (Checker->Strict && PointerAt(Checker, Value) != NULL && (Base->Place != PlaceStack || !Aligned))
        Refuse(Checker, "an address leaves");
    else if (Base->Place == PlaceStack)
        StoreStack(Checker, State, Base, At + FRAME_BYTES, SizeBytes, Value);
}

/** What an atomic adds or stores: a number, or, where they may leave, an address. */
static BOOLEAN
CheckStored(CHECKER *Checker, const CHECK_STATE *State, UINT32 Register)
{
    const CHECK_VALUE *Value = ValueAt(Checker, StateRead(Checker, State, Register));
    if (Value->Kind == KindNothing)
        return Refuse(Checker, "a register is not initialised");
    if (Value->Kind == KindPointer && Checker->Strict && !ValueIsKernel(Value))
        return Refuse(Checker, "an address leaves");
    return TRUE;
}

static VOID
AtomicStack(CHECKER *Checker, CHECK_STATE *State, const CHECK_POINTER *Base, INT64 From, UINT32 SizeBytes)
{
    VALUE_ID *Slots = StateOwnSlots(Checker, State, (UINT32)Base->Which);
    INT64 To = From + Base->Most - Base->Least + SizeBytes;
    if (Checker->Strict && !StackIsNumbers(Checker, Slots, From, To))
        Refuse(Checker, "stack that is no number");
    // Where it is not known which bytes are hit, a pointer among them is gone.
    else if (PointerIsKnown(Base))
        StackWriteAny(Checker, Slots, From, To);
    else
        StackWriteSomewhere(Checker, Slots, From, To);
}

VOID
MemoryAtomic(CHECKER *Checker, CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction)
{
    UINT32 SizeBytes = SizeOf(Instruction), Source = Instruction->Source;
    BOOLEAN Fetches = (Instruction->Immediate & EBPF_FETCH) != 0;
    if (Fetches && Source == EBPF_FRAME_POINTER) {
        Refuse(Checker, "r10 is written");
        return;
    }
    const CHECK_POINTER *Base = MemoryAddress(Checker, State, Instruction->Destination);
    if (Base == NULL)
        return;
    if (Base->Place != PlaceStack && Base->Place != PlaceMapValue && Base->Place != PlaceMemory &&
        Base->Place != PlaceRecord) {
        Refuse(Checker, "no memory for atomics");
        return;
    }
    if (!MemoryCheck(Checker, State, Base, Instruction->Offset, SizeBytes, TRUE))
        return;
    INT64 Zeros = Least(NumberTrailingZeros(Base->Offset + Instruction->Offset), Base->Zeros);
    if ((1u << Zeros) < SizeBytes)
        Refuse(Checker, "not aligned");
    if (!CheckStored(Checker, State, Source) || Checker->Refusal != NULL)
        return;
    if (Base->Place == PlaceStack)
        AtomicStack(
            Checker, State, Base, Base->Offset + Base->Least + Instruction->Offset + FRAME_BYTES, SizeBytes);
    if (Instruction->Immediate == EBPF_ATOMIC_CMPXCHG) {
        const CHECK_VALUE *Compared = ValueAt(Checker, State->Registers[0]);
        if (Compared->Kind != KindNumber && !ValueIsKernel(Compared))
            Refuse(Checker, "r0 is no number");
        State->Registers[0] = AddNumber(Checker, NumberAnyOfSize(SizeBytes, FALSE));
    } else if (Fetches) {
        State->Registers[Source] = AddNumber(Checker, NumberAnyOfSize(SizeBytes, FALSE));
    }
}

static VALUE_ID
ImmediateValue(CHECKER *Checker, UINT32 Which, INT32 ByteOffset)
{
    if (Which >= Checker->Program->MapCount)
        return Refuse(Checker, "no such map");
    CHECK_MAP Map = CheckerMap(Checker, &Checker->Program->Maps[Which]);
    // Only an array has a first value that is always there.
    if (Map.Type == NULL || Map.Type->Kind != MapKindArray || Map.Map->MaxEntries < 1)
        return Refuse(Checker, "no such value");
    if (ByteOffset < 0 || (UINT32)ByteOffset > Map.Map->ValueSizeBytes)
        return Refuse(Checker, "outside the map's value");
    CHECK_POINTER Pointer = PointerTo(PlaceMapValue, Which);
    Pointer.Instance = -1 - (INT64)Which;
    Pointer.Offset = ByteOffset;
    return AddPointer(Checker, Pointer);
}

/** The address of a function: told as in a local call, from the slot behind the first of the two. */
static VALUE_ID
ImmediateFunction(CHECKER *Checker, INT32 Offset, UINT32 Index)
{
    INT64 Slot = (INT64)Checker->Slots[Index] + 1 + Offset;
    UINT32 Which = UINT32_MAX;
    if (Slot >= 0 && Slot < (INT64)Checker->Program->SlotCount)
        Which = CheckerFindFunction(Checker, Checker->Indexes[Slot]);
    return Which == UINT32_MAX ? (VALUE_ID)Refuse(Checker, "no such function")
                               : AddPointer(Checker, PointerTo(PlaceCode, Which));
}

VALUE_ID
MemoryImmediate(CHECKER *Checker, const EBPF_INSTRUCTION *Instruction, UINT32 Index)
{
    UINT32 Low = (UINT32)Instruction->Immediate;
    switch (Instruction->Source) {
    case EBPF_LDDW_NUMBER:
        return AddNumber(Checker, NumberLiteral((UINT64)(UINT32)Instruction[1].Immediate << 32 | Low));
    case EBPF_LDDW_MAP:
        if (Low >= Checker->Program->MapCount)
            return Refuse(Checker, "no such map");
        return AddPointer(Checker, PointerTo(PlaceMap, Low));
    case EBPF_LDDW_MAP_VALUE:
        return ImmediateValue(Checker, Low, Instruction[1].Immediate);
    case 4:
        return ImmediateFunction(Checker, Instruction->Immediate, Index);
    default:
        return Refuse(Checker, "an immediate that is not resolved");
    }
}
