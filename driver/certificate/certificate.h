// Does a certificate prove a program safe? The door of the checker; docs/certificate.md specifies it.
//
//   cursor, decode                the bytes, and the states in them
//   follow                        every path from a state, once, to where an earlier state covers it
//   rank                          why a loop ends that is listed once for all its rounds
//   alu, memory, call, callback   what an instruction needs and does
//   cover                         whether one state says no more than another
//   interval, number, state, stack, values what is known of values, and where that is kept
//   digest, sha256                which program it is of
//   rows                          what the platform offers
//
// Nothing in the bytes is trusted. Time and memory are linear in the certificate, the program and the data of its maps, of which
// there are 16 MiB at most; there is no recursion.
#pragma once

#include "certificate/state.h"

#define CERTIFICATE_DIGEST_BYTES 32
/** No certificate is longer. */
#define CERTIFICATE_MAXIMUM_BYTES ((UINT32)1 << 24)

typedef enum _CERTIFICATE_OUTCOME {
    CertificateProved,
    /** It is too short to be one, or longer than any. */
    CertificateInvalid,
    /** It is of another program. */
    CertificateMismatch,
    /** It proves nothing. */
    CertificateRefused,
    /** There was no memory to check it: it may be right. */
    CertificateUnchecked,
} CERTIFICATE_OUTCOME;

typedef struct _CERTIFICATE_RESULT {
    UINT32 Outcome;
    /** Whether the strict rules were held to. */
    UINT32 Strict;
    UINT32 States;
    UINT64 Steps;
    /** Why not, in words; a constant. NULL if it is proved. */
    const char *Reason;
    /** Cells that were gone over, of those that may be. */
    UINT64 Work;
} CERTIFICATE_RESULT;

/** What CertificateCheck allocates at most, for a certificate and a program of these sizes. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT64 CertificateCountBytes(_In_ UINT32 SizeBytes, _In_ UINT32 SlotCount);

/** TRUE, and Result says CertificateProved, only if every run of the program is safe and ends. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN CertificateCheck(
    _In_ const CERTIFICATE_PROGRAM *Program,
    _In_reads_bytes_(SizeBytes) const UINT8 *Certificate,
    _In_ UINT32 SizeBytes,
    _Out_ CERTIFICATE_RESULT *Result);
