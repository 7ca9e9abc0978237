// Memory of one check: values, which are never changed once made, and frames, which are shared until one is written. All of
// it counts against one limit; what is not reached any more is given back between steps.
#pragma once

#include "certificate/number.h"

#define FRAME_SLOTS 64
#define FRAME_MOST 8
#define STATE_REGISTERS 10
#define STATE_REFERENCES 32

/** A value in the pool; 0: nothing, which must not be read. */
typedef UINT32 VALUE_ID;

typedef enum _CHECK_PLACE {
    PlaceContext,
    PlaceStack,
    PlacePacket,
    PlacePacketEnd,
    PlacePacketMeta,
    PlaceMapValue,
    PlaceMap,
    PlaceInnerMap,
    PlaceMemory,
    PlaceRecord,
    PlaceObject,
    PlaceKernel,
    PlaceCode,
    PlaceCount,
} CHECK_PLACE;

/** See the table of places in docs/certificate.md. */
typedef struct _CHECK_POINTER {
    INT64 Which;
    INT64 Instance;
    INT64 Offset;
    INT64 Least;
    INT64 Most;
    UINT32 Holder;
    UINT32 Part;
    UINT32 Proved;
    UINT8 Place;
    UINT8 Zeros;
    BOOLEAN Flag;
    BOOLEAN Nullable;
} CHECK_POINTER;

typedef struct _CHECK_PART {
    UINT8 At;
    UINT8 SizeBytes;
    VALUE_ID Value;
} CHECK_PART;

/** Bytes of a slot of which some are numbers (bit i of Mask: byte i), with the numbers that are stored there whole. */
typedef struct _CHECK_BYTES {
    UINT8 Mask;
    UINT8 PartCount;
    CHECK_PART Parts[2];
} CHECK_BYTES;

typedef enum _CHECK_KIND { KindNothing, KindNumber, KindPointer, KindBytes } CHECK_KIND;

typedef struct _CHECK_VALUE {
    UINT8 Kind;
    union {
        CHECK_NUMBER Number;
        CHECK_POINTER Pointer;
        CHECK_BYTES Bytes;
    };
} CHECK_VALUE;

struct _CHECK_CALLBACK;

typedef struct _CHECK_FRAME {
    /** States, and callbacks, that have it. */
    UINT32 Owners;
    /** The last walk that came by. */
    UINT32 Walk;
    /** The instruction behind the call; -1 in the entry function and in a callback. */
    INT32 ReturnTo;
    struct _CHECK_CALLBACK *Callback;
    /** r6 to r9 of the caller. */
    VALUE_ID Saved[4];
    /** The lowest first. */
    VALUE_ID Slots[FRAME_SLOTS];
} CHECK_FRAME;

/** Of a callback's frame: what it must leave as it was. Lives until the listed state is followed to its end. */
typedef struct _CHECK_CALLBACK {
    struct _CHECK_CALLBACK *Next;
    UINT32 ReferenceCount;
    UINT32 References[STATE_REFERENCES];
    UINT32 FrameCount;
    CHECK_FRAME *Frames[FRAME_MOST];
} CHECK_CALLBACK;

typedef struct _CHECK_STATE {
    VALUE_ID Registers[STATE_REGISTERS];
    UINT32 FrameCount;
    CHECK_FRAME *Frames[FRAME_MOST];
    UINT32 Packet;
    UINT32 Metadata;
    UINT32 ReferenceCount;
    UINT32 References[STATE_REFERENCES];
} CHECK_STATE;

#define VALUES_BLOCK_VALUES 1024
#define VALUES_BLOCK_FRAMES 128

typedef struct _POOL_FRAMES {
    struct _POOL_FRAMES *Next;
    CHECK_FRAME Frames[VALUES_BLOCK_FRAMES];
} VALUES_FRAMES;

typedef struct _CHECK_POOL {
    /** Bytes that may still be allocated. */
    UINT64 Left;
    /** A limit was met: what is asked for from now on is not what is given. */
    BOOLEAN Exhausted;
    UINT32 BlockCount;
    UINT32 BlockCapacity;
    CHECK_VALUE **Blocks;
    /** The next value. */
    UINT32 Top;
    /** Values below belong to listed states and stay. */
    UINT32 Kept;
    /** Values are collected when this many are there. */
    UINT32 CollectAt;
    /** Walks over all that is reached so far, and how many cells the last one came by. */
    UINT32 Walk;
    UINT64 Walked;
    VALUES_FRAMES *FrameBlocks;
    UINT32 FreshFrames;
    UINT32 FreeCount;
    /** Frames that nobody has any more, linked by Slots 0 and 1. */
    CHECK_FRAME *Free;
    CHECK_CALLBACK *Callbacks;
    /** Given where there is no memory. */
    CHECK_FRAME Spare;
} CHECK_VALUES;

_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN ValuesCreate(_Out_ CHECK_VALUES *Pool, UINT64 LimitBytes);
_IRQL_requires_max_(PASSIVE_LEVEL) VOID ValuesDestroy(_Inout_ CHECK_VALUES *Pool);

/** Zeroed memory that counts against the limit, or NULL. The caller frees it with PlatformFree. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID *ValuesAllocate(_Inout_ CHECK_VALUES *Pool, UINT64 SizeBytes);

static inline const CHECK_VALUE *
ValuesAt(_In_ const CHECK_VALUES *Pool, VALUE_ID Id)
{
    return &Pool->Blocks[Id / VALUES_BLOCK_VALUES][Id % VALUES_BLOCK_VALUES];
}

static inline UINT8
ValuesKind(_In_ const CHECK_VALUES *Pool, VALUE_ID Id)
{
    return ValuesAt(Pool, Id)->Kind;
}

/** A new value. */
_IRQL_requires_max_(PASSIVE_LEVEL) VALUE_ID ValuesAdd(_Inout_ CHECK_VALUES *Pool, _In_ const CHECK_VALUE *Value);
_IRQL_requires_max_(PASSIVE_LEVEL) VALUE_ID ValuesAddNumber(_Inout_ CHECK_VALUES *Pool, _In_ const CHECK_NUMBER *Number);
_IRQL_requires_max_(PASSIVE_LEVEL) VALUE_ID ValuesAddPointer(_Inout_ CHECK_VALUES *Pool, _In_ const CHECK_POINTER *Pointer);

/** An empty frame with one owner. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_FRAME *ValuesAddFrame(_Inout_ CHECK_VALUES *Pool, INT32 ReturnTo);
_IRQL_requires_max_(PASSIVE_LEVEL) VOID ValuesReleaseFrame(_Inout_ CHECK_VALUES *Pool, _In_ CHECK_FRAME *Frame);

/** The frame in *Place, of this owner alone: a copy if others have it too. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_FRAME *ValuesOwnFrame(_Inout_ CHECK_VALUES *Pool, _Inout_ CHECK_FRAME **Place);

_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_CALLBACK *ValuesAddCallback(_Inout_ CHECK_VALUES *Pool);

/** Moves the values that are reached from frames and from those states together, over the ones that are not. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID ValuesCollect(_Inout_ CHECK_VALUES *Pool, _Inout_ CHECK_STATE *const *States, UINT32 StateCount);

/** What was made since Kept is gone: no state that was not listed is there any more. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID ValuesReset(_Inout_ CHECK_VALUES *Pool);
