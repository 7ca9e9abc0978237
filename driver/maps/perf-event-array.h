// PERF_EVENT_ARRAY: a ring of records for each processor, of max_entries bytes, so that writers do not wait for each other. A
// record may end with the begin of the packet. One reader takes them, ring by ring.
#pragma once

#include "../map.h"

/** Of the flags: the processor, this one's ring only; how many bytes of the packet follow the record. */
#define PERF_PROCESSOR_MASK 0xffffffffull
#define PERF_THIS_PROCESSOR 0xffffffffull
#define PERF_PACKET_SHIFT 32
#define PERF_PACKET_MASK (0xfffffull << PERF_PACKET_SHIFT)

/** Bytes that become part of a record. */
typedef struct _PERF_PART {
    const UINT8 *Data;
    UINT32 SizeBytes;
} PERF_PART;

/** One record of both parts in the ring of this processor; MAP_NO_SPACE if it is dropped, which is counted. */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 PerfOutput(
    _Inout_ EBPF_MAP *Map, _In_ UINT32 Processor, _In_ PERF_PART First, _In_ PERF_PART Second);

/**
 * The next record, of each ring in its turn, and whose it is. MAP_NOT_FOUND if there is none; MAP_TOO_BIG if it is larger
 * than CapacityBytes: then it stays, and *SizeBytes says what it needs.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) INT32 PerfRead(
    _Inout_ EBPF_MAP *Map,
    _Out_writes_bytes_(CapacityBytes) UINT8 *Data,
    _In_ UINT32 CapacityBytes,
    _Out_ UINT32 *SizeBytes,
    _Out_ UINT32 *Processor);

/** Whether there is a record to take, of any processor; if not, the next one calls PlatformWake. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN PerfAwait(_Inout_ EBPF_MAP *Map);
