// The platform of EbpfCore.sys: Windows' own names, and what only the driver's entry needs of the platform.
#pragma once

#include <ntifs.h>

#include <stdint.h>

typedef KIRQL EBPF_IRQL;

typedef struct _EBPF_LOCK {
    KSPIN_LOCK Lock;
} EBPF_LOCK;

/** Before all else, once: the secret of PlatformRandom, and which of the newer functions this Windows has. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS WindowsInitiate(VOID);

/**
 * TRUE where the kernel is played by a process, as Wine does: drivers lie in the lower half of addresses there, which no
 * driver of Windows ever does. What Wine lacks is asked for only if this is FALSE.
 */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN WindowsIsEmulated(VOID);

/** In whose name events are written: the driver's, before the first. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID WindowsSetEventSource(_In_ DRIVER_OBJECT *Driver);

/** A function of the kernel that older ones have not; NULL if it is not there. */
_Ret_maybenull_ _IRQL_requires_max_(PASSIVE_LEVEL) VOID *WindowsFindRoutine(_In_ const WCHAR *Name);

/** The request is over; it is the system's again. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID WindowsComplete(_Inout_ IRP *Irp, _In_ NTSTATUS Status, _In_ UINT32 ReplyBytes);

/** Frees memory of code that was given up where that is not allowed. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID WindowsReapCode(VOID);
