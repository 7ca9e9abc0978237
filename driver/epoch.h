// When memory that a running program may still see can be used again. A run is inside an epoch; what is taken out of
// sight in epoch E may still be seen by runs that began in E or before, and by none once epoch E + 2 has begun.
#pragma once

#include "platform.h"

/** What EpochEnter hands to EpochExit. */
typedef struct _EBPF_EPOCH_TOKEN {
    UINT32 Processor;
    UINT32 Phase;
} EBPF_EPOCH_TOKEN;

/** Part of what is to be freed. */
typedef struct _EBPF_RETIRED {
    struct _EBPF_RETIRED *Next;
    UINT64 Epoch;
    VOID (*Free)(struct _EBPF_RETIRED *Retired);
} EBPF_RETIRED;

/** Before all else, once. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS EpochInitiate(VOID);

/** After all else: frees what is retired. No run may be going on. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID EpochTerminate(VOID);

_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) EBPF_EPOCH_TOKEN EpochEnter(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID EpochExit(_In_ EBPF_EPOCH_TOKEN Token);

/** Calls Free when no run can see it any more. It must be out of sight of new runs already. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID EpochRetire(
    _In_ EBPF_RETIRED *Retired, _In_ VOID (*Free)(EBPF_RETIRED *Retired));

/** The epoch to remember with something that is out of sight from now on. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 EpochCurrent(VOID);

/** Whether nothing sees any more what went out of sight in that epoch. Moves on to the next epoch where it can. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN EpochIsOver(_In_ UINT64 Epoch);

/** Frees what is retired, as far as no run sees it now. Does not wait. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID EpochSettle(VOID);

/** Waits until all runs that began before are over. Not to be called inside an epoch. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID EpochDrain(VOID);

/** Waits until all that has been retired before is freed. Not to be called inside an epoch. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID EpochSynchronize(VOID);
