// Loads, stores and atomics: what must hold of the pointer, and what is read or left there. Only stacks have contents:
// everything else can be written by others at any time.
#pragma once

#include "certificate/state.h"

/** The pointer in a register that is used as one; NULL, and a refusal, if it is none or may be null. */
_IRQL_requires_max_(PASSIVE_LEVEL)
const CHECK_POINTER *MemoryAddress(_Inout_ CHECKER *Checker, _In_ const CHECK_STATE *State, UINT32 Register);

/** SizeBytes at pointer + Offset lie within memory of plain bytes, and may be written if they are. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN MemoryCheck(
    _Inout_ CHECKER *Checker,
    _In_ const CHECK_STATE *State,
    _In_ const CHECK_POINTER *Base,
    INT64 Offset,
    INT64 SizeBytes,
    BOOLEAN Writes);

/** The frame that a pointer to a stack is of; FALSE, and a refusal, if it is closed. */
_IRQL_requires_max_(PASSIVE_LEVEL)
BOOLEAN MemoryFrame(_Inout_ CHECKER *Checker, _In_ const CHECK_STATE *State, _In_ const CHECK_POINTER *Base);

/** What a load gives. */
_IRQL_requires_max_(PASSIVE_LEVEL) VALUE_ID MemoryLoad(
    _Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, _In_ const EBPF_INSTRUCTION *Instruction);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID MemoryStore(
    _Inout_ CHECKER *Checker,
    _Inout_ CHECK_STATE *State,
    _In_ const EBPF_INSTRUCTION *Instruction,
    VALUE_ID Value);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID MemoryAtomic(
    _Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, _In_ const EBPF_INSTRUCTION *Instruction);

/** The value of a wide immediate; Index: of the instruction. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VALUE_ID MemoryImmediate(_Inout_ CHECKER *Checker, _In_ const EBPF_INSTRUCTION *Instruction, UINT32 Index);
