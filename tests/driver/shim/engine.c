// The filter engine: what is registered and added, transactions, states, and the arbitration between filters.
#include "shim.h"

#define CAPACITY 48

#define STATUS_FWP_FILTER_NOT_FOUND ((NTSTATUS)0xC0220003)
#define STATUS_FWP_LAYER_NOT_FOUND ((NTSTATUS)0xC0220004)
#define STATUS_FWP_PROVIDER_NOT_FOUND ((NTSTATUS)0xC0220005)
#define STATUS_FWP_SUBLAYER_NOT_FOUND ((NTSTATUS)0xC0220007)
#define STATUS_FWP_ALREADY_EXISTS ((NTSTATUS)0xC0220009)
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

/** A callout's functions, in the kernel. */
typedef struct _REGISTERED {
    UINT32 Id;
    FWPS_CALLOUT2 Callout;
    UINT32 Running;
} REGISTERED;

static EBPF_LOCK ShimLock;
static OBJECT Objects[CAPACITY];
static REGISTERED Registered[CAPACITY];
static UINT32 LastId;
static FWPM_SERVICE_STATE State = FWPM_SERVICE_RUNNING;
static FWPM_SERVICE_STATE_CHANGE_CALLBACK0 *Subscriber;
static VOID *SubscriberContext;
/** One session: the driver has no more. Its number changes with each. */
static UINT_PTR Session;
static UINT_PTR LastSession;
static BOOLEAN InTransaction;
static UINT32 BusyTimes;
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

VOID
ShimKeepBusy(UINT32 Times)
{
    __atomic_store_n(&BusyTimes, Times, __ATOMIC_SEQ_CST);
}

static BOOLEAN
SameKey(const GUID *Left, const GUID *Right)
{
    return memcmp(Left, Right, sizeof(GUID)) == 0;
}

static UINT16
LayerOf(const GUID *Key)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Layers); Index++)
        if (SameKey(&Layers[Index].Key, Key))
            return Layers[Index].Id;
    return 0;
}

static OBJECT *
Find(KIND Kind, const GUID *Key)
{
    for (UINT32 Index = 0; Index < CAPACITY; Index++)
        if (Objects[Index].Kind == Kind && Objects[Index].Pending != PendingDelete && SameKey(&Objects[Index].Key, Key))
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
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        OBJECT *Object = &Objects[Index];
        if (Object->Kind != KindFree)
            continue;
        *Object = (OBJECT){.Kind = Kind, .Pending = PendingAdd, .Key = *Key, .Id = ++LastId};
        return Object;
    }
    ShimViolate("too many objects for the shim");
    return &Objects[CAPACITY - 1];
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
    if (!SameKey(&Callout->Layer, &Filter->layerKey))
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
    if (SameKey(&Key, &None))
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
    for (UINT32 Index = 0; Index < CAPACITY && Status == STATUS_FWP_FILTER_NOT_FOUND; Index++)
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
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
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
    for (UINT32 Index = 0; Index < CAPACITY; Index++)
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

NTSTATUS NTAPI
FwpsCalloutRegister2(VOID *Device, const FWPS_CALLOUT2 *Callout, UINT32 *Id)
{
    ShimRequirePassive("FwpsCalloutRegister2");
    if (Device == NULL || Callout->classifyFn == NULL || Callout->notifyFn == NULL)
        ShimViolate("a callout is registered without a device or functions");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    NTSTATUS Status = STATUS_SUCCESS;
    REGISTERED *Free = NULL;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        REGISTERED *Each = &Registered[Index];
        if (Each->Id == 0)
            Free = Each;
        else if (SameKey(&Each->Callout.calloutKey, &Callout->calloutKey))
            Status = STATUS_FWP_ALREADY_EXISTS;
    }
    if (NT_SUCCESS(Status) && Free != NULL) {
        Free->Callout = *Callout;
        Free->Id = *Id = ++LastId;
    }
    LockRelease(&ShimLock, Irql);
    ShimOpenDoor();
    return Status;
}

static BOOLEAN
ShimIsBusy(VOID)
{
    UINT32 Times = __atomic_load_n(&BusyTimes, __ATOMIC_SEQ_CST);
    if (Times == 0)
        return FALSE;
    __atomic_store_n(&BusyTimes, Times - 1, __ATOMIC_SEQ_CST);
    return TRUE;
}

/** Returns when no classify function of it is running. */
NTSTATUS NTAPI
FwpsCalloutUnregisterById0(UINT32 Id)
{
    ShimRequirePassive("FwpsCalloutUnregisterById0");
    if (ShimIsBusy() || ShimHasFlows(Id))
        return STATUS_DEVICE_BUSY;
    NTSTATUS Status = STATUS_FWP_CALLOUT_NOT_FOUND;
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        REGISTERED *Each = &Registered[Index];
        EBPF_IRQL Irql = LockAcquire(&ShimLock);
        BOOLEAN Found = Each->Id == Id;
        if (Found)
            Each->Id = UINT32_MAX;
        LockRelease(&ShimLock, Irql);
        if (!Found)
            continue;
        while (__atomic_load_n(&Each->Running, __ATOMIC_SEQ_CST) != 0)
            PlatformYield();
        Irql = LockAcquire(&ShimLock);
        Each->Id = 0;
        LockRelease(&ShimLock, Irql);
        Status = STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(Status))
        ShimViolate("a callout is unregistered that is none");
    SHIM_COUNTS Counts;
    ShimCount(&Counts);
    if (Counts.Callouts == 0)
        ShimCloseDoor();
    return Status;
}

/** The registered callout of a filter, which does not go until Running is less again; NULL if there is none. Under the lock. */
static REGISTERED *
Enter(const OBJECT *Filter)
{
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        REGISTERED *Each = &Registered[Index];
        if (Each->Id == 0 || Each->Id == UINT32_MAX || !SameKey(&Each->Callout.calloutKey, &Filter->Key))
            continue;
        __atomic_add_fetch(&Each->Running, 1, __ATOMIC_SEQ_CST);
        return Each;
    }
    return NULL;
}

typedef struct _STEP {
    OBJECT Filter;
    UINT32 SubLayerWeight;
    REGISTERED *Callout;
    UINT32 CalloutId;
} STEP;

/** The committed filters of a layer, those of the heaviest sublayer first. */
static UINT32
Collect(UINT16 LayerId, STEP *Steps)
{
    UINT32 Count = 0;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        OBJECT *Object = &Objects[Index];
        if (Object->Kind != KindFilter || Object->Pending == PendingAdd || LayerOf(&Object->Layer) != LayerId)
            continue;
        const OBJECT *SubLayer = Find(KindSubLayer, &Object->SubLayer);
        STEP Step = {.Filter = *Object, .SubLayerWeight = SubLayer == NULL ? 0 : SubLayer->Weight};
        Step.Callout = Enter(Object);
        Step.CalloutId = Step.Callout == NULL ? 0 : Step.Callout->Id;
        UINT32 Place = Count++;
        for (; Place > 0 && Steps[Place - 1].SubLayerWeight < Step.SubLayerWeight; Place--)
            Steps[Place] = Steps[Place - 1];
        Steps[Place] = Step;
    }
    LockRelease(&ShimLock, Irql);
    return Count;
}

BOOLEAN
ShimHasFilter(UINT16 LayerId)
{
    STEP Steps[CAPACITY];
    BOOLEAN Has = FALSE;
    UINT32 Count = Collect(LayerId, Steps);
    for (UINT32 Index = 0; Index < Count; Index++) {
        if (Steps[Index].Callout == NULL)
            continue;
        Has = TRUE;
        __atomic_sub_fetch(&Steps[Index].Callout->Running, 1, __ATOMIC_SEQ_CST);
    }
    return Has;
}

/** What a callout did with the answer, held to the rules. */
static VOID
CheckAnswer(const OBJECT *Filter, const FWPS_CLASSIFY_OUT0 *Before, const FWPS_CLASSIFY_OUT0 *Out)
{
    BOOLEAN MayWrite = (Before->rights & FWPS_RIGHT_ACTION_WRITE) != 0;
    if (Out->actionType == FWP_ACTION_BLOCK && (Out->rights & FWPS_RIGHT_ACTION_WRITE) != 0)
        ShimViolate("a block leaves the right to write");
    if (!MayWrite && Out->actionType != Before->actionType && Out->actionType != FWP_ACTION_BLOCK)
        ShimViolate("an action is written without the right to");
    if ((Out->flags & FWPS_CLASSIFY_OUT_FLAG_ABSORB) != 0 && Out->actionType != FWP_ACTION_BLOCK)
        ShimViolate("something is absorbed that is not blocked");
    if (MayWrite && Filter->Action == FWP_ACTION_CALLOUT_TERMINATING && Out->actionType != FWP_ACTION_BLOCK &&
        Out->actionType != FWP_ACTION_PERMIT)
        ShimViolate("a terminating callout has not decided");
    if (Filter->Action == FWP_ACTION_CALLOUT_INSPECTION && MayWrite && Out->actionType != FWP_ACTION_CONTINUE)
        ShimViolate("a callout that inspects has decided");
}

static VOID
Ask(const STEP *Step, const SHIM_THING *Thing, FWPS_CLASSIFY_OUT0 *Out)
{
    FWPS_FILTER2 Filter = {
        .filterId = Step->Filter.Id,
        .action = {.type = Step->Filter.Action, .calloutId = Step->CalloutId},
    };
    FWPS_CLASSIFY_OUT0 Before = *Out;
    Out->filterId = Filter.filterId;
    ShimRaise();
    Step->Callout->Callout.classifyFn(
        &Thing->Values, &Thing->Metadata, Thing->LayerData, Thing->ClassifyContext, &Filter, 0, Out);
    ShimLower();
    CheckAnswer(&Step->Filter, &Before, Out);
}

static FWPS_CLASSIFY_OUT0
AskAll(const STEP *Steps, UINT32 Count, const SHIM_THING *Thing)
{
    FWPS_CLASSIFY_OUT0 Out = {
        .actionType = Thing->HardPermit ? FWP_ACTION_PERMIT : FWP_ACTION_CONTINUE,
        .rights = Thing->HardPermit ? 0 : FWPS_RIGHT_ACTION_WRITE,
    };
    for (UINT32 Index = 0; Index < Count; Index++) {
        const OBJECT *Filter = &Steps[Index].Filter;
        if (Steps[Index].Callout != NULL)
            Ask(&Steps[Index], Thing, &Out);
        else if (
            Filter->Action != FWP_ACTION_CALLOUT_INSPECTION &&
            (Filter->Flags & FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED) == 0)
            Out.actionType = FWP_ACTION_BLOCK;
    }
    return Out;
}

UINT64
ShimClassify(const SHIM_THING *Thing, UINT32 Times, SHIM_VERDICT *Verdict)
{
    STEP Steps[CAPACITY];
    FWPS_CLASSIFY_OUT0 Out = {0};
    UINT32 Count = Collect(Thing->Values.layerId, Steps);
    UINT64 Start = PlatformMonotonicTime();
    for (UINT32 Round = 0; Round < Times; Round++)
        Out = AskAll(Steps, Count, Thing);
    UINT64 Nanoseconds = PlatformMonotonicTime() - Start;
    *Verdict = (SHIM_VERDICT){
        .Action = Out.actionType == FWP_ACTION_BLOCK ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT,
        .Rights = Out.rights,
        .Flags = Out.flags,
    };
    for (UINT32 Index = 0; Index < Count; Index++)
        if (Steps[Index].Callout != NULL) {
            Verdict->Called++;
            __atomic_sub_fetch(&Steps[Index].Callout->Running, 1, __ATOMIC_SEQ_CST);
        }
    return Nanoseconds;
}

FWPS_CALLOUT_FLOW_DELETE_FN *
ShimFlowDelete(UINT32 CalloutId)
{
    FWPS_CALLOUT_FLOW_DELETE_FN *Found = NULL;
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    for (UINT32 Index = 0; Index < CAPACITY; Index++)
        if (Registered[Index].Id == CalloutId)
            Found = Registered[Index].Callout.flowDeleteFn;
    LockRelease(&ShimLock, Irql);
    return Found;
}

VOID
ShimCount(SHIM_COUNTS *Counts)
{
    *Counts = (SHIM_COUNTS){0};
    EBPF_IRQL Irql = LockAcquire(&ShimLock);
    for (UINT32 Index = 0; Index < CAPACITY; Index++) {
        Counts->Callouts += Registered[Index].Id != 0;
        Counts->Filters += Objects[Index].Kind == KindFilter;
    }
    Counts->Handles += Session != 0;
    Counts->Handles += Subscriber != NULL;
    LockRelease(&ShimLock, Irql);
    Counts->Violations = __atomic_load_n(&Violations, __ATOMIC_SEQ_CST);
    ShimCountFrames(Counts);
    ShimCountSockets(Counts);
}
