// Reading and writing the 512 bytes of a frame: whole values in aligned slots, numbers in parts of them, or bytes of which
// each is a number or nothing. Offsets count from the lowest byte; bounds have been checked.
#pragma once

#include "certificate/state.h"

/** Bit i: byte i of the slot is a number. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT8 StackNumberMask(_In_ const CHECKER *Checker, VALUE_ID Slot);

/** TRUE if all bytes of [From, To) are numbers. */
_IRQL_requires_max_(PASSIVE_LEVEL)
BOOLEAN StackIsNumbers(_In_ const CHECKER *Checker, _In_ const VALUE_ID *Slots, INT64 From, INT64 To);

/** The value of a whole slot, if that is what is read and one was stored. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VALUE_ID StackWhole(_In_ const CHECKER *Checker, _In_ const VALUE_ID *Slots, INT64 At, UINT32 SizeBytes);

/** The number in those bytes. What is no number there is any number. */
_IRQL_requires_max_(PASSIVE_LEVEL)
CHECK_NUMBER StackNumber(_In_ const CHECKER *Checker, _In_ const VALUE_ID *Slots, INT64 At, UINT32 SizeBytes);

/** The same within one slot. */
_IRQL_requires_max_(PASSIVE_LEVEL)
CHECK_NUMBER StackNumberIn(_In_ const CHECKER *Checker, VALUE_ID Slot, UINT32 At, UINT32 SizeBytes);

/** Stores the low bytes of a number. Exact where it starts a slot or fills half of one. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID StackWriteNumber(_Inout_ CHECKER *Checker, _Inout_ VALUE_ID *Slots, INT64 At, UINT32 SizeBytes, VALUE_ID Number);

/** Bytes [From, To) become any numbers. What is left of a pointer is nothing. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID StackWriteAny(_Inout_ CHECKER *Checker, _Inout_ VALUE_ID *Slots, INT64 From, INT64 To);

/** Numbers are written to some of [From, To): what was a number there is any number, all else nothing. */
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID StackWriteSomewhere(_Inout_ CHECKER *Checker, _Inout_ VALUE_ID *Slots, INT64 From, INT64 To);
