#include "hooks/sock-addr.h"

#include "hook.h"
#include "hooks/socket-helpers.h"

C_ASSERT(offsetof(SOCK_ADDR_CONTEXT, SourceAddress) == 4 && offsetof(SOCK_ADDR_CONTEXT, SourcePort) == 20);
C_ASSERT(offsetof(SOCK_ADDR_CONTEXT, UserAddress) == 24 && offsetof(SOCK_ADDR_CONTEXT, UserPort) == 40);
C_ASSERT(offsetof(SOCK_ADDR_CONTEXT, Protocol) == 44 && offsetof(SOCK_ADDR_CONTEXT, CompartmentId) == 48);
C_ASSERT(offsetof(SOCK_ADDR_CONTEXT, InterfaceLuid) == 56 && sizeof(SOCK_ADDR_CONTEXT) == 64);

/** What a program is given by sock_addr_get_network_context. */
typedef struct _NETWORK_CONTEXT {
    UINT32 Version;
    UINT32 InterfaceType;
    UINT32 TunnelType;
    UINT64 NextHopLuid;
    UINT32 SubInterfaceIndex;
} NETWORK_CONTEXT;
C_ASSERT(offsetof(NETWORK_CONTEXT, NextHopLuid) == 16 && sizeof(NETWORK_CONTEXT) == 32);

#define FAILED ((UINT64)-1)

HELPER(GetSocketCookie)
{
    const SOCKET_OPERATION *Operation = Run->Subject;
    UNUSED(A1), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    return Operation == NULL ? 0 : Operation->EndpointHandle;
}

/** The latest data that was set replaces what was there. */
HELPER(SetRedirectContext)
{
    SOCKET_OPERATION *Operation = Run->Subject;
    UNUSED(A1), UNUSED(A4), UNUSED(A5);
    UINT32 SizeBytes = (UINT32)A3;
    if (Operation == NULL || !Operation->MayRedirect || SizeBytes == 0 || SizeBytes > SOCKET_MAXIMUM_REDIRECT_BYTES)
        return FAILED;
    UINT8 *Data = PlatformAllocate(SizeBytes);
    if (Data == NULL)
        return FAILED;
    memcpy(Data, (const VOID *)(UINT_PTR)A2, SizeBytes);
    SocketOperationEnd(Operation);
    Operation->RedirectContext = Data;
    Operation->RedirectContextBytes = SizeBytes;
    return 0;
}

/** All of the memory is written, whatever the answer: verification relies on that. */
HELPER(GetNetworkContext)
{
    const SOCKET_OPERATION *Operation = Run->Subject;
    UNUSED(A1), UNUSED(A4), UNUSED(A5);
    UINT32 SizeBytes = (UINT32)A3;
    if (SizeBytes == 0)
        return FAILED;
    memset((VOID *)(UINT_PTR)A2, 0, SizeBytes);
    if (Operation == NULL || !Operation->Route.Known)
        return FAILED;
    NETWORK_CONTEXT Network;
    memset(&Network, 0, sizeof(Network));
    Network.Version = 1;
    Network.InterfaceType = Operation->Route.InterfaceType;
    Network.TunnelType = Operation->Route.TunnelType;
    Network.NextHopLuid = Operation->Route.NextHopLuid;
    Network.SubInterfaceIndex = Operation->Route.SubInterfaceIndex;
    // A program that knows less of it gets its begin.
    memcpy((VOID *)(UINT_PTR)A2, &Network, SizeBytes < sizeof(Network) ? SizeBytes : sizeof(Network));
    return 0;
}

static const EBPF_HELPER_ROW Helpers[] = {
    SOCKET_HELPER_PROCESS,
    SOCKET_HELPER_LOGON,
    SOCKET_HELPER_ADMIN,
    {26, {GetSocketCookie, {ArgumentScalar}}},
    {65537, {SetRedirectContext, {ArgumentScalar, ArgumentMemory, ArgumentSize}}},
    {65538, {GetNetworkContext, {ArgumentScalar, ArgumentMemoryOut, ArgumentSize}}},
};

const EBPF_PROGRAM_TYPE SockAddrProgramType = {
    .Number = EBPF_PROGRAM_TYPE_SOCK_ADDR,
    .Name = "cgroup_sock_addr",
    .ContextBytes = sizeof(SOCK_ADDR_CONTEXT),
    .PacketStart = EBPF_NO_FIELD,
    .PacketEnd = EBPF_NO_FIELD,
    .PacketMeta = EBPF_NO_FIELD,
    .InterfaceIndex = EBPF_NO_FIELD,
    .WritableCount = 2,
    .Writable = {{offsetof(SOCK_ADDR_CONTEXT, UserAddress), SOCKET_ADDRESS_BYTES},
                 {offsetof(SOCK_ADDR_CONTEXT, UserPort), sizeof(UINT16)}},
    .HelperCount = RTL_NUMBER_OF(Helpers),
    .Helpers = Helpers,
};

static VOID
Prepare(
    SOCKET_OPERATION *Operation,
    const SOCKET_ENDPOINT *Source,
    const SOCKET_ENDPOINT *User,
    SOCK_ADDR_CONTEXT *Context,
    EBPF_RUN_INPUT *Input)
{
    memset(Context, 0, sizeof(*Context));
    Context->Family = Operation->Family;
    memcpy(Context->SourceAddress, Source->Address, SOCKET_ADDRESS_BYTES);
    Context->SourcePort = Source->Port;
    memcpy(Context->UserAddress, User->Address, SOCKET_ADDRESS_BYTES);
    Context->UserPort = User->Port;
    Context->Protocol = Operation->Protocol;
    Context->CompartmentId = Operation->CompartmentId;
    Context->InterfaceLuid = Operation->InterfaceLuid;
    *Input = (EBPF_RUN_INPUT){
        .Context = Context,
        .ContextSizeBytes = sizeof(*Context),
        .Subject = Operation,
    };
}

_Use_decl_annotations_
VOID
ConnectPrepare(SOCKET_OPERATION *Operation, SOCK_ADDR_CONTEXT *Context, EBPF_RUN_INPUT *Input)
{
    Prepare(Operation, &Operation->Local, &Operation->Remote, Context, Input);
}

_Use_decl_annotations_
VOID
AcceptPrepare(SOCKET_OPERATION *Operation, SOCK_ADDR_CONTEXT *Context, EBPF_RUN_INPUT *Input)
{
    Prepare(Operation, &Operation->Remote, &Operation->Local, Context, Input);
}

_Use_decl_annotations_
BOOLEAN
ConnectRedirected(const SOCKET_OPERATION *Operation, const SOCK_ADDR_CONTEXT *Context, SOCKET_ENDPOINT *To)
{
    // Of an IPv4 address the bytes after it are nothing that anybody asked for.
    SIZE_T AddressBytes = Operation->Family == SOCKET_IPV4 ? 4 : SOCKET_ADDRESS_BYTES;
    *To = Operation->Remote;
    memcpy(To->Address, Context->UserAddress, AddressBytes);
    To->Port = Context->UserPort;
    return memcmp(To->Address, Operation->Remote.Address, SOCKET_ADDRESS_BYTES) != 0 ||
           To->Port != Operation->Remote.Port;
}

/** What an answer of such a hook means. */
static SOCKET_VERDICT
VerdictOf(UINT32 Answer)
{
    static const UINT8 Verdicts[] = {SocketBlock, SocketPermit, SocketPermitHard};
    return Answer < RTL_NUMBER_OF(Verdicts) ? Verdicts[Answer] : SocketBlock;
}

_Use_decl_annotations_
SOCKET_VERDICT
ConnectRun(SOCKET_OPERATION *Operation, SOCKET_ENDPOINT *To, BOOLEAN *Redirected)
{
    EBPF_HOOK_ID Hook = Operation->Family == SOCKET_IPV4 ? HookConnect4 : HookConnect6;
    SOCK_ADDR_CONTEXT Context;
    EBPF_RUN_INPUT Input;
    ConnectPrepare(Operation, &Context, &Input);
    SOCKET_VERDICT Verdict = VerdictOf(HookInvoke(Hook, Operation->CompartmentId, &Input));
    *Redirected = ConnectRedirected(Operation, &Context, To) && Verdict != SocketBlock;
    return Verdict;
}

_Use_decl_annotations_
SOCKET_VERDICT
AcceptRun(SOCKET_OPERATION *Operation)
{
    EBPF_HOOK_ID Hook = Operation->Family == SOCKET_IPV4 ? HookRecvAccept4 : HookRecvAccept6;
    SOCK_ADDR_CONTEXT Context;
    EBPF_RUN_INPUT Input;
    AcceptPrepare(Operation, &Context, &Input);
    return VerdictOf(HookInvoke(Hook, Operation->CompartmentId, &Input));
}
