// The hook "bind": a socket gets a local address, which a program may refuse, or lets go of it.
#pragma once

#include "hooks/socket.h"
#include "run.h"

/** bind_md of eBPF for Windows; the core has it in core/platform/windows/contexts.ts. */
typedef struct _BIND_CONTEXT {
    /** The name of the process's image without its folders. */
    const UINT8 *AppIdStart;
    const UINT8 *AppIdEnd;
    UINT64 ProcessId;
    /** The begin of a SOCKADDR whose port, and whose address if it is of IPv4, are in host order: as programs expect it. */
    UINT8 SocketAddress[16];
    UINT8 SocketAddressBytes;
    UINT32 Operation;
    UINT8 Protocol;
} BIND_CONTEXT;

/** BIND_CONTEXT.Operation. */
enum { BIND_OPERATION_BIND = 0, BIND_OPERATION_UNBIND = 2 };

extern const EBPF_PROGRAM_TYPE BindProgramType;

/** Makes the context, and what runs on it; both are good as long as the operation is. The budget is the caller's to set. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID BindPrepare(
    _In_ const SOCKET_OPERATION *Operation,
    _In_ UINT32 Kind,
    _Out_ BIND_CONTEXT *Context,
    _Out_ EBPF_RUN_INPUT *Input);

/** Asks the program of the hook; of an unbind the answer changes nothing. */
_IRQL_requires_max_(DISPATCH_LEVEL) SOCKET_VERDICT BindRun(_In_ const SOCKET_OPERATION *Operation, _In_ UINT32 Kind);
