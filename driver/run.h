// One run of a program: what it may touch, what it may still spend, and how it ended. Every engine works on it.
#pragma once

#include "arithmetic.h"
#include "instruction.h"
#include "map.h"
#include "program-type.h"

/** Why a run was ended before its exit. A program that verification was right to accept never has one. */
typedef enum _EBPF_FAULT {
    FaultNone,
    /** Memory that is none of the program's. */
    FaultOutOfBounds,
    FaultReadOnly,
    /** An atomic operation on an address that is no multiple of its size. */
    FaultMisaligned,
    /** Its loops and calls cost more than it was given. */
    FaultBudget,
} EBPF_FAULT;

/** Memory that the program may use. */
typedef struct _EBPF_REGION {
    UINT64 Start;
    UINT64 SizeBytes;
} EBPF_REGION;

/** As on Linux. */
#define RUN_MAXIMUM_TAIL_CALLS 33

enum { RegionStack, RegionContext, RegionPacket, RegionCount };

typedef struct _EBPF_RUN {
    /** A jump back costs the slots it goes over, a local call those of the function: so what is left bounds the time. */
    UINT64 Budget;
    UINT64 Result;
    EBPF_FAULT Fault;
    UINT32 FaultSlot;
    /** The stack's is that of the frames that are active now. */
    EBPF_REGION Regions[RegionCount];
    /** Of the JIT: where the stack was when its code was entered. */
    UINT64 NativeStack;
    /** A tail call that succeeded: the program that runs next. It is held by the epoch. */
    EBPF_OBJECT *TailTarget;
    UINT32 TailCalls;
    /** Of the program; their values are its memory too. */
    EBPF_MAP *const *Maps;
    UINT32 MapCount;
    /** Of the program: says what it may write. NULL: it runs on plain memory, all of which it may write. */
    const EBPF_PROGRAM_TYPE *Type;
    /** As in the input. */
    VOID *Subject;
    /** Frames grow down from the end. */
    DECLSPEC_ALIGN(16) UINT8 Stack[EBPF_FRAME_COUNT * EBPF_FRAME_SIZE_BYTES];
} EBPF_RUN;

/** What a hook or a test gives to a program. */
typedef struct _EBPF_RUN_INPUT {
    /** r1; NULL if there is none. */
    VOID *Context;
    UINT64 ContextSizeBytes;
    /** What the context's pointers lead to; NULL if there is none. */
    VOID *Packet;
    UINT64 PacketSizeBytes;
    /** r2: the length of the memory, for programs that run on plain memory. */
    UINT64 SecondArgument;
    UINT64 Budget;
    /** What the hook knows beside the context, for the helpers of the program's type; NULL in a run on request, but for xdp. */
    VOID *Subject;
} EBPF_RUN_INPUT;

typedef struct _EBPF_RUN_OUTPUT {
    /** r0; 0 after a fault. */
    UINT64 Result;
    UINT64 Budget;
    UINT32 Fault;
    UINT32 FaultSlot;
} EBPF_RUN_OUTPUT;

/** Whether the program may write these bytes, which are of that region. */
static inline BOOLEAN
RunMayWrite(_In_ const EBPF_RUN *Run, _In_ UINT32 Region, _In_ UINT64 Offset, _In_ UINT64 SizeBytes)
{
    if (Region == RegionStack || Run->Type == NULL)
        return TRUE;
    if (Region == RegionPacket)
        return !Run->Type->PacketReadOnly;
    return ProgramTypeMayWrite(Run->Type, Offset, SizeBytes);
}

/** FaultNone if all these bytes are of one region, which may be written if that is asked. SizeBytes is not 0. */
static inline EBPF_FAULT
RunCheckRegions(_In_ const EBPF_RUN *Run, _In_ UINT64 Address, _In_ UINT64 SizeBytes, _In_ BOOLEAN Write)
{
    for (UINT32 Index = 0; Index < RegionCount; Index++) {
        const EBPF_REGION *Region = &Run->Regions[Index];
        UINT64 Offset = Address - Region->Start;
        if (Offset < Region->SizeBytes && Region->SizeBytes - Offset >= SizeBytes)
            return !Write || RunMayWrite(Run, Index, Offset, SizeBytes) ? FaultNone : FaultReadOnly;
    }
    return FaultOutOfBounds;
}

/** The map that has all these bytes in one of its values; MapCount if there is none. */
static inline UINT32
RunFindMap(_In_ const EBPF_RUN *Run, _In_ UINT64 Address, _In_ UINT64 SizeBytes)
{
    UINT32 Index = 0;
    while (Index < Run->MapCount && !MapContains(Run->Maps[Index], Address, SizeBytes))
        Index++;
    return Index;
}

/** FaultNone if its values may be written, or that is not asked. */
static inline EBPF_FAULT
RunCheckMap(_In_ const EBPF_MAP *Map, _In_ BOOLEAN Write)
{
    return Write && (Map->Definition.Flags & MAP_FLAG_PROGRAM_READ_ONLY) != 0 ? FaultReadOnly : FaultNone;
}

/** FaultNone if all these bytes are of one region or value, which may be written if that is asked. SizeBytes is not 0. */
static inline EBPF_FAULT
RunCheckAccess(_In_ const EBPF_RUN *Run, _In_ UINT64 Address, _In_ UINT64 SizeBytes, _In_ BOOLEAN Write)
{
    EBPF_FAULT Fault = RunCheckRegions(Run, Address, SizeBytes, Write);
    if (Fault != FaultOutOfBounds)
        return Fault;
    UINT32 Map = RunFindMap(Run, Address, SizeBytes);
    return Map == Run->MapCount ? FaultOutOfBounds : RunCheckMap(Run->Maps[Map], Write);
}

/** What legacy packet loads read: up to 4 bytes in network order. FALSE, and *Value is 0, if they are outside of the packet. */
static inline BOOLEAN
RunReadPacket(_In_ const EBPF_RUN *Run, _In_ INT64 Offset, _In_ UINT32 SizeBytes, _Out_ UINT64 *Value)
{
    const EBPF_REGION *Packet = &Run->Regions[RegionPacket];
    *Value = 0;
    if (Offset < 0 || (UINT64)Offset + SizeBytes > Packet->SizeBytes)
        return FALSE;
    memcpy(Value, (const VOID *)(UINT_PTR)(Packet->Start + (UINT64)Offset), SizeBytes);
    if (SizeBytes > 1)
        *Value = OrderBytes(*Value, (INT32)SizeBytes * 8, TRUE);
    return TRUE;
}
