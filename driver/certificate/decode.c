#include "certificate/decode.h"

/** How a value is written: the low three bits of its first byte. */
enum { FormNothing, FormAny, FormConstant, FormUnsigned, FormSigned, FormLow, FormBounds, FormPointer };

/** Bit 7 of a first byte: a slot of bytes. */
#define FORM_BYTES 0x80

/** A number's first byte. */
enum { NUMBER_ZEROS_SHIFT = 3, NUMBER_LINKED = 0x20, NUMBER_EXTENDED = 0x40 };

/** A pointer's first byte, and its second one. */
enum { POINTER_NULLABLE = 0x08, POINTER_OFFSET = 0x10, POINTER_RANGE = 0x20, POINTER_PROVED = 0x40 };
enum { POINTER_PLACE = 0x0f, POINTER_FLAG = 0x10, POINTER_FIXED = 0x20 };

/** A state's first byte, above the number of frames less one. */
enum { STATE_LENGTHS = 0x08, STATE_HELD = 0x10, STATE_RANKED = 0x20 };

/** How a ranked state's number moves: so many ways for each cell. */
enum { RANK_WAYS = 4, RANK_UNSIGNED = 2, RANK_DOWN = 1 };

/** What of a pointer is written for each place. */
enum { HasWhich = 1, HasInstance = 2, HasHolder = 4, IsPacket = 8, HasFlag = 16 };
static const UINT8 Fields[PlaceCount] = {
    [PlaceStack] = HasWhich,
    [PlacePacket] = IsPacket,
    [PlacePacketMeta] = IsPacket,
    [PlaceMapValue] = HasWhich | HasInstance | HasFlag,
    [PlaceMap] = HasWhich,
    [PlaceInnerMap] = HasWhich | HasInstance,
    [PlaceMemory] = HasWhich | HasInstance | HasFlag,
    [PlaceRecord] = HasWhich | HasInstance,
    [PlaceObject] = HasWhich | HasInstance | HasHolder,
    [PlaceKernel] = HasInstance,
    [PlaceCode] = HasWhich,
};

static INT64
DecodeId(CHECKER *Checker, CURSOR *Cursor)
{
    return 1 + CursorUnsigned(Checker, Cursor, DECODE_MOST_ID);
}

static BOOLEAN
SameBounds(const CHECK_NUMBER *A, CHECK_NUMBER B)
{
    return IntervalIsSame(&A->Full, &B.Full) && IntervalIsSame(&A->Low, &B.Low);
}

/** The first form from which all bounds of the number follow. */
static UINT32
FormOf(const CHECK_NUMBER *Value)
{
    const CHECK_INTERVAL *Full = &Value->Full;
    if (NumberIsKnown(Value) && Value->Zeros == NumberTrailingZeros(Full->S0) &&
        SameBounds(Value, NumberConstant(Full->S0)))
        return FormConstant;
    if (SameBounds(Value, NumberAny()))
        return FormAny;
    if (Full->U1 != INTERVAL_NONE && SameBounds(Value, NumberUnsignedBetween(Full->U0, Full->U1)))
        return FormUnsigned;
    if (Full->S1 - Full->S0 <= INTERVAL_MOST && SameBounds(Value, NumberBetween(Full->S0, Full->S1)))
        return FormSigned;
    return SameBounds(Value, NumberFromLow(Value->Low.U0, Value->Low.U1)) ? FormLow : FormBounds;
}

/** Bounds that are written one by one; each must say something. */
static CHECK_NUMBER
DecodeBounds(CHECKER *Checker, CURSOR *Cursor)
{
    CHECK_NUMBER Value = NumberAny();
    INT64 *Bounds[] = {
        &Value.Full.U0, &Value.Full.U1, &Value.Full.S0, &Value.Full.S1,
        &Value.Low.U0,  &Value.Low.U1,  &Value.Low.S0,  &Value.Low.S1,
    };
    UINT8 Mask = CursorByte(Checker, Cursor);
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Bounds); Index++) {
        if ((Mask >> Index & 1) == 0)
            continue;
        INT64 Bound = CursorSigned(Checker, Cursor, INTERVAL_MOST);
        if (Bound == *Bounds[Index])
            Refuse(Checker, "a bound that says nothing");
        *Bounds[Index] = Bound;
    }
    if (Value.Full.U0 < 0 || Value.Low.U0 < 0 || Value.Low.U1 > UINT32_MAX || Value.Low.S0 < INT32_MIN ||
        Value.Low.S1 > INT32_MAX)
        Refuse(Checker, "a bound that is none");
    if (Value.Full.U0 > Value.Full.U1 || Value.Full.S0 > Value.Full.S1 || Value.Low.U0 > Value.Low.U1 ||
        Value.Low.S0 > Value.Low.S1)
        Refuse(Checker, "no number");
    return Value;
}

static CHECK_NUMBER
DecodePlain(CHECKER *Checker, CURSOR *Cursor, UINT32 Form)
{
    INT64 Least;
    switch (Form) {
    case FormAny:
        return NumberAny();
    case FormConstant:
        return NumberConstant(CursorSigned(Checker, Cursor, INTERVAL_MOST));
    case FormUnsigned:
        Least = CursorUnsigned(Checker, Cursor, INTERVAL_MOST);
        return NumberUnsignedBetween(Least, Least + CursorUnsigned(Checker, Cursor, INTERVAL_MOST - Least));
    case FormSigned:
        Least = CursorSigned(Checker, Cursor, INTERVAL_MOST);
        return NumberBetween(
            Least, Least + CursorUnsigned(Checker, Cursor, INTERVAL_MOST - Greatest(Least, 0)));
    case FormLow:
        Least = CursorUnsigned(Checker, Cursor, UINT32_MAX);
        return NumberFromLow(Least, Least + CursorUnsigned(Checker, Cursor, UINT32_MAX - Least));
    case FormBounds:
        return DecodeBounds(Checker, Cursor);
    default:
        Refuse(Checker, "a value of an unknown form");
        return NumberAny();
    }
}

static VOID
DecodeLink(CHECKER *Checker, CURSOR *Cursor, UINT8 Head, CHECK_NUMBER *Value)
{
    if ((Head & NUMBER_LINKED) == 0) {
        if ((Head & NUMBER_EXTENDED) != 0)
            Refuse(Checker, "a link without an id");
        return;
    }
    // The first numbers are those of the loops that are open.
    UINT32 Link = (UINT32)CursorUnsigned(Checker, Cursor, DECODE_MOST_ID);
    Value->Id = Link < Checker->AnchorCount ? Checker->Anchors[Link] : 1 + Link - Checker->AnchorCount;
    Value->Delta = CursorSigned(Checker, Cursor, NUMBER_MOST_DELTA);
    Value->Extended = (Head & NUMBER_EXTENDED) != 0;
    if (Value->Extended && Value->Full.U1 >= INTERVAL_TWO_32)
        Refuse(Checker, "a zero extension that is too large");
    if (NumberIsKnown(Value))
        Refuse(Checker, "a constant with a link");
}

static CHECK_NUMBER
DecodeNumber(CHECKER *Checker, CURSOR *Cursor, UINT8 Head)
{
    UINT32 Form = Head & 7;
    CHECK_NUMBER Value = DecodePlain(Checker, Cursor, Form);
    if (Form == FormConstant) {
        if (Head != Form)
            Refuse(Checker, "a constant with more");
        return Value;
    }
    Value.Zeros = (Head >> NUMBER_ZEROS_SHIFT) & 3;
    if (FormOf(&Value) != Form)
        Refuse(Checker, "a number that is not in its shortest form");
    DecodeLink(Checker, Cursor, Head, &Value);
    return Value;
}

static INT64
DecodeInstance(CHECKER *Checker, CURSOR *Cursor, const CHECK_POINTER *Pointer, BOOLEAN Fixed)
{
    BOOLEAN Memory = Pointer->Place == PlaceMemory;
    if (!Fixed)
        return Memory ? CursorUnsigned(Checker, Cursor, DECODE_MOST_ID) : DecodeId(Checker, Cursor);
    // There is one direct address a map, one memory a parameter.
    if (Pointer->Place == PlaceMapValue)
        return -1 - Pointer->Which;
    return Memory ? -1 - CursorUnsigned(Checker, Cursor, 4) : Refuse(Checker, "a flag that says nothing");
}

static VOID
DecodeRange(CHECKER *Checker, CURSOR *Cursor, CHECK_POINTER *Pointer, BOOLEAN Packet)
{
    Pointer->Least = CursorSigned(Checker, Cursor, STATE_MOST_OFFSET);
    Pointer->Most = Pointer->Least + CursorUnsigned(Checker, Cursor, 2 * STATE_MOST_OFFSET);
    Pointer->Zeros = (UINT8)CursorUnsigned(Checker, Cursor, 3);
    if (Pointer->Most > STATE_MOST_OFFSET || Pointer->Least == Pointer->Most)
        Refuse(Checker, "a range that is none");
    Pointer->Part = Packet ? (UINT32)DecodeId(Checker, Cursor) : 0;
}

static CHECK_POINTER
DecodePointer(CHECKER *Checker, CURSOR *Cursor, UINT8 Head, UINT32 Frames)
{
    UINT8 Second = CursorByte(Checker, Cursor);
    UINT8 Place = Second & POINTER_PLACE;
    if (Place >= PlaceCount || Second > (POINTER_PLACE | POINTER_FLAG | POINTER_FIXED)) {
        Refuse(Checker, "a pointer of an unknown form");
        return PointerTo(PlaceKernel, 0);
    }
    UINT8 Has = Fields[Place];
    CHECK_POINTER Pointer = PointerTo(Place, 0);
    Pointer.Nullable = (Head & POINTER_NULLABLE) != 0;
    Pointer.Flag = (Second & POINTER_FLAG) != 0;
    BOOLEAN Fixed = (Second & POINTER_FIXED) != 0;
    if ((Pointer.Flag && !(Has & HasFlag)) || (Fixed && !(Has & HasInstance)))
        Refuse(Checker, "a flag that says nothing");
    if (Has & HasWhich)
        Pointer.Which = CursorUnsigned(Checker, Cursor, INTERVAL_MOST);
    if (Place == PlaceStack && Pointer.Which >= (INT64)Frames)
        Refuse(Checker, "a pointer into a frame that does not exist");
    if (Has & HasInstance)
        Pointer.Instance = DecodeInstance(Checker, Cursor, &Pointer, Fixed);
    if (Has & HasHolder)
        Pointer.Holder = (UINT32)CursorUnsigned(Checker, Cursor, DECODE_MOST_ID);
    if (Head & POINTER_OFFSET) {
        Pointer.Offset = CursorSigned(Checker, Cursor, STATE_MOST_OFFSET);
        if (Pointer.Offset == 0)
            Refuse(Checker, "an offset of 0");
    }
    if (Head & POINTER_PROVED) {
        Pointer.Proved = (UINT32)CursorUnsigned(Checker, Cursor, STATE_MOST_PACKET + 1);
        if (Pointer.Proved == 0 || !(Has & IsPacket))
            Refuse(Checker, "a length that says nothing");
    }
    if (Head & POINTER_RANGE)
        DecodeRange(Checker, Cursor, &Pointer, (Has & IsPacket) != 0);
    return Pointer;
}

static BOOLEAN
IsPart(UINT32 At, UINT32 SizeBytes)
{
    return (At == 0 && (SizeBytes == 1 || SizeBytes == 2)) || (SizeBytes == 4 && At <= 4);
}

static VOID
DecodePart(CHECKER *Checker, CURSOR *Cursor, CHECK_VALUE *Slot, UINT32 End)
{
    UINT8 Place = CursorByte(Checker, Cursor);
    CHECK_PART Part = {.At = Place >> 4, .SizeBytes = Place & 15};
    UINT32 Bits = (1u << Part.SizeBytes) - 1;
    if (!IsPart(Part.At, Part.SizeBytes) || Part.At < End) {
        Refuse(Checker, "a part of a slot that is none");
        return;
    }
    if ((Slot->Bytes.Mask >> Part.At & Bits) != Bits)
        Refuse(Checker, "a part that is not written");
    UINT8 Head = CursorByte(Checker, Cursor);
    if (Head >= FORM_BYTES || (Head & 7) == FormPointer)
        Refuse(Checker, "a part that is no number");
    CHECK_NUMBER Number = DecodeNumber(Checker, Cursor, Head);
    if (Number.Full.U1 >= (INT64)1 << (8 * Part.SizeBytes))
        Refuse(Checker, "a part that is too large");
    Part.Value = AddNumber(Checker, Number);
    Slot->Bytes.Parts[Slot->Bytes.PartCount++] = Part;
}

static CHECK_VALUE
DecodeSlot(CHECKER *Checker, CURSOR *Cursor, UINT32 Frames)
{
    CHECK_VALUE Value = {.Kind = KindNothing};
    UINT8 Head = CursorByte(Checker, Cursor);
    if (Head == FormNothing)
        return Value;
    if (Head < FORM_BYTES) {
        if ((Head & 7) == FormPointer) {
            Value.Kind = KindPointer;
            Value.Pointer = DecodePointer(Checker, Cursor, Head, Frames);
        } else {
            Value.Kind = KindNumber;
            Value.Number = DecodeNumber(Checker, Cursor, Head);
        }
        return Value;
    }
    Value.Kind = KindBytes;
    Value.Bytes.Mask = CursorByte(Checker, Cursor);
    UINT32 Count = Head - FORM_BYTES;
    if (Count > RTL_NUMBER_OF(Value.Bytes.Parts) || Value.Bytes.Mask == 0) {
        Refuse(Checker, "bytes of an unknown form");
        return Value;
    }
    for (UINT32 Part = 0, End = 0; Part < Count && Checker->Refusal == NULL; Part++) {
        DecodePart(Checker, Cursor, &Value, End);
        if (Checker->Refusal == NULL)
            End = Value.Bytes.Parts[Part].At + Value.Bytes.Parts[Part].SizeBytes;
    }
    return Value;
}

static BOOLEAN
IsSlot(UINT32 Cell)
{
    return Cell >= STATE_FIRST_CELL && (Cell - STATE_FIRST_CELL) % STATE_CELLS_PER_FRAME < FRAME_SLOTS;
}

/** Pairs of a distance to the next cell and what is in it; 0 ends. */
static VOID
DecodeCells(CHECKER *Checker, CURSOR *Cursor, CHECK_STATE *State)
{
    INT64 Count = STATE_FIRST_CELL + (INT64)STATE_CELLS_PER_FRAME * State->FrameCount, Cell = -1;
    while (Checker->Refusal == NULL) {
        INT64 Step = CursorUnsigned(Checker, Cursor, Count);
        if (Step == 0)
            return;
        Cell += Step;
        VALUE_ID *Old = Cell < Count ? StateCell(Checker, State, (UINT32)Cell, FALSE) : NULL;
        if (Old == NULL) {
            Refuse(Checker, "a cell that does not exist");
            return;
        }
        CHECK_VALUE Value = DecodeSlot(Checker, Cursor, State->FrameCount);
        if (Value.Kind == KindBytes && !IsSlot((UINT32)Cell))
            Refuse(Checker, "bytes in a register");
        if (ValueIsSame(Checker, ValueAt(Checker, *Old), &Value))
            Refuse(Checker, "a cell told again");
        if (Checker->Refusal != NULL)
            return;
        VALUE_ID New = Value.Kind == KindNothing ? 0 : ValuesAdd(&Checker->Pool, &Value);
        *StateCell(Checker, State, (UINT32)Cell, TRUE) = New;
    }
}

static VOID
DecodeReferences(CHECKER *Checker, CURSOR *Cursor, const CHECK_STATE *Base, CHECK_STATE *State)
{
    State->ReferenceCount = (UINT32)CursorUnsigned(Checker, Cursor, STATE_REFERENCES);
    for (UINT32 Index = 0; Index < State->ReferenceCount; Index++)
        State->References[Index] = (UINT32)DecodeId(Checker, Cursor);
    if (State->ReferenceCount == Base->ReferenceCount &&
        memcmp(State->References, Base->References, State->ReferenceCount * sizeof(State->References[0])) == 0)
        Refuse(Checker, "references told again");
}

/** Ids as they are met: 1, 2, 3 ... */
typedef struct _IDS {
    UINT32 Count;
    UINT32 LinkCount;
    /** By link: numbers that have it, up to 2. */
    UINT8 Uses[DECODE_MOST_ID + 2];
} IDS;

static VOID
NoteId(CHECKER *Checker, IDS *Ids, INT64 Id)
{
    if (Id > (INT64)Ids->Count + 1)
        Refuse(Checker, "ids out of order");
    else if (Id == (INT64)Ids->Count + 1)
        Ids->Count++;
}

/** Whether that is a link to the head of a loop that is open. */
static BOOLEAN
IsOpen(const CHECKER *Checker, UINT32 Anchor)
{
    UINT32 Low = 0, High = Checker->AnchorCount;
    while (Low < High) {
        UINT32 Middle = Low + (High - Low) / 2;
        if (Checker->Anchors[Middle] < Anchor)
            Low = Middle + 1;
        else
            High = Middle;
    }
    return Low < Checker->AnchorCount && Checker->Anchors[Low] == Anchor;
}

static VOID
NoteValue(CHECKER *Checker, IDS *Ids, const CHECK_VALUE *Value)
{
    if (Value->Kind == KindPointer) {
        NoteId(Checker, Ids, Value->Pointer.Instance);
        NoteId(Checker, Ids, Value->Pointer.Holder);
        NoteId(Checker, Ids, Value->Pointer.Part);
    } else if (Value->Kind == KindNumber && Value->Number.Id != 0) {
        UINT32 Id = Value->Number.Id;
        if (Id >= STATE_FIRST_ANCHOR) {
            if (!IsOpen(Checker, Id))
                Refuse(Checker, "a link to the head of another loop");
            return;
        }
        if (Id > Ids->LinkCount + 1) {
            Refuse(Checker, "links out of order");
            return;
        }
        if (Id == Ids->LinkCount + 1)
            Ids->LinkCount++;
        Ids->Uses[Id] = Ids->Uses[Id] == 0 ? 1 : 2;
    }
}

static VOID
NoteSlot(CHECKER *Checker, IDS *Ids, VALUE_ID Slot)
{
    const CHECK_VALUE *Value = ValueAt(Checker, Slot);
    if (Value->Kind != KindBytes) {
        NoteValue(Checker, Ids, Value);
        return;
    }
    for (UINT32 Part = 0; Part < Value->Bytes.PartCount; Part++)
        NoteValue(Checker, Ids, ValueAt(Checker, Value->Bytes.Parts[Part].Value));
}

/** Ids come in the order of cells, and no link is of one number alone. */
static VOID
CheckIds(CHECKER *Checker, const CHECK_STATE *State)
{
    IDS Ids;
    memset(&Ids, 0, sizeof(Ids));
    for (UINT32 Register = 0; Register < STATE_REGISTERS; Register++)
        NoteSlot(Checker, &Ids, State->Registers[Register]);
    for (UINT32 Depth = 0; Depth < State->FrameCount; Depth++) {
        const CHECK_FRAME *Frame = State->Frames[Depth];
        for (UINT32 At = FRAME_SLOTS; At > 0; At--)
            NoteSlot(Checker, &Ids, Frame->Slots[At - 1]);
        for (UINT32 At = 0; At < RTL_NUMBER_OF(Frame->Saved); At++)
            NoteSlot(Checker, &Ids, Frame->Saved[At]);
    }
    for (UINT32 Link = 1; Link <= Ids.LinkCount; Link++)
        if (Ids.Uses[Link] == 1)
            Refuse(Checker, "a link to nothing");
    for (UINT32 Index = 0; Index < State->ReferenceCount; Index++) {
        NoteId(Checker, &Ids, State->References[Index]);
        for (UINT32 Other = 0; Other < Index; Other++)
            if (State->References[Other] == State->References[Index])
                Refuse(Checker, "a reference held twice");
    }
}

static VOID
DecodeRank(CHECKER *Checker, CURSOR *Cursor, CHECK_STATE *State, CHECK_RANK *Rank)
{
    INT64 Cells = STATE_FIRST_CELL + (INT64)STATE_CELLS_PER_FRAME * State->FrameCount;
    UINT32 Place = (UINT32)CursorUnsigned(Checker, Cursor, RANK_WAYS * Cells - 1);
    Rank->Cell = Place / RANK_WAYS;
    Rank->Signed = Place % RANK_WAYS < RANK_UNSIGNED;
    Rank->Up = (Place & RANK_DOWN) == 0;
    const VALUE_ID *Cell = StateCell(Checker, State, Rank->Cell, FALSE);
    if (Cell != NULL && ValueAt(Checker, *Cell)->Kind == KindBytes)
        Rank->Part = (UINT32)CursorUnsigned(Checker, Cursor, 1);
    if (!RankHasNumber(Checker, State, Rank))
        Refuse(Checker, "a rank of no number");
}

static VOID
DecodeFrames(CHECKER *Checker, CURSOR *Cursor, UINT32 Frames, const CHECK_STATE *Base, CHECK_STATE *State)
{
    while (State->FrameCount < Frames) {
        UINT32 Depth = State->FrameCount++;
        INT32 ReturnTo = Depth == 0 ? -1 : (INT32)CursorUnsigned(Checker, Cursor, Checker->InstructionCount - 1);
        if (Depth < Base->FrameCount)
            State->Frames[Depth]->Owners++;
        else
            State->Frames[Depth] = ValuesAddFrame(&Checker->Pool, ReturnTo);
        if (State->Frames[Depth]->ReturnTo != ReturnTo)
            ValuesOwnFrame(&Checker->Pool, &State->Frames[Depth])->ReturnTo = ReturnTo;
    }
}

VOID
DecodeState(CHECKER *Checker, CURSOR *Cursor, const CHECK_STATE *Base, CHECK_STATE *State, CHECK_RANK *Rank)
{
    UINT8 Head = CursorByte(Checker, Cursor);
    *State = *Base;
    State->FrameCount = 0;
    if (Head > (STATE_RANKED | STATE_HELD | STATE_LENGTHS | 7)) {
        Refuse(Checker, "a state of an unknown form");
        return;
    }
    DecodeFrames(Checker, Cursor, (Head & 7) + 1, Base, State);
    if (Head & STATE_LENGTHS) {
        State->Packet = (UINT32)CursorUnsigned(Checker, Cursor, STATE_MOST_PACKET + 1);
        State->Metadata = (UINT32)CursorUnsigned(Checker, Cursor, STATE_MOST_PACKET + 1);
        if (State->Packet == Base->Packet && State->Metadata == Base->Metadata)
            Refuse(Checker, "lengths told again");
    }
    DecodeCells(Checker, Cursor, State);
    if (Head & STATE_HELD)
        DecodeReferences(Checker, Cursor, Base, State);
    if (Checker->Refusal == NULL)
        CheckIds(Checker, State);
    if ((Head & STATE_RANKED) == 0)
        Rank->Anchor = 0;
    else if (Checker->Refusal == NULL)
        DecodeRank(Checker, Cursor, State, Rank);
}
