// An open file of the device: what it may do, and handles to the objects it holds. A handle is a number that means nothing
// to another client; closing the file gives up all of them.
#pragma once

#include "object.h"

/** A handle has 16 bits for its place. */
#define CLIENT_MAXIMUM_HANDLES 65536u

typedef struct _EBPF_CLIENT EBPF_CLIENT;

/** Access is of EBPF_ACCESS_*. NULL if there is no memory. The caller ends it with ClientClose. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(PASSIVE_LEVEL) EBPF_CLIENT *ClientOpen(_In_ UINT32 Access);

/** Gives up all of its handles. Nobody may be using it. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID ClientClose(_In_ EBPF_CLIENT *Client);

/** Closes those that are open still. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID ClientCloseAll(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 ClientCount(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 ClientAccess(_In_ const EBPF_CLIENT *Client);

/** Who pays for what the client asks for. */
_IRQL_requires_max_(DISPATCH_LEVEL) EBPF_ACCOUNT *ClientAccount(_In_ const EBPF_CLIENT *Client);

/**
 * A handle that takes over the caller's reference; 0 if there is no memory for it, or too many are open: then the reference is
 * still the caller's.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) UINT32 HandleOpen(
    _Inout_ EBPF_CLIENT *Client, _In_ EBPF_OBJECT *Object);

/** The object, with a reference for the caller; NULL if the client has no such handle. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(PASSIVE_LEVEL) EBPF_OBJECT *HandleFind(
    _Inout_ EBPF_CLIENT *Client, _In_ UINT32 Handle);

/** FALSE if the client has no such handle. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN HandleClose(_Inout_ EBPF_CLIENT *Client, _In_ UINT32 Handle);
