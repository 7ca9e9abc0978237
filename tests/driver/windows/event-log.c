// What driver/windows/event-log.c gives to Windows, whose two functions are played here: prints each entry's bytes. Wine has no
// such log to read them from.
#include "platform.h"

#include <stdio.h>
#include <stdlib.h>

static UINT8 Entry[256];
static UINT32 Size;
static BOOLEAN Refuses;
static DRIVER_OBJECT Driver;

static PVOID NTAPI
Allocate(PVOID Object, UCHAR SizeBytes)
{
    // What is there before is not zeros, and what is behind stays as it is.
    memset(Entry, 0xa5, sizeof(Entry));
    Size = SizeBytes;
    return Refuses || Object != &Driver ? NULL : Entry;
}

static VOID NTAPI
Write(PVOID Given)
{
    for (UINT32 Index = 0; Given == Entry && Index < sizeof(Entry); Index++)
        printf("%02x", Entry[Index]);
    printf(" %u\n", Size);
}

PVOID(NTAPI *__imp_IoAllocateErrorLogEntry)(PVOID, UCHAR) = Allocate;
VOID(NTAPI *__imp_IoWriteErrorLogEntry)(PVOID) = Write;

/** Arguments: the code, and texts. */
int
main(int Count, char **Arguments)
{
    UINT32 Code = (UINT32)strtoul(Arguments[1], NULL, 16);
    WindowsSetEventSource(&Driver);
    BOOLEAN Taken = PlatformLogEvent(Code, (const char *const *)&Arguments[2], (UINT32)Count - 2);
    Refuses = TRUE;
    printf("%d %d\n", Taken, PlatformLogEvent(Code, NULL, 0));
    return 0;
}
