// Requests that wait (RING_WAIT): IRPs that DispatchCall has left pending, in a queue from which they are asked again when there is a
// record, when their time is over, or taken out when they are cancelled, their file is closed or the driver stops.
#pragma once

#include "../dispatch.h"

/** Starts the thread that asks again; the caller ends it with WaitsStop. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS WaitsStart(VOID);

/** Ends all that wait still, and the thread. No request may come any more. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID WaitsStop(VOID);

/** Answers a control request of the device, now or later; what is to be returned to the I/O manager. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS WaitsControl(_Inout_ IRP *Irp);

/** Cancels what waits of that open file; when it returns nobody asks for that any more. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID WaitsCancel(_In_ const FILE_OBJECT *File);
