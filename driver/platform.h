// All that the portable core asks of a system. Nothing else in driver/ includes a system's header: the same files are
// compiled for tests on Linux (platform-linux.*) and into EbpfCore.sys.
#pragma once

#if defined(__linux__)
#include "platform-linux.h"
#else
#error "there is no platform header for this system yet"
#endif

/** Alignment of what PlatformAllocate gives: a cache line, so that what processors write apart stays apart. */
#define PLATFORM_ALIGNMENT 64

/** Zeroed memory that is never paged out, or NULL. The caller frees it with PlatformFree. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) VOID *PlatformAllocate(
    _In_ SIZE_T SizeBytes);

/** NULL is allowed and does nothing. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID PlatformFree(_In_opt_ VOID *Memory);
