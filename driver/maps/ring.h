// RINGBUF: records of any size from many writers to one reader, in the order they were reserved. When there is no room a
// record is dropped, and counted.
#pragma once

#include "../map.h"

/** Room for a record, which the writer then submits or discards; NULL if there is none or it is over half of the ring. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) UINT8 *RingReserve(
    _Inout_ EBPF_MAP *Map, _In_ UINT32 SizeBytes);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID RingSubmit(_In_ UINT8 *Record);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID RingDiscard(_In_ UINT8 *Record);

/** Reserves, copies and submits; MAP_AGAIN if it is dropped. */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 RingOutput(
    _Inout_ EBPF_MAP *Map, _In_reads_bytes_(SizeBytes) const UINT8 *Data, _In_ UINT32 SizeBytes);

/**
 * Takes the oldest record; *SizeBytes is its size. MAP_NOT_FOUND if there is none, or it is not submitted yet; MAP_TOO_BIG
 * if it is larger than CapacityBytes: then it stays.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) INT32 RingRead(
    _Inout_ EBPF_MAP *Map,
    _Out_writes_bytes_(CapacityBytes) UINT8 *Data,
    _In_ UINT32 CapacityBytes,
    _Out_ UINT32 *SizeBytes);

/** Whether there is a record to take; if not, the next one calls PlatformWake. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN RingAwait(_Inout_ EBPF_MAP *Map);

/** Records that found no room. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 RingCountDropped(_In_ const EBPF_MAP *Map);
