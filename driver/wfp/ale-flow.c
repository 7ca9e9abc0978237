// The hook "sockops": flows that are established, and their end, which Windows tells who has left a context with the flow. It
// tells that wherever it is, perhaps with locks of its own held: then nothing of WFP is called.
#include "hook.h"
#include "hooks/sock-ops.h"
#include "wfp/ale.h"
#include "wfp/system.h"

typedef struct _FLOW {
    struct _FLOW *Next;
    struct _FLOW **Place;
    SOCKET_OPERATION Operation;
    UINT64 Id;
    UINT16 LayerId;
    UINT32 CalloutId;
    /** AleStopFlows has asked for it. */
    BOOLEAN Asked;
} FLOW;

static EBPF_LOCK FlowsLock;
static FLOW *FlowsFirst;
/** Programs are not told of what ends because the driver does. */
static BOOLEAN Stopping;

static BOOLEAN
IsStopping(VOID)
{
    return __atomic_load_n(&Stopping, __ATOMIC_SEQ_CST);
}

static VOID
Link(FLOW *Flow)
{
    EBPF_IRQL Irql = LockAcquire(&FlowsLock);
    Flow->Next = FlowsFirst;
    Flow->Place = &FlowsFirst;
    if (FlowsFirst != NULL)
        FlowsFirst->Place = &Flow->Next;
    FlowsFirst = Flow;
    LockRelease(&FlowsLock, Irql);
}

static VOID
Unlink(FLOW *Flow)
{
    EBPF_IRQL Irql = LockAcquire(&FlowsLock);
    *Flow->Place = Flow->Next;
    if (Flow->Next != NULL)
        Flow->Next->Place = Flow->Place;
    LockRelease(&FlowsLock, Irql);
}

static VOID
End(FLOW *Flow)
{
    if (!IsStopping() && !WfpStackIsLow())
        SockOpsRun(&Flow->Operation, SOCK_OPS_CONNECTION_DELETED);
    // Last: once none is left the driver may go.
    Unlink(Flow);
    PlatformFree(Flow);
}

/** Programs see the begin of a flow before its end, which may come as soon as Windows knows the context. */
static VOID
Begin(const FWPS_INCOMING_VALUES0 *Values, const FWPS_FILTER2 *Filter, const ALE_FACTS *Facts)
{
    FLOW *Flow = PlatformAllocate(sizeof(FLOW));
    // Without memory for its end it is not told of at all, so that what is counted is even.
    if (Flow == NULL)
        return;
    Flow->Operation = Facts->Operation;
    // What these point to goes with the call.
    Flow->Operation.AppId = NULL;
    Flow->Operation.AppIdBytes = 0;
    UINT64 Id = Flow->Id = Facts->Operation.FlowId;
    UINT16 LayerId = Flow->LayerId = Values->layerId;
    UINT32 CalloutId = Flow->CalloutId = Filter->action.calloutId;
    SockOpsRun(
        &Facts->Operation,
        Facts->Direction == FWP_DIRECTION_OUTBOUND ? SOCK_OPS_ACTIVE_ESTABLISHED : SOCK_OPS_PASSIVE_ESTABLISHED);
    Link(Flow);
    NTSTATUS Status = FwpsFlowAssociateContext0(Id, LayerId, CalloutId, (UINT64)(UINT_PTR)Flow);
    if (Status != STATUS_SUCCESS)
        End(Flow);
    else if (IsStopping())
        // AleStopFlows may have asked for it when Windows did not know it yet. Flow may be gone by now.
        (VOID)FwpsFlowRemoveContext0(Id, LayerId, CalloutId);
}

_Use_decl_annotations_
VOID NTAPI
AleClassifyFlow(
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
    // This layer is no place for decisions.
    if ((Out->rights & FWPS_RIGHT_ACTION_WRITE) != 0)
        Out->actionType = FWP_ACTION_CONTINUE;
    if (IsStopping() || !AleDescribe(Values, Metadata, &Facts) ||
        (Metadata->currentMetadataValues & FWPS_METADATA_FIELD_FLOW_HANDLE) == 0)
        return;
    if (HookIsAttached(HookSockOps, Facts.Operation.CompartmentId) && !WfpStackIsLow())
        Begin(Values, Filter, &Facts);
}

_Use_decl_annotations_
VOID NTAPI
AleFlowDelete(UINT16 LayerId, UINT32 CalloutId, UINT64 FlowContext)
{
    (VOID)LayerId, (VOID)CalloutId;
    End((FLOW *)(UINT_PTR)FlowContext);
}

/** The first that was not asked for yet, as a copy: what is in the list may end at any time. FALSE if there is none. */
static BOOLEAN
TakeUnasked(FLOW *Copy)
{
    EBPF_IRQL Irql = LockAcquire(&FlowsLock);
    FLOW *Flow = FlowsFirst;
    while (Flow != NULL && Flow->Asked)
        Flow = Flow->Next;
    if (Flow != NULL) {
        Flow->Asked = TRUE;
        *Copy = *Flow;
    }
    LockRelease(&FlowsLock, Irql);
    return Flow != NULL;
}

static BOOLEAN
AnyLeft(VOID)
{
    EBPF_IRQL Irql = LockAcquire(&FlowsLock);
    BOOLEAN Any = FlowsFirst != NULL;
    LockRelease(&FlowsLock, Irql);
    return Any;
}

_Use_decl_annotations_
VOID
AleStopFlows(VOID)
{
    FLOW Copy;
    __atomic_store_n(&Stopping, TRUE, __ATOMIC_SEQ_CST);
    do {
        while (TakeUnasked(&Copy))
            (VOID)FwpsFlowRemoveContext0(Copy.Id, Copy.LayerId, Copy.CalloutId);
        if (AnyLeft())
            PlatformYield();
    } while (AnyLeft());
}

_Use_decl_annotations_
VOID
AleStartFlows(VOID)
{
    __atomic_store_n(&Stopping, FALSE, __ATOMIC_SEQ_CST);
}
