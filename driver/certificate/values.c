#include "certificate/values.h"

#define LEAST_COLLECTED 65536

VOID *
ValuesAllocate(CHECK_VALUES *Pool, UINT64 SizeBytes)
{
    VOID *Memory = SizeBytes <= Pool->Left ? PlatformAllocate((SIZE_T)SizeBytes) : NULL;
    if (Memory == NULL)
        Pool->Exhausted = TRUE;
    else
        Pool->Left -= SizeBytes;
    return Memory;
}

/** One more block of values; the table of blocks grows by doubling. */
static BOOLEAN
Grow(CHECK_VALUES *Pool)
{
    if (Pool->BlockCount == Pool->BlockCapacity) {
        UINT32 Capacity = Pool->BlockCapacity == 0 ? 64 : 2 * Pool->BlockCapacity;
        CHECK_VALUE **Blocks = ValuesAllocate(Pool, Capacity * sizeof(Blocks[0]));
        if (Blocks == NULL)
            return FALSE;
        if (Pool->BlockCount != 0)
            memcpy(Blocks, Pool->Blocks, Pool->BlockCount * sizeof(Blocks[0]));
        PlatformFree(Pool->Blocks);
        Pool->Blocks = Blocks;
        Pool->BlockCapacity = Capacity;
    }
    CHECK_VALUE *Block = ValuesAllocate(Pool, VALUES_BLOCK_VALUES * sizeof(CHECK_VALUE));
    if (Block == NULL)
        return FALSE;
    Pool->Blocks[Pool->BlockCount++] = Block;
    return TRUE;
}

BOOLEAN
ValuesCreate(CHECK_VALUES *Pool, UINT64 LimitBytes)
{
    memset(Pool, 0, sizeof(*Pool));
    Pool->Left = LimitBytes;
    Pool->CollectAt = LEAST_COLLECTED;
    // Value 0 is nothing: its kind is the zeros of a fresh block.
    Pool->Top = 1;
    Pool->Kept = 1;
    return Grow(Pool);
}

VOID
ValuesDestroy(CHECK_VALUES *Pool)
{
    ValuesReset(Pool);
    for (UINT32 Index = 0; Index < Pool->BlockCount; Index++)
        PlatformFree(Pool->Blocks[Index]);
    PlatformFree(Pool->Blocks);
    while (Pool->FrameBlocks != NULL) {
        VALUES_FRAMES *Block = Pool->FrameBlocks;
        Pool->FrameBlocks = Block->Next;
        PlatformFree(Block);
    }
}

VALUE_ID
ValuesAdd(CHECK_VALUES *Pool, const CHECK_VALUE *Value)
{
    if (Pool->Top == Pool->BlockCount * VALUES_BLOCK_VALUES && !Grow(Pool))
        return 0;
    Pool->Blocks[Pool->Top / VALUES_BLOCK_VALUES][Pool->Top % VALUES_BLOCK_VALUES] = *Value;
    return Pool->Top++;
}

VALUE_ID
ValuesAddNumber(CHECK_VALUES *Pool, const CHECK_NUMBER *Number)
{
    CHECK_VALUE Value;
    Value.Kind = KindNumber;
    Value.Number = *Number;
    return ValuesAdd(Pool, &Value);
}

VALUE_ID
ValuesAddPointer(CHECK_VALUES *Pool, const CHECK_POINTER *Pointer)
{
    CHECK_VALUE Value;
    Value.Kind = KindPointer;
    Value.Pointer = *Pointer;
    return ValuesAdd(Pool, &Value);
}

/** A frame that nobody has, with old contents; NULL if there is no memory. */
static CHECK_FRAME *
TakeFrame(CHECK_VALUES *Pool)
{
    CHECK_FRAME *Frame = Pool->Free;
    if (Frame != NULL) {
        memcpy(&Pool->Free, Frame->Slots, sizeof(Pool->Free));
        return Frame;
    }
    if (Pool->FreshFrames == 0) {
        VALUES_FRAMES *Block = ValuesAllocate(Pool, sizeof(*Block));
        if (Block == NULL)
            return NULL;
        Block->Next = Pool->FrameBlocks;
        Pool->FrameBlocks = Block;
        Pool->FreshFrames = VALUES_BLOCK_FRAMES;
    }
    return &Pool->FrameBlocks->Frames[--Pool->FreshFrames];
}

CHECK_FRAME *
ValuesAddFrame(CHECK_VALUES *Pool, INT32 ReturnTo)
{
    CHECK_FRAME *Frame = TakeFrame(Pool);
    if (Frame == NULL) {
        // Nobody goes on from here; it has an owner more than it has, so it is never free.
        Frame = &Pool->Spare;
        Frame->Owners++;
    }
    memset(Frame->Saved, 0, sizeof(Frame->Saved));
    memset(Frame->Slots, 0, sizeof(Frame->Slots));
    Frame->Owners++;
    Frame->Callback = NULL;
    Frame->ReturnTo = ReturnTo;
    return Frame;
}

VOID
ValuesReleaseFrame(CHECK_VALUES *Pool, CHECK_FRAME *Frame)
{
    if (--Frame->Owners != 0)
        return;
    memcpy(Frame->Slots, &Pool->Free, sizeof(Pool->Free));
    Pool->Free = Frame;
}

CHECK_FRAME *
ValuesOwnFrame(CHECK_VALUES *Pool, CHECK_FRAME **Place)
{
    CHECK_FRAME *Old = *Place;
    if (Old->Owners == 1)
        return Old;
    CHECK_FRAME *New = ValuesAddFrame(Pool, Old->ReturnTo);
    if (New != Old) {
        New->Callback = Old->Callback;
        memcpy(New->Saved, Old->Saved, sizeof(New->Saved));
        memcpy(New->Slots, Old->Slots, sizeof(New->Slots));
    }
    ValuesReleaseFrame(Pool, Old);
    *Place = New;
    return New;
}

CHECK_CALLBACK *
ValuesAddCallback(CHECK_VALUES *Pool)
{
    CHECK_CALLBACK *Callback = ValuesAllocate(Pool, sizeof(*Callback));
    if (Callback != NULL) {
        Callback->Next = Pool->Callbacks;
        Pool->Callbacks = Callback;
    }
    return Callback;
}

/** The place in Places of a value that may move; NULL for one that stays. */
static VALUE_ID *
PlaceOf(const CHECK_VALUES *Pool, VALUE_ID *Places, VALUE_ID Id)
{
    return Id < Pool->Kept ? NULL : &Places[Id - Pool->Kept];
}

static VOID
Mark(const CHECK_VALUES *Pool, VALUE_ID *Places, VALUE_ID Id)
{
    VALUE_ID *Place = PlaceOf(Pool, Places, Id);
    if (Place != NULL)
        *Place = 1;
}

static VOID
Move(const CHECK_VALUES *Pool, VALUE_ID *Places, VALUE_ID *Id)
{
    VALUE_ID *Place = PlaceOf(Pool, Places, *Id);
    if (Place != NULL)
        *Id = *Place;
}

typedef VOID (*VISIT)(const CHECK_VALUES *Pool, VALUE_ID *Places, VALUE_ID *Id);

static VOID
VisitMark(const CHECK_VALUES *Pool, VALUE_ID *Places, VALUE_ID *Id)
{
    Mark(Pool, Places, *Id);
}

static VOID
VisitInner(const CHECK_VALUES *Pool, VALUE_ID *Places, CHECK_VALUE *Value, VISIT Visit)
{
    if (Value->Kind == KindNumber)
        Visit(Pool, Places, &Value->Number.Shifted);
    if (Value->Kind == KindBytes)
        for (UINT32 Part = 0; Part < Value->Bytes.PartCount; Part++)
            Visit(Pool, Places, &Value->Bytes.Parts[Part].Value);
}

/** Once, however many have it. */
static VOID
VisitFrames(CHECK_VALUES *Pool, VALUE_ID *Places, CHECK_FRAME *const *Frames, UINT32 FrameCount, VISIT Visit)
{
    for (UINT32 Depth = 0; Depth < FrameCount; Depth++) {
        CHECK_FRAME *Frame = Frames[Depth];
        if (Frame->Walk == Pool->Walk)
            continue;
        Frame->Walk = Pool->Walk;
        Pool->Walked += FRAME_SLOTS + RTL_NUMBER_OF(Frame->Saved);
        for (UINT32 At = 0; At < RTL_NUMBER_OF(Frame->Saved); At++)
            Visit(Pool, Places, &Frame->Saved[At]);
        for (UINT32 At = 0; At < FRAME_SLOTS; At++)
            Visit(Pool, Places, &Frame->Slots[At]);
    }
}

/** All that values since Kept can be reached from: these states, and what callbacks are compared with. */
static VOID
VisitRoots(CHECK_VALUES *Pool, VALUE_ID *Places, CHECK_STATE *const *States, UINT32 StateCount, VISIT Visit)
{
    Pool->Walk++;
    Pool->Walked = (UINT64)StateCount * STATE_REGISTERS;
    for (UINT32 Index = 0; Index < StateCount; Index++) {
        for (UINT32 Register = 0; Register < STATE_REGISTERS; Register++)
            Visit(Pool, Places, &States[Index]->Registers[Register]);
        VisitFrames(Pool, Places, States[Index]->Frames, States[Index]->FrameCount, Visit);
    }
    for (CHECK_CALLBACK *Callback = Pool->Callbacks; Callback != NULL; Callback = Callback->Next)
        VisitFrames(Pool, Places, Callback->Frames, Callback->FrameCount, Visit);
}

static CHECK_VALUE *
At(CHECK_VALUES *Pool, VALUE_ID Id)
{
    return &Pool->Blocks[Id / VALUES_BLOCK_VALUES][Id % VALUES_BLOCK_VALUES];
}

VOID
ValuesCollect(CHECK_VALUES *Pool, CHECK_STATE *const *States, UINT32 StateCount)
{
    UINT64 SizeBytes = (UINT64)(Pool->Top - Pool->Kept) * sizeof(VALUE_ID);
    VALUE_ID *Places = ValuesAllocate(Pool, SizeBytes);
    if (Places == NULL)
        return;
    VisitRoots(Pool, Places, States, StateCount, VisitMark);
    // A value is made after those within it, so one pass from the newest reaches all.
    for (VALUE_ID Id = Pool->Top - 1; Id >= Pool->Kept; Id--)
        if (Places[Id - Pool->Kept] != 0)
            VisitInner(Pool, Places, At(Pool, Id), VisitMark);
    VALUE_ID Next = Pool->Kept;
    for (VALUE_ID Id = Pool->Kept; Id < Pool->Top; Id++) {
        VALUE_ID *Place = &Places[Id - Pool->Kept];
        if (*Place == 0)
            continue;
        *Place = Next++;
        VisitInner(Pool, Places, At(Pool, Id), Move);
        *At(Pool, *Place) = *At(Pool, Id);
    }
    VisitRoots(Pool, Places, States, StateCount, Move);
    Pool->Top = Next;
    Pool->CollectAt = Next + (Next - Pool->Kept) + LEAST_COLLECTED;
    PlatformFree(Places);
    Pool->Left += SizeBytes;
}

VOID
ValuesReset(CHECK_VALUES *Pool)
{
    while (Pool->Callbacks != NULL) {
        CHECK_CALLBACK *Callback = Pool->Callbacks;
        Pool->Callbacks = Callback->Next;
        for (UINT32 Index = 0; Index < Callback->FrameCount; Index++)
            ValuesReleaseFrame(Pool, Callback->Frames[Index]);
        PlatformFree(Callback);
        Pool->Left += sizeof(*Callback);
    }
    Pool->Top = Pool->Kept;
    Pool->CollectAt = Pool->Kept + LEAST_COLLECTED;
}
