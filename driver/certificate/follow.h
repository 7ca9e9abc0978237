// From one state every path is followed once, until the certificate says that a state listed before covers it, and it does.
#pragma once

#include "certificate/cover.h"
#include "certificate/cursor.h"

/** A state that the certificate lists. */
typedef struct _FOLLOW_LISTED {
    CHECK_STATE State;
    UINT32 Index;
    /** Of the head of a loop. */
    CHECK_RANK Rank;
} FOLLOW_LISTED;

/** A loop whose states are being listed. */
typedef struct _FOLLOW_LOOP {
    /** Its head, and the first state behind it, by number. */
    UINT32 Head;
    UINT32 End;
} FOLLOW_LOOP;

/** The states listed for one instruction, by number, in their order. */
typedef struct _FOLLOW_LIST {
    UINT32 Count;
    UINT32 Capacity;
    UINT32 *Numbers;
} FOLLOW_LIST;

typedef struct _FOLLOW_PATH {
    CHECK_STATE State;
    UINT32 Index;
} FOLLOW_PATH;

typedef struct _FOLLOWER {
    CHECKER *Checker;
    CURSOR *Cursor;
    COVER *Cover;
    /** Instructions that may still be followed, over all paths. */
    UINT64 Steps;
    /** In the order of the certificate, in blocks that stay where they are. */
    UINT32 ListedCount;
    FOLLOW_LISTED **Listed;
    /** By instruction. */
    FOLLOW_LIST *Lists;
    /** The outermost first; the checker has their anchors. */
    FOLLOW_LOOP Open[STATE_MOST_OPEN];
    UINT32 WaitingCount;
    UINT32 WaitingCapacity;
    FOLLOW_PATH *Waiting;
} FOLLOWER;

#define FOLLOW_BLOCK 64
#define FOLLOW_MOST_STATES 65536

static inline FOLLOW_LISTED *
FollowListedAt(_In_ const FOLLOWER *Follower, UINT32 Number)
{
    return &Follower->Listed[Number / FOLLOW_BLOCK][Number % FOLLOW_BLOCK];
}

_IRQL_requires_max_(PASSIVE_LEVEL)
BOOLEAN FollowCreate(_Out_ FOLLOWER *Follower, _In_ CHECKER *Checker, _In_ CURSOR *Cursor, UINT64 Steps);
_IRQL_requires_max_(PASSIVE_LEVEL) VOID FollowDestroy(_Inout_ FOLLOWER *Follower);

/** Follows every path from a state, of which a copy is made. Rank: NULL, or of the head of a loop that is open. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID FollowFrom(
    _Inout_ FOLLOWER *Follower, UINT32 Index, _In_ const CHECK_STATE *State, _In_opt_ const CHECK_RANK *Rank);

/**
 * The next listed state, which it takes over: followed now or, if it is the head of a loop, behind the Inside states of that.
 * It may cover others from now on.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID FollowListed(
    _Inout_ FOLLOWER *Follower,
    UINT32 Index,
    _In_ const CHECK_STATE *State,
    _In_ const CHECK_RANK *Rank,
    UINT32 Inside);

/** The state listed last for an instruction; NULL: none. */
_IRQL_requires_max_(PASSIVE_LEVEL) const CHECK_STATE *FollowLast(_In_ const FOLLOWER *Follower, UINT32 Index);
