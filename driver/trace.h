// What programs print: lines in a ring of bytes. Nobody waits; of what is not read in time the oldest is lost.
#pragma once

#include "platform.h"

#define TRACE_LINE_BYTES 256

/**
 * Formats as trace_printk does: %d %i %u %x %X %c, each with l or ll for 64 bits, %p, %%, a width of one or two digits with
 * or without a 0 before it; anything else stays as it is. Returns the length of the line, which is cut at
 * TRACE_LINE_BYTES.
 */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 TraceFormat(
    _Out_writes_bytes_(TRACE_LINE_BYTES) UINT8 *Line,
    _In_reads_bytes_(SizeBytes) const UINT8 *Format,
    _In_ UINT32 SizeBytes,
    _In_reads_(ValueCount) const UINT64 *Values,
    _In_ UINT32 ValueCount);

/** Appends a line. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID TraceWrite(_In_reads_bytes_(SizeBytes) const UINT8 *Line, _In_ UINT32 SizeBytes);

/** Takes the oldest line; FALSE if there is none. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN TraceRead(
    _Out_writes_bytes_(TRACE_LINE_BYTES) UINT8 *Line, _Out_ UINT32 *SizeBytes);
