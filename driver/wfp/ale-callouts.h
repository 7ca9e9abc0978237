// The hooks of sockets at the ALE layers of the Windows Filtering Platform.
#pragma once

#include "wfp/engine.h"

extern const WFP_CALLOUT_LIST WfpBindCallouts, WfpConnectCallouts, WfpAcceptCallouts, WfpFlowCallouts;
