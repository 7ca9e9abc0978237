// Is every run that one state describes also described by another? Everything is compared, in one pass and one order; ids
// are matched as they are met.
#pragma once

#include "certificate/decode.h"

/** What is needed of the first number that was met with a link, in both states. */
typedef struct _COVER_LINK {
    INT64 DeltaA;
    INT64 DeltaB;
    INT64 KnownB;
    UINT32 IdB;
    BOOLEAN IsKnownB;
    BOOLEAN ExtendedA;
    BOOLEAN ExtendedB;
    BOOLEAN SmallB;
} COVER_LINK;

/** Ids of the covering state, and what they stand for in the other one. One comparison at a time: it is used again. */
typedef struct _COVER {
    UINT32 Comparison;
    /** By id: what it stands for, and in which comparison that was told. */
    INT64 Ids[DECODE_MOST_ID + 2];
    UINT32 Told[DECODE_MOST_ID + 2];
    COVER_LINK Links[DECODE_MOST_ID + 2];
    UINT32 Met[DECODE_MOST_ID + 2];
} COVER;

/** A was listed. What is nothing in it is read by nobody who starts from it. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN CoverState(
    _In_ const CHECKER *Checker, _Inout_ COVER *Cover, _In_ const CHECK_STATE *A, _In_ const CHECK_STATE *B);
