#include "certificate/cover.h"

#include "certificate/stack.h"

static BOOLEAN
Match(COVER *Cover, INT64 A, INT64 B)
{
    if (Cover->Told[A] == Cover->Comparison)
        return Cover->Ids[A] == B;
    Cover->Told[A] = Cover->Comparison;
    Cover->Ids[A] = B;
    return TRUE;
}

/** None (0) and fixed ones (below 0) are themselves. */
static BOOLEAN
MatchId(COVER *Cover, INT64 A, INT64 B)
{
    return A <= 0 || B <= 0 ? A == B : Match(Cover, A, B);
}

/** Of unknown parts: none stands for one that is 0. */
static BOOLEAN
MatchPart(COVER *Cover, UINT32 A, UINT32 B)
{
    return A == 0 ? B == 0 : Match(Cover, A, B);
}

static INT64
LowBits(INT64 Value)
{
    return Value & (INTERVAL_TWO_32 - 1);
}

/** Is B whole or an extension as A is? A number below 2^32 is both. */
static BOOLEAN
HasForm(const COVER_LINK *Link)
{
    return Link->ExtendedA == Link->ExtendedB || (Link->ExtendedA && Link->SmallB);
}

/** Two numbers of A have one id, so they differ as their deltas say: do those of B for sure? */
static BOOLEAN
IsRelated(const COVER_LINK *First, const COVER_LINK *Second)
{
    INT64 Difference = Second->DeltaA - First->DeltaA;
    if (First->IsKnownB && Second->IsKnownB) {
        if (Second->ExtendedA)
            return Second->KnownB == LowBits(First->KnownB + Difference);
        return First->ExtendedA ? First->KnownB == LowBits(Second->KnownB - Difference)
                                : Second->KnownB == First->KnownB + Difference;
    }
    if (First->IdB == 0 || First->IdB != Second->IdB || Second->DeltaB - First->DeltaB != Difference)
        return FALSE;
    // The same number twice.
    if (Difference == 0 && First->ExtendedA == Second->ExtendedA && First->ExtendedB == Second->ExtendedB)
        return TRUE;
    return HasForm(First) && HasForm(Second);
}

static BOOLEAN
MatchLink(COVER *Cover, const CHECK_NUMBER *A, const CHECK_NUMBER *B)
{
    if (A->Id == 0)
        return TRUE;
    // A link to the head of a loop is to one number in all states, not to any number.
    if (A->Id >= STATE_FIRST_ANCHOR)
        return B->Id == A->Id && B->Delta == A->Delta && B->Extended == A->Extended;
    COVER_LINK Link = {
        .DeltaA = A->Delta,
        .DeltaB = B->Delta,
        .KnownB = B->Full.S0,
        .IdB = B->Id,
        .IsKnownB = NumberIsKnown(B),
        .ExtendedA = A->Extended,
        .ExtendedB = B->Extended,
        .SmallB = B->Full.U1 < INTERVAL_TWO_32,
    };
    COVER_LINK *First = &Cover->Links[A->Id];
    BOOLEAN IsFirst = Cover->Met[A->Id] != Cover->Comparison;
    if (!IsFirst && !IsRelated(First, &Link))
        return FALSE;
    // A whole number says more of X than the low half of one: compare with that from now on.
    if (IsFirst || (First->ExtendedA && !A->Extended))
        *First = Link;
    Cover->Met[A->Id] = Cover->Comparison;
    return TRUE;
}

static BOOLEAN
CoversNumber(COVER *Cover, const CHECK_NUMBER *A, const CHECK_NUMBER *B)
{
    return NumberCovers(A, B) && MatchLink(Cover, A, B);
}

/** What may be null may also not be. */
static BOOLEAN
CoversPointer(COVER *Cover, const CHECK_POINTER *A, const CHECK_POINTER *B)
{
    return A->Place == B->Place && A->Which == B->Which && A->Flag == B->Flag && A->Offset == B->Offset &&
           (A->Nullable || !B->Nullable) && A->Least <= B->Least && A->Most >= B->Most && A->Zeros <= B->Zeros &&
           A->Proved <= B->Proved && MatchPart(Cover, A->Part, B->Part) &&
           MatchId(Cover, A->Instance, B->Instance) && MatchId(Cover, A->Holder, B->Holder);
}

static BOOLEAN
CoversValue(COVER *Cover, const CHECK_VALUE *A, const CHECK_VALUE *B)
{
    if (A->Kind == KindNothing)
        return TRUE;
    if (A->Kind != B->Kind)
        return FALSE;
    return A->Kind == KindNumber ? CoversNumber(Cover, &A->Number, &B->Number)
                                 : CoversPointer(Cover, &A->Pointer, &B->Pointer);
}

static BOOLEAN
CoversSlot(const CHECKER *Checker, COVER *Cover, VALUE_ID SlotA, VALUE_ID SlotB)
{
    const CHECK_VALUE *A = ValueAt(Checker, SlotA), *B = ValueAt(Checker, SlotB);
    if (A->Kind == KindBytes) {
        if ((A->Bytes.Mask & ~StackNumberMask(Checker, SlotB)) != 0)
            return FALSE;
        for (UINT32 Index = 0; Index < A->Bytes.PartCount; Index++) {
            const CHECK_PART *Part = &A->Bytes.Parts[Index];
            CHECK_NUMBER Number = StackNumberIn(Checker, SlotB, Part->At, Part->SizeBytes);
            if (!CoversNumber(Cover, NumberAt(Checker, Part->Value), &Number))
                return FALSE;
        }
        return TRUE;
    }
    if (B->Kind != KindBytes)
        return CoversValue(Cover, A, B);
    CHECK_NUMBER Any = NumberAny();
    return B->Bytes.Mask == 0xff && A->Kind == KindNumber && CoversNumber(Cover, &A->Number, &Any);
}

static BOOLEAN
CoversFrame(const CHECKER *Checker, COVER *Cover, const CHECK_FRAME *A, const CHECK_FRAME *B)
{
    // Callbacks are followed to their end: no state stands for one.
    if (A->ReturnTo != B->ReturnTo || A->Callback != NULL || B->Callback != NULL)
        return FALSE;
    for (UINT32 At = 0; At < RTL_NUMBER_OF(A->Saved); At++)
        if (!CoversValue(Cover, ValueAt(Checker, A->Saved[At]), ValueAt(Checker, B->Saved[At])))
            return FALSE;
    for (UINT32 At = 0; At < FRAME_SLOTS; At++)
        if (A->Slots[At] != 0 && !CoversSlot(Checker, Cover, A->Slots[At], B->Slots[At]))
            return FALSE;
    return TRUE;
}

BOOLEAN
CoverState(const CHECKER *Checker, COVER *Cover, const CHECK_STATE *A, const CHECK_STATE *B)
{
    if (A->FrameCount != B->FrameCount || A->Packet > B->Packet || A->Metadata > B->Metadata)
        return FALSE;
    // Marks of old comparisons would be taken for new ones when the number comes round.
    if (++Cover->Comparison == 0) {
        memset(Cover, 0, sizeof(*Cover));
        Cover->Comparison = 1;
    }
    for (UINT32 Register = 0; Register < STATE_REGISTERS; Register++)
        if (!CoversValue(Cover, ValueAt(Checker, A->Registers[Register]), ValueAt(Checker, B->Registers[Register])))
            return FALSE;
    for (UINT32 Depth = A->FrameCount; Depth > 0; Depth--)
        if (!CoversFrame(Checker, Cover, A->Frames[Depth - 1], B->Frames[Depth - 1]))
            return FALSE;
    if (A->ReferenceCount != B->ReferenceCount)
        return FALSE;
    for (UINT32 Index = 0; Index < A->ReferenceCount; Index++)
        if (!MatchId(Cover, A->References[Index], B->References[Index]))
            return FALSE;
    return TRUE;
}
