// Frames that the driver itself puts on the way, in or out of an interface: copies of its own, which are freed when Windows is
// done with them. Closed at first, and whenever there is no filter of ours at the layers injected into: there such a frame
// would never be completed, and the system would fall.
#pragma once

#include "wfp/wfp.h"

typedef struct _INJECT_TARGET {
    UINT32 InterfaceIndex;
    UINT32 NdisPort;
    /** TRUE: out of the interface; FALSE: up to this machine, as if it had come in so. */
    BOOLEAN Send;
    /** It begins elsewhere than the original: what is known of that one's checksums is not true of it. */
    BOOLEAN Moved;
    /** The frame that it stands for: its VLAN goes along, and upwards what is known of checksums. */
    const NET_BUFFER_LIST *Original;
} INJECT_TARGET;

_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS InjectInitiate(VOID);

/** Waits for what is under way. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID InjectTerminate(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID InjectOpen(VOID);

/** Nothing is injected from now on; does not wait. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID InjectShut(VOID);

/** The same, and waits for what is under way. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID InjectClose(VOID);

/** FALSE if it is not on its way: closed, no memory, too many are under way, or Windows refuses. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN InjectFrame(
    _In_ const INJECT_TARGET *Target, _In_reads_bytes_(SizeBytes) const UINT8 *Data, _In_ UINT32 SizeBytes);

/** Whether it is a frame of InjectFrame that comes by again. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN InjectIsOwn(_In_ const NET_BUFFER_LIST *List);
