#pragma once

#include "platform.h"

/** What went wrong, after EpochInitiate; says what to the standard error. */
UINT32 RaceHooks(VOID);
