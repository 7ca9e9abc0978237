// Records of any size from many writers to one reader, in the order they were reserved. When there is no room a record is
// dropped, and counted. Knows nothing of maps.
#pragma once

#include "../map.h"

#define RECORD_RING_MINIMUM_BYTES 4096
#define RECORD_RING_MAXIMUM_BYTES (1u << 30)
/** Beside the records. */
#define RECORD_RING_EXTRA_BYTES PLATFORM_ALIGNMENT

typedef struct _RECORD_RING {
    EBPF_LOCK WriterLock;
    /** Somebody waits for a record: who writes the next one says so to the system. */
    UINT32 Waiting;
    /** There is a reader, which copies with no lock held that would keep its processor. */
    UINT32 Reading;
    UINT64 SizeBytes;
    UINT64 Written;
    UINT64 Read;
    UINT64 Dropped;
    UINT8 *Data;
} RECORD_RING;

/** A power of two that is not too small and not too large. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN RecordRingSizeIsValid(_In_ UINT32 SizeBytes);

/** Of a valid size. The caller ends it with RecordRingTerminate; on failure too that does no harm. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS RecordRingInitiate(
    _Out_ RECORD_RING *Ring, _In_ UINT32 SizeBytes);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID RecordRingTerminate(_Inout_ RECORD_RING *Ring);

/** Room for a record, which the writer then submits or discards; NULL if there is none or it is over half of the ring. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) UINT8 *RecordRingReserve(
    _Inout_ RECORD_RING *Ring, _In_ UINT32 SizeBytes);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID RecordRingSubmit(_In_ UINT8 *Record);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID RecordRingDiscard(_In_ UINT8 *Record);

/**
 * Takes the oldest record; *SizeBytes is its size. MAP_NOT_FOUND if there is none, or it is not submitted yet; MAP_TOO_BIG
 * if it is larger than CapacityBytes: then it stays.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) INT32 RecordRingRead(
    _Inout_ RECORD_RING *Ring,
    _Out_writes_bytes_(CapacityBytes) UINT8 *Data,
    _In_ UINT32 CapacityBytes,
    _Out_ UINT32 *SizeBytes);

/**
 * Whether there is a record to take. If there is none the next one that is submitted, or that stood before others and is given up, calls
 * PlatformWake, once.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN RecordRingAwait(_Inout_ RECORD_RING *Ring);

/** Records that found no room. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 RecordRingCountDropped(_In_ const RECORD_RING *Ring);
