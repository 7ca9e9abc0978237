// The hooks recv_accept4 and recv_accept6: a connection, or the first datagram of a peer, that comes in. Programs are asked
// once: what Windows authorises again, because filters have changed, they have let in before.
#include "hook.h"
#include "hooks/sock-addr.h"
#include "wfp/ale.h"
#include "wfp/system.h"

static SOCKET_VERDICT
Ask(const FWPS_INCOMING_VALUES0 *Values, const FWPS_INCOMING_METADATA_VALUES0 *Metadata)
{
    ALE_FACTS Facts;
    if (!AleDescribe(Values, Metadata, &Facts))
        return SocketBlock;
    SOCKET_OPERATION *Operation = &Facts.Operation;
    EBPF_HOOK_ID Hook = Operation->Family == SOCKET_IPV4 ? HookRecvAccept4 : HookRecvAccept6;
    if (!HookIsAttached(Hook, Operation->CompartmentId) || (Facts.Flags & FWP_CONDITION_FLAG_IS_REAUTHORIZE) != 0)
        return SocketPermit;
    return WfpStackIsLow() ? SocketBlock : AcceptRun(Operation);
}

_Use_decl_annotations_
VOID NTAPI
AleClassifyAccept(
    const FWPS_INCOMING_VALUES0 *Values,
    const FWPS_INCOMING_METADATA_VALUES0 *Metadata,
    VOID *LayerData,
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    UINT64 FlowContext,
    FWPS_CLASSIFY_OUT0 *Out)
{
    (VOID)LayerData, (VOID)ClassifyContext, (VOID)FlowContext;
    if (!ClassifyIsDecided(Out))
        AleAnswer(Ask(Values, Metadata), Filter, Out);
}
