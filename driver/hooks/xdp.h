// The hook "xdp": a frame as it came from an interface, and what becomes of it. Where frames come from is not known here.
#pragma once

#include "program-type.h"

#include "ioctl.h"

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

/** How far in front of where a frame began a program may move its begin, as on Linux. */
#define XDP_HEADROOM_BYTES EBPF_MAXIMUM_HEADROOM_BYTES

typedef struct _XDP_FRAME XDP_FRAME;

/** Has the frame lie where there are XDP_HEADROOM_BYTES in front of its origin, as it is now; FALSE, and nothing is changed, if that cannot be. */
typedef _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN XDP_GIVE_ROOM(_Inout_ XDP_FRAME *Frame);

/** A frame, and where a program has moved its begin. It is the subject of each run of the type. */
struct _XDP_FRAME {
    UINT8 *Data;
    UINT32 SizeBytes;
    /** Of memory in front of Origin that is the frame's too: 0 or XDP_HEADROOM_BYTES. */
    UINT32 HeadroomBytes;
    /** Where it began when it came. */
    UINT8 *Origin;
    /** NULL: there is none to be had. */
    XDP_GIVE_ROOM *GiveRoom;
};

extern const EBPF_PROGRAM_TYPE XdpProgramType;

/** Asks the program of that interface, which may change the frame, and move its begin. XDP_PASS if there is none. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 XdpRun(_Inout_ XDP_FRAME *Frame, _In_ UINT32 InterfaceIndex);
