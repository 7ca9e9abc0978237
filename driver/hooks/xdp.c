#include "hooks/xdp.h"

#include "hook.h"

_Use_decl_annotations_
UINT32
XdpRun(UINT8 *Frame, UINT32 SizeBytes, UINT32 InterfaceIndex)
{
    XDP_CONTEXT Context = {
        .Data = Frame,
        .DataEnd = Frame + SizeBytes,
        .DataMeta = Frame,
        .InterfaceIndex = InterfaceIndex,
    };
    EBPF_RUN_INPUT Input = {
        .Context = &Context,
        .ContextSizeBytes = sizeof(Context),
        .Packet = Frame,
        .PacketSizeBytes = SizeBytes,
    };
    return HookInvoke(HookXdp, InterfaceIndex, &Input);
}
