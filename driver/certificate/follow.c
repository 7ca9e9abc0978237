#include "certificate/follow.h"

#include "certificate/alu.h"
#include "certificate/call.h"
#include "certificate/callback.h"
#include "certificate/memory.h"

/** Paths from one state that wait while another is followed. */
#define MOST_WAITING 4096

/** Where a path goes on: nowhere. */
#define ENDS UINT32_MAX

BOOLEAN
FollowCreate(FOLLOWER *Follower, CHECKER *Checker, CURSOR *Cursor, UINT64 Steps)
{
    CHECK_VALUES *Pool = &Checker->Pool;
    memset(Follower, 0, sizeof(*Follower));
    Follower->Checker = Checker;
    Follower->Cursor = Cursor;
    Follower->Steps = Steps;
    Follower->Cover = ValuesAllocate(Pool, sizeof(*Follower->Cover));
    Follower->Lists = ValuesAllocate(Pool, (UINT64)Checker->InstructionCount * sizeof(Follower->Lists[0]));
    Follower->Listed = ValuesAllocate(Pool, FOLLOW_MOST_STATES / FOLLOW_BLOCK * sizeof(Follower->Listed[0]));
    return Follower->Cover != NULL && Follower->Lists != NULL && Follower->Listed != NULL;
}

VOID
FollowDestroy(FOLLOWER *Follower)
{
    for (UINT32 Index = 0; Follower->Lists != NULL && Index < Follower->Checker->InstructionCount; Index++)
        PlatformFree(Follower->Lists[Index].Numbers);
    for (UINT32 Block = 0; Follower->Listed != NULL && Block < FOLLOW_MOST_STATES / FOLLOW_BLOCK; Block++)
        PlatformFree(Follower->Listed[Block]);
    PlatformFree(Follower->Lists);
    PlatformFree(Follower->Listed);
    PlatformFree(Follower->Cover);
    PlatformFree(Follower->Waiting);
}

/** An array of twice the size at least, with what is in the old one, which is freed; NULL: no memory, the old one stays. */
static VOID *
Grown(CHECKER *Checker, VOID *Old, UINT32 *Capacity, UINT32 First, SIZE_T SizeBytes)
{
    UINT32 Doubled = *Capacity == 0 ? First : 2 * *Capacity;
    VOID *New = ValuesAllocate(&Checker->Pool, (UINT64)Doubled * SizeBytes);
    if (New == NULL)
        return NULL;
    if (*Capacity != 0)
        memcpy(New, Old, *Capacity * SizeBytes);
    PlatformFree(Old);
    Checker->Pool.Left += *Capacity * SizeBytes;
    *Capacity = Doubled;
    return New;
}

/** Takes over the state: it may cover others from now on. FALSE: there is no memory for it. */
static BOOLEAN
AddListed(FOLLOWER *Follower, UINT32 Index, const CHECK_STATE *State, const CHECK_RANK *Rank)
{
    CHECKER *Checker = Follower->Checker;
    FOLLOW_LIST *Own = &Follower->Lists[Index];
    FOLLOW_LISTED **Block = &Follower->Listed[Follower->ListedCount / FOLLOW_BLOCK];
    if (*Block == NULL)
        *Block = ValuesAllocate(&Checker->Pool, FOLLOW_BLOCK * sizeof(**Block));
    if (Own->Count == Own->Capacity) {
        VOID *Numbers = Grown(Checker, Own->Numbers, &Own->Capacity, 4, sizeof(Own->Numbers[0]));
        if (Numbers != NULL)
            Own->Numbers = Numbers;
    }
    if (*Block == NULL || Own->Count == Own->Capacity) {
        CHECK_STATE Lost = *State;
        StateRelease(Checker, &Lost);
        return FALSE;
    }
    Own->Numbers[Own->Count++] = Follower->ListedCount;
    *FollowListedAt(Follower, Follower->ListedCount++) = (FOLLOW_LISTED){.State = *State, .Index = Index, .Rank = *Rank};
    return TRUE;
}

const CHECK_STATE *
FollowLast(const FOLLOWER *Follower, UINT32 Index)
{
    const FOLLOW_LIST *List = &Follower->Lists[Index];
    return List->Count == 0 ? NULL : &FollowListedAt(Follower, List->Numbers[List->Count - 1])->State;
}

/** Takes over the state. */
static VOID
Wait(FOLLOWER *Follower, UINT32 Index, CHECK_STATE *State)
{
    CHECKER *Checker = Follower->Checker;
    if (Follower->WaitingCount == Follower->WaitingCapacity) {
        VOID *Waiting = NULL;
        if (Follower->WaitingCount == MOST_WAITING)
            Refuse(Checker, "too many paths wait");
        else
            Waiting =
                Grown(Checker, Follower->Waiting, &Follower->WaitingCapacity, 16, sizeof(Follower->Waiting[0]));
        if (Waiting == NULL) {
            StateRelease(Checker, State);
            return;
        }
        Follower->Waiting = Waiting;
    }
    Follower->Waiting[Follower->WaitingCount++] = (FOLLOW_PATH){.State = *State, .Index = Index};
}

/** Where a jump or local call at an instruction leads; UINT32_MAX: to none. */
static UINT32
TargetOf(const CHECKER *Checker, UINT32 Index)
{
    const EBPF_INSTRUCTION *Instruction = &Checker->Program->Slots[Checker->Slots[Index]];
    BOOLEAN Wide = Instruction->Opcode == EBPF_OPCODE_JA32 || Instruction->Opcode == EBPF_OPCODE_CALL;
    INT64 Slot = (INT64)Checker->Slots[Index] + 1 + (Wide ? Instruction->Immediate : Instruction->Offset);
    return Slot >= 0 && Slot < (INT64)Checker->Program->SlotCount ? Checker->Indexes[Slot] : UINT32_MAX;
}

static UINT32
Jump(FOLLOWER *Follower, UINT32 Index, const EBPF_INSTRUCTION *Instruction, CHECK_STATE *State)
{
    CHECKER *Checker = Follower->Checker;
    UINT32 Target = TargetOf(Checker, Index);
    ALU_BRANCH Branch;
    if (Target == UINT32_MAX) {
        Refuse(Checker, "a jump out of the program");
        return ENDS;
    }
    if (Instruction->Opcode == EBPF_OPCODE_JA || Instruction->Opcode == EBPF_OPCODE_JA32)
        return Target;
    if (!AluCompare(Checker, State, Instruction, &Branch))
        return ENDS;
    if (!Branch.Possible[TRUE])
        return Branch.Possible[FALSE] && AluAssume(Checker, State, &Branch, FALSE) ? Index + 1 : ENDS;
    if (!Branch.Possible[FALSE])
        return AluAssume(Checker, State, &Branch, TRUE) ? Target : ENDS;
    CHECK_STATE Other;
    StateCopy(&Other, State);
    if (AluAssume(Checker, &Other, &Branch, TRUE))
        Wait(Follower, Target, &Other);
    else
        StateRelease(Checker, &Other);
    return AluAssume(Checker, State, &Branch, FALSE) ? Index + 1 : ENDS;
}

static UINT32
CallLocal(FOLLOWER *Follower, UINT32 Index, CHECK_STATE *State)
{
    CHECKER *Checker = Follower->Checker;
    UINT32 Target = TargetOf(Checker, Index);
    if (Target == UINT32_MAX || CheckerFindFunction(Checker, Target) == UINT32_MAX)
        Refuse(Checker, "a call of no function");
    if (State->FrameCount >= FRAME_MOST)
        Refuse(Checker, "too many frames");
    if (Checker->Refusal != NULL)
        return ENDS;
    CHECK_FRAME *Frame = ValuesAddFrame(&Checker->Pool, (INT32)(Index + 1));
    memcpy(Frame->Saved, &State->Registers[6], sizeof(Frame->Saved));
    memset(&State->Registers[6], 0, sizeof(Frame->Saved));
    State->Registers[0] = 0;
    State->Frames[State->FrameCount++] = Frame;
    return Target;
}

static UINT32
CallAny(FOLLOWER *Follower, UINT32 Index, const EBPF_INSTRUCTION *Instruction, CHECK_STATE *State)
{
    CHECKER *Checker = Follower->Checker;
    if (Instruction->Source == EBPF_CALL_LOCAL)
        return CallLocal(Follower, Index, State);
    if (Instruction->Source != EBPF_CALL_HELPER) {
        Refuse(Checker, "a call of that kind");
        return ENDS;
    }
    const CHECK_HELPER *Helper = CallFindHelper(Checker, (UINT32)Instruction->Immediate);
    if (Helper == NULL)
        return ENDS;
    UINT32 Callback = CallFindArgument(Helper, ArgumentCallback), Start = 0;
    BOOLEAN CallsBack = Callback < Helper->ArgumentCount;
    CHECK_STATE Inner;
    if (CallsBack && !CallbackEnter(Checker, State, Helper, Callback, &Inner, &Start))
        return ENDS;
    CallHelper(Checker, State, Helper);
    if (CallsBack)
        Wait(Follower, Start, &Inner);
    return Index + 1;
}

/** The result is a 32-bit number that the hook takes. */
static VOID
CheckResult(CHECKER *Checker, const CHECK_STATE *State)
{
    const CHECK_VALUE *Value = ValueAt(Checker, State->Registers[0]);
    const CHECK_TYPE *Type = Checker->Program->Type;
    const CHECK_INTERVAL *Low = &Value->Number.Low;
    if (Value->Kind == KindNothing)
        Refuse(Checker, "r0 is not initialised at the end");
    else if (Value->Kind == KindPointer) {
        if (Checker->Strict || Type->HasRange)
            Refuse(Checker, "an address is returned");
    } else if (
        Type->HasRange && !(Type->Minimum >= 0 ? Low->U0 >= Type->Minimum && Low->U1 <= Type->Maximum
                                               : Low->S0 >= Type->Minimum && Low->S1 <= Type->Maximum))
        Refuse(Checker, "the result is not one that the hook takes");
}

static VALUE_ID
WithoutFrame(CHECKER *Checker, VALUE_ID Id, const CHECK_VALUE *Value, VOID *Context)
{
    (VOID)Checker;
    const UINT32 *Depth = Context;
    BOOLEAN Closed = Value->Kind == KindPointer && Value->Pointer.Place == PlaceStack &&
                     Value->Pointer.Which >= (INT64)*Depth;
    return Closed ? 0 : Id;
}

static UINT32
Exit(FOLLOWER *Follower, CHECK_STATE *State)
{
    CHECKER *Checker = Follower->Checker;
    CHECK_FRAME *Frame = State->Frames[--State->FrameCount];
    UINT32 Next = ENDS, Depth = State->FrameCount;
    if (Frame->Callback != NULL) {
        CallbackCheckEnd(Checker, State, Frame->Callback);
    } else if (Depth == 0) {
        if (State->ReferenceCount > 0)
            Refuse(Checker, "a reference is held at the end");
        CheckResult(Checker, State);
    } else {
        memset(&State->Registers[1], 0, 5 * sizeof(State->Registers[0]));
        memcpy(&State->Registers[6], Frame->Saved, sizeof(Frame->Saved));
        // Its stack is gone, and so is every pointer into it.
        StateChange(Checker, State, WithoutFrame, &Depth);
        Next = (UINT32)Frame->ReturnTo;
    }
    ValuesReleaseFrame(&Checker->Pool, Frame);
    return Next;
}

/** What a register is set to by instructions that only do that. */
static VALUE_ID
ResultOf(CHECKER *Checker, UINT32 Index, const EBPF_INSTRUCTION *Instruction, CHECK_STATE *State)
{
    switch (Instruction->Opcode & 7) {
    case EBPF_CLASS_ALU:
    case EBPF_CLASS_ALU64:
        return AluResult(Checker, State, Instruction);
    case EBPF_CLASS_LDX:
        return MemoryLoad(Checker, State, Instruction);
    default:
        return MemoryImmediate(Checker, Instruction, Index);
    }
}

/** Checks the instruction, changes the state and answers where the path goes on. */
static UINT32
Step(FOLLOWER *Follower, UINT32 Index, CHECK_STATE *State)
{
    CHECKER *Checker = Follower->Checker;
    const EBPF_INSTRUCTION *Instruction = &Checker->Program->Slots[Checker->Slots[Index]];
    UINT8 Mode = Instruction->Opcode & 0xe0;
    switch (Instruction->Opcode & 7) {
    case EBPF_CLASS_JMP:
    case EBPF_CLASS_JMP32:
        if (Instruction->Opcode == EBPF_OPCODE_EXIT)
            return Exit(Follower, State);
        if ((Instruction->Opcode & 0xf7) == EBPF_OPCODE_CALL) {
            if (Instruction->Opcode == EBPF_OPCODE_CALL)
                return CallAny(Follower, Index, Instruction, State);
            Refuse(Checker, "a call of that kind");
            return ENDS;
        }
        return Jump(Follower, Index, Instruction, State);
    case EBPF_CLASS_ST:
        MemoryStore(Checker, State, Instruction, AddNumber(Checker, NumberConstant(Instruction->Immediate)));
        return Index + 1;
    case EBPF_CLASS_STX:
        if (Mode == EBPF_ATOMIC)
            MemoryAtomic(Checker, State, Instruction);
        else
            MemoryStore(Checker, State, Instruction, AluCopied(Checker, State, Instruction->Source));
        return Index + 1;
    case EBPF_CLASS_LD:
        if (Mode == EBPF_ABS || Mode == EBPF_IND) {
            CallLoadPacket(Checker, State, Instruction);
            return Index + 1;
        }
        break;
    default:
        break;
    }
    if (Instruction->Destination >= STATE_REGISTERS) {
        Refuse(Checker, "r10 is written");
        return ENDS;
    }
    VALUE_ID Result = ResultOf(Checker, Index, Instruction, State);
    State->Registers[Instruction->Destination] = Result;
    return Index + 1;
}

static BOOLEAN
InCallback(const CHECK_STATE *State)
{
    for (UINT32 Depth = 0; Depth < State->FrameCount; Depth++)
        if (State->Frames[Depth]->Callback != NULL)
            return TRUE;
    return FALSE;
}

/** Whether that listed state is the head of a loop that is open. Inner heads have greater numbers. */
static BOOLEAN
IsOpen(const FOLLOWER *Follower, UINT32 Number)
{
    UINT32 Low = 0, High = Follower->Checker->AnchorCount;
    while (Low < High) {
        UINT32 Middle = Low + (High - Low) / 2;
        if (Follower->Open[Middle].Head < Number)
            Low = Middle + 1;
        else
            High = Middle;
    }
    return Low < Follower->Checker->AnchorCount && Follower->Open[Low].Head == Number;
}

/** Reads whether the path ends here; if so, the state that is said to cover it must. */
static BOOLEAN
Stops(FOLLOWER *Follower, const FOLLOW_LIST *List, CHECK_STATE *State)
{
    CHECKER *Checker = Follower->Checker;
    INT64 Back = CursorUnsigned(Checker, Follower->Cursor, List->Count);
    if (Back == 0)
        return Checker->Refusal != NULL;
    UINT32 Number = List->Numbers[List->Count - Back];
    FOLLOW_LISTED *Listed = FollowListedAt(Follower, Number);
    CheckerSpend(Checker, StateCells(State));
    if (!CoverState(Checker, Follower->Cover, &Listed->State, State))
        Refuse(Checker, "a state is not covered");
    // Of a loop that is open another round is yet to come.
    else if (IsOpen(Follower, Number) && !RankHasMoved(Checker, &Listed->Rank, &Listed->State, State))
        Refuse(Checker, "a round does not move its loop's number");
    return TRUE;
}

/** Gives values back that no state has. */
static VOID
Collect(FOLLOWER *Follower, CHECK_STATE *State)
{
    CHECK_VALUES *Pool = &Follower->Checker->Pool;
    UINT32 Count = Follower->WaitingCount + 1;
    UINT64 SizeBytes = (UINT64)Count * sizeof(CHECK_STATE *);
    CHECK_STATE **States = ValuesAllocate(Pool, SizeBytes);
    if (States == NULL)
        return;
    for (UINT32 Index = 0; Index < Follower->WaitingCount; Index++)
        States[Index] = &Follower->Waiting[Index].State;
    States[Follower->WaitingCount] = State;
    ValuesCollect(Pool, States, Count);
    CheckerSpend(Follower->Checker, Pool->Walked);
    PlatformFree(States);
    Pool->Left += SizeBytes;
}

static VOID
FollowPath(FOLLOWER *Follower, UINT32 Index, CHECK_STATE *State, BOOLEAN IsStart)
{
    CHECKER *Checker = Follower->Checker;
    while (Index != ENDS && Checker->Refusal == NULL) {
        if (Index >= Checker->InstructionCount) {
            Refuse(Checker, "control runs past the end");
            return;
        }
        const FOLLOW_LIST *List = &Follower->Lists[Index];
        if (!IsStart && List->Count != 0 && !InCallback(State) && Stops(Follower, List, State))
            return;
        IsStart = FALSE;
        if (Follower->Steps == 0) {
            Refuse(Checker, "more steps than the certificate may take");
            return;
        }
        Follower->Steps--;
        Index = Step(Follower, Index, State);
        if (Checker->Pool.Exhausted)
            Refuse(Checker, "more memory than the certificate may take");
        if (Checker->Pool.Top >= Checker->Pool.CollectAt && Checker->Refusal == NULL)
            Collect(Follower, State);
    }
}

VOID
FollowFrom(FOLLOWER *Follower, UINT32 Index, const CHECK_STATE *State, const CHECK_RANK *Rank)
{
    CHECKER *Checker = Follower->Checker;
    CHECK_STATE First;
    Checker->NextId = STATE_FIRST_FRESH;
    // What is there already belongs to listed states, or to this one, which will be listed.
    Checker->Pool.Kept = Checker->Pool.Top;
    StateCopy(&First, State);
    if (Rank != NULL)
        RankStartRound(Checker, &First, Rank);
    Wait(Follower, Index, &First);
    for (BOOLEAN IsStart = TRUE; Follower->WaitingCount > 0; IsStart = FALSE) {
        FOLLOW_PATH Path = Follower->Waiting[--Follower->WaitingCount];
        if (Checker->Refusal == NULL)
            FollowPath(Follower, Path.Index, &Path.State, IsStart);
        StateRelease(Checker, &Path.State);
    }
    ValuesReset(&Checker->Pool);
}

/** Follows the heads of loops of which all states are listed. */
static VOID
Close(FOLLOWER *Follower)
{
    CHECKER *Checker = Follower->Checker;
    while (Checker->AnchorCount > 0 && Checker->Refusal == NULL) {
        const FOLLOW_LOOP *Loop = &Follower->Open[Checker->AnchorCount - 1];
        if (Loop->End != Follower->ListedCount)
            return;
        const FOLLOW_LISTED *Head = FollowListedAt(Follower, Loop->Head);
        FollowFrom(Follower, Head->Index, &Head->State, &Head->Rank);
        Checker->AnchorCount--;
    }
}

VOID
FollowListed(FOLLOWER *Follower, UINT32 Index, const CHECK_STATE *State, const CHECK_RANK *Rank, UINT32 Inside)
{
    CHECKER *Checker = Follower->Checker;
    UINT32 Number = Follower->ListedCount;
    if (Rank->Anchor == 0)
        FollowFrom(Follower, Index, State, NULL);
    if (!AddListed(Follower, Index, State, Rank))
        return;
    if (Rank->Anchor != 0 && Checker->AnchorCount == STATE_MOST_OPEN) {
        Refuse(Checker, "too many loops in one another");
    } else if (Rank->Anchor != 0) {
        Follower->Open[Checker->AnchorCount] = (FOLLOW_LOOP){.Head = Number, .End = Number + 1 + Inside};
        Checker->Anchors[Checker->AnchorCount++] = Rank->Anchor;
    }
    Close(Follower);
}
