#include "event.h"

#include "trace.h"

typedef struct _EVENT_ROW {
    UINT32 Code;
    /** Its numbers are statuses. */
    BOOLEAN Statuses;
    /** 0: every one is written. */
    UINT32 IntervalSeconds;
    const char *Text;
} EVENT_ROW;

#define EVENT_ROW_OF(Name, RowCode, RowStatuses, Interval, RowText) \
    [Event##Name] = {.Code = RowCode, .Statuses = RowStatuses, .IntervalSeconds = Interval, .Text = RowText},
static const EVENT_ROW Rows[] = {EBPF_EVENT_ROWS(EVENT_ROW_OF)};

/** Of one event: when it may come again (PlatformBootTime), and how often it came before that. */
typedef struct _EVENT_STATE {
    UINT64 NextTime;
    UINT64 LeftOut;
} EVENT_STATE;

static EBPF_LOCK Lock;
static EVENT_STATE States[EventCount];

/** Whether it is written, and how many were not since the last that was. */
static BOOLEAN
Admit(EBPF_EVENT Event, UINT64 *LeftOut)
{
    UINT64 Now = PlatformBootTime();
    EBPF_IRQL Irql = LockAcquire(&Lock);
    EVENT_STATE *State = &States[Event];
    BOOLEAN Due = Now >= State->NextTime;
    *LeftOut = State->LeftOut;
    State->LeftOut = Due ? 0 : State->LeftOut + 1;
    if (Due)
        State->NextTime = Now + (UINT64)Rows[Event].IntervalSeconds * 1000000000;
    LockRelease(&Lock, Irql);
    return Due;
}

/** The line of one whose numbers are texts already: %2 is the first of them, as in Windows' messages. */
static VOID
Trace(const char *Text, const char *const *Inserts, UINT32 Count)
{
    static const char Prefix[] = "EbpfCore: ";
    UINT8 Line[TRACE_LINE_BYTES];
    UINT32 Length = sizeof(Prefix) - 1;
    memcpy(Line, Prefix, Length);
    for (; *Text != 0 && Length < sizeof(Line); Text++) {
        UINT32 Index = *Text == '%' ? (UINT32)(UINT8)Text[1] - '2' : Count;
        if (Index >= Count) {
            Line[Length++] = (UINT8)*Text;
            continue;
        }
        for (const char *Insert = Inserts[Index]; *Insert != 0 && Length < sizeof(Line); Insert++)
            Line[Length++] = (UINT8)*Insert;
        Text++;
    }
    TraceWrite(Line, Length);
}

/** A number of 64 bits has 20 digits at most. */
#define INSERT_BYTES 24

_Use_decl_annotations_
VOID
EventWrite(EBPF_EVENT Event, const UINT64 *Numbers, UINT32 NumberCount)
{
    static const UINT8 Decimal[] = "%llu", Status[] = "0x%08x";
    const EVENT_ROW *Row = &Rows[Event];
    char Texts[EVENT_MAXIMUM_NUMBERS][INSERT_BYTES];
    const char *Inserts[EVENT_MAXIMUM_NUMBERS];
    UINT64 LeftOut;
    UINT32 Count = 0;
    if (!Admit(Event, &LeftOut))
        return;
    for (; Count < NumberCount + (Row->IntervalSeconds != 0) && Count < EVENT_MAXIMUM_NUMBERS; Count++) {
        UINT8 Line[TRACE_LINE_BYTES];
        const UINT64 *Number = Count < NumberCount ? &Numbers[Count] : &LeftOut;
        UINT32 Length = Row->Statuses ? TraceFormat(Line, Status, sizeof(Status), Number, 1)
                                      : TraceFormat(Line, Decimal, sizeof(Decimal), Number, 1);
        memcpy(Texts[Count], Line, Length);
        Texts[Count][Length] = 0;
        Inserts[Count] = Texts[Count];
    }
    if (!PlatformLogEvent(Row->Code, Inserts, Count))
        Trace(Row->Text, Inserts, Count);
}
