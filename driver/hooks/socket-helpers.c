#include "hooks/socket-helpers.h"

#include "hooks/socket.h"

/** The process in the upper half, in the lower who runs now: which of its threads it is Windows does not say. */
UINT64 EBPF_SYSV_ABI
SocketCurrentProcess(EBPF_RUN *Run, UINT64 A1, UINT64 A2, UINT64 A3, UINT64 A4, UINT64 A5)
{
    const SOCKET_OPERATION *Operation = Run->Subject;
    UNUSED(A1), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    UINT64 Current = PlatformCurrentProcess();
    return Operation == NULL ? Current : Operation->ProcessId << 32 | (UINT32)Current;
}

UINT64 EBPF_SYSV_ABI
SocketCurrentLogon(EBPF_RUN *Run, UINT64 A1, UINT64 A2, UINT64 A3, UINT64 A4, UINT64 A5)
{
    const SOCKET_OPERATION *Operation = Run->Subject;
    UNUSED(A1), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    return Operation == NULL ? PlatformCurrentLogon() : Operation->LogonId;
}

UINT64 EBPF_SYSV_ABI
SocketCurrentIsAdmin(EBPF_RUN *Run, UINT64 A1, UINT64 A2, UINT64 A3, UINT64 A4, UINT64 A5)
{
    const SOCKET_OPERATION *Operation = Run->Subject;
    UNUSED(A1), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    return Operation == NULL ? PlatformIsAdministrator() : (UINT64)(INT64)Operation->Administrator;
}
