// What programs said of connections where they can be sent elsewhere, until Windows asks whether they are allowed: two layers,
// and only the second one can refuse.
#pragma once

#include "hooks/socket.h"

/** Before all else. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID VerdictInitiate(VOID);

/**
 * Keeps what becomes of the socket's connection to that end, in place of what was kept of it before. SocketPermit needs no
 * keeping. FALSE if a refusal cannot be kept, as there is no room or the socket has no handle: then it must be refused at once.
 */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN VerdictKeep(
    _In_ const SOCKET_OPERATION *Operation, _In_ const SOCKET_ENDPOINT *Remote, _In_ SOCKET_VERDICT Verdict);

/** SocketPermit if nothing else is kept. What is kept stays for a while: Windows may ask more than once. */
_IRQL_requires_max_(DISPATCH_LEVEL) SOCKET_VERDICT VerdictFind(_In_ const SOCKET_OPERATION *Operation);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID VerdictForgetAll(VOID);
