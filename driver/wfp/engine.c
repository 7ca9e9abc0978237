// One routine, Settle, brings what there is to what there should be, whoever asks: the engine that starts or stops, a link
// that is made, or gone. The session is dynamic: whatever is left of it when it is closed, Windows takes away.
#include "wfp/engine.h"

#include "event.h"
#include "wfp/ale-callouts.h"
#include "wfp/ale.h"
#include "wfp/frame.h"
#include "wfp/inject.h"
#include "wfp/mac.h"
#include "wfp/system.h"

#define MAXIMUM_CALLOUTS 32

static const GUID ProviderKey = WFP_GUID(edae34de, 56bf, 4aab, b4, e7, 12, 2f, db, 92, 15, e5);

static const struct {
    GUID Key;
    const WCHAR *Name;
    UINT16 Weight;
} SubLayers[SubLayerCount] = {
    [SubLayerMac] =
        {
            .Key = WFP_GUID(01faa15d, 602b, 40a8, 96, e7, 9e, 7a, 0f, fc, 60, 86),
            .Name = L"EbpfCore: frames",
            .Weight = UINT16_MAX,
        },
    [SubLayerAle] =
        {
            .Key = WFP_GUID(7c1f6c0e, 9e0a, 4f52, 8d, 35, 41, b6, 0d, 5a, 92, ee),
            .Name = L"EbpfCore: sockets",
            .Weight = UINT16_MAX,
        },
};

static const WFP_CALLOUT_LIST *const Lists[] = {
    &WfpMacCallouts,
    &WfpBindCallouts,
    &WfpConnectCallouts,
    &WfpAcceptCallouts,
    &WfpFlowCallouts,
};

/** Of one callout. */
typedef struct _STATE {
    const WFP_CALLOUT *Callout;
    BOOLEAN Registered;
    UINT32 Id;
    /** 0: its filter is not there. */
    UINT64 FilterId;
} STATE;

static STATE States[MAXIMUM_CALLOUTS];
static UINT32 StateCount;
static HANDLE Engine;
static HANDLE Subscription;
/** The filters of a list are there. */
static BOOLEAN ListOpened[RTL_NUMBER_OF(Lists)];
/** The engine that Engine is of has stopped. */
static BOOLEAN Lost;
static BOOLEAN Stopping;
/** Why the hooks are away, as far as it was told; STATUS_SUCCESS: nothing was, or that they are back. */
static NTSTATUS Told;
static UINT32 Busy;

/** The engine has stopped, which is no failure of it. */
#define ENGINE_LOST ((NTSTATUS)-1)

/** Held while something is waited for, so it is no spin lock. */
static VOID
Acquire(VOID)
{
    while (__atomic_exchange_n(&Busy, 1, __ATOMIC_ACQUIRE) != 0)
        PlatformYield();
}

static VOID
Release(VOID)
{
    __atomic_store_n(&Busy, 0, __ATOMIC_RELEASE);
}

/** All there is to be told of filters is known already. */
static NTSTATUS NTAPI
Notify(UINT32 NotifyType, const GUID *FilterKey, FWPS_FILTER2 *Filter)
{
    (VOID)NotifyType, (VOID)FilterKey, (VOID)Filter;
    return STATUS_SUCCESS;
}

static NTSTATUS
Register(VOID *Device, STATE *State)
{
    FWPS_CALLOUT2 Callout = {
        .calloutKey = State->Callout->Key,
        .flags = State->Callout->Flags,
        .classifyFn = State->Callout->Classify,
        .notifyFn = Notify,
        .flowDeleteFn = State->Callout->FlowDelete,
    };
    NTSTATUS Status = FwpsCalloutRegister2(Device, &Callout, &State->Id);
    State->Registered = NT_SUCCESS(Status);
    return Status;
}

/** FALSE while Windows may call it. */
static BOOLEAN
Unregister(const STATE *State)
{
    NTSTATUS Status = State->Registered ? FwpsCalloutUnregisterById0(State->Id) : STATUS_SUCCESS;
    return NT_SUCCESS(Status) || Status == STATUS_FWP_CALLOUT_NOT_FOUND;
}

/** Code must not go before, however long that takes. */
static VOID
UnregisterAll(VOID)
{
    while (StateCount > 0) {
        STATE *State = &States[--StateCount];
        while (!Unregister(State))
            PlatformYield();
        *State = (STATE){0};
    }
}

static NTSTATUS
AddSubLayers(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    for (UINT32 Index = 0; Index < SubLayerCount && NT_SUCCESS(Status); Index++) {
        FWPM_SUBLAYER0 SubLayer = {
            .subLayerKey = SubLayers[Index].Key,
            .displayData = {.name = SubLayers[Index].Name},
            .providerKey = (GUID *)&ProviderKey,
            .weight = SubLayers[Index].Weight,
        };
        Status = FwpmSubLayerAdd0(Engine, &SubLayer, NULL);
    }
    return Status;
}

static NTSTATUS
AddCallouts(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    for (UINT32 Index = 0; Index < StateCount && NT_SUCCESS(Status); Index++) {
        const WFP_CALLOUT *Row = States[Index].Callout;
        UINT32 Id;
        FWPM_CALLOUT0 Callout = {
            .calloutKey = Row->Key,
            .displayData = {.name = Row->Name},
            .providerKey = (GUID *)&ProviderKey,
            .applicableLayer = Row->Layer,
        };
        Status = FwpmCalloutAdd0(Engine, &Callout, NULL, &Id);
    }
    return Status;
}

static NTSTATUS
AddObjects(VOID)
{
    static const FWPM_PROVIDER0 Provider = {
        .providerKey = WFP_GUID(edae34de, 56bf, 4aab, b4, e7, 12, 2f, db, 92, 15, e5),
        .displayData = {.name = L"EbpfCore"},
        .serviceName = L"EbpfCore",
    };
    NTSTATUS Status = FwpmProviderAdd0(Engine, &Provider, NULL);
    if (NT_SUCCESS(Status))
        Status = AddSubLayers();
    if (NT_SUCCESS(Status))
        Status = AddCallouts();
    return Status;
}

/** All of it, or nothing. */
static NTSTATUS
Transact(NTSTATUS (*Body)(VOID))
{
    NTSTATUS Status = FwpmTransactionBegin0(Engine, 0);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = Body();
    if (NT_SUCCESS(Status))
        return FwpmTransactionCommit0(Engine);
    FwpmTransactionAbort0(Engine);
    return Status;
}

static NTSTATUS
OpenEngine(VOID)
{
    static const FWPM_SESSION0 Session = {
        .displayData = {.name = L"EbpfCore"},
        .flags = FWPM_SESSION_FLAG_DYNAMIC,
    };
    NTSTATUS Status = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &Session, &Engine);
    if (NT_SUCCESS(Status)) {
        Status = Transact(AddObjects);
        if (NT_SUCCESS(Status))
            return Status;
        FwpmEngineClose0(Engine);
    }
    Engine = NULL;
    return Status;
}

/** Whether a link needs the callout's filter. */
static BOOLEAN
IsNeeded(const WFP_CALLOUT *Callout)
{
    for (EBPF_HOOK_ID Hook = 0; Hook < HookCount; Hook++)
        if ((Callout->Hooks >> Hook & 1) != 0 && HookLinkCount(Hook) != 0)
            return TRUE;
    return FALSE;
}

static NTSTATUS
AddFilter(STATE *State)
{
    const WFP_CALLOUT *Row = State->Callout;
    FWPM_FILTER0 Filter = {
        .displayData = {.name = Row->Name},
        // Should the driver ever be gone without its filters, all goes on as without it.
        .flags = Row->Action == FWP_ACTION_CALLOUT_INSPECTION ? 0 : FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED,
        .providerKey = (GUID *)&ProviderKey,
        .layerKey = Row->Layer,
        .subLayerKey = SubLayers[Row->SubLayer].Key,
        .action = {.type = Row->Action, .calloutKey = Row->Key},
    };
    return FwpmFilterAdd0(Engine, &Filter, NULL, &State->FilterId);
}

/** The filters that links need, and no others. */
static NTSTATUS
SetFilters(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    for (UINT32 Index = 0; Index < StateCount && NT_SUCCESS(Status); Index++) {
        STATE *State = &States[Index];
        BOOLEAN Needed = IsNeeded(State->Callout);
        if (Needed && State->FilterId == 0) {
            Status = AddFilter(State);
        } else if (!Needed && State->FilterId != 0) {
            Status = FwpmFilterDeleteById0(Engine, State->FilterId);
            if (NT_SUCCESS(Status))
                State->FilterId = 0;
        }
    }
    return Status;
}

static BOOLEAN
ListIsNeeded(const WFP_CALLOUT_LIST *List)
{
    for (UINT32 Index = 0; Index < List->Count; Index++)
        if (IsNeeded(&List->Callouts[Index]))
            return TRUE;
    return FALSE;
}

/** Before filters go. */
static VOID
CloseLists(BOOLEAN All)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Lists); Index++) {
        if (!ListOpened[Index] || (!All && ListIsNeeded(Lists[Index])))
            continue;
        if (Lists[Index]->Closing != NULL)
            Lists[Index]->Closing();
        ListOpened[Index] = FALSE;
    }
}

/** After filters came. */
static VOID
OpenLists(VOID)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Lists); Index++) {
        if (ListOpened[Index] || !ListIsNeeded(Lists[Index]))
            continue;
        if (Lists[Index]->Opened != NULL)
            Lists[Index]->Opened();
        ListOpened[Index] = TRUE;
    }
}

/** The session's objects go with it. */
static VOID
CloseEngine(VOID)
{
    CloseLists(TRUE);
    FwpmEngineClose0(Engine);
    Engine = NULL;
    for (UINT32 Index = 0; Index < StateCount; Index++)
        States[Index].FilterId = 0;
}

static VOID
SetPresent(BOOLEAN Present)
{
    for (EBPF_HOOK_ID Hook = 0; Hook < HookCount; Hook++)
        for (UINT32 Index = 0; Index < StateCount; Index++)
            if ((States[Index].Callout->Hooks >> Hook & 1) != 0)
                HookSetPresent(Hook, Present);
}

/** The session, if there is none, and the filters that links need. A transaction that fails is as if it never was. */
static NTSTATUS
Establish(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    if (Engine == NULL) {
        __atomic_store_n(&Lost, FALSE, __ATOMIC_SEQ_CST);
        Status = OpenEngine();
    }
    if (!NT_SUCCESS(Status))
        return Status;
    CloseLists(FALSE);
    Status = Transact(SetFilters);
    if (NT_SUCCESS(Status))
        OpenLists();
    else
        CloseEngine();
    return Status;
}

/** For those who wonder why a hook is not there: once each time that hooks go, for another reason, or are back. */
static VOID
Tell(EBPF_EVENT Event, NTSTATUS Status)
{
    UINT64 Number = (UINT32)Status;
    if (Status == Told)
        return;
    Told = Status;
    EventWrite(Event, &Number, Event == EventHooksRefused ? 1 : 0);
}

/** Success if all is as it should be, which without the engine is nothing. */
static NTSTATUS
Settle(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    Acquire();
    BOOLEAN Stops = __atomic_load_n(&Stopping, __ATOMIC_SEQ_CST);
    BOOLEAN Wanted = !Stops && FwpmBfeStateGet0() == FWPM_SERVICE_RUNNING;
    if (Engine != NULL && !Wanted && !Stops)
        Tell(EventHooksLost, ENGINE_LOST);
    if (Engine != NULL && (__atomic_load_n(&Lost, __ATOMIC_SEQ_CST) || !Wanted))
        CloseEngine();
    // What is wrong with a session, whatever it is, another one has not; but once is enough.
    if (Wanted)
        Status = Establish();
    if (Wanted && !NT_SUCCESS(Status))
        Status = Establish();
    SetPresent(Wanted && NT_SUCCESS(Status));
    if (Wanted && NT_SUCCESS(Status))
        Tell(EventHooksBack, STATUS_SUCCESS);
    Release();
    return Status;
}

/** Links that are there see nothing meanwhile, so it is tried again for a while; after that with the next change. */
static VOID
SettleLater(VOID)
{
    NTSTATUS Status = Settle();
    for (UINT32 Tries = 0; !NT_SUCCESS(Status) && Tries < 20; Tries++) {
        PlatformYield();
        Status = Settle();
    }
    Acquire();
    if (!NT_SUCCESS(Status))
        Tell(EventHooksRefused, Status);
    Release();
}

/** Windows calls this wherever it likes: nothing may be waited for here. */
static VOID NTAPI
StateChanged(VOID *Context, FWPM_SERVICE_STATE State)
{
    (VOID)Context;
    if (State != FWPM_SERVICE_RUNNING) {
        __atomic_store_n(&Lost, TRUE, __ATOMIC_SEQ_CST);
        // Filters are about to go, and where there are none nothing may be injected.
        InjectShut();
    }
    WfpQueueWork();
}

/** Of hook.c: a link came, or is gone. */
static BOOLEAN
LinksChanged(EBPF_HOOK_ID Hook, BOOLEAN Added)
{
    (VOID)Hook;
    if (Added)
        return NT_SUCCESS(Settle());
    WfpQueueWork();
    return TRUE;
}

static NTSTATUS
RegisterAll(VOID *Device)
{
    NTSTATUS Status = STATUS_SUCCESS;
    for (UINT32 List = 0; List < RTL_NUMBER_OF(Lists); List++) {
        for (UINT32 Index = 0; Index < Lists[List]->Count && NT_SUCCESS(Status); Index++) {
            if (StateCount == MAXIMUM_CALLOUTS)
                return STATUS_NO_MEMORY;
            STATE *State = &States[StateCount++];
            State->Callout = &Lists[List]->Callouts[Index];
            Status = Register(Device, State);
        }
    }
    return Status;
}

_Use_decl_annotations_
NTSTATUS
WfpStart(VOID *Device)
{
    __atomic_store_n(&Stopping, FALSE, __ATOMIC_SEQ_CST);
    __atomic_store_n(&Lost, FALSE, __ATOMIC_SEQ_CST);
    Told = STATUS_SUCCESS;
    NTSTATUS Status = FrameInitiate();
    if (!NT_SUCCESS(Status))
        return Status;
    Status = InjectInitiate();
    if (!NT_SUCCESS(Status))
        goto Frames;
    Status = AleInitiate(&ProviderKey);
    if (!NT_SUCCESS(Status))
        goto Injection;
    Status = WfpWorkInitiate(Device, SettleLater);
    if (!NT_SUCCESS(Status))
        goto Sockets;
    Status = RegisterAll(Device);
    if (!NT_SUCCESS(Status))
        goto Callouts;
    // First to be told of changes, then to look: so none is missed.
    Status = FwpmBfeStateSubscribeChanges0(Device, StateChanged, NULL, &Subscription);
    if (!NT_SUCCESS(Status))
        goto Callouts;
    HookSetListener(LinksChanged);
    SettleLater();
    return STATUS_SUCCESS;

Callouts:
    UnregisterAll();
    WfpWorkTerminate();
Sockets:
    AleTerminate();
Injection:
    InjectTerminate();
Frames:
    FrameTerminate();
    Tell(EventHooksRefused, Status);
    return Status;
}

_Use_decl_annotations_
VOID
WfpStop(VOID)
{
    HookSetListener(NULL);
    FwpmBfeStateUnsubscribeChanges0(Subscription);
    __atomic_store_n(&Stopping, TRUE, __ATOMIC_SEQ_CST);
    WfpWorkTerminate();
    (VOID)Settle();
    UnregisterAll();
    AleTerminate();
    InjectTerminate();
    FrameTerminate();
}
