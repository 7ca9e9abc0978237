// HASH and LRU_HASH with their per-CPU forms. Look-ups take no lock: chains are changed by whole pointers, and an entry is
// used for another key only when no run can see it. Changes take the lock of their bucket. An update writes where the
// value is, so that a program that holds its address sees it.
//
//   entry: | MAP_ENTRY | key, padded to 8 | value |       or one value for each processor, each on cache lines of its own
#include "../siphash.h"
#include "entry-pool.h"

/** Tries to make room; each fails only if another was faster. */
#define EVICTIONS 8

typedef struct _BUCKET {
    MAP_ENTRY *First;
    EBPF_LOCK Lock;
} BUCKET;

typedef struct _HASH_MAP {
    EBPF_MAP Map;
    BOOLEAN Evicts;
    UINT32 BucketMask;
    UINT32 ValueOffset;
    SIPHASH_KEY Seed;
    BUCKET *Buckets;
    ENTRY_POOL Pool;
} HASH_MAP;

static HASH_MAP *
Own(const EBPF_MAP *Map)
{
    return CONTAINING_RECORD(Map, HASH_MAP, Map);
}

static UINT8 *
KeyOf(MAP_ENTRY *Entry)
{
    return (UINT8 *)(Entry + 1);
}

static VOID
Destroy(EBPF_MAP *Map)
{
    PoolTerminate(&Own(Map)->Pool);
    PlatformFree(Own(Map)->Buckets);
    PlatformFree(Own(Map));
}

static UINT32
BucketCount(UINT32 MaxEntries)
{
    UINT32 Count = 1;
    while (Count < MaxEntries && Count < 1u << 31)
        Count <<= 1;
    return Count;
}

/** Where in an entry its values lie, and how far apart they are. */
typedef struct _LAYOUT {
    UINT64 ValueOffset;
    UINT64 Stride;
    UINT64 EntryBytes;
} LAYOUT;

static LAYOUT
LayOut(const EBPF_MAP_DEFINITION *Definition, BOOLEAN PerProcessor)
{
    UINT64 Alignment = PerProcessor ? PLATFORM_ALIGNMENT : 8;
    UINT64 ValueOffset = MapAlign(sizeof(MAP_ENTRY) + (UINT64)Definition->KeySizeBytes, Alignment);
    UINT64 Stride = MapAlign(Definition->ValueSizeBytes, Alignment);
    return (LAYOUT){ValueOffset, Stride, ValueOffset + Stride * (PerProcessor ? PlatformProcessorCount() : 1)};
}

static UINT64
CountBytes(const EBPF_MAP_DEFINITION *Definition, BOOLEAN PerProcessor)
{
    return sizeof(HASH_MAP) + (UINT64)BucketCount(Definition->MaxEntries) * sizeof(BUCKET) +
           PoolCountBytes(Definition->MaxEntries, LayOut(Definition, PerProcessor).EntryBytes);
}

static UINT64
CountBytesShared(const EBPF_MAP_DEFINITION *Definition)
{
    return CountBytes(Definition, FALSE);
}

static UINT64
CountBytesPercpu(const EBPF_MAP_DEFINITION *Definition)
{
    return CountBytes(Definition, TRUE);
}

static NTSTATUS
Create(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map, BOOLEAN PerProcessor, BOOLEAN Evicts)
{
    UINT32 KeySize = Definition->KeySizeBytes;
    if (KeySize == 0 || KeySize > MAP_MAXIMUM_KEY_BYTES || Definition->ValueSizeBytes == 0 ||
        Definition->MaxEntries == 0)
        return STATUS_INVALID_PARAMETER;
    LAYOUT Layout = LayOut(Definition, PerProcessor);
    if (Layout.EntryBytes > MAP_MAXIMUM_BYTES / Definition->MaxEntries)
        return STATUS_INVALID_PARAMETER;
    HASH_MAP *Hash = PlatformAllocate(sizeof(HASH_MAP));
    if (Hash == NULL)
        return STATUS_NO_MEMORY;
    Hash->Evicts = Evicts;
    Hash->BucketMask = BucketCount(Definition->MaxEntries) - 1;
    Hash->ValueOffset = (UINT32)Layout.ValueOffset;
    Hash->Seed = (SIPHASH_KEY){PlatformRandom(), PlatformRandom()};
    Hash->Map.ProcessorStride = PerProcessor ? Layout.Stride : 0;
    Hash->Buckets = PlatformAllocate(((UINT64)Hash->BucketMask + 1) * sizeof(BUCKET));
    if (Hash->Buckets == NULL || !NT_SUCCESS(PoolInitiate(&Hash->Pool, Definition->MaxEntries, Layout.EntryBytes))) {
        Destroy(&Hash->Map);
        return STATUS_NO_MEMORY;
    }
    *Map = &Hash->Map;
    return STATUS_SUCCESS;
}

static NTSTATUS
CreateHash(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    return Create(Definition, Map, FALSE, FALSE);
}

static NTSTATUS
CreatePercpuHash(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    return Create(Definition, Map, TRUE, FALSE);
}

static NTSTATUS
CreateLruHash(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    return Create(Definition, Map, FALSE, TRUE);
}

static NTSTATUS
CreateLruPercpuHash(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    return Create(Definition, Map, TRUE, TRUE);
}

static UINT32
HashOf(const HASH_MAP *Hash, const UINT8 *Key)
{
    return (UINT32)SipHash(Hash->Seed, Key, Hash->Map.Definition.KeySizeBytes);
}

static MAP_ENTRY *
Find(const HASH_MAP *Hash, const UINT8 *Key, UINT32 Number)
{
    MAP_ENTRY *Entry = __atomic_load_n(&Hash->Buckets[Number & Hash->BucketMask].First, __ATOMIC_ACQUIRE);
    while (Entry != NULL &&
           (Entry->Hash != Number || memcmp(KeyOf(Entry), Key, Hash->Map.Definition.KeySizeBytes) != 0))
        Entry = __atomic_load_n(&Entry->Next, __ATOMIC_ACQUIRE);
    return Entry;
}

static UINT8 *
Peek(EBPF_MAP *Map, const UINT8 *Key)
{
    HASH_MAP *Hash = Own(Map);
    MAP_ENTRY *Entry = Find(Hash, Key, HashOf(Hash, Key));
    return Entry == NULL ? NULL : (UINT8 *)Entry + Hash->ValueOffset;
}

static UINT8 *
LookupAndUse(EBPF_MAP *Map, const UINT8 *Key)
{
    UINT8 *Value = Peek(Map, Key);
    if (Value == NULL)
        return NULL;
    MAP_ENTRY *Entry = (MAP_ENTRY *)(Value - Own(Map)->ValueOffset);
    // Written only where it changes, so that a busy entry's line stays shared between processors.
    if (__atomic_load_n(&Entry->Used, __ATOMIC_RELAXED) == 0)
        __atomic_store_n(&Entry->Used, 1, __ATOMIC_RELAXED);
    return Value;
}

/** Takes an entry out of its chain, under the bucket's lock. FALSE if another has. */
static BOOLEAN
Unlink(BUCKET *Bucket, MAP_ENTRY *Entry)
{
    MAP_ENTRY **Link = &Bucket->First;
    while (*Link != NULL && *Link != Entry)
        Link = &(*Link)->Next;
    if (*Link == NULL)
        return FALSE;
    // Its own Next stays, for those that stand on it.
    __atomic_store_n(Link, Entry->Next, __ATOMIC_RELEASE);
    return TRUE;
}

static BOOLEAN
Remove(HASH_MAP *Hash, MAP_ENTRY *Entry)
{
    BUCKET *Bucket = &Hash->Buckets[Entry->Hash & Hash->BucketMask];
    EBPF_IRQL Irql = LockAcquire(&Bucket->Lock);
    BOOLEAN Removed = Unlink(Bucket, Entry);
    LockRelease(&Bucket->Lock, Irql);
    if (Removed)
        PoolRelease(&Hash->Pool, Entry);
    return Removed;
}

static INT32
Delete(EBPF_MAP *Map, const UINT8 *Key)
{
    HASH_MAP *Hash = Own(Map);
    MAP_ENTRY *Entry = Find(Hash, Key, HashOf(Hash, Key));
    return Entry != NULL && Remove(Hash, Entry) ? MAP_OK : MAP_NOT_FOUND;
}

static VOID
SetValue(const HASH_MAP *Hash, MAP_ENTRY *Entry, const UINT8 *Value, UINT32 Processor)
{
    UINT8 *To = (UINT8 *)Entry + Hash->ValueOffset;
    UINT32 SizeBytes = Hash->Map.Definition.ValueSizeBytes;
    if (Processor != MAP_ALL_PROCESSORS) {
        MapCopyValue(To + Processor * Hash->Map.ProcessorStride, Value, SizeBytes);
        return;
    }
    for (UINT32 Index = 0; Index < PlatformProcessorCount(); Index++)
        MapCopyValue(
            To + Index * Hash->Map.ProcessorStride, Value + (SIZE_T)Index * MapStride(&Hash->Map), SizeBytes);
}

/** Makes an entry, under the bucket's lock; it is whole before it is in sight. */
static INT32
Insert(HASH_MAP *Hash, BUCKET *Bucket, const UINT8 *Key, UINT32 Number, const UINT8 *Value, UINT32 Processor)
{
    INT32 Error;
    MAP_ENTRY *Entry = PoolAllocate(&Hash->Pool, Number, &Error);
    if (Entry == NULL)
        return Error;
    memcpy(KeyOf(Entry), Key, Hash->Map.Definition.KeySizeBytes);
    memset((UINT8 *)Entry + Hash->ValueOffset, 0, Hash->Pool.EntryBytes - Hash->ValueOffset);
    SetValue(Hash, Entry, Value, Processor);
    Entry->Next = Bucket->First;
    __atomic_store_n(&Bucket->First, Entry, __ATOMIC_RELEASE);
    return MAP_OK;
}

static INT32
TryUpdate(HASH_MAP *Hash, const UINT8 *Key, UINT32 Number, const UINT8 *Value, UINT64 Flags, UINT32 Processor)
{
    BUCKET *Bucket = &Hash->Buckets[Number & Hash->BucketMask];
    INT32 Result = MAP_OK;
    EBPF_IRQL Irql = LockAcquire(&Bucket->Lock);
    MAP_ENTRY *Entry = Find(Hash, Key, Number);
    if (Entry != NULL && Flags == MAP_UPDATE_NOEXIST)
        Result = MAP_EXISTS;
    else if (Entry == NULL && Flags == MAP_UPDATE_EXIST)
        Result = MAP_NOT_FOUND;
    else if (Entry == NULL)
        Result = Insert(Hash, Bucket, Key, Number, Value, Processor);
    else {
        __atomic_store_n(&Entry->Used, 1, __ATOMIC_RELAXED);
        SetValue(Hash, Entry, Value, Processor);
    }
    LockRelease(&Bucket->Lock, Irql);
    return Result;
}

static INT32
Update(EBPF_MAP *Map, const UINT8 *Key, const UINT8 *Value, UINT64 Flags, UINT32 Processor)
{
    HASH_MAP *Hash = Own(Map);
    UINT32 Number = HashOf(Hash, Key);
    if (Flags > MAP_UPDATE_EXIST)
        return MAP_INVALID;
    INT32 Result = TryUpdate(Hash, Key, Number, Value, Flags, Processor);
    for (UINT32 Count = 0; Result == MAP_TOO_BIG && Hash->Evicts && Count < EVICTIONS; Count++) {
        MAP_ENTRY *Oldest = PoolFindOldest(&Hash->Pool);
        if (Oldest != NULL)
            Remove(Hash, Oldest);
        Result = TryUpdate(Hash, Key, Number, Value, Flags, Processor);
    }
    return Result;
}

static INT32
NextKey(EBPF_MAP *Map, const UINT8 *Key, UINT8 *Next)
{
    HASH_MAP *Hash = Own(Map);
    UINT32 Number = Key == NULL ? 0 : HashOf(Hash, Key);
    MAP_ENTRY *Entry = Key == NULL ? NULL : Find(Hash, Key, Number);
    UINT64 Index = 0;
    if (Entry != NULL) {
        Index = (Number & Hash->BucketMask) + 1ull;
        Entry = __atomic_load_n(&Entry->Next, __ATOMIC_ACQUIRE);
    }
    for (; Entry == NULL && Index <= Hash->BucketMask; Index++)
        Entry = __atomic_load_n(&Hash->Buckets[Index].First, __ATOMIC_ACQUIRE);
    if (Entry == NULL)
        return MAP_NOT_FOUND;
    memcpy(Next, KeyOf(Entry), Map->Definition.KeySizeBytes);
    return MAP_OK;
}

static UINT64
CountPlaces(const EBPF_MAP *Map)
{
    return Own(Map)->BucketMask + 1ull;
}

/**
 * A bucket, without its lock. Who stands on an entry goes on from there whatever is taken out, and what comes is put before the first: so
 * what is there all the time is met once, and a key whose entry was deleted and made again is met as one of the two.
 */
static VOID
CopyPlace(EBPF_MAP *Map, UINT64 Place, MAP_BATCH *Batch)
{
    HASH_MAP *Hash = Own(Map);
    MAP_ENTRY *Entry = __atomic_load_n(&Hash->Buckets[Place].First, __ATOMIC_ACQUIRE);
    for (; Entry != NULL; Entry = __atomic_load_n(&Entry->Next, __ATOMIC_ACQUIRE))
        MapBatchAdd(Map, Batch, KeyOf(Entry), (const UINT8 *)Entry + Hash->ValueOffset);
}

static UINT32
Count(const EBPF_MAP *Map)
{
    return __atomic_load_n(&Own(Map)->Pool.Live, __ATOMIC_RELAXED);
}

static BOOLEAN
Contains(const EBPF_MAP *Map, UINT64 Address, UINT64 SizeBytes)
{
    const HASH_MAP *Hash = Own(Map);
    UINT64 Offset = PoolOffset(&Hash->Pool, Address);
    if (Offset == UINT64_MAX || Offset < Hash->ValueOffset)
        return FALSE;
    Offset -= Hash->ValueOffset;
    if (Map->ProcessorStride != 0)
        Offset %= Map->ProcessorStride;
    return SizeBytes <= Map->Definition.ValueSizeBytes && Offset <= Map->Definition.ValueSizeBytes - SizeBytes;
}

#define HASH_TYPE(TypeNumber, Percpu, Kind, CreateFunction, LookupFunction)                              \
    {                                                                                                    \
        .Number = TypeNumber, .PerProcessor = Percpu, .Create = CreateFunction,                          \
        .CountBytes = CountBytes##Kind, .Destroy = Destroy, .Lookup = LookupFunction, .Peek = Peek,      \
        .Update = Update, .Delete = Delete, .NextKey = NextKey, .Count = Count, .Contains = Contains,    \
        .CountPlaces = CountPlaces, .CopyPlace = CopyPlace,                                              \
    }

const EBPF_MAP_TYPE HashMapType = HASH_TYPE(EBPF_MAP_TYPE_HASH, FALSE, Shared, CreateHash, Peek);
const EBPF_MAP_TYPE PercpuHashMapType = HASH_TYPE(EBPF_MAP_TYPE_PERCPU_HASH, TRUE, Percpu, CreatePercpuHash, Peek);
const EBPF_MAP_TYPE LruHashMapType = HASH_TYPE(EBPF_MAP_TYPE_LRU_HASH, FALSE, Shared, CreateLruHash, LookupAndUse);
const EBPF_MAP_TYPE LruPercpuHashMapType =
    HASH_TYPE(EBPF_MAP_TYPE_LRU_PERCPU_HASH, TRUE, Percpu, CreateLruPercpuHash, LookupAndUse);
