// What the hooks of WFP ask of the system beside WFP and NDIS themselves: windows/wfp-system.c, and on Linux the tests' shim.
#pragma once

#include "wfp/wfp.h"

/** Of the first byte that the MDL describes; NULL if its pages cannot be mapped. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) UINT8 *WfpMapMdl(_In_ MDL *Mdl);

/** An MDL of memory of PlatformAllocate; NULL if there is none. Ended with WfpForget. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) MDL *WfpDescribe(
    _In_ VOID *Memory, _In_ UINT32 SizeBytes);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID WfpForget(_In_ MDL *Mdl);

/** What an MDL says it describes. */
_IRQL_requires_max_(DISPATCH_LEVEL) static inline UINT32
WfpMdlBytes(_In_ const MDL *Mdl)
{
    return Mdl->ByteCount;
}

/** Memory that Windows frees itself; NULL if there is none. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) VOID *WfpAllocateForSystem(_In_ SIZE_T SizeBytes);

/** Whether too little of this stack is left for a program. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN WfpStackIsLow(VOID);

/** Before WfpQueueWork; the device is what callouts are registered for. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS WfpWorkInitiate(
    _Inout_ VOID *Device, _In_ VOID (*Work)(VOID));

/** Has the work done soon, at PASSIVE_LEVEL; once is enough for all that asked before it began. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID WfpQueueWork(VOID);

/** Waits for what is queued. Nobody may queue any more. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID WfpWorkTerminate(VOID);
