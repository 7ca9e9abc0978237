// Events on Windows: entries of the System log, which wait in memory until the log's service takes them.
#include "platform.h"

C_ASSERT(sizeof(IO_ERROR_LOG_PACKET) == 48 && offsetof(IO_ERROR_LOG_PACKET, ErrorCode) == 12);

static DRIVER_OBJECT *EventSource;

_Use_decl_annotations_
VOID
WindowsSetEventSource(DRIVER_OBJECT *Driver)
{
    EventSource = Driver;
}

/**
 * Windows frees the entry.
 *
 *   | IO_ERROR_LOG_PACKET | the first text of UTF-16, with its 0 | the second | ...
 */
_Use_decl_annotations_
BOOLEAN
PlatformLogEvent(UINT32 Code, const char *const *Inserts, UINT32 InsertCount)
{
    SIZE_T Total = sizeof(IO_ERROR_LOG_PACKET);
    for (UINT32 Index = 0; Index < InsertCount; Index++)
        Total += (strlen(Inserts[Index]) + 1) * sizeof(WCHAR);
    if (Total > ERROR_LOG_MAXIMUM_SIZE)
        return FALSE;
    // Wine has none.
    IO_ERROR_LOG_PACKET *Packet = IoAllocateErrorLogEntry(EventSource, (UCHAR)Total);
    if (Packet == NULL)
        return FALSE;
    memset(Packet, 0, Total);
    Packet->ErrorCode = (NTSTATUS)Code;
    Packet->NumberOfStrings = (USHORT)InsertCount;
    Packet->StringOffset = sizeof(*Packet);
    WCHAR *Place = (WCHAR *)(Packet + 1);
    for (UINT32 Index = 0; Index < InsertCount; Index++) {
        const char *Insert = Inserts[Index];
        do
            *Place++ = (UINT8)*Insert;
        while (*Insert++ != 0);
    }
    IoWriteErrorLogEntry(Packet);
    return TRUE;
}
