// SHA-256 (FIPS 180-4).
#pragma once

#include "platform.h"

#define SHA256_BYTES 32

typedef struct _SHA256 {
    UINT32 State[8];
    UINT64 SizeBytes;
    UINT8 Block[64];
} SHA256;

_IRQL_requires_max_(PASSIVE_LEVEL) VOID Sha256Initiate(_Out_ SHA256 *Hash);
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID Sha256Update(_Inout_ SHA256 *Hash, _In_reads_bytes_(SizeBytes) const VOID *Data, SIZE_T SizeBytes);
_IRQL_requires_max_(PASSIVE_LEVEL) VOID Sha256Finish(_Inout_ SHA256 *Hash, _Out_writes_bytes_(SHA256_BYTES) UINT8 *Digest);
