// QUEUE and STACK: values without keys, of which a program takes the oldest or the newest.
#pragma once

#include "../map.h"

/**
 * Puts a value in. Where there is no room: MAP_TOO_BIG, or with MAP_UPDATE_EXIST the oldest gives way. MAP_INVALID for
 * other flags, and a map that is no queue and no stack.
 */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 QueuePush(_Inout_ EBPF_MAP *Map, _In_ const UINT8 *Value, _In_ UINT64 Flags);

/** Copies the value whose turn it is, and takes it out if Remove is TRUE. MAP_NOT_FOUND, and zeros, if there is none. */
_IRQL_requires_max_(DISPATCH_LEVEL) INT32 QueueTake(
    _Inout_ EBPF_MAP *Map, _Out_writes_bytes_(ValueSizeBytes) UINT8 *Value, _In_ BOOLEAN Remove);
