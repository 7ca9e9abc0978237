#include "hooks/xdp.h"

#include "helpers.h"
#include "hook.h"

/** As Linux: what is left has room for an Ethernet header. */
#define LEAST_FRAME_BYTES 14

/** Where the begin of a frame is, from its origin. */
static INT64
BeginOf(const XDP_FRAME *Frame)
{
    return Frame->Data - Frame->Origin;
}

/** What lies in front of the origin was never of this frame, and may be of another: the program is given zeros. */
static VOID
Move(XDP_FRAME *Frame, INT64 Delta)
{
    INT64 Before = BeginOf(Frame), Begin = Before + Delta;
    INT64 Given = (Before < 0 ? Before : 0) - Begin;
    Frame->Data += Delta;
    Frame->SizeBytes = (UINT32)(Frame->SizeBytes - Delta);
    if (Given > 0)
        memset(Frame->Data, 0, (SIZE_T)Given);
}

/** Pointers into the packet that the program has are worth nothing after it: certificates rely on none. */
HELPER(AdjustHead)
{
    UNUSED(A1), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    XDP_FRAME *Frame = Run->Subject;
    INT64 Delta = (INT32)A2;
    if (Frame == NULL)
        return (UINT64)MAP_INVALID;
    INT64 SizeBytes = (INT64)Frame->SizeBytes - Delta;
    if (BeginOf(Frame) + Delta < -XDP_HEADROOM_BYTES || SizeBytes < LEAST_FRAME_BYTES || SizeBytes > XDP_MAXIMUM_FRAME_BYTES)
        return (UINT64)MAP_INVALID;
    if (BeginOf(Frame) + Delta < -(INT64)Frame->HeadroomBytes && (Frame->GiveRoom == NULL || !Frame->GiveRoom(Frame)))
        return (UINT64)MAP_NO_MEMORY;
    Move(Frame, Delta);
    XDP_CONTEXT *Context = (XDP_CONTEXT *)(UINT_PTR)Run->Regions[RegionContext].Start;
    Context->Data = Context->DataMeta = Frame->Data;
    Context->DataEnd = Frame->Data + Frame->SizeBytes;
    Run->Regions[RegionPacket] =
        (EBPF_REGION){.Start = (UINT64)(UINT_PTR)Frame->Data, .SizeBytes = Frame->SizeBytes};
    return 0;
}

static const EBPF_HELPER_ROW Helpers[] = {
    {0x10000, {AdjustHead, {ArgumentScalar, ArgumentScalar}}},
};

const EBPF_PROGRAM_TYPE XdpProgramType = {
    .Number = EBPF_PROGRAM_TYPE_XDP,
    .Name = "xdp",
    .ContextBytes = sizeof(XDP_CONTEXT),
    .PacketStart = offsetof(XDP_CONTEXT, Data),
    .PacketEnd = offsetof(XDP_CONTEXT, DataEnd),
    .PacketMeta = offsetof(XDP_CONTEXT, DataMeta),
    .InterfaceIndex = offsetof(XDP_CONTEXT, InterfaceIndex),
    .HelperCount = RTL_NUMBER_OF(Helpers),
    .Helpers = Helpers,
};

_Use_decl_annotations_
UINT32
XdpRun(XDP_FRAME *Frame, UINT32 InterfaceIndex)
{
    XDP_CONTEXT Context = {
        .Data = Frame->Data,
        .DataEnd = Frame->Data + Frame->SizeBytes,
        .DataMeta = Frame->Data,
        .InterfaceIndex = InterfaceIndex,
    };
    EBPF_RUN_INPUT Input = {
        .Context = &Context,
        .ContextSizeBytes = sizeof(Context),
        .Packet = Frame->Data,
        .PacketSizeBytes = Frame->SizeBytes,
        .Subject = Frame,
    };
    return HookInvoke(HookXdp, InterfaceIndex, &Input);
}
