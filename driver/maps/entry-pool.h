// The entries of a hash map: as many as it may have are allocated with it. One that is deleted waits until no run can see
// it before it is used for another key; while many wait, the pool grows, within a bound.
#pragma once

#include "../map.h"

#define POOL_CHUNK_COUNT 64
/** A chunk that is added while others wait has so many entries, or, if they are large, as many as have so many bytes. */
#define POOL_CHUNK_ENTRIES 64
#define POOL_CHUNK_BYTES 65536

typedef struct _MAP_ENTRY {
    /** The next of its bucket. */
    struct _MAP_ENTRY *Next;
    /** While it is in use, its place in the order of use; else the next one that is free or waits. */
    struct _MAP_ENTRY *Newer;
    struct _MAP_ENTRY *Older;
    /** When it went out of sight. */
    UINT64 Epoch;
    UINT32 Hash;
    /** It was looked up since the order was last gone through. */
    UINT32 Used;
} MAP_ENTRY;

typedef struct _POOL_CHUNK {
    UINT8 *Memory;
    UINT64 SizeBytes;
} POOL_CHUNK;

typedef struct _ENTRY_POOL {
    EBPF_LOCK Lock;
    UINT32 MaxEntries;
    UINT32 Live;
    UINT32 ChunkCount;
    UINT64 EntryBytes;
    /** Bytes of the last chunk that were given out. */
    UINT64 UsedBytes;
    POOL_CHUNK Chunks[POOL_CHUNK_COUNT];
    MAP_ENTRY *WaitingFirst;
    MAP_ENTRY *WaitingLast;
    MAP_ENTRY *Oldest;
    MAP_ENTRY *Newest;
} ENTRY_POOL;

_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS PoolInitiate(
    _Out_ ENTRY_POOL *Pool, _In_ UINT32 MaxEntries, _In_ UINT64 EntryBytes);

/** What a pool of that many entries allocates at most. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT64 PoolCountBytes(_In_ UINT32 MaxEntries, _In_ UINT64 EntryBytes);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID PoolTerminate(_Inout_ ENTRY_POOL *Pool);

/** An entry for a key of that hash, the newest. NULL: *Error is MAP_TOO_BIG if all are in use, MAP_NO_MEMORY if too many wait. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) MAP_ENTRY *PoolAllocate(
    _Inout_ ENTRY_POOL *Pool, _In_ UINT32 Hash, _Out_ INT32 *Error);

/** Takes back an entry that no new run can find. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID PoolRelease(_Inout_ ENTRY_POOL *Pool, _Inout_ MAP_ENTRY *Entry);

/**
 * The entry that should go first: the oldest that was not used since the order was last gone through; after 32 that
 * were, the next. NULL if there is none. It may be deleted by another at any time, but stays an entry inside an epoch.
 */
_Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) MAP_ENTRY *PoolFindOldest(_Inout_ ENTRY_POOL *Pool);

/** Where in an entry an address lies: its offset there; UINT64_MAX if in none. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 PoolOffset(_In_ const ENTRY_POOL *Pool, _In_ UINT64 Address);
