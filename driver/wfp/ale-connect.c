// The hooks connect4 and connect6. At CONNECT_REDIRECT the programs are asked, and the connection may be sent elsewhere; a refusal
// is kept until AUTH_CONNECT, where Windows lets it be refused. What the driver has sent elsewhere, and what a proxy sends on
// for such a connection, is not asked about again.
//
// An IPv6 socket that connects to an IPv4 address (RFC 4291, 2.5.5.2) comes by at CONNECT_REDIRECT_V6, then AUTH_CONNECT_V4: to
// programs it is an IPv4 connection all the way.
#include "hook.h"
#include "hooks/sock-addr.h"
#include "wfp/ale-verdict.h"
#include "wfp/ale.h"
#include "wfp/system.h"

/** Windows wants one with a redirect handle, also where nobody knows which process will answer. It is no process's. */
#define ANY_PROCESS 0xfffffffe

static HANDLE RedirectHandle;

/** Where a request has an IPv4 address that is written as an IPv6 one, the address begins. */
enum { MAPPED_AT = 12 };
static const UINT8 MappedPrefix[MAPPED_AT] = {[10] = 0xff, [11] = 0xff};

static VOID
Unmap(SOCKET_ENDPOINT *Endpoint)
{
    UINT8 Address[SOCKET_ADDRESS_BYTES] = {0};
    // A local address that is not chosen yet is 0 in both.
    if (memcmp(Endpoint->Address, MappedPrefix, sizeof(MappedPrefix)) == 0)
        memcpy(Address, Endpoint->Address + MAPPED_AT, 4);
    memcpy(Endpoint->Address, Address, sizeof(Address));
}

/** Makes an IPv4 operation of one that is written as IPv6; FALSE if it is none. */
static BOOLEAN
UnmapOperation(SOCKET_OPERATION *Operation)
{
    if (Operation->Family != SOCKET_IPV6 ||
        memcmp(Operation->Remote.Address, MappedPrefix, sizeof(MappedPrefix)) != 0)
        return FALSE;
    Operation->Family = SOCKET_IPV4;
    Unmap(&Operation->Local);
    Unmap(&Operation->Remote);
    return TRUE;
}

static BOOLEAN
IsOwn(const FWPS_INCOMING_METADATA_VALUES0 *Metadata)
{
    VOID *Context;
    if ((Metadata->currentMetadataValues & FWPS_METADATA_FIELD_REDIRECT_RECORD_HANDLE) == 0)
        return FALSE;
    FWPS_CONNECTION_REDIRECT_STATE State =
        FwpsQueryConnectionRedirectState0(Metadata->redirectRecords, RedirectHandle, &Context);
    return State == FWPS_CONNECTION_REDIRECTED_BY_SELF || State == FWPS_CONNECTION_PREVIOUSLY_REDIRECTED_BY_SELF;
}

static VOID
WriteAddress(WFP_SOCKADDR *Address, const SOCKET_ENDPOINT *To)
{
    Address->Port = To->Port;
    if (Address->Family == SOCKET_IPV4) {
        memcpy(Address->Rest + WFP_SOCKADDR_IPV4_AT, To->Address, 4);
    } else {
        memcpy(Address->Rest + WFP_SOCKADDR_IPV6_AT, To->Address, SOCKET_ADDRESS_BYTES);
    }
}

/** Where it goes, as the request has it. */
static SOCKET_ENDPOINT
MapEndpoint(const SOCKET_ENDPOINT *To)
{
    SOCKET_ENDPOINT Mapped = {.Port = To->Port};
    memcpy(Mapped.Address, MappedPrefix, sizeof(MappedPrefix));
    memcpy(Mapped.Address + MAPPED_AT, To->Address, 4);
    return Mapped;
}

/** Another driver has sent the connection to a process of this machine: whoever is there will connect anew. */
static BOOLEAN
IsTaken(const FWPS_CONNECT_REQUEST0 *Request, UINT64 FilterId)
{
    for (const FWPS_CONNECT_REQUEST0 *Each = Request->previousVersion; Each != NULL; Each = Each->previousVersion)
        if (Each->modifierFilterId != FilterId && Each->localRedirectHandle != NULL)
            return TRUE;
    return FALSE;
}

/** Hands over what a program has left, as memory that is Windows' to free. Without memory the peer finds none. */
static VOID
GiveContext(FWPS_CONNECT_REQUEST0 *Request, const SOCKET_OPERATION *Operation)
{
    if (Operation->RedirectContext == NULL)
        return;
    Request->localRedirectContext = WfpAllocateForSystem(Operation->RedirectContextBytes);
    if (Request->localRedirectContext == NULL)
        return;
    memcpy(Request->localRedirectContext, Operation->RedirectContext, Operation->RedirectContextBytes);
    Request->localRedirectContextSize = Operation->RedirectContextBytes;
}

static VOID
Change(FWPS_CONNECT_REQUEST0 *Request, const SOCKET_OPERATION *Operation, const SOCKET_ENDPOINT *To)
{
    WriteAddress(&Request->remoteAddressAndPort, To);
    Request->localRedirectTargetPID = ANY_PROCESS;
    Request->localRedirectHandle = RedirectHandle;
    GiveContext(Request, Operation);
}

/** Permits it, elsewhere; FALSE if Windows does not let it be changed: then *Out is what it was. */
static BOOLEAN
Redirect(
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    const SOCKET_OPERATION *Operation,
    const SOCKET_ENDPOINT *To,
    FWPS_CLASSIFY_OUT0 *Out)
{
    // While the request is being changed Windows has it that the connection is refused for good.
    FWPS_CLASSIFY_OUT0 Before = *Out;
    VOID *Data = NULL;
    UINT64 Handle;
    if (ClassifyContext == NULL ||
        !NT_SUCCESS(FwpsAcquireClassifyHandle0((VOID *)(UINT_PTR)ClassifyContext, 0, &Handle)))
        return FALSE;
    NTSTATUS Status = FwpsAcquireWritableLayerDataPointer0(Handle, Filter->filterId, 0, &Data, Out);
    if (NT_SUCCESS(Status)) {
        FWPS_CONNECT_REQUEST0 *Request = Data;
        if (!IsTaken(Request, Filter->filterId))
            Change(Request, Operation, To);
        FwpsApplyModifiedLayerData0(Handle, Request, 0);
    }
    FwpsReleaseClassifyHandle0(Handle);
    *Out = Before;
    if (NT_SUCCESS(Status))
        ClassifyPermit(Filter, Out);
    return NT_SUCCESS(Status);
}

/** Asks the programs, sends the connection elsewhere if they say so, and keeps the rest. FALSE: it is to be refused at once. */
static BOOLEAN
Decide(
    SOCKET_OPERATION *Operation,
    BOOLEAN Mapped,
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    FWPS_CLASSIFY_OUT0 *Out)
{
    SOCKET_ENDPOINT To = Operation->Remote;
    BOOLEAN Redirected = FALSE;
    SOCKET_VERDICT Verdict = WfpStackIsLow() ? SocketBlock : ConnectRun(Operation, &To, &Redirected);
    if (Redirected) {
        SOCKET_ENDPOINT Written = Mapped ? MapEndpoint(&To) : To;
        if (!Redirect(ClassifyContext, Filter, Operation, &Written, Out)) {
            // Where it was to go the program did not allow it to go.
            Verdict = SocketBlock;
            To = Operation->Remote;
        }
    }
    // A connection that was sent elsewhere is asked about for both ends.
    return VerdictKeep(Operation, &Operation->Remote, Verdict) &&
           (!Redirected || VerdictKeep(Operation, &To, Verdict));
}

_Use_decl_annotations_
VOID NTAPI
AleClassifyRedirect(
    const FWPS_INCOMING_VALUES0 *Values,
    const FWPS_INCOMING_METADATA_VALUES0 *Metadata,
    VOID *LayerData,
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    UINT64 FlowContext,
    FWPS_CLASSIFY_OUT0 *Out)
{
    ALE_FACTS Facts;
    (VOID)LayerData, (VOID)FlowContext;
    // Who was asked before has decided, and no change would come through.
    if ((Out->rights & FWPS_RIGHT_ACTION_WRITE) == 0)
        return;
    Out->actionType = FWP_ACTION_CONTINUE;
    if (!AleDescribe(Values, Metadata, &Facts) || (Facts.Flags & FWP_CONDITION_FLAG_IS_REAUTHORIZE) != 0 ||
        IsOwn(Metadata))
        return;
    SOCKET_OPERATION *Operation = &Facts.Operation;
    BOOLEAN Mapped = UnmapOperation(Operation);
    Operation->MayRedirect = TRUE;
    if (!Decide(Operation, Mapped, ClassifyContext, Filter, Out))
        AleAnswer(SocketBlock, Filter, Out);
    SocketOperationEnd(Operation);
}

_Use_decl_annotations_
VOID NTAPI
AleClassifyConnect(
    const FWPS_INCOMING_VALUES0 *Values,
    const FWPS_INCOMING_METADATA_VALUES0 *Metadata,
    VOID *LayerData,
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    UINT64 FlowContext,
    FWPS_CLASSIFY_OUT0 *Out)
{
    ALE_FACTS Facts;
    (VOID)LayerData, (VOID)ClassifyContext, (VOID)FlowContext;
    if (ClassifyIsDecided(Out))
        return;
    BOOLEAN Known = AleDescribe(Values, Metadata, &Facts);
    AleAnswer(Known ? VerdictFind(&Facts.Operation) : SocketBlock, Filter, Out);
}

_Use_decl_annotations_
NTSTATUS
AleInitiate(const GUID *Provider)
{
    VerdictInitiate();
    return FwpsRedirectHandleCreate0(Provider, 0, &RedirectHandle);
}

_Use_decl_annotations_
VOID
AleTerminate(VOID)
{
    VerdictForgetAll();
    FwpsRedirectHandleDestroy0(RedirectHandle);
    RedirectHandle = NULL;
}
