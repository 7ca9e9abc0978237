// What every classify function does with the answer it was handed, by the rules of FWPS_CLASSIFY_OUT0; and reading its values.
#pragma once

#include "wfp/wfp.h"

/** Without the right to write only blocking is left, and where that is done already there is nothing to decide. */
static inline BOOLEAN
ClassifyIsDecided(_In_ const FWPS_CLASSIFY_OUT0 *Out)
{
    return (Out->rights & FWPS_RIGHT_ACTION_WRITE) == 0 && Out->actionType == FWP_ACTION_BLOCK;
}

/** Others may still block, unless the filter is one whose permit is the last word. */
static inline VOID
ClassifyPermit(_In_ const FWPS_FILTER2 *Filter, _Inout_ FWPS_CLASSIFY_OUT0 *Out)
{
    if ((Out->rights & FWPS_RIGHT_ACTION_WRITE) == 0)
        return;
    Out->actionType = FWP_ACTION_PERMIT;
    if ((Filter->flags & FWPS_FILTER_FLAG_CLEAR_ACTION_RIGHT) != 0)
        Out->rights &= ~(UINT32)FWPS_RIGHT_ACTION_WRITE;
}

/** Nobody may permit it after this: a veto even where another has permitted it. */
static inline VOID
ClassifyBlock(_Inout_ FWPS_CLASSIFY_OUT0 *Out)
{
    Out->actionType = FWP_ACTION_BLOCK;
    Out->rights &= ~(UINT32)FWPS_RIGHT_ACTION_WRITE;
}

/** The same, and Windows writes no event of it: nothing was denied, it was a program's doing. */
static inline VOID
ClassifyAbsorb(_Inout_ FWPS_CLASSIFY_OUT0 *Out)
{
    ClassifyBlock(Out);
    Out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
}

/** The field, if this Windows has it and it is of that type; else NULL. */
static inline const FWP_VALUE0 *
ClassifyValue(_In_ const FWPS_INCOMING_VALUES0 *Values, _In_ UINT32 Index, _In_ FWP_DATA_TYPE Type)
{
    if (Index >= Values->valueCount || Values->incomingValue[Index].value.type != Type)
        return NULL;
    return &Values->incomingValue[Index].value;
}
