// What administrators find in the system's own log: the driver's events, of which core/driver/events.ts has the table.
#pragma once

#include "event-rows.h"
#include "platform.h"

#define EVENT_NAME(Name, Code, Statuses, IntervalSeconds, Text) Event##Name,
typedef enum _EBPF_EVENT { EBPF_EVENT_ROWS(EVENT_NAME) EventCount } EBPF_EVENT;
#undef EVENT_NAME

#define EVENT_MAXIMUM_NUMBERS 3

/**
 * Writes one, with the numbers that its text has room for. Where the system's log does not take it, it is a line of the
 * driver's own (trace.h). One that comes again too soon is only counted, and the next one tells how many were.
 */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID EventWrite(
    _In_ EBPF_EVENT Event, _In_reads_(NumberCount) const UINT64 *Numbers, _In_ UINT32 NumberCount);
