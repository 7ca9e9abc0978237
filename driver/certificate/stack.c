#include "certificate/stack.h"

UINT8
StackNumberMask(const CHECKER *Checker, VALUE_ID Slot)
{
    const CHECK_VALUE *Value = ValueAt(Checker, Slot);
    if (Value->Kind == KindBytes)
        return Value->Bytes.Mask;
    return Value->Kind == KindNumber ? 0xff : 0;
}

BOOLEAN
StackIsNumbers(const CHECKER *Checker, const VALUE_ID *Slots, INT64 From, INT64 To)
{
    for (INT64 At = From; At < To; At++)
        if ((StackNumberMask(Checker, Slots[At >> 3]) >> (At & 7) & 1) == 0)
            return FALSE;
    return TRUE;
}

VALUE_ID
StackWhole(const CHECKER *Checker, const VALUE_ID *Slots, INT64 At, UINT32 SizeBytes)
{
    if (SizeBytes != 8 || (At & 7) != 0)
        return 0;
    return ValueAt(Checker, Slots[At >> 3])->Kind == KindBytes ? 0 : Slots[At >> 3];
}

CHECK_NUMBER
StackNumberIn(const CHECKER *Checker, VALUE_ID Slot, UINT32 At, UINT32 SizeBytes)
{
    const CHECK_VALUE *Value = ValueAt(Checker, Slot);
    if (Value->Kind == KindNumber && At == 0)
        return NumberTruncated(&Value->Number, 8 * SizeBytes);
    if (Value->Kind == KindBytes) {
        for (UINT32 Index = 0; Index < Value->Bytes.PartCount; Index++) {
            const CHECK_PART *Part = &Value->Bytes.Parts[Index];
            if (Part->At == At && Part->SizeBytes >= SizeBytes)
                return NumberTruncated(NumberAt(Checker, Part->Value), 8 * SizeBytes);
        }
    }
    return NumberAnyOfSize(SizeBytes, FALSE);
}

CHECK_NUMBER
StackNumber(const CHECKER *Checker, const VALUE_ID *Slots, INT64 At, UINT32 SizeBytes)
{
    UINT32 Inside = At & 7;
    if (Inside + SizeBytes > 8)
        return NumberAnyOfSize(SizeBytes, FALSE);
    return StackNumberIn(Checker, Slots[At >> 3], Inside, SizeBytes);
}

/** One more part, in order. There is room: what overlaps it is gone, so at most one other is left. */
static VALUE_ID
WithPart(CHECKER *Checker, VALUE_ID Slot, CHECK_PART Part)
{
    CHECK_VALUE Value = *ValueAt(Checker, Slot);
    if (Value.Kind != KindBytes || Value.Bytes.PartCount >= RTL_NUMBER_OF(Value.Bytes.Parts))
        return Slot;
    UINT32 Place = Value.Bytes.PartCount++;
    if (Place == 1 && Value.Bytes.Parts[0].At > Part.At) {
        Value.Bytes.Parts[1] = Value.Bytes.Parts[0];
        Place = 0;
    }
    Value.Bytes.Parts[Place] = Part;
    return ValuesAdd(&Checker->Pool, &Value);
}

VOID
StackWriteNumber(CHECKER *Checker, VALUE_ID *Slots, INT64 At, UINT32 SizeBytes, VALUE_ID Number)
{
    UINT32 Inside = At & 7;
    if (SizeBytes == 8 && Inside == 0) {
        Slots[At >> 3] = Number;
        return;
    }
    StackWriteAny(Checker, Slots, At, At + SizeBytes);
    const CHECK_NUMBER *Known = NumberAt(Checker, Number);
    if (Inside + SizeBytes > 8 || (Inside != 0 && SizeBytes < 4) || Known == NULL)
        return;
    VALUE_ID Stored = AddNumber(Checker, NumberTruncated(Known, 8 * SizeBytes));
    if (Stored == 0)
        return;
    CHECK_PART Part = {.At = (UINT8)Inside, .SizeBytes = (UINT8)SizeBytes, .Value = Stored};
    Slots[At >> 3] = WithPart(Checker, Slots[At >> 3], Part);
}

/** The slot with bytes [First, End) of it any numbers. */
static VALUE_ID
WithAny(CHECKER *Checker, VALUE_ID Slot, UINT32 First, UINT32 End)
{
    const CHECK_VALUE *Old = ValueAt(Checker, Slot);
    CHECK_VALUE New = {.Kind = KindBytes};
    New.Bytes.Mask = StackNumberMask(Checker, Slot) | (UINT8)((0xff >> (8 - End + First)) << First);
    for (UINT32 Index = 0; Old->Kind == KindBytes && Index < Old->Bytes.PartCount; Index++) {
        CHECK_PART Part = Old->Bytes.Parts[Index];
        if ((UINT32)Part.At + Part.SizeBytes <= First || Part.At >= End)
            New.Bytes.Parts[New.Bytes.PartCount++] = Part;
    }
    return ValuesAdd(&Checker->Pool, &New);
}

VOID
StackWriteAny(CHECKER *Checker, VALUE_ID *Slots, INT64 From, INT64 To)
{
    for (INT64 Index = From >> 3; Index * 8 < To; Index++) {
        UINT32 First = (UINT32)Greatest(From - Index * 8, 0), End = (UINT32)Least(To - Index * 8, 8);
        Slots[Index] = WithAny(Checker, Slots[Index], First, End);
    }
}

VOID
StackWriteSomewhere(CHECKER *Checker, VALUE_ID *Slots, INT64 From, INT64 To)
{
    for (INT64 Index = From >> 3; Index * 8 < To && Index < FRAME_SLOTS; Index++) {
        UINT8 Mask = StackNumberMask(Checker, Slots[Index]);
        CHECK_VALUE New = {.Kind = KindBytes, .Bytes = {.Mask = Mask}};
        Slots[Index] = Mask == 0 ? 0 : ValuesAdd(&Checker->Pool, &New);
    }
}
