// Program type sock_ops and its hook: a program is told of connections that are established, and when they end. There is
// nothing to decide.
#pragma once

#include "hooks/socket.h"
#include "run.h"

/** bpf_sock_ops of eBPF for Windows; the core has it in core/platform/windows/contexts.ts. Addresses and ports in network order. */
typedef struct _SOCK_OPS_CONTEXT {
    UINT32 Kind;
    UINT32 Family;
    UINT32 LocalAddress[4];
    UINT32 LocalPort;
    UINT32 RemoteAddress[4];
    UINT32 RemotePort;
    UINT8 Protocol;
    UINT32 CompartmentId;
    UINT64 InterfaceLuid;
} SOCK_OPS_CONTEXT;

/** SOCK_OPS_CONTEXT.Kind: this end connected, the other one did, the connection is no more. */
enum { SOCK_OPS_ACTIVE_ESTABLISHED = 0, SOCK_OPS_PASSIVE_ESTABLISHED = 1, SOCK_OPS_CONNECTION_DELETED = 2 };

extern const EBPF_PROGRAM_TYPE SockOpsProgramType;

_IRQL_requires_max_(DISPATCH_LEVEL) VOID SockOpsPrepare(
    _In_ const SOCKET_OPERATION *Operation,
    _In_ UINT32 Kind,
    _Out_ SOCK_OPS_CONTEXT *Context,
    _Out_ EBPF_RUN_INPUT *Input);

/** Tells the programs of the hook. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID SockOpsRun(_In_ const SOCKET_OPERATION *Operation, _In_ UINT32 Kind);
