// Whether a certificate proves a program of the driver: what the checker asks about the program, answered from the program and
// its maps themselves, not from what the request says about them.
#pragma once

#include "certificate/certificate.h"
#include "program.h"

/** What comes with a program that is to be proved. Nobody else may write any of it meanwhile. */
typedef struct _EBPF_PROOF {
    /** As they came: a wide immediate names a map by its place. */
    const EBPF_INSTRUCTION *Slots;
    /** The section of the object: the certificate speaks of it. */
    const char *Section;
    UINT32 SectionBytes;
    UINT32 CertificateBytes;
    const UINT8 *Certificate;
} EBPF_PROOF;

/** CertificateProved only if every run of the program is safe and ends; the program is one that has passed its structural check. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) CERTIFICATE_OUTCOME ProofCheck(
    _In_ const EBPF_PROGRAM *Program, _In_ const EBPF_PROOF *Proof);
