// A client of EbpfCore.sys: each line of its input is a request, `CODE CAPACITY HEX` in hexadecimal, decimal and hexadecimal
// digits, each line of its output the answer, `ERROR HEX`: Windows' error number, then the reply. Every open of a device
// is a line `open NAME` before, `close` closes it. It knows the names of no request.
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAXIMUM_LINE (4u << 20)

static BYTE *Buffer, *Reply;
static char *Line;

static DWORD
ParseHex(const char *Text, BYTE *Bytes)
{
    DWORD Length = 0;
    unsigned int Byte;
    for (; sscanf(Text, "%2x", &Byte) == 1; Text += 2)
        Bytes[Length++] = (BYTE)Byte;
    return Length;
}

static void
Answer(DWORD Error, DWORD Length)
{
    printf("%lu ", Error);
    for (DWORD Index = 0; Index < Length; Index++)
        printf("%02x", Reply[Index]);
    printf("\n");
    fflush(stdout);
}

static void
Ask(HANDLE Device)
{
    char *End;
    DWORD Returned = 0;
    DWORD Code = strtoul(Line, &End, 16);
    DWORD Capacity = strtoul(End, &End, 10);
    while (*End == ' ')
        End++;
    DWORD Length = ParseHex(End, Buffer);
    BOOL Good = Capacity <= MAXIMUM_LINE &&
                DeviceIoControl(Device, Code, Buffer, Length, Reply, Capacity, &Returned, NULL);
    Answer(Good ? 0 : GetLastError(), Good ? Returned : 0);
}

int
main(void)
{
    HANDLE Device = INVALID_HANDLE_VALUE;
    Buffer = malloc(MAXIMUM_LINE);
    Reply = malloc(MAXIMUM_LINE);
    Line = malloc(MAXIMUM_LINE);
    if (Buffer == NULL || Reply == NULL || Line == NULL)
        return 1;
    while (fgets(Line, MAXIMUM_LINE, stdin) != NULL) {
        if (strncmp(Line, "open ", 5) == 0) {
            char Path[64];
            Line[strcspn(Line, "\r\n")] = 0;
            snprintf(Path, sizeof(Path), "\\\\.\\%s", Line + strlen("open "));
            Device = CreateFileA(Path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
            Answer(Device == INVALID_HANDLE_VALUE ? GetLastError() : 0, 0);
        } else if (strncmp(Line, "close", 5) == 0) {
            Answer(CloseHandle(Device) ? 0 : GetLastError(), 0);
        } else {
            Ask(Device);
        }
    }
    return 0;
}
