// The platform on Windows: pool memory that is never executable, spin locks, clocks, random numbers, who runs.
#include "platform.h"

#include "siphash.h"

/** Ebpf, as tools show it. */
#define POOL_TAG 0x66706245

/** Of cng.sys, which mingw-w64 has no header for. */
NTSTATUS NTAPI BCryptGenRandom(VOID *Algorithm, UINT8 *Buffer, ULONG SizeBytes, ULONG Flags);
#define USE_SYSTEM_PREFERRED_RNG 2

NTKERNELAPI BOOLEAN NTAPI SeTokenIsAdmin(PACCESS_TOKEN Token);

/** Of winternl.h, which does not go together with ntifs.h; the class is 0. */
NTSTATUS NTAPI ZwQuerySystemInformation(ULONG Class, VOID *Information, ULONG SizeBytes, ULONG *ReturnedBytes);
typedef struct _BASIC_INFORMATION {
    UINT32 Reserved;
    UINT32 TimerResolution;
    UINT32 PageSize;
    UINT32 PhysicalPages;
    UINT32 Others[12];
} BASIC_INFORMATION;
C_ASSERT(sizeof(BASIC_INFORMATION) == 64);

/** The class is 103. */
typedef struct _CODE_INTEGRITY_INFORMATION {
    ULONG SizeBytes;
    ULONG Options;
} CODE_INTEGRITY_INFORMATION;
#define OPTION_HVCI_KERNEL 0x400

typedef ULONG64 NTAPI QUERY_TIME(PULONG64 PerformanceCounter);

static UINT32 ProcessorCount;
static SIPHASH_KEY RandomKey;
static UINT64 RandomCounter;
/** Windows 8.1 and later. */
static QUERY_TIME *QueryInterruptTime;
static QUERY_TIME *QueryUnbiasedInterruptTime;

_Use_decl_annotations_
VOID *
WindowsFindRoutine(const WCHAR *Name)
{
    UNICODE_STRING Text;
    RtlInitUnicodeString(&Text, Name);
    return MmGetSystemRoutineAddress(&Text);
}

_Use_decl_annotations_
BOOLEAN
WindowsIsEmulated(VOID)
{
    return (INT64)(UINT_PTR)WindowsIsEmulated >= 0;
}

_Use_decl_annotations_
NTSTATUS
WindowsInitiate(VOID)
{
    ProcessorCount = KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS);
    QueryInterruptTime = (QUERY_TIME *)WindowsFindRoutine(L"KeQueryInterruptTimePrecise");
    QueryUnbiasedInterruptTime = (QUERY_TIME *)WindowsFindRoutine(L"KeQueryUnbiasedInterruptTimePrecise");
    return BCryptGenRandom(NULL, (UINT8 *)&RandomKey, sizeof(RandomKey), USE_SYSTEM_PREFERRED_RNG);
}

/**
 * The pool aligns to 16 bytes only, so more is taken, and the byte count to its begin is kept before what is given out.
 *
 *   pool: | unused | UINT64: distance | memory, at a multiple of PLATFORM_ALIGNMENT
 */
_Use_decl_annotations_
VOID *
PlatformAllocate(SIZE_T SizeBytes)
{
    SIZE_T Total = SizeBytes + PLATFORM_ALIGNMENT + sizeof(UINT64);
    UINT8 *Start = Total < SizeBytes ? NULL : ExAllocatePoolWithTag(NonPagedPoolNx, Total, POOL_TAG);
    if (Start == NULL)
        return NULL;
    UINT_PTR Address = ((UINT_PTR)Start + sizeof(UINT64) + PLATFORM_ALIGNMENT - 1) & ~(UINT_PTR)(PLATFORM_ALIGNMENT - 1);
    UINT8 *Memory = (UINT8 *)Address;
    ((UINT64 *)Memory)[-1] = (UINT64)(Memory - Start);
    memset(Memory, 0, SizeBytes);
    return Memory;
}

_Use_decl_annotations_
VOID
PlatformFree(VOID *Memory)
{
    if (Memory != NULL)
        ExFreePoolWithTag((UINT8 *)Memory - ((UINT64 *)Memory)[-1], POOL_TAG);
}

_Use_decl_annotations_
UINT32
PlatformProcessorCount(VOID)
{
    return ProcessorCount;
}

_Use_decl_annotations_
UINT32
PlatformProcessorNumber(VOID)
{
    // Wine numbers processors as Linux does, also those that it does not count.
    return KeGetCurrentProcessorNumberEx(NULL) % ProcessorCount;
}

/** What nobody can tell counts as little. */
#define LEAST_MEMORY_BYTES (1ull << 30)

_Use_decl_annotations_
VOID
WindowsComplete(IRP *Irp, NTSTATUS Status, UINT32 ReplyBytes)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = ReplyBytes;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

_Use_decl_annotations_
UINT64
PlatformMemorySize(VOID)
{
    BASIC_INFORMATION Information;
    NTSTATUS Status = ZwQuerySystemInformation(0, &Information, sizeof(Information), NULL);
    return NT_SUCCESS(Status) ? (UINT64)Information.PageSize * Information.PhysicalPages : LEAST_MEMORY_BYTES;
}

_Use_decl_annotations_
BOOLEAN
PlatformCodeIsForbidden(VOID)
{
    CODE_INTEGRITY_INFORMATION Information = {.SizeBytes = sizeof(Information)};
    NTSTATUS Status = ZwQuerySystemInformation(103, &Information, sizeof(Information), NULL);
    return NT_SUCCESS(Status) && (Information.Options & OPTION_HVCI_KERNEL) != 0;
}

/** A keyed function of a counter: can be called at any IRQL, and tells nothing of what it gave before. */
_Use_decl_annotations_
UINT64
PlatformRandom(VOID)
{
    UINT64 Number = __atomic_add_fetch(&RandomCounter, 1, __ATOMIC_RELAXED);
    return SipHash(RandomKey, (const UINT8 *)&Number, sizeof(Number));
}

static UINT64
ReadPerformanceCounter(VOID)
{
    LARGE_INTEGER Frequency;
    UINT64 Count = (UINT64)KeQueryPerformanceCounter(&Frequency).QuadPart;
    UINT64 PerSecond = (UINT64)Frequency.QuadPart;
    return Count / PerSecond * 1000000000 + Count % PerSecond * 1000000000 / PerSecond;
}

static UINT64
ReadTime(QUERY_TIME *Query)
{
    ULONG64 PerformanceCounter;
    return Query == NULL ? ReadPerformanceCounter() : Query(&PerformanceCounter) * 100;
}

_Use_decl_annotations_
UINT64
PlatformBootTime(VOID)
{
    return ReadTime(QueryInterruptTime);
}

_Use_decl_annotations_
UINT64
PlatformMonotonicTime(VOID)
{
    return ReadTime(QueryUnbiasedInterruptTime);
}

_Use_decl_annotations_
UINT64
PlatformCurrentProcess(VOID)
{
    return (UINT64)(UINT_PTR)PsGetCurrentProcessId() << 32 | (UINT32)(UINT_PTR)PsGetCurrentThreadId();
}

/** Tokens may be looked at only where a thread can wait; elsewhere who runs is chance anyway. */
static BOOLEAN
CanReadToken(VOID)
{
    return !WindowsIsEmulated() && KeGetCurrentIrql() == PASSIVE_LEVEL;
}

/** 0 if that cannot be told here. */
_Use_decl_annotations_
UINT64
PlatformCurrentLogon(VOID)
{
    LUID Logon = {0};
    if (!CanReadToken())
        return 0;
    PACCESS_TOKEN Token = PsReferencePrimaryToken(PsGetCurrentProcess());
    NTSTATUS Status = SeQueryAuthenticationIdToken(Token, &Logon);
    PsDereferencePrimaryToken(Token);
    return NT_SUCCESS(Status) ? (UINT64)(UINT32)Logon.HighPart << 32 | Logon.LowPart : 0;
}

/** FALSE if that cannot be told here. */
_Use_decl_annotations_
BOOLEAN
PlatformIsAdministrator(VOID)
{
    if (!CanReadToken())
        return FALSE;
    PACCESS_TOKEN Token = PsReferencePrimaryToken(PsGetCurrentProcess());
    BOOLEAN Administrator = SeTokenIsAdmin(Token);
    PsDereferencePrimaryToken(Token);
    return Administrator;
}

_Use_decl_annotations_
EBPF_IRQL
PlatformRaise(VOID)
{
    return KfRaiseIrql(DISPATCH_LEVEL);
}

_Use_decl_annotations_
VOID
PlatformLower(EBPF_IRQL Irql)
{
    KeLowerIrql(Irql);
}

_Use_decl_annotations_
VOID
PlatformYield(VOID)
{
    // In 100 ns, from now.
    LARGE_INTEGER Millisecond = {.QuadPart = -10000};
    KeDelayExecutionThread(KernelMode, FALSE, &Millisecond);
}

_Use_decl_annotations_
EBPF_IRQL
LockAcquire(EBPF_LOCK *Lock)
{
    return KeAcquireSpinLockRaiseToDpc(&Lock->Lock);
}

_Use_decl_annotations_
VOID
LockRelease(EBPF_LOCK *Lock, EBPF_IRQL Irql)
{
    KeReleaseSpinLock(&Lock->Lock, Irql);
}
