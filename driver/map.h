// Maps: what every type has, and the one table of types. A type is a file in maps/ and a row of MapTypes. Programs come
// by Lookup, Update and Delete, inside an epoch, and see values where they lie; others read and write copies.
#pragma once

#include "object.h"

/** Numbers of map types, as of eBPF for Windows. */
enum {
    EBPF_MAP_TYPE_HASH = 1,
    EBPF_MAP_TYPE_ARRAY = 2,
    EBPF_MAP_TYPE_PROG_ARRAY = 3,
    EBPF_MAP_TYPE_PERCPU_HASH = 4,
    EBPF_MAP_TYPE_PERCPU_ARRAY = 5,
    EBPF_MAP_TYPE_LRU_HASH = 8,
    EBPF_MAP_TYPE_QUEUE = 10,
    EBPF_MAP_TYPE_LRU_PERCPU_HASH = 11,
    EBPF_MAP_TYPE_STACK = 12,
    EBPF_MAP_TYPE_RINGBUF = 13,
    EBPF_MAP_TYPE_PERF_EVENT_ARRAY = 14,
};

/** Linux' error numbers, negated: what helpers return. */
enum {
    MAP_OK = 0,
    MAP_NOT_PERMITTED = -1,
    MAP_NOT_FOUND = -2,
    MAP_TOO_BIG = -7,
    MAP_AGAIN = -11,
    MAP_NO_MEMORY = -12,
    MAP_EXISTS = -17,
    MAP_INVALID = -22,
    MAP_NO_SPACE = -28,
    MAP_UNSUPPORTED = -95,
};

/** Whether others than programs may write: while it is MAP_FREEZING, who came before may still be at it. */
enum { MAP_WRITABLE, MAP_FREEZING, MAP_FROZEN };

/** How an update treats an entry that is there, or is not. */
enum { MAP_UPDATE_ANY = 0, MAP_UPDATE_NOEXIST = 1, MAP_UPDATE_EXIST = 2 };

/** The values are constants to programs. */
#define MAP_FLAG_PROGRAM_READ_ONLY 0x80

#define MAP_MAXIMUM_KEY_BYTES 0x10000
#define MAP_MAXIMUM_BYTES (1ull << 36)

typedef struct _EBPF_MAP_DEFINITION {
    UINT32 Type;
    UINT32 KeySizeBytes;
    UINT32 ValueSizeBytes;
    /** A strict bound; for a ring buffer its size in bytes. */
    UINT32 MaxEntries;
    UINT32 Flags;
} EBPF_MAP_DEFINITION;

typedef struct _EBPF_MAP {
    EBPF_OBJECT Object;
    EBPF_MAP_DEFINITION Definition;
    const struct _EBPF_MAP_TYPE *Type;
    /** Distance of the values of two processors; 0 if all share one. */
    UINT64 ProcessorStride;
    /** Of MAP_WRITABLE and so on; only goes up. */
    UINT32 Frozen;
} EBPF_MAP;

/** Entries as they are copied out, one after the other: the key, then what MapRead gives. */
typedef struct _MAP_BATCH {
    UINT8 *Data;
    UINT64 CapacityBytes;
    /** Of all that were added, also if there was no room for them. */
    UINT64 SizeBytes;
    UINT32 Count;
} MAP_BATCH;

/** What a type does; NULL where it does not. */
typedef struct _EBPF_MAP_TYPE {
    UINT32 Number;
    BOOLEAN PerProcessor;
    /** Keys are numbers of places that are there from the start: MAP_TOO_BIG means that there is no such key. */
    BOOLEAN KeyIsPlace;
    /** *Map is allocated, with what the type needs; the rest of EBPF_MAP is filled in by MapCreate. */
    NTSTATUS (*Create)(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map);
    /** What such a map allocates, as long as it lives, at most. */
    UINT64 (*CountBytes)(const EBPF_MAP_DEFINITION *Definition);
    VOID (*Destroy)(EBPF_MAP *Map);
    /**
     * Where the value of the first processor lies; NULL if there is no such key. A use, where uses are counted. A type that
     * has none is not for programs to look into or to change.
     */
    UINT8 *(*Lookup)(EBPF_MAP *Map, const UINT8 *Key);
    /** The same without its being a use. */
    UINT8 *(*Peek)(EBPF_MAP *Map, const UINT8 *Key);
    /**
     * One value if Processor is a number (a new entry has zeros for the others), or one for each if it is
     * MAP_ALL_PROCESSORS, MapStride apart.
     */
    INT32 (*Update)(EBPF_MAP *Map, const UINT8 *Key, const UINT8 *Value, UINT64 Flags, UINT32 Processor);
    INT32 (*Delete)(EBPF_MAP *Map, const UINT8 *Key);
    /** Nobody outside has a handle any more: gives up what entries hold. */
    VOID (*Abandon)(EBPF_MAP *Map);
    /** The key after Key, of the first if that is NULL or gone. */
    INT32 (*NextKey)(EBPF_MAP *Map, const UINT8 *Key, UINT8 *Next);
    /** Entries have a place each, as long as they are there: numbers from 0 on. Where a key is its place there are as many as entries. */
    UINT64 (*CountPlaces)(const EBPF_MAP *Map);
    /** Adds all entries of a place (MapBatchAdd), none twice, inside an epoch. */
    VOID (*CopyPlace)(EBPF_MAP *Map, UINT64 Place, MAP_BATCH *Batch);
    /** Entries now. */
    UINT32 (*Count)(const EBPF_MAP *Map);
    /** Whether these bytes are within one value. */
    BOOLEAN (*Contains)(const EBPF_MAP *Map, UINT64 Address, UINT64 SizeBytes);
} EBPF_MAP_TYPE;

#define MAP_ALL_PROCESSORS UINT32_MAX

extern const EBPF_MAP_TYPE ArrayMapType;
extern const EBPF_MAP_TYPE PercpuArrayMapType;
extern const EBPF_MAP_TYPE HashMapType;
extern const EBPF_MAP_TYPE PercpuHashMapType;
extern const EBPF_MAP_TYPE LruHashMapType;
extern const EBPF_MAP_TYPE LruPercpuHashMapType;
extern const EBPF_MAP_TYPE ProgArrayMapType;
extern const EBPF_MAP_TYPE RingMapType;
extern const EBPF_MAP_TYPE PerfEventArrayMapType;
extern const EBPF_MAP_TYPE QueueMapType;
extern const EBPF_MAP_TYPE StackMapType;

/** The caller has its first reference. STATUS_NOT_SUPPORTED for a type that is not there. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS MapCreate(
    _In_ const EBPF_MAP_DEFINITION *Definition, _Outptr_ EBPF_MAP **Map);

/** What such a map allocates, as long as it lives, at most; 0 if there is none of that type. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT64 MapCountBytes(_In_ const EBPF_MAP_DEFINITION *Definition);

/** As MapCreate, but nobody finds it before MapPublish. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS MapPrepare(
    _In_ const EBPF_MAP_DEFINITION *Definition, _Outptr_ EBPF_MAP **Map);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID MapPublish(_Inout_ EBPF_MAP *Map);

/** For programs, inside an epoch: this processor's value, or NULL. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT8 *MapLookup(_Inout_ EBPF_MAP *Map, _In_ const UINT8 *Key);

/** For programs: sets this processor's value. */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 MapUpdate(
    _Inout_ EBPF_MAP *Map, _In_ const UINT8 *Key, _In_ const UINT8 *Value, _In_ UINT64 Flags);

/** For programs: the entry's memory stays what it is until the epoch ends. */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 MapDelete(_Inout_ EBPF_MAP *Map, _In_ const UINT8 *Key);

_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN MapContains(
    _In_ const EBPF_MAP *Map, _In_ UINT64 Address, _In_ UINT64 SizeBytes);

/** Bytes from one value to the next where there is one for each processor: the size of a value rounded up to 8. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 MapStride(_In_ const EBPF_MAP *Map);

/** Bytes that MapRead gives and MapWrite takes: one value, or one for each processor. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 MapCopySize(_In_ const EBPF_MAP *Map);

/** For others than programs: a copy of the value, all processors'. Not a use. */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 MapRead(
    _Inout_ EBPF_MAP *Map, _In_ const UINT8 *Key, _Out_writes_bytes_(MapCopySize(Map)) UINT8 *Value);

/** MAP_NOT_PERMITTED if it is frozen; so with MapErase. */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 MapWrite(
    _Inout_ EBPF_MAP *Map, _In_ const UINT8 *Key, _In_ const UINT8 *Value, _In_ UINT64 Flags);

_IRQL_requires_max_(DISPATCH_LEVEL) INT32 MapErase(_Inout_ EBPF_MAP *Map, _In_ const UINT8 *Key);

/**
 * From now on nobody but programs changes it. When this returns nobody is at it any more either. FALSE if values of its type are
 * not for programs to see. Not to be called inside an epoch.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN MapFreeze(_Inout_ EBPF_MAP *Map);

/** Whether nobody changes its values ever again: it is frozen, and programs only read it. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN MapIsConstant(_In_ const EBPF_MAP *Map);

_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN MapIsFrozen(_In_ const EBPF_MAP *Map);

/** Entries now; 0 of types whose entries nobody counts. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 MapCount(_In_ const EBPF_MAP *Map);

/** The first key if Key is NULL or gone; MAP_NOT_FOUND after the last. */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 MapNextKey(
    _Inout_ EBPF_MAP *Map, _In_opt_ const UINT8 *Key, _Out_writes_bytes_(KeySizeBytes) UINT8 *Next);

/** For CopyPlace: one entry, and the value of its first processor. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID MapBatchAdd(
    _In_ const EBPF_MAP *Map, _Inout_ MAP_BATCH *Batch, _In_ const UINT8 *Key, _In_ const UINT8 *Value);

/**
 * Copies entries from *Place on, as long as there is room and it does not take long; then *Place is where to go on, 0 at the end.
 * MAP_TOO_BIG if there is no room for one place: Batch->SizeBytes is what it takes. Not to be called inside an epoch.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) INT32 MapReadBatch(
    _Inout_ EBPF_MAP *Map, _Inout_ UINT64 *Place, _Inout_ MAP_BATCH *Batch);

/** Copies so that each aligned word of 8 bytes is whole to who looks at the same time. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID MapCopyValue(
    _Out_writes_bytes_(SizeBytes) UINT8 *To, _In_reads_bytes_(SizeBytes) const UINT8 *From, _In_ UINT32 SizeBytes);

static inline UINT64
MapAlign(_In_ UINT64 SizeBytes, _In_ UINT64 Alignment)
{
    return (SizeBytes + Alignment - 1) & ~(Alignment - 1);
}
