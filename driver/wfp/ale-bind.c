// The hook "bind": assignments of a local address, and their release, each once.
#include "hook.h"
#include "hooks/bind.h"
#include "wfp/ale.h"
#include "wfp/system.h"

static SOCKET_VERDICT
Ask(const FWPS_INCOMING_VALUES0 *Values, const FWPS_INCOMING_METADATA_VALUES0 *Metadata, UINT32 Kind)
{
    ALE_FACTS Facts;
    if (!HookIsAttached(HookBind, 0))
        return SocketPermit;
    if (!AleDescribe(Values, Metadata, &Facts) || WfpStackIsLow())
        return SocketBlock;
    return BindRun(&Facts.Operation, Kind);
}

_Use_decl_annotations_
VOID NTAPI
AleClassifyBind(
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
        AleAnswer(Ask(Values, Metadata, BIND_OPERATION_BIND), Filter, Out);
}

/** Nobody can refuse that a socket lets go. */
_Use_decl_annotations_
VOID NTAPI
AleClassifyUnbind(
    const FWPS_INCOMING_VALUES0 *Values,
    const FWPS_INCOMING_METADATA_VALUES0 *Metadata,
    VOID *LayerData,
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    UINT64 FlowContext,
    FWPS_CLASSIFY_OUT0 *Out)
{
    (VOID)LayerData, (VOID)ClassifyContext, (VOID)FlowContext;
    (VOID)Ask(Values, Metadata, BIND_OPERATION_UNBIND);
    AleAnswer(SocketPermit, Filter, Out);
}
