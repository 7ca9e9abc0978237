// The JIT: bytecode that has passed the structural check becomes x64 code. It does not check memory accesses: it is for
// programs that were proved safe. What it does not rely on any proof for is time: loops and calls cost budget, as in the
// interpreter. Code is written, then made executable, and never both.
#pragma once

#include "bytecode.h"
#include "run.h"

typedef _IRQL_requires_max_(DISPATCH_LEVEL) UINT64 EBPF_SYSV_ABI JIT_ENTRY(_Inout_ EBPF_RUN *Run, UINT64 R1, UINT64 R2);

typedef struct _JIT_CODE {
    JIT_ENTRY *Entry;
    VOID *Memory;
    UINT32 SizeBytes;
} JIT_CODE;

/**
 * Compiles a program of that type. With Blind no constant that the program chose is in the code as it is: each is the difference of two that it
 * cannot know. The maps are those that the run will have: addresses of them are in the code. STATUS_NOT_SUPPORTED where memory cannot be made executable. The caller frees with JitFree.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS JitCompile(
    _In_opt_ const EBPF_PROGRAM_TYPE *Type,
    _In_ const EBPF_BYTECODE *Bytecode,
    _In_reads_(MapCount) EBPF_MAP *const *Maps,
    _In_ UINT32 MapCount,
    _In_ BOOLEAN Blind,
    _Out_ JIT_CODE *Code);

/** Nothing to do if nothing was compiled. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitFree(_Inout_ JIT_CODE *Code);
