// Arithmetic, moves and comparisons: what must hold of the operands, and what is known afterwards.
#pragma once

#include "certificate/state.h"

/** What an instruction of class ALU or ALU64 puts into its destination. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VALUE_ID AluResult(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, _In_ const EBPF_INSTRUCTION *Instruction);

/** A register about to be copied; a number that is not known gets a link, which the copy shares. */
_IRQL_requires_max_(PASSIVE_LEVEL) VALUE_ID AluCopied(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, UINT32 Register);

/** A conditional jump: its test, and what each outcome tells of its operands if both are numbers. */
typedef struct _ALU_BRANCH {
    const EBPF_INSTRUCTION *Instruction;
    CHECK_TEST Test;
    UINT32 Bits;
    BOOLEAN AreNumbers;
    /** By outcome: whether it can be. */
    BOOLEAN Possible[2];
    CHECK_NUMBER Left[2];
    CHECK_NUMBER Right[2];
} ALU_BRANCH;

/** Whether the operands may be compared, and what that tells. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN AluCompare(
    _Inout_ CHECKER *Checker,
    _In_ const CHECK_STATE *State,
    _In_ const EBPF_INSTRUCTION *Instruction,
    _Out_ ALU_BRANCH *Branch);

/** Narrows the state to runs with that outcome; FALSE: what is linked to the operands rules it out. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN AluAssume(
    _Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, _In_ const ALU_BRANCH *Branch, BOOLEAN Outcome);
