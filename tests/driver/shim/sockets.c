// Sockets: the layers that Windows asks at when one is bound, connects, accepts, and when connections begin and end; sending
// connections elsewhere; contexts of flows. The fields of layers are written down here once more, from Windows' documentation,
// and not taken from the driver.
#include "shim.h"

#include "wfp/wfp-ale.h"

#define FIELD_COUNT 40
#define CAPACITY 4096
#define NO_FIELD UINT32_MAX

#define STATUS_FWP_CALLOUT_GONE ((NTSTATUS)0xC0220001)
#define STATUS_FWP_NOT_FOUND_CONTEXT ((NTSTATUS)0xC0000001)
#if !defined(_WIN64)
#define STATUS_OBJECT_NAME_EXISTS ((NTSTATUS)0x40000000)
#endif

enum { IPV4 = 2, IPV6 = 23, TCP = 6 };

/** By number of FWPS_FIELD_ALE_..._V4: how many fields Windows 10 has, and where those are that are filled. */
typedef struct _LAYER {
    UINT16 Id;
    UINT32 Count;
    UINT32 LocalPort, Protocol, RemoteAddress, RemotePort, LocalInterface, Flags, Direction, Compartment;
    UINT32 InterfaceType, TunnelType, SubInterface, NextHop;
} LAYER;

static const LAYER LayersBind = {36, 17, 4, 5, NO_FIELD, NO_FIELD, 7, 8, NO_FIELD, 15, 9, 10, NO_FIELD, NO_FIELD};
static const LAYER LayersUnbind = {
    62, 12, 4, 5, NO_FIELD, NO_FIELD, 6, 7, NO_FIELD, 10, NO_FIELD, NO_FIELD, NO_FIELD, NO_FIELD};
static const LAYER LayersRedirect = {
    66, 15, 4, 5, 6, 8, NO_FIELD, 9, NO_FIELD, 13, NO_FIELD, NO_FIELD, NO_FIELD, NO_FIELD};
static const LAYER LayersConnect = {48, 38, 4, 5, 6, 7, 11, 12, NO_FIELD, 36, 13, 14, 16, 22};
static const LAYER LayersAccept = {44, 36, 4, 5, 6, 7, 10, 11, NO_FIELD, 34, 14, 15, 17, 23};
static const LAYER LayersFlow = {52, 21, 4, 5, 6, 7, 11, 15, 12, 19, 13, 14, NO_FIELD, NO_FIELD};

/** What the values of one thing point to. */
typedef struct _STORE {
    FWPS_INCOMING_VALUE0 Fields[FIELD_COUNT];
    FWP_BYTE_ARRAY16 Local, Remote;
    UINT64 Luid, NextHop;
    FWP_BYTE_BLOB AppId, Token;
    struct {
        const UINT8 *Sid;
        UINT32 Attributes;
    } Groups[2];
    struct {
        UINT32 Count;
        const VOID *Groups;
    } Sids;
    /** TOKEN_ACCESS_INFORMATION. */
    struct {
        const VOID *Sids, *Restricted, *Privileges;
        UINT64 LogonId;
        UINT8 More[48];
    } Information;
} STORE;

/** A connection while it may be sent elsewhere. */
typedef struct _REQUEST {
    const SHIM_SOCKET *Socket;
    FWPS_CONNECT_REQUEST0 Now;
    FWPS_CONNECT_REQUEST0 Others;
    FWPS_CONNECT_REQUEST0 Copy;
    UINT32 Handles, Acquired, Applied;
} REQUEST;

typedef struct _FLOW {
    UINT64 Flow;
    UINT64 Context;
    UINT32 CalloutId;
    UINT16 LayerId;
    /** Given up, but not gone. */
    BOOLEAN Pending;
} FLOW;

static EBPF_LOCK FlowsLock;
static FLOW Flows[CAPACITY];
static BOOLEAN FlowsHeld;
static UINT8 RedirectHandle;
static UINT32 RedirectHandles;

static VOID
PutNumber(STORE *Store, UINT32 Index, FWP_DATA_TYPE Type, UINT32 Value)
{
    if (Index == NO_FIELD)
        return;
    FWP_VALUE0 *Field = &Store->Fields[Index].value;
    Field->type = Type;
    if (Type == FWP_UINT8)
        Field->uint8 = (UINT8)Value;
    else if (Type == FWP_UINT16)
        Field->uint16 = (UINT16)Value;
    else
        Field->uint32 = Value;
}

static VOID
PutLong(STORE *Store, UINT32 Index, UINT64 *Kept, UINT64 Value)
{
    if (Index == NO_FIELD)
        return;
    *Kept = Value;
    Store->Fields[Index].value = (FWP_VALUE0){.type = FWP_UINT64, .uint64 = Kept};
}

static VOID
PutAddress(STORE *Store, UINT32 Index, UINT32 Family, const UINT8 *Address, FWP_BYTE_ARRAY16 *Kept)
{
    if (Index == NO_FIELD)
        return;
    if (Family == IPV4) {
        PutNumber(
            Store,
            Index,
            FWP_UINT32,
            (UINT32)Address[0] << 24 | (UINT32)Address[1] << 16 | (UINT32)Address[2] << 8 | Address[3]);
        return;
    }
    memcpy(Kept, Address, sizeof(*Kept));
    Store->Fields[Index].value = (FWP_VALUE0){.type = FWP_BYTE_ARRAY16_TYPE, .byteArray16 = Kept};
}

static VOID
PutToken(STORE *Store, const SHIM_SOCKET *Socket)
{
    static const UINT8 Everyone[] = {1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
    static const UINT8 Administrators[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    if (Socket->Token == SHIM_TOKEN_NONE)
        return;
    Store->Groups[0].Sid = Everyone;
    Store->Groups[0].Attributes = 7;
    Store->Groups[1].Sid = Administrators;
    Store->Groups[1].Attributes = Socket->Token == SHIM_TOKEN_ADMINISTRATOR ? 0xf : 0x10;
    Store->Sids.Count = Socket->Token == SHIM_TOKEN_USER ? 1 : 2;
    Store->Sids.Groups = Store->Groups;
    Store->Information.Sids = &Store->Sids;
    Store->Information.LogonId = Socket->LogonId;
    Store->Token = (FWP_BYTE_BLOB){.size = sizeof(Store->Information), .data = (UINT8 *)&Store->Information};
    Store->Fields[1].value = (FWP_VALUE0){.type = FWP_TOKEN_ACCESS_INFORMATION_TYPE, .byteBlob = &Store->Token};
}

static VOID
FillMetadata(const SHIM_SOCKET *Socket, FWPS_INCOMING_METADATA_VALUES0 *Metadata)
{
    Metadata->currentMetadataValues = FWPS_METADATA_FIELD_TRANSPORT_ENDPOINT_HANDLE;
    Metadata->transportEndpointHandle = Socket->EndpointHandle;
    if (!Socket->Sparse) {
        Metadata->currentMetadataValues |= FWPS_METADATA_FIELD_PROCESS_ID;
        Metadata->processId = Socket->ProcessId;
    }
    if (Socket->FlowHandle != 0) {
        Metadata->currentMetadataValues |= FWPS_METADATA_FIELD_FLOW_HANDLE;
        Metadata->flowHandle = Socket->FlowHandle;
    }
    if (Socket->RedirectState != 0) {
        Metadata->currentMetadataValues |= FWPS_METADATA_FIELD_REDIRECT_RECORD_HANDLE;
        Metadata->redirectRecords = (HANDLE)(UINT_PTR)Socket;
    }
}

/** The values of a layer; those of V6 have the number after the next, but for the later layers. */
static VOID
Fill(const LAYER *Layer, const SHIM_SOCKET *Socket, STORE *Store, SHIM_THING *Thing)
{
    memset(Store, 0, sizeof(*Store));
    memset(Thing, 0, sizeof(*Thing));
    UINT16 Step = Layer->Id >= 62 ? 1 : 2;
    Thing->Values.layerId = (UINT16)(Layer->Id + (Socket->Family == IPV6 ? Step : 0));
    Thing->Values.incomingValue = Store->Fields;
    // Older Windows has fewer fields.
    Thing->Values.valueCount = Socket->Sparse ? Layer->Compartment : Layer->Count;
    Thing->HardPermit = Socket->HardPermit != 0;
    FillMetadata(Socket, &Thing->Metadata);
    PutNumber(Store, Layer->Protocol, FWP_UINT8, Socket->Protocol);
    PutNumber(Store, Layer->Flags, FWP_UINT32, Socket->Flags);
    PutNumber(Store, Layer->Direction, FWP_UINT32, Socket->Direction);
    PutNumber(Store, Layer->RemotePort, FWP_UINT16, Socket->RemotePort);
    PutAddress(Store, Layer->RemoteAddress, Socket->Family, Socket->RemoteAddress, &Store->Remote);
    if (Socket->Sparse)
        return;
    PutNumber(Store, Layer->Compartment, FWP_UINT32, Socket->CompartmentId);
    PutNumber(Store, Layer->LocalPort, FWP_UINT16, Socket->LocalPort);
    PutAddress(Store, 2, Socket->Family, Socket->LocalAddress, &Store->Local);
    PutLong(Store, Layer->LocalInterface, &Store->Luid, Socket->InterfaceLuid);
    PutNumber(Store, Layer->InterfaceType, FWP_UINT32, 6);
    PutNumber(Store, Layer->TunnelType, FWP_UINT32, 1);
    PutNumber(Store, Layer->SubInterface, FWP_UINT32, 9);
    PutLong(Store, Layer->NextHop, &Store->NextHop, 77);
    PutToken(Store, Socket);
    Store->AppId = (FWP_BYTE_BLOB){.size = Socket->AppIdBytes, .data = (UINT8 *)(UINT_PTR)Socket->AppId};
    Store->Fields[0].value = (FWP_VALUE0){.type = FWP_BYTE_BLOB_TYPE, .byteBlob = &Store->AppId};
}

static VOID
AskAt(const LAYER *Layer, const SHIM_SOCKET *Socket, SHIM_VERDICT *Verdict)
{
    STORE Store;
    SHIM_THING Thing;
    Fill(Layer, Socket, &Store, &Thing);
    (VOID)ShimClassify(&Thing, 1, Verdict);
}

static VOID
WriteEnd(WFP_SOCKADDR *End, UINT32 Family, const UINT8 *Address, UINT32 Port)
{
    End->Family = (UINT16)Family;
    End->Port = __builtin_bswap16((UINT16)Port);
    memcpy(End->Rest + (Family == IPV4 ? 0 : 4), Address, Family == IPV4 ? 4 : 16);
}

static BOOLEAN
IsMapped(const UINT8 *Address)
{
    static const UINT8 Prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(Address, Prefix, sizeof(Prefix)) == 0;
}

/** An IPv6 socket that connects to an IPv4 address is one of IPv4 from then on. */
static SHIM_SOCKET
AsConnected(const SHIM_SOCKET *Socket, const WFP_SOCKADDR *End)
{
    SHIM_SOCKET Now = *Socket;
    memset(Now.RemoteAddress, 0, sizeof(Now.RemoteAddress));
    memcpy(Now.RemoteAddress, End->Rest + (Now.Family == IPV4 ? 0 : 4), Now.Family == IPV4 ? 4 : 16);
    Now.RemotePort = __builtin_bswap16(End->Port);
    if (Now.Family != IPV6 || !IsMapped(Now.RemoteAddress))
        return Now;
    Now.Family = IPV4;
    memmove(Now.RemoteAddress, Now.RemoteAddress + 12, 4);
    memset(Now.RemoteAddress + 4, 0, 12);
    memmove(Now.LocalAddress, Now.LocalAddress + 12, 4);
    memset(Now.LocalAddress + 4, 0, 12);
    return Now;
}

static VOID
Worse(SHIM_VERDICT *Verdict, const SHIM_VERDICT *Other)
{
    Verdict->Called += Other->Called;
    // All of a connection's classifications must be final for it to be so.
    Verdict->Rights |= Other->Rights;
    Verdict->Flags |= Other->Flags;
    if (Other->Action == FWP_ACTION_BLOCK)
        Verdict->Action = FWP_ACTION_BLOCK;
}

static VOID
TellEnd(const SHIM_SOCKET *Now, const FWPS_CONNECT_REQUEST0 *Request, SHIM_SOCKET_RESULT *Result)
{
    Result->Family = Now->Family;
    memcpy(Result->RemoteAddress, Now->RemoteAddress, sizeof(Result->RemoteAddress));
    Result->RemotePort = Now->RemotePort;
    Result->Redirected = Request->localRedirectHandle != NULL;
    if (Request->localRedirectContext == NULL)
        return;
    Result->ContextBytes = (UINT32)Request->localRedirectContextSize;
    memcpy(
        Result->Context,
        Request->localRedirectContext,
        Result->ContextBytes < SHIM_MAXIMUM_CONTEXT_BYTES ? Result->ContextBytes : SHIM_MAXIMUM_CONTEXT_BYTES);
    ShimFreeGiven(Request->localRedirectContext);
}

static VOID
Connect(const SHIM_SOCKET *Socket, SHIM_SOCKET_RESULT *Result)
{
    STORE Store;
    SHIM_THING Thing;
    REQUEST Request = {.Socket = Socket};
    WriteEnd(&Request.Now.localAddressAndPort, Socket->Family, Socket->LocalAddress, Socket->LocalPort);
    WriteEnd(&Request.Now.remoteAddressAndPort, Socket->Family, Socket->RemoteAddress, Socket->RemotePort);
    if (Socket->TakenByOther) {
        Request.Others = Request.Now;
        Request.Others.localRedirectHandle = &Request;
        Request.Others.modifierFilterId = UINT64_MAX;
        Request.Now.previousVersion = &Request.Others;
    }
    SHIM_SOCKET Before = AsConnected(Socket, &Request.Now.remoteAddressAndPort);
    Fill(&LayersRedirect, Socket, &Store, &Thing);
    Thing.LayerData = &Request.Now;
    Thing.ClassifyContext = &Request;
    (VOID)ShimClassify(&Thing, 1, &Result->Verdict);
    if (Request.Handles != 0 || Request.Acquired != Request.Applied)
        ShimViolate("a request is not given back");
    SHIM_SOCKET Now = AsConnected(Socket, &Request.Now.remoteAddressAndPort);
    TellEnd(&Now, &Request.Now, Result);
    SHIM_VERDICT Verdict;
    BOOLEAN Elsewhere = memcmp(&Now, &Before, sizeof(Now)) != 0;
    // At this layer being permitted is no answer.
    BOOLEAN Blocked = Result->Verdict.Action == FWP_ACTION_BLOCK;
    Result->Verdict.Rights = 0;
    if (Elsewhere && Socket->Protocol == TCP && Now.RemoteAddress[0] != 127) {
        AskAt(&LayersConnect, &Before, &Verdict);
        Worse(&Result->Verdict, &Verdict);
    }
    if (Blocked)
        return;
    AskAt(&LayersConnect, &Now, &Verdict);
    Worse(&Result->Verdict, &Verdict);
}

static VOID
EndFlow(UINT64 Flow, BOOLEAN OnlyPending)
{
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        EBPF_IRQL Irql = LockAcquire(&FlowsLock);
        FLOW Found = Flows[Index];
        BOOLEAN Ends = Found.Context != 0 && (OnlyPending ? Found.Pending : Found.Flow == Flow);
        if (Ends)
            Flows[Index] = (FLOW){0};
        LockRelease(&FlowsLock, Irql);
        FWPS_CALLOUT_FLOW_DELETE_FN *Delete = Ends ? ShimFlowDelete(Found.CalloutId) : NULL;
        if (Ends && Delete == NULL) {
            ShimViolate("a flow ends whose callout is gone");
        } else if (Ends) {
            ShimRaise();
            Delete(Found.LayerId, Found.CalloutId, Found.Context);
            ShimLower();
        }
    }
}

VOID
ShimHoldFlows(BOOLEAN Hold)
{
    __atomic_store_n(&FlowsHeld, Hold, __ATOMIC_SEQ_CST);
    if (!Hold)
        EndFlow(0, TRUE);
}

BOOLEAN
ShimHasFlows(UINT32 CalloutId)
{
    BOOLEAN Has = FALSE;
    EBPF_IRQL Irql = LockAcquire(&FlowsLock);
    for (UINT32 Index = 0; Index < CAPACITY; Index++)
        Has |= Flows[Index].Context != 0 && Flows[Index].CalloutId == CalloutId;
    LockRelease(&FlowsLock, Irql);
    return Has;
}

VOID
ShimCountSockets(SHIM_COUNTS *Counts)
{
    EBPF_IRQL Irql = LockAcquire(&FlowsLock);
    for (UINT32 Index = 0; Index < CAPACITY; Index++)
        Counts->Flows += Flows[Index].Context != 0;
    LockRelease(&FlowsLock, Irql);
    Counts->Handles += __atomic_load_n(&RedirectHandles, __ATOMIC_SEQ_CST);
}

VOID
ShimPlaySocket(const SHIM_SOCKET *Socket, SHIM_SOCKET_RESULT *Result)
{
    memset(Result, 0, sizeof(*Result));
    switch (Socket->What) {
    case SHIM_SOCKET_BIND:
        AskAt(&LayersBind, Socket, &Result->Verdict);
        break;
    case SHIM_SOCKET_UNBIND:
        AskAt(&LayersUnbind, Socket, &Result->Verdict);
        break;
    case SHIM_SOCKET_CONNECT:
        Connect(Socket, Result);
        break;
    case SHIM_SOCKET_ACCEPT:
        AskAt(&LayersAccept, Socket, &Result->Verdict);
        break;
    case SHIM_SOCKET_ESTABLISH:
        AskAt(&LayersFlow, Socket, &Result->Verdict);
        break;
    default:
        EndFlow(Socket->FlowHandle, FALSE);
    }
}

NTSTATUS NTAPI
FwpsFlowAssociateContext0(UINT64 Flow, UINT16 LayerId, UINT32 CalloutId, UINT64 Context)
{
    if (Context == 0)
        ShimViolate("a context of a flow that is none");
    // One that is being unregistered.
    if (ShimFlowDelete(CalloutId) == NULL)
        return STATUS_FWP_CALLOUT_GONE;
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    NTSTATUS Status = STATUS_SUCCESS;
    FLOW *Free = NULL;
    EBPF_IRQL Irql = LockAcquire(&FlowsLock);
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        if (Flows[Index].Context == 0)
            Free = &Flows[Index];
        else if (Flows[Index].Flow == Flow && Flows[Index].CalloutId == CalloutId)
            Status = STATUS_OBJECT_NAME_EXISTS;
    }
    if (Status == STATUS_SUCCESS && Free == NULL)
        Status = STATUS_NO_MEMORY;
    if (Status == STATUS_SUCCESS)
        *Free = (FLOW){.Flow = Flow, .Context = Context, .CalloutId = CalloutId, .LayerId = LayerId};
    LockRelease(&FlowsLock, Irql);
    return Status;
}

NTSTATUS NTAPI
FwpsFlowRemoveContext0(UINT64 Flow, UINT16 LayerId, UINT32 CalloutId)
{
    BOOLEAN Found = FALSE;
    EBPF_IRQL Irql = LockAcquire(&FlowsLock);
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        FLOW *Each = &Flows[Index];
        if (Each->Context == 0 || Each->Flow != Flow || Each->LayerId != LayerId || Each->CalloutId != CalloutId)
            continue;
        Each->Pending = TRUE;
        Found = TRUE;
    }
    LockRelease(&FlowsLock, Irql);
    if (!Found)
        return STATUS_FWP_NOT_FOUND_CONTEXT;
    if (__atomic_load_n(&FlowsHeld, __ATOMIC_SEQ_CST))
        return (NTSTATUS)0x103;
    EndFlow(0, TRUE);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI
FwpsRedirectHandleCreate0(const GUID *Provider, UINT32 Flags, HANDLE *Handle)
{
    (VOID)Provider, (VOID)Flags;
    ShimRequirePassive("FwpsRedirectHandleCreate0");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    __atomic_add_fetch(&RedirectHandles, 1, __ATOMIC_SEQ_CST);
    *Handle = &RedirectHandle;
    return STATUS_SUCCESS;
}

VOID NTAPI
FwpsRedirectHandleDestroy0(HANDLE Handle)
{
    ShimRequirePassive("FwpsRedirectHandleDestroy0");
    if (Handle != &RedirectHandle)
        ShimViolate("a redirect handle is destroyed that is none");
    __atomic_sub_fetch(&RedirectHandles, 1, __ATOMIC_SEQ_CST);
}

FWPS_CONNECTION_REDIRECT_STATE NTAPI
FwpsQueryConnectionRedirectState0(HANDLE Records, HANDLE Handle, VOID **Context)
{
    (VOID)Context;
    if (Handle != &RedirectHandle || Records == NULL)
        ShimViolate("redirect records are asked about without them, or without a handle");
    return Records == NULL ? 0 : ((const SHIM_SOCKET *)Records)->RedirectState;
}

NTSTATUS NTAPI
FwpsAcquireClassifyHandle0(VOID *ClassifyContext, UINT32 Flags, UINT64 *Handle)
{
    REQUEST *Request = ClassifyContext;
    (VOID)Flags;
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    Request->Handles++;
    *Handle = (UINT64)(UINT_PTR)Request;
    return STATUS_SUCCESS;
}

VOID NTAPI
FwpsReleaseClassifyHandle0(UINT64 Handle)
{
    REQUEST *Request = (REQUEST *)(UINT_PTR)Handle;
    if (Request->Handles != 1 || Request->Acquired != Request->Applied)
        ShimViolate("a classify handle is released that is in use, or none");
    Request->Handles--;
}

/** As documented: until it is given back, the connection is refused, and nobody may say anything else. */
NTSTATUS NTAPI
FwpsAcquireWritableLayerDataPointer0(
    UINT64 Handle, UINT64 FilterId, UINT32 Flags, VOID **Data, FWPS_CLASSIFY_OUT0 *Out)
{
    REQUEST *Request = (REQUEST *)(UINT_PTR)Handle;
    (VOID)Flags;
    if (FilterId == 0 || Request->Handles != 1 || Request->Acquired != Request->Applied)
        ShimViolate("a request is to be written twice, or for no filter");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    Request->Copy = Request->Now;
    if (Request->Others.modifierFilterId != 0)
        Request->Copy.previousVersion = &Request->Others;
    Request->Copy.modifierFilterId = FilterId;
    Request->Acquired++;
    Out->actionType = FWP_ACTION_BLOCK;
    Out->rights &= ~(UINT32)FWPS_RIGHT_ACTION_WRITE;
    *Data = &Request->Copy;
    return STATUS_SUCCESS;
}

VOID NTAPI
FwpsApplyModifiedLayerData0(UINT64 Handle, VOID *Data, UINT32 Flags)
{
    REQUEST *Request = (REQUEST *)(UINT_PTR)Handle;
    (VOID)Flags;
    if (Data != &Request->Copy || Request->Acquired != Request->Applied + 1)
        ShimViolate("a request is given back twice, or never taken");
    if ((Request->Copy.localRedirectHandle == NULL) != (Request->Copy.localRedirectTargetPID == 0))
        ShimViolate("a redirect handle goes with a process, and a process with a handle");
    if (Request->Copy.localRedirectHandle != NULL && Request->Copy.localRedirectHandle != &RedirectHandle)
        ShimViolate("a redirect handle of another");
    Request->Applied++;
    Request->Now = Request->Copy;
}
