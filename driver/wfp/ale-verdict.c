#include "wfp/ale-verdict.h"

#include "siphash.h"


/** Each is 64 bytes or so; who rejects more connections in a minute has them refused at the first layer. */
#define MAXIMUM_ENTRIES 16384
#define BUCKETS 4096
/** Windows asks right after; a socket that is closed in between is not told of. */
#define LIFETIME_NANOSECONDS 60000000000ull
/** While there is no room all of it is looked through for what is old, once in that time. */
#define SWEEP_NANOSECONDS 1000000000ull

/** What makes a connection another one; no byte of it is undefined. */
typedef struct _KEY {
    UINT64 EndpointHandle;
    SOCKET_ENDPOINT Remote;
    UINT16 Family;
    UINT8 Protocol;
    UINT8 Zeros[3];
} KEY;
C_ASSERT(sizeof(KEY) == 32);

typedef struct _ENTRY {
    struct _ENTRY *Next;
    KEY Key;
    UINT32 Verdict;
    UINT64 Time;
} ENTRY;

static EBPF_LOCK Lock;
static ENTRY *Buckets[BUCKETS];
static UINT32 Count;
static UINT64 LastSweep;
static SIPHASH_KEY Secret;

/** Looked at without the lock too. */
static VOID
SetCount(UINT32 Value)
{
    __atomic_store_n(&Count, Value, __ATOMIC_RELEASE);
}

static KEY
KeyOf(const SOCKET_OPERATION *Operation, const SOCKET_ENDPOINT *Remote)
{
    return (KEY){
        .EndpointHandle = Operation->EndpointHandle,
        .Remote = *Remote,
        .Family = (UINT16)Operation->Family,
        .Protocol = Operation->Protocol,
    };
}

/** Who connects chooses where to, but not which bucket that is. */
static ENTRY **
BucketOf(const KEY *Key)
{
    return &Buckets[SipHash(Secret, (const UINT8 *)Key, sizeof(*Key)) % BUCKETS];
}

static BOOLEAN
IsOf(const ENTRY *Entry, const KEY *Key)
{
    return memcmp(&Entry->Key, Key, sizeof(*Key)) == 0;
}

/** Takes out of the bucket what is of that connection, if one is given, and what is old. */
static VOID
Clean(ENTRY **Place, const KEY *Key, UINT64 Now)
{
    while (*Place != NULL) {
        ENTRY *Entry = *Place;
        if ((Key == NULL || !IsOf(Entry, Key)) && Now - Entry->Time < LIFETIME_NANOSECONDS) {
            Place = &Entry->Next;
            continue;
        }
        *Place = Entry->Next;
        SetCount(Count - 1);
        PlatformFree(Entry);
    }
}

static BOOLEAN
HasRoom(UINT64 Now)
{
    if (Count >= MAXIMUM_ENTRIES && Now - LastSweep >= SWEEP_NANOSECONDS) {
        LastSweep = Now;
        for (UINT32 Index = 0; Index < BUCKETS; Index++)
            Clean(&Buckets[Index], NULL, Now);
    }
    return Count < MAXIMUM_ENTRIES;
}

_Use_decl_annotations_
VOID
VerdictInitiate(VOID)
{
    Secret = (SIPHASH_KEY){PlatformRandom(), PlatformRandom()};
}

_Use_decl_annotations_
BOOLEAN
VerdictKeep(const SOCKET_OPERATION *Operation, const SOCKET_ENDPOINT *Remote, SOCKET_VERDICT Verdict)
{
    // Sockets without a handle cannot be told from each other.
    if (Operation->EndpointHandle == 0)
        return Verdict != SocketBlock;
    // Most connections are permitted, and nothing is kept of any.
    if (Verdict == SocketPermit && __atomic_load_n(&Count, __ATOMIC_ACQUIRE) == 0)
        return TRUE;
    KEY Key = KeyOf(Operation, Remote);
    ENTRY **Bucket = BucketOf(&Key);
    ENTRY *New = Verdict == SocketPermit ? NULL : PlatformAllocate(sizeof(ENTRY));
    UINT64 Now = PlatformMonotonicTime();
    EBPF_IRQL Irql = LockAcquire(&Lock);
    // Also if there is no memory: what was kept before is not true any more.
    Clean(Bucket, &Key, Now);
    BOOLEAN Kept = New != NULL && HasRoom(Now);
    if (Kept) {
        *New = (ENTRY){.Next = *Bucket, .Key = Key, .Verdict = Verdict, .Time = Now};
        *Bucket = New;
        SetCount(Count + 1);
    }
    LockRelease(&Lock, Irql);
    if (!Kept)
        PlatformFree(New);
    return Kept || Verdict == SocketPermit;
}

_Use_decl_annotations_
SOCKET_VERDICT
VerdictFind(const SOCKET_OPERATION *Operation)
{
    SOCKET_VERDICT Verdict = SocketPermit;
    if (__atomic_load_n(&Count, __ATOMIC_ACQUIRE) == 0)
        return Verdict;
    KEY Key = KeyOf(Operation, &Operation->Remote);
    UINT64 Now = PlatformMonotonicTime();
    EBPF_IRQL Irql = LockAcquire(&Lock);
    for (ENTRY *Entry = *BucketOf(&Key); Entry != NULL; Entry = Entry->Next) {
        if (!IsOf(Entry, &Key))
            continue;
        Verdict = Entry->Verdict;
        Entry->Time = Now;
        break;
    }
    LockRelease(&Lock, Irql);
    return Verdict;
}

_Use_decl_annotations_
VOID
VerdictForgetAll(VOID)
{
    EBPF_IRQL Irql = LockAcquire(&Lock);
    for (UINT32 Index = 0; Index < BUCKETS; Index++) {
        while (Buckets[Index] != NULL) {
            ENTRY *Entry = Buckets[Index];
            Buckets[Index] = Entry->Next;
            PlatformFree(Entry);
        }
    }
    SetCount(0);
    LockRelease(&Lock, Irql);
}
