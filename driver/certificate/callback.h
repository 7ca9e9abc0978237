// Functions that a helper calls back, any number of times: with what they start, what they must leave as it was, and what is
// left of the caller's state. A callback is followed once for each call of its helper, to its end, from a state that
// describes every round.
#pragma once

#include "certificate/state.h"

/** The state in which a callback starts, and where. FALSE, and a refusal, if there is none; then Inner needs no release. */
_IRQL_requires_max_(PASSIVE_LEVEL) BOOLEAN CallbackEnter(
    _Inout_ CHECKER *Checker,
    _In_ const CHECK_STATE *State,
    _In_ const CHECK_HELPER *Helper,
    UINT32 Position,
    _Out_ CHECK_STATE *Inner,
    _Out_ UINT32 *Start);

/** What any number of rounds may have done to the frames of the callers and to the packet. Code: the function. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID CallbackForgetRounds(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, VALUE_ID Code);

/** At its end, its own frame closed: nothing that a later round or the caller relies on has changed. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID CallbackCheckEnd(
    _Inout_ CHECKER *Checker, _In_ const CHECK_STATE *State, _In_ const CHECK_CALLBACK *Callback);
