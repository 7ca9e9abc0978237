// What the hooks of sockets know of an operation that they are asked about: plain facts, whoever found them. From them each
// hook makes the context of its programs; the helpers of its type answer from them.
#pragma once

#include "platform.h"

/** Of Windows. */
enum { SOCKET_IPV4 = 2, SOCKET_IPV6 = 23 };

#define SOCKET_ADDRESS_BYTES 16
/** What a program may leave for whom a connection is redirected to. */
#define SOCKET_MAXIMUM_REDIRECT_BYTES 4096

/** In network order; an IPv4 address is the first four bytes, and the others are 0. */
typedef struct _SOCKET_ENDPOINT {
    UINT8 Address[SOCKET_ADDRESS_BYTES];
    UINT16 Port;
} SOCKET_ENDPOINT;

/** Where packets of the connection go; known once its route is chosen. */
typedef struct _SOCKET_ROUTE {
    BOOLEAN Known;
    UINT32 InterfaceType;
    UINT32 TunnelType;
    UINT32 SubInterfaceIndex;
    UINT64 NextHopLuid;
} SOCKET_ROUTE;

typedef struct _SOCKET_OPERATION {
    UINT32 Family;
    SOCKET_ENDPOINT Local;
    SOCKET_ENDPOINT Remote;
    UINT8 Protocol;
    UINT32 CompartmentId;
    /** 0 where no interface is chosen yet. */
    UINT64 InterfaceLuid;
    /** Whose socket it is, which may be another than who runs now. */
    UINT64 ProcessId;
    UINT64 LogonId;
    /** 1 if it has an administrator's rights, 0 if not, below 0 if that is not known. */
    INT32 Administrator;
    /** The same for all that happens to one socket. */
    UINT64 EndpointHandle;
    /** Of a connection that is established. */
    UINT64 FlowId;
    SOCKET_ROUTE Route;
    /** The path of the process's image as UTF-16, not ended by a zero for sure. */
    const UINT8 *AppId;
    UINT32 AppIdBytes;
    /** The connection is not made yet: a program may say where it goes instead, and leave data for who is there. */
    BOOLEAN MayRedirect;
    /** Of PlatformAllocate; NULL if no program left any. Freed by SocketOperationEnd. */
    UINT8 *RedirectContext;
    UINT32 RedirectContextBytes;
} SOCKET_OPERATION;

/** What becomes of an operation. */
typedef enum _SOCKET_VERDICT {
    /** Others that are asked after this may still say no. */
    SocketPermit,
    /** Nobody that is asked later may block it. */
    SocketPermitHard,
    SocketBlock,
} SOCKET_VERDICT;

static inline VOID
SocketOperationEnd(_Inout_ SOCKET_OPERATION *Operation)
{
    PlatformFree(Operation->RedirectContext);
    Operation->RedirectContext = NULL;
    Operation->RedirectContextBytes = 0;
}

/** Host order of what is in network order, and back. */
static inline UINT16
SocketSwap16(_In_ UINT16 Value)
{
    return __builtin_bswap16(Value);
}
