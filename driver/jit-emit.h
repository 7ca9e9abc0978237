// What the JIT's passes and what it writes for one instruction have in common; nobody else includes this.
#pragma once

#include "jit-x64.h"
#include "x64.h"

enum { RUN = X64_R12, BUDGET = X64_RDI, SCRATCH = X64_R11, SCRATCH2 = X64_R10 };

/** A move, a shift, two additions and a load. */
#define JIT_MOST_FUSED 5

/** Where r0 to r10 are. */
extern const UINT8 JitRegisters[EBPF_REGISTER_COUNT];

typedef struct _JIT {
    const EBPF_PROGRAM_TYPE *Type;
    const EBPF_BYTECODE *Bytecode;
    EBPF_MAP *const *Maps;
    UINT32 MapCount;
    BOOLEAN Blind;
    X64_CODE Code;
    /** By slot: where its code begins, and what is done when the budget does not suffice for it. */
    UINT32 *Places;
    UINT32 *Stubs;
    /** Where functions are entered by calls; by slot too. */
    UINT32 *Entries;
    /** By slot: not 0 where a jump leads. */
    UINT32 *Targets;
    /** By slot: not 0 for a jump that can be a short one. */
    UINT32 *Short;
    /** The map that r1 is known to be here, if it is one of an array's; else NULL. */
    EBPF_MAP *Array;
    /** Those of r6 to r9 that the program has: what a function gives back as it was. */
    UINT8 Kept[4];
    UINT32 KeptCount;
    /** Does the program spend budget, call C, have r10? */
    BOOLEAN Charges;
    BOOLEAN CallsNative;
    BOOLEAN UsesStack;
    UINT32 Unwind;
    /** The slot whose instruction has left the zero flag as its result's. */
    UINT32 FlagsSlot;
    UINT32 Slot;
    /** The function that Slot is of. */
    const EBPF_SUBPROGRAM *Subprogram;
} JIT;

/** Of arithmetic and jumps: 32 or 64. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT32 JitWidthOf(_In_ const EBPF_INSTRUCTION *I);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitMove(_Inout_ JIT *Jit, _In_ UINT32 Width, _In_ UINT32 To, _In_ UINT32 From);

/**
 * May this constant of the program be in the code as it is? Also blinded where it is a signed byte: that is no more than a
 * program can choose by the offset of an access.
 */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN JitIsPlain(_In_ const JIT *Jit, _In_ INT64 Value);

/** A random number; 0 while it is only counted. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT64 JitKey(_In_ const JIT *Jit);

/** Sets a register to a constant of the program. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitLoadConstant(_Inout_ JIT *Jit, _In_ UINT32 To, _In_ UINT64 Value);

/** The register that holds the second operand: SCRATCH for an immediate. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT32 JitOperand(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I);

/** Operations that the processor has in the same form: Operation of the first group, Opcode with a register. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitSimple(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I, _In_ UINT32 Operation, _In_ UINT32 Opcode);

/** Shifts by a constant below Width; by 0 too. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitShift(_Inout_ JIT *Jit, _In_ UINT32 Width, _In_ UINT32 Operation, _In_ UINT32 To, _In_ UINT8 Count);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitAnd(_Inout_ JIT *Jit, _In_ UINT32 Width, _In_ UINT32 To, _In_ INT32 Mask);

/** Multiplies by a constant of the program. May change SCRATCH2, where that is not To. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitMultiply(_Inout_ JIT *Jit, _In_ UINT32 Width, _In_ UINT32 To, _In_ INT32 Factor);

/** Fills To with the lowest 8, 16 or 32 bits of From, extended; Signed to Width. Writes nothing for others: FALSE. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN JitExtend(
    _Inout_ JIT *Jit, _In_ UINT32 Width, _In_ UINT32 To, _In_ UINT32 From, _In_ INT64 Bits, _In_ BOOLEAN Signed);

/** Is it an order of bytes that x64 has not already? */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN JitIsSwap(_In_ const EBPF_INSTRUCTION *I);

/** Divisions, by registers and by constants. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitDivide(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I, _In_ BOOLEAN Modulo);

/** All of the classes ALU and ALU64. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitArithmetic(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I);

/** Takes the cost from the budget. Then X64_B is the condition that it did not suffice: the run ends by the stub. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitCharge(_Inout_ JIT *Jit, _In_ UINT32 Cost);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitJump(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I);

/** Of memory that is accessed: bits. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT32 JitSizeOf(_In_ const EBPF_INSTRUCTION *I);

/** How an x64 load of that many bits fills a register. */
typedef struct _LOAD_FORM {
    UINT32 Bits, Width, Opcode;
} LOAD_FORM;

_IRQL_requires_max_(PASSIVE_LEVEL) LOAD_FORM JitLoadForm(_In_ const EBPF_INSTRUCTION *I);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitLoad(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitStoreRegister(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I, _In_ UINT32 From);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitStoreImmediate(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I);

/** Writes the first of Count instructions as one, where there is one that does the same, and tells how many; else 0. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT32 JitFuse(
    _Inout_ JIT *Jit, _In_reads_(Count) const EBPF_INSTRUCTION *I, _In_ UINT32 Count);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID JitAtomic(_Inout_ JIT *Jit, _In_ const EBPF_INSTRUCTION *I);
