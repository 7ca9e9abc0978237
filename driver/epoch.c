// A run counts itself in, on its processor, for the epoch it sees. Epoch E + 1 follows E once nobody is left that came in
// during E - 1; so there are three kinds of counters, used in turn.
#include "epoch.h"

#define PHASE_COUNT 3

/** Of one processor; a cache line of its own. */
typedef struct _PROCESSOR {
    UINT64 Active[PHASE_COUNT];
    UINT64 Padding[8 - PHASE_COUNT];
} PROCESSOR;
C_ASSERT(sizeof(PROCESSOR) == PLATFORM_ALIGNMENT);

static PROCESSOR *Processors;
static UINT32 ProcessorCount;
static UINT64 Epoch;

/** In order of their epochs. */
static EBPF_LOCK RetiredLock;
static EBPF_RETIRED *RetiredFirst;
static EBPF_RETIRED **RetiredEnd;

_Use_decl_annotations_
NTSTATUS
EpochInitiate(VOID)
{
    ProcessorCount = PlatformProcessorCount();
    Processors = PlatformAllocate(ProcessorCount * sizeof(PROCESSOR));
    RetiredFirst = NULL;
    RetiredEnd = &RetiredFirst;
    Epoch = PHASE_COUNT;
    return Processors == NULL ? STATUS_NO_MEMORY : STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
EpochTerminate(VOID)
{
    EpochSynchronize();
    PlatformFree(Processors);
    Processors = NULL;
}

_Use_decl_annotations_
EBPF_EPOCH_TOKEN
EpochEnter(VOID)
{
    EBPF_EPOCH_TOKEN Token = {.Processor = PlatformProcessorNumber()};
    for (;;) {
        UINT64 Seen = __atomic_load_n(&Epoch, __ATOMIC_SEQ_CST);
        Token.Phase = Seen % PHASE_COUNT;
        __atomic_add_fetch(&Processors[Token.Processor].Active[Token.Phase], 1, __ATOMIC_SEQ_CST);
        // Only if it is still the same are we counted where those look who want to move on.
        if (__atomic_load_n(&Epoch, __ATOMIC_SEQ_CST) == Seen)
            return Token;
        __atomic_sub_fetch(&Processors[Token.Processor].Active[Token.Phase], 1, __ATOMIC_SEQ_CST);
    }
}

static VOID
TryAdvance(VOID)
{
    UINT64 Seen = __atomic_load_n(&Epoch, __ATOMIC_SEQ_CST);
    UINT32 Before = (Seen - 1) % PHASE_COUNT;
    for (UINT32 Index = 0; Index < ProcessorCount; Index++)
        if (__atomic_load_n(&Processors[Index].Active[Before], __ATOMIC_SEQ_CST) != 0)
            return;
    __atomic_compare_exchange_n(&Epoch, &Seen, Seen + 1, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

_Use_decl_annotations_
UINT64
EpochCurrent(VOID)
{
    return __atomic_load_n(&Epoch, __ATOMIC_SEQ_CST);
}

_Use_decl_annotations_
BOOLEAN
EpochIsOver(UINT64 Past)
{
    if (EpochCurrent() < Past + 2)
        TryAdvance();
    return EpochCurrent() >= Past + 2;
}

/** Frees what can be freed. */
static VOID
Reap(VOID)
{
    for (;;) {
        EBPF_IRQL Irql = LockAcquire(&RetiredLock);
        EBPF_RETIRED *First = RetiredFirst;
        if (First != NULL && EpochIsOver(First->Epoch)) {
            __atomic_store_n(&RetiredFirst, First->Next, __ATOMIC_RELAXED);
            if (First->Next == NULL)
                RetiredEnd = &RetiredFirst;
        } else {
            First = NULL;
        }
        LockRelease(&RetiredLock, Irql);
        if (First == NULL)
            return;
        // May retire more in its turn.
        First->Free(First);
    }
}

_Use_decl_annotations_
VOID
EpochExit(EBPF_EPOCH_TOKEN Token)
{
    __atomic_sub_fetch(&Processors[Token.Processor].Active[Token.Phase], 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&RetiredFirst, __ATOMIC_RELAXED) != NULL)
        Reap();
}

_Use_decl_annotations_
VOID
EpochRetire(EBPF_RETIRED *Retired, VOID (*Free)(EBPF_RETIRED *Retired))
{
    Retired->Next = NULL;
    Retired->Free = Free;
    EBPF_IRQL Irql = LockAcquire(&RetiredLock);
    Retired->Epoch = EpochCurrent();
    __atomic_store_n(RetiredEnd, Retired, __ATOMIC_RELAXED);
    RetiredEnd = &Retired->Next;
    LockRelease(&RetiredLock, Irql);
}

_Use_decl_annotations_
VOID
EpochSettle(VOID)
{
    // What is freed may retire more, and each attempt moves on by one epoch at most; none if a run is in the way.
    while (__atomic_load_n(&RetiredFirst, __ATOMIC_RELAXED) != NULL) {
        UINT64 Before = EpochCurrent();
        Reap();
        if (EpochCurrent() == Before)
            return;
    }
}

_Use_decl_annotations_
VOID
EpochSynchronize(VOID)
{
    Reap();
    while (__atomic_load_n(&RetiredFirst, __ATOMIC_SEQ_CST) != NULL) {
        PlatformYield();
        Reap();
    }
}

_Use_decl_annotations_
VOID
EpochDrain(VOID)
{
    UINT64 Before = EpochCurrent();
    // Each attempt moves on by one epoch at most: without runs in the way it takes two.
    while (!EpochIsOver(Before) && !EpochIsOver(Before))
        PlatformYield();
}
