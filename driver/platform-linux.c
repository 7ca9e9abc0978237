// The platform for tests on Linux: user-mode memory that can be made to fail, and is counted.
#define _GNU_SOURCE
#include "platform.h"

#include <stdlib.h>

static UINT64 FailAt;
static UINT64 Outstanding;

VOID
LinuxFailAllocation(UINT64 Number)
{
    __atomic_store_n(&FailAt, Number, __ATOMIC_SEQ_CST);
}

UINT64
LinuxCountAllocations(VOID)
{
    return __atomic_load_n(&Outstanding, __ATOMIC_SEQ_CST);
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
    return Memory;
}

_Use_decl_annotations_
VOID
PlatformFree(VOID *Memory)
{
    if (Memory == NULL)
        return;
    __atomic_sub_fetch(&Outstanding, 1, __ATOMIC_SEQ_CST);
    free(Memory);
}
