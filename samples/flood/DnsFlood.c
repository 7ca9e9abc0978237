// SPDX-License-Identifier: MIT
// DnsFlood: sends UDP datagrams that carry nothing to port 53, as fast as the machine can or at a given rate, to see
// what a server (or a program in front of it) does with them. A tool for one's own test machines: it stops by itself,
// goes to loopback only, to private and documentation networks if that is confirmed with --yes, and nowhere else. It
// uses the system's own address as sender.
//
//     cc -O2 -pthread DnsFlood.c -o DnsFlood                              Linux
//     x86_64-w64-mingw32-gcc -O2 DnsFlood.c -o DnsFlood.exe -lws2_32      Windows
#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#endif
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 64
#define MAX_SECONDS 3600
#define MAX_BATCH 1024
#define MAX_RATE 100000000
// A paced flood sends small batches often: a large one would overflow queues that hold the same rate evenly spread.
#define PACED_BATCH 32
#define NANOSECONDS 1000000000ULL

static const char Usage[] =
    "usage: DnsFlood [--port PORT] [--seconds N] [--rate DATAGRAMS_A_SECOND] [--threads N] [--yes] ADDRESS\n"
    "  ADDRESS    an IPv4 address: loopback, or with --yes one of a private or documentation network\n"
    "  --port     where the datagrams go (53)\n"
    "  --seconds  when to stop, at most 3600 (10)\n"
    "  --rate     at most so many in a second, of all threads together; 0: as many as can be sent (0)\n"
    "  --threads  how many send at once, at most 64 (1)\n"
    "  --yes      the machine with this address is mine to test\n";

typedef struct FLOOD {
    struct sockaddr_in Target;
    uint64_t Seconds;
    uint64_t Rate; // of one thread; 0: no limit
    uint64_t Threads;
} FLOOD;

static FLOOD Flood;
static atomic_bool Stopped;
static atomic_ullong Sent;

// ---- what differs between the systems ------------------------------------------------------------------------------

#ifdef _WIN32
typedef SOCKET SOCKET_HANDLE;
typedef HANDLE THREAD_HANDLE;
#define THREAD_ENTRY DWORD WINAPI
#define THREAD_RESULT 0

static uint64_t ClockNow(void)
{
    LARGE_INTEGER Count, Frequency;
    QueryPerformanceCounter(&Count);
    QueryPerformanceFrequency(&Frequency);
    return (uint64_t)((double)Count.QuadPart * (double)NANOSECONDS / (double)Frequency.QuadPart);
}

// Windows sleeps for a millisecond at least, so less than that is waited for by asking the clock.
static void ClockSleepUntil(uint64_t Time)
{
    for (uint64_t Now = ClockNow(); Now < Time; Now = ClockNow()) {
        if (Time - Now > 2000000) {
            Sleep(1);
        } else {
            YieldProcessor();
        }
    }
}

static BOOL WINAPI StopOnSignal(DWORD Event)
{
    (void)Event;
    atomic_store(&Stopped, true);
    return TRUE;
}

static bool SystemStart(void)
{
    WSADATA Data;
    SetConsoleCtrlHandler(StopOnSignal, TRUE);
    return WSAStartup(MAKEWORD(2, 2), &Data) == 0;
}

static bool SocketOpen(SOCKET_HANDLE *Socket)
{
    *Socket = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, WSA_FLAG_OVERLAPPED);
    return *Socket != INVALID_SOCKET &&
           connect(*Socket, (struct sockaddr *)&Flood.Target, sizeof(Flood.Target)) == 0;
}

static void SocketClose(SOCKET_HANDLE Socket) { closesocket(Socket); }

// Each WSASend is one datagram, however many buffers it is given.
static int SocketSendEmpty(SOCKET_HANDLE Socket, unsigned Count)
{
    unsigned Index;
    for (Index = 0; Index < Count; Index++) {
        WSABUF Buffer = {0, NULL};
        DWORD SentBytes;
        if (WSASend(Socket, &Buffer, 1, &SentBytes, 0, NULL, NULL) != 0) {
            int Error = WSAGetLastError();
            // "Nobody listens there" of an earlier datagram, or no room for this one: neither ends a flood.
            if (Error != WSAECONNRESET && Error != WSAENOBUFS && Error != WSAEWOULDBLOCK) {
                return -1;
            }
            break;
        }
    }
    return (int)Index;
}

static void PrintSystemError(const char *What) { fprintf(stderr, "DnsFlood: %s: error %d\n", What, WSAGetLastError()); }

static bool ThreadStart(THREAD_HANDLE *Thread, LPTHREAD_START_ROUTINE Entry)
{
    *Thread = CreateThread(NULL, 0, Entry, NULL, 0, NULL);
    return *Thread != NULL;
}

static void ThreadJoin(THREAD_HANDLE Thread)
{
    WaitForSingleObject(Thread, INFINITE);
    CloseHandle(Thread);
}
#else
typedef int SOCKET_HANDLE;
typedef pthread_t THREAD_HANDLE;
#define THREAD_ENTRY void *
#define THREAD_RESULT NULL

static uint64_t ClockNow(void)
{
    struct timespec Now;
    clock_gettime(CLOCK_MONOTONIC, &Now);
    return (uint64_t)Now.tv_sec * NANOSECONDS + (uint64_t)Now.tv_nsec;
}

static void ClockSleepUntil(uint64_t Time)
{
    struct timespec Until = {(time_t)(Time / NANOSECONDS), (long)(Time % NANOSECONDS)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &Until, NULL);
}

static void StopOnSignal(int Signal)
{
    (void)Signal;
    atomic_store(&Stopped, true);
}

static bool SystemStart(void)
{
    struct sigaction Action = {.sa_handler = StopOnSignal};
    sigaction(SIGINT, &Action, NULL);
    sigaction(SIGTERM, &Action, NULL);
    return true;
}

static bool SocketOpen(SOCKET_HANDLE *Socket)
{
    *Socket = socket(AF_INET, SOCK_DGRAM, 0);
    return *Socket >= 0 && connect(*Socket, (struct sockaddr *)&Flood.Target, sizeof(Flood.Target)) == 0;
}

static void SocketClose(SOCKET_HANDLE Socket) { close(Socket); }

// A message without buffers is an empty datagram; sendmmsg(2) sends many with one call.
static int SocketSendEmpty(SOCKET_HANDLE Socket, unsigned Count)
{
    static _Thread_local struct mmsghdr Messages[MAX_BATCH];
    int Done = sendmmsg(Socket, Messages, Count, 0);
    if (Done >= 0) {
        return Done;
    }
    // "Nobody listens there" of an earlier datagram, or no room for this one: neither ends a flood.
    return errno == ECONNREFUSED || errno == ENOBUFS || errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void PrintSystemError(const char *What) { fprintf(stderr, "DnsFlood: %s: %s\n", What, strerror(errno)); }

static bool ThreadStart(THREAD_HANDLE *Thread, void *(*Entry)(void *))
{
    return pthread_create(Thread, NULL, Entry, NULL) == 0;
}

static void ThreadJoin(THREAD_HANDLE Thread) { pthread_join(Thread, NULL); }
#endif

// ---- the flood -----------------------------------------------------------------------------------------------------

// Sends until the time is over. With a rate, each batch has its time; batches that are late follow at once, but not by
// more than a tenth of a second, so that a pause does not become a burst.
static THREAD_ENTRY FloodThread(void *Unused)
{
    SOCKET_HANDLE Socket;
    unsigned Batch = Flood.Rate == 0 ? MAX_BATCH : Flood.Rate < 1000 * PACED_BATCH ? 1 + Flood.Rate / 1000 : PACED_BATCH;
    uint64_t Start = ClockNow();
    uint64_t End = Start + Flood.Seconds * NANOSECONDS;
    uint64_t Due = Start;

    (void)Unused;
    if (!SocketOpen(&Socket)) {
        PrintSystemError("the socket cannot be opened");
        atomic_store(&Stopped, true);
        return THREAD_RESULT;
    }
    for (uint64_t Now = Start; Now < End && !atomic_load(&Stopped); Now = ClockNow()) {
        if (Now < Due) {
            ClockSleepUntil(Due < End ? Due : End);
            continue;
        }
        int Done = SocketSendEmpty(Socket, Batch);
        if (Done < 0) {
            PrintSystemError("a datagram cannot be sent");
            atomic_store(&Stopped, true);
            break;
        }
        atomic_fetch_add(&Sent, (unsigned long long)Done);
        if (Flood.Rate != 0) {
            Due = (Due + NANOSECONDS / 10 < Now ? Now : Due) + (uint64_t)Done * NANOSECONDS / Flood.Rate;
        }
    }
    SocketClose(Socket);
    return THREAD_RESULT;
}

// ---- what may be flooded, and what is asked for --------------------------------------------------------------------

typedef struct NETWORK {
    uint32_t Address;
    unsigned PrefixLength;
} NETWORK;

static const NETWORK Loopback = {0x7f000000, 8};

static const NETWORK TestNetworks[] = {
    {0x0a000000, 8},  {0xac100000, 12}, {0xc0a80000, 16},                    // private: RFC 1918
    {0xc0000200, 24}, {0xc6336400, 24}, {0xcb007100, 24}, {0xc6120000, 15}, // documentation, benchmarks: RFC 5737, 2544
};

static bool NetworkHas(const NETWORK *Network, uint32_t Address)
{
    return (Address ^ Network->Address) >> (32 - Network->PrefixLength) == 0;
}

static bool TargetAllowed(uint32_t Address, bool Confirmed)
{
    if (NetworkHas(&Loopback, Address)) {
        return true;
    }
    for (size_t Index = 0; Index < sizeof(TestNetworks) / sizeof(TestNetworks[0]); Index++) {
        if (NetworkHas(&TestNetworks[Index], Address)) {
            return Confirmed;
        }
    }
    return false;
}

static bool ParseNumber(const char *Text, uint64_t Minimum, uint64_t Maximum, uint64_t *Number)
{
    char *End;
    if (Text == NULL || *Text < '0' || *Text > '9') {
        return false;
    }
    errno = 0;
    *Number = strtoull(Text, &End, 10);
    return errno == 0 && *End == '\0' && *Number >= Minimum && *Number <= Maximum;
}

// Fills in Flood. On false the reason is written to standard error.
static bool ParseArguments(int Count, char **Arguments)
{
    uint64_t Port = 53, Rate = 0;
    const char *Address = NULL;
    bool Confirmed = false;
    struct {
        const char *Name;
        uint64_t Minimum, Maximum, *Number;
    } Options[] = {
        {"--port", 1, 65535, &Port},
        {"--seconds", 1, MAX_SECONDS, &Flood.Seconds},
        {"--rate", 0, MAX_RATE, &Rate},
        {"--threads", 1, MAX_THREADS, &Flood.Threads},
    };
    const size_t OptionCount = sizeof(Options) / sizeof(Options[0]);

    Flood.Seconds = 10;
    Flood.Threads = 1;
    for (int Index = 1; Index < Count; Index++) {
        size_t Option = 0;
        while (Option < OptionCount && strcmp(Arguments[Index], Options[Option].Name) != 0) {
            Option++;
        }
        if (Option < OptionCount) {
            if (!ParseNumber(Arguments[++Index], Options[Option].Minimum, Options[Option].Maximum,
                             Options[Option].Number)) {
                fprintf(stderr, "DnsFlood: %s takes a number from %llu to %llu\n", Options[Option].Name,
                        (unsigned long long)Options[Option].Minimum, (unsigned long long)Options[Option].Maximum);
                return false;
            }
        } else if (strcmp(Arguments[Index], "--yes") == 0) {
            Confirmed = true;
        } else if (Arguments[Index][0] != '-' && Address == NULL) {
            Address = Arguments[Index];
        } else {
            fputs(Usage, stderr);
            return false;
        }
    }
    if (Address == NULL) {
        fputs(Usage, stderr);
        return false;
    }
    Flood.Target.sin_family = AF_INET;
    Flood.Target.sin_port = htons((uint16_t)Port);
    if (inet_pton(AF_INET, Address, &Flood.Target.sin_addr) != 1) {
        fprintf(stderr, "DnsFlood: '%s' is not an IPv4 address\n", Address);
        return false;
    }
    if (!TargetAllowed(ntohl(Flood.Target.sin_addr.s_addr), Confirmed)) {
        fprintf(stderr, "DnsFlood: %s is refused: only loopback, and with --yes private and documentation networks\n",
                Address);
        return false;
    }
    // A share that is rounded up never becomes 0, which would mean no limit.
    Flood.Rate = (Rate + Flood.Threads - 1) / Flood.Threads;
    return true;
}

int main(int Count, char **Arguments)
{
    THREAD_HANDLE Threads[MAX_THREADS];
    unsigned Started = 0;

    if (!SystemStart()) {
        PrintSystemError("the network cannot be used");
        return 1;
    }
    if (!ParseArguments(Count, Arguments)) {
        return 64;
    }
    uint64_t Start = ClockNow();
    while (Started < Flood.Threads && ThreadStart(&Threads[Started], FloodThread)) {
        Started++;
    }
    for (unsigned Index = 0; Index < Started; Index++) {
        ThreadJoin(Threads[Index]);
    }
    double Seconds = (double)(ClockNow() - Start) / (double)NANOSECONDS;
    unsigned long long Total = atomic_load(&Sent);
    printf("%llu datagrams in %.2f s, %.0f a second\n", Total, Seconds, Seconds > 0 ? (double)Total / Seconds : 0);
    return Total > 0 ? 0 : 1;
}
