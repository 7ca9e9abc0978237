#include "certificate/callback.h"

#include "certificate/call.h"
#include "certificate/stack.h"

/** The helper that the core would find: of this type, else any of the number. */
static BOOLEAN
Invalidates(const CHECKER *Checker, UINT32 Id)
{
    const CHECK_PLATFORM *Platform = Checker->Program->Platform;
    BOOLEAN Any = FALSE;
    const CHECK_HELPER *End = &Platform->Helpers[Platform->HelperCount];
    for (const CHECK_HELPER *Helper = CallFirstHelper(Platform, Id); Helper < End && Helper->Id == Id; Helper++) {
        if ((Helper->ProgramTypes & Checker->Program->Type->Bit) != 0)
            return Helper->InvalidatesPacket;
        Any = Any || Helper->InvalidatesPacket;
    }
    return Any;
}

/** The function that a local call or an address of a function leads to; UINT32_MAX: it is neither. */
static UINT32
Leads(const CHECKER *Checker, UINT32 Index)
{
    const EBPF_INSTRUCTION *Instruction = &Checker->Program->Slots[Checker->Slots[Index]];
    BOOLEAN Call = Instruction->Opcode == EBPF_OPCODE_CALL && Instruction->Source == EBPF_CALL_LOCAL;
    BOOLEAN Address = Instruction->Opcode == EBPF_OPCODE_LDDW && Instruction->Source == 4;
    INT64 Slot = (INT64)Checker->Slots[Index] + 1 + Instruction->Immediate;
    if ((!Call && !Address) || Slot < 0 || Slot >= (INT64)Checker->Program->SlotCount)
        return UINT32_MAX;
    return CheckerFindFunction(Checker, Checker->Indexes[Slot]);
}

/** May the function, or one that it calls or registers, call a helper that moves the packet? TRUE if that is not known. */
static BOOLEAN
MovesPacket(CHECKER *Checker, UINT32 Which)
{
    // What is reached, in order, and by function whether it is there.
    UINT32 Count = Checker->Program->FunctionCount, Reached = 1;
    UINT64 SizeBytes = (UINT64)Count * 2 * sizeof(UINT32);
    UINT32 *List = ValuesAllocate(&Checker->Pool, SizeBytes);
    if (List == NULL)
        return TRUE;
    UINT32 *IsThere = &List[Count];
    BOOLEAN Moves = FALSE;
    CheckerSpend(Checker, Count);
    List[0] = Which;
    IsThere[Which] = 1;
    for (UINT32 Next = 0; Next < Reached && !Moves && Checker->Refusal == NULL; Next++) {
        for (UINT32 Index = Checker->Functions[List[Next]]; Index < Checker->Functions[List[Next] + 1]; Index++) {
            const EBPF_INSTRUCTION *Instruction = &Checker->Program->Slots[Checker->Slots[Index]];
            CheckerSpend(Checker, 1);
            if (Instruction->Opcode == EBPF_OPCODE_CALL && Instruction->Source == EBPF_CALL_HELPER &&
                Invalidates(Checker, (UINT32)Instruction->Immediate))
                Moves = TRUE;
            UINT32 Callee = Leads(Checker, Index);
            if (Callee == UINT32_MAX || IsThere[Callee])
                continue;
            IsThere[Callee] = 1;
            List[Reached++] = Callee;
        }
    }
    PlatformFree(List);
    Checker->Pool.Left += SizeBytes;
    return Moves;
}

VOID
CallbackForgetRounds(CHECKER *Checker, CHECK_STATE *State, VALUE_ID Code)
{
    for (UINT32 Depth = 0; Depth < State->FrameCount; Depth++)
        StateForgetNumbers(Checker, State, Depth);
    const CHECK_POINTER *Pointer = PointerAt(Checker, Code);
    if (Pointer == NULL || Pointer->Place != PlaceCode ||
        Pointer->Which >= (INT64)Checker->Program->FunctionCount || MovesPacket(Checker, (UINT32)Pointer->Which))
        StateForgetPacket(Checker, State);
}

static VALUE_ID
Parameter(CHECKER *Checker, const CHECK_STATE *State, const CHECK_HELPER *Helper, UINT8 Kind)
{
    const CHECK_POINTER *First = PointerAt(Checker, State->Registers[1]);
    CHECK_POINTER Pointer;
    CHECK_MAP Map;
    UINT32 Passed;
    switch (Kind) {
    case ParameterNumber:
        return AddNumber(Checker, NumberAny());
    case ParameterMap:
        return State->Registers[1];
    case ParameterPassed:
        Passed = CallFindArgument(Helper, ArgumentCallbackContext);
        return Passed < Helper->ArgumentCount ? State->Registers[1 + Passed] : 0;
    case ParameterKernel:
        Pointer = PointerTo(PlaceKernel, 0);
        break;
    case ParameterMapKey:
        if (First == NULL || !CheckerMapOf(Checker, First, &Map))
            return 0;
        Pointer = PointerTo(PlaceMemory, Map.Map->KeySizeBytes);
        Pointer.Flag = TRUE;
        break;
    case ParameterMapValue:
        if (First == NULL || (First->Place != PlaceMap && First->Place != PlaceInnerMap))
            return 0;
        Pointer = PointerTo(PlaceMapValue, First->Which);
        Pointer.Flag = First->Place == PlaceInnerMap;
        break;
    default:
        return 0;
    }
    Pointer.Instance = CheckerFresh(Checker);
    return AddPointer(Checker, Pointer);
}

BOOLEAN
CallbackEnter(
    CHECKER *Checker,
    const CHECK_STATE *State,
    const CHECK_HELPER *Helper,
    UINT32 Position,
    CHECK_STATE *Inner,
    UINT32 *Start)
{
    VALUE_ID Code = State->Registers[1 + Position];
    const CHECK_POINTER *Pointer = PointerAt(Checker, Code);
    if (Pointer == NULL || Pointer->Place != PlaceCode || Pointer->Which >= (INT64)Checker->Program->FunctionCount)
        return Refuse(Checker, "no function to call back");
    if (State->FrameCount >= FRAME_MOST)
        return Refuse(Checker, "too many frames");
    CHECK_CALLBACK *Callback = ValuesAddCallback(&Checker->Pool);
    if (Callback == NULL)
        return FALSE;
    *Start = Checker->Functions[Pointer->Which];
    StateCopy(Inner, State);
    CallbackForgetRounds(Checker, Inner, Code);
    memset(Inner->Registers, 0, sizeof(Inner->Registers));
    for (UINT32 At = 0; At < RTL_NUMBER_OF(Helper->Arguments[Position].Parameters); At++)
        Inner->Registers[1 + At] = Parameter(Checker, State, Helper, Helper->Arguments[Position].Parameters[At]);
    Callback->ReferenceCount = Inner->ReferenceCount;
    memcpy(Callback->References, Inner->References, sizeof(Inner->References));
    for (; Callback->FrameCount < Inner->FrameCount; Callback->FrameCount++) {
        Callback->Frames[Callback->FrameCount] = Inner->Frames[Callback->FrameCount];
        Inner->Frames[Callback->FrameCount]->Owners++;
    }
    CHECK_FRAME *Frame = ValuesAddFrame(&Checker->Pool, -1);
    Frame->Callback = Callback;
    Inner->Frames[Inner->FrameCount++] = Frame;
    return TRUE;
}

/** Numbers are still numbers, a pointer is the same, or more is known of it. */
static BOOLEAN
IsKept(const CHECKER *Checker, VALUE_ID Before, VALUE_ID Now)
{
    const CHECK_POINTER *A = PointerAt(Checker, Before), *B = PointerAt(Checker, Now);
    if (A == NULL)
        return (StackNumberMask(Checker, Before) & ~StackNumberMask(Checker, Now)) == 0;
    return B != NULL && B->Place == A->Place && B->Which == A->Which && B->Flag == A->Flag &&
           B->Instance == A->Instance && B->Holder == A->Holder && B->Offset == A->Offset && B->Part == A->Part &&
           B->Least >= A->Least && B->Most <= A->Most;
}

VOID
CallbackCheckEnd(CHECKER *Checker, const CHECK_STATE *State, const CHECK_CALLBACK *Callback)
{
    const CHECK_NUMBER *Result = NumberAt(Checker, State->Registers[0]);
    if (Result == NULL || Result->Low.U1 > 1)
        Refuse(Checker, "a callback returns 0 or 1");
    CheckerSpend(Checker, StateCells(State));
    BOOLEAN Same = State->ReferenceCount == Callback->ReferenceCount;
    for (UINT32 Index = 0; Same && Index < State->ReferenceCount; Index++) {
        BOOLEAN Found = FALSE;
        for (UINT32 Other = 0; Other < Callback->ReferenceCount; Other++)
            Found = Found || Callback->References[Other] == State->References[Index];
        Same = Found;
    }
    if (!Same)
        Refuse(Checker, "a callback changes what is held");
    for (UINT32 Depth = 0; Depth < Callback->FrameCount; Depth++) {
        const CHECK_FRAME *Before = Callback->Frames[Depth], *Now = State->Frames[Depth];
        for (UINT32 At = 0; Before != Now && At < FRAME_SLOTS; At++)
            if (!IsKept(Checker, Before->Slots[At], Now->Slots[At]))
                Refuse(Checker, "a callback changes a pointer of its caller");
    }
}
