// A program that is loaded: bytecode that has passed the structural check, the maps it refers to, and running it.
#pragma once

#include "bytecode.h"
#include "jit-x64.h"
#include "operation.h"
#include "run.h"

#define PROGRAM_MAXIMUM_MAPS 64

/** Of runs that began with a program: while they are counted, but faults always. */
typedef struct _PROGRAM_STATISTICS {
    UINT64 Runs;
    UINT64 Nanoseconds;
    UINT64 Faults;
    /** There is one for each processor, a cache line apart. */
    UINT64 Padding[5];
} PROGRAM_STATISTICS;
C_ASSERT(sizeof(PROGRAM_STATISTICS) == PLATFORM_ALIGNMENT);

typedef struct _EBPF_PROGRAM {
    EBPF_OBJECT Object;
    /** NULL: it runs on plain memory, as only tests have it. */
    const EBPF_PROGRAM_TYPE *Type;
    /** What is told of its engine (ioctl.h); set by who prepares it. */
    UINT32 EngineReason;
    BOOLEAN Certified;
    /** Its wide immediates are numbers only: a map is its place in Maps plus 1, a value is its address. */
    EBPF_BYTECODE Bytecode;
    /** Empty: it is interpreted. */
    JIT_CODE Code;
    /** For the interpreter; none if it is compiled. */
    EBPF_OPERATIONS Operations;
    /** By processor. */
    PROGRAM_STATISTICS *Statistics;
    UINT32 MapCount;
    EBPF_MAP *Maps[PROGRAM_MAXIMUM_MAPS];
} EBPF_PROGRAM;

/**
 * Loads a program, which takes references to its maps. STATUS_INVALID_IMAGE_FORMAT if the bytecode is refused: *Finding says
 * why and *FindingSlot where. The caller has the first reference; on failure there is nothing to release.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS ProgramCreate(
    _In_opt_ const EBPF_PROGRAM_TYPE *Type,
    _In_reads_(SlotCount) const EBPF_INSTRUCTION *Slots,
    _In_ UINT32 SlotCount,
    _In_reads_(MapCount) EBPF_MAP *const *Maps,
    _In_ UINT32 MapCount,
    _Outptr_ EBPF_PROGRAM **Program,
    _Out_ EBPF_FINDING *Finding,
    _Out_ UINT32 *FindingSlot);

/** The same, but nobody finds it before ProgramPublish; ProgramDiscard frees one that is not to be published. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS ProgramPrepare(
    _In_opt_ const EBPF_PROGRAM_TYPE *Type,
    _In_reads_(SlotCount) const EBPF_INSTRUCTION *Slots,
    _In_ UINT32 SlotCount,
    _In_reads_(MapCount) EBPF_MAP *const *Maps,
    _In_ UINT32 MapCount,
    _Outptr_ EBPF_PROGRAM **Program,
    _Out_ EBPF_FINDING *Finding,
    _Out_ UINT32 *FindingSlot);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID ProgramPublish(_Inout_ EBPF_PROGRAM *Program);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID ProgramDiscard(_In_ EBPF_PROGRAM *Program);

/** What it allocates as long as it lives. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT64 ProgramCountBytes(_In_ const EBPF_PROGRAM *Program);

/**
 * From now on its code runs, not the interpreter: only for a program that is proved safe. Before anybody runs it. On failure
 * it stays interpreted.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS ProgramCompile(
    _Inout_ EBPF_PROGRAM *Program, _In_ BOOLEAN Blind);

/** Runs it once, in an epoch of its own; how that ended is in Output. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ProgramRun(
    _In_ const EBPF_PROGRAM *Program, _In_ const EBPF_RUN_INPUT *Input, _Out_ EBPF_RUN_OUTPUT *Output);

/** The same at a hook: the caller is in an epoch, on a processor that stays the same. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ProgramRunAttached(
    _In_ const EBPF_PROGRAM *Program, _In_ const EBPF_RUN_INPUT *Input, _Out_ EBPF_RUN_OUTPUT *Output);

/** The sum over all processors; of what they count meanwhile some may be in it. */
_IRQL_requires_max_(DISPATCH_LEVEL) PROGRAM_STATISTICS ProgramStatistics(_In_ const EBPF_PROGRAM *Program);

/** Whether runs, of all programs, are counted and timed from now on: two looks at the clock for each. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ProgramCountRuns(_In_ BOOLEAN Enable);

_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN ProgramRunsAreCounted(VOID);
