// A program that is loaded: bytecode that has passed the structural check, the maps it refers to, and running it.
#pragma once

#include "bytecode.h"
#include "jit-x64.h"
#include "run.h"

#define PROGRAM_MAXIMUM_MAPS 64

typedef struct _EBPF_PROGRAM {
    EBPF_OBJECT Object;
    /** Of EBPF_PROGRAM_TYPE_*, and what is told of its engine (ioctl.h); set by who prepares it. */
    UINT32 Type;
    UINT32 EngineReason;
    BOOLEAN Certified;
    /** Its wide immediates are numbers only: a map is its place in Maps plus 1, a value is its address. */
    EBPF_BYTECODE Bytecode;
    /** Empty: it is interpreted. */
    JIT_CODE Code;
    UINT32 MapCount;
    EBPF_MAP *Maps[PROGRAM_MAXIMUM_MAPS];
} EBPF_PROGRAM;

/**
 * Loads a program, which takes references to its maps. STATUS_INVALID_IMAGE_FORMAT if the bytecode is refused: *Finding says
 * why and *FindingSlot where. The caller has the first reference; on failure there is nothing to release.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS ProgramCreate(
    _In_reads_(SlotCount) const EBPF_INSTRUCTION *Slots,
    _In_ UINT32 SlotCount,
    _In_reads_(MapCount) EBPF_MAP *const *Maps,
    _In_ UINT32 MapCount,
    _Outptr_ EBPF_PROGRAM **Program,
    _Out_ EBPF_FINDING *Finding,
    _Out_ UINT32 *FindingSlot);

/** The same, but nobody finds it before ProgramPublish; ProgramDiscard frees one that is not to be published. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS ProgramPrepare(
    _In_reads_(SlotCount) const EBPF_INSTRUCTION *Slots,
    _In_ UINT32 SlotCount,
    _In_reads_(MapCount) EBPF_MAP *const *Maps,
    _In_ UINT32 MapCount,
    _Outptr_ EBPF_PROGRAM **Program,
    _Out_ EBPF_FINDING *Finding,
    _Out_ UINT32 *FindingSlot);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID ProgramPublish(_Inout_ EBPF_PROGRAM *Program);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID ProgramDiscard(_In_ EBPF_PROGRAM *Program);

/**
 * From now on its code runs, not the interpreter: only for a program that is proved safe. Before anybody runs it. On failure
 * it stays interpreted.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS ProgramCompile(
    _Inout_ EBPF_PROGRAM *Program, _In_ BOOLEAN Blind);

/** Runs it once, in an epoch of its own; how that ended is in Output. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ProgramRun(
    _In_ const EBPF_PROGRAM *Program, _In_ const EBPF_RUN_INPUT *Input, _Out_ EBPF_RUN_OUTPUT *Output);
