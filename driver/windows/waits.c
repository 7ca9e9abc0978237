// An IRP is the queue's, or its cancel routine's, or the thread's while that asks again. The thread has a mutex meanwhile, so that who
// closes a file finds all that the file waits for in the queue.
#include "waits.h"

/** Of all clients. More are refused. */
#define WAITS_MAXIMUM 1024u

static KSPIN_LOCK QueueLock;
static LIST_ENTRY Queue;
static UINT32 QueueCount;
static KMUTEX Asking;
static KEVENT Wake;
static BOOLEAN Started;
static BOOLEAN Stopping;
static HANDLE Thread;

static UINT64 *
DeadlineOf(IRP *Irp)
{
    C_ASSERT(sizeof(Irp->Tail.Overlay.DriverContext[0]) == sizeof(UINT64));
    return (UINT64 *)&Irp->Tail.Overlay.DriverContext[0];
}

static IRP *
IrpOf(LIST_ENTRY *Entry)
{
    return CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
}

static NTSTATUS
Ask(IRP *Irp, UINT32 *ReplyBytes)
{
    const IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = DispatchCall(
        Stack->FileObject->FsContext,
        Stack->Parameters.DeviceIoControl.IoControlCode,
        Irp->AssociatedIrp.SystemBuffer,
        Stack->Parameters.DeviceIoControl.InputBufferLength,
        Stack->Parameters.DeviceIoControl.OutputBufferLength,
        ReplyBytes,
        DeadlineOf(Irp));
    WindowsReapCode();
    return Status;
}

_Use_decl_annotations_
VOID
PlatformWake(VOID)
{
    if (Started)
        KeSetEvent(&Wake, IO_NO_INCREMENT, FALSE);
}

static DRIVER_CANCEL CancelWait;
/** Its entry is in the queue: who takes one out asks for the routine first, and leaves it there if that is gone. */
static VOID NTAPI
CancelWait(DEVICE_OBJECT *Device, IRP *Irp)
{
    (VOID)Device;
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KIRQL Irql = KeAcquireSpinLockRaiseToDpc(&QueueLock);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    QueueCount--;
    KeReleaseSpinLock(&QueueLock, Irql);
    WindowsComplete(Irp, STATUS_CANCELLED, 0);
}

/** Puts it into the queue; a status other than STATUS_PENDING if it cannot be there, or is cancelled already. */
static NTSTATUS
Enqueue(IRP *Irp)
{
    NTSTATUS Status = STATUS_PENDING;
    KIRQL Irql = KeAcquireSpinLockRaiseToDpc(&QueueLock);
    if (Stopping)
        Status = STATUS_CANCELLED;
    else if (QueueCount == WAITS_MAXIMUM)
        Status = STATUS_INSUFFICIENT_RESOURCES;
    if (Status == STATUS_PENDING) {
        IoSetCancelRoutine(Irp, CancelWait);
        // Cancelled before: if we get the routine back nobody has called it, else it comes as soon as the lock is free.
        if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
            Status = STATUS_CANCELLED;
        } else {
            InsertTailList(&Queue, &Irp->Tail.Overlay.ListEntry);
            QueueCount++;
        }
    }
    KeReleaseSpinLock(&QueueLock, Irql);
    return Status;
}

/** Moves what waits, of that file or of all, to a list of the caller's; what is being cancelled stays its cancel routine's. */
static VOID
Take(const FILE_OBJECT *File, LIST_ENTRY *Taken)
{
    InitializeListHead(Taken);
    KIRQL Irql = KeAcquireSpinLockRaiseToDpc(&QueueLock);
    LIST_ENTRY *Next;
    for (LIST_ENTRY *Entry = Queue.Flink; Entry != &Queue; Entry = Next) {
        Next = Entry->Flink;
        IRP *Irp = IrpOf(Entry);
        if (File != NULL && IoGetCurrentIrpStackLocation(Irp)->FileObject != File)
            continue;
        if (IoSetCancelRoutine(Irp, NULL) == NULL)
            continue;
        RemoveEntryList(Entry);
        InsertTailList(Taken, Entry);
        QueueCount--;
    }
    KeReleaseSpinLock(&QueueLock, Irql);
}

static VOID
CancelAll(LIST_ENTRY *Taken)
{
    while (!IsListEmpty(Taken))
        WindowsComplete(IrpOf(RemoveHeadList(Taken)), STATUS_CANCELLED, 0);
}

_Use_decl_annotations_
NTSTATUS
WaitsControl(IRP *Irp)
{
    UINT32 ReplyBytes;
    *DeadlineOf(Irp) = 0;
    NTSTATUS Status = Ask(Irp, &ReplyBytes);
    if (Status == STATUS_PENDING) {
        IoMarkIrpPending(Irp);
        Status = Enqueue(Irp);
        if (Status != STATUS_PENDING)
            WindowsComplete(Irp, Status, 0);
        // A record may have come before it was in the queue, and its time counts from now on.
        PlatformWake();
        return STATUS_PENDING;
    }
    WindowsComplete(Irp, Status, ReplyBytes);
    return Status;
}

_Use_decl_annotations_
VOID
WaitsCancel(const FILE_OBJECT *File)
{
    LIST_ENTRY Taken;
    KeWaitForSingleObject(&Asking, Executive, KernelMode, FALSE, NULL);
    Take(File, &Taken);
    KeReleaseMutex(&Asking, FALSE);
    CancelAll(&Taken);
}

/** Asks again for all that waits; until when there is nothing to do, at the latest. */
static UINT64
AskAgain(VOID)
{
    UINT64 Nearest = UINT64_MAX;
    LIST_ENTRY Taken;
    KeWaitForSingleObject(&Asking, Executive, KernelMode, FALSE, NULL);
    Take(NULL, &Taken);
    while (!IsListEmpty(&Taken)) {
        IRP *Irp = IrpOf(RemoveHeadList(&Taken));
        UINT32 ReplyBytes = 0;
        NTSTATUS Status = Ask(Irp, &ReplyBytes);
        // Once it is in the queue it may be gone at any time.
        UINT64 Deadline = *DeadlineOf(Irp);
        if (Status == STATUS_PENDING)
            Status = Enqueue(Irp);
        if (Status != STATUS_PENDING)
            WindowsComplete(Irp, Status, ReplyBytes);
        else if (Deadline < Nearest)
            Nearest = Deadline;
    }
    KeReleaseMutex(&Asking, FALSE);
    return Nearest;
}

static KSTART_ROUTINE Run;
static VOID NTAPI
Run(VOID *Unused)
{
    (VOID)Unused;
    while (!__atomic_load_n(&Stopping, __ATOMIC_SEQ_CST)) {
        UINT64 Nearest = AskAgain();
        UINT64 Now = PlatformMonotonicTime();
        // In 100 ns, from now; rounded up, so that the time is over then.
        LARGE_INTEGER Time = {.QuadPart = Nearest <= Now ? -1 : -(INT64)((Nearest - Now) / 100 + 1)};
        KeWaitForSingleObject(&Wake, Executive, KernelMode, FALSE, Nearest == UINT64_MAX ? NULL : &Time);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

_Use_decl_annotations_
NTSTATUS
WaitsStart(VOID)
{
    OBJECT_ATTRIBUTES Attributes;
    KeInitializeSpinLock(&QueueLock);
    InitializeListHead(&Queue);
    KeInitializeMutex(&Asking, 0);
    KeInitializeEvent(&Wake, SynchronizationEvent, FALSE);
    Started = TRUE;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    return PsCreateSystemThread(&Thread, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, Run, NULL);
}

_Use_decl_annotations_
VOID
WaitsStop(VOID)
{
    LIST_ENTRY Taken;
    KIRQL Irql = KeAcquireSpinLockRaiseToDpc(&QueueLock);
    Stopping = TRUE;
    KeReleaseSpinLock(&QueueLock, Irql);
    PlatformWake();
    // The driver's code may go only when the thread has left it.
    ZwWaitForSingleObject(Thread, FALSE, NULL);
    ZwClose(Thread);
    Take(NULL, &Taken);
    CancelAll(&Taken);
}
