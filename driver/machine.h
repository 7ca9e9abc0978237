// What the interpreter has of a run: registers, frames, the bounds of memory; and what an operation does that is more than a
// line of a table.
#pragma once

#include "operation.h"
#include "run.h"

typedef struct _MACHINE_FRAME {
    /** r6 to r9 of the caller. */
    UINT64 Saved[4];
    const EBPF_OPERATION *ReturnTo;
} MACHINE_FRAME;

/** Sizes of memory accesses, as their rows are called: 1 << Width bytes. */
enum { WidthB, WidthH, WidthW, WidthDW, WidthCount };

/** The packet, or the context if there is none: by size at how many places in it an access may begin. */
typedef struct _MACHINE_WINDOW {
    UINT64 Start;
    UINT64 Readable[WidthCount];
    UINT64 Writable[WidthCount];
} MACHINE_WINDOW;

typedef struct _MACHINE {
    UINT64 Registers[EBPF_REGISTER_COUNT];
    MACHINE_WINDOW Window;
    EBPF_RUN *Run;
    /** Of the run's maps, that whose value was accessed last. */
    UINT32 Map;
    /** What a frame has: nothing if the program cannot come to it. */
    UINT32 FrameBytes;
    UINT32 Depth;
    MACHINE_FRAME Frames[EBPF_FRAME_COUNT];
} MACHINE;

/** Registers are 0 but for r10, and the entry's frame is active. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID MachineBegin(
    _Out_ MACHINE *Machine, _In_ const EBPF_OPERATIONS *Operations, _Inout_ EBPF_RUN *Run);

/** The operation that a jump or a local call leads to. */
static inline const EBPF_OPERATION *
MachineTarget(_In_ const EBPF_OPERATION *I)
{
    return (const EBPF_OPERATION *)((const UINT8 *)I + I->Distance);
}

/** Enters the function that is called here; what comes next. */
_IRQL_requires_max_(DISPATCH_LEVEL) const EBPF_OPERATION *MachineEnter(
    _Inout_ MACHINE *Machine, _In_ const EBPF_OPERATION *I);

/** Leaves a function; NULL if it was the entry that ended: then r0 is the result. */
_Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) const EBPF_OPERATION *MachineLeave(_Inout_ MACHINE *Machine);

/** FaultNone after the helper was called. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) EBPF_FAULT MachineCallHelper(
    _Inout_ MACHINE *Machine, _In_ const EBPF_OPERATION *I);

/** Checks an access that is not within the window. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) EBPF_FAULT MachineReach(
    _Inout_ MACHINE *Machine, _In_ UINT64 Address, _In_ UINT32 Width, _In_ BOOLEAN Write);

/** Reads network order into r0; FALSE if it is outside of the packet: then the function returns 0, as Linux' does. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN MachineLoadPacket(
    _Inout_ MACHINE *Machine, _In_ INT64 Offset, _In_ UINT32 Width);

/** An atomic operation on memory that was checked; Width is WidthW or WidthDW. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID MachineAtomic(
    _Inout_ MACHINE *Machine, _In_ const EBPF_OPERATION *I, _In_ UINT64 Address, _In_ UINT32 Width);
