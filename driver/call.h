// One request on its way through a handler: the request captured, who asks, and where the reply goes. What every handler
// needs, and the handlers that dispatch.c has a row for. Sizes of fixed parts, and the whole of the request, are checked before.
#pragma once

#include "client.h"
#include "ioctl.h"

typedef struct _DISPATCH_CALL {
    EBPF_CLIENT *Client;
    /** A copy of the driver's own, of exactly the size that the request has. */
    const VOID *Request;
    /** Its fixed part is zeros when the handler is called; nothing else in it is. */
    VOID *Reply;
    UINT32 ReplyFixedBytes;
    UINT32 ReplyCapacityBytes;
    /** Of the reply that goes back. */
    UINT32 ReplyBytes;
    /** Until when a handler may have its caller wait, 0 if that is not known yet; NULL: it must answer now. */
    UINT64 *Deadline;
    /** It is not answered: the handler wants to be asked again. */
    BOOLEAN Pending;
} DISPATCH_CALL;

/** Does what is asked and says in the reply how that ended. */
typedef _IRQL_requires_max_(PASSIVE_LEVEL) VOID CALL_HANDLER(_Inout_ DISPATCH_CALL *Call);

/** Every reply begins with its error; EbpfErrorNone is one too. */
static inline VOID
CallFail(_Inout_ DISPATCH_CALL *Call, _In_ EBPF_ERROR Error)
{
    ((EBPF_REPLY *)Call->Reply)->Error = Error;
    Call->ReplyBytes = Call->ReplyFixedBytes;
}

/** What follows the fixed part of a request. */
static inline const UINT8 *
CallTail(_In_ const DISPATCH_CALL *Call, _In_ UINT64 Offset)
{
    return (const UINT8 *)Call->Request + Offset;
}

/** Room for what follows the fixed part of the reply, all of which the handler must then write; NULL if there is none. */
static inline UINT8 *
CallReserve(_Inout_ DISPATCH_CALL *Call, _In_ UINT64 SizeBytes)
{
    if (SizeBytes > Call->ReplyCapacityBytes - Call->ReplyFixedBytes)
        return NULL;
    Call->ReplyBytes = Call->ReplyFixedBytes + (UINT32)SizeBytes;
    return (UINT8 *)Call->Reply + Call->ReplyFixedBytes;
}

/** Puts a new object's first reference, or one the caller has, behind a handle; 0, and nothing is kept, if there is no room. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) UINT32 CallOpenHandle(
    _Inout_ DISPATCH_CALL *Call, _In_ EBPF_OBJECT *Object);

/** With a reference for the caller; NULL, and the error is told, if the client has no such handle to such an object. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(PASSIVE_LEVEL) EBPF_OBJECT *CallFindObject(
    _Inout_ DISPATCH_CALL *Call, _In_ EBPF_OBJECT_TYPE Type, _In_ UINT32 Handle);

/** Whether a name may be shown to people as it is, and nothing follows its end. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN CallIsName(_In_reads_(EBPF_NAME_BYTES) const UINT8 *Name);

CALL_HANDLER CallObjectNext, CallObjectOpen, CallObjectInfo, CallObjectClose, CallStatistics;
CALL_HANDLER CallMapCreate, CallMapLookup, CallMapUpdate, CallMapDelete, CallMapNextKey, CallMapFreeze, CallRingRead;
CALL_HANDLER CallMapLookupBatch, CallRingWait;
CALL_HANDLER CallProgramCreate, CallProgramRun;
CALL_HANDLER CallHookNext, CallLinkCreate, CallLinkReplace, CallLinkDetach;

/** Whether programs that nothing proves may be compiled; before all calls. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID CallSetAllowUncertified(_In_ BOOLEAN Allow);
