// The one way in: a control code and a buffer, as the I/O manager or a test hands them over. One table says for each code
// what it takes; all sizes and rights are checked there.
#pragma once

#include "client.h"

typedef struct _DISPATCH_SETTINGS {
    /** Programs that nothing proves may be compiled. */
    BOOLEAN AllowUncertified;
    /** Of AccountInitiate. */
    UINT64 ClientMemoryBytes;
    UINT64 TotalMemoryBytes;
} DISPATCH_SETTINGS;

/** After EpochInitiate, before all calls. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID DispatchInitiate(_In_ const DISPATCH_SETTINGS *Settings);

/** After all calls: closes clients that are open still, and breaks what holds itself. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID DispatchTerminate(VOID);

/**
 * Answers one request. The buffer is METHOD_BUFFERED's, aligned to 8: the request is its first RequestBytes, the reply goes into its first
 * ReplyCapacityBytes, of which *ReplyBytes are then meant for the client; 0 unless the status is success.
 *
 * If Deadline is not NULL, and *Deadline is 0, the status may be STATUS_PENDING: then the request is in the buffer as before, and the
 * caller asks again with the same Deadline, each time PlatformWake is called and when PlatformMonotonicTime is *Deadline, until the
 * status is another, or it answers the client itself.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS DispatchCall(
    _Inout_ EBPF_CLIENT *Client,
    _In_ UINT32 Code,
    _Inout_updates_bytes_(ReplyCapacityBytes) VOID *Buffer,
    _In_ UINT32 RequestBytes,
    _In_ UINT32 ReplyCapacityBytes,
    _Out_ UINT32 *ReplyBytes,
    _Inout_opt_ UINT64 *Deadline);
