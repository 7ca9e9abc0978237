// A program at a hook. The link lives as long as someone has a reference to it, and is attached until then or until it is
// detached, whatever comes first; a handle is a reference, so what a process that ends has attached is detached.
#pragma once

#include "hook.h"

typedef struct _EBPF_LINK {
    EBPF_OBJECT Object;
    EBPF_HOOK_ID Hook;
    /** What its hook's row says; 0 is every one. */
    UINT32 Point;
    /** The rest is under the hook's lock; runs read Next and Program. */
    BOOLEAN Attached;
    struct _EBPF_LINK *Next;
    /** With a reference while it is attached. */
    EBPF_PROGRAM *Program;
} EBPF_LINK;

/** Attaches a program of the hook's type, and takes a reference to it; the link is charged. The caller has its first reference. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) EBPF_ERROR LinkCreate(
    _In_ EBPF_HOOK_ID Hook, _In_ UINT32 Point, _In_ EBPF_PROGRAM *Program, _Inout_ EBPF_ACCOUNT *Account, _Outptr_ EBPF_LINK **Link);

/**
 * Each run from now on is one of the other program. Returns when none is in the one before any more. LinkNotFound if it
 * is detached.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) EBPF_ERROR LinkReplace(
    _Inout_ EBPF_LINK *Link, _In_ EBPF_PROGRAM *Program);

/** Returns when no run of it is under way any more; LinkNotFound if it is detached already. */
_IRQL_requires_max_(PASSIVE_LEVEL) EBPF_ERROR LinkDetach(_Inout_ EBPF_LINK *Link);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID LinkDescribe(
    _In_ const EBPF_LINK *Link, _Out_ EBPF_LINK_DESCRIPTION *Description);
