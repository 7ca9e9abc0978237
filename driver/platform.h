// All that the portable core asks of a system. Nothing else in driver/ includes a system's header: the same files are
// compiled for tests on Linux (platform-linux.*) and into EbpfCore.sys.
#pragma once

#if defined(__linux__)
#include "platform-linux.h"
#elif defined(_WIN64)
#include "windows/platform-windows.h"
#else
#error "there is no platform header for this system yet"
#endif

/** Functions that code of the JIT calls, and the code itself, have one calling convention on every system. */
#define EBPF_SYSV_ABI __attribute__((sysv_abi))

/** Alignment of what PlatformAllocate gives: a cache line, so that what processors write apart stays apart. */
#define PLATFORM_ALIGNMENT 64

/** Zeroed memory that is never paged out, or NULL. The caller frees it with PlatformFree. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) VOID *PlatformAllocate(
    _In_ SIZE_T SizeBytes);

/** NULL is allowed and does nothing. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID PlatformFree(_In_opt_ VOID *Memory);

/** Zeroed memory for code, writable and not executable; NULL if there is none. The caller frees it. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(PASSIVE_LEVEL) VOID *PlatformAllocateCode(
    _In_ SIZE_T SizeBytes);

/** Makes it executable and not writable any more, for good; FALSE if that is not allowed here. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN PlatformSealCode(
    _In_ VOID *Memory, _In_ SIZE_T SizeBytes);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID PlatformFreeCode(_In_ VOID *Memory, _In_ SIZE_T SizeBytes);

/** Whether it is a rule of the system that memory never becomes executable (HVCI). */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN PlatformCodeIsForbidden(VOID);

/** Puts an event into the system's log, with texts for the places that its message has for them; FALSE if it is not taken there. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN PlatformLogEvent(
    _In_ UINT32 Code, _In_reads_(InsertCount) const char *const *Inserts, _In_ UINT32 InsertCount);

/** Processors there may ever be; at least 1. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 PlatformProcessorCount(VOID);

/** The one that this runs on, below PlatformProcessorCount. In the kernel programs run where that does not change. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 PlatformProcessorNumber(VOID);

/** Bytes of memory that the system has. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT64 PlatformMemorySize(VOID);

/** 64 bits that cannot be guessed from outside. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 PlatformRandom(VOID);

/** Nanoseconds since the system started, with the time it slept. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 PlatformBootTime(VOID);

/** Nanoseconds since the system started, without it. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 PlatformMonotonicTime(VOID);

/** Who runs now: the process in the upper half, the thread in the lower. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 PlatformCurrentProcess(VOID);

/** The number of its logon session. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 PlatformCurrentLogon(VOID);

/** Whether it has an administrator's rights. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN PlatformIsAdministrator(VOID);

/** From here to PlatformLower this stays on its processor, and nobody else runs there. What it returns goes to that. */
_IRQL_requires_max_(DISPATCH_LEVEL) EBPF_IRQL PlatformRaise(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID PlatformLower(_In_ EBPF_IRQL Irql);

/** There is a record that somebody waits for: requests that DispatchCall has left pending are to be asked again. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID PlatformWake(VOID);

/** Lets others run; for waits that are allowed to take long. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID PlatformYield(VOID);

/**
 * A spin lock; all zeros is one that is free. What LockAcquire returns goes to LockRelease. In the kernel the holder runs
 * at DISPATCH_LEVEL. A holder may take locks of a lower rank only: bucket, then pool (maps/); table, hook and epoch alone.
 */
_IRQL_requires_max_(DISPATCH_LEVEL) EBPF_IRQL LockAcquire(_Inout_ EBPF_LOCK *Lock);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID LockRelease(_Inout_ EBPF_LOCK *Lock, _In_ EBPF_IRQL Irql);
