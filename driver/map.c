#include "map.h"

/** How many places a batch looks at in one epoch, and how many times in one request: few entries in a large map end it too. */
#define PART_PLACES 64u
#define BATCH_PARTS 16384u

static const EBPF_MAP_TYPE *const MapTypes[] = {
    &ArrayMapType,
    &PercpuArrayMapType,
    &HashMapType,
    &PercpuHashMapType,
    &LruHashMapType,
    &LruPercpuHashMapType,
    &ProgArrayMapType,
    &RingMapType,
    &PerfEventArrayMapType,
    &QueueMapType,
    &StackMapType,
};

static const EBPF_MAP_TYPE *
FindType(UINT32 Number)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(MapTypes); Index++)
        if (MapTypes[Index]->Number == Number)
            return MapTypes[Index];
    return NULL;
}

static VOID
Destroy(EBPF_OBJECT *Object)
{
    EBPF_MAP *Map = CONTAINING_RECORD(Object, EBPF_MAP, Object);
    Map->Type->Destroy(Map);
}

static VOID
Abandon(EBPF_OBJECT *Object)
{
    EBPF_MAP *Map = CONTAINING_RECORD(Object, EBPF_MAP, Object);
    Map->Type->Abandon(Map);
}

_Use_decl_annotations_
NTSTATUS
MapPrepare(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    *Map = NULL;
    if ((Definition->Flags & ~MAP_FLAG_PROGRAM_READ_ONLY) != 0)
        return STATUS_INVALID_PARAMETER;
    const EBPF_MAP_TYPE *Type = FindType(Definition->Type);
    if (Type == NULL)
        return STATUS_NOT_SUPPORTED;
    NTSTATUS Status = Type->Create(Definition, Map);
    if (NT_SUCCESS(Status)) {
        (*Map)->Definition = *Definition;
        (*Map)->Type = Type;
        (*Map)->Object.Abandon = Type->Abandon == NULL ? NULL : Abandon;
    }
    return Status;
}

_Use_decl_annotations_
UINT64
MapCountBytes(const EBPF_MAP_DEFINITION *Definition)
{
    const EBPF_MAP_TYPE *Type = FindType(Definition->Type);
    return Type == NULL ? 0 : Type->CountBytes(Definition);
}

_Use_decl_annotations_
VOID
MapPublish(EBPF_MAP *Map)
{
    ObjectPublish(&Map->Object, ObjectMap, Destroy);
}

_Use_decl_annotations_
NTSTATUS
MapCreate(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    NTSTATUS Status = MapPrepare(Definition, Map);
    if (NT_SUCCESS(Status))
        MapPublish(*Map);
    return Status;
}

_Use_decl_annotations_
UINT8 *
MapLookup(EBPF_MAP *Map, const UINT8 *Key)
{
    UINT8 *Value = Map->Type->Lookup == NULL ? NULL : Map->Type->Lookup(Map, Key);
    if (Value == NULL || Map->ProcessorStride == 0)
        return Value;
    return Value + PlatformProcessorNumber() * Map->ProcessorStride;
}

/** Whether programs may change entries. */
static BOOLEAN
IsForPrograms(const EBPF_MAP *Map)
{
    return Map->Type->Lookup != NULL && (Map->Definition.Flags & MAP_FLAG_PROGRAM_READ_ONLY) == 0;
}

_Use_decl_annotations_
INT32
MapUpdate(EBPF_MAP *Map, const UINT8 *Key, const UINT8 *Value, UINT64 Flags)
{
    if (!IsForPrograms(Map) || Map->Type->Update == NULL)
        return MAP_INVALID;
    UINT32 Processor = Map->ProcessorStride == 0 ? 0 : PlatformProcessorNumber();
    return Map->Type->Update(Map, Key, Value, Flags, Processor);
}

_Use_decl_annotations_
INT32
MapDelete(EBPF_MAP *Map, const UINT8 *Key)
{
    return IsForPrograms(Map) && Map->Type->Delete != NULL ? Map->Type->Delete(Map, Key) : MAP_INVALID;
}

_Use_decl_annotations_
BOOLEAN
MapContains(const EBPF_MAP *Map, UINT64 Address, UINT64 SizeBytes)
{
    return Map->Type->Contains != NULL && Map->Type->Contains(Map, Address, SizeBytes);
}

_Use_decl_annotations_
UINT32
MapStride(const EBPF_MAP *Map)
{
    return (UINT32)MapAlign(Map->Definition.ValueSizeBytes, 8);
}

_Use_decl_annotations_
UINT64
MapCopySize(const EBPF_MAP *Map)
{
    if (!Map->Type->PerProcessor)
        return Map->Definition.ValueSizeBytes;
    return (UINT64)MapStride(Map) * PlatformProcessorCount();
}

/** All that MapRead gives, from where the value of the first processor lies. */
static VOID
CopyOut(const EBPF_MAP *Map, UINT8 *Value, const UINT8 *From)
{
    UINT32 Copies = Map->Type->PerProcessor ? PlatformProcessorCount() : 1;
    for (UINT32 Index = 0; Index < Copies; Index++) {
        UINT8 *To = Value + (SIZE_T)Index * MapStride(Map);
        // The bytes after a value are nobody's, but go to user mode.
        if (Copies > 1)
            memset(To, 0, MapStride(Map));
        MapCopyValue(To, From + Index * Map->ProcessorStride, Map->Definition.ValueSizeBytes);
    }
}

_Use_decl_annotations_
INT32
MapRead(EBPF_MAP *Map, const UINT8 *Key, UINT8 *Value)
{
    if (Map->Type->Peek == NULL)
        return MAP_INVALID;
    EBPF_EPOCH_TOKEN Token = EpochEnter();
    const UINT8 *From = Map->Type->Peek(Map, Key);
    if (From != NULL)
        CopyOut(Map, Value, From);
    EpochExit(Token);
    return From == NULL ? MAP_NOT_FOUND : MAP_OK;
}

/** Whether others than programs may write it, asked inside of the epoch in which they do: MapFreeze waits until that is over. */
static BOOLEAN
IsWritable(const EBPF_MAP *Map)
{
    return __atomic_load_n(&Map->Frozen, __ATOMIC_SEQ_CST) == MAP_WRITABLE;
}

_Use_decl_annotations_
BOOLEAN
MapFreeze(EBPF_MAP *Map)
{
    if (Map->Type->Contains == NULL)
        return FALSE;
    UINT32 Expected = MAP_WRITABLE;
    __atomic_compare_exchange_n(&Map->Frozen, &Expected, MAP_FREEZING, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    UINT64 Epoch = EpochCurrent();
    while (!EpochIsOver(Epoch))
        PlatformYield();
    __atomic_store_n(&Map->Frozen, MAP_FROZEN, __ATOMIC_SEQ_CST);
    return TRUE;
}

_Use_decl_annotations_
BOOLEAN
MapIsFrozen(const EBPF_MAP *Map)
{
    return __atomic_load_n(&Map->Frozen, __ATOMIC_SEQ_CST) == MAP_FROZEN;
}

_Use_decl_annotations_
BOOLEAN
MapIsConstant(const EBPF_MAP *Map)
{
    return MapIsFrozen(Map) && (Map->Definition.Flags & MAP_FLAG_PROGRAM_READ_ONLY) != 0;
}

_Use_decl_annotations_
INT32
MapWrite(EBPF_MAP *Map, const UINT8 *Key, const UINT8 *Value, UINT64 Flags)
{
    if (Map->Type->Update == NULL)
        return MAP_INVALID;
    EBPF_EPOCH_TOKEN Token = EpochEnter();
    UINT32 Processor = Map->Type->PerProcessor ? MAP_ALL_PROCESSORS : 0;
    INT32 Result = IsWritable(Map) ? Map->Type->Update(Map, Key, Value, Flags, Processor) : MAP_NOT_PERMITTED;
    EpochExit(Token);
    return Result;
}

_Use_decl_annotations_
INT32
MapErase(EBPF_MAP *Map, const UINT8 *Key)
{
    if (Map->Type->Delete == NULL)
        return MAP_INVALID;
    EBPF_EPOCH_TOKEN Token = EpochEnter();
    INT32 Result = IsWritable(Map) ? Map->Type->Delete(Map, Key) : MAP_NOT_PERMITTED;
    EpochExit(Token);
    return Result;
}

_Use_decl_annotations_
UINT32
MapCount(const EBPF_MAP *Map)
{
    return Map->Type->Count == NULL ? 0 : Map->Type->Count(Map);
}

_Use_decl_annotations_
INT32
MapNextKey(EBPF_MAP *Map, const UINT8 *Key, UINT8 *Next)
{
    if (Map->Type->NextKey == NULL)
        return MAP_INVALID;
    EBPF_EPOCH_TOKEN Token = EpochEnter();
    INT32 Result = Map->Type->NextKey(Map, Key, Next);
    EpochExit(Token);
    return Result;
}

_Use_decl_annotations_
VOID
MapBatchAdd(const EBPF_MAP *Map, MAP_BATCH *Batch, const UINT8 *Key, const UINT8 *Value)
{
    UINT64 EntryBytes = Map->Definition.KeySizeBytes + MapCopySize(Map);
    if (Batch->SizeBytes <= Batch->CapacityBytes && EntryBytes <= Batch->CapacityBytes - Batch->SizeBytes) {
        UINT8 *To = Batch->Data + Batch->SizeBytes;
        memcpy(To, Key, Map->Definition.KeySizeBytes);
        CopyOut(Map, To + Map->Definition.KeySizeBytes, Value);
    }
    Batch->SizeBytes += EntryBytes;
    Batch->Count++;
}

/** Copies places up to End; FALSE if there was no room for the one at *Place, of which nothing is kept then. */
static BOOLEAN
CopyPlaces(EBPF_MAP *Map, UINT64 *Place, UINT64 End, MAP_BATCH *Batch)
{
    for (; *Place < End; (*Place)++) {
        MAP_BATCH Before = *Batch;
        Map->Type->CopyPlace(Map, *Place, Batch);
        if (Batch->SizeBytes <= Batch->CapacityBytes)
            continue;
        // Alone it is asked for again with as much room as it takes.
        if (Before.Count != 0)
            *Batch = Before;
        return FALSE;
    }
    return TRUE;
}

_Use_decl_annotations_
INT32
MapReadBatch(EBPF_MAP *Map, UINT64 *Place, MAP_BATCH *Batch)
{
    if (Map->Type->CopyPlace == NULL)
        return MAP_INVALID;
    UINT64 PlaceCount = Map->Type->KeyIsPlace ? Map->Definition.MaxEntries : Map->Type->CountPlaces(Map);
    BOOLEAN Fits = TRUE;
    for (UINT32 Part = 0; Fits && *Place < PlaceCount && Part < BATCH_PARTS; Part++) {
        UINT64 Left = PlaceCount - *Place;
        // What is deleted meanwhile waits for the epoch: it does not last for all of them.
        EBPF_EPOCH_TOKEN Token = EpochEnter();
        Fits = CopyPlaces(Map, Place, *Place + (Left < PART_PLACES ? Left : PART_PLACES), Batch);
        EpochExit(Token);
    }
    if (Batch->SizeBytes > Batch->CapacityBytes)
        return MAP_TOO_BIG;
    if (*Place >= PlaceCount)
        *Place = 0;
    return MAP_OK;
}

_Use_decl_annotations_
VOID
MapCopyValue(UINT8 *To, const UINT8 *From, UINT32 SizeBytes)
{
    // One side is in the map and aligned; the other is a program's, a caller's or a copy's and may not be.
    BOOLEAN FromAligned = ((UINT_PTR)From & 7) == 0;
    BOOLEAN ToAligned = ((UINT_PTR)To & 7) == 0;
    UINT32 At = 0;
    for (; At + 8 <= SizeBytes; At += 8) {
        UINT64 Word;
        if (FromAligned)
            Word = __atomic_load_n((const UINT64 *)(From + At), __ATOMIC_RELAXED);
        else
            memcpy(&Word, From + At, sizeof(Word));
        if (ToAligned)
            __atomic_store_n((UINT64 *)(To + At), Word, __ATOMIC_RELAXED);
        else
            memcpy(To + At, &Word, sizeof(Word));
    }
    for (; At < SizeBytes; At++)
        __atomic_store_n(&To[At], __atomic_load_n(&From[At], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}
