// Numbers as the checker knows them: bounds of the 64 bits and of the low 32, low zero bits, and a link to other numbers.
#pragma once

#include "certificate/interval.h"

/** A link of more is given up. */
#define NUMBER_MOST_DELTA ((INT64)1 << 40)

/**
 * With an Id other than 0: for each id there is one 64-bit X, and each number with that id is X + Delta modulo 2^64 or, if
 * Extended, the low 32 bits of that.
 */
typedef struct _CHECK_NUMBER {
    CHECK_INTERVAL Full;
    CHECK_INTERVAL Low;
    INT64 Delta;
    UINT32 Id;
    /** The number that was shifted left by 32 to make this, in the pool; 0: none. */
    UINT32 Shifted;
    /** So many low bits are 0 for sure; at most 3. */
    UINT8 Zeros;
    BOOLEAN Extended;
} CHECK_NUMBER;

static inline BOOLEAN
NumberIsKnown(_In_ const CHECK_NUMBER *A)
{
    return IntervalIsOne(&A->Full);
}

static inline BOOLEAN
NumberIsZero(_In_ const CHECK_NUMBER *A)
{
    return A->Full.S0 == 0 && A->Full.S1 == 0;
}

static inline BOOLEAN
NumberCovers(_In_ const CHECK_NUMBER *A, _In_ const CHECK_NUMBER *B)
{
    return A->Zeros <= B->Zeros && IntervalIncludes(&A->Full, &B->Full) && IntervalIncludes(&A->Low, &B->Low);
}

/** At most 3. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT8 NumberTrailingZeros(INT64 Value);

/** Narrows the 64 bits and the low half by each other; FALSE: there is no such number. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN NumberCombine(
    _In_ const CHECK_INTERVAL *Full, _In_ const CHECK_INTERVAL *Low, UINT8 Zeros, _Out_ CHECK_NUMBER *Result);

_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberAny(VOID);

/** Within +- INTERVAL_MOST. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberConstant(INT64 Value);

/** Of those 64 bits. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberLiteral(UINT64 Value);

_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberBetween(INT64 S0, INT64 S1);

_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberUnsignedBetween(INT64 U0, INT64 U1);

/** Any number of that many bytes, zero- or sign-extended. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberAnyOfSize(UINT32 SizeBytes, BOOLEAN Signed);

/** Any number whose low half lies within those bounds. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberFromLow(INT64 U0, INT64 U1);

_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberUnlinked(_In_ const CHECK_NUMBER *A);

/** With a link in place of the one it has; none if the number is known, or Id is 0. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberLinked(
    _In_ const CHECK_NUMBER *A, UINT32 Id, INT64 Delta, BOOLEAN Extended);

/** The low 32 bits of A; linked as A is. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberZeroExtended(_In_ const CHECK_NUMBER *A);

_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberTruncated(_In_ const CHECK_NUMBER *A, UINT32 Bits);

/** The low Bits (8, 16 or 32) of A, sign-extended to 64. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberSignExtended(_In_ const CHECK_NUMBER *A, UINT32 Bits);

/** What A operation B gives, in 32 or 64 bits. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_NUMBER NumberCompute(
    UINT32 Bits, CHECK_OPERATION Operation, _In_ const CHECK_NUMBER *A, _In_ const CHECK_NUMBER *B);

/** Both numbers where the test is passed; FALSE: it never is. Links are kept. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN NumberCompare(
    UINT32 Bits,
    CHECK_TEST Test,
    _In_ const CHECK_NUMBER *A,
    _In_ const CHECK_NUMBER *B,
    _Out_ CHECK_NUMBER *NewA,
    _Out_ CHECK_NUMBER *NewB);

/** Other, where Old, linked to it, has become Now; FALSE: it cannot be. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN NumberRelated(
    _In_ const CHECK_NUMBER *Old,
    _In_ const CHECK_NUMBER *Now,
    _In_ const CHECK_NUMBER *Other,
    _Out_ CHECK_NUMBER *Result);
