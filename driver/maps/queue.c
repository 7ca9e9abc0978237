#include "queue.h"

typedef struct _QUEUE {
    EBPF_MAP Map;
    EBPF_LOCK Lock;
    /** Where the oldest value lies, and how many there are; after the last place comes the first. */
    UINT32 Oldest;
    UINT32 Count;
    UINT8 *Values;
} QUEUE;

static QUEUE *
Own(const EBPF_MAP *Map)
{
    return CONTAINING_RECORD(Map, QUEUE, Map);
}

static UINT64
CountBytes(const EBPF_MAP_DEFINITION *Definition)
{
    return sizeof(QUEUE) + (UINT64)Definition->ValueSizeBytes * Definition->MaxEntries;
}

static NTSTATUS
Create(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    if (Definition->KeySizeBytes != 0 || Definition->ValueSizeBytes == 0 || Definition->MaxEntries == 0)
        return STATUS_INVALID_PARAMETER;
    UINT64 SizeBytes = (UINT64)Definition->ValueSizeBytes * Definition->MaxEntries;
    if (SizeBytes > MAP_MAXIMUM_BYTES)
        return STATUS_INVALID_PARAMETER;
    QUEUE *Queue = PlatformAllocate(sizeof(QUEUE));
    if (Queue == NULL)
        return STATUS_NO_MEMORY;
    Queue->Values = PlatformAllocate(SizeBytes);
    if (Queue->Values == NULL) {
        PlatformFree(Queue);
        return STATUS_NO_MEMORY;
    }
    *Map = &Queue->Map;
    return STATUS_SUCCESS;
}

static VOID
Destroy(EBPF_MAP *Map)
{
    PlatformFree(Own(Map)->Values);
    PlatformFree(Own(Map));
}

static BOOLEAN
IsQueueOrStack(const EBPF_MAP *Map)
{
    return Map->Type == &QueueMapType || Map->Type == &StackMapType;
}

/** The place that many after the oldest. */
static UINT8 *
PlaceOf(const QUEUE *Queue, UINT32 Number)
{
    UINT64 Index = ((UINT64)Queue->Oldest + Number) % Queue->Map.Definition.MaxEntries;
    return Queue->Values + Index * Queue->Map.Definition.ValueSizeBytes;
}

_Use_decl_annotations_
INT32
QueuePush(EBPF_MAP *Map, const UINT8 *Value, UINT64 Flags)
{
    QUEUE *Queue = Own(Map);
    INT32 Result = MAP_OK;
    if (!IsQueueOrStack(Map) || (Flags != MAP_UPDATE_ANY && Flags != MAP_UPDATE_EXIST))
        return MAP_INVALID;
    EBPF_IRQL Irql = LockAcquire(&Queue->Lock);
    BOOLEAN Full = Queue->Count == Map->Definition.MaxEntries;
    if (Full && Flags == MAP_UPDATE_ANY) {
        Result = MAP_TOO_BIG;
    } else {
        if (Full) {
            Queue->Oldest = (Queue->Oldest + 1) % Map->Definition.MaxEntries;
            Queue->Count--;
        }
        memcpy(PlaceOf(Queue, Queue->Count), Value, Map->Definition.ValueSizeBytes);
        Queue->Count++;
    }
    LockRelease(&Queue->Lock, Irql);
    return Result;
}

_Use_decl_annotations_
INT32
QueueTake(EBPF_MAP *Map, UINT8 *Value, BOOLEAN Remove)
{
    QUEUE *Queue = Own(Map);
    INT32 Result = MAP_NOT_FOUND;
    if (!IsQueueOrStack(Map))
        return MAP_INVALID;
    BOOLEAN Newest = Map->Type == &StackMapType;
    EBPF_IRQL Irql = LockAcquire(&Queue->Lock);
    if (Queue->Count > 0) {
        memcpy(Value, PlaceOf(Queue, Newest ? Queue->Count - 1 : 0), Map->Definition.ValueSizeBytes);
        if (Remove && !Newest)
            Queue->Oldest = (Queue->Oldest + 1) % Map->Definition.MaxEntries;
        Queue->Count -= Remove;
        Result = MAP_OK;
    } else {
        memset(Value, 0, Map->Definition.ValueSizeBytes);
    }
    LockRelease(&Queue->Lock, Irql);
    return Result;
}

static UINT32
Count(const EBPF_MAP *Map)
{
    return __atomic_load_n(&Own(Map)->Count, __ATOMIC_RELAXED);
}

#define QUEUE_TYPE(TypeNumber) \
    {.Number = TypeNumber, .Create = Create, .CountBytes = CountBytes, .Destroy = Destroy, .Count = Count}

const EBPF_MAP_TYPE QueueMapType = QUEUE_TYPE(EBPF_MAP_TYPE_QUEUE);
const EBPF_MAP_TYPE StackMapType = QUEUE_TYPE(EBPF_MAP_TYPE_STACK);
