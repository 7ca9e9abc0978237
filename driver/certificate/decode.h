// One listed state from its bytes: what differs from a state read before. Refuses what is not in the one form that
// docs/certificate.md allows, and what no state of the checker can be.
#pragma once

#include "certificate/cursor.h"
#include "certificate/rank.h"

/** Ids are numbered per state: there are no more than cells, of which each has at most three. */
#define DECODE_MOST_ID (3 * (10 + 8 * 68))

/**
 * The next state, told as what differs from Base, and its rank: the caller has set the anchor that it gets if it has one, else
 * that is 0 then. The caller releases the state, also if the certificate is refused.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID DecodeState(
    _Inout_ CHECKER *Checker,
    _Inout_ CURSOR *Cursor,
    _In_ const CHECK_STATE *Base,
    _Out_ CHECK_STATE *State,
    _Inout_ CHECK_RANK *Rank);
