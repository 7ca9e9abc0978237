// Program type cgroup_sock_addr and its hooks: connect4 and connect6, where a program may refuse a connection or say where it
// goes instead, and recv_accept4 and recv_accept6, where it may refuse one that comes in.
#pragma once

#include "hooks/socket.h"
#include "run.h"

/** bpf_sock_addr of eBPF for Windows; the core has it in core/platform/windows/contexts.ts. All in network order. */
typedef struct _SOCK_ADDR_CONTEXT {
    UINT32 Family;
    UINT32 SourceAddress[4];
    UINT16 SourcePort;
    UINT32 UserAddress[4];
    UINT16 UserPort;
    UINT32 Protocol;
    UINT32 CompartmentId;
    UINT64 InterfaceLuid;
} SOCK_ADDR_CONTEXT;

extern const EBPF_PROGRAM_TYPE SockAddrProgramType;

/** A connection that goes out: from the local end to the remote one, which is what a program may change. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ConnectPrepare(
    _Inout_ SOCKET_OPERATION *Operation, _Out_ SOCK_ADDR_CONTEXT *Context, _Out_ EBPF_RUN_INPUT *Input);

/** One that comes in: from the remote end to the local one. What a program changes here is not read. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID AcceptPrepare(
    _Inout_ SOCKET_OPERATION *Operation, _Out_ SOCK_ADDR_CONTEXT *Context, _Out_ EBPF_RUN_INPUT *Input);

/** Where the connection goes by what a run left in the context; FALSE if that is where it was to go anyway. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN ConnectRedirected(
    _In_ const SOCKET_OPERATION *Operation, _In_ const SOCK_ADDR_CONTEXT *Context, _Out_ SOCKET_ENDPOINT *To);

/** Asks the programs of connect4 or connect6. *To is where the connection goes, and *Redirected whether that is elsewhere. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) SOCKET_VERDICT ConnectRun(
    _Inout_ SOCKET_OPERATION *Operation, _Out_ SOCKET_ENDPOINT *To, _Out_ BOOLEAN *Redirected);

/** Asks the programs of recv_accept4 or recv_accept6. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) SOCKET_VERDICT AcceptRun(_Inout_ SOCKET_OPERATION *Operation);
