// A frame of NDIS as programs need it: in one piece. One that is in one piece already is used where it lies; of others there
// is a copy, and what a program changes in it is written back. A copy, with room in front, is made too when a program asks for that.
#pragma once

#include "hooks/xdp.h"
#include "wfp/wfp.h"

typedef struct _WFP_FRAME {
    /** As programs see it. */
    XDP_FRAME Shown;
    NET_BUFFER *Buffer;
    /** As it came. */
    UINT32 SizeBytes;
    /** Memory with XDP_HEADROOM_BYTES, and the frame behind them; NULL: it is shown where it lies. */
    UINT8 *Copy;
    /** The place that the copy is in; FRAME_ALLOCATED if it is memory of its own. */
    UINT32 Place;
} WFP_FRAME;

/** Memory for copies, of every processor. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS FrameInitiate(VOID);

_IRQL_requires_max_(PASSIVE_LEVEL) VOID FrameTerminate(VOID);

/**
 * FALSE if there is none to be had: its pages are not mapped, it is longer than XDP_MAXIMUM_FRAME_BYTES, or there is no
 * memory. MustCopy: what lies there must not be written. Allocates nothing for frames of usual length. Ended with FrameClose.
 */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN FrameOpen(
    _In_ NET_BUFFER *Buffer, _In_ BOOLEAN MustCopy, _Out_ WFP_FRAME *Frame);

/** Whether a program has moved its begin: where it lay it cannot stay. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN FrameIsMoved(_In_ const WFP_FRAME *Frame);

/** Of one that is not moved: whether it is a copy that is not what lies there any more. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN FrameIsChanged(_In_ const WFP_FRAME *Frame);

/** Of one that is not moved. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID FrameWriteBack(_In_ const WFP_FRAME *Frame);

_IRQL_requires_max_(DISPATCH_LEVEL) VOID FrameClose(_Inout_ WFP_FRAME *Frame);
