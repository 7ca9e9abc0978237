// What the checker knows before an instruction, and what every step needs beside it. States are changed in place; values in
// them are not.
#pragma once

#include "certificate/values.h"
#include "certificate/rows.h"
#include "instruction.h"

/** No pointer's offset leaves +- this, so that sums are exact and no address wraps. */
#define STATE_MOST_OFFSET ((INT64)1 << 29)
/** No packet is longer. */
#define STATE_MOST_PACKET 0xffff
#define FRAME_BYTES 512

/** Places of values in a state: r0 to r9, then of each frame its slots, the highest first, and r6 to r9 of its caller. */
enum { STATE_FIRST_CELL = 10, STATE_CELLS_PER_FRAME = FRAME_SLOTS + 4 };

/** Loops whose states are being listed. */
#define STATE_MOST_OPEN 256
/**
 * Ids of links to the heads of loops: this one for the first listed state, and so on. Other ids of listed states are below,
 * those of what is not listed from STATE_FIRST_FRESH on.
 */
#define STATE_FIRST_ANCHOR ((UINT32)1 << 16)
#define STATE_FIRST_FRESH ((UINT32)1 << 24)

/** A map as a program sees it. */
typedef struct _CERTIFICATE_MAP {
    UINT32 Type;
    UINT32 KeySizeBytes;
    UINT32 ValueSizeBytes;
    UINT32 MaxEntries;
    UINT32 Flags;
    /** Made of a data section: its bytes; if DataReadOnly nobody may write them any more. */
    UINT32 HasData;
    UINT32 DataReadOnly;
    UINT32 DataSizeBytes;
    const UINT8 *Data;
    /** Template of a map of maps. */
    const struct _CERTIFICATE_MAP *Inner;
} CERTIFICATE_MAP;

/** The program that a certificate is given for. Nobody else may write any of it meanwhile. */
typedef struct _CERTIFICATE_PROGRAM {
    const CHECK_PLATFORM *Platform;
    /** A row of the platform. */
    const CHECK_TYPE *Type;
    /** Of the object, as the digest has it. */
    const char *Section;
    UINT32 SectionLength;
    UINT32 SlotCount;
    /** As in the object: wide immediates name maps by their number. */
    const EBPF_INSTRUCTION *Slots;
    /** By slot, in order: where functions begin; the first is the entry. */
    const UINT32 *FunctionStarts;
    UINT32 FunctionCount;
    UINT32 MapCount;
    const CERTIFICATE_MAP *Maps;
    /** Of a raw program: the size of the memory behind r1; below 0: r1 is the context. */
    INT64 RawMemoryBytes;
} CERTIFICATE_PROGRAM;

/** A map with the row of its type. */
typedef struct _CHECK_MAP {
    const CERTIFICATE_MAP *Map;
    const CHECK_MAP_TYPE *Type;
    UINT64 TypeBit;
} CHECK_MAP;

typedef struct _CHECKER {
    const CERTIFICATE_PROGRAM *Program;
    /** No address leaves the program, nothing uninitialised is read or handed out. */
    BOOLEAN Strict;
    /** Why the certificate is refused, once it is. */
    const char *Refusal;
    /** Cells and bytes that may still be gone over; what a step needs beside that does not depend on the state. */
    UINT64 Work;
    /** An id that no value has. */
    UINT32 NextId;
    /** Links to the heads of loops that are open, the outermost first: each is greater than the one before. */
    UINT32 AnchorCount;
    UINT32 Anchors[STATE_MOST_OPEN];
    CHECK_VALUES Pool;
    /** By instruction: its slot. */
    UINT32 InstructionCount;
    UINT32 *Slots;
    /** By slot: its instruction, or UINT32_MAX for the second half of one. */
    UINT32 *Indexes;
    /** By function: its first instruction; one more, the end. */
    UINT32 *Functions;
} CHECKER;

/** Remembers the first reason. Always FALSE, and 0. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN Refuse(_Inout_ CHECKER *Checker, _In_ const char *Reason);

/** Counts work that depends on how much there is; refuses when it is more than the certificate may take. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID CheckerSpend(_Inout_ CHECKER *Checker, UINT64 Work);

/** Cells of a state, which whoever goes over all of it spends. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT64 StateCells(_In_ const CHECK_STATE *State);

/** A new id for an instance, a reference, an unknown part or a link. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT32 CheckerFresh(_Inout_ CHECKER *Checker);

/** A number for FunctionCount of the function that begins at that instruction; UINT32_MAX: none. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT32 CheckerFindFunction(_In_ const CHECKER *Checker, UINT32 Index);

/** The row of a map's type. Type is NULL if the platform has no such map. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_MAP CheckerMap(_In_ const CHECKER *Checker, _In_ const CERTIFICATE_MAP *Map);

/** The map that a pointer to a map or into a value of one belongs to; FALSE: there is none. */
_IRQL_requires_max_(PASSIVE_LEVEL)
BOOLEAN CheckerMapOf(_In_ const CHECKER *Checker, _In_ const CHECK_POINTER *Pointer, _Out_ CHECK_MAP *Map);

_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN CheckerIsReadOnly(_In_opt_ const CHECK_MAP *Map);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID StateInitiate(_Inout_ CHECKER *Checker, _Out_ CHECK_STATE *State);

/** A copy that can be changed on its own; frames are shared until one of the two is written. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID StateCopy(_Out_ CHECK_STATE *To, _In_ const CHECK_STATE *From);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID StateRelease(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State);

/** A register, r10 too. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VALUE_ID StateRead(_Inout_ CHECKER *Checker, _In_ const CHECK_STATE *State, UINT32 Register);

/** A cell; NULL: it does not exist. If Own, it is to be written. */
_IRQL_requires_max_(PASSIVE_LEVEL) VALUE_ID *StateCell(
    _Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, UINT32 Cell, BOOLEAN Own);

/** The slots of a frame, to be written. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VALUE_ID *StateOwnSlots(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, UINT32 Depth);

/** What a value becomes: the same, another one, or 0. */
typedef _IRQL_requires_max_(PASSIVE_LEVEL) VALUE_ID (*STATE_CHANGE)(
    _Inout_ CHECKER *Checker, VALUE_ID Id, _In_ const CHECK_VALUE *Value, _In_opt_ VOID *Context);

/** Applies a change to every value; what is stored in part of a slot only to numbers. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID StateChange(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, STATE_CHANGE Change, _In_opt_ VOID *Context);

/** Pointers into the packet are void, and so is what was proved of it. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID StateForgetPacket(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State);

/** Every number in the stack becomes any number. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID StateForgetNumbers(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, UINT32 Depth);

_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN StateHolds(_In_ const CHECK_STATE *State, INT64 Reference);
_IRQL_requires_max_(PASSIVE_LEVEL) VOID StateAcquire(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, UINT32 Reference);
_IRQL_requires_max_(PASSIVE_LEVEL) VOID StateDrop(_Inout_ CHECK_STATE *State, INT64 Reference);

static inline const CHECK_VALUE *
ValueAt(_In_ const CHECKER *Checker, VALUE_ID Id)
{
    return ValuesAt(&Checker->Pool, Id);
}

/** The value as a number, or NULL. */
static inline const CHECK_NUMBER *
NumberAt(_In_ const CHECKER *Checker, VALUE_ID Id)
{
    const CHECK_VALUE *Value = ValuesAt(&Checker->Pool, Id);
    return Value->Kind == KindNumber ? &Value->Number : NULL;
}

static inline const CHECK_POINTER *
PointerAt(_In_ const CHECKER *Checker, VALUE_ID Id)
{
    const CHECK_VALUE *Value = ValuesAt(&Checker->Pool, Id);
    return Value->Kind == KindPointer ? &Value->Pointer : NULL;
}

/** A pointer to the start of a place. */
static inline CHECK_POINTER
PointerTo(CHECK_PLACE Place, INT64 Which)
{
    return (CHECK_POINTER){.Place = (UINT8)Place, .Which = Which, .Zeros = 3};
}

static inline BOOLEAN
PointerIsKnown(_In_ const CHECK_POINTER *Pointer)
{
    return Pointer->Least == Pointer->Most;
}

_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN PointerIsPacket(_In_ const CHECK_POINTER *Pointer);

/** The reference without which the pointer is void; 0: none. */
_IRQL_requires_max_(PASSIVE_LEVEL) INT64 PointerHolder(_In_ const CHECK_POINTER *Pointer);

/** Into one object: their distance and order mean something. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN PointerSameObject(_In_ const CHECK_POINTER *A, _In_ const CHECK_POINTER *B);

/** Whether that is a pointer to something of the kernel. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN ValueIsKernel(_In_ const CHECK_VALUE *Value);

/** Are two numbers one and the same, links included? */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN NumberIsSame(_In_ const CHECK_NUMBER *A, _In_ const CHECK_NUMBER *B);

/** Are two values one and the same, ids included? */
_IRQL_requires_max_(PASSIVE_LEVEL)
BOOLEAN ValueIsSame(_In_ const CHECKER *Checker, _In_ const CHECK_VALUE *A, _In_ const CHECK_VALUE *B);

static inline VALUE_ID
AddNumber(_Inout_ CHECKER *Checker, CHECK_NUMBER Number)
{
    return ValuesAddNumber(&Checker->Pool, &Number);
}

static inline VALUE_ID
AddPointer(_Inout_ CHECKER *Checker, CHECK_POINTER Pointer)
{
    return ValuesAddPointer(&Checker->Pool, &Pointer);
}
