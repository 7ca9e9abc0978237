#include "hooks/bind.h"

#include "hook.h"
#include "hooks/socket-helpers.h"

C_ASSERT(offsetof(BIND_CONTEXT, ProcessId) == 16 && offsetof(BIND_CONTEXT, SocketAddress) == 24);
C_ASSERT(offsetof(BIND_CONTEXT, SocketAddressBytes) == 40 && offsetof(BIND_CONTEXT, Operation) == 44);
C_ASSERT(offsetof(BIND_CONTEXT, Protocol) == 48 && sizeof(BIND_CONTEXT) == 56);

static const EBPF_HELPER_ROW Helpers[] = {
    SOCKET_HELPER_PROCESS,
    SOCKET_HELPER_LOGON,
    SOCKET_HELPER_ADMIN,
};

const EBPF_PROGRAM_TYPE BindProgramType = {
    .Number = EBPF_PROGRAM_TYPE_BIND,
    .Name = "bind",
    .ContextBytes = sizeof(BIND_CONTEXT),
    .PacketStart = offsetof(BIND_CONTEXT, AppIdStart),
    .PacketEnd = offsetof(BIND_CONTEXT, AppIdEnd),
    .PacketMeta = EBPF_NO_FIELD,
    .InterfaceIndex = EBPF_NO_FIELD,
    .PacketReadOnly = TRUE,
    .WritableCount = 1,
    .Writable = {{offsetof(BIND_CONTEXT, SocketAddress), 16}},
    .HelperCount = RTL_NUMBER_OF(Helpers),
    .Helpers = Helpers,
};

/** Of SOCKADDR_IN and SOCKADDR_IN6. The address of the second begins after its flow label, and half of it is left out. */
enum { SOCKADDR_IN_BYTES = 16, SOCKADDR_IN6_BYTES = 28 };

static VOID
WriteAddress(const SOCKET_OPERATION *Operation, BIND_CONTEXT *Context)
{
    UINT16 Family = (UINT16)Operation->Family;
    UINT16 Port = SocketSwap16(Operation->Local.Port);
    UINT8 *Bytes = Context->SocketAddress;
    memcpy(Bytes, &Family, sizeof(Family));
    memcpy(Bytes + 2, &Port, sizeof(Port));
    if (Operation->Family == SOCKET_IPV4) {
        UINT32 Address;
        memcpy(&Address, Operation->Local.Address, sizeof(Address));
        Address = __builtin_bswap32(Address);
        memcpy(Bytes + 4, &Address, sizeof(Address));
        Context->SocketAddressBytes = SOCKADDR_IN_BYTES;
    } else {
        memcpy(Bytes + 8, Operation->Local.Address, 8);
        Context->SocketAddressBytes = SOCKADDR_IN6_BYTES;
    }
}

/** The byte count of the path up to and with its last backslash; a path that is no UTF-16 is all folder. */
static UINT32
FolderBytes(const UINT8 *Path, UINT32 SizeBytes)
{
    if (SizeBytes % 2 != 0)
        return SizeBytes;
    for (UINT32 End = SizeBytes; End >= 2; End -= 2)
        if (Path[End - 2] == '\\' && Path[End - 1] == 0)
            return End;
    return 0;
}

_Use_decl_annotations_
VOID
BindPrepare(const SOCKET_OPERATION *Operation, UINT32 Kind, BIND_CONTEXT *Context, EBPF_RUN_INPUT *Input)
{
    static const UINT8 NoName[1];
    const UINT8 *AppId = Operation->AppIdBytes == 0 ? NoName : Operation->AppId;
    UINT32 Folder = FolderBytes(AppId, Operation->AppIdBytes);
    memset(Context, 0, sizeof(*Context));
    Context->AppIdStart = AppId + Folder;
    Context->AppIdEnd = AppId + Operation->AppIdBytes;
    Context->ProcessId = Operation->ProcessId;
    Context->Operation = Kind;
    Context->Protocol = Operation->Protocol;
    WriteAddress(Operation, Context);
    *Input = (EBPF_RUN_INPUT){
        .Context = Context,
        .ContextSizeBytes = sizeof(*Context),
        // Its type says that it is only read.
        .Packet = (VOID *)(UINT_PTR)Context->AppIdStart,
        .PacketSizeBytes = Operation->AppIdBytes - Folder,
        .Subject = (VOID *)(UINT_PTR)Operation,
    };
}

/** BIND_REDIRECT permits: Windows takes no other address here, and eBPF for Windows does the same. */
static SOCKET_VERDICT
VerdictOf(UINT32 Answer)
{
    static const UINT8 Verdicts[] = {SocketPermit, SocketBlock, SocketPermit, SocketPermitHard};
    return Answer < RTL_NUMBER_OF(Verdicts) ? Verdicts[Answer] : SocketBlock;
}

_Use_decl_annotations_
SOCKET_VERDICT
BindRun(const SOCKET_OPERATION *Operation, UINT32 Kind)
{
    BIND_CONTEXT Context;
    EBPF_RUN_INPUT Input;
    BindPrepare(Operation, Kind, &Context, &Input);
    return VerdictOf(HookInvoke(HookBind, 0, &Input));
}
