// The callouts of the hooks of sockets: which layer asks for which hook, and how final its answer is.
#include "wfp/ale.h"
#include "wfp/ale-callouts.h"

#define BIND (1u << HookBind)
#define CONNECT4 (1u << HookConnect4)
#define CONNECT6 (1u << HookConnect6)
#define ACCEPT4 (1u << HookRecvAccept4)
#define ACCEPT6 (1u << HookRecvAccept6)
#define FLOW (1u << HookSockOps)

static const WFP_CALLOUT BindCallouts[] = {
    {
        .Key = WFP_GUID(f768064f, 9585, 47ad, a3, 9e, ed, 24, c2, c0, 63, fe),
        .Layer = FWPM_LAYER_ALE_RESOURCE_ASSIGNMENT_V4,
        .Name = L"EbpfCore: bind, IPv4",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerAle,
        .Hooks = BIND,
        .Classify = AleClassifyBind,
    },
    {
        .Key = WFP_GUID(5966eb44, e0c6, 4744, 95, 11, 3d, c3, 0e, 9a, 8d, f5),
        .Layer = FWPM_LAYER_ALE_RESOURCE_ASSIGNMENT_V6,
        .Name = L"EbpfCore: bind, IPv6",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerAle,
        .Hooks = BIND,
        .Classify = AleClassifyBind,
    },
    {
        .Key = WFP_GUID(b9c48cb0, 1720, 400e, 8c, a8, 29, 84, fc, b0, 42, d9),
        .Layer = FWPM_LAYER_ALE_RESOURCE_RELEASE_V4,
        .Name = L"EbpfCore: unbind, IPv4",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerAle,
        .Hooks = BIND,
        .Classify = AleClassifyUnbind,
    },
    {
        .Key = WFP_GUID(a83c546d, bc4d, 43dc, 96, c9, 3f, 01, a9, f1, 86, 30),
        .Layer = FWPM_LAYER_ALE_RESOURCE_RELEASE_V6,
        .Name = L"EbpfCore: unbind, IPv6",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerAle,
        .Hooks = BIND,
        .Classify = AleClassifyUnbind,
    },
};

/** An IPv6 socket may connect to an IPv4 address. Redirecting decides nothing unless there is no memory to remember a refusal. */
static const WFP_CALLOUT ConnectCallouts[] = {
    {
        .Key = WFP_GUID(ace970fc, cddb, 4416, a3, 96, 60, 23, df, 2d, 5c, 05),
        .Layer = FWPM_LAYER_ALE_AUTH_CONNECT_V4,
        .Name = L"EbpfCore: connect, IPv4",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerAle,
        .Hooks = CONNECT4,
        .Classify = AleClassifyConnect,
    },
    {
        .Key = WFP_GUID(00633256, e25f, 471d, 8f, e2, c4, e1, 2b, 5e, ad, ad),
        .Layer = FWPM_LAYER_ALE_AUTH_CONNECT_V6,
        .Name = L"EbpfCore: connect, IPv6",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerAle,
        .Hooks = CONNECT6,
        .Classify = AleClassifyConnect,
    },
    {
        .Key = WFP_GUID(e66c0e98, 1942, 4e8a, b4, c6, 04, 9f, a9, 99, 81, 18),
        .Layer = FWPM_LAYER_ALE_CONNECT_REDIRECT_V4,
        .Name = L"EbpfCore: redirect, IPv4",
        .Action = FWP_ACTION_CALLOUT_UNKNOWN,
        .SubLayer = SubLayerAle,
        .Hooks = CONNECT4,
        .Classify = AleClassifyRedirect,
    },
    {
        .Key = WFP_GUID(3c19c840, d9f9, 4acd, a6, 2d, 24, 65, be, 71, c2, d9),
        .Layer = FWPM_LAYER_ALE_CONNECT_REDIRECT_V6,
        .Name = L"EbpfCore: redirect, IPv6",
        .Action = FWP_ACTION_CALLOUT_UNKNOWN,
        .SubLayer = SubLayerAle,
        .Hooks = CONNECT4 | CONNECT6,
        .Classify = AleClassifyRedirect,
    },
};

static const WFP_CALLOUT AcceptCallouts[] = {
    {
        .Key = WFP_GUID(e7f137f5, a11b, 4c7d, b5, a6, b4, 7b, 57, a7, 3c, ab),
        .Layer = FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4,
        .Name = L"EbpfCore: accept, IPv4",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerAle,
        .Hooks = ACCEPT4,
        .Classify = AleClassifyAccept,
    },
    {
        .Key = WFP_GUID(12f034c1, 43d2, 4a11, a0, a8, a1, e2, fd, bc, 4b, e2),
        .Layer = FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6,
        .Name = L"EbpfCore: accept, IPv6",
        .Action = FWP_ACTION_CALLOUT_TERMINATING,
        .SubLayer = SubLayerAle,
        .Hooks = ACCEPT6,
        .Classify = AleClassifyAccept,
    },
};

static const WFP_CALLOUT FlowCallouts[] = {
    {
        .Key = WFP_GUID(83de0b93, 946a, 4998, 96, 56, 79, 64, cf, ba, a4, dd),
        .Layer = FWPM_LAYER_ALE_FLOW_ESTABLISHED_V4,
        .Name = L"EbpfCore: flows, IPv4",
        .Action = FWP_ACTION_CALLOUT_INSPECTION,
        .SubLayer = SubLayerAle,
        .Hooks = FLOW,
        .Classify = AleClassifyFlow,
        .FlowDelete = AleFlowDelete,
    },
    {
        .Key = WFP_GUID(068c193b, f65c, 4902, 9f, 77, 73, 37, 92, 3f, e5, 4e),
        .Layer = FWPM_LAYER_ALE_FLOW_ESTABLISHED_V6,
        .Name = L"EbpfCore: flows, IPv6",
        .Action = FWP_ACTION_CALLOUT_INSPECTION,
        .SubLayer = SubLayerAle,
        .Hooks = FLOW,
        .Classify = AleClassifyFlow,
        .FlowDelete = AleFlowDelete,
    },
};

const WFP_CALLOUT_LIST WfpBindCallouts = {.Callouts = BindCallouts, .Count = RTL_NUMBER_OF(BindCallouts)};
const WFP_CALLOUT_LIST WfpConnectCallouts = {.Callouts = ConnectCallouts, .Count = RTL_NUMBER_OF(ConnectCallouts)};
const WFP_CALLOUT_LIST WfpAcceptCallouts = {.Callouts = AcceptCallouts, .Count = RTL_NUMBER_OF(AcceptCallouts)};
const WFP_CALLOUT_LIST WfpFlowCallouts = {
    .Callouts = FlowCallouts,
    .Count = RTL_NUMBER_OF(FlowCallouts),
    .Opened = AleStartFlows,
    .Closing = AleStopFlows,
};
