#include "wfp/mac.h"

#include "hook.h"
#include "wfp/classify.h"
#include "wfp/frame.h"
#include "wfp/inject.h"
#include "wfp/system.h"

/** NdisMedium802_3: frames with Ethernet headers. */
#define NDIS_MEDIUM_802_3 0

/** FALSE if it is not known where the frame comes from, or it is none of Ethernet: programs are not asked then. */
static BOOLEAN
ReadTarget(const FWPS_INCOMING_VALUES0 *Values, INJECT_TARGET *Target)
{
    const FWP_VALUE0 *Medium = ClassifyValue(Values, FWPS_FIELD_MAC_FRAME_NATIVE_NDIS_MEDIA_TYPE, FWP_UINT32);
    const FWP_VALUE0 *Index = ClassifyValue(Values, FWPS_FIELD_MAC_FRAME_NATIVE_INTERFACE_INDEX, FWP_UINT32);
    const FWP_VALUE0 *Port = ClassifyValue(Values, FWPS_FIELD_MAC_FRAME_NATIVE_NDIS_PORT, FWP_UINT32);
    if (Medium == NULL || Medium->uint32 != NDIS_MEDIUM_802_3 || Index == NULL)
        return FALSE;
    Target->InterfaceIndex = Index->uint32;
    Target->NdisPort = Port == NULL ? 0 : Port->uint32;
    return TRUE;
}

static VOID
Inject(const WFP_FRAME *Frame, INJECT_TARGET *Target, BOOLEAN Send)
{
    Target->Send = Send;
    Target->Moved = FrameIsMoved(Frame);
    (VOID)InjectFrame(Target, Frame->Shown.Data, Frame->Shown.SizeBytes);
}

/** A frame that was passed, maybe with other bytes than it came with. FALSE if it is to be taken from the stack. */
static BOOLEAN
Pass(const WFP_FRAME *Frame, INJECT_TARGET *Target)
{
    BOOLEAN Moved = FrameIsMoved(Frame);
    if (!Moved && !FrameIsChanged(Frame))
        return TRUE;
    if (!Moved && (Target->Original->NblFlags & NDIS_NBL_FLAGS_RECV_READ_ONLY) == 0) {
        FrameWriteBack(Frame);
        return TRUE;
    }
    // It is another's memory, or begins elsewhere now, so the changed frame goes up in its place; if it cannot, it is lost.
    Inject(Frame, Target, FALSE);
    return FALSE;
}

/** TRUE if the frame goes on as it is. */
static BOOLEAN
DecideFrame(WFP_FRAME *Frame, INJECT_TARGET *Target)
{
    switch (XdpRun(&Frame->Shown, Target->InterfaceIndex)) {
    case XDP_PASS:
        return Pass(Frame, Target);
    case XDP_TX:
        Inject(Frame, Target, TRUE);
        return FALSE;
    default:
        return FALSE;
    }
}

/** TRUE if it goes on. What cannot be shown to the program that is attached is taken as if that had faulted. */
static BOOLEAN
Decide(INJECT_TARGET *Target)
{
    NET_BUFFER *Buffer = Target->Original->FirstNetBuffer;
    BOOLEAN MustCopy = (Target->Original->NblFlags & NDIS_NBL_FLAGS_RECV_READ_ONLY) != 0;
    WFP_FRAME Frame;
    // NDIS receives one frame a list.
    if (Buffer == NULL || Buffer->Next != NULL || WfpStackIsLow() || !FrameOpen(Buffer, MustCopy, &Frame))
        return !HookIsAttached(HookXdp, Target->InterfaceIndex) ||
               HookRows[HookXdp].FaultResult == XDP_PASS;
    BOOLEAN Goes = DecideFrame(&Frame, Target);
    FrameClose(&Frame);
    return Goes;
}

static VOID NTAPI
ClassifyInbound(
    const FWPS_INCOMING_VALUES0 *Values,
    const FWPS_INCOMING_METADATA_VALUES0 *Metadata,
    VOID *LayerData,
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    UINT64 FlowContext,
    FWPS_CLASSIFY_OUT0 *Out)
{
    INJECT_TARGET Target = {.Original = LayerData};
    (VOID)Metadata, (VOID)ClassifyContext, (VOID)FlowContext;
    if (ClassifyIsDecided(Out))
        return;
    ClassifyPermit(Filter, Out);
    // Neither what the driver put there itself, nor what was sent from here and comes back for who listens to all.
    if (LayerData == NULL || HookLinkCount(HookXdp) == 0 || !ReadTarget(Values, &Target) ||
        (Target.Original->NblFlags & NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET) != 0 || InjectIsOwn(LayerData))
        return;
    if (!Decide(&Target))
        ClassifyAbsorb(Out);
}

/** Lets all out. It is here because frames that the driver sends are completed only where it has a filter. */
static VOID NTAPI
ClassifyOutbound(
    const FWPS_INCOMING_VALUES0 *Values,
    const FWPS_INCOMING_METADATA_VALUES0 *Metadata,
    VOID *LayerData,
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    UINT64 FlowContext,
    FWPS_CLASSIFY_OUT0 *Out)
{
    (VOID)Values, (VOID)Metadata, (VOID)LayerData, (VOID)ClassifyContext, (VOID)FlowContext;
    ClassifyPermit(Filter, Out);
}

static const WFP_CALLOUT Callouts[] = {
    {
        .Key = WFP_GUID(ea109f4e, 4842, 48c7, bf, ef, a9, 9f, 77, a4, b4, 84),
        .Layer = FWPM_LAYER_OUTBOUND_MAC_FRAME_NATIVE,
        .Name = L"EbpfCore: frames that XDP programs send",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerMac,
        .Hooks = 1u << HookXdp,
        .Classify = ClassifyOutbound,
    },
    {
        .Key = WFP_GUID(74ba64b5, f431, 405e, b7, e4, 93, 76, 18, 18, 1b, 62),
        .Layer = FWPM_LAYER_INBOUND_MAC_FRAME_NATIVE,
        .Name = L"EbpfCore: XDP",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerMac,
        .Hooks = 1u << HookXdp,
        .Classify = ClassifyInbound,
    },
};

const WFP_CALLOUT_LIST WfpMacCallouts = {
    .Callouts = Callouts,
    .Count = RTL_NUMBER_OF(Callouts),
    .Opened = InjectOpen,
    .Closing = InjectClose,
};
