// Bounds of a 64-bit word and of its low 32 bits, unsigned and signed, and what arithmetic and comparisons do to them:
// docs/certificate.md, "Intervals". Bounds of the 64 bits are kept up to 2^53 - 1; what is beyond is INTERVAL_NONE.
#pragma once

#include "platform.h"

#define INTERVAL_MOST ((INT64)0x1fffffffffffff)
/** Stands for "no bound"; sums of two do not overflow. */
#define INTERVAL_NONE ((INT64)1 << 61)
#define INTERVAL_TWO_32 ((INT64)1 << 32)

/** U0 <= value <= U1 taken as unsigned, S0 <= value <= S1 taken as signed. */
typedef struct _CHECK_INTERVAL {
    INT64 U0;
    INT64 U1;
    INT64 S0;
    INT64 S1;
} CHECK_INTERVAL;

/** What bounds of a width may be, and what stands for "no bound". */
typedef struct _CHECK_WIDTH {
    UINT32 Bits;
    /** 2^32; of 64 bits any number so large that no bound reaches it. */
    INT64 Modulus;
    INT64 MostUnsigned;
    INT64 MostSigned;
    INT64 LeastSigned;
    INT64 NoUnsigned;
    INT64 NoHigh;
    INT64 NoLow;
} CHECK_WIDTH;

extern const CHECK_WIDTH WidthFull;
extern const CHECK_WIDTH WidthLow;

typedef enum _CHECK_OPERATION {
    OperationAdd,
    OperationSub,
    OperationMul,
    OperationDiv,
    OperationSdiv,
    OperationOr,
    OperationAnd,
    OperationLsh,
    OperationRsh,
    OperationMod,
    OperationSmod,
    OperationXor,
    OperationArsh,
} CHECK_OPERATION;

typedef enum _CHECK_TEST {
    TestEq,
    TestNe,
    TestSet,
    TestClear,
    TestUgt,
    TestUge,
    TestUlt,
    TestUle,
    TestSgt,
    TestSge,
    TestSlt,
    TestSle,
} CHECK_TEST;

/** Of each test its negation, and the same with the operands exchanged. */
extern const UINT8 TestNot[];
extern const UINT8 TestSwapped[];

static inline INT64
Least(INT64 A, INT64 B)
{
    return A < B ? A : B;
}

static inline INT64
Greatest(INT64 A, INT64 B)
{
    return A > B ? A : B;
}

static inline BOOLEAN
IntervalIsOne(_In_ const CHECK_INTERVAL *A)
{
    return A->S0 == A->S1;
}

static inline BOOLEAN
IntervalIsSame(_In_ const CHECK_INTERVAL *A, _In_ const CHECK_INTERVAL *B)
{
    return A->U0 == B->U0 && A->U1 == B->U1 && A->S0 == B->S0 && A->S1 == B->S1;
}

static inline BOOLEAN
IntervalIncludes(_In_ const CHECK_INTERVAL *A, _In_ const CHECK_INTERVAL *B)
{
    return A->U0 <= B->U0 && A->U1 >= B->U1 && A->S0 <= B->S0 && A->S1 >= B->S1;
}

_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_INTERVAL IntervalAny(_In_ const CHECK_WIDTH *Width);

/** Each sign's bounds narrowed by the other's, without what is beyond the width; FALSE: there is no such value. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN IntervalTight(_In_ const CHECK_WIDTH *Width, _Inout_ CHECK_INTERVAL *A);

/** Of results that hold a value because their operands do. */
_IRQL_requires_max_(PASSIVE_LEVEL)
CHECK_INTERVAL IntervalOf(_In_ const CHECK_WIDTH *Width, INT64 U0, INT64 U1, INT64 S0, INT64 S1);

/** Of one value, modulo 2^bits. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_INTERVAL IntervalOnly(_In_ const CHECK_WIDTH *Width, UINT64 Value);

/** What the operation can give for members of A and B. */
_IRQL_requires_max_(PASSIVE_LEVEL) CHECK_INTERVAL IntervalCompute(
    _In_ const CHECK_WIDTH *Width,
    CHECK_OPERATION Operation,
    _In_ const CHECK_INTERVAL *A,
    _In_ const CHECK_INTERVAL *B);

/** The members of A for which a member of B passes the test, or more; FALSE: there is surely none. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN IntervalRestrict(
    _In_ const CHECK_WIDTH *Width,
    CHECK_TEST Test,
    _In_ const CHECK_INTERVAL *A,
    _In_ const CHECK_INTERVAL *B,
    _Out_ CHECK_INTERVAL *Result);
