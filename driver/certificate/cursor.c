#include "certificate/cursor.h"

/** 53 bits and a sign. */
#define MOST_BYTES 8

UINT8
CursorByte(CHECKER *Checker, CURSOR *Cursor)
{
    if (Cursor->Position >= Cursor->SizeBytes)
        return Refuse(Checker, "the certificate ends too soon");
    return Cursor->Bytes[Cursor->Position++];
}

/** The bits of an integer, 7 a byte; *Bits: how many. */
static UINT64
Read(CHECKER *Checker, CURSOR *Cursor, UINT32 *Bits, UINT8 *Last, UINT8 *Before)
{
    UINT64 Value = 0;
    *Last = 0;
    for (*Bits = 0; *Bits < 7 * MOST_BYTES;) {
        *Before = *Last;
        *Last = CursorByte(Checker, Cursor);
        Value |= (UINT64)(*Last & 0x7f) << *Bits;
        *Bits += 7;
        if (*Last < 0x80)
            return Value;
    }
    return Refuse(Checker, "an integer is too long");
}

INT64
CursorUnsigned(CHECKER *Checker, CURSOR *Cursor, INT64 Most)
{
    UINT32 Bits;
    UINT8 Last, Before;
    UINT64 Value = Read(Checker, Cursor, &Bits, &Last, &Before);
    // The last byte of the shortest form has a bit set.
    if (Bits > 7 && Last == 0)
        return Refuse(Checker, "an integer is not in its shortest form");
    return Value <= (UINT64)Most ? (INT64)Value : Refuse(Checker, "an integer is too large");
}

INT64
CursorSigned(CHECKER *Checker, CURSOR *Cursor, INT64 Most)
{
    UINT32 Bits;
    UINT8 Last, Before;
    UINT64 Raw = Read(Checker, Cursor, &Bits, &Last, &Before);
    if (Bits > 7 && Last == ((Before & 0x40) != 0 ? 0x7f : 0))
        return Refuse(Checker, "an integer is not in its shortest form");
    INT64 Value = (INT64)Raw;
    if ((Last & 0x40) != 0)
        Value -= (INT64)1 << Bits;
    return Value <= Most && Value >= -Most ? Value : Refuse(Checker, "an integer is too large");
}
