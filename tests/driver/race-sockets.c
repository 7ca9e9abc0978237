// The hooks of sockets under ThreadSanitizer: sockets that are bound, connect, accept, and flows that begin and end on several
// threads, while programs come and go, the filter engine stops and starts, and the driver stops under it all. Says what has
// failed, what was left, and which rule of Windows was broken.
#include <pthread.h>
#include <stdio.h>

#include "link.h"
#include "shim/shim.h"
#include "wfp/engine.h"

#define PLAYERS 2
#define ROUNDS 1200
#define STOPS 6

static BOOLEAN Ended;
static UINT32 Failed;
static UINT32 Rounds;
static EBPF_ACCOUNT *Account;

/** A program that says that, with the number of the type. */
static EBPF_PROGRAM *
Load(UINT32 Type, INT32 Answer)
{
    EBPF_INSTRUCTION Code[] = {{.Opcode = 0xb7, .Immediate = Answer}, {.Opcode = 0x95}};
    EBPF_PROGRAM *Program;
    EBPF_FINDING Finding;
    UINT32 Slot;
    NTSTATUS Status = ProgramCreate(
        ProgramTypeFind(Type), Code, RTL_NUMBER_OF(Code), NULL, 0, &Program, &Finding, &Slot);
    return NT_SUCCESS(Status) ? Program : NULL;
}

static VOID
Play(UINT32 What, UINT64 Flow, UINT32 Protocol)
{
    SHIM_SOCKET Socket = {
        .What = What,
        .Family = Flow % 3 == 0 ? 23 : 2,
        .RemotePort = 443,
        .RemoteAddress = {192, 0, 2, (UINT8)(Flow % 4)},
        .Protocol = Protocol,
        .CompartmentId = 1,
        .EndpointHandle = Flow % 8,
        .FlowHandle = Flow,
    };
    SHIM_SOCKET_RESULT Result;
    ShimPlaySocket(&Socket, &Result);
}

/** Each player has flows of its own; some of them are still open when the next ones begin. */
static VOID *
PlayAll(VOID *Argument)
{
    UINT64 Base = (UINT64)(UINT_PTR)Argument * 1000000;
    for (UINT64 Round = 1; !__atomic_load_n(&Ended, __ATOMIC_ACQUIRE); Round++) {
        Play(SHIM_SOCKET_BIND, Round, 6);
        Play(SHIM_SOCKET_CONNECT, Round, Round % 2 == 0 ? 6 : 17);
        Play(SHIM_SOCKET_ACCEPT, Round, 6);
        Play(SHIM_SOCKET_ESTABLISH, Base + Round, 6);
        if (Round > 5)
            Play(SHIM_SOCKET_END, Base + Round - 5, 6);
        Play(SHIM_SOCKET_UNBIND, Round, 6);
        __atomic_add_fetch(&Rounds, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

typedef struct _ROW {
    EBPF_HOOK_ID Hook;
    UINT32 Type;
    /** The first and the second program's. */
    INT32 Answers[2];
} ROW;

static const ROW Rows[] = {
    {HookBind, 2, {0, 1}},
    {HookConnect4, 3, {0, 1}},
    {HookConnect6, 3, {2, 0}},
    {HookRecvAccept4, 3, {1, 0}},
    {HookSockOps, 4, {0, 0}},
};

/** Attaches, replaces, detaches: every hook in turn. */
static VOID
ComeAndGo(UINT32 Round)
{
    const ROW *Row = &Rows[Round % RTL_NUMBER_OF(Rows)];
    EBPF_PROGRAM *First = Load(Row->Type, Row->Answers[0]), *Second = Load(Row->Type, Row->Answers[1]);
    EBPF_LINK *Link = NULL;
    if (First == NULL || Second == NULL) {
        Failed++;
    } else if (LinkCreate(Row->Hook, 0, First, Account, &Link) == EbpfErrorNone) {
        Failed += LinkReplace(Link, Second) != EbpfErrorNone;
        Failed += LinkDetach(Link) != EbpfErrorNone;
        ObjectRelease(&Link->Object);
    }
    ObjectRelease(&First->Object);
    ObjectRelease(&Second->Object);
}

/** One life of the driver: it starts and stops while sockets are used. */
static VOID
Live(VOID)
{
    UINT8 Device;
    if (!NT_SUCCESS(WfpStart(&Device))) {
        Failed++;
        return;
    }
    EBPF_PROGRAM *Watch = Load(4, 0);
    EBPF_LINK *Link;
    // Flows are open at the end: of a link that nobody detaches before.
    BOOLEAN Attached = LinkCreate(HookSockOps, 1, Watch, Account, &Link) == EbpfErrorNone;
    Failed += !Attached;
    for (UINT32 Round = 0; Round < ROUNDS / STOPS; Round++) {
        ComeAndGo(Round);
        if (Round % 20 == 10) {
            ShimSetRunning(FALSE);
            ShimSetRunning(TRUE);
        }
    }
    WfpStop();
    if (Attached)
        ObjectRelease(&Link->Object);
    ObjectRelease(&Watch->Object);
}

int
main(void)
{
    pthread_t Threads[PLAYERS];
    SHIM_COUNTS Counts;
    AccountInitiate(0, 0);
    Account = AccountOpen();
    if (Account == NULL || !NT_SUCCESS(EpochInitiate()))
        return 2;
    for (UINT_PTR Index = 0; Index < PLAYERS; Index++)
        if (pthread_create(&Threads[Index], NULL, PlayAll, (VOID *)(Index + 1)) != 0)
            return 2;
    for (UINT32 Stop = 0; Stop < STOPS; Stop++)
        Live();
    __atomic_store_n(&Ended, TRUE, __ATOMIC_RELEASE);
    for (UINT32 Index = 0; Index < PLAYERS; Index++)
        pthread_join(Threads[Index], NULL);
    AccountClose(Account);
    EpochTerminate();
    ShimCount(&Counts);
    printf(
        "%u rounds: %u failed, %u flows, %u callouts, %u handles, %llu not freed; %s\n",
        Rounds,
        Failed,
        Counts.Flows,
        Counts.Callouts,
        Counts.Handles,
        (unsigned long long)LinuxCountAllocations(),
        ShimTakeViolation());
    return 0;
}
