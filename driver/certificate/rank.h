// Why a loop ends: at its head there is a number that every round moves one way. What a round starts with, and whether a path
// that is back has moved the number; docs/certificate.md says why that is a proof.
#pragma once

#include "certificate/state.h"

typedef struct _CHECK_RANK {
    /** The link of what is the number's value at the head plus a delta, in all states of a round; 0: the state has no rank. */
    UINT32 Anchor;
    /** Where the number is: a cell of the state and, if that is a slot of bytes, which of its parts. */
    UINT32 Cell;
    UINT32 Part;
    /** The order in which it moves. */
    BOOLEAN Signed;
    BOOLEAN Up;
} CHECK_RANK;

/** Whether there is a number. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN RankHasNumber(
    _Inout_ CHECKER *Checker, _In_ CHECK_STATE *State, _In_ const CHECK_RANK *Rank);

/** Makes of a copy of the head's state what a round starts with: its number is linked to itself. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID RankStartRound(
    _Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, _In_ const CHECK_RANK *Rank);

/** Does the number in Now, a state back at the head that it covers, come after the one at the head for sure? */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN RankHasMoved(
    _Inout_ CHECKER *Checker, _In_ const CHECK_RANK *Rank, _In_ CHECK_STATE *Head, _In_ CHECK_STATE *Now);
