// The hook "xdp": a frame as it came from an interface, and what becomes of it. Where frames come from is not known here.
#pragma once

#include "platform.h"

/** xdp_md of eBPF for Windows; the core has it in core/platform/windows/contexts.ts. */
typedef struct _XDP_CONTEXT {
    UINT8 *Data;
    UINT8 *DataEnd;
    UINT8 *DataMeta;
    UINT32 InterfaceIndex;
    UINT32 Padding;
} XDP_CONTEXT;
C_ASSERT(sizeof(XDP_CONTEXT) == 32);

/** What a program answers. */
enum { XDP_PASS = 1, XDP_DROP = 2, XDP_TX = 3 };

/** The longest frame that programs see; a longer one is treated as one whose program faults. */
#define XDP_MAXIMUM_FRAME_BYTES 65535

/** Asks the program of that interface, which may change the frame. XDP_PASS if there is none. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 XdpRun(
    _Inout_updates_bytes_(SizeBytes) UINT8 *Frame, _In_ UINT32 SizeBytes, _In_ UINT32 InterfaceIndex);
