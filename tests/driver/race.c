// Threads that do all there is to do with maps at once, for ThreadSanitizer (tests/driver/race.test.ts); of hooks, race-hooks.c. Values are the keys
// they are of, so that memory that is used for another key too early shows without it as well. Ends with 0 if all is well.
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>

#include "map.h"
#include "maps/queue.h"
#include "maps/ring.h"
#include "race-hooks.h"

#define THREADS 3
#define ROUNDS 20000
#define KEYS 12
#define ENTRIES 8

enum { Hash, LruHash, PercpuHash, Ring, Queue, MapTotal };

static const EBPF_MAP_DEFINITION Definitions[MapTotal] = {
    {EBPF_MAP_TYPE_HASH, 4, 8, ENTRIES, 0},     {EBPF_MAP_TYPE_LRU_HASH, 4, 8, ENTRIES, 0},
    {EBPF_MAP_TYPE_PERCPU_HASH, 4, 8, ENTRIES, 0}, {EBPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0},
    {EBPF_MAP_TYPE_QUEUE, 0, 8, ENTRIES, 0},
};

static EBPF_MAP *Maps[MapTotal];

#define CONSTANT_BYTES 1024
static const EBPF_MAP_DEFINITION Constant = {EBPF_MAP_TYPE_ARRAY, 4, CONSTANT_BYTES, 1, MAP_FLAG_PROGRAM_READ_ONLY};
static EBPF_MAP *Constants[30];
static pthread_barrier_t Barrier;

static UINT32 Wrong;

static UINT32
Next(UINT32 *Seed)
{
    *Seed = *Seed * 1103515245 + 12345;
    return *Seed >> 8;
}

/** What a program does: inside an epoch it may look at a value for as long as it wants. */
static VOID
UseEntries(UINT32 *Seed)
{
    UINT32 Key = Next(Seed) % KEYS;
    UINT64 Value = Key;
    UINT32 Index = Next(Seed) % (PercpuHash + 1);
    EBPF_EPOCH_TOKEN Token = EpochEnter();
    switch (Next(Seed) % 5) {
    case 0:
        MapDelete(Maps[Index], (UINT8 *)&Key);
        break;
    case 1:
    case 2:
        MapUpdate(Maps[Index], (UINT8 *)&Key, (UINT8 *)&Value, MAP_UPDATE_ANY);
        break;
    default: {
        const UINT8 *Found = MapLookup(Maps[Index], (UINT8 *)&Key);
        // Another processor's value of a new entry is 0 until that processor sets it.
        if (Found != NULL && Index != PercpuHash &&
            __atomic_load_n((const UINT64 *)Found, __ATOMIC_RELAXED) != Key)
            __atomic_add_fetch(&Wrong, 1, __ATOMIC_RELAXED);
    }
    }
    EpochExit(Token);
}

static VOID
UseStreams(UINT32 *Seed)
{
    UINT64 Value = Next(Seed);
    UINT32 SizeBytes;
    if (Value & 1)
        RingOutput(Maps[Ring], (UINT8 *)&Value, sizeof(Value));
    else
        RingRead(Maps[Ring], (UINT8 *)&Value, sizeof(Value), &SizeBytes);
    if (Value & 2)
        QueuePush(Maps[Queue], (UINT8 *)&Value, MAP_UPDATE_ANY);
    else
        QueueTake(Maps[Queue], (UINT8 *)&Value, TRUE);
}

/** All entries, a few at a time. */
static VOID
ReadEntries(UINT32 *Seed)
{
    UINT8 Data[ENTRIES * 12];
    UINT64 Place = 0;
    do {
        MAP_BATCH Batch = {.Data = Data, .CapacityBytes = sizeof(Data)};
        if (MapReadBatch(Maps[Next(Seed) % 2 == 0 ? Hash : LruHash], &Place, &Batch) != MAP_OK)
            __atomic_add_fetch(&Wrong, 1, __ATOMIC_RELAXED);
        for (UINT32 Index = 0; Index < Batch.Count; Index++) {
            UINT32 Key;
            UINT64 Value;
            memcpy(&Key, Data + Index * 12, sizeof(Key));
            memcpy(&Value, Data + Index * 12 + sizeof(Key), sizeof(Value));
            if (Key != Value)
                __atomic_add_fetch(&Wrong, 1, __ATOMIC_RELAXED);
        }
    } while (Place != 0);
}

/** An object that two hold, found by its number. */
static VOID
UseObjects(VOID)
{
    static const EBPF_MAP_DEFINITION Small = {EBPF_MAP_TYPE_ARRAY, 4, 8, 4, 0};
    EBPF_MAP *Map;
    if (!NT_SUCCESS(MapCreate(&Small, &Map)))
        return;
    EBPF_OBJECT *Found = ObjectFind(ObjectMap, Map->Object.Id);
    ObjectRelease(&Map->Object);
    ObjectRelease(Found);
}

/**
 * All write until one has frozen it. Then that one reads its value as constants are read: by plain loads, which race with any write
 * that is still under way.
 */
static VOID
UseConstant(EBPF_MAP *Map, BOOLEAN Freezes, UINT32 *Seed)
{
    static const UINT8 FirstKey[4] = {0};
    UINT8 Value[CONSTANT_BYTES], First[CONSTANT_BYTES];
    pthread_barrier_wait(&Barrier);
    for (UINT32 Round = 0; !Freezes || Round < 20; Round++) {
        memset(Value, (INT32)Next(Seed), sizeof(Value));
        if (MapWrite(Map, FirstKey, Value, MAP_UPDATE_ANY) != MAP_OK)
            return;
    }
    BOOLEAN Frozen = MapFreeze(Map);
    memcpy(First, Map->Type->Peek(Map, FirstKey), sizeof(First));
    if (!Frozen || MapWrite(Map, FirstKey, Value, MAP_UPDATE_ANY) != MAP_NOT_PERMITTED ||
        memcmp(First, Map->Type->Peek(Map, FirstKey), sizeof(First)) != 0)
        __atomic_add_fetch(&Wrong, 1, __ATOMIC_RELAXED);
}

static VOID *
Work(VOID *Argument)
{
    UINT32 Seed = (UINT32)(UINT_PTR)Argument;
    UINT8 Key[4];
    // Not at a multiple of 8: a copy of a value need not be.
    UINT8 Value[16];
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Constants); Index++)
        UseConstant(Constants[Index], Argument == (VOID *)1, &Seed);
    for (UINT32 Round = 0; Round < ROUNDS; Round++) {
        UseEntries(&Seed);
        UseStreams(&Seed);
        if (Round % 10 == 0 && MapNextKey(Maps[Hash], NULL, Key) == MAP_OK)
            MapRead(Maps[Hash], Key, Value + 1);
        if (Round % 10 == 5)
            ReadEntries(&Seed);
        if (Round % 500 == 0)
            UseObjects();
    }
    return NULL;
}

int
main(void)
{
    pthread_t Threads[THREADS];
    if (!NT_SUCCESS(EpochInitiate()) || pthread_barrier_init(&Barrier, NULL, THREADS) != 0)
        return 2;
    for (UINT32 Index = 0; Index < MapTotal; Index++)
        if (!NT_SUCCESS(MapCreate(&Definitions[Index], &Maps[Index])))
            return 2;
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Constants); Index++)
        if (!NT_SUCCESS(MapCreate(&Constant, &Constants[Index])))
            return 2;
    for (UINT_PTR Index = 0; Index < THREADS; Index++)
        if (pthread_create(&Threads[Index], NULL, Work, (VOID *)(Index + 1)) != 0)
            return 2;
    for (UINT32 Index = 0; Index < THREADS; Index++)
        pthread_join(Threads[Index], NULL);
    for (UINT32 Index = 0; Index < MapTotal; Index++)
        ObjectRelease(&Maps[Index]->Object);
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Constants); Index++)
        ObjectRelease(&Constants[Index]->Object);
    Wrong += RaceHooks();
    EpochTerminate();
    printf("%u wrong, %llu not freed\n", Wrong, (unsigned long long)LinuxCountAllocations());
    return Wrong == 0 && LinuxCountAllocations() == 0 ? 0 : 1;
}
