// Positions are counts of all bytes that ever went in and out; what lies between them is in use. A record lies in one
// piece: where the end of the ring is too near, what is left there becomes a record that is discarded.
//
//   | size:30 discarded:1 busy:1 | 0:32 | data, padded to 8 |
#include "ring.h"

#define HEADER_BYTES 8
#define RECORD_BUSY 0x80000000u
#define RECORD_DISCARDED 0x40000000u
#define RECORD_SIZE 0x3fffffffu
#define RING_MINIMUM_BYTES 4096
#define RING_MAXIMUM_BYTES (1u << 30)

typedef struct _RING {
    EBPF_MAP Map;
    EBPF_LOCK WriterLock;
    EBPF_LOCK ReaderLock;
    UINT64 Written;
    UINT64 Read;
    UINT64 Dropped;
    UINT8 *Data;
} RING;

static RING *
Own(const EBPF_MAP *Map)
{
    return CONTAINING_RECORD(Map, RING, Map);
}

static UINT64
CountBytes(const EBPF_MAP_DEFINITION *Definition)
{
    return sizeof(RING) + (UINT64)Definition->MaxEntries;
}

static NTSTATUS
Create(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    UINT32 SizeBytes = Definition->MaxEntries;
    if (Definition->KeySizeBytes != 0 || Definition->ValueSizeBytes != 0 || SizeBytes < RING_MINIMUM_BYTES ||
        SizeBytes > RING_MAXIMUM_BYTES || (SizeBytes & (SizeBytes - 1)) != 0)
        return STATUS_INVALID_PARAMETER;
    RING *Ring = PlatformAllocate(sizeof(RING));
    if (Ring == NULL)
        return STATUS_NO_MEMORY;
    Ring->Data = PlatformAllocate(SizeBytes);
    if (Ring->Data == NULL) {
        PlatformFree(Ring);
        return STATUS_NO_MEMORY;
    }
    *Map = &Ring->Map;
    return STATUS_SUCCESS;
}

static VOID
Destroy(EBPF_MAP *Map)
{
    PlatformFree(Own(Map)->Data);
    PlatformFree(Own(Map));
}

static UINT32 *
HeaderAt(const RING *Ring, UINT64 Position)
{
    return (UINT32 *)(Ring->Data + (Position & (Ring->Map.Definition.MaxEntries - 1)));
}

_Use_decl_annotations_
UINT8 *
RingReserve(EBPF_MAP *Map, UINT32 SizeBytes)
{
    RING *Ring = Own(Map);
    UINT64 Capacity = Map->Definition.MaxEntries;
    UINT64 Total = MapAlign((UINT64)SizeBytes + HEADER_BYTES, 8);
    UINT8 *Record = NULL;
    EBPF_IRQL Irql = LockAcquire(&Ring->WriterLock);
    UINT64 Written = Ring->Written;
    UINT64 Room = Capacity - (Written & (Capacity - 1));
    UINT64 Skip = Room < Total ? Room : 0;
    UINT64 InUse = Written - __atomic_load_n(&Ring->Read, __ATOMIC_ACQUIRE);
    if (Total <= Capacity / 2 && InUse + Skip + Total <= Capacity) {
        if (Skip != 0)
            __atomic_store_n(
                HeaderAt(Ring, Written), (UINT32)(Skip - HEADER_BYTES) | RECORD_DISCARDED, __ATOMIC_RELAXED);
        UINT32 *Header = HeaderAt(Ring, Written + Skip);
        __atomic_store_n(Header, SizeBytes | RECORD_BUSY, __ATOMIC_RELAXED);
        __atomic_store_n(&Ring->Written, Written + Skip + Total, __ATOMIC_RELEASE);
        Record = (UINT8 *)Header + HEADER_BYTES;
    } else {
        __atomic_store_n(&Ring->Dropped, Ring->Dropped + 1, __ATOMIC_RELAXED);
    }
    LockRelease(&Ring->WriterLock, Irql);
    return Record;
}

static VOID
Finish(UINT8 *Record, UINT32 Flag)
{
    UINT32 *Header = (UINT32 *)(Record - HEADER_BYTES);
    __atomic_store_n(Header, (*Header & RECORD_SIZE) | Flag, __ATOMIC_RELEASE);
}

_Use_decl_annotations_
VOID
RingSubmit(UINT8 *Record)
{
    Finish(Record, 0);
}

_Use_decl_annotations_
VOID
RingDiscard(UINT8 *Record)
{
    Finish(Record, RECORD_DISCARDED);
}

_Use_decl_annotations_
INT32
RingOutput(EBPF_MAP *Map, const UINT8 *Data, UINT32 SizeBytes)
{
    UINT8 *Record = RingReserve(Map, SizeBytes);
    if (Record == NULL)
        return MAP_NO_MEMORY;
    if (SizeBytes != 0)
        memcpy(Record, Data, SizeBytes);
    RingSubmit(Record);
    return MAP_OK;
}

/** The position of the oldest record that was submitted; what was discarded before it is passed over. */
static INT32
FindOldest(RING *Ring, UINT64 *Position, UINT32 *SizeBytes)
{
    for (*Position = Ring->Read; *Position != __atomic_load_n(&Ring->Written, __ATOMIC_ACQUIRE);) {
        UINT32 Header = __atomic_load_n(HeaderAt(Ring, *Position), __ATOMIC_ACQUIRE);
        if ((Header & RECORD_BUSY) != 0)
            return MAP_NOT_FOUND;
        *SizeBytes = Header & RECORD_SIZE;
        if ((Header & RECORD_DISCARDED) == 0)
            return MAP_OK;
        *Position += MapAlign((UINT64)*SizeBytes + HEADER_BYTES, 8);
        __atomic_store_n(&Ring->Read, *Position, __ATOMIC_RELEASE);
    }
    return MAP_NOT_FOUND;
}

_Use_decl_annotations_
INT32
RingRead(EBPF_MAP *Map, UINT8 *Data, UINT32 CapacityBytes, UINT32 *SizeBytes)
{
    RING *Ring = Own(Map);
    UINT64 Position;
    *SizeBytes = 0;
    EBPF_IRQL Irql = LockAcquire(&Ring->ReaderLock);
    INT32 Result = FindOldest(Ring, &Position, SizeBytes);
    if (Result == MAP_OK && *SizeBytes > CapacityBytes)
        Result = MAP_TOO_BIG;
    if (Result == MAP_OK) {
        memcpy(Data, (const UINT8 *)HeaderAt(Ring, Position) + HEADER_BYTES, *SizeBytes);
        Position += MapAlign((UINT64)*SizeBytes + HEADER_BYTES, 8);
        __atomic_store_n(&Ring->Read, Position, __ATOMIC_RELEASE);
    }
    LockRelease(&Ring->ReaderLock, Irql);
    return Result;
}

_Use_decl_annotations_
UINT64
RingCountDropped(const EBPF_MAP *Map)
{
    return __atomic_load_n(&Own(Map)->Dropped, __ATOMIC_RELAXED);
}

const EBPF_MAP_TYPE RingMapType = {
    .Number = EBPF_MAP_TYPE_RINGBUF, .Create = Create, .CountBytes = CountBytes, .Destroy = Destroy};
