#include "certificate/number.h"

static CHECK_NUMBER
Plain(const CHECK_INTERVAL *Full, const CHECK_INTERVAL *Low, UINT8 Zeros)
{
    return (CHECK_NUMBER){.Full = *Full, .Low = *Low, .Zeros = Zeros};
}

UINT8
NumberTrailingZeros(INT64 Value)
{
    return (Value & 7) == 0 ? 3 : (Value & 3) == 0 ? 2 : (Value & 1) == 0 ? 1 : 0;
}

/** Which upper halves are one number: taken as unsigned, as signed, and with the low half taken as signed. */
typedef struct _UPPER_HALF {
    BOOLEAN Unsigned;
    BOOLEAN Signed;
    BOOLEAN Centred;
    INT64 UnsignedBase;
    INT64 SignedBase;
    INT64 CentredBase;
} UPPER;

static UPPER
UpperOf(const CHECK_INTERVAL *Full)
{
    const INT64 Half = (INT64)1 << 31;
    BOOLEAN Finite = Full->S0 != -INTERVAL_NONE && Full->S1 != INTERVAL_NONE;
    return (UPPER){
        .Unsigned = Full->U0 >> 32 == Full->U1 >> 32,
        .Signed = Finite && Full->S0 >> 32 == Full->S1 >> 32,
        .Centred = Finite && (Full->S0 + Half) >> 32 == (Full->S1 + Half) >> 32,
        .UnsignedBase = (Full->U0 >> 32) * INTERVAL_TWO_32,
        .SignedBase = (Full->S0 >> 32) * INTERVAL_TWO_32,
        .CentredBase = ((Full->S0 + Half) >> 32) * INTERVAL_TWO_32,
    };
}

static VOID
NarrowLow(const UPPER *Upper, const CHECK_INTERVAL *Full, CHECK_INTERVAL *Low)
{
    if (Upper->Unsigned) {
        Low->U0 = Greatest(Low->U0, Full->U0 - Upper->UnsignedBase);
        Low->U1 = Least(Low->U1, Full->U1 - Upper->UnsignedBase);
    }
    if (Upper->Signed) {
        Low->U0 = Greatest(Low->U0, Full->S0 - Upper->SignedBase);
        Low->U1 = Least(Low->U1, Full->S1 - Upper->SignedBase);
    }
    if (Upper->Centred) {
        Low->S0 = Greatest(Low->S0, Full->S0 - Upper->CentredBase);
        Low->S1 = Least(Low->S1, Full->S1 - Upper->CentredBase);
    }
}

static VOID
NarrowFull(const UPPER *Upper, const CHECK_INTERVAL *Low, CHECK_INTERVAL *Full)
{
    if (Upper->Unsigned) {
        Full->U0 = Greatest(Full->U0, Upper->UnsignedBase + Low->U0);
        Full->U1 = Least(Full->U1, Upper->UnsignedBase + Low->U1);
    }
    if (Upper->Signed) {
        Full->S0 = Greatest(Full->S0, Upper->SignedBase + Low->U0);
        Full->S1 = Least(Full->S1, Upper->SignedBase + Low->U1);
    }
    if (Upper->Centred) {
        Full->S0 = Greatest(Full->S0, Upper->CentredBase + Low->S0);
        Full->S1 = Least(Full->S1, Upper->CentredBase + Low->S1);
    }
}

BOOLEAN
NumberCombine(const CHECK_INTERVAL *Full, const CHECK_INTERVAL *Low, UINT8 Zeros, CHECK_NUMBER *Result)
{
    CHECK_INTERVAL Whole = *Full, Half = *Low;
    UPPER Upper = UpperOf(Full);
    NarrowLow(&Upper, Full, &Half);
    if (!IntervalIsSame(&Half, Low) && !IntervalTight(&WidthLow, &Half))
        return FALSE;
    NarrowFull(&Upper, &Half, &Whole);
    if (!IntervalIsSame(&Whole, Full) && !IntervalTight(&WidthFull, &Whole))
        return FALSE;
    *Result = IntervalIsOne(&Whole) ? NumberConstant(Whole.S0) : Plain(&Whole, &Half, Zeros);
    return TRUE;
}

static CHECK_NUMBER
Combined(const CHECK_INTERVAL *Full, const CHECK_INTERVAL *Low, UINT8 Zeros)
{
    CHECK_NUMBER Result;
    return NumberCombine(Full, Low, Zeros, &Result) ? Result : NumberAny();
}

CHECK_NUMBER
NumberAny(VOID)
{
    CHECK_INTERVAL Full = IntervalAny(&WidthFull), Low = IntervalAny(&WidthLow);
    return Plain(&Full, &Low, 0);
}

CHECK_NUMBER
NumberConstant(INT64 Value)
{
    CHECK_INTERVAL Full = IntervalOnly(&WidthFull, (UINT64)Value), Low = IntervalOnly(&WidthLow, (UINT64)Value);
    return Plain(&Full, &Low, NumberTrailingZeros(Value));
}

CHECK_NUMBER
NumberLiteral(UINT64 Value)
{
    CHECK_INTERVAL Full = IntervalOnly(&WidthFull, Value), Low = IntervalOnly(&WidthLow, Value);
    return Combined(&Full, &Low, NumberTrailingZeros(Low.S0));
}

CHECK_NUMBER
NumberBetween(INT64 S0, INT64 S1)
{
    CHECK_INTERVAL Full = IntervalOf(&WidthFull, 0, INTERVAL_NONE, S0, S1), Low = IntervalAny(&WidthLow);
    return Combined(&Full, &Low, 0);
}

CHECK_NUMBER
NumberUnsignedBetween(INT64 U0, INT64 U1)
{
    CHECK_INTERVAL Full = IntervalOf(&WidthFull, U0, U1, -INTERVAL_NONE, INTERVAL_NONE);
    CHECK_INTERVAL Low = IntervalAny(&WidthLow);
    return Combined(&Full, &Low, 0);
}

CHECK_NUMBER
NumberAnyOfSize(UINT32 SizeBytes, BOOLEAN Signed)
{
    if (SizeBytes == 8)
        return NumberAny();
    INT64 Limit = (INT64)1 << (8 * SizeBytes - 1);
    return Signed ? NumberBetween(-Limit, Limit - 1) : NumberUnsignedBetween(0, 2 * Limit - 1);
}

/** Below 2^32, within those bounds. */
static CHECK_NUMBER
OfLow(const CHECK_INTERVAL *Low, UINT8 Zeros)
{
    CHECK_INTERVAL Full = IntervalOf(&WidthFull, Low->U0, Low->U1, -INTERVAL_NONE, INTERVAL_NONE);
    return Combined(&Full, Low, Zeros);
}

CHECK_NUMBER
NumberFromLow(INT64 U0, INT64 U1)
{
    CHECK_INTERVAL Full = IntervalAny(&WidthFull);
    CHECK_INTERVAL Low = IntervalOf(&WidthLow, U0, U1, WidthLow.NoLow, WidthLow.NoHigh);
    return Combined(&Full, &Low, 0);
}

CHECK_NUMBER
NumberUnlinked(const CHECK_NUMBER *A)
{
    return Plain(&A->Full, &A->Low, A->Zeros);
}

CHECK_NUMBER
NumberLinked(const CHECK_NUMBER *A, UINT32 Id, INT64 Delta, BOOLEAN Extended)
{
    CHECK_NUMBER Result = NumberUnlinked(A);
    if (Id != 0 && !NumberIsKnown(A)) {
        Result.Id = Id;
        Result.Delta = Delta;
        Result.Extended = Extended;
    }
    return Result;
}

CHECK_NUMBER
NumberZeroExtended(const CHECK_NUMBER *A)
{
    if (A->Full.U1 < INTERVAL_TWO_32)
        return *A;
    CHECK_NUMBER Result = OfLow(&A->Low, A->Zeros);
    return NumberLinked(&Result, A->Id, A->Delta, TRUE);
}

CHECK_NUMBER
NumberTruncated(const CHECK_NUMBER *A, UINT32 Bits)
{
    if (Bits == 64 || A->Full.U1 < (INT64)1 << Bits)
        return *A;
    if (Bits == 32)
        return NumberZeroExtended(A);
    INT64 Limit = (INT64)1 << Bits, Block = A->Low.U0 >> Bits;
    if (A->Low.U1 >> Bits != Block)
        return NumberUnsignedBetween(0, Limit - 1);
    return NumberUnsignedBetween(A->Low.U0 - Block * Limit, A->Low.U1 - Block * Limit);
}

CHECK_NUMBER
NumberSignExtended(const CHECK_NUMBER *A, UINT32 Bits)
{
    INT64 Limit = (INT64)1 << (Bits - 1);
    if (A->Full.S0 >= -Limit && A->Full.S1 < Limit)
        return *A;
    if (A->Low.S0 >= -Limit && A->Low.S1 < Limit) {
        // Not negative: the zero extension, and linked like that.
        return A->Low.S0 >= 0 ? NumberZeroExtended(A) : NumberBetween(A->Low.S0, A->Low.S1);
    }
    CHECK_NUMBER Cut = NumberTruncated(A, Bits);
    if (Cut.Full.U1 < Limit)
        return NumberBetween(Cut.Full.U0, Cut.Full.U1);
    return Cut.Full.U0 >= Limit ? NumberBetween(Cut.Full.U0 - 2 * Limit, Cut.Full.U1 - 2 * Limit)
                                : NumberBetween(-Limit, Limit - 1);
}

static UINT8
ResultZeros(CHECK_OPERATION Operation, const CHECK_NUMBER *A, const CHECK_NUMBER *B)
{
    switch (Operation) {
    case OperationAdd:
    case OperationSub:
    case OperationOr:
    case OperationXor:
        return (UINT8)Least(A->Zeros, B->Zeros);
    case OperationAnd:
        return (UINT8)Greatest(A->Zeros, B->Zeros);
    case OperationMul:
        return (UINT8)Least(3, A->Zeros + B->Zeros);
    case OperationLsh:
        return (UINT8)Least(3, A->Zeros + (B->Full.U1 < 32 ? B->Full.U0 : 0));
    default:
        return 0;
    }
}

/** Value * 2^Amount, for Amount of 32 to 63; INTERVAL_NONE with its sign if that is beyond every bound. */
static INT64
Scaled(INT64 Value, INT64 Amount)
{
    if (Value >= -((INT64)1 << 21) && Value <= (INT64)1 << 21 && Amount <= 40)
        return Value * ((INT64)1 << Amount);
    // Of more than 40 only few values come near to a bound.
    if (Value == 0)
        return 0;
    if (Amount > 53 || Value > INTERVAL_MOST >> Amount || Value < -(INTERVAL_MOST >> Amount))
        return Value < 0 ? -INTERVAL_NONE : INTERVAL_NONE;
    return Value * ((INT64)1 << Amount);
}

/** The 64 bits of a result. What is shifted left by 32 or more comes from the low half alone. */
static CHECK_INTERVAL
Wide(CHECK_OPERATION Operation, const CHECK_NUMBER *A, const CHECK_NUMBER *B)
{
    INT64 Amount = B->Full.S0;
    if (Operation != OperationLsh || !NumberIsKnown(B) || Amount < 32 || Amount > 63)
        return IntervalCompute(&WidthFull, Operation, &A->Full, &B->Full);
    INT64 U1 = Scaled(A->Low.U1, Amount);
    INT64 S0 = Scaled(A->Low.S0, Amount), S1 = Scaled(A->Low.S1, Amount);
    BOOLEAN Unsigned = U1 <= INTERVAL_MOST;
    BOOLEAN Signed = Amount == 32 && S0 >= -INTERVAL_MOST && S1 <= INTERVAL_MOST;
    return IntervalOf(
        &WidthFull,
        Unsigned ? Scaled(A->Low.U0, Amount) : 0,
        Unsigned ? U1 : INTERVAL_NONE,
        Signed ? S0 : -INTERVAL_NONE,
        Signed ? S1 : INTERVAL_NONE);
}

/** The low half of a 64-bit result, where it follows from the low halves of the operands. */
static CHECK_INTERVAL
LowOf(CHECK_OPERATION Operation, const CHECK_NUMBER *A, const CHECK_NUMBER *B)
{
    switch (Operation) {
    case OperationLsh:
        if (B->Full.U1 >= 32)
            return IntervalAny(&WidthLow);
        return IntervalCompute(&WidthLow, Operation, &A->Low, &B->Low);
    case OperationAdd:
    case OperationSub:
    case OperationMul:
    case OperationAnd:
    case OperationOr:
    case OperationXor:
        return IntervalCompute(&WidthLow, Operation, &A->Low, &B->Low);
    default:
        return IntervalAny(&WidthLow);
    }
}

/** X + delta plus or minus a known number; of a zero extension only if that neither borrows nor carries. */
static CHECK_NUMBER
SumLink(
    UINT32 Bits, CHECK_OPERATION Operation, const CHECK_NUMBER *A, const CHECK_NUMBER *B, const CHECK_NUMBER *Result)
{
    if (Operation != OperationAdd && Operation != OperationSub)
        return *Result;
    BOOLEAN Exchanged = Operation == OperationAdd && !NumberIsKnown(B);
    const CHECK_NUMBER *Base = Exchanged ? B : A, *Other = Exchanged ? A : B;
    if (!NumberIsKnown(Other) || Base->Id == 0)
        return *Result;
    INT64 By = Operation == OperationAdd ? Other->Full.S0 : -Other->Full.S0;
    INT64 Delta = Base->Delta + By;
    if (By > NUMBER_MOST_DELTA || By < -NUMBER_MOST_DELTA || Delta > NUMBER_MOST_DELTA ||
        Delta < -NUMBER_MOST_DELTA)
        return *Result;
    if (Bits == 32)
        return NumberLinked(Result, Base->Id, Delta, TRUE);
    BOOLEAN Stays = Base->Full.U0 + By >= 0 && Base->Full.U1 + By < INTERVAL_TWO_32;
    return Base->Extended && !Stays ? *Result : NumberLinked(Result, Base->Id, Delta, Base->Extended);
}

CHECK_NUMBER
NumberCompute(UINT32 Bits, CHECK_OPERATION Operation, const CHECK_NUMBER *A, const CHECK_NUMBER *B)
{
    UINT8 Zeros = ResultZeros(Operation, A, B);
    CHECK_NUMBER Result;
    if (Bits == 32) {
        CHECK_INTERVAL Low = IntervalCompute(&WidthLow, Operation, &A->Low, &B->Low);
        Result = OfLow(&Low, Zeros);
    } else {
        CHECK_INTERVAL Full = Wide(Operation, A, B), Low = LowOf(Operation, A, B);
        Result = Combined(&Full, &Low, Zeros);
        if (NumberIsKnown(&Result))
            return Result;
    }
    return SumLink(Bits, Operation, A, B, &Result);
}

BOOLEAN
NumberCompare(
    UINT32 Bits,
    CHECK_TEST Test,
    const CHECK_NUMBER *A,
    const CHECK_NUMBER *B,
    CHECK_NUMBER *NewA,
    CHECK_NUMBER *NewB)
{
    BOOLEAN IsWide = Bits == 64, Equal = Test == TestEq;
    const CHECK_WIDTH *Width = IsWide ? &WidthFull : &WidthLow;
    const CHECK_INTERVAL *X = IsWide ? &A->Full : &A->Low, *Y = IsWide ? &B->Full : &B->Low;
    CHECK_INTERVAL Left, Right;
    if (!IntervalRestrict(Width, Test, X, Y, &Left) ||
        !IntervalRestrict(Width, TestSwapped[Test], Y, X, &Right))
        return FALSE;
    if (!Equal && IntervalIsSame(&Left, X) && IntervalIsSame(&Right, Y)) {
        *NewA = *A;
        *NewB = *B;
        return TRUE;
    }
    CHECK_INTERVAL LowA = IsWide ? A->Low : Left, LowB = IsWide ? B->Low : Right;
    if (Equal && IsWide) {
        CHECK_INTERVAL Both;
        if (!IntervalRestrict(&WidthLow, TestEq, &LowA, &LowB, &Both))
            return FALSE;
        LowA = LowB = Both;
    }
    // Only the low bits are equal where only they are compared, and they are what zeros speaks of.
    UINT8 Zeros = (UINT8)Greatest(A->Zeros, B->Zeros);
    CHECK_NUMBER ResultA, ResultB;
    if (!NumberCombine(IsWide ? &Left : &A->Full, &LowA, Equal ? Zeros : A->Zeros, &ResultA) ||
        !NumberCombine(IsWide ? &Right : &B->Full, &LowB, Equal ? Zeros : B->Zeros, &ResultB))
        return FALSE;
    *NewA = NumberLinked(&ResultA, A->Id, A->Delta, A->Extended);
    *NewB = NumberLinked(&ResultB, B->Id, B->Delta, B->Extended);
    return TRUE;
}

static BOOLEAN
Meet(const CHECK_NUMBER *A, const CHECK_NUMBER *B, CHECK_NUMBER *Result)
{
    CHECK_NUMBER Other;
    return NumberCompare(64, TestEq, A, B, Result, &Other);
}

BOOLEAN
NumberRelated(const CHECK_NUMBER *Old, const CHECK_NUMBER *Now, const CHECK_NUMBER *Other, CHECK_NUMBER *Result)
{
    INT64 Difference = Other->Delta - Old->Delta;
    CHECK_NUMBER By = NumberConstant(Difference);
    if (!Old->Extended) {
        CHECK_NUMBER Whole = NumberUnlinked(Now);
        if (Difference != 0)
            Whole = NumberCompute(64, OperationAdd, &Whole, &By);
        if (Other->Extended)
            Whole = NumberZeroExtended(&Whole);
        return Meet(Other, &Whole, Result);
    }
    CHECK_INTERVAL Low = IntervalCompute(&WidthLow, OperationAdd, &Now->Low, &By.Low);
    if (Other->Extended) {
        CHECK_NUMBER Whole = OfLow(&Low, 0);
        return Meet(Other, &Whole, Result);
    }
    CHECK_INTERVAL Both;
    CHECK_NUMBER Narrowed;
    if (!IntervalRestrict(&WidthLow, TestEq, &Other->Low, &Low, &Both) ||
        !NumberCombine(&Other->Full, &Both, Other->Zeros, &Narrowed))
        return FALSE;
    *Result = NumberLinked(&Narrowed, Other->Id, Other->Delta, Other->Extended);
    return TRUE;
}
