// A test double of WinDivert.dll: its exports, limits, error codes and the rules of its queue, with the network played by
// calls (Double...). The same file makes WinDivert.dll for Wine and a shared object for Linux, which brings along the few
// functions of Windows that a client of WinDivert waits with. What it knows of WinDivert is its documentation.
//
// The "driver" is a block of memory. Where it is a file (DoubleUse, or WINDIVERT_DOUBLE in the environment) several
// processes see one driver, those of Wine and those of Linux, and it outlives them: what a process that died had open is
// closed for it, as Windows does, as soon as another of its system asks for something.
#ifndef _WIN32
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <winsock2.h>
#include <ws2ipdef.h>
#include <iphlpapi.h>
#include <stddef.h>
// The adapter's row that core/net/windivert/adapter.ts reads.
_Static_assert(offsetof(MIB_IF_ROW2, InterfaceIndex) == 8 && offsetof(MIB_IF_ROW2, PhysicalAddressLength) == 1056, "");
_Static_assert(offsetof(MIB_IF_ROW2, PhysicalAddress) == 1060 && sizeof(MIB_IF_ROW2) == 1352, "");
#define EXPORT __declspec(dllexport)
#else
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#define EXPORT __attribute__((visibility("default")))
#endif

enum { NOT_FOUND = 2, INVALID_PARAMETER = 87, INVALID_HANDLE_VALUE_ERROR = 6, PIPE_IS_EMPTY = 232, IO_IS_PENDING = 997 };
enum { STATUS_OK = 0, STATUS_WAIT = 0x103 };
#define STATUS_PIPE_EMPTY_VALUE 0xC00000D9u
#define STATUS_CANCELLED_VALUE 0xC0000120u
enum { HANDLES = 4, FIRST_HANDLE = 0x140, FILTER = 8192, LARGEST = 40 + 0xffff, ADDRESS = 80, BATCH = 255 };
enum { QUEUE_BYTES = 4 << 20, OUTPUT_BYTES = 32 << 20 };
enum { F_OUTBOUND = 0x20000, F_LOOPBACK = 0x40000, F_IMPOSTOR = 0x80000, F_IPV6 = 0x100000, F_CHECKSUMS = 0xE00000 };
// How a packet got on: nobody asked for it; sent by a client; given back by the driver, whose client had gone.
enum { UNTOUCHED = 0, SENT = 1, RELEASED = 2 };

// Marks the number of a process as one of Windows, about which Linux knows nothing.
#define OF_WINDOWS 0x80000000u

// ---- What differs between the systems ----
#ifdef _WIN32
static LONGLONG Now(void) { LARGE_INTEGER T; QueryPerformanceCounter(&T); return T.QuadPart; }
static LONGLONG TicksPerMillisecond(void) { LARGE_INTEGER F; QueryPerformanceFrequency(&F); return F.QuadPart / 1000; }
static void Pause(unsigned Milliseconds) { Sleep(Milliseconds); }
static uint32_t Self(void) { return GetCurrentProcessId() | OF_WINDOWS; }
static int IsAlive(uint32_t Process)
{
    DWORD Code = 0;
    HANDLE Opened = Process & OF_WINDOWS ? OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, Process & ~OF_WINDOWS) : NULL;
    if (Opened == NULL) return !(Process & OF_WINDOWS);
    GetExitCodeProcess(Opened, &Code);
    CloseHandle(Opened);
    return Code == STILL_ACTIVE;
}
static void Fail(uint32_t Error) { SetLastError(Error); }
#else
static __thread uint32_t LastError;
static int64_t Now(void) { struct timespec T; clock_gettime(CLOCK_MONOTONIC_RAW, &T); return T.tv_sec * 10000000ll + T.tv_nsec / 100; }
static int64_t TicksPerMillisecond(void) { return 10000; }
static void Pause(unsigned Milliseconds) { usleep(Milliseconds == 0 ? 50 : Milliseconds * 1000); }
static uint32_t Self(void) { return (uint32_t)getpid(); }
static int IsAlive(uint32_t Process) { return Process & OF_WINDOWS || kill((pid_t)Process, 0) == 0 || errno != ESRCH; }
static void Fail(uint32_t Error) { LastError = Error; }
#endif

// ---- The driver's memory ----
typedef struct { uint32_t Length, How; int64_t Time; uint8_t Address[ADDRESS]; } RECORD;
typedef struct { uint32_t Head, Used, Count, Capacity; } RING;
typedef struct {
    uint32_t Owner, Stopped; int32_t Priority; uint64_t Parameter[3];
    char Filter[FILTER]; RING Queue; uint8_t Bytes[QUEUE_BYTES];
} HANDLE_STATE;
typedef struct {
    uint32_t Lock, OpenError, SendError, Stall, Version, Lost, TemplateLength; uint64_t Generate;
    uint8_t Template[LARGEST];
    HANDLE_STATE Handles[HANDLES];
    RING Output; uint8_t OutputBytes[OUTPUT_BYTES];
} DRIVER;

static DRIVER *Driver;

static DRIVER *Use(const char *Path)
{
    if (Driver != NULL) return Driver;
    void *Memory = NULL;
#ifdef _WIN32
    HANDLE File = INVALID_HANDLE_VALUE;
    if (Path != NULL) File = CreateFileA(Path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, 0, NULL);
    HANDLE Mapping = CreateFileMappingA(File, NULL, PAGE_READWRITE, 0, sizeof(DRIVER), NULL);
    Memory = MapViewOfFile(Mapping, FILE_MAP_ALL_ACCESS, 0, 0, sizeof(DRIVER));
    if (Memory == NULL) abort();
#else
    int File = Path == NULL ? -1 : open(Path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (File >= 0 && ftruncate(File, sizeof(DRIVER)) != 0) abort();
    Memory = mmap(NULL, sizeof(DRIVER), PROT_READ | PROT_WRITE, File < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, File, 0);
    if (File >= 0) close(File);
    if (Memory == MAP_FAILED) abort();
#endif
    Driver = Memory;
    for (int Index = 0; Index < HANDLES; Index++) Driver->Handles[Index].Queue.Capacity = QUEUE_BYTES;
    Driver->Output.Capacity = OUTPUT_BYTES;
    if (Driver->Version == 0) Driver->Version = 0x00020002;
    return Driver;
}

// The lock holds who has it, so that a process that was killed within does not keep it.
static void Enter(void)
{
    DRIVER *D = Use(getenv("WINDIVERT_DOUBLE"));
    for (;;) {
        uint32_t Owner = 0;
        if (__atomic_compare_exchange_n(&D->Lock, &Owner, Self(), 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
        if (Owner != Self() && !IsAlive(Owner)) __atomic_compare_exchange_n(&D->Lock, &Owner, 0, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        else Pause(0);
    }
}
static void Leave(void) { __atomic_store_n(&Driver->Lock, 0, __ATOMIC_RELEASE); }

static void Copy(RING *R, uint8_t *Bytes, uint32_t Offset, void *Data, uint32_t Length, int In)
{
    uint32_t At = (R->Head + Offset) % R->Capacity, First = R->Capacity - At < Length ? R->Capacity - At : Length;
    uint8_t *D = Data;
    if (In) { memcpy(Bytes + At, D, First); memcpy(Bytes, D + First, Length - First); }
    else { memcpy(D, Bytes + At, First); memcpy(D + First, Bytes, Length - First); }
}
static int Put(RING *R, uint8_t *Bytes, RECORD *Record, const void *Packet)
{
    if (R->Capacity - R->Used < sizeof(*Record) + Record->Length) return 0;
    Copy(R, Bytes, R->Used, Record, sizeof(*Record), 1);
    Copy(R, Bytes, R->Used + sizeof(*Record), (void *)Packet, Record->Length, 1);
    R->Used += sizeof(*Record) + Record->Length;
    R->Count += 1;
    return 1;
}
static int Peek(RING *R, uint8_t *Bytes, RECORD *Record)
{
    if (R->Count == 0) return 0;
    Copy(R, Bytes, 0, Record, sizeof(*Record), 0);
    return 1;
}
static void Take(RING *R, uint8_t *Bytes, const RECORD *Record, void *Packet, uint32_t Capacity)
{
    if (Packet != NULL) Copy(R, Bytes, sizeof(*Record), Packet, Record->Length < Capacity ? Record->Length : Capacity, 0);
    uint32_t Length = sizeof(*Record) + Record->Length;
    R->Head = (R->Head + Length) % R->Capacity;
    R->Used -= Length;
    R->Count -= 1;
}
static void GetOn(RECORD *Record, const void *Packet, uint32_t How)
{
    Record->How = How;
    if (!Put(&Driver->Output, Driver->OutputBytes, Record, Packet)) Driver->Lost += 1;
}

// ---- Packets and filters ----
static uint32_t Big(const uint8_t *At) { return (uint32_t)At[0] << 8 | At[1]; }
static uint32_t PacketLength(const uint8_t *Packet, uint32_t Left)
{
    if (Left < 20) return 0;
    uint32_t Length = Packet[0] >> 4 == 4 ? Big(Packet + 2) : Packet[0] >> 4 == 6 && Left >= 40 ? 40 + Big(Packet + 4) : 0;
    return Length < 20 || Length > Left ? 0 : Length;
}

typedef struct { const uint8_t *Packet; uint32_t Length, Flags, Interface; } SEEN;
typedef struct { const char *Text, *At, *Error; const SEEN *Seen; } PARSER;

// The value of a field, or -1 where the packet has no such header.
static int64_t Field(const char *Name, const SEEN *S, int *Known)
{
    int V4 = S->Packet[0] >> 4 == 4;
    uint32_t Header = V4 ? (S->Packet[0] & 15u) * 4 : 40, Protocol = V4 ? S->Packet[9] : S->Packet[6];
    const uint8_t *T = S->Packet + Header;
    int HasUdp = Protocol == 17 && S->Length >= Header + 8, HasTcp = Protocol == 6 && S->Length >= Header + 20;
    const struct { const char *Name; int64_t Value; } FIELDS[] = {
        {"true", 1}, {"false", 0}, {"inbound", (S->Flags & F_OUTBOUND) == 0}, {"outbound", (S->Flags & F_OUTBOUND) != 0},
        {"loopback", (S->Flags & F_LOOPBACK) != 0}, {"impostor", (S->Flags & F_IMPOSTOR) != 0}, {"ifIdx", S->Interface},
        {"length", S->Length}, {"ip", V4}, {"ipv6", !V4}, {"icmp", V4 && Protocol == 1}, {"icmpv6", !V4 && Protocol == 58},
        {"udp", HasUdp}, {"tcp", HasTcp}, {"udp.SrcPort", HasUdp ? (int64_t)Big(T) : -1}, {"udp.DstPort", HasUdp ? (int64_t)Big(T + 2) : -1},
        {"udp.PayloadLength", HasUdp ? (int64_t)Big(T + 4) - 8 : -1}, {"tcp.SrcPort", HasTcp ? (int64_t)Big(T) : -1},
        {"tcp.DstPort", HasTcp ? (int64_t)Big(T + 2) : -1},
    };
    for (unsigned Index = 0; Index < sizeof(FIELDS) / sizeof(*FIELDS); Index++)
        if (strcmp(FIELDS[Index].Name, Name) == 0) return *Known = 1, FIELDS[Index].Value;
    return *Known = 0;
}
static void Skip(PARSER *P) { while (*P->At == ' ') P->At++; }
static int IsLetter(char C) { return (C | 32) >= 'a' && (C | 32) <= 'z'; }
static int IsName(char C) { return IsLetter(C) || (C >= '0' && C <= '9') || C == '.'; }
static int Word(PARSER *P, const char *Word)
{
    Skip(P);
    size_t Length = strlen(Word);
    if (strncmp(P->At, Word, Length) != 0) return 0;
    if (IsLetter(Word[0]) && IsName(P->At[Length])) return 0;
    return P->At += Length, 1;
}
static int Or(PARSER *P);
static int Test(PARSER *P)
{
    if (Word(P, "not") || Word(P, "!")) return !Test(P);
    if (Word(P, "(")) {
        int Value = Or(P);
        if (!P->Error && !Word(P, ")")) P->Error = "expected a closing parenthesis";
        return Value;
    }
    char Name[32]; size_t Length = 0; int Known = 0;
    Skip(P);
    for (; Length < 31 && IsName(P->At[Length]); Length++) Name[Length] = P->At[Length];
    Name[Length] = 0;
    int64_t Value = Field(Name, P->Seen, &Known);
    if (!Known) { if (!P->Error) P->Error = "the filter contains a bad token"; return 0; }
    P->At += Length;
    static const char *OPERATORS[] = {"==", "!=", "<=", ">=", "<", ">"};
    for (int Index = 0; Index < 6; Index++) {
        if (!Word(P, OPERATORS[Index])) continue;
        char *End;
        Skip(P);
        int64_t Number = strtoll(P->At, &End, 0);
        if (End == P->At) { P->Error = "expected a number"; return 0; }
        P->At = End;
        int Results[] = {Value == Number, Value != Number, Value <= Number, Value >= Number, Value < Number, Value > Number};
        return Value >= 0 && Results[Index];
    }
    return Value > 0;
}
static int And(PARSER *P) { int Value = Test(P); while (!P->Error && (Word(P, "and") || Word(P, "&&"))) Value &= Test(P); return Value; }
static int Or(PARSER *P) { int Value = And(P); while (!P->Error && (Word(P, "or") || Word(P, "||"))) Value |= And(P); return Value; }
static int Evaluate(PARSER *P)
{
    P->At = P->Text;
    int Value = Or(P);
    Skip(P);
    if (!P->Error && *P->At != 0) P->Error = "the filter contains an unexpected token";
    return Value;
}

EXPORT int WinDivertHelperCompileFilter(const char *Filter, int Layer, void *Object, uint32_t Length, const char **Error, uint32_t *Position)
{
    static const uint8_t NONE[60] = {0x45};
    SEEN Seen = {NONE, 60, 0, 0};
    PARSER P = {Filter, Filter, NULL, &Seen};
    (void)Object; (void)Length;
    if (Layer != 0) return Fail(INVALID_PARAMETER), 0;
    Evaluate(&P);
    unsigned Terms = 1;
    for (const char *C = Filter; *C; C++) Terms += strncmp(C, " or ", 4) == 0 || strncmp(C, " and ", 5) == 0;
    if (!P.Error && Terms > 256) P.Error = "the filter is too long";
    if (Error != NULL) *Error = P.Error == NULL ? "No error" : P.Error;
    if (Position != NULL) *Position = P.Error == NULL ? 0 : (uint32_t)(P.At - P.Text);
    if (P.Error != NULL) Fail(INVALID_PARAMETER);
    return P.Error == NULL;
}

// ---- Handles ----
typedef struct { uint64_t Status, Bytes, Offset; void *Event; } WAITING;
typedef struct { uint8_t *Packets; uint32_t Length, *Got; uint8_t *Addresses; uint32_t *AddressLength; WAITING *Waiting; } REQUEST;
static REQUEST Pending[HANDLES];

#ifdef _WIN32
static void Signal(void *Event) { SetEvent(Event); }
static void Unsignal(void *Event) { ResetEvent(Event); }
#else
static void Signal(void *Event) { __atomic_store_n((int *)Event, 1, __ATOMIC_RELEASE); }
static void Unsignal(void *Event) { __atomic_store_n((int *)Event, 0, __ATOMIC_RELEASE); }
#endif

static HANDLE_STATE *State(intptr_t Handle)
{
    if (Handle < FIRST_HANDLE || Handle >= FIRST_HANDLE + HANDLES) return NULL;
    HANDLE_STATE *H = &Driver->Handles[Handle - FIRST_HANDLE];
    return H->Owner == Self() ? H : NULL;
}
static int IsOld(const HANDLE_STATE *H, const RECORD *Record) { return Now() - Record->Time > (int64_t)H->Parameter[1] * TicksPerMillisecond(); }

static void ReleaseHandle(HANDLE_STATE *H)
{
    static uint8_t Packet[LARGEST];
    RECORD Record;
    while (Peek(&H->Queue, H->Bytes, &Record)) {
        Take(&H->Queue, H->Bytes, &Record, Packet, LARGEST);
        if (!IsOld(H, &Record)) GetOn(&Record, Packet, RELEASED);
    }
    H->Owner = 0;
}
static void ReleaseDead(void)
{
    for (int Index = 0; Index < HANDLES; Index++) {
        HANDLE_STATE *H = &Driver->Handles[Index];
        if (H->Owner != 0 && !IsAlive(H->Owner)) ReleaseHandle(H);
    }
}

// As many packets as the request has room for; a reader that waited gets one.
static uint32_t Fill(HANDLE_STATE *H, REQUEST *R, uint32_t Limit)
{
    uint32_t Capacity = R->AddressLength == NULL ? 1 : *R->AddressLength / ADDRESS, Count = 0, Bytes = 0;
    RECORD Record;
    if (Capacity > BATCH) Capacity = BATCH;
    if (Capacity > Limit) Capacity = Limit;
    while (Count < Capacity && Peek(&H->Queue, H->Bytes, &Record)) {
        if (IsOld(H, &Record)) { Take(&H->Queue, H->Bytes, &Record, NULL, 0); Driver->Lost += 1; continue; }
        if (Count > 0 && Bytes + Record.Length > R->Length) break;
        Take(&H->Queue, H->Bytes, &Record, R->Packets + Bytes, R->Length - Bytes);
        memcpy(R->Addresses + Count * ADDRESS, Record.Address, ADDRESS);
        Bytes += Record.Length < R->Length - Bytes ? Record.Length : R->Length - Bytes;
        Count += 1;
    }
    while (Driver->Generate > 0 && Count < Capacity && Bytes + Driver->TemplateLength <= R->Length) {
        memcpy(R->Packets + Bytes, Driver->Template, Driver->TemplateLength);
        uint8_t *A = R->Addresses + Count * ADDRESS;
        memset(A, 0, ADDRESS);
        *(int64_t *)A = Now();
        Bytes += Driver->TemplateLength, Count += 1, Driver->Generate -= 1;
    }
    if (Count == 0) return 0;
    if (R->AddressLength != NULL) *R->AddressLength = Count * ADDRESS;
    if (R->Got != NULL) *R->Got = Bytes;
    if (R->Waiting != NULL) { R->Waiting->Bytes = Bytes; R->Waiting->Status = STATUS_OK; }
    return Count;
}
static void Complete(int Index)
{
    REQUEST *R = &Pending[Index];
    HANDLE_STATE *H = &Driver->Handles[Index];
    if (R->Waiting == NULL) return;
    if (Fill(H, R, 1) == 0) {
        if (!H->Stopped) return;
        R->Waiting->Status = STATUS_PIPE_EMPTY_VALUE;
    }
    void *Event = R->Waiting->Event;
    R->Waiting = NULL;
    Signal(Event);
}

#ifdef _WIN32
// Packets may come by another process, which cannot answer a request of this one.
static DWORD WINAPI Pump(void *Unused)
{
    (void)Unused;
    for (;;) {
        Enter();
        for (int Index = 0; Index < HANDLES; Index++) Complete(Index);
        Leave();
        Sleep(1);
    }
    return 0;
}
static void StartPump(void)
{
    static LONG Started;
    if (InterlockedExchange(&Started, 1) == 0) CloseHandle(CreateThread(NULL, 0, Pump, NULL, 0, NULL));
}
#else
// Here WaitForSingleObject looks.
static void StartPump(void) { }
#endif

EXPORT intptr_t WinDivertOpen(const char *Filter, int Layer, int16_t Priority, uint64_t Flags)
{
    static const uint64_t PARAMETERS[] = {4096, 2000, 4 << 20};
    Enter();
    uint32_t Error = Driver->OpenError;
    intptr_t Handle = -1;
    if (Error == 0 && (Flags != 0 || Priority < -30000 || Priority > 30000 || strlen(Filter) >= FILTER || !WinDivertHelperCompileFilter(Filter, Layer, NULL, 0, NULL, NULL))) Error = INVALID_PARAMETER;
    ReleaseDead();
    for (int Index = 0; Error == 0 && Handle < 0 && Index < HANDLES; Index++) {
        HANDLE_STATE *H = &Driver->Handles[Index];
        if (H->Owner != 0) continue;
        H->Owner = Self(), H->Stopped = 0, H->Priority = Priority;
        H->Queue.Head = H->Queue.Used = H->Queue.Count = 0;
        memcpy(H->Parameter, PARAMETERS, sizeof(PARAMETERS));
        strcpy(H->Filter, Filter);
        Handle = FIRST_HANDLE + Index;
    }
    Leave();
    if (Handle < 0) Fail(Error == 0 ? NOT_FOUND : Error);
    return Handle;
}
EXPORT int WinDivertRecvEx(intptr_t Handle, void *Packets, uint32_t Length, uint32_t *Got, uint64_t Flags, void *Addresses, uint32_t *AddressLength, WAITING *Waiting)
{
    REQUEST R = {Packets, Length, Got, Addresses, AddressLength, Waiting};
    for (;;) {
        Enter();
        HANDLE_STATE *H = State(Handle);
        if (H == NULL || Flags != 0) return Leave(), Fail(H == NULL ? INVALID_HANDLE_VALUE_ERROR : INVALID_PARAMETER), 0;
        if (Fill(H, &R, BATCH) > 0) return Leave(), 1;
        if (H->Stopped) return Leave(), Fail(PIPE_IS_EMPTY), 0;
        if (Waiting != NULL) {
            Waiting->Status = STATUS_WAIT;
            Unsignal(Waiting->Event);
            Pending[Handle - FIRST_HANDLE] = R;
            return Leave(), StartPump(), Fail(IO_IS_PENDING), 0;
        }
        Leave();
        Pause(1);
    }
}
EXPORT int WinDivertSendEx(intptr_t Handle, const uint8_t *Packets, uint32_t Length, uint32_t *Sent, uint64_t Flags, const uint8_t *Addresses, uint32_t AddressLength, void *Waiting)
{
    uint32_t At = 0, Index = 0, Error = 0;
    Enter();
    uint32_t Stall = Driver->Stall;
    Driver->Stall = 0;
    Error = Driver->SendError;
    Driver->SendError = 0;
    if (State(Handle) == NULL || Flags != 0 || Waiting != NULL) Error = INVALID_HANDLE_VALUE_ERROR;
    for (; Error == 0 && At < Length; Index++) {
        uint32_t Size = PacketLength(Packets + At, Length - At);
        if (Size == 0 || Index >= BATCH || (Index + 1) * ADDRESS > AddressLength) { Error = INVALID_PARAMETER; break; }
        RECORD Record = {Size, SENT, Now(), {0}};
        memcpy(Record.Address, Addresses + Index * ADDRESS, ADDRESS);
        if (Driver->Generate == 0 && Driver->TemplateLength == 0) GetOn(&Record, Packets + At, SENT);
        At += Size;
    }
    Leave();
    if (Stall > 0) Pause(Stall);
    if (Sent != NULL) *Sent = At;
    if (Error != 0) Fail(Error);
    return Error == 0;
}
EXPORT int WinDivertShutdown(intptr_t Handle, int How)
{
    Enter();
    HANDLE_STATE *H = State(Handle);
    if (H != NULL) { H->Stopped |= How & 1; Complete((int)(Handle - FIRST_HANDLE)); }
    Leave();
    return H != NULL ? 1 : (Fail(INVALID_HANDLE_VALUE_ERROR), 0);
}
EXPORT int WinDivertClose(intptr_t Handle)
{
    Enter();
    HANDLE_STATE *H = State(Handle);
    if (H != NULL) {
        WAITING *Waiting = Pending[Handle - FIRST_HANDLE].Waiting;
        Pending[Handle - FIRST_HANDLE].Waiting = NULL;
        if (Waiting != NULL) { Waiting->Status = STATUS_CANCELLED_VALUE; Signal(Waiting->Event); }
        ReleaseHandle(H);
    }
    Leave();
    return H != NULL ? 1 : (Fail(INVALID_HANDLE_VALUE_ERROR), 0);
}
EXPORT int WinDivertSetParam(intptr_t Handle, int Parameter, uint64_t Value)
{
    static const uint64_t LIMITS[3][2] = {{32, 16384}, {100, 16000}, {65535, 33554432}};
    Enter();
    HANDLE_STATE *H = State(Handle);
    int Good = H != NULL && Parameter >= 0 && Parameter < 3 && Value >= LIMITS[Parameter][0] && Value <= LIMITS[Parameter][1];
    if (Good) H->Parameter[Parameter] = Value;
    Leave();
    return Good ? 1 : (Fail(INVALID_PARAMETER), 0);
}
EXPORT int WinDivertGetParam(intptr_t Handle, int Parameter, uint64_t *Value)
{
    Enter();
    HANDLE_STATE *H = State(Handle);
    int Good = H != NULL && Parameter >= 0 && Parameter < 5;
    if (Good) *Value = Parameter < 3 ? H->Parameter[Parameter] : Parameter == 3 ? Driver->Version >> 16 : Driver->Version & 0xffff;
    Leave();
    return Good ? 1 : (Fail(INVALID_PARAMETER), 0);
}

// ---- The network, and what else tests ask for ----
EXPORT void DoubleUse(const char *Path) { Use(Path); }
/** The error of every WinDivertOpen from now on; 0: none. */
EXPORT void DoubleFailOpen(uint32_t Error) { Enter(); Driver->OpenError = Error; Leave(); }
/** The error of the next WinDivertSendEx, which then sends nothing. */
EXPORT void DoubleFailSend(uint32_t Error) { Enter(); Driver->SendError = Error; Leave(); }
/** The next WinDivertSendEx takes that long. */
EXPORT void DoubleStall(uint32_t Milliseconds) { Enter(); Driver->Stall = Milliseconds; Leave(); }
EXPORT void DoubleVersion(uint32_t Major, uint32_t Minor) { Enter(); Driver->Version = Major << 16 | Minor; Leave(); }
/** Packets that a queue had no room or time for. */
EXPORT uint32_t DoubleLost(void) { Enter(); uint32_t Lost = Driver->Lost; Leave(); return Lost; }
/** That many copies of a packet are always waiting for whoever has a handle; what is sent goes nowhere. */
EXPORT void DoubleGenerate(const void *Packet, uint32_t Length, uint64_t Count)
{
    Enter();
    memcpy(Driver->Template, Packet, Length);
    Driver->TemplateLength = Length, Driver->Generate = Count;
    Leave();
}
EXPORT uint64_t DoubleGenerated(void) { Enter(); uint64_t Left = Driver->Generate; Leave(); return Left; }
/** The filter and parameters of the first handle that is open, and its priority; 0 if none is. */
EXPORT int DoubleOpened(char *Filter, uint32_t Capacity, uint64_t *Values)
{
    Enter();
    ReleaseDead();
    int Count = 0;
    for (int Index = HANDLES - 1; Index >= 0; Index--) {
        const HANDLE_STATE *H = &Driver->Handles[Index];
        if (H->Owner == 0) continue;
        Count += 1;
        strncpy(Filter, H->Filter, Capacity - 1);
        Filter[Capacity - 1] = 0;
        memcpy(Values, H->Parameter, sizeof(H->Parameter));
        Values[3] = (uint64_t)(int64_t)H->Priority;
        Values[4] = H->Queue.Count;
    }
    Leave();
    return Count;
}
/** A packet comes by: it is queued for the handle of the highest priority whose filter takes it, or goes on. */
EXPORT void DoubleArrive(const uint8_t *Packet, uint32_t Length, uint32_t Flags, uint32_t Interface)
{
    RECORD Record = {Length, UNTOUCHED, Now(), {0}}, Oldest;
    if (Packet[0] >> 4 == 6) Flags |= F_IPV6;
    memcpy(Record.Address, &Record.Time, 8);
    memcpy(Record.Address + 8, &Flags, 4);
    memcpy(Record.Address + 16, &Interface, 4);
    SEEN Seen = {Packet, Length, Flags, Interface};
    HANDLE_STATE *Best = NULL;
    Enter();
    ReleaseDead();
    for (int Index = 0; Index < HANDLES; Index++) {
        HANDLE_STATE *H = &Driver->Handles[Index];
        PARSER P = {H->Filter, H->Filter, NULL, &Seen};
        if (H->Owner == 0 || H->Stopped || (Best != NULL && Best->Priority >= H->Priority)) continue;
        if (Evaluate(&P) && P.Error == NULL) Best = H;
    }
    if (Best == NULL) GetOn(&Record, Packet, UNTOUCHED);
    else {
        RING *Q = &Best->Queue;
        while (Q->Count > 0 && (Q->Count >= Best->Parameter[0] || Q->Used + Length + 2 * sizeof(Record) > QUEUE_BYTES || Q->Used - Q->Count * sizeof(Record) + Length > Best->Parameter[2])) {
            Peek(Q, Best->Bytes, &Oldest);
            Take(Q, Best->Bytes, &Oldest, NULL, 0);
            Driver->Lost += 1;
        }
        Put(Q, Best->Bytes, &Record, Packet);
        Complete((int)(Best - Driver->Handles));
    }
    Leave();
}
/** The next packet that got on, its address and how; its length, or -1 if there is none. */
EXPORT int DoubleDepart(void *Packet, uint32_t Capacity, void *Address, uint32_t *How)
{
    RECORD Record;
    int Length = -1;
    Enter();
    ReleaseDead();
    if (Peek(&Driver->Output, Driver->OutputBytes, &Record)) {
        Take(&Driver->Output, Driver->OutputBytes, &Record, Packet, Capacity);
        memcpy(Address, Record.Address, ADDRESS);
        *How = Record.How;
        Length = (int)Record.Length;
    }
    Leave();
    return Length;
}

// ---- On Linux: what a client asks Windows for ----
#ifndef _WIN32
EXPORT uint32_t GetLastError(void) { return LastError; }
EXPORT intptr_t CreateEventW(void *Security, int Manual, int Initial, void *Name)
{
    (void)Security; (void)Manual; (void)Name;
    int *Event = malloc(sizeof(*Event));
    *Event = Initial;
    return (intptr_t)Event;
}
EXPORT uint32_t WaitForSingleObject(intptr_t Event, uint32_t Milliseconds)
{
    int64_t End = Now() + Milliseconds * TicksPerMillisecond();
    for (;;) {
        if (__atomic_load_n((int *)Event, __ATOMIC_ACQUIRE)) return 0;
        Enter();
        for (int Index = 0; Index < HANDLES; Index++) Complete(Index);
        Leave();
        if (__atomic_load_n((int *)Event, __ATOMIC_ACQUIRE)) return 0;
        if (Now() > End) return 258;
        Pause(0);
    }
}
EXPORT int CloseHandle(intptr_t Event) { free((void *)Event); return 1; }
EXPORT int QueryPerformanceCounter(int64_t *Counter) { *Counter = Now(); return 1; }
EXPORT int QueryPerformanceFrequency(int64_t *Frequency) { *Frequency = TicksPerMillisecond() * 1000; return 1; }
// One adapter: number 7, "Wi-Fi", 02:aa:bb:cc:dd:07.
EXPORT uint32_t ConvertInterfaceAliasToLuid(const uint16_t *Alias, uint64_t *Luid)
{
    static const uint16_t NAME[] = {'W', 'i', '-', 'F', 'i', 0};
    if (memcmp(Alias, NAME, sizeof(NAME)) != 0) return INVALID_PARAMETER;
    *Luid = 0x47000000000000u;
    return 0;
}
EXPORT uint32_t ConvertInterfaceLuidToIndex(const uint64_t *Luid, uint32_t *Index) { (void)Luid; *Index = 7; return 0; }
EXPORT uint32_t GetIfEntry2(uint8_t *Row)
{
    static const uint8_t MAC[] = {0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0x07};
    if (*(uint32_t *)(Row + 8) != 7) return NOT_FOUND;
    *(uint32_t *)(Row + 1056) = sizeof(MAC);
    memcpy(Row + 1060, MAC, sizeof(MAC));
    return 0;
}
#endif
