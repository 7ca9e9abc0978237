#include "trace.h"

/** Lines that wait to be read. */
#define TRACE_LINES 256

typedef struct _LINE {
    UINT32 SizeBytes;
    UINT8 Text[TRACE_LINE_BYTES];
} LINE;

static EBPF_LOCK Lock;
static LINE Lines[TRACE_LINES];
/** Lines that were ever written, and read. */
static UINT64 Written;
static UINT64 Read;

/** One directive, taken apart. */
typedef struct _DIRECTIVE {
    UINT32 LengthBytes;
    UINT32 Width;
    UINT8 Padding;
    UINT8 Letter;
    BOOLEAN Wide;
} DIRECTIVE;

/** TRUE if one begins at this percent sign. */
static BOOLEAN
ParseDirective(const UINT8 *Format, UINT32 SizeBytes, DIRECTIVE *Directive)
{
    UINT32 At = 1;
    *Directive = (DIRECTIVE){.Padding = ' '};
    if (At < SizeBytes && Format[At] == '0') {
        Directive->Padding = '0';
        At++;
    }
    for (UINT32 Count = 0; Count < 2 && At < SizeBytes && Format[At] >= '0' && Format[At] <= '9'; Count++)
        Directive->Width = Directive->Width * 10 + (Format[At++] - '0');
    for (UINT32 Count = 0; Count < 2 && At < SizeBytes && Format[At] == 'l'; Count++, At++)
        Directive->Wide = TRUE;
    if (At >= SizeBytes)
        return FALSE;
    Directive->Letter = Format[At];
    Directive->LengthBytes = At + 1;
    switch (Directive->Letter) {
    case '%':
        return At == 1;
    case 'p':
        Directive->Wide = TRUE;
        return TRUE;
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'c':
        return TRUE;
    default:
        return FALSE;
    }
}

/** Writes a number backwards from the end of a buffer; returns where it begins. */
static UINT8 *
FormatNumber(UINT8 *End, UINT64 Value, UINT32 Base, BOOLEAN Upper)
{
    const char *Digits = Upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do {
        *--End = (UINT8)Digits[Value % Base];
        Value /= Base;
    } while (Value != 0);
    return End;
}

/** The text of a value ends at End; returns where it begins. */
static UINT8 *
FormatValue(UINT8 *End, const DIRECTIVE *Directive, UINT64 Value)
{
    BOOLEAN Negative = FALSE;
    UINT8 *Start;
    if (!Directive->Wide)
        Value = (UINT32)Value;
    switch (Directive->Letter) {
    case 'd':
    case 'i':
        if (!Directive->Wide)
            Value = (UINT64)(INT64)(INT32)Value;
        Negative = (INT64)Value < 0;
        Start = FormatNumber(End, Negative ? 0 - Value : Value, 10, FALSE);
        if (Negative)
            *--Start = '-';
        return Start;
    case 'u':
        return FormatNumber(End, Value, 10, FALSE);
    case 'c':
        End[-1] = (UINT8)Value;
        return End - 1;
    case 'p':
        Start = FormatNumber(End, Value, 16, FALSE) - 2;
        Start[0] = '0';
        Start[1] = 'x';
        return Start;
    default:
        return FormatNumber(End, Value, 16, Directive->Letter == 'X');
    }
}

static UINT32
Append(UINT8 *Line, UINT32 Length, UINT8 Character)
{
    if (Length < TRACE_LINE_BYTES)
        Line[Length++] = Character;
    return Length;
}

_Use_decl_annotations_
UINT32
TraceFormat(UINT8 *Line, const UINT8 *Format, UINT32 SizeBytes, const UINT64 *Values, UINT32 ValueCount)
{
    UINT32 Length = 0;
    UINT32 Next = 0;
    for (UINT32 At = 0; At < SizeBytes && Format[At] != 0;) {
        DIRECTIVE Directive;
        if (Format[At] != '%' || !ParseDirective(&Format[At], SizeBytes - At, &Directive)) {
            Length = Append(Line, Length, Format[At++]);
            continue;
        }
        At += Directive.LengthBytes;
        if (Directive.Letter == '%') {
            Length = Append(Line, Length, '%');
            continue;
        }
        UINT8 Buffer[32];
        const UINT8 *End = Buffer + sizeof(Buffer);
        const UINT8 *Text = FormatValue(Buffer + sizeof(Buffer), &Directive, Next < ValueCount ? Values[Next] : 0);
        Next++;
        for (UINT32 Width = (UINT32)(End - Text); Width < Directive.Width; Width++)
            Length = Append(Line, Length, Directive.Padding);
        while (Text < End)
            Length = Append(Line, Length, *Text++);
    }
    return Length;
}

_Use_decl_annotations_
VOID
TraceWrite(const UINT8 *Line, UINT32 SizeBytes)
{
    EBPF_IRQL Irql = LockAcquire(&Lock);
    LINE *Place = &Lines[Written % TRACE_LINES];
    Place->SizeBytes = SizeBytes < TRACE_LINE_BYTES ? SizeBytes : TRACE_LINE_BYTES;
    memcpy(Place->Text, Line, Place->SizeBytes);
    Written++;
    if (Written - Read > TRACE_LINES)
        Read = Written - TRACE_LINES;
    LockRelease(&Lock, Irql);
}

_Use_decl_annotations_
BOOLEAN
TraceRead(UINT8 *Line, UINT32 *SizeBytes)
{
    EBPF_IRQL Irql = LockAcquire(&Lock);
    BOOLEAN Found = Read != Written;
    *SizeBytes = 0;
    if (Found) {
        const LINE *Place = &Lines[Read % TRACE_LINES];
        *SizeBytes = Place->SizeBytes;
        memcpy(Line, Place->Text, Place->SizeBytes);
        Read++;
    }
    LockRelease(&Lock, Irql);
    return Found;
}
