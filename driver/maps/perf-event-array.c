#include "perf-event-array.h"

#include "record-ring.h"

/** What one processor writes; on cache lines of its own. */
typedef struct _PROCESSOR_RING {
    DECLSPEC_ALIGN(PLATFORM_ALIGNMENT) RECORD_RING Records;
} PROCESSOR_RING;

typedef struct _PERF_ARRAY {
    EBPF_MAP Map;
    /** The ring that the reader looks into next. */
    UINT32 Turn;
    PROCESSOR_RING *Rings;
} PERF_ARRAY;

static PERF_ARRAY *
Own(const EBPF_MAP *Map)
{
    return CONTAINING_RECORD(Map, PERF_ARRAY, Map);
}

static UINT64
CountBytes(const EBPF_MAP_DEFINITION *Definition)
{
    return sizeof(PERF_ARRAY) + PlatformProcessorCount() * (sizeof(PROCESSOR_RING) + (UINT64)Definition->MaxEntries +
                                                            RECORD_RING_EXTRA_BYTES);
}

static VOID
Destroy(EBPF_MAP *Map)
{
    PERF_ARRAY *Array = Own(Map);
    for (UINT32 Index = 0; Array->Rings != NULL && Index < PlatformProcessorCount(); Index++)
        RecordRingTerminate(&Array->Rings[Index].Records);
    PlatformFree(Array->Rings);
    PlatformFree(Array);
}

/** Sources for Linux say that keys and values are numbers; nobody has any. */
static BOOLEAN
IsNumberOrNone(UINT32 SizeBytes)
{
    return SizeBytes == 0 || SizeBytes == sizeof(UINT32);
}

static NTSTATUS
Create(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    if (!IsNumberOrNone(Definition->KeySizeBytes) || !IsNumberOrNone(Definition->ValueSizeBytes) ||
        !RecordRingSizeIsValid(Definition->MaxEntries))
        return STATUS_INVALID_PARAMETER;
    PERF_ARRAY *Array = PlatformAllocate(sizeof(PERF_ARRAY));
    if (Array == NULL)
        return STATUS_NO_MEMORY;
    Array->Rings = PlatformAllocate(PlatformProcessorCount() * sizeof(PROCESSOR_RING));
    NTSTATUS Status = Array->Rings == NULL ? STATUS_NO_MEMORY : STATUS_SUCCESS;
    for (UINT32 Index = 0; NT_SUCCESS(Status) && Index < PlatformProcessorCount(); Index++)
        Status = RecordRingInitiate(&Array->Rings[Index].Records, Definition->MaxEntries);
    if (!NT_SUCCESS(Status)) {
        Destroy(&Array->Map);
        return Status;
    }
    *Map = &Array->Map;
    return STATUS_SUCCESS;
}

static UINT8 *
Append(UINT8 *To, PERF_PART Part)
{
    if (Part.SizeBytes != 0)
        memcpy(To, Part.Data, Part.SizeBytes);
    return To + Part.SizeBytes;
}

_Use_decl_annotations_
INT32
PerfOutput(EBPF_MAP *Map, UINT32 Processor, PERF_PART First, PERF_PART Second)
{
    UINT64 SizeBytes = (UINT64)First.SizeBytes + Second.SizeBytes;
    RECORD_RING *Ring = &Own(Map)->Rings[Processor].Records;
    UINT8 *Record = SizeBytes > UINT32_MAX ? NULL : RecordRingReserve(Ring, (UINT32)SizeBytes);
    if (Record == NULL)
        return MAP_NO_SPACE;
    (VOID)Append(Append(Record, First), Second);
    RecordRingSubmit(Record);
    return MAP_OK;
}

_Use_decl_annotations_
INT32
PerfRead(EBPF_MAP *Map, UINT8 *Data, UINT32 CapacityBytes, UINT32 *SizeBytes, UINT32 *Processor)
{
    PERF_ARRAY *Array = Own(Map);
    UINT32 First = __atomic_load_n(&Array->Turn, __ATOMIC_RELAXED);
    INT32 Result = MAP_NOT_FOUND;
    for (UINT32 Count = 0; Count < PlatformProcessorCount() && Result == MAP_NOT_FOUND; Count++) {
        *Processor = (First + Count) % PlatformProcessorCount();
        Result = RecordRingRead(&Array->Rings[*Processor].Records, Data, CapacityBytes, SizeBytes);
    }
    if (Result == MAP_OK)
        __atomic_store_n(&Array->Turn, *Processor + 1, __ATOMIC_RELAXED);
    return Result;
}

_Use_decl_annotations_
BOOLEAN
PerfAwait(EBPF_MAP *Map)
{
    BOOLEAN Found = FALSE;
    for (UINT32 Index = 0; Index < PlatformProcessorCount(); Index++)
        Found |= RecordRingAwait(&Own(Map)->Rings[Index].Records);
    return Found;
}

const EBPF_MAP_TYPE PerfEventArrayMapType = {
    .Number = EBPF_MAP_TYPE_PERF_EVENT_ARRAY, .Create = Create, .CountBytes = CountBytes, .Destroy = Destroy};
