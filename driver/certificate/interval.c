#include "certificate/interval.h"

#include "arithmetic.h"

const CHECK_WIDTH WidthFull = {
    .Bits = 64,
    .Modulus = INTERVAL_NONE,
    .MostUnsigned = INTERVAL_MOST,
    .MostSigned = INTERVAL_MOST,
    .LeastSigned = -INTERVAL_MOST,
    .NoUnsigned = INTERVAL_NONE,
    .NoHigh = INTERVAL_NONE,
    .NoLow = -INTERVAL_NONE,
};

const CHECK_WIDTH WidthLow = {
    .Bits = 32,
    .Modulus = INTERVAL_TWO_32,
    .MostUnsigned = UINT32_MAX,
    .MostSigned = INT32_MAX,
    .LeastSigned = INT32_MIN,
    .NoUnsigned = UINT32_MAX,
    .NoHigh = INT32_MAX,
    .NoLow = INT32_MIN,
};

const UINT8 TestNot[] = {
    [TestEq] = TestNe,
    [TestNe] = TestEq,
    [TestSet] = TestClear,
    [TestClear] = TestSet,
    [TestUgt] = TestUle,
    [TestUge] = TestUlt,
    [TestUlt] = TestUge,
    [TestUle] = TestUgt,
    [TestSgt] = TestSle,
    [TestSge] = TestSlt,
    [TestSlt] = TestSge,
    [TestSle] = TestSgt,
};

const UINT8 TestSwapped[] = {
    [TestEq] = TestEq,
    [TestNe] = TestNe,
    [TestSet] = TestSet,
    [TestClear] = TestClear,
    [TestUgt] = TestUlt,
    [TestUge] = TestUle,
    [TestUlt] = TestUgt,
    [TestUle] = TestUge,
    [TestSgt] = TestSlt,
    [TestSge] = TestSle,
    [TestSlt] = TestSgt,
    [TestSle] = TestSge,
};

static BOOLEAN
IsFinite(INT64 Bound)
{
    return Bound < INTERVAL_NONE / 2 && Bound > -INTERVAL_NONE / 2;
}

CHECK_INTERVAL
IntervalAny(const CHECK_WIDTH *Width)
{
    return (CHECK_INTERVAL){.U1 = Width->NoUnsigned, .S0 = Width->NoLow, .S1 = Width->NoHigh};
}

BOOLEAN
IntervalTight(const CHECK_WIDTH *Width, CHECK_INTERVAL *Bounds)
{
    INT64 U0 = Bounds->U0, U1 = Bounds->U1, S0 = Bounds->S0, S1 = Bounds->S1;
    if (U1 <= Width->MostSigned || S0 >= 0) {
        // All are below half of the modulus: the same number either way.
        U0 = S0 = Greatest(U0, S0);
        U1 = S1 = Least(U1, S1);
    } else if (S1 < 0 || (U0 >= Width->Modulus / 2 && U1 <= Width->MostUnsigned)) {
        U0 = Greatest(U0, S0 <= Width->NoLow ? Width->Modulus / 2 : S0 + Width->Modulus);
        U1 = Least(U1, S1 + Width->Modulus);
        if (U1 <= Width->MostUnsigned) {
            S0 = U0 - Width->Modulus;
            S1 = U1 - Width->Modulus;
        }
    }
    if (U0 > U1 || S0 > S1)
        return FALSE;
    Bounds->U0 = Least(U0, Width->MostUnsigned);
    Bounds->U1 = U1 > Width->MostUnsigned ? Width->NoUnsigned : U1;
    Bounds->S0 = S0 < Width->LeastSigned ? Width->NoLow : Least(S0, Width->MostSigned);
    Bounds->S1 = S1 > Width->MostSigned ? Width->NoHigh : Greatest(S1, Width->LeastSigned);
    return TRUE;
}

CHECK_INTERVAL
IntervalOf(const CHECK_WIDTH *Width, INT64 U0, INT64 U1, INT64 S0, INT64 S1)
{
    CHECK_INTERVAL Result = {U0, U1, S0, S1};
    return IntervalTight(Width, &Result) ? Result : IntervalAny(Width);
}

CHECK_INTERVAL
IntervalOnly(const CHECK_WIDTH *Width, UINT64 Value)
{
    INT64 Signed = Width->Bits == 64 ? (INT64)Value : (INT64)(INT32)(UINT32)Value;
    if (Signed >= Width->LeastSigned && Signed <= Width->MostSigned)
        return IntervalOf(Width, 0, Width->NoUnsigned, Signed, Signed);
    return Signed < 0
               ? IntervalOf(Width, Width->MostUnsigned, Width->NoUnsigned, Width->NoLow, Width->LeastSigned)
               : IntervalOf(Width, Width->MostUnsigned, Width->NoUnsigned, Width->MostSigned, Width->NoHigh);
}

/** Two known numbers of 64 bits, exactly (RFC 9669 section 4.1). */
static UINT64
Exact64(CHECK_OPERATION Operation, UINT64 A, UINT64 B)
{
    switch (Operation) {
    case OperationAdd:
        return A + B;
    case OperationSub:
        return A - B;
    case OperationMul:
        return A * B;
    case OperationDiv:
    case OperationSdiv:
        return Divide64(A, B, Operation == OperationSdiv);
    case OperationMod:
    case OperationSmod:
        return Modulo64(A, B, Operation == OperationSmod);
    case OperationAnd:
        return A & B;
    case OperationOr:
        return A | B;
    case OperationXor:
        return A ^ B;
    case OperationLsh:
        return A << (B & 63);
    case OperationRsh:
        return A >> (B & 63);
    default:
        return (UINT64)((INT64)A >> (B & 63));
    }
}

static UINT64
Exact32(CHECK_OPERATION Operation, UINT32 A, UINT32 B)
{
    switch (Operation) {
    case OperationDiv:
    case OperationSdiv:
        return Divide32(A, B, Operation == OperationSdiv);
    case OperationMod:
    case OperationSmod:
        return Modulo32(A, B, Operation == OperationSmod);
    case OperationLsh:
        return A << (B & 31);
    case OperationRsh:
        return A >> (B & 31);
    case OperationArsh:
        return (UINT32)((INT32)A >> (B & 31));
    default:
        return Exact64(Operation, A, B);
    }
}

/** A * B, or INTERVAL_NONE with its sign where that is beyond every bound. */
static INT64
Times(INT64 A, INT64 B)
{
    INT64 Result;
    if (!__builtin_mul_overflow(A, B, &Result) && IsFinite(Result))
        return Result;
    return (A < 0) == (B < 0) ? INTERVAL_NONE : -INTERVAL_NONE;
}

static INT64
TimesPower(INT64 A, INT64 Power)
{
    return A == 0 ? 0 : Power > 61 ? (A < 0 ? -INTERVAL_NONE : INTERVAL_NONE) : Times(A, (INT64)1 << Power);
}

/** A number of 2^Count - 1 that is not below Value. */
static INT64
Ones(INT64 Value)
{
    INT64 All = 0;
    while (All < Value)
        All = 2 * All + 1;
    return All;
}

/** Unsigned sums that all wrap once are known again, ones of which some wrap are not. */
static CHECK_INTERVAL
Sum(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    INT64 U0 = A->U0 + B->U0, U1 = A->U1 + B->U1, S0 = A->S0 + B->S0, S1 = A->S1 + B->S1;
    BOOLEAN Wraps = U0 >= Width->Modulus;
    BOOLEAN Known = Wraps || U1 <= Width->MostUnsigned;
    INT64 By = Wraps ? Width->Modulus : 0;
    BOOLEAN Signed = S0 >= Width->LeastSigned && S1 <= Width->MostSigned;
    return IntervalOf(
        Width,
        Known ? U0 - By : 0,
        Known ? U1 - By : Width->NoUnsigned,
        Signed ? S0 : Width->NoLow,
        Signed ? S1 : Width->NoHigh);
}

static CHECK_INTERVAL
Difference(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    INT64 U0 = A->U0 - B->U1, U1 = A->U1 - B->U0, S0 = A->S0 - B->S1, S1 = A->S1 - B->S0;
    if (U1 < 0 && Width->Bits == 32) {
        // All borrow.
        U0 += Width->Modulus;
        U1 += Width->Modulus;
    } else if (U0 < 0) {
        U0 = 0;
        U1 = Width->NoUnsigned;
    }
    BOOLEAN Signed = S0 >= Width->LeastSigned && S1 <= Width->MostSigned;
    return IntervalOf(Width, U0, U1, Signed ? S0 : Width->NoLow, Signed ? S1 : Width->NoHigh);
}

static CHECK_INTERVAL
Product(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    // Of numbers that are not negative.
    INT64 Most = Times(A->U1, B->U1);
    if (Most <= Width->MostUnsigned)
        return IntervalOf(Width, A->U0 * B->U0, Most, Width->NoLow, Width->NoHigh);
    if (!IsFinite(A->S0) || !IsFinite(A->S1) || !IsFinite(B->S0) || !IsFinite(B->S1))
        return IntervalAny(Width);
    INT64 Corners[] = {Times(A->S0, B->S0), Times(A->S0, B->S1), Times(A->S1, B->S0), Times(A->S1, B->S1)};
    INT64 S0 = Corners[0], S1 = Corners[0];
    for (UINT32 Index = 1; Index < RTL_NUMBER_OF(Corners); Index++) {
        S0 = Least(S0, Corners[Index]);
        S1 = Greatest(S1, Corners[Index]);
    }
    return S0 >= Width->LeastSigned && S1 <= Width->MostSigned ? IntervalOf(Width, 0, Width->NoUnsigned, S0, S1)
                                                               : IntervalAny(Width);
}

static CHECK_INTERVAL
Quotient(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    INT64 Divisor = Greatest(B->U0, 1);
    if (A->U1 == INTERVAL_NONE) {
        UINT64 Most = UINT64_MAX / (UINT64)Divisor + (UINT64_MAX % (UINT64)Divisor == (UINT64)Divisor - 1) + 1;
        if (Divisor == 1 || Most > (UINT64)INTERVAL_MOST)
            Most = (UINT64)INTERVAL_NONE;
        return IntervalOf(Width, 0, (INT64)Most, Divisor > 1 ? 0 : Width->NoLow, Width->NoHigh);
    }
    return IntervalOf(Width, 0, A->U1 / Divisor, A->S0 >= 0 ? 0 : Width->NoLow, Width->NoHigh);
}

static CHECK_INTERVAL
Remainder(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    if (B->U0 > A->U1)
        return *A;
    return IntervalOf(
        Width,
        0,
        B->U0 == 0 ? A->U1 : Least(A->U1, B->U1 - 1),
        A->S0 >= 0 ? 0 : Width->NoLow,
        A->S0 >= 0 && B->U0 == 0 ? A->S1 : Width->NoHigh);
}

/** Neither the quotient nor the remainder is further from 0 than the dividend. */
static CHECK_INTERVAL
SignedQuotient(
    const CHECK_WIDTH *Width, CHECK_OPERATION Operation, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    INT64 S0 = Least(A->S0, 0), S1 = Greatest(A->S1, 0);
    if (Operation == OperationSmod) {
        // Modulo 0 leaves the dividend.
        INT64 Most = B->S0 > 0 ? B->S1 - 1 : INTERVAL_NONE;
        return IntervalOf(Width, 0, Width->NoUnsigned, Greatest(S0, -Most), Least(S1, Most));
    }
    if (B->S0 >= 0) {
        INT64 Divisor = Greatest(B->S0, 1);
        return IntervalOf(
            Width,
            0,
            Width->NoUnsigned,
            IsFinite(S0) ? -(-S0 / Divisor) : S0,
            IsFinite(S1) ? S1 / Divisor : S1);
    }
    INT64 Most = Greatest(-S0, S1);
    return Most > Width->MostSigned ? IntervalAny(Width) : IntervalOf(Width, 0, Width->NoUnsigned, -Most, Most);
}

static CHECK_INTERVAL
And(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    BOOLEAN Positive = A->S0 >= 0 || B->S0 >= 0;
    return IntervalOf(Width, 0, Least(A->U1, B->U1), Positive ? 0 : Width->NoLow, Width->NoHigh);
}

static CHECK_INTERVAL
Or(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    INT64 Most = Greatest(A->U1, B->U1);
    BOOLEAN Negative = A->S1 < 0 || B->S1 < 0;
    // With a negative operand bits below the sign only add to that one.
    INT64 S0 = Greatest(A->S1 < 0 ? A->S0 : Width->NoLow, B->S1 < 0 ? B->S0 : Width->NoLow);
    if (A->S0 >= 0 && B->S0 >= 0)
        S0 = 0;
    return IntervalOf(
        Width,
        Greatest(A->U0, B->U0),
        Most <= INTERVAL_MOST ? Ones(Most) : Width->NoUnsigned,
        S0,
        Negative ? -1 : Width->NoHigh);
}

static CHECK_INTERVAL
Xor(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    INT64 Most = Greatest(A->U1, B->U1);
    BOOLEAN Same = (A->S0 >= 0 && B->S0 >= 0) || (A->S1 < 0 && B->S1 < 0);
    BOOLEAN Differ = (A->S0 >= 0 && B->S1 < 0) || (A->S1 < 0 && B->S0 >= 0);
    return IntervalOf(
        Width,
        0,
        Most <= INTERVAL_MOST ? Ones(Most) : Width->NoUnsigned,
        Same ? 0 : Width->NoLow,
        Differ ? -1 : Width->NoHigh);
}

static CHECK_INTERVAL
ShiftLeft(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, INT64 By0, INT64 By1)
{
    INT64 U1 = TimesPower(A->U1, By1);
    INT64 S0 = TimesPower(A->S0, A->S0 < 0 ? By1 : By0);
    INT64 S1 = TimesPower(A->S1, A->S1 < 0 ? By0 : By1);
    BOOLEAN Known = U1 <= Width->MostUnsigned;
    BOOLEAN Signed = S0 >= Width->LeastSigned && S1 <= Width->MostSigned;
    return IntervalOf(
        Width,
        Known ? TimesPower(A->U0, By0) : 0,
        Known ? U1 : Width->NoUnsigned,
        Signed ? S0 : Width->NoLow,
        Signed ? S1 : Width->NoHigh);
}

/** The greatest value of the width that is shifted right, in reach of a bound. */
static INT64
GreatestShifted(UINT64 Greatest64, UINT32 Bits, INT64 By)
{
    UINT64 Value = (Greatest64 >> (64 - Bits)) >> By;
    return Value > (UINT64)INTERVAL_MOST ? INTERVAL_NONE : (INT64)Value;
}

/** The amount is taken modulo the width. */
static CHECK_INTERVAL
Shift(const CHECK_WIDTH *Width, CHECK_OPERATION Operation, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    BOOLEAN Bounded = B->U1 < (INT64)Width->Bits;
    INT64 By0 = Bounded ? B->U0 : 0, By1 = Bounded ? B->U1 : (INT64)Width->Bits - 1;
    if (By1 == 0)
        return *A;
    if (Operation == OperationLsh)
        return ShiftLeft(Width, A, By0, By1);
    if (Operation == OperationRsh) {
        INT64 U1 = A->U1 == Width->NoUnsigned ? GreatestShifted(UINT64_MAX, Width->Bits, By0) : A->U1 >> By0;
        INT64 S0 = By0 > 0 || A->S0 >= 0 ? 0 : Width->NoLow;
        return IntervalOf(Width, A->U0 >> By1, U1, S0, Width->NoHigh);
    }
    INT64 Low = A->S0;
    if (!IsFinite(Low))
        Low = INT64_MIN;
    INT64 S1 = A->S1 == Width->NoHigh ? GreatestShifted(INT64_MAX, Width->Bits, By0)
                                      : A->S1 >> (A->S1 < 0 ? By1 : By0);
    INT64 S0 = Low >> (Low < 0 ? By0 : By1);
    return IntervalOf(Width, 0, Width->NoUnsigned, S0 < -INTERVAL_NONE ? -INTERVAL_NONE : S0, S1);
}

CHECK_INTERVAL
IntervalCompute(
    const CHECK_WIDTH *Width, CHECK_OPERATION Operation, const CHECK_INTERVAL *A, const CHECK_INTERVAL *B)
{
    if (Operation == OperationAdd)
        return Sum(Width, A, B);
    if (Operation == OperationSub)
        return Difference(Width, A, B);
    if (IntervalIsOne(A) && IntervalIsOne(B))
        return IntervalOnly(
            Width,
            Width->Bits == 64 ? Exact64(Operation, (UINT64)A->S0, (UINT64)B->S0)
                              : Exact32(Operation, (UINT32)A->S0, (UINT32)B->S0));
    switch (Operation) {
    case OperationMul:
        return Product(Width, A, B);
    case OperationDiv:
        return Quotient(Width, A, B);
    case OperationMod:
        return Remainder(Width, A, B);
    case OperationAnd:
        return And(Width, A, B);
    case OperationOr:
        return Or(Width, A, B);
    case OperationXor:
        return Xor(Width, A, B);
    case OperationSdiv:
    case OperationSmod:
        return SignedQuotient(Width, Operation, A, B);
    default:
        return Shift(Width, Operation, A, B);
    }
}

/** The members of A that are not that value. */
static BOOLEAN
Without(const CHECK_WIDTH *Width, const CHECK_INTERVAL *A, INT64 Value, CHECK_INTERVAL *Result)
{
    INT64 Unsigned = Value < 0 ? Value + Width->Modulus : Value;
    BOOLEAN Counts = Unsigned <= Width->MostUnsigned;
    *Result = *A;
    Result->U0 += Counts && A->U0 == Unsigned;
    Result->U1 -= Counts && A->U1 == Unsigned;
    Result->S0 += A->S0 == Value;
    Result->S1 -= A->S1 == Value;
    return IntervalIsSame(A, Result) || IntervalTight(Width, Result);
}

/** One less; there is no bound less than none. */
static INT64
Before(INT64 Bound)
{
    return IsFinite(Bound) ? Bound - 1 : Bound;
}

static INT64
After(INT64 Bound)
{
    return IsFinite(Bound) ? Bound + 1 : Bound;
}

static BOOLEAN
RestrictBits(
    const CHECK_WIDTH *Width,
    CHECK_TEST Test,
    const CHECK_INTERVAL *A,
    const CHECK_INTERVAL *B,
    CHECK_INTERVAL *Result)
{
    *Result = *A;
    if (IntervalIsOne(A) && IntervalIsOne(B))
        return ((A->S0 & B->S0) == 0) == (Test == TestClear);
    if (Test == TestClear)
        return TRUE;
    return !(IntervalIsOne(B) && B->S0 == 0) && Without(Width, A, 0, Result);
}

BOOLEAN
IntervalRestrict(
    const CHECK_WIDTH *Width,
    CHECK_TEST Test,
    const CHECK_INTERVAL *A,
    const CHECK_INTERVAL *B,
    CHECK_INTERVAL *Result)
{
    *Result = *A;
    switch (Test) {
    case TestEq:
        Result->U0 = Greatest(A->U0, B->U0);
        Result->U1 = Least(A->U1, B->U1);
        Result->S0 = Greatest(A->S0, B->S0);
        Result->S1 = Least(A->S1, B->S1);
        break;
    case TestNe:
        return !IntervalIsOne(B) || Without(Width, A, B->S0, Result);
    case TestSet:
    case TestClear:
        return RestrictBits(Width, Test, A, B, Result);
    case TestUgt:
        Result->U0 = Greatest(A->U0, B->U0 + 1);
        break;
    case TestUge:
        Result->U0 = Greatest(A->U0, B->U0);
        break;
    case TestUlt:
        Result->U1 = Least(A->U1, Before(B->U1));
        break;
    case TestUle:
        Result->U1 = Least(A->U1, B->U1);
        break;
    case TestSgt:
        Result->S0 = Greatest(A->S0, After(B->S0));
        break;
    case TestSge:
        Result->S0 = Greatest(A->S0, B->S0);
        break;
    case TestSlt:
        Result->S1 = Least(A->S1, Before(B->S1));
        break;
    default:
        Result->S1 = Least(A->S1, B->S1);
        break;
    }
    return IntervalIsSame(A, Result) || IntervalTight(Width, Result);
}
