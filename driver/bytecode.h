// The structural check: what can be seen of bytecode without following it. What passes has legal instructions only,
// jumps that stay within their function, functions that do not fall through and calls of bounded depth, so that the
// engines need not look at any of this again. It knows no helpers and no map types.
#pragma once

#include "instruction.h"

/** Instructions a program may have, as in the core (core/verifier/structure.ts). */
#define BYTECODE_MAXIMUM_INSTRUCTIONS 100000

typedef enum _EBPF_FINDING {
    FindingNone,
    /** An opcode that does not exist, a reserved field that is not 0, a register above r10, half a wide immediate. */
    FindingInstructionInvalid,
    /** A legal instruction that no engine of the driver runs: callx, kfuncs, addresses of functions. */
    FindingInstructionUnsupported,
    FindingFramePointerReadOnly,
    /** A map that is not there; an address in a map that has none, or outside of its value. */
    FindingMapInvalid,
    FindingJumpOutOfRange,
    /** A function does not end in exit or a jump. */
    FindingFallThrough,
    FindingRecursion,
    /** More than EBPF_FRAME_COUNT functions may be active at once. */
    FindingCallDepth,
    FindingTooComplex,
    FindingHelperUnknown,
} EBPF_FINDING;

typedef struct _EBPF_SUBPROGRAM {
    /** Slots [Start, End). */
    UINT32 Start;
    UINT32 End;
    /** Frames that it needs at most, its own included. */
    UINT32 Depth;
} EBPF_SUBPROGRAM;

typedef struct _EBPF_BYTECODE {
    UINT32 SlotCount;
    UINT32 SubprogramCount;
    EBPF_INSTRUCTION *Slots;
    /** In order of their slots; the first is the entry. */
    EBPF_SUBPROGRAM *Subprograms;
} EBPF_BYTECODE;

/**
 * Copies the bytecode and checks the copy. STATUS_INVALID_IMAGE_FORMAT if it is refused: then *Finding says why and
 * *FindingSlot where. On success the caller frees it with BytecodeDestroy; on failure there is nothing to free.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS BytecodeCreate(
    _In_reads_(SlotCount) const EBPF_INSTRUCTION *Slots,
    _In_ UINT32 SlotCount,
    _In_ UINT32 MapCount,
    _Out_ EBPF_BYTECODE *Bytecode,
    _Out_ EBPF_FINDING *Finding,
    _Out_ UINT32 *FindingSlot);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID BytecodeDestroy(_Inout_ EBPF_BYTECODE *Bytecode);

/** The function that begins at that slot; there must be one. */
_IRQL_requires_max_(DISPATCH_LEVEL) const EBPF_SUBPROGRAM *BytecodeFindSubprogram(
    _In_ const EBPF_BYTECODE *Bytecode, _In_ UINT32 Start);

/** What an instruction spends of the budget: a jump back the slots it goes over, a local call those of the function; 0: nothing. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 BytecodeCost(_In_ const EBPF_BYTECODE *Bytecode, _In_ UINT32 Slot);

/** The registers that instructions name: bit i is ri. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 BytecodeRegisters(_In_ const EBPF_BYTECODE *Bytecode);

/** Where a jump or local call leads; meaningless for other instructions. */
static inline UINT32
BytecodeTarget(_In_ const EBPF_INSTRUCTION *Slots, _In_ UINT32 Slot)
{
    const EBPF_INSTRUCTION *Instruction = &Slots[Slot];
    BOOLEAN Wide = Instruction->Opcode == EBPF_OPCODE_JA32 || Instruction->Opcode == EBPF_OPCODE_CALL;
    return Slot + 1 + (UINT32)(Wide ? Instruction->Immediate : Instruction->Offset);
}
