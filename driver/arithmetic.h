// Arithmetic of RFC 9669 section 4 where C has no operator that means the same. Division by zero gives 0, modulo by zero
// the dividend; the one overflow, MIN / -1, wraps.
#pragma once

#include "platform.h"

static inline UINT64
Divide64(UINT64 Left, UINT64 Right, BOOLEAN Signed)
{
    if (Right == 0)
        return 0;
    if (!Signed)
        return Left / Right;
    return Right == UINT64_MAX ? 0 - Left : (UINT64)((INT64)Left / (INT64)Right);
}

static inline UINT64
Modulo64(UINT64 Left, UINT64 Right, BOOLEAN Signed)
{
    if (Right == 0)
        return Left;
    if (!Signed)
        return Left % Right;
    return Right == UINT64_MAX ? 0 : (UINT64)((INT64)Left % (INT64)Right);
}

static inline UINT32
Divide32(UINT32 Left, UINT32 Right, BOOLEAN Signed)
{
    if (Right == 0)
        return 0;
    if (!Signed)
        return Left / Right;
    return Right == UINT32_MAX ? 0 - Left : (UINT32)((INT32)Left / (INT32)Right);
}

static inline UINT32
Modulo32(UINT32 Left, UINT32 Right, BOOLEAN Signed)
{
    if (Right == 0)
        return Left;
    if (!Signed)
        return Left % Right;
    return Right == UINT32_MAX ? 0 : (UINT32)((INT32)Left % (INT32)Right);
}

/** The lower Bits (8, 16 or 32) with their sign; all 64 for 0. */
static inline UINT64
SignExtend(UINT64 Value, INT32 Bits)
{
    switch (Bits) {
    case 8:
        return (UINT64)(INT64)(INT8)Value;
    case 16:
        return (UINT64)(INT64)(INT16)Value;
    case 32:
        return (UINT64)(INT64)(INT32)Value;
    default:
        return Value;
    }
}

/** The lower Bits (16, 32 or 64), their bytes in opposite order if Swap is true; the rest is 0. */
static inline UINT64
OrderBytes(UINT64 Value, INT32 Bits, BOOLEAN Swap)
{
    switch (Bits) {
    case 16:
        return Swap ? __builtin_bswap16((UINT16)Value) : (UINT16)Value;
    case 32:
        return Swap ? __builtin_bswap32((UINT32)Value) : (UINT32)Value;
    default:
        return Swap ? __builtin_bswap64(Value) : Value;
    }
}
