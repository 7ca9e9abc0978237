// What sets program types apart: their contexts, with what a program may write there, and the helpers that only they have. A
// row a type; the core's tables are core/platform/windows/, and a test holds that both say the same.
#pragma once

#include "platform.h"

typedef struct _EBPF_HELPER_ROW EBPF_HELPER_ROW;

/** Bytes of a context. */
typedef struct _EBPF_SPAN {
    UINT32 ByteOffset;
    UINT32 SizeBytes;
} EBPF_SPAN;

/** A context has no such field. */
#define EBPF_NO_FIELD UINT32_MAX
#define EBPF_MAXIMUM_WRITABLE 2

typedef struct _EBPF_PROGRAM_TYPE {
    /** Of EBPF_PROGRAM_TYPE_* (ioctl.h). */
    UINT32 Number;
    /** Of the certificate checker's row. */
    const char *Name;
    UINT32 ContextBytes;
    /** Where it holds the address of the packet's first byte, of the one past its last, and of what is in front of it. */
    UINT32 PacketStart;
    UINT32 PacketEnd;
    UINT32 PacketMeta;
    /** Where it holds the number of an interface, which a run on request sets. */
    UINT32 InterfaceIndex;
    /** Programs may not write what PacketStart leads to. */
    BOOLEAN PacketReadOnly;
    /** What programs may write of the context. */
    UINT32 WritableCount;
    EBPF_SPAN Writable[EBPF_MAXIMUM_WRITABLE];
    /** Helpers that only this type has, or that it has another of. */
    UINT32 HelperCount;
    const EBPF_HELPER_ROW *Helpers;
} EBPF_PROGRAM_TYPE;

/** NULL if there is none of that number here. */
_Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) const EBPF_PROGRAM_TYPE *ProgramTypeFind(_In_ UINT32 Number);

/** Whether a program may write these bytes of its context. */
static inline BOOLEAN
ProgramTypeMayWrite(_In_ const EBPF_PROGRAM_TYPE *Type, _In_ UINT64 ByteOffset, _In_ UINT64 SizeBytes)
{
    for (UINT32 Index = 0; Index < Type->WritableCount; Index++) {
        const EBPF_SPAN *Span = &Type->Writable[Index];
        UINT64 Inside = ByteOffset - Span->ByteOffset;
        if (Inside < Span->SizeBytes && Span->SizeBytes - Inside >= SizeBytes)
            return TRUE;
    }
    return FALSE;
}
