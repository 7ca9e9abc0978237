#include "link.h"

static VOID
Destroy(EBPF_OBJECT *Object)
{
    PlatformFree(CONTAINING_RECORD(Object, EBPF_LINK, Object));
}

/** One that nobody found: runs may have come to it. */
static VOID
Discard(EBPF_RETIRED *Retired)
{
    Destroy(CONTAINING_RECORD(Retired, EBPF_OBJECT, Retired));
}

static BOOLEAN
TakeOut(EBPF_LINK *Link)
{
    EBPF_PROGRAM *Program = HookSetProgram(Link, NULL);
    if (Program == NULL)
        return FALSE;
    // Runs that are in it are in an epoch, and it is freed after that.
    ObjectRelease(&Program->Object);
    (VOID)HookTell(Link->Hook, FALSE);
    return TRUE;
}

static VOID
Withdraw(EBPF_OBJECT *Object)
{
    (VOID)TakeOut(CONTAINING_RECORD(Object, EBPF_LINK, Object));
}

/** Whether a program can be at that hook. */
static EBPF_ERROR
CheckType(EBPF_HOOK_ID Hook, const EBPF_PROGRAM *Program)
{
    const EBPF_PROGRAM_TYPE *Type = Program->Type;
    return Type != NULL && Type->Number == HookRows[Hook].ProgramType ? EbpfErrorNone
                                                                      : EbpfErrorProgramTypeUnsupported;
}

_Use_decl_annotations_
EBPF_ERROR
LinkCreate(EBPF_HOOK_ID Hook, UINT32 Point, EBPF_PROGRAM *Program, EBPF_ACCOUNT *Account, EBPF_LINK **Link)
{
    EBPF_ERROR Error = CheckType(Hook, Program);
    *Link = NULL;
    if (Error != EbpfErrorNone)
        return Error;
    if (HookRows[Hook].Point == EBPF_POINT_NONE && Point != 0)
        return EbpfErrorArgumentInvalid;
    if (!AccountCharge(Account, sizeof(EBPF_LINK)))
        return EbpfErrorMemoryExhausted;
    EBPF_LINK *New = PlatformAllocate(sizeof(EBPF_LINK));
    if (New == NULL) {
        AccountRefund(Account, sizeof(EBPF_LINK));
        return EbpfErrorMemoryExhausted;
    }
    New->Object.Account = Account;
    New->Object.ChargedBytes = sizeof(EBPF_LINK);
    New->Hook = Hook;
    New->Point = Point;
    New->Program = Program;
    New->Attached = TRUE;
    New->Object.Withdraw = Withdraw;
    ObjectReference(&Program->Object);
    if (!HookAddLink(New)) {
        ObjectRelease(&Program->Object);
        PlatformFree(New);
        AccountRefund(Account, sizeof(EBPF_LINK));
        return EbpfErrorHookBusy;
    }
    // A hook that is not there may come when it is wanted.
    if (!HookTell(Hook, TRUE) || !HookIsPresent(Hook)) {
        (VOID)TakeOut(New);
        AccountRefund(Account, sizeof(EBPF_LINK));
        EpochRetire(&New->Object.Retired, Discard);
        return EbpfErrorHookUnavailable;
    }
    ObjectPublish(&New->Object, ObjectLink, Destroy);
    *Link = New;
    return EbpfErrorNone;
}

_Use_decl_annotations_
EBPF_ERROR
LinkReplace(EBPF_LINK *Link, EBPF_PROGRAM *Program)
{
    EBPF_ERROR Error = CheckType(Link->Hook, Program);
    if (Error != EbpfErrorNone)
        return Error;
    ObjectReference(&Program->Object);
    EBPF_PROGRAM *Before = HookSetProgram(Link, Program);
    ObjectRelease(Before == NULL ? &Program->Object : &Before->Object);
    EpochDrain();
    return Before == NULL ? EbpfErrorLinkNotFound : EbpfErrorNone;
}

_Use_decl_annotations_
EBPF_ERROR
LinkDetach(EBPF_LINK *Link)
{
    BOOLEAN Attached = TakeOut(Link);
    // Who finds it detached waits too: another thread may be at it.
    EpochDrain();
    return Attached ? EbpfErrorNone : EbpfErrorLinkNotFound;
}

_Use_decl_annotations_
VOID
LinkDescribe(const EBPF_LINK *Link, EBPF_LINK_DESCRIPTION *Description)
{
    *Description = (EBPF_LINK_DESCRIPTION){
        .AttachType = HookRows[Link->Hook].AttachType,
        .Point = Link->Point,
        .ProgramId = HookProgramId(Link),
    };
}
