#include "ring.h"

#include "record-ring.h"

typedef struct _RING {
    EBPF_MAP Map;
    RECORD_RING Records;
} RING;

static RING *
Own(const EBPF_MAP *Map)
{
    return CONTAINING_RECORD(Map, RING, Map);
}

static UINT64
CountBytes(const EBPF_MAP_DEFINITION *Definition)
{
    return sizeof(RING) + (UINT64)Definition->MaxEntries + RECORD_RING_EXTRA_BYTES;
}

static NTSTATUS
Create(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    if (Definition->KeySizeBytes != 0 || Definition->ValueSizeBytes != 0 ||
        !RecordRingSizeIsValid(Definition->MaxEntries))
        return STATUS_INVALID_PARAMETER;
    RING *Ring = PlatformAllocate(sizeof(RING));
    if (Ring == NULL)
        return STATUS_NO_MEMORY;
    if (!NT_SUCCESS(RecordRingInitiate(&Ring->Records, Definition->MaxEntries))) {
        PlatformFree(Ring);
        return STATUS_NO_MEMORY;
    }
    *Map = &Ring->Map;
    return STATUS_SUCCESS;
}

static VOID
Destroy(EBPF_MAP *Map)
{
    RecordRingTerminate(&Own(Map)->Records);
    PlatformFree(Own(Map));
}

_Use_decl_annotations_
UINT8 *
RingReserve(EBPF_MAP *Map, UINT32 SizeBytes)
{
    return RecordRingReserve(&Own(Map)->Records, SizeBytes);
}

_Use_decl_annotations_
VOID
RingSubmit(UINT8 *Record)
{
    RecordRingSubmit(Record);
}

_Use_decl_annotations_
VOID
RingDiscard(UINT8 *Record)
{
    RecordRingDiscard(Record);
}

_Use_decl_annotations_
INT32
RingOutput(EBPF_MAP *Map, const UINT8 *Data, UINT32 SizeBytes)
{
    UINT8 *Record = RingReserve(Map, SizeBytes);
    if (Record == NULL)
        return MAP_AGAIN;
    if (SizeBytes != 0)
        memcpy(Record, Data, SizeBytes);
    RingSubmit(Record);
    return MAP_OK;
}

_Use_decl_annotations_
INT32
RingRead(EBPF_MAP *Map, UINT8 *Data, UINT32 CapacityBytes, UINT32 *SizeBytes)
{
    return RecordRingRead(&Own(Map)->Records, Data, CapacityBytes, SizeBytes);
}

_Use_decl_annotations_
BOOLEAN
RingAwait(EBPF_MAP *Map)
{
    return RecordRingAwait(&Own(Map)->Records);
}

_Use_decl_annotations_
UINT64
RingCountDropped(const EBPF_MAP *Map)
{
    return RecordRingCountDropped(&Own(Map)->Records);
}

const EBPF_MAP_TYPE RingMapType = {
    .Number = EBPF_MAP_TYPE_RINGBUF, .Create = Create, .CountBytes = CountBytes, .Destroy = Destroy};
