#include "entry-pool.h"

#define SECOND_CHANCES 32

static BOOLEAN
AddChunk(ENTRY_POOL *Pool, UINT64 Entries)
{
    if (Pool->ChunkCount == POOL_CHUNK_COUNT)
        return FALSE;
    POOL_CHUNK *Chunk = &Pool->Chunks[Pool->ChunkCount];
    Chunk->SizeBytes = Entries * Pool->EntryBytes;
    Chunk->Memory = PlatformAllocate(Chunk->SizeBytes);
    if (Chunk->Memory == NULL)
        return FALSE;
    Pool->UsedBytes = 0;
    // Who looks for an address holds no lock.
    __atomic_store_n(&Pool->ChunkCount, Pool->ChunkCount + 1, __ATOMIC_RELEASE);
    return TRUE;
}

static UINT64
ChunkEntries(UINT64 EntryBytes)
{
    UINT64 Entries = POOL_CHUNK_BYTES / EntryBytes;
    return Entries == 0 ? 1 : Entries < POOL_CHUNK_ENTRIES ? Entries : POOL_CHUNK_ENTRIES;
}

_Use_decl_annotations_
UINT64
PoolCountBytes(UINT32 MaxEntries, UINT64 EntryBytes)
{
    return (MaxEntries + (POOL_CHUNK_COUNT - 1) * ChunkEntries(EntryBytes)) * EntryBytes;
}

_Use_decl_annotations_
NTSTATUS
PoolInitiate(ENTRY_POOL *Pool, UINT32 MaxEntries, UINT64 EntryBytes)
{
    *Pool = (ENTRY_POOL){.MaxEntries = MaxEntries, .EntryBytes = EntryBytes};
    return AddChunk(Pool, MaxEntries) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

_Use_decl_annotations_
VOID
PoolTerminate(ENTRY_POOL *Pool)
{
    for (UINT32 Index = 0; Index < Pool->ChunkCount; Index++)
        PlatformFree(Pool->Chunks[Index].Memory);
}

static VOID
AppendToOrder(ENTRY_POOL *Pool, MAP_ENTRY *Entry)
{
    Entry->Newer = NULL;
    Entry->Older = Pool->Newest;
    if (Pool->Newest != NULL)
        Pool->Newest->Newer = Entry;
    else
        Pool->Oldest = Entry;
    Pool->Newest = Entry;
}

static VOID
RemoveFromOrder(ENTRY_POOL *Pool, const MAP_ENTRY *Entry)
{
    if (Entry->Older != NULL)
        Entry->Older->Newer = Entry->Newer;
    else
        Pool->Oldest = Entry->Newer;
    if (Entry->Newer != NULL)
        Entry->Newer->Older = Entry->Older;
    else
        Pool->Newest = Entry->Older;
}

/** One that nobody sees: free, never used, or done with waiting. */
static MAP_ENTRY *
Take(ENTRY_POOL *Pool)
{
    MAP_ENTRY *Entry = Pool->WaitingFirst;
    if (Entry != NULL && EpochIsOver(Entry->Epoch)) {
        Pool->WaitingFirst = Entry->Newer;
        return Entry;
    }
    const POOL_CHUNK *Last = &Pool->Chunks[Pool->ChunkCount - 1];
    if (Pool->UsedBytes == Last->SizeBytes) {
        if (!AddChunk(Pool, ChunkEntries(Pool->EntryBytes)))
            return NULL;
        Last = &Pool->Chunks[Pool->ChunkCount - 1];
    }
    Entry = (MAP_ENTRY *)(Last->Memory + Pool->UsedBytes);
    Pool->UsedBytes += Pool->EntryBytes;
    return Entry;
}

_Use_decl_annotations_
MAP_ENTRY *
PoolAllocate(ENTRY_POOL *Pool, UINT32 Hash, INT32 *Error)
{
    MAP_ENTRY *Entry = NULL;
    EBPF_IRQL Irql = LockAcquire(&Pool->Lock);
    *Error = Pool->Live == Pool->MaxEntries ? MAP_TOO_BIG : MAP_NO_MEMORY;
    if (Pool->Live < Pool->MaxEntries)
        Entry = Take(Pool);
    if (Entry != NULL) {
        Pool->Live++;
        // Once it is in the order another may want to evict it, and looks for its bucket.
        Entry->Hash = Hash;
        __atomic_store_n(&Entry->Used, 0, __ATOMIC_RELAXED);
        AppendToOrder(Pool, Entry);
    }
    LockRelease(&Pool->Lock, Irql);
    return Entry;
}

_Use_decl_annotations_
VOID
PoolRelease(ENTRY_POOL *Pool, MAP_ENTRY *Entry)
{
    EBPF_IRQL Irql = LockAcquire(&Pool->Lock);
    Pool->Live--;
    RemoveFromOrder(Pool, Entry);
    Entry->Epoch = EpochCurrent();
    Entry->Newer = NULL;
    if (Pool->WaitingFirst == NULL)
        Pool->WaitingFirst = Entry;
    else
        Pool->WaitingLast->Newer = Entry;
    Pool->WaitingLast = Entry;
    LockRelease(&Pool->Lock, Irql);
}

_Use_decl_annotations_
MAP_ENTRY *
PoolFindOldest(ENTRY_POOL *Pool)
{
    EBPF_IRQL Irql = LockAcquire(&Pool->Lock);
    MAP_ENTRY *Entry = Pool->Oldest;
    for (UINT32 Count = 0; Entry != NULL && Count < SECOND_CHANCES; Count++) {
        if (__atomic_exchange_n(&Entry->Used, 0, __ATOMIC_RELAXED) == 0)
            break;
        RemoveFromOrder(Pool, Entry);
        AppendToOrder(Pool, Entry);
        Entry = Pool->Oldest;
    }
    LockRelease(&Pool->Lock, Irql);
    return Entry;
}

_Use_decl_annotations_
UINT64
PoolOffset(const ENTRY_POOL *Pool, UINT64 Address)
{
    UINT32 Count = __atomic_load_n(&Pool->ChunkCount, __ATOMIC_ACQUIRE);
    for (UINT32 Index = 0; Index < Count; Index++) {
        UINT64 Offset = Address - (UINT64)(UINT_PTR)Pool->Chunks[Index].Memory;
        if (Offset < Pool->Chunks[Index].SizeBytes)
            return Offset % Pool->EntryBytes;
    }
    return UINT64_MAX;
}
