// What instructions that follow each other become together. Each rule is about two; an operation that is of two may take a
// third.
#pragma once

#include "operation.h"

/** What became of the second one. */
typedef enum _OPERATION_MERGE {
    /** It stays an operation of its own. */
    MergeNone,
    /** It is part of the first one, and only what was there before may end a run. */
    MergeSilent,
    /** It is part of the first one, and may end a run. */
    MergeFaulting,
} OPERATION_MERGE;

/**
 * Puts the second operation, which was made of the one instruction in front of slot End, into the one before it if a rule
 * has them. Jumps lead to slots still, and none to the second one's.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) OPERATION_MERGE OperationMerge(
    _Inout_ EBPF_OPERATION *First, _In_ const EBPF_OPERATION *Second, _In_ UINT32 End);

#define OPERATION_NO_REGISTER UINT8_MAX

/**
 * Lets an operation, with which all merging is done, have the value of a register from the one before it, which has written Last.
 * Returns what the next one may have: a register that this one has written, or Last again.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT8 OperationForward(_Inout_ EBPF_OPERATION *Operation, _In_ UINT8 Last);
