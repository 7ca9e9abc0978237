// Where programs run: a row a hook, its links, and the one way from a place of the system to the programs that are attached
// there. What a hook's context means, and what is done with the answer, is known in hooks/, a file each.
#pragma once

#include "program.h"

#include "ioctl.h"

/** The rows of the table, by attach type. */
typedef enum _EBPF_HOOK_ID {
    HookXdp,
    HookBind,
    HookConnect4,
    HookConnect6,
    HookRecvAccept4,
    HookRecvAccept6,
    HookSockOps,
    HookCount,
} EBPF_HOOK_ID;

/** What a run at a hook may cost. */
#define HOOK_RUN_BUDGET EBPF_MAXIMUM_BUDGET

/** To one hook, to all of its points: each packet goes over all of them. */
#define HOOK_MAXIMUM_LINKS 1024

/** Of FinalResult: there is none. */
#define HOOK_NO_RESULT UINT32_MAX

typedef struct _EBPF_HOOK_ROW {
    const char *Name;
    UINT32 AttachType;
    UINT32 ProgramType;
    /** EBPF_POINT_*: what a link's point is. */
    UINT32 Point;
    /** To one point. With 1, a link to the point itself hides the one to every point; else all are asked, in the order they came. */
    UINT32 MaximumLinks;
    /** Answers are from the first to the last; any other is taken as FaultResult. */
    UINT32 FirstResult;
    UINT32 LastResult;
    /** If nothing is attached; a program that answers it leaves it to the others. */
    UINT32 DefaultResult;
    /** If a run is ended by a fault: here it is decided whether the hook fails open or closed. */
    UINT32 FaultResult;
    /** After it no other program is asked. */
    UINT32 FinalResult;
} EBPF_HOOK_ROW;

extern const EBPF_HOOK_ROW HookRows[HookCount];

/** HookCount if there is none. */
_IRQL_requires_max_(DISPATCH_LEVEL) EBPF_HOOK_ID HookFind(_In_ UINT32 AttachType);

/** Whether the system lets this hook see what it is for; at first none is there. Links stay, whatever this says. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID HookSetPresent(_In_ EBPF_HOOK_ID Hook, _In_ BOOLEAN Present);

_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN HookIsPresent(_In_ EBPF_HOOK_ID Hook);

/**
 * Who brings hooks to life is told of links. Of one that was added at PASSIVE_LEVEL: FALSE says that it would see nothing.
 * Of one that is gone, wherever that is.
 */
typedef _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN HOOK_LISTENER(_In_ EBPF_HOOK_ID Hook, _In_ BOOLEAN Added);

/** NULL: nobody. Nothing is done with links meanwhile. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID HookSetListener(_In_opt_ HOOK_LISTENER *Listener);

/** For link.c: what the listener says; TRUE if there is none. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN HookTell(_In_ EBPF_HOOK_ID Hook, _In_ BOOLEAN Added);

_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 HookLinkCount(_In_ EBPF_HOOK_ID Hook);

/** Whether HookInvoke would run anything now. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN HookIsAttached(_In_ EBPF_HOOK_ID Hook, _In_ UINT32 Point);

/**
 * Runs what is attached to that point, at DISPATCH_LEVEL, and gives an answer of the hook's row. Only helpers allocate. The
 * context and the memory it leads to are as the program type says (core/platform/windows/contexts.ts): programs that are
 * compiled rely on it. Input's budget is not looked at.
 */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 HookInvoke(
    _In_ EBPF_HOOK_ID Hook, _In_ UINT32 Point, _In_ const EBPF_RUN_INPUT *Input);

struct _EBPF_LINK;

/** For link.c: shows the link to runs; FALSE if there are as many to its point as there may be. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN HookAddLink(_Inout_ struct _EBPF_LINK *Link);

/**
 * For link.c: has the link run another program, or with NULL, takes it out of sight. The program before, with the link's
 * reference to it, which runs may still be in; NULL, and nothing is done, if the link is detached.
 */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) EBPF_PROGRAM *HookSetProgram(
    _Inout_ struct _EBPF_LINK *Link, _In_opt_ EBPF_PROGRAM *Program);

/** For link.c: the number of the program, 0 if it is detached. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 HookProgramId(_In_ const struct _EBPF_LINK *Link);
