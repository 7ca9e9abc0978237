#include "hooks/sock-ops.h"

#include "hook.h"
#include "hooks/socket-helpers.h"

C_ASSERT(offsetof(SOCK_OPS_CONTEXT, LocalAddress) == 8 && offsetof(SOCK_OPS_CONTEXT, LocalPort) == 24);
C_ASSERT(offsetof(SOCK_OPS_CONTEXT, RemoteAddress) == 28 && offsetof(SOCK_OPS_CONTEXT, RemotePort) == 44);
C_ASSERT(offsetof(SOCK_OPS_CONTEXT, Protocol) == 48 && offsetof(SOCK_OPS_CONTEXT, CompartmentId) == 52);
C_ASSERT(offsetof(SOCK_OPS_CONTEXT, InterfaceLuid) == 56 && sizeof(SOCK_OPS_CONTEXT) == 64);

HELPER(GetFlowId)
{
    const SOCKET_OPERATION *Operation = Run->Subject;
    UNUSED(A1), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    return Operation == NULL ? 0 : Operation->FlowId;
}

static const EBPF_HELPER_ROW Helpers[] = {
    SOCKET_HELPER_PROCESS,
    SOCKET_HELPER_LOGON,
    SOCKET_HELPER_ADMIN,
    {65536, {GetFlowId, {ArgumentScalar}}},
};

const EBPF_PROGRAM_TYPE SockOpsProgramType = {
    .Number = EBPF_PROGRAM_TYPE_SOCK_OPS,
    .Name = "sock_ops",
    .ContextBytes = sizeof(SOCK_OPS_CONTEXT),
    .PacketStart = EBPF_NO_FIELD,
    .PacketEnd = EBPF_NO_FIELD,
    .PacketMeta = EBPF_NO_FIELD,
    .InterfaceIndex = EBPF_NO_FIELD,
    .HelperCount = RTL_NUMBER_OF(Helpers),
    .Helpers = Helpers,
};

_Use_decl_annotations_
VOID
SockOpsPrepare(const SOCKET_OPERATION *Operation, UINT32 Kind, SOCK_OPS_CONTEXT *Context, EBPF_RUN_INPUT *Input)
{
    memset(Context, 0, sizeof(*Context));
    Context->Kind = Kind;
    Context->Family = Operation->Family;
    memcpy(Context->LocalAddress, Operation->Local.Address, SOCKET_ADDRESS_BYTES);
    Context->LocalPort = Operation->Local.Port;
    memcpy(Context->RemoteAddress, Operation->Remote.Address, SOCKET_ADDRESS_BYTES);
    Context->RemotePort = Operation->Remote.Port;
    Context->Protocol = Operation->Protocol;
    Context->CompartmentId = Operation->CompartmentId;
    Context->InterfaceLuid = Operation->InterfaceLuid;
    *Input = (EBPF_RUN_INPUT){
        .Context = Context,
        .ContextSizeBytes = sizeof(*Context),
        .Subject = (VOID *)(UINT_PTR)Operation,
    };
}

_Use_decl_annotations_
VOID
SockOpsRun(const SOCKET_OPERATION *Operation, UINT32 Kind)
{
    SOCK_OPS_CONTEXT Context;
    EBPF_RUN_INPUT Input;
    SockOpsPrepare(Operation, Kind, &Context, &Input);
    (VOID)HookInvoke(HookSockOps, Operation->CompartmentId, &Input);
}
