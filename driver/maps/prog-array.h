// PROG_ARRAY: the programs that tail calls lead to. Others than programs write and read numbers of programs; the map
// holds a reference to each, all of the type of the first. Programs can only jump.
#pragma once

#include "../map.h"

/** Inside an epoch: the program at an index, without a reference; NULL if there is none. */
_Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) EBPF_OBJECT *ProgArrayFind(
    _In_ const EBPF_MAP *Map, _In_ UINT32 Index);
