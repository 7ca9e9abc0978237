// The filter engine: what is added to it, transactions, its session, and whether it runs.
#include "shim.h"

#define STATUS_FWP_FILTER_NOT_FOUND ((NTSTATUS)0xC0220003)
#define STATUS_FWP_LAYER_NOT_FOUND ((NTSTATUS)0xC0220004)
#define STATUS_FWP_PROVIDER_NOT_FOUND ((NTSTATUS)0xC0220005)
#define STATUS_FWP_SUBLAYER_NOT_FOUND ((NTSTATUS)0xC0220007)
#define STATUS_FWP_NO_TXN_IN_PROGRESS ((NTSTATUS)0xC022000D)
#define STATUS_FWP_TXN_IN_PROGRESS ((NTSTATUS)0xC022000E)
#define STATUS_FWP_SESSION_ABORTED ((NTSTATUS)0xC0220010)
#define STATUS_FWP_INCOMPATIBLE_LAYER ((NTSTATUS)0xC0220014)
#define STATUS_FWP_NULL_DISPLAY_NAME ((NTSTATUS)0xC0220023)

/** Of what a transaction has not committed yet. */
typedef enum _PENDING { PendingNone, PendingAdd, PendingDelete } PENDING;

typedef enum _KIND { KindFree, KindProvider, KindSubLayer, KindCallout, KindFilter } KIND;

/** Anything that is added to the engine. */
typedef struct _OBJECT {
    KIND Kind;
    PENDING Pending;
    GUID Key;
    GUID Layer;
    GUID SubLayer;
    UINT64 Id;
    UINT32 Weight;
    UINT32 Action;
    UINT32 Flags;
} OBJECT;

static EBPF_LOCK ShimLock;
static OBJECT Objects[SHIM_CAPACITY];
static UINT32 LastId;
static FWPM_SERVICE_STATE State = FWPM_SERVICE_RUNNING;
static FWPM_SERVICE_STATE_CHANGE_CALLBACK0 *Subscriber;
static VOID *SubscriberContext;
/** One session: the driver has no more. Its number changes with each. */
static UINT_PTR Session;
static UINT_PTR LastSession;
static BOOLEAN InTransaction;
static UINT32 FailAt;
static UINT32 RefuseCount;
static UINT32 Violations;
static const char *FirstViolation = "";

static const struct {
    GUID Key;
    UINT16 Id;
} Layers[] = {
    {FWPM_LAYER_INBOUND_MAC_FRAME_NATIVE, FWPS_LAYER_INBOUND_MAC_FRAME_NATIVE},
    {FWPM_LAYER_OUTBOUND_MAC_FRAME_NATIVE, FWPS_LAYER_OUTBOUND_MAC_FRAME_NATIVE},
    {FWPM_LAYER_ALE_RESOURCE_ASSIGNMENT_V4, FWPS_LAYER_ALE_RESOURCE_ASSIGNMENT_V4},
    {FWPM_LAYER_ALE_RESOURCE_ASSIGNMENT_V6, FWPS_LAYER_ALE_RESOURCE_ASSIGNMENT_V6},
    {FWPM_LAYER_ALE_RESOURCE_RELEASE_V4, FWPS_LAYER_ALE_RESOURCE_RELEASE_V4},
    {FWPM_LAYER_ALE_RESOURCE_RELEASE_V6, FWPS_LAYER_ALE_RESOURCE_RELEASE_V6},
    {FWPM_LAYER_ALE_AUTH_CONNECT_V4, FWPS_LAYER_ALE_AUTH_CONNECT_V4},
    {FWPM_LAYER_ALE_AUTH_CONNECT_V6, FWPS_LAYER_ALE_AUTH_CONNECT_V6},
    {FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4, FWPS_LAYER_ALE_AUTH_RECV_ACCEPT_V4},
    {FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6, FWPS_LAYER_ALE_AUTH_RECV_ACCEPT_V6},
    {FWPM_LAYER_ALE_CONNECT_REDIRECT_V4, FWPS_LAYER_ALE_CONNECT_REDIRECT_V4},
    {FWPM_LAYER_ALE_CONNECT_REDIRECT_V6, FWPS_LAYER_ALE_CONNECT_REDIRECT_V6},
    {FWPM_LAYER_ALE_FLOW_ESTABLISHED_V4, FWPS_LAYER_ALE_FLOW_ESTABLISHED_V4},
    {FWPM_LAYER_ALE_FLOW_ESTABLISHED_V6, FWPS_LAYER_ALE_FLOW_ESTABLISHED_V6},
};

VOID
ShimViolate(const char *Rule)
{
    if (__atomic_fetch_add(&Violations, 1, __ATOMIC_SEQ_CST) == 0)
        __atomic_store_n(&FirstViolation, Rule, __ATOMIC_SEQ_CST);
}

const char *
ShimTakeViolation(VOID)
{
    const char *First = __atomic_exchange_n(&FirstViolation, "", __ATOMIC_SEQ_CST);
    __atomic_store_n(&Violations, 0, __ATOMIC_SEQ_CST);
    return First;
}

VOID
ShimFail(UINT32 Number)
{
    __atomic_store_n(&FailAt, Number, __ATOMIC_SEQ_CST);
}

VOID
ShimRefuse(UINT32 Count)
{
    __atomic_store_n(&RefuseCount, Count, __ATOMIC_SEQ_CST);
}

BOOLEAN
ShimShouldFail(VOID)
{
    UINT32 Refused = __atomic_load_n(&RefuseCount, __ATOMIC_SEQ_CST);
    while (Refused != 0)
        if (__atomic_compare_exchange_n(&RefuseCount, &Refused, Refused - 1, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return TRUE;
    UINT32 Number = __atomic_load_n(&FailAt, __ATOMIC_SEQ_CST);
    while (Number != 0)
        if (__atomic_compare_exchange_n(&FailAt, &Number, Number - 1, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return Number == 1;
    return FALSE;
}

static UINT16
LayerOf(const GUID *Key)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Layers); Index++)
        if (ShimSameKey(&Layers[Index].Key, Key))
            return Layers[Index].Id;
    return 0;
}

static OBJECT *
Find(KIND Kind, const GUID *Key)
{
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++)
        if (Objects[Index].Kind == Kind && Objects[Index].Pending != PendingDelete && ShimSameKey(&Objects[Index].Key, Key))
            return &Objects[Index];
    return NULL;
}

/** Under the lock. */
static NTSTATUS
CheckAdd(HANDLE Engine, KIND Kind, const GUID *Key, const FWPM_DISPLAY_DATA0 *Data, const GUID *Provider)
{
    if ((UINT_PTR)Engine != Session || State != FWPM_SERVICE_RUNNING)
        return STATUS_FWP_SESSION_ABORTED;
    if (!InTransaction)
        ShimViolate("an object is added outside of a transaction");
    if (Data->name == NULL)
        return STATUS_FWP_NULL_DISPLAY_NAME;
    if (Find(Kind, Key) != NULL)
        return STATUS_FWP_ALREADY_EXISTS;
    if (Provider != NULL && Find(KindProvider, Provider) == NULL)
        return STATUS_FWP_PROVIDER_NOT_FOUND;
    return STATUS_SUCCESS;
}

static OBJECT *
New(KIND Kind, const GUID *Key)
{
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++) {
        OBJECT *Object = &Objects[Index];
        if (Object->Kind != KindFree)
            continue;
        *Object = (OBJECT){.Kind = Kind, .Pending = PendingAdd, .Key = *Key, .Id = ++LastId};
        return Object;
    }
    ShimViolate("too many objects for the shim");
    return &Objects[SHIM_CAPACITY - 1];
}

NTSTATUS NTAPI
FwpmProviderAdd0(HANDLE Engine, const FWPM_PROVIDER0 *Provider, VOID *Security)
{
    (VOID)Security;
    ShimRequirePassive("FwpmProviderAdd0");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    NTSTATUS Status = CheckAdd(Engine, KindProvider, &Provider->providerKey, &Provider->displayData, NULL);
    if (NT_SUCCESS(Status))
        New(KindProvider, &Provider->providerKey);
    LockRelease(&ShimLock, Irql);
    return Status;
}

NTSTATUS NTAPI
FwpmSubLayerAdd0(HANDLE Engine, const FWPM_SUBLAYER0 *SubLayer, VOID *Security)
{
    (VOID)Security;
    ShimRequirePassive("FwpmSubLayerAdd0");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    NTSTATUS Status =
        CheckAdd(Engine, KindSubLayer, &SubLayer->subLayerKey, &SubLayer->displayData, SubLayer->providerKey);
    if (NT_SUCCESS(Status))
        New(KindSubLayer, &SubLayer->subLayerKey)->Weight = SubLayer->weight;
    LockRelease(&ShimLock, Irql);
    return Status;
}

NTSTATUS NTAPI
FwpmCalloutAdd0(HANDLE Engine, const FWPM_CALLOUT0 *Callout, VOID *Security, UINT32 *Id)
{
    (VOID)Security;
    ShimRequirePassive("FwpmCalloutAdd0");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    NTSTATUS Status =
        CheckAdd(Engine, KindCallout, &Callout->calloutKey, &Callout->displayData, Callout->providerKey);
    if (NT_SUCCESS(Status) && LayerOf(&Callout->applicableLayer) == 0)
        Status = STATUS_FWP_LAYER_NOT_FOUND;
    if (NT_SUCCESS(Status)) {
        OBJECT *Object = New(KindCallout, &Callout->calloutKey);
        Object->Layer = Callout->applicableLayer;
        *Id = (UINT32)Object->Id;
    }
    LockRelease(&ShimLock, Irql);
    return Status;
}

static NTSTATUS
CheckFilter(const FWPM_FILTER0 *Filter)
{
    const OBJECT *Callout = Find(KindCallout, &Filter->action.calloutKey);
    if (LayerOf(&Filter->layerKey) == 0)
        return STATUS_FWP_LAYER_NOT_FOUND;
    if (Find(KindSubLayer, &Filter->subLayerKey) == NULL)
        return STATUS_FWP_SUBLAYER_NOT_FOUND;
    if (Callout == NULL)
        return STATUS_FWP_CALLOUT_NOT_FOUND;
    if (!ShimSameKey(&Callout->Layer, &Filter->layerKey))
        return STATUS_FWP_INCOMPATIBLE_LAYER;
    if (Filter->action.type == FWP_ACTION_CALLOUT_INSPECTION &&
        (Filter->flags & FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED) != 0)
        ShimViolate("a filter that inspects permits if its callout is not registered");
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI
FwpmFilterAdd0(HANDLE Engine, const FWPM_FILTER0 *Filter, VOID *Security, UINT64 *Id)
{
    (VOID)Security;
    ShimRequirePassive("FwpmFilterAdd0");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    GUID Key = Filter->filterKey;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    static const GUID None;
    if (ShimSameKey(&Key, &None))
        Key.Data1 = LastId + 1;
    NTSTATUS Status = CheckAdd(Engine, KindFilter, &Key, &Filter->displayData, Filter->providerKey);
    if (NT_SUCCESS(Status))
        Status = CheckFilter(Filter);
    if (NT_SUCCESS(Status)) {
        OBJECT *Object = New(KindFilter, &Filter->action.calloutKey);
        Object->Layer = Filter->layerKey;
        Object->SubLayer = Filter->subLayerKey;
        Object->Action = Filter->action.type;
        Object->Flags = Filter->flags;
        *Id = Object->Id;
    }
    LockRelease(&ShimLock, Irql);
    return Status;
}

NTSTATUS NTAPI
FwpmFilterDeleteById0(HANDLE Engine, UINT64 Id)
{
    ShimRequirePassive("FwpmFilterDeleteById0");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    NTSTATUS Status = STATUS_FWP_FILTER_NOT_FOUND;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    if ((UINT_PTR)Engine != Session || State != FWPM_SERVICE_RUNNING)
        Status = STATUS_FWP_SESSION_ABORTED;
    for (UINT32 Index = 0; Index < SHIM_CAPACITY && Status == STATUS_FWP_FILTER_NOT_FOUND; Index++)
        if (Objects[Index].Kind == KindFilter && Objects[Index].Id == Id) {
            Objects[Index].Pending = PendingDelete;
            Status = STATUS_SUCCESS;
        }
    LockRelease(&ShimLock, Irql);
    return Status;
}

/** What is added stays, and what is deleted goes; or the other way round. Under the lock. */
static VOID
EndTransaction(BOOLEAN Commit)
{
    PENDING Gone = Commit ? PendingDelete : PendingAdd;
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++) {
        if (Objects[Index].Pending == Gone)
            Objects[Index].Kind = KindFree;
        Objects[Index].Pending = PendingNone;
    }
    InTransaction = FALSE;
}

NTSTATUS NTAPI
FwpmTransactionBegin0(HANDLE Engine, UINT32 Flags)
{
    (VOID)Flags;
    ShimRequirePassive("FwpmTransactionBegin0");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    NTSTATUS Status = InTransaction ? STATUS_FWP_TXN_IN_PROGRESS : STATUS_SUCCESS;
    if ((UINT_PTR)Engine != Session || State != FWPM_SERVICE_RUNNING)
        Status = STATUS_FWP_SESSION_ABORTED;
    if (NT_SUCCESS(Status))
        InTransaction = TRUE;
    else if (Status == STATUS_FWP_TXN_IN_PROGRESS)
        ShimViolate("a transaction begins in another");
    LockRelease(&ShimLock, Irql);
    return Status;
}

static NTSTATUS
Finish(HANDLE Engine, BOOLEAN Commit)
{
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    NTSTATUS Status = InTransaction ? STATUS_SUCCESS : STATUS_FWP_NO_TXN_IN_PROGRESS;
    if ((UINT_PTR)Engine != Session || State != FWPM_SERVICE_RUNNING)
        Status = STATUS_FWP_SESSION_ABORTED;
    else if (NT_SUCCESS(Status))
        EndTransaction(Commit);
    else
        ShimViolate("a transaction ends that has not begun");
    LockRelease(&ShimLock, Irql);
    return Status;
}

NTSTATUS NTAPI
FwpmTransactionCommit0(HANDLE Engine)
{
    ShimRequirePassive("FwpmTransactionCommit0");
    if (!ShimShouldFail())
        return Finish(Engine, TRUE);
    // As documented: a commit that fails aborts.
    (VOID)Finish(Engine, FALSE);
    return STATUS_NO_MEMORY;
}

NTSTATUS NTAPI
FwpmTransactionAbort0(HANDLE Engine)
{
    ShimRequirePassive("FwpmTransactionAbort0");
    return Finish(Engine, FALSE);
}

/** Under the lock: all that is there is of a dynamic session. */
static VOID
DropObjects(VOID)
{
    InTransaction = FALSE;
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++)
        Objects[Index].Kind = KindFree;
}

NTSTATUS NTAPI
FwpmEngineOpen0(
    const WCHAR *Server, UINT32 Authentication, VOID *Identity, const FWPM_SESSION0 *Given, HANDLE *Engine)
{
    (VOID)Server, (VOID)Authentication, (VOID)Identity;
    ShimRequirePassive("FwpmEngineOpen0");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    BOOLEAN Running = State == FWPM_SERVICE_RUNNING;
    if (Session != 0)
        ShimViolate("a second session is opened");
    if (Given == NULL || (Given->flags & FWPM_SESSION_FLAG_DYNAMIC) == 0)
        ShimViolate("a session is not dynamic");
    if (Running) {
        Session = ++LastSession;
        *Engine = (HANDLE)Session;
    }
    LockRelease(&ShimLock, Irql);
    return Running ? STATUS_SUCCESS : STATUS_FWP_SESSION_ABORTED;
}

NTSTATUS NTAPI
FwpmEngineClose0(HANDLE Engine)
{
    ShimRequirePassive("FwpmEngineClose0");
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    if ((UINT_PTR)Engine != Session || Session == 0)
        ShimViolate("a session is closed that is none");
    Session = 0;
    DropObjects();
    LockRelease(&ShimLock, Irql);
    return STATUS_SUCCESS;
}

FWPM_SERVICE_STATE NTAPI
FwpmBfeStateGet0(VOID)
{
    return __atomic_load_n(&State, __ATOMIC_SEQ_CST);
}

NTSTATUS NTAPI
FwpmBfeStateSubscribeChanges0(
    VOID *Device, FWPM_SERVICE_STATE_CHANGE_CALLBACK0 *Callback, VOID *Context, HANDLE *Handle)
{
    ShimRequirePassive("FwpmBfeStateSubscribeChanges0");
    if (Device == NULL)
        ShimViolate("no device is given");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    SubscriberContext = Context;
    __atomic_store_n(&Subscriber, Callback, __ATOMIC_SEQ_CST);
    *Handle = (HANDLE)&Subscriber;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI
FwpmBfeStateUnsubscribeChanges0(HANDLE Handle)
{
    ShimRequirePassive("FwpmBfeStateUnsubscribeChanges0");
    if (Handle != (HANDLE)&Subscriber)
        ShimViolate("a subscription ends that is none");
    __atomic_store_n(&Subscriber, NULL, __ATOMIC_SEQ_CST);
    return STATUS_SUCCESS;
}

static VOID
SetState(FWPM_SERVICE_STATE Now)
{
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    __atomic_store_n(&State, Now, __ATOMIC_SEQ_CST);
    // With the engine goes all that was in it.
    if (Now == FWPM_SERVICE_STOPPED)
        DropObjects();
    FWPM_SERVICE_STATE_CHANGE_CALLBACK0 *Callback = Subscriber;
    LockRelease(&ShimLock, Irql);
    if (Callback == NULL)
        return;
    ShimRaise();
    Callback(SubscriberContext, Now);
    ShimLower();
}

VOID
ShimSetRunning(BOOLEAN Running)
{
    SetState(Running ? FWPM_SERVICE_START_PENDING : FWPM_SERVICE_STOP_PENDING);
    SetState(Running ? FWPM_SERVICE_RUNNING : FWPM_SERVICE_STOPPED);
}

UINT32
ShimCollect(UINT16 LayerId, SHIM_STEP *Steps)
{
    UINT32 Count = 0;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++) {
        OBJECT *Object = &Objects[Index];
        if (Object->Kind != KindFilter || Object->Pending == PendingAdd || LayerOf(&Object->Layer) != LayerId)
            continue;
        const OBJECT *SubLayer = Find(KindSubLayer, &Object->SubLayer);
        SHIM_STEP Step = {
            .FilterId = Object->Id,
            .Action = Object->Action,
            .Flags = Object->Flags,
            .SubLayerWeight = SubLayer == NULL ? 0 : SubLayer->Weight,
        };
        Step.Callout = ShimEnterCallout(&Object->Key, &Step.CalloutId);
        UINT32 Place = Count++;
        for (; Place > 0 && Steps[Place - 1].SubLayerWeight < Step.SubLayerWeight; Place--)
            Steps[Place] = Steps[Place - 1];
        Steps[Place] = Step;
    }
    LockRelease(&ShimLock, Irql);
    return Count;
}

VOID
ShimCount(SHIM_COUNTS *Counts)
{
    *Counts = (SHIM_COUNTS){0};
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++)
        Counts->Filters += Objects[Index].Kind == KindFilter;
    Counts->Handles += Session != 0;
    Counts->Handles += Subscriber != NULL;
    LockRelease(&ShimLock, Irql);
    Counts->Violations = __atomic_load_n(&Violations, __ATOMIC_SEQ_CST);
    ShimCountCallouts(Counts);
    ShimCountFrames(Counts);
    ShimCountSockets(Counts);
}
