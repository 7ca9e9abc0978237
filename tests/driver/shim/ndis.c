// NDIS.SYS under Wine, whose own knows nothing of buffers: it leads to the shim (ndis.def), and as a driver does nothing.
#include <ntifs.h>

NTSTATUS NTAPI
DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    (VOID)Driver, (VOID)Path;
    return STATUS_SUCCESS;
}
