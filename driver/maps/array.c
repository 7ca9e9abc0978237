// ARRAY and PERCPU_ARRAY: all entries are there from the start, as zeros; the key is a 32-bit index. There are no locks:
// how processors share the bytes of a value is the program's business, as on Linux.
//
//   array:         value 0 | value 1 | ...                       each padded to 8
//   percpu_array:  processor 0: value 0 | value 1 | ...          each processor's padded to a cache line
#include "../map.h"

typedef struct _ARRAY_MAP {
    EBPF_MAP Map;
    UINT64 StrideBytes;
    UINT64 SizeBytes;
    UINT8 *Values;
} ARRAY_MAP;

static ARRAY_MAP *
Own(const EBPF_MAP *Map)
{
    return CONTAINING_RECORD(Map, ARRAY_MAP, Map);
}

/** Of the values of one processor. */
static UINT64
CopyBytesOf(const EBPF_MAP_DEFINITION *Definition)
{
    return MapAlign(MapAlign(Definition->ValueSizeBytes, 8) * Definition->MaxEntries, PLATFORM_ALIGNMENT);
}

static UINT64
CountBytesShared(const EBPF_MAP_DEFINITION *Definition)
{
    return sizeof(ARRAY_MAP) + CopyBytesOf(Definition);
}

static UINT64
CountBytesPercpu(const EBPF_MAP_DEFINITION *Definition)
{
    return sizeof(ARRAY_MAP) + CopyBytesOf(Definition) * PlatformProcessorCount();
}

static NTSTATUS
Create(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map, UINT32 Copies)
{
    if (Definition->KeySizeBytes != sizeof(UINT32) || Definition->ValueSizeBytes == 0 ||
        Definition->MaxEntries == 0)
        return STATUS_INVALID_PARAMETER;
    UINT64 Stride = MapAlign(Definition->ValueSizeBytes, 8);
    UINT64 CopyBytes = CopyBytesOf(Definition);
    if (CopyBytes > MAP_MAXIMUM_BYTES / Copies)
        return STATUS_INVALID_PARAMETER;
    ARRAY_MAP *Array = PlatformAllocate(sizeof(ARRAY_MAP));
    if (Array == NULL)
        return STATUS_NO_MEMORY;
    Array->StrideBytes = Stride;
    Array->SizeBytes = CopyBytes * Copies;
    Array->Map.ProcessorStride = Copies == 1 ? 0 : CopyBytes;
    Array->Values = PlatformAllocate(Array->SizeBytes);
    if (Array->Values == NULL) {
        PlatformFree(Array);
        return STATUS_NO_MEMORY;
    }
    *Map = &Array->Map;
    return STATUS_SUCCESS;
}

static NTSTATUS
CreateShared(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    return Create(Definition, Map, 1);
}

static NTSTATUS
CreatePercpu(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    return Create(Definition, Map, PlatformProcessorCount());
}

static VOID
Destroy(EBPF_MAP *Map)
{
    PlatformFree(Own(Map)->Values);
    PlatformFree(Own(Map));
}

static UINT8 *
Lookup(EBPF_MAP *Map, const UINT8 *Key)
{
    UINT32 Index;
    memcpy(&Index, Key, sizeof(Index));
    return Index < Map->Definition.MaxEntries ? Own(Map)->Values + Index * Own(Map)->StrideBytes : NULL;
}

static INT32
Update(EBPF_MAP *Map, const UINT8 *Key, const UINT8 *Value, UINT64 Flags, UINT32 Processor)
{
    if (Flags == MAP_UPDATE_NOEXIST)
        return MAP_EXISTS;
    if (Flags > MAP_UPDATE_EXIST)
        return MAP_INVALID;
    UINT8 *To = Lookup(Map, Key);
    if (To == NULL)
        return MAP_TOO_BIG;
    UINT32 SizeBytes = Map->Definition.ValueSizeBytes;
    if (Processor != MAP_ALL_PROCESSORS) {
        MapCopyValue(To + Processor * Map->ProcessorStride, Value, SizeBytes);
        return MAP_OK;
    }
    for (UINT32 Index = 0; Index < PlatformProcessorCount(); Index++)
        MapCopyValue(To + Index * Map->ProcessorStride, Value + (SIZE_T)Index * MapStride(Map), SizeBytes);
    return MAP_OK;
}

static INT32
NextKey(EBPF_MAP *Map, const UINT8 *Key, UINT8 *Next)
{
    UINT32 Index = 0;
    if (Key != NULL) {
        memcpy(&Index, Key, sizeof(Index));
        Index = Index < Map->Definition.MaxEntries ? Index + 1 : 0;
    }
    if (Index >= Map->Definition.MaxEntries)
        return MAP_NOT_FOUND;
    memcpy(Next, &Index, sizeof(Index));
    return MAP_OK;
}

static UINT32
Count(const EBPF_MAP *Map)
{
    return Map->Definition.MaxEntries;
}

static VOID
CopyPlace(EBPF_MAP *Map, UINT64 Place, MAP_BATCH *Batch)
{
    UINT32 Index = (UINT32)Place;
    MapBatchAdd(Map, Batch, (const UINT8 *)&Index, Own(Map)->Values + Place * Own(Map)->StrideBytes);
}

static BOOLEAN
Contains(const EBPF_MAP *Map, UINT64 Address, UINT64 SizeBytes)
{
    const ARRAY_MAP *Array = Own(Map);
    UINT64 Offset = Address - (UINT64)(UINT_PTR)Array->Values;
    if (Offset >= Array->SizeBytes)
        return FALSE;
    if (Map->ProcessorStride != 0)
        Offset %= Map->ProcessorStride;
    UINT64 Within = Offset % Array->StrideBytes;
    // The padding after the last value of a processor is no entry.
    return Offset / Array->StrideBytes < Map->Definition.MaxEntries &&
           SizeBytes <= Map->Definition.ValueSizeBytes && Within <= Map->Definition.ValueSizeBytes - SizeBytes;
}

#define ARRAY_TYPE(TypeNumber, Percpu, Kind)                                                        \
    {                                                                                                         \
        .Number = TypeNumber, .PerProcessor = Percpu, .KeyIsPlace = TRUE, .Create = Create##Kind,              \
        .CountBytes = CountBytes##Kind, .Destroy = Destroy,                                                   \
        .Lookup = Lookup, .Peek = Lookup, .Update = Update, .NextKey = NextKey, .Count = Count,               \
        .CopyPlace = CopyPlace, .Contains = Contains,                                                         \
    }

const EBPF_MAP_TYPE ArrayMapType = ARRAY_TYPE(EBPF_MAP_TYPE_ARRAY, FALSE, Shared);
const EBPF_MAP_TYPE PercpuArrayMapType = ARRAY_TYPE(EBPF_MAP_TYPE_PERCPU_ARRAY, TRUE, Percpu);
