// The hook "xdp" at the layers of the Windows Filtering Platform where frames are as the interface has them.
#pragma once

#include "wfp/engine.h"

extern const WFP_CALLOUT_LIST WfpMacCallouts;
