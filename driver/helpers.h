// The helpers that programs of every type may call, one row each, with the numbers of eBPF for Windows, and how to find those
// that a type has for itself. The core's table is core/platform/windows/helpers.ts.
#pragma once

#include "run.h"

/** What an argument is, so that the interpreter can check it. */
typedef enum _EBPF_ARGUMENT {
    ArgumentNone,
    /** A number, or the context: nothing is read through it. */
    ArgumentScalar,
    /** A map of the program; the key and the value after it are of its sizes. */
    ArgumentMap,
    ArgumentKey,
    ArgumentValue,
    ArgumentValueOut,
    /** Memory, of the size that the next argument says; all 0 is allowed for OrNull. */
    ArgumentMemory,
    ArgumentMemoryOrNull,
    ArgumentMemoryOut,
    ArgumentSize,
} EBPF_ARGUMENT;

#define EBPF_HELPER_LOOKUP 1
#define EBPF_HELPER_TAIL_CALL 5

typedef _IRQL_requires_max_(DISPATCH_LEVEL) UINT64 EBPF_SYSV_ABI
EBPF_HELPER_FUNCTION(_Inout_ EBPF_RUN *Run, UINT64 A1, UINT64 A2, UINT64 A3, UINT64 A4, UINT64 A5);

typedef struct _EBPF_HELPER {
    EBPF_HELPER_FUNCTION *Function;
    UINT8 Arguments[5];
} EBPF_HELPER;

/** A helper of one program type. */
struct _EBPF_HELPER_ROW {
    UINT32 Id;
    EBPF_HELPER Helper;
};

/** Begins a helper: each gets the run and five registers as they are. */
#define HELPER(Name)                                                                                       \
    static UINT64 EBPF_SYSV_ABI Name(EBPF_RUN *Run, UINT64 A1, UINT64 A2, UINT64 A3, UINT64 A4, UINT64 A5)
#define UNUSED(Name) (VOID)(Name)

/** NULL if programs of that type, or of none, may call none of that number. */
_Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) const EBPF_HELPER *HelperFind(
    _In_opt_ const EBPF_PROGRAM_TYPE *Type, _In_ UINT32 Id);

/** FaultNone if the helper may be called with these arguments: its memory is the program's, its map one of the program. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) EBPF_FAULT HelperCheckArguments(
    _In_ const EBPF_HELPER *Helper, _In_ const EBPF_RUN *Run, _In_reads_(5) const UINT64 *Arguments);
