// Callouts: what is registered in the kernel, the arbitration between the filters that ask them, and what their answers are held to.
#include "shim.h"

/** A callout's functions. */
typedef struct _SHIM_CALLOUT {
    UINT32 Id;
    FWPS_CALLOUT2 Callout;
    UINT32 Running;
} SHIM_CALLOUT;

/** Taken inside the engine's too. */
static EBPF_LOCK CalloutLock;
static SHIM_CALLOUT Registered[SHIM_CAPACITY];
static UINT32 LastId;
static UINT32 BusyTimes;

VOID
ShimKeepBusy(UINT32 Times)
{
    __atomic_store_n(&BusyTimes, Times, __ATOMIC_SEQ_CST);
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
    SHIM_CALLOUT *Free = NULL;
    EBPF_IRQL Irql = LockAcquire(&CalloutLock);
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++) {
        SHIM_CALLOUT *Each = &Registered[Index];
        if (Each->Id == 0)
            Free = Each;
        else if (ShimSameKey(&Each->Callout.calloutKey, &Callout->calloutKey))
            Status = STATUS_FWP_ALREADY_EXISTS;
    }
    if (NT_SUCCESS(Status) && Free != NULL) {
        Free->Callout = *Callout;
        Free->Id = *Id = ++LastId;
    }
    LockRelease(&CalloutLock, Irql);
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
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++) {
        SHIM_CALLOUT *Each = &Registered[Index];
        EBPF_IRQL Irql = LockAcquire(&CalloutLock);
        BOOLEAN Found = Each->Id == Id;
        if (Found)
            Each->Id = UINT32_MAX;
        LockRelease(&CalloutLock, Irql);
        if (!Found)
            continue;
        while (__atomic_load_n(&Each->Running, __ATOMIC_SEQ_CST) != 0)
            PlatformYield();
        Irql = LockAcquire(&CalloutLock);
        Each->Id = 0;
        LockRelease(&CalloutLock, Irql);
        Status = STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(Status))
        ShimViolate("a callout is unregistered that is none");
    SHIM_COUNTS Counts = {0};
    ShimCountCallouts(&Counts);
    if (Counts.Callouts == 0)
        ShimCloseDoor();
    return Status;
}

SHIM_CALLOUT *
ShimEnterCallout(const GUID *Key, UINT32 *Id)
{
    SHIM_CALLOUT *Found = NULL;
    EBPF_IRQL Irql = LockAcquire(&CalloutLock);
    for (UINT32 Index = 0; Index < SHIM_CAPACITY && Found == NULL; Index++) {
        SHIM_CALLOUT *Each = &Registered[Index];
        if (Each->Id != 0 && Each->Id != UINT32_MAX && ShimSameKey(&Each->Callout.calloutKey, Key))
            Found = Each;
    }
    if (Found != NULL) {
        *Id = Found->Id;
        __atomic_add_fetch(&Found->Running, 1, __ATOMIC_SEQ_CST);
    }
    LockRelease(&CalloutLock, Irql);
    return Found;
}

static VOID
Leave(SHIM_CALLOUT *Callout)
{
    __atomic_sub_fetch(&Callout->Running, 1, __ATOMIC_SEQ_CST);
}

BOOLEAN
ShimHasFilter(UINT16 LayerId)
{
    SHIM_STEP Steps[SHIM_CAPACITY];
    BOOLEAN Has = FALSE;
    UINT32 Count = ShimCollect(LayerId, Steps);
    for (UINT32 Index = 0; Index < Count; Index++) {
        if (Steps[Index].Callout == NULL)
            continue;
        Has = TRUE;
        Leave(Steps[Index].Callout);
    }
    return Has;
}

/** What a callout did with the answer, held to the rules. */
static VOID
CheckAnswer(const SHIM_STEP *Step, const FWPS_CLASSIFY_OUT0 *Before, const FWPS_CLASSIFY_OUT0 *Out)
{
    BOOLEAN MayWrite = (Before->rights & FWPS_RIGHT_ACTION_WRITE) != 0;
    if (Out->actionType == FWP_ACTION_BLOCK && (Out->rights & FWPS_RIGHT_ACTION_WRITE) != 0)
        ShimViolate("a block leaves the right to write");
    if (!MayWrite && Out->actionType != Before->actionType && Out->actionType != FWP_ACTION_BLOCK)
        ShimViolate("an action is written without the right to");
    if ((Out->flags & FWPS_CLASSIFY_OUT_FLAG_ABSORB) != 0 && Out->actionType != FWP_ACTION_BLOCK)
        ShimViolate("something is absorbed that is not blocked");
    if (MayWrite && Step->Action == FWP_ACTION_CALLOUT_TERMINATING && Out->actionType != FWP_ACTION_BLOCK &&
        Out->actionType != FWP_ACTION_PERMIT)
        ShimViolate("a terminating callout has not decided");
    if (Step->Action == FWP_ACTION_CALLOUT_INSPECTION && MayWrite && Out->actionType != FWP_ACTION_CONTINUE)
        ShimViolate("a callout that inspects has decided");
}

static VOID
Ask(const SHIM_STEP *Step, const SHIM_THING *Thing, FWPS_CLASSIFY_OUT0 *Out)
{
    FWPS_FILTER2 Filter = {
        .filterId = Step->FilterId,
        .action = {.type = Step->Action, .calloutId = Step->CalloutId},
    };
    FWPS_CLASSIFY_OUT0 Before = *Out;
    Out->filterId = Filter.filterId;
    ShimRaise();
    Step->Callout->Callout.classifyFn(
        &Thing->Values, &Thing->Metadata, Thing->LayerData, Thing->ClassifyContext, &Filter, 0, Out);
    ShimLower();
    CheckAnswer(Step, &Before, Out);
}

static FWPS_CLASSIFY_OUT0
AskAll(const SHIM_STEP *Steps, UINT32 Count, const SHIM_THING *Thing)
{
    FWPS_CLASSIFY_OUT0 Out = {
        .actionType = Thing->HardPermit ? FWP_ACTION_PERMIT : FWP_ACTION_CONTINUE,
        .rights = Thing->HardPermit ? 0 : FWPS_RIGHT_ACTION_WRITE,
    };
    for (UINT32 Index = 0; Index < Count; Index++) {
        const SHIM_STEP *Step = &Steps[Index];
        if (Step->Callout != NULL)
            Ask(Step, Thing, &Out);
        else if (
            Step->Action != FWP_ACTION_CALLOUT_INSPECTION &&
            (Step->Flags & FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED) == 0)
            Out.actionType = FWP_ACTION_BLOCK;
    }
    return Out;
}

UINT64
ShimClassify(const SHIM_THING *Thing, UINT32 Times, SHIM_VERDICT *Verdict)
{
    SHIM_STEP Steps[SHIM_CAPACITY];
    FWPS_CLASSIFY_OUT0 Out = {0};
    UINT32 Count = ShimCollect(Thing->Values.layerId, Steps);
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
            Leave(Steps[Index].Callout);
        }
    return Nanoseconds;
}

FWPS_CALLOUT_FLOW_DELETE_FN *
ShimFlowDelete(UINT32 CalloutId)
{
    FWPS_CALLOUT_FLOW_DELETE_FN *Found = NULL;
    EBPF_IRQL Irql = LockAcquire(&CalloutLock);
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++)
        if (Registered[Index].Id == CalloutId)
            Found = Registered[Index].Callout.flowDeleteFn;
    LockRelease(&CalloutLock, Irql);
    return Found;
}

VOID
ShimCountCallouts(SHIM_COUNTS *Counts)
{
    EBPF_IRQL Irql = LockAcquire(&CalloutLock);
    for (UINT32 Index = 0; Index < SHIM_CAPACITY; Index++)
        Counts->Callouts += Registered[Index].Id != 0;
    LockRelease(&CalloutLock, Irql);
}
