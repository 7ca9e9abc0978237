// Calls of helpers: what each argument must be, what the call leaves. One row of the platform's table a helper.
#pragma once

#include "certificate/state.h"

/** The first row of a number, or of a greater one; rows are in the order of their numbers. */
_IRQL_requires_max_(PASSIVE_LEVEL) const CHECK_HELPER *CallFirstHelper(_In_ const CHECK_PLATFORM *Platform, UINT32 Id);

/** The helper of a call, which programs of this type and section may call; NULL, and a refusal, if there is none. */
_IRQL_requires_max_(PASSIVE_LEVEL) const CHECK_HELPER *CallFindHelper(_Inout_ CHECKER *Checker, UINT32 Id);

/** The position of an argument of that kind, or ArgumentCount. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT32 CallFindArgument(_In_ const CHECK_HELPER *Helper, CHECK_ARGUMENT_KIND Kind);

/** Checks the call and does to the state what it does. If there is a callback, its rounds are forgotten too. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID CallHelper(_Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, _In_ const CHECK_HELPER *Helper);

/** The legacy packet load is a call with the context in r6; it may end the program. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID CallLoadPacket(
    _Inout_ CHECKER *Checker, _Inout_ CHECK_STATE *State, _In_ const EBPF_INSTRUCTION *Instruction);
