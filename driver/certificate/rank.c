#include "certificate/rank.h"

#include "certificate/stack.h"

/** The place of the number in a slot of bytes, or NULL. */
static const CHECK_PART *
PartOf(const CHECK_VALUE *Slot, const CHECK_RANK *Rank)
{
    return Slot->Kind == KindBytes && Rank->Part < Slot->Bytes.PartCount ? &Slot->Bytes.Parts[Rank->Part] : NULL;
}

/** What is in the cell. */
static VALUE_ID
SlotOf(CHECKER *Checker, CHECK_STATE *State, const CHECK_RANK *Rank)
{
    const VALUE_ID *Cell = StateCell(Checker, State, Rank->Cell, FALSE);
    return Cell == NULL ? 0 : *Cell;
}

static const CHECK_NUMBER *
NumberOf(CHECKER *Checker, CHECK_STATE *State, const CHECK_RANK *Rank)
{
    VALUE_ID Slot = SlotOf(Checker, State, Rank);
    const CHECK_PART *Part = PartOf(ValueAt(Checker, Slot), Rank);
    return NumberAt(Checker, Part != NULL ? Part->Value : Slot);
}

BOOLEAN
RankHasNumber(CHECKER *Checker, CHECK_STATE *State, const CHECK_RANK *Rank)
{
    return NumberOf(Checker, State, Rank) != NULL;
}

VOID
RankStartRound(CHECKER *Checker, CHECK_STATE *State, const CHECK_RANK *Rank)
{
    const CHECK_NUMBER *Number = NumberOf(Checker, State, Rank);
    VALUE_ID *Cell = StateCell(Checker, State, Rank->Cell, TRUE);
    if (Number == NULL || Cell == NULL)
        return;
    VALUE_ID New = AddNumber(Checker, NumberLinked(Number, Rank->Anchor, 0, FALSE));
    CHECK_VALUE Slot = *ValueAt(Checker, *Cell);
    if (Slot.Kind == KindBytes) {
        Slot.Bytes.Parts[Rank->Part].Value = New;
        New = ValuesAdd(&Checker->Pool, &Slot);
    }
    *Cell = New;
}

/** The number in the same register or the same bytes; FALSE: there is none. */
static BOOLEAN
NumberBack(CHECKER *Checker, const CHECK_RANK *Rank, CHECK_STATE *Head, CHECK_STATE *Now, CHECK_NUMBER *Number)
{
    VALUE_ID There = SlotOf(Checker, Now, Rank);
    const CHECK_PART *Part = PartOf(ValueAt(Checker, SlotOf(Checker, Head, Rank)), Rank);
    if (Part != NULL) {
        *Number = StackNumberIn(Checker, There, Part->At, Part->SizeBytes);
        return TRUE;
    }
    const CHECK_NUMBER *Whole = NumberAt(Checker, There);
    if (Whole != NULL)
        *Number = *Whole;
    return Whole != NULL;
}

BOOLEAN
RankHasMoved(CHECKER *Checker, const CHECK_RANK *Rank, CHECK_STATE *Head, CHECK_STATE *Now)
{
    const CHECK_NUMBER *Before = NumberOf(Checker, Head, Rank);
    CHECK_NUMBER After;
    if (Before == NULL || !NumberBack(Checker, Rank, Head, Now, &After) || After.Id != Rank->Anchor)
        return FALSE;
    if (After.Delta == 0 || (After.Delta > 0) != Rank->Up)
        return FALSE;
    // Modulo 2^32 only a number below that is itself again.
    if (After.Extended && (Rank->Signed || Before->Full.U1 >= INTERVAL_TWO_32))
        return FALSE;
    // Finite bounds are far from both ends, and so is the sum of one and a delta.
    if (Rank->Signed)
        return After.Full.S0 != -INTERVAL_NONE && After.Full.S1 != INTERVAL_NONE;
    if (Rank->Up)
        return After.Full.U0 >= After.Delta;
    return After.Extended ? After.Full.U1 - After.Delta < INTERVAL_TWO_32 : After.Full.U1 != INTERVAL_NONE;
}
