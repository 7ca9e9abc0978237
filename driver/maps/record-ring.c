// Positions are counts of all bytes that ever went in and out; what lies between them is in use. A record lies in one
// piece: where the end of the ring is too near, what is left there becomes a record that is discarded.
//
//   memory: | the ring's address, padded to a cache line | records, one after the other |
//   record: | size:30 discarded:1 busy:1 | its place, in words of 8 bytes:32 | data, padded to 8 |
#include "record-ring.h"

#define HEADER_BYTES 8
#define RECORD_BUSY 0x80000000u
#define RECORD_DISCARDED 0x40000000u
#define RECORD_SIZE 0x3fffffffu

_Use_decl_annotations_
BOOLEAN
RecordRingSizeIsValid(UINT32 SizeBytes)
{
    return SizeBytes >= RECORD_RING_MINIMUM_BYTES && SizeBytes <= RECORD_RING_MAXIMUM_BYTES &&
           (SizeBytes & (SizeBytes - 1)) == 0;
}

_Use_decl_annotations_
NTSTATUS
RecordRingInitiate(RECORD_RING *Ring, UINT32 SizeBytes)
{
    UINT8 *Memory = PlatformAllocate((SIZE_T)SizeBytes + RECORD_RING_EXTRA_BYTES);
    *Ring = (RECORD_RING){.SizeBytes = SizeBytes, .Data = Memory == NULL ? NULL : Memory + RECORD_RING_EXTRA_BYTES};
    if (Memory == NULL)
        return STATUS_NO_MEMORY;
    *(RECORD_RING **)Memory = Ring;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
RecordRingTerminate(RECORD_RING *Ring)
{
    if (Ring->Data != NULL)
        PlatformFree(Ring->Data - RECORD_RING_EXTRA_BYTES);
}

static UINT32 *
HeaderAt(const RECORD_RING *Ring, UINT64 Position)
{
    return (UINT32 *)(Ring->Data + (Position & (Ring->SizeBytes - 1)));
}

_Use_decl_annotations_
UINT8 *
RecordRingReserve(RECORD_RING *Ring, UINT32 SizeBytes)
{
    UINT64 Capacity = Ring->SizeBytes;
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
        Header[1] = (UINT32)(((UINT8 *)Header - Ring->Data) / sizeof(UINT64));
        __atomic_store_n(&Ring->Written, Written + Skip + Total, __ATOMIC_RELEASE);
        Record = (UINT8 *)Header + HEADER_BYTES;
    } else {
        __atomic_store_n(&Ring->Dropped, Ring->Dropped + 1, __ATOMIC_RELAXED);
    }
    LockRelease(&Ring->WriterLock, Irql);
    return Record;
}

/** The ring that a record is in. */
static RECORD_RING *
RingOf(const UINT32 *Header)
{
    const UINT8 *Data = (const UINT8 *)Header - Header[1] * sizeof(UINT64);
    return *(RECORD_RING *const *)(Data - RECORD_RING_EXTRA_BYTES);
}

static VOID
Finish(UINT8 *Record, UINT32 Flag)
{
    UINT32 *Header = (UINT32 *)(Record - HEADER_BYTES);
    RECORD_RING *Ring = RingOf(Header);
    // In one order with what RecordRingAwait does: it sees this record, or we see that it waits.
    __atomic_store_n(Header, (*Header & RECORD_SIZE) | Flag, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&Ring->Waiting, __ATOMIC_SEQ_CST) != 0 &&
        __atomic_exchange_n(&Ring->Waiting, 0, __ATOMIC_SEQ_CST) != 0)
        PlatformWake();
}

_Use_decl_annotations_
VOID
RecordRingSubmit(UINT8 *Record)
{
    Finish(Record, 0);
}

_Use_decl_annotations_
VOID
RecordRingDiscard(UINT8 *Record)
{
    Finish(Record, RECORD_DISCARDED);
}

/**
 * The position of the oldest record that was submitted; what was discarded before it is passed over, as far as it was there when we came:
 * programs could go on discarding for ever.
 */
static INT32
FindOldest(RECORD_RING *Ring, UINT64 *Position, UINT32 *SizeBytes)
{
    UINT64 Written = __atomic_load_n(&Ring->Written, __ATOMIC_SEQ_CST);
    for (*Position = Ring->Read; *Position != Written;) {
        UINT32 Header = __atomic_load_n(HeaderAt(Ring, *Position), __ATOMIC_SEQ_CST);
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

/** One reader at a time, where others may run. */
static VOID
BeginReading(RECORD_RING *Ring)
{
    while (__atomic_exchange_n(&Ring->Reading, 1, __ATOMIC_ACQUIRE) != 0)
        PlatformYield();
}

static VOID
EndReading(RECORD_RING *Ring)
{
    __atomic_store_n(&Ring->Reading, 0, __ATOMIC_RELEASE);
}

_Use_decl_annotations_
BOOLEAN
RecordRingAwait(RECORD_RING *Ring)
{
    UINT64 Position;
    UINT32 SizeBytes;
    __atomic_store_n(&Ring->Waiting, 1, __ATOMIC_SEQ_CST);
    BeginReading(Ring);
    BOOLEAN Found = FindOldest(Ring, &Position, &SizeBytes) == MAP_OK;
    EndReading(Ring);
    return Found;
}

_Use_decl_annotations_
INT32
RecordRingRead(RECORD_RING *Ring, UINT8 *Data, UINT32 CapacityBytes, UINT32 *SizeBytes)
{
    UINT64 Position;
    *SizeBytes = 0;
    BeginReading(Ring);
    INT32 Result = FindOldest(Ring, &Position, SizeBytes);
    if (Result == MAP_OK && *SizeBytes > CapacityBytes)
        Result = MAP_TOO_BIG;
    if (Result == MAP_OK) {
        memcpy(Data, (const UINT8 *)HeaderAt(Ring, Position) + HEADER_BYTES, *SizeBytes);
        Position += MapAlign((UINT64)*SizeBytes + HEADER_BYTES, 8);
        __atomic_store_n(&Ring->Read, Position, __ATOMIC_RELEASE);
    }
    EndReading(Ring);
    return Result;
}

_Use_decl_annotations_
UINT64
RecordRingCountDropped(const RECORD_RING *Ring)
{
    return __atomic_load_n(&Ring->Dropped, __ATOMIC_RELAXED);
}
