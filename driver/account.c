#include "account.h"

struct _EBPF_ACCOUNT {
    /** The client's, and one for each charge. */
    UINT64 References;
    UINT64 Bytes;
};

static UINT64 ClientLimit;
static UINT64 TotalLimit;
static UINT64 Total;

_Use_decl_annotations_
VOID
AccountInitiate(UINT64 ClientBytes, UINT64 TotalBytes)
{
    ClientLimit = ClientBytes == 0 ? PlatformMemorySize() / 4 : ClientBytes;
    TotalLimit = TotalBytes == 0 ? PlatformMemorySize() / 2 : TotalBytes;
}

_Use_decl_annotations_
EBPF_ACCOUNT *
AccountOpen(VOID)
{
    EBPF_ACCOUNT *Account = PlatformAllocate(sizeof(EBPF_ACCOUNT));
    if (Account != NULL)
        Account->References = 1;
    return Account;
}

_Use_decl_annotations_
VOID
AccountClose(EBPF_ACCOUNT *Account)
{
    if (__atomic_sub_fetch(&Account->References, 1, __ATOMIC_ACQ_REL) == 0)
        PlatformFree(Account);
}

/** Adds to a sum that has a bound. */
static BOOLEAN
Add(UINT64 *Sum, UINT64 Limit, UINT64 SizeBytes)
{
    UINT64 Seen = __atomic_load_n(Sum, __ATOMIC_RELAXED);
    do {
        if (Seen > Limit || SizeBytes > Limit - Seen)
            return FALSE;
    } while (!__atomic_compare_exchange_n(
        Sum, &Seen, Seen + SizeBytes, FALSE, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return TRUE;
}

static VOID
Subtract(UINT64 *Sum, UINT64 SizeBytes)
{
    __atomic_sub_fetch(Sum, SizeBytes, __ATOMIC_RELAXED);
}

_Use_decl_annotations_
BOOLEAN
AccountCharge(EBPF_ACCOUNT *Account, UINT64 SizeBytes)
{
    if (!Add(&Account->Bytes, ClientLimit, SizeBytes))
        return FALSE;
    if (!Add(&Total, TotalLimit, SizeBytes)) {
        Subtract(&Account->Bytes, SizeBytes);
        return FALSE;
    }
    __atomic_add_fetch(&Account->References, 1, __ATOMIC_RELAXED);
    return TRUE;
}

_Use_decl_annotations_
VOID
AccountRefund(EBPF_ACCOUNT *Account, UINT64 SizeBytes)
{
    Subtract(&Account->Bytes, SizeBytes);
    Subtract(&Total, SizeBytes);
    AccountClose(Account);
}

_Use_decl_annotations_
ACCOUNT_STATE
AccountRead(const EBPF_ACCOUNT *Account)
{
    return (ACCOUNT_STATE){
        .ClientBytes = __atomic_load_n(&Account->Bytes, __ATOMIC_RELAXED),
        .ClientLimitBytes = ClientLimit,
        .TotalBytes = __atomic_load_n(&Total, __ATOMIC_RELAXED),
        .TotalLimitBytes = TotalLimit,
    };
}
