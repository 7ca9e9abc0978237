#include "operation-merge.h"

/** How many rows a group has. */
#define COUNT_ROW(...) +1
enum { AluCount = 0 ALU_ROWS(COUNT_ROW), JumpCount = 0 JUMP_ROWS(COUNT_ROW) };

#define ALU_GROUP(Form) OperationADD##Form, AluCount
#define JUMP_GROUP(Form) OperationJEQ##Form, JumpCount
#define SIZE_GROUP(Name) Operation##Name##B, 4
#define NARROW_GROUP(Name) Operation##Name##B, 3
#define SWAP_GROUP(Name) Operation##Name##H, 3

typedef OPERATION_MERGE RULE(EBPF_OPERATION *First, const EBPF_OPERATION *Second);

static BOOLEAN
IsOf(UINT16 Code, UINT16 GroupFirst, UINT16 GroupCount)
{
    return Code >= GroupFirst && Code - GroupFirst < GroupCount;
}

/** It reads a register and writes it. */
static BOOLEAN
Changes(const EBPF_OPERATION *Operation, UINT8 Register)
{
    return Operation->Left == Register && Operation->Destination == Register;
}

/** All it looks at of Left is the lower half. */
static BOOLEAN
IsNarrow(UINT16 Code)
{
    return IsOf(Code, ALU_GROUP(32K)) || IsOf(Code, ALU_GROUP(32X)) || Code == OperationNegate32 ||
           Code == OperationExtend8To32 || Code == OperationExtend16To32 || Code == OperationSwap16 ||
           Code == OperationSwap32;
}

/** `d = a; d = d + b`: d = a + b. */
static OPERATION_MERGE
MergeMove(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    BOOLEAN HasRight = IsOf(Second->Code, ALU_GROUP(64X)) || IsOf(Second->Code, ALU_GROUP(32X));
    if (First->Code != OperationMove64 && (First->Code != OperationMove32 || !IsNarrow(Second->Code)))
        return MergeNone;
    if (Second->Code >= OperationMoveNumber || !Changes(Second, First->Destination))
        return MergeNone;
    UINT8 Left = First->Left;
    *First = *Second;
    First->Left = Left;
    if (HasRight && Second->Right == Second->Destination)
        First->Right = Left;
    return MergeSilent;
}

/** Two shifts that leave the lower bits only, with zeros or their sign above. */
static OPERATION_MERGE
MergeShifts(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    static const UINT16 Extend[64] = {
        [32] = OperationExtend32To64, [48] = OperationExtend16To64, [56] = OperationExtend8To64};
    INT64 Bits = Second->Wide;
    if (First->Code != OperationLSH64K || !Changes(Second, First->Destination) || First->Wide != Bits)
        return MergeNone;
    if (Bits <= 0 || Bits >= 64)
        return MergeNone;
    if (Second->Code == OperationRSH64K) {
        First->Code = OperationAND64K;
        First->Wide = (INT64)(UINT64_MAX >> Bits);
        return MergeSilent;
    }
    if (Second->Code != OperationARSH64K || Extend[Bits] == 0)
        return MergeNone;
    First->Code = Extend[Bits];
    return MergeSilent;
}

/** `d = a + b; d = [d + offset]`. A sum with a number needs no other operation than the load. */
static OPERATION_MERGE
MergeLoad(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    if (!IsOf(Second->Code, SIZE_GROUP(Load)) || !Changes(Second, First->Destination))
        return MergeNone;
    if (First->Code == OperationADD64X) {
        First->Code = Second->Code - OperationLoadB + OperationLoadSumB;
        First->Wide = Second->Wide;
        return MergeFaulting;
    }
    if (First->Code != OperationADD64K)
        return MergeNone;
    First->Code = Second->Code;
    First->Wide += Second->Wide;
    return MergeFaulting;
}

/** `d = a + b; [d + offset] = c`. */
static OPERATION_MERGE
MergeStore(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    if (First->Code != OperationADD64X || !IsOf(Second->Code, SIZE_GROUP(Store)) ||
        Second->Left != First->Destination)
        return MergeNone;
    First->Code = Second->Code - OperationStoreB + OperationStoreSumB;
    First->Other = Second->Right;
    First->Wide = Second->Wide;
    return MergeFaulting;
}

/** What is read and written in the other order of bytes at once. */
static OPERATION_MERGE
MergeSwap(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    if (!IsOf(First->Code, SWAP_GROUP(Load)) || !Changes(Second, First->Destination) ||
        Second->Code != First->Code - OperationLoadH + OperationSwap16)
        return MergeNone;
    First->Code = First->Code - OperationLoadH + OperationLoadSwappedH;
    return MergeSilent;
}

/** `d = [a + offset]; [b + offset] = d`, of one size. */
static OPERATION_MERGE
MergeCopy(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    BOOLEAN Swapped = IsOf(First->Code, SWAP_GROUP(LoadSwapped));
    UINT16 Load = Swapped ? First->Code - OperationLoadSwappedH + OperationLoadH : First->Code;
    if (!IsOf(Load, SIZE_GROUP(Load)) || Second->Code != Load - OperationLoadB + OperationStoreB)
        return MergeNone;
    if (Second->Right != First->Destination || First->Wide != (INT16)First->Wide)
        return MergeNone;
    First->Code = Swapped ? Load - OperationLoadH + OperationCopySwappedH : Load - OperationLoadB + OperationCopyB;
    First->Small = (UINT16)First->Wide;
    First->Right = Second->Left;
    First->Distance = (INT32)Second->Wide;
    return MergeFaulting;
}

/** The end of a loop: `d = d + number; if d and number`. */
static OPERATION_MERGE
MergeAdd(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    INT64 Added = First->Wide;
    BOOLEAN Is64 = First->Code == OperationADD64K && IsOf(Second->Code, JUMP_GROUP(64K));
    BOOLEAN Is32 = First->Code == OperationADD32K && IsOf(Second->Code, JUMP_GROUP(32K));
    if ((!Is64 && !Is32) || Added != (INT8)Added || !Changes(First, Second->Left))
        return MergeNone;
    *First = *Second;
    First->Code = Is64 ? Second->Code - OperationJEQ64K + OperationAddJEQ64
                       : Second->Code - OperationJEQ32K + OperationAddJEQ32;
    First->Other = (UINT8)Added;
    return MergeFaulting;
}

/** `d = a + number; if d and b`, as bounds of packets are looked at; also with b first. */
static OPERATION_MERGE
MergeBound(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    static const UINT16 Mirrored[JumpCount] = {
        OperationBoundJEQ, OperationBoundJNE, OperationBoundJLT, OperationBoundJGE, OperationBoundJLE, OperationBoundJGT,
        OperationBoundJSLT, OperationBoundJSGE, OperationBoundJSLE, OperationBoundJSGT, OperationBoundJSET};
    if (First->Code != OperationADD64K || First->Wide != (INT32)First->Wide || !IsOf(Second->Code, JUMP_GROUP(64X)))
        return MergeNone;
    UINT16 Row = Second->Code - OperationJEQ64X;
    BOOLEAN IsFirst = Second->Left == First->Destination;
    if (!IsFirst && Second->Right != First->Destination)
        return MergeNone;
    First->Code = IsFirst ? OperationBoundJEQ + Row : Mirrored[Row];
    First->Right = IsFirst ? Second->Right : Second->Left;
    First->Small = Second->Small;
    First->Number = (INT32)First->Wide;
    First->Distance = Second->Distance;
    return MergeFaulting;
}

/** `d = a & number; if d == number`, forwards: some bits of a field. */
static OPERATION_MERGE
MergeBits(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    BOOLEAN Equal = Second->Code == OperationJEQ64K || Second->Code == OperationJEQ32K;
    BOOLEAN Unequal = Second->Code == OperationJNE64K || Second->Code == OperationJNE32K;
    if ((First->Code != OperationAND64K && First->Code != OperationAND32K) || (!Equal && !Unequal) ||
        Second->Left != First->Destination)
        return MergeNone;
    // What is left has 16 bits: so all widths are alike.
    if (First->Wide != (UINT16)First->Wide || Second->Small != 0 || Second->Number < 0)
        return MergeNone;
    First->Code = Equal ? OperationAndJEQ : OperationAndJNE;
    First->Small = (UINT16)First->Wide;
    First->Number = Second->Number;
    First->Distance = Second->Distance;
    return MergeSilent;
}

/** `d = [a + offset]; if d == number`, and forwards: so there is no cost. Of the lower 32 bits: above them d has zeros. */
static OPERATION_MERGE
MergeTest(EBPF_OPERATION *First, const EBPF_OPERATION *Second)
{
    UINT16 Offset = (UINT16)First->Wide;
    BOOLEAN Equal = Second->Code == OperationJEQ64K || Second->Code == OperationJEQ32K;
    BOOLEAN Unequal = Second->Code == OperationJNE64K || Second->Code == OperationJNE32K;
    BOOLEAN Is64 = Second->Code == OperationJEQ64K || Second->Code == OperationJNE64K;
    if (!IsOf(First->Code, NARROW_GROUP(Load)) || (!Equal && !Unequal) || Second->Left != First->Destination)
        return MergeNone;
    if (First->Wide != (INT16)First->Wide || Second->Small != 0 || (Is64 && Second->Number < 0))
        return MergeNone;
    First->Code = First->Code - OperationLoadB + (Equal ? OperationLoadJEQB : OperationLoadJNEB);
    First->Small = Offset;
    First->Number = Second->Number;
    First->Distance = Second->Distance;
    return MergeSilent;
}

/** A jump over a jump: the opposite one, to where the second leads, and at its cost. */
static OPERATION_MERGE
MergeOver(EBPF_OPERATION *First, const EBPF_OPERATION *Second, UINT32 End)
{
    if (!IsOf(First->Code, OperationJEQ64K, 7 * JumpCount) || Second->Code != OperationJump)
        return MergeNone;
    UINT16 Row = (First->Code - OperationJEQ64K) % JumpCount;
    if (Row == JumpCount - 1 || (UINT32)First->Distance != End || Second->Number > UINT16_MAX)
        return MergeNone;
    First->Code = First->Code - Row + (Row ^ 1);
    First->Distance = Second->Distance;
    First->Small = (UINT16)Second->Number;
    return MergeFaulting;
}

_Use_decl_annotations_
OPERATION_MERGE
OperationMerge(EBPF_OPERATION *First, const EBPF_OPERATION *Second, UINT32 End)
{
    static RULE *const Rules[] = {
        MergeMove, MergeShifts, MergeLoad, MergeStore, MergeSwap, MergeCopy, MergeAdd, MergeBound, MergeBits, MergeTest};
    OPERATION_MERGE Merge = MergeNone;
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Rules) && Merge == MergeNone; Index++)
        Merge = Rules[Index](First, Second);
    return Merge == MergeNone ? MergeOver(First, Second, End) : Merge;
}

/** Groups whose Left, or Right, may come from the operation before, and what they are then. */
typedef struct _FORWARD {
    UINT16 First;
    UINT16 Count;
    UINT16 Left;
    /** 0: there is none. */
    UINT16 Right;
} FORWARD;

static const FORWARD Forwards[] = {
    {ALU_GROUP(64K), OperationADD64LK, 0},
    {ALU_GROUP(64X), OperationADD64LX, OperationADD64XL},
    {ALU_GROUP(32K), OperationADD32LK, 0},
    {ALU_GROUP(32X), OperationADD32LX, OperationADD32XL},
    {OperationMove64, OperationMove64Last - OperationMove64, OperationMove64Last, 0},
    {JUMP_GROUP(64K), OperationJEQ64LK, 0},
    {JUMP_GROUP(64X), OperationJEQ64LX, OperationJEQ64XL},
    {JUMP_GROUP(32K), OperationJEQ32LK, 0},
    {JUMP_GROUP(32X), OperationJEQ32LX, OperationJEQ32XL},
    {SIZE_GROUP(Load), OperationLoadLastB, 0},
};

/** The register that it leaves the value of to the next one. */
static UINT8
WrittenBy(const EBPF_OPERATION *Operation, UINT8 Last)
{
    UINT16 Code = Operation->Code;
    if (IsOf(Code, OperationAddJEQ64, 2 * JumpCount))
        return Operation->Left;
    if (Code < OperationJEQ64K || IsOf(Code, OperationBoundJEQ, JumpCount) ||
        IsOf(Code, OperationLoadB, OperationLoadPacketB - OperationLoadB) ||
        IsOf(Code, SIZE_GROUP(StoreSum)) || IsOf(Code, OperationCopyB, OperationAtomicW - OperationCopyB))
        return Operation->Destination;
    // What remains of memory is stores, of jumps those that change nothing.
    if (Code < OperationLoadB || IsOf(Code, OperationStoreB, OperationCopyB - OperationStoreB))
        return Last;
    return OPERATION_NO_REGISTER;
}

_Use_decl_annotations_
UINT8
OperationForward(EBPF_OPERATION *Operation, UINT8 Last)
{
    UINT8 Written = WrittenBy(Operation, Last);
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Forwards); Index++) {
        const FORWARD *Forward = &Forwards[Index];
        if (!IsOf(Operation->Code, Forward->First, Forward->Count))
            continue;
        UINT16 Row = Operation->Code - Forward->First;
        if (Operation->Left == Last)
            Operation->Code = Forward->Left + Row;
        else if (Operation->Right == Last && Forward->Right != 0)
            Operation->Code = Forward->Right + Row;
        break;
    }
    return Written;
}
