// Frames on two threads at the hook xdp, while its programs are replaced, detached and attached, the filter engine stops and
// starts, and the hooks are stopped: for ThreadSanitizer (race.c). Each program counts the frames that it sees, so that one
// that is lost, or seen twice, shows without it as well.
#include "race-hooks.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "hooks/xdp.h"
#include "link.h"
#include "program-type.h"
#include "shim/shim.h"
#include "wfp/engine.h"

#define THREADS 2
#define ROUNDS 300
#define FRAME_BYTES 60
#define GIVEN_BYTES 8

static EBPF_PROGRAM *Programs[2];
static EBPF_MAP *Counts[2];
static EBPF_ACCOUNT *Account;
static UINT32 Playing;
static UINT64 Played[THREADS];
static UINT64 Blocked[THREADS];
static UINT64 Sent;
static UINT32 WrongFrames;
static UINT32 Wrong;

static VOID
Expect(BOOLEAN Condition, const char *What)
{
    if (Condition)
        return;
    Wrong++;
    fprintf(stderr, "%s\n", What);
}

static BOOLEAN
Load(UINT32 Index)
{
    static const EBPF_MAP_DEFINITION Definition = {EBPF_MAP_TYPE_ARRAY, 4, 8, 1, 0};
    // Has the frame begin elsewhere, adds one to the map's value, and takes the frame away: one program drops it, the other sends it back.
    const EBPF_INSTRUCTION Slots[] = {
        {.Opcode = 0xb7, .Destination = 2, .Immediate = -GIVEN_BYTES},
        {.Opcode = EBPF_OPCODE_CALL, .Source = EBPF_CALL_HELPER, .Immediate = 0x10000},
        {.Opcode = EBPF_OPCODE_LDDW, .Destination = 1, .Source = EBPF_LDDW_MAP_VALUE},
        {0},
        {.Opcode = 0xb7, .Destination = 2, .Immediate = 1},
        {.Opcode = 0xdb, .Destination = 1, .Source = 2},
        {.Opcode = 0xb7, .Immediate = Index == 0 ? XDP_DROP : XDP_TX},
        {.Opcode = EBPF_OPCODE_EXIT},
    };
    EBPF_FINDING Finding;
    UINT32 FindingSlot;
    return NT_SUCCESS(MapCreate(&Definition, &Counts[Index])) &&
           NT_SUCCESS(ProgramCreate(
               ProgramTypeFind(EBPF_PROGRAM_TYPE_XDP), Slots, RTL_NUMBER_OF(Slots), &Counts[Index], 1,
               &Programs[Index], &Finding, &FindingSlot));
}

static UINT64
Counted(VOID)
{
    UINT64 Sum = 0;
    for (UINT32 Index = 0; Index < 2; Index++) {
        static const UINT8 Key[4];
        UINT64 Value;
        if (MapRead(Counts[Index], Key, (UINT8 *)&Value) != MAP_OK)
            Expect(FALSE, "a map has no value");
        Sum += Value;
    }
    return Sum;
}

/** Frames that were sent are as programs left them. */
static VOID
TakeInjected(VOID)
{
    static _Thread_local UINT8 Bytes[SHIM_MAXIMUM_FRAME];
    SHIM_INJECTED Injected;
    while (ShimTakeInjected(&Injected, Bytes)) {
        __atomic_add_fetch(&Sent, 1, __ATOMIC_RELAXED);
        if (!Injected.Sent || Injected.SizeBytes != FRAME_BYTES + GIVEN_BYTES)
            __atomic_add_fetch(&WrongFrames, 1, __ATOMIC_RELAXED);
    }
}

static VOID *
Play(VOID *Argument)
{
    UINT32 Index = (UINT32)(UINT_PTR)Argument;
    UINT8 Bytes[FRAME_BYTES] = {0};
    while (__atomic_load_n(&Playing, __ATOMIC_ACQUIRE)) {
        SHIM_FRAME Frame = {.InterfaceIndex = 1, .SizeBytes = FRAME_BYTES, .CutCount = Played[Index] % 2, .Cuts = {20}};
        SHIM_VERDICT Verdict;
        ShimPlay(&Frame, Bytes, &Verdict);
        Played[Index]++;
        Blocked[Index] += Verdict.Action == FWP_ACTION_BLOCK;
        TakeInjected();
    }
    return NULL;
}

/** Runs Body while frames are played; how many were, and how many of them were dropped. */
static VOID
WhileFrames(VOID (*Body)(VOID), UINT64 *Frames, UINT64 *Dropped)
{
    pthread_t Threads[THREADS];
    *Frames = *Dropped = 0;
    __atomic_store_n(&Playing, TRUE, __ATOMIC_RELEASE);
    for (UINT_PTR Index = 0; Index < THREADS; Index++) {
        Played[Index] = Blocked[Index] = 0;
        Expect(pthread_create(&Threads[Index], NULL, Play, (VOID *)Index) == 0, "no thread");
    }
    Body();
    __atomic_store_n(&Playing, FALSE, __ATOMIC_RELEASE);
    for (UINT32 Index = 0; Index < THREADS; Index++) {
        pthread_join(Threads[Index], NULL);
        *Frames += Played[Index];
        *Dropped += Blocked[Index];
    }
}

static EBPF_LINK *
Attach(UINT32 Index)
{
    EBPF_LINK *Link = NULL;
    Expect(LinkCreate(HookXdp, 1, Programs[Index], Account, &Link) == EbpfErrorNone, "a link is not made");
    return Link;
}

static EBPF_LINK *Attached;

static VOID
Replace(VOID)
{
    for (UINT32 Round = 0; Round < ROUNDS; Round++) {
        Expect(LinkReplace(Attached, Programs[Round % 2]) == EbpfErrorNone, "a link is not replaced");
        sched_yield();
    }
}

/** Once a link is detached its program counts nothing more. */
static VOID
Detach(VOID)
{
    for (UINT32 Round = 0; Round < ROUNDS; Round++) {
        EBPF_LINK *Link = Attach(Round % 2);
        sched_yield();
        if (Round % 3 != 0) {
            Expect(LinkDetach(Link) == EbpfErrorNone, "a link is not detached");
            UINT64 Before = Counted();
            sched_yield();
            Expect(Counted() == Before, "a program runs after it is detached");
        }
        ObjectRelease(&Link->Object);
    }
}

static VOID
StopEngine(VOID)
{
    for (UINT32 Round = 0; Round < ROUNDS; Round++) {
        ShimSetRunning(Round % 2 == 1);
        sched_yield();
    }
}

static VOID
StopHooks(VOID)
{
    UINT8 Device;
    for (UINT32 Round = 0; Round < ROUNDS / 10; Round++) {
        WfpStop();
        sched_yield();
        Expect(NT_SUCCESS(WfpStart(&Device)), "hooks do not start");
    }
}

static VOID
Check(const char *Name, VOID (*Body)(VOID), BOOLEAN AllDropped)
{
    UINT64 Frames, Dropped;
    UINT64 Before = Counted();
    WhileFrames(Body, &Frames, &Dropped);
    if (Counted() - Before != Dropped || Dropped == 0 || (AllDropped && Dropped != Frames)) {
        Wrong++;
        fprintf(
            stderr, "%s: of %llu frames %llu were dropped, and %llu counted\n", Name, (unsigned long long)Frames,
            (unsigned long long)Dropped, (unsigned long long)(Counted() - Before));
    }
}

UINT32
RaceHooks(VOID)
{
    UINT8 Device;
    AccountInitiate(1 << 20, 1 << 20);
    Account = AccountOpen();
    if (Account == NULL || !Load(0) || !Load(1) || !NT_SUCCESS(WfpStart(&Device)))
        return 1;
    Attached = Attach(0);
    Check("replaced", Replace, TRUE);
    Check("the engine stops", StopEngine, FALSE);
    Check("hooks stop", StopHooks, FALSE);
    Expect(LinkDetach(Attached) == EbpfErrorNone, "the link is not detached");
    ObjectRelease(&Attached->Object);
    Check("detached", Detach, FALSE);
    WfpStop();
    for (UINT32 Index = 0; Index < 2; Index++) {
        ObjectRelease(&Programs[Index]->Object);
        ObjectRelease(&Counts[Index]->Object);
    }
    EpochSynchronize();
    AccountClose(Account);
    TakeInjected();
    Expect(Sent != 0 && WrongFrames == 0, "frames are not sent as they should be");
    SHIM_COUNTS Left;
    ShimCount(&Left);
    Expect(Left.Lists == 0 && Left.Pools == 0 && Left.Filters == 0 && Left.Callouts == 0, "something is left in the system");
    const char *Violation = ShimTakeViolation();
    Expect(Violation[0] == 0, Violation);
    return Wrong;
}
