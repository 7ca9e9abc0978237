// The platform for tests on Linux: user-mode memory that can be made to fail, and is counted.
#define _GNU_SOURCE
#include "platform.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static UINT64 FailAt;
static UINT64 Outstanding;
static UINT64 OutstandingBytes;
static _Thread_local INT32 ClaimedProcessor = -1;

/** Memory for code that is not freed. */
typedef struct _CODE_BLOCK {
    struct _CODE_BLOCK *Next;
    VOID *Address;
    SIZE_T SizeBytes;
} CODE_BLOCK;

static EBPF_LOCK CodeLock;
static CODE_BLOCK *CodeFirst;

VOID
LinuxFailAllocation(UINT64 Number)
{
    __atomic_store_n(&FailAt, Number, __ATOMIC_SEQ_CST);
}

BOOLEAN
LinuxFailureIsDue(VOID)
{
    return __atomic_load_n(&FailAt, __ATOMIC_SEQ_CST) != 0;
}

UINT64
LinuxCountAllocations(VOID)
{
    return __atomic_load_n(&Outstanding, __ATOMIC_SEQ_CST);
}

UINT64
LinuxCountBytes(VOID)
{
    return __atomic_load_n(&OutstandingBytes, __ATOMIC_SEQ_CST);
}

BOOLEAN
LinuxCodeAt(UINT32 Index, UINT64 *Address, UINT64 *SizeBytes)
{
    EBPF_IRQL Irql = LockAcquire(&CodeLock);
    const CODE_BLOCK *Block = CodeFirst;
    while (Block != NULL && Index-- > 0)
        Block = Block->Next;
    if (Block != NULL) {
        *Address = (UINT64)(UINT_PTR)Block->Address;
        *SizeBytes = Block->SizeBytes;
    }
    LockRelease(&CodeLock, Irql);
    return Block != NULL;
}

VOID
LinuxSetProcessor(UINT32 Number)
{
    ClaimedProcessor = (INT32)Number;
}

/** Counts down to the allocation that is to fail. */
static BOOLEAN
ShouldFail(VOID)
{
    UINT64 Number = __atomic_load_n(&FailAt, __ATOMIC_SEQ_CST);
    while (Number != 0) {
        if (__atomic_compare_exchange_n(
                &FailAt, &Number, Number - 1, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return Number == 1;
    }
    return FALSE;
}

_Use_decl_annotations_
VOID *
PlatformAllocate(SIZE_T SizeBytes)
{
    VOID *Memory = NULL;
    if (ShouldFail() || posix_memalign(&Memory, PLATFORM_ALIGNMENT, SizeBytes) != 0)
        return NULL;
    memset(Memory, 0, SizeBytes);
    __atomic_add_fetch(&Outstanding, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&OutstandingBytes, malloc_usable_size(Memory), __ATOMIC_SEQ_CST);
    return Memory;
}

_Use_decl_annotations_
VOID
PlatformFree(VOID *Memory)
{
    if (Memory == NULL)
        return;
    __atomic_sub_fetch(&Outstanding, 1, __ATOMIC_SEQ_CST);
    __atomic_sub_fetch(&OutstandingBytes, malloc_usable_size(Memory), __ATOMIC_SEQ_CST);
    free(Memory);
}

_Use_decl_annotations_
VOID *
PlatformAllocateCode(SIZE_T SizeBytes)
{
    if (ShouldFail())
        return NULL;
    CODE_BLOCK *Block = malloc(sizeof(CODE_BLOCK));
    if (Block == NULL)
        return NULL;
    VOID *Memory = mmap(NULL, SizeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (Memory == MAP_FAILED) {
        free(Block);
        return NULL;
    }
    EBPF_IRQL Irql = LockAcquire(&CodeLock);
    *Block = (CODE_BLOCK){.Next = CodeFirst, .Address = Memory, .SizeBytes = SizeBytes};
    CodeFirst = Block;
    LockRelease(&CodeLock, Irql);
    __atomic_add_fetch(&Outstanding, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&OutstandingBytes, SizeBytes, __ATOMIC_SEQ_CST);
    return Memory;
}

_Use_decl_annotations_
BOOLEAN
PlatformSealCode(VOID *Memory, SIZE_T SizeBytes)
{
    return !ShouldFail() && mprotect(Memory, SizeBytes, PROT_READ | PROT_EXEC) == 0;
}

_Use_decl_annotations_
VOID
PlatformFreeCode(VOID *Memory, SIZE_T SizeBytes)
{
    EBPF_IRQL Irql = LockAcquire(&CodeLock);
    CODE_BLOCK **Link = &CodeFirst;
    while ((*Link)->Address != Memory)
        Link = &(*Link)->Next;
    CODE_BLOCK *Block = *Link;
    *Link = Block->Next;
    LockRelease(&CodeLock, Irql);
    free(Block);
    __atomic_sub_fetch(&Outstanding, 1, __ATOMIC_SEQ_CST);
    __atomic_sub_fetch(&OutstandingBytes, SizeBytes, __ATOMIC_SEQ_CST);
    munmap(Memory, SizeBytes);
}

/** Events that were written and not taken; of more the oldest are lost. */
#define EVENTS 64

typedef struct _EVENT {
    UINT32 Code;
    char Inserts[LINUX_EVENT_BYTES];
} EVENT;

static EBPF_LOCK EventLock;
static EVENT Events[EVENTS];
static UINT64 EventsWritten;
static UINT64 EventsTaken;
static BOOLEAN EventsRefused;
static BOOLEAN CodeForbidden;
static UINT64 PassedTime;

VOID
LinuxRefuseEvents(BOOLEAN Refuse)
{
    __atomic_store_n(&EventsRefused, Refuse, __ATOMIC_SEQ_CST);
}

VOID
LinuxForbidCode(BOOLEAN Forbid)
{
    __atomic_store_n(&CodeForbidden, Forbid, __ATOMIC_SEQ_CST);
}

VOID
LinuxPassTime(UINT64 Nanoseconds)
{
    __atomic_add_fetch(&PassedTime, Nanoseconds, __ATOMIC_SEQ_CST);
}

BOOLEAN
LinuxTakeEvent(UINT32 *Code, char *Inserts)
{
    EBPF_IRQL Irql = LockAcquire(&EventLock);
    BOOLEAN Found = EventsTaken != EventsWritten;
    if (Found) {
        const EVENT *Event = &Events[EventsTaken++ % EVENTS];
        *Code = Event->Code;
        memcpy(Inserts, Event->Inserts, sizeof(Event->Inserts));
    }
    LockRelease(&EventLock, Irql);
    return Found;
}

_Use_decl_annotations_
BOOLEAN
PlatformCodeIsForbidden(VOID)
{
    return __atomic_load_n(&CodeForbidden, __ATOMIC_SEQ_CST);
}

_Use_decl_annotations_
BOOLEAN
PlatformLogEvent(UINT32 Code, const char *const *Inserts, UINT32 InsertCount)
{
    if (__atomic_load_n(&EventsRefused, __ATOMIC_SEQ_CST))
        return FALSE;
    EVENT Event = {.Code = Code};
    SIZE_T Length = 0;
    for (UINT32 Index = 0; Index < InsertCount; Index++)
        Length += (SIZE_T)snprintf(Event.Inserts + Length, sizeof(Event.Inserts) - Length, "%s\n", Inserts[Index]);
    EBPF_IRQL Irql = LockAcquire(&EventLock);
    Events[EventsWritten++ % EVENTS] = Event;
    if (EventsWritten - EventsTaken > EVENTS)
        EventsTaken = EventsWritten - EVENTS;
    LockRelease(&EventLock, Irql);
    return TRUE;
}

_Use_decl_annotations_
UINT32
PlatformProcessorCount(VOID)
{
    static UINT32 Count;
    UINT32 Known = __atomic_load_n(&Count, __ATOMIC_RELAXED);
    if (Known == 0) {
        Known = (UINT32)sysconf(_SC_NPROCESSORS_CONF);
        __atomic_store_n(&Count, Known, __ATOMIC_RELAXED);
    }
    return Known;
}

_Use_decl_annotations_
UINT32
PlatformProcessorNumber(VOID)
{
    INT32 Claimed = ClaimedProcessor;
    return (UINT32)(Claimed >= 0 ? Claimed : sched_getcpu()) % PlatformProcessorCount();
}

_Use_decl_annotations_
UINT64
PlatformMemorySize(VOID)
{
    return (UINT64)sysconf(_SC_PHYS_PAGES) * (UINT64)sysconf(_SC_PAGESIZE);
}

_Use_decl_annotations_
UINT64
PlatformRandom(VOID)
{
    UINT64 Value;
    while (getrandom(&Value, sizeof(Value), 0) != sizeof(Value))
        sched_yield();
    return Value;
}

static UINT64
ReadClock(clockid_t Clock)
{
    struct timespec Time;
    clock_gettime(Clock, &Time);
    return (UINT64)Time.tv_sec * 1000000000 + (UINT64)Time.tv_nsec;
}

_Use_decl_annotations_
UINT64
PlatformBootTime(VOID)
{
    return ReadClock(CLOCK_BOOTTIME) + __atomic_load_n(&PassedTime, __ATOMIC_RELAXED);
}

_Use_decl_annotations_
UINT64
PlatformMonotonicTime(VOID)
{
    return ReadClock(CLOCK_MONOTONIC);
}

_Use_decl_annotations_
UINT64
PlatformCurrentProcess(VOID)
{
    return (UINT64)getpid() << 32 | (UINT32)syscall(SYS_gettid);
}

_Use_decl_annotations_
UINT64
PlatformCurrentLogon(VOID)
{
    return (UINT64)getsid(0);
}

_Use_decl_annotations_
BOOLEAN
PlatformIsAdministrator(VOID)
{
    return geteuid() == 0;
}

_Use_decl_annotations_
EBPF_IRQL
PlatformRaise(VOID)
{
    return 0;
}

_Use_decl_annotations_
VOID
PlatformLower(EBPF_IRQL Irql)
{
    (VOID)Irql;
}

static pthread_mutex_t WakeMutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t WakeCondition = PTHREAD_COND_INITIALIZER;
static UINT32 Wakes;

_Use_decl_annotations_
VOID
PlatformWake(VOID)
{
    pthread_mutex_lock(&WakeMutex);
    Wakes++;
    pthread_cond_broadcast(&WakeCondition);
    pthread_mutex_unlock(&WakeMutex);
}

UINT32
LinuxCountWakes(VOID)
{
    pthread_mutex_lock(&WakeMutex);
    UINT32 Count = Wakes;
    pthread_mutex_unlock(&WakeMutex);
    return Count;
}

VOID
LinuxAwaitWake(UINT32 Seen, UINT32 Milliseconds)
{
    struct timespec End;
    clock_gettime(CLOCK_REALTIME, &End);
    End.tv_sec += Milliseconds / 1000;
    End.tv_nsec += Milliseconds % 1000 * 1000000l;
    if (End.tv_nsec >= 1000000000l) {
        End.tv_sec++;
        End.tv_nsec -= 1000000000l;
    }
    pthread_mutex_lock(&WakeMutex);
    while (Wakes == Seen && pthread_cond_timedwait(&WakeCondition, &WakeMutex, &End) == 0)
        ;
    pthread_mutex_unlock(&WakeMutex);
}

_Use_decl_annotations_
VOID
PlatformYield(VOID)
{
    sched_yield();
}

_Use_decl_annotations_
EBPF_IRQL
LockAcquire(EBPF_LOCK *Lock)
{
    while (__atomic_exchange_n(&Lock->Held, 1, __ATOMIC_ACQUIRE) != 0) {
        // A holder that was preempted, as none is in the kernel, must get its turn.
        for (UINT32 Spins = 0; __atomic_load_n(&Lock->Held, __ATOMIC_RELAXED) != 0; Spins++)
            if (Spins > 100)
                sched_yield();
    }
    return 0;
}

_Use_decl_annotations_
VOID
LockRelease(EBPF_LOCK *Lock, EBPF_IRQL Irql)
{
    (VOID)Irql;
    __atomic_store_n(&Lock->Held, 0, __ATOMIC_RELEASE);
}
