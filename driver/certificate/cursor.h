// Reads the integers of a certificate, each in its one shortest form. What is wrong is a refusal; 0 is read then.
#pragma once

#include "certificate/state.h"

typedef struct _CURSOR {
    const UINT8 *Bytes;
    UINT64 SizeBytes;
    UINT64 Position;
} CURSOR;

_IRQL_requires_max_(PASSIVE_LEVEL) UINT8 CursorByte(_Inout_ CHECKER *Checker, _Inout_ CURSOR *Cursor);

/** From 0 to Most, which is at most INTERVAL_MOST. */
_IRQL_requires_max_(PASSIVE_LEVEL) INT64 CursorUnsigned(_Inout_ CHECKER *Checker, _Inout_ CURSOR *Cursor, INT64 Most);

/** Within +- Most. */
_IRQL_requires_max_(PASSIVE_LEVEL) INT64 CursorSigned(_Inout_ CHECKER *Checker, _Inout_ CURSOR *Cursor, INT64 Most);
