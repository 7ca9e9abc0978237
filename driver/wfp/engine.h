// The filter engine: the driver's provider, sublayers, callouts and filters, there while the engine runs. A filter is there
// only while a link needs it, so that a driver to which nothing is attached slows nothing down and turns no offload off.
#pragma once

#include "hook.h"
#include "wfp/wfp.h"

/** By weight; a place of the table in engine.c. */
typedef enum _WFP_SUBLAYER {
    SubLayerMac,
    SubLayerAle,
    SubLayerCount,
} WFP_SUBLAYER;

/** A callout, and its filter. */
typedef struct _WFP_CALLOUT {
    /** The driver's own, the same for ever. */
    GUID Key;
    GUID Layer;
    const WCHAR *Name;
    /** FWP_ACTION_CALLOUT_*. */
    UINT32 Action;
    WFP_SUBLAYER SubLayer;
    /** Of FWPS_CALLOUT2. */
    UINT32 Flags;
    /** Bits by EBPF_HOOK_ID: a link of one of them needs the filter. */
    UINT32 Hooks;
    FWPS_CALLOUT_CLASSIFY_FN2 *Classify;
    /** NULL: it keeps nothing with flows. */
    FWPS_CALLOUT_FLOW_DELETE_FN *FlowDelete;
} WFP_CALLOUT;

typedef struct _WFP_CALLOUT_LIST {
    const WFP_CALLOUT *Callouts;
    UINT32 Count;
    /** After the filters that a hook needs are there, and before they go; may be NULL. */
    VOID (*Opened)(VOID);
    VOID (*Closing)(VOID);
} WFP_CALLOUT_LIST;

/** Registers all callouts, and makes hooks present when the engine runs. On failure nothing is left. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS WfpStart(_Inout_ VOID *Device);

/** When it returns no classify function is running, or will be. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID WfpStop(VOID);
