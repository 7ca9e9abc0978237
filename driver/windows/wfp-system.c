// What the hooks of WFP ask of Windows: memory described by MDLs, work at PASSIVE_LEVEL, and how much stack there is.
#include "wfp/system.h"

C_ASSERT(offsetof(MDL, ByteCount) == 40);

/** Of wdm.h; mingw-w64's has not got it. */
#ifndef MdlMappingNoExecute
#define MdlMappingNoExecute 0x40000000
#endif

/** Ebpf, as tools show it. */
#define POOL_TAG 0x66706245

/** A run has 4 KiB of stack for its program on it, and what helpers need. */
#define RUN_STACK_BYTES (8 * 1024)

typedef ULONG_PTR NTAPI REMAINING_STACK(VOID);

static PIO_WORKITEM WorkItem;
static VOID (*Work)(VOID);
/** Queued, or running and asked for again. */
static UINT32 Asked;
static UINT32 Queued;
static REMAINING_STACK *RemainingStack;

_Use_decl_annotations_
UINT8 *
WfpMapMdl(MDL *Mdl)
{
    return MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
}

_Use_decl_annotations_
MDL *
WfpDescribe(VOID *Memory, UINT32 SizeBytes)
{
    MDL *Mdl = IoAllocateMdl(Memory, SizeBytes, FALSE, FALSE, NULL);
    if (Mdl != NULL)
        MmBuildMdlForNonPagedPool(Mdl);
    return Mdl;
}

_Use_decl_annotations_
VOID
WfpForget(MDL *Mdl)
{
    IoFreeMdl(Mdl);
}

/** Not of PlatformAllocate, whose memory begins elsewhere than the pool's. */
_Use_decl_annotations_
VOID *
WfpAllocateForSystem(SIZE_T SizeBytes)
{
    return ExAllocatePoolWithTag(NonPagedPoolNx, SizeBytes, POOL_TAG);
}

_Use_decl_annotations_
BOOLEAN
WfpStackIsLow(VOID)
{
    return RemainingStack != NULL && RemainingStack() < RUN_STACK_BYTES;
}

static VOID NTAPI
RunWork(DEVICE_OBJECT *Device, VOID *Context)
{
    (VOID)Device, (VOID)Context;
    // Who asks from here on may find it queued still, and is answered by another round.
    while (__atomic_exchange_n(&Asked, 0, __ATOMIC_SEQ_CST) != 0)
        Work();
    __atomic_store_n(&Queued, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&Asked, __ATOMIC_SEQ_CST) != 0)
        WfpQueueWork();
}

_Use_decl_annotations_
NTSTATUS
WfpWorkInitiate(VOID *Device, VOID (*Given)(VOID))
{
    Work = Given;
    RemainingStack = (REMAINING_STACK *)WindowsFindRoutine(L"IoGetRemainingStackSize");
    WorkItem = IoAllocateWorkItem(Device);
    return WorkItem == NULL ? STATUS_NO_MEMORY : STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
WfpQueueWork(VOID)
{
    __atomic_store_n(&Asked, 1, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&Queued, 1, __ATOMIC_SEQ_CST) == 0)
        IoQueueWorkItem(WorkItem, RunWork, DelayedWorkQueue, NULL);
}

_Use_decl_annotations_
VOID
WfpWorkTerminate(VOID)
{
    while (__atomic_load_n(&Queued, __ATOMIC_SEQ_CST) != 0)
        PlatformYield();
    IoFreeWorkItem(WorkItem);
    WorkItem = NULL;
}
