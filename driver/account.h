// Memory that is never paged out is everybody's: what clients have of it is bounded, for each and for all together. Whatever
// a client makes the driver keep is charged to its account before it is allocated, and refunded when it is freed.
#pragma once

#include "platform.h"

typedef struct _EBPF_ACCOUNT EBPF_ACCOUNT;

/** The bounds, for one client and for all; 0: a quarter and a half of the memory that the system has. Before all else here. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID AccountInitiate(_In_ UINT64 ClientBytes, _In_ UINT64 TotalBytes);

/** NULL if there is no memory. The caller gives it up with AccountClose; it stays until all is refunded. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) EBPF_ACCOUNT *AccountOpen(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID AccountClose(_In_ EBPF_ACCOUNT *Account);

/** FALSE, and nothing is charged, if that is more than there may be. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN AccountCharge(
    _Inout_ EBPF_ACCOUNT *Account, _In_ UINT64 SizeBytes);

/** Of one charge, as it was. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID AccountRefund(_Inout_ EBPF_ACCOUNT *Account, _In_ UINT64 SizeBytes);

typedef struct _ACCOUNT_STATE {
    UINT64 ClientBytes;
    UINT64 ClientLimitBytes;
    UINT64 TotalBytes;
    UINT64 TotalLimitBytes;
} ACCOUNT_STATE;

/** How much there is, and may be. */
_IRQL_requires_max_(DISPATCH_LEVEL) ACCOUNT_STATE AccountRead(_In_ const EBPF_ACCOUNT *Account);
