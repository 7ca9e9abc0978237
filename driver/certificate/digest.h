// The digest that a certificate begins with: SHA-256 over what it speaks of, as docs/certificate.md has it.
#pragma once

#include "certificate/sha256.h"
#include "certificate/state.h"

/** The maps' types are known, and the functions. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID DigestProgram(_In_ const CHECKER *Checker, _Out_writes_bytes_(SHA256_BYTES) UINT8 *Digest);
