// A program that is loaded: bytecode that has passed the structural check, and what is needed to run it.
#pragma once

#include "bytecode.h"
#include "run.h"

typedef struct _EBPF_PROGRAM {
    EBPF_BYTECODE Bytecode;
} EBPF_PROGRAM;

/**
 * Loads a program. STATUS_INVALID_IMAGE_FORMAT if the bytecode is refused: *Finding says why and *FindingSlot where. The
 * caller frees *Program with ProgramDestroy; on failure there is nothing to free.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS ProgramCreate(
    _In_reads_(SlotCount) const EBPF_INSTRUCTION *Slots,
    _In_ UINT32 SlotCount,
    _Outptr_ EBPF_PROGRAM **Program,
    _Out_ EBPF_FINDING *Finding,
    _Out_ UINT32 *FindingSlot);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID ProgramDestroy(_In_ EBPF_PROGRAM *Program);

/** Runs it once; how that ended is in Output. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ProgramRun(
    _In_ const EBPF_PROGRAM *Program, _In_ const EBPF_RUN_INPUT *Input, _Out_ EBPF_RUN_OUTPUT *Output);
