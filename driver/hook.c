// Runs walk a hook's list inside an epoch, without a lock. A link that is taken out keeps its Next, so who stands on it comes
// back to the list; it is freed when nobody does any more.
#include "hook.h"

#include "hooks/xdp.h"
#include "link.h"

typedef struct _HOOK {
    EBPF_LOCK Lock;
    EBPF_LINK *First;
    UINT32 Count;
    BOOLEAN Present;
} HOOK;

static HOOK Hooks[HookCount];
static HOOK_LISTENER *Listener;

/** As many as eBPF for Windows has. */
#define MANY 16

enum { BIND_PERMIT_SOFT = 0, BIND_DENY = 1, BIND_PERMIT_HARD = 3 };
enum { REJECT = 0, PROCEED_SOFT = 1, PROCEED_HARD = 2 };

/** Who provokes a fault must not get by with it: every hook that decides fails closed. */
#define SOCK_ADDR_ROW(Id, Title, Type)                  \
    [Id] = {                                            \
        .Name = Title,                                  \
        .AttachType = Type,                             \
        .ProgramType = EBPF_PROGRAM_TYPE_SOCK_ADDR,     \
        .Point = EBPF_POINT_COMPARTMENT,                \
        .MaximumLinks = MANY,                           \
        .FirstResult = REJECT,                          \
        .LastResult = PROCEED_HARD,                     \
        .DefaultResult = PROCEED_SOFT,                  \
        .FaultResult = REJECT,                          \
        .FinalResult = REJECT,                          \
    }

const EBPF_HOOK_ROW HookRows[HookCount] = {
    [HookXdp] =
        {
            .Name = "xdp",
            .AttachType = EBPF_ATTACH_TYPE_XDP,
            .ProgramType = EBPF_PROGRAM_TYPE_XDP,
            .Point = EBPF_POINT_INTERFACE,
            .MaximumLinks = 1,
            .FirstResult = XDP_PASS,
            .LastResult = XDP_TX,
            .DefaultResult = XDP_PASS,
            .FaultResult = XDP_DROP,
            .FinalResult = HOOK_NO_RESULT,
        },
    [HookBind] =
        {
            .Name = "bind",
            .AttachType = EBPF_ATTACH_TYPE_BIND,
            .ProgramType = EBPF_PROGRAM_TYPE_BIND,
            .Point = EBPF_POINT_NONE,
            .MaximumLinks = 1,
            .FirstResult = BIND_PERMIT_SOFT,
            .LastResult = BIND_PERMIT_HARD,
            .DefaultResult = BIND_PERMIT_SOFT,
            .FaultResult = BIND_DENY,
            .FinalResult = HOOK_NO_RESULT,
        },
    SOCK_ADDR_ROW(HookConnect4, "connect4", EBPF_ATTACH_TYPE_CONNECT4),
    SOCK_ADDR_ROW(HookConnect6, "connect6", EBPF_ATTACH_TYPE_CONNECT6),
    SOCK_ADDR_ROW(HookRecvAccept4, "recv_accept4", EBPF_ATTACH_TYPE_RECV_ACCEPT4),
    SOCK_ADDR_ROW(HookRecvAccept6, "recv_accept6", EBPF_ATTACH_TYPE_RECV_ACCEPT6),
    // It watches, and decides nothing.
    [HookSockOps] =
        {
            .Name = "sockops",
            .AttachType = EBPF_ATTACH_TYPE_SOCK_OPS,
            .ProgramType = EBPF_PROGRAM_TYPE_SOCK_OPS,
            .Point = EBPF_POINT_COMPARTMENT,
            .MaximumLinks = MANY,
            .FinalResult = HOOK_NO_RESULT,
        },
};

_Use_decl_annotations_
EBPF_HOOK_ID
HookFind(UINT32 AttachType)
{
    EBPF_HOOK_ID Hook = 0;
    while (Hook < HookCount && HookRows[Hook].AttachType != AttachType)
        Hook++;
    return Hook;
}

_Use_decl_annotations_
VOID
HookSetPresent(EBPF_HOOK_ID Hook, BOOLEAN Present)
{
    __atomic_store_n(&Hooks[Hook].Present, Present, __ATOMIC_RELAXED);
}

_Use_decl_annotations_
BOOLEAN
HookIsPresent(EBPF_HOOK_ID Hook)
{
    return __atomic_load_n(&Hooks[Hook].Present, __ATOMIC_RELAXED);
}

_Use_decl_annotations_
VOID
HookSetListener(HOOK_LISTENER *Given)
{
    __atomic_store_n(&Listener, Given, __ATOMIC_RELEASE);
}

_Use_decl_annotations_
BOOLEAN
HookTell(EBPF_HOOK_ID Hook, BOOLEAN Added)
{
    HOOK_LISTENER *Known = __atomic_load_n(&Listener, __ATOMIC_ACQUIRE);
    return Known == NULL || Known(Hook, Added);
}

_Use_decl_annotations_
UINT32
HookLinkCount(EBPF_HOOK_ID Hook)
{
    return __atomic_load_n(&Hooks[Hook].Count, __ATOMIC_RELAXED);
}

/** Where only one program is asked, those of one point stand before those of every one. */
static BOOLEAN
GoesFirst(const EBPF_LINK *Link)
{
    return HookRows[Link->Hook].MaximumLinks == 1 && Link->Point != 0;
}

_Use_decl_annotations_
BOOLEAN
HookAddLink(EBPF_LINK *Link)
{
    HOOK *Hook = &Hooks[Link->Hook];
    UINT32 Same = 0;
    EBPF_IRQL Irql = LockAcquire(&Hook->Lock);
    EBPF_LINK **Place = &Hook->First;
    for (EBPF_LINK *Each = Hook->First; Each != NULL; Each = Each->Next) {
        Same += Each->Point == Link->Point;
        if (!GoesFirst(Link))
            Place = &Each->Next;
    }
    BOOLEAN Free = Same < HookRows[Link->Hook].MaximumLinks && Hook->Count < HOOK_MAXIMUM_LINKS;
    if (Free) {
        Link->Next = *Place;
        __atomic_store_n(Place, Link, __ATOMIC_RELEASE);
        __atomic_store_n(&Hook->Count, Hook->Count + 1, __ATOMIC_RELAXED);
    }
    LockRelease(&Hook->Lock, Irql);
    return Free;
}

static VOID
Unlink(HOOK *Hook, const EBPF_LINK *Link)
{
    EBPF_LINK **Place = &Hook->First;
    while (*Place != Link)
        Place = &(*Place)->Next;
    __atomic_store_n(Place, Link->Next, __ATOMIC_RELEASE);
    __atomic_store_n(&Hook->Count, Hook->Count - 1, __ATOMIC_RELAXED);
}

/** Of a link that was taken out the program stays, for runs that have come to it; Attached says that it is not its any more. */
_Use_decl_annotations_
EBPF_PROGRAM *
HookSetProgram(EBPF_LINK *Link, EBPF_PROGRAM *Program)
{
    HOOK *Hook = &Hooks[Link->Hook];
    EBPF_PROGRAM *Before = NULL;
    EBPF_IRQL Irql = LockAcquire(&Hook->Lock);
    if (Link->Attached) {
        Before = Link->Program;
        if (Program != NULL) {
            __atomic_store_n(&Link->Program, Program, __ATOMIC_RELEASE);
        } else {
            Unlink(Hook, Link);
            Link->Attached = FALSE;
        }
    }
    LockRelease(&Hook->Lock, Irql);
    return Before;
}

_Use_decl_annotations_
UINT32
HookProgramId(const EBPF_LINK *Link)
{
    HOOK *Hook = &Hooks[Link->Hook];
    EBPF_IRQL Irql = LockAcquire(&Hook->Lock);
    UINT32 Id = Link->Attached ? Link->Program->Object.Id : 0;
    LockRelease(&Hook->Lock, Irql);
    return Id;
}

static EBPF_LINK *
NextAt(EBPF_LINK *const *Place, UINT32 Point)
{
    EBPF_LINK *Link = __atomic_load_n(Place, __ATOMIC_ACQUIRE);
    while (Link != NULL && Link->Point != 0 && Link->Point != Point)
        Link = __atomic_load_n(&Link->Next, __ATOMIC_ACQUIRE);
    return Link;
}

_Use_decl_annotations_
BOOLEAN
HookIsAttached(EBPF_HOOK_ID Hook, UINT32 Point)
{
    EBPF_EPOCH_TOKEN Token = EpochEnter();
    BOOLEAN Attached = NextAt(&Hooks[Hook].First, Point) != NULL;
    EpochExit(Token);
    return Attached;
}

/** What the program of one link answers. */
static UINT32
Ask(const EBPF_HOOK_ROW *Row, EBPF_LINK *Link, const EBPF_RUN_INPUT *Input)
{
    EBPF_RUN_OUTPUT Output;
    ProgramRunAttached(__atomic_load_n(&Link->Program, __ATOMIC_ACQUIRE), Input, &Output);
    UINT32 Result = (UINT32)Output.Result;
    if (Output.Fault != FaultNone || Result < Row->FirstResult || Result > Row->LastResult)
        return Row->FaultResult;
    return Result;
}

_Use_decl_annotations_
UINT32
HookInvoke(EBPF_HOOK_ID Hook, UINT32 Point, const EBPF_RUN_INPUT *Input)
{
    const EBPF_HOOK_ROW *Row = &HookRows[Hook];
    EBPF_RUN_INPUT Own = *Input;
    UINT32 Result = Row->DefaultResult;
    Own.Budget = HOOK_RUN_BUDGET;
    EBPF_IRQL Irql = PlatformRaise();
    EBPF_EPOCH_TOKEN Token = EpochEnter();
    for (EBPF_LINK *Link = NextAt(&Hooks[Hook].First, Point); Link != NULL; Link = NextAt(&Link->Next, Point)) {
        UINT32 Answer = Ask(Row, Link, &Own);
        if (Answer != Row->DefaultResult)
            Result = Answer;
        if (Row->MaximumLinks == 1 || Answer == Row->FinalResult)
            break;
    }
    EpochExit(Token);
    PlatformLower(Irql);
    return Result;
}
