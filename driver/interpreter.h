// The interpreter: runs bytecode that has passed the structural check, and trusts nothing else about it. Each access is
// checked, each loop and call costs budget, the stack of each function begins as zeros.
#pragma once

#include "operation.h"
#include "run.h"

/** Runs from the first operation with r1 and r2 as given; how it ended is in Run. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID InterpreterRun(
    _In_ const EBPF_OPERATIONS *Operations, _Inout_ EBPF_RUN *Run, _In_ UINT64 R1, _In_ UINT64 R2);
