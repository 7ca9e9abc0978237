// EbpfCore.sys: the device \Device\EbpfCore, which administrators and the system may open, and its requests, which all go to
// the dispatch. It knows nothing of programs and maps.
#include "dispatch.h"
#include "event.h"
#include "ioctl.h"
#include "wfp/engine.h"
#include "windows/waits.h"

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD CoreUnload;
static DRIVER_DISPATCH CoreCreate, CoreCleanup, CoreClose, CoreControl;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\EbpfCore");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\EbpfCore");

static BOOLEAN HooksStarted;

/** D:P(A;;FA;;;SY)(A;;FA;;;BA): all rights to the system and to administrators, none to others, none inherited. */
static const struct {
    SECURITY_DESCRIPTOR_RELATIVE Descriptor;
    ACL List;
    struct {
        ACE_HEADER Header;
        ACCESS_MASK Mask;
        UINT8 Sid[12];
    } System;
    struct {
        ACE_HEADER Header;
        ACCESS_MASK Mask;
        UINT8 Sid[16];
    } Administrators;
} Security = {
    .Descriptor =
        {
            .Revision = SECURITY_DESCRIPTOR_REVISION,
            .Control = SE_SELF_RELATIVE | SE_DACL_PRESENT | SE_DACL_PROTECTED,
            .Dacl = sizeof(SECURITY_DESCRIPTOR_RELATIVE),
        },
    .List =
        {
            .AclRevision = ACL_REVISION,
            .AclSize = sizeof(Security) - sizeof(SECURITY_DESCRIPTOR_RELATIVE),
            .AceCount = 2,
        },
    .System =
        {
            .Header = {.AceType = ACCESS_ALLOWED_ACE_TYPE, .AceSize = sizeof(Security.System)},
            .Mask = FILE_ALL_ACCESS,
            // S-1-5-18
            .Sid = {1, 1, 0, 0, 0, 0, 0, 5, 18},
        },
    .Administrators =
        {
            .Header = {.AceType = ACCESS_ALLOWED_ACE_TYPE, .AceSize = sizeof(Security.Administrators)},
            .Mask = FILE_ALL_ACCESS,
            // S-1-5-32-544
            .Sid = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2},
        },
};
C_ASSERT(sizeof(Security) == 20 + 8 + 20 + 24);

/** While the device is being initialised nobody can open it, so it is never there without this. */
static NTSTATUS
SecureDevice(DEVICE_OBJECT *Device)
{
    HANDLE Handle;
    // Devices of Wine have no descriptors.
    if (WindowsIsEmulated())
        return STATUS_SUCCESS;
    NTSTATUS Status =
        ObOpenObjectByPointer(Device, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, NULL, KernelMode, &Handle);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ZwSetSecurityObject(Handle, DACL_SECURITY_INFORMATION, (PSECURITY_DESCRIPTOR)&Security);
    ZwClose(Handle);
    return Status;
}

static NTSTATUS
OpenKey(HANDLE Root, UNICODE_STRING *Name, HANDLE *Key)
{
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, Name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, Root, NULL);
    return ZwOpenKey(Key, KEY_READ, &Attributes);
}

/** A DWORD of the service's Parameters key; 0 if it is not there. */
static UINT32
ReadParameter(UNICODE_STRING *ServicePath, const WCHAR *Name)
{
    UNICODE_STRING Parameters = RTL_CONSTANT_STRING(L"Parameters");
    UNICODE_STRING ValueName;
    HANDLE Service, Key;
    ULONG Length;
    UINT32 Result = 0;
    struct {
        KEY_VALUE_PARTIAL_INFORMATION Information;
        UINT8 More[sizeof(UINT32)];
    } Value;
    RtlInitUnicodeString(&ValueName, Name);
    if (!NT_SUCCESS(OpenKey(NULL, ServicePath, &Service)))
        return 0;
    if (NT_SUCCESS(OpenKey(Service, &Parameters, &Key))) {
        NTSTATUS Status =
            ZwQueryValueKey(Key, &ValueName, KeyValuePartialInformation, &Value, sizeof(Value), &Length);
        if (NT_SUCCESS(Status) && Value.Information.Type == REG_DWORD &&
            Value.Information.DataLength == sizeof(Result))
            memcpy(&Result, Value.Information.Data, sizeof(Result));
        ZwClose(Key);
    }
    ZwClose(Service);
    return Result;
}

/** The rights that an open asked for, and was given. */
static UINT32
AccessOf(const IO_STACK_LOCATION *Stack)
{
    const IO_SECURITY_CONTEXT *Context = Stack->Parameters.Create.SecurityContext;
    // Windows always has one, Wine never.
    if (Context == NULL)
        return EBPF_ACCESS_READ | EBPF_ACCESS_WRITE;
    C_ASSERT(EBPF_ACCESS_READ == FILE_READ_DATA && EBPF_ACCESS_WRITE == FILE_WRITE_DATA);
    return Context->DesiredAccess & (FILE_READ_DATA | FILE_WRITE_DATA);
}

static NTSTATUS NTAPI
CoreCreate(DEVICE_OBJECT *Device, IRP *Irp)
{
    IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    (VOID)Device;
    EBPF_CLIENT *Client = ClientOpen(AccessOf(Stack));
    Stack->FileObject->FsContext = Client;
    NTSTATUS Status = Client == NULL ? STATUS_NO_MEMORY : STATUS_SUCCESS;
    WindowsComplete(Irp, Status, 0);
    return Status;
}

/** The last handle to the open file is closed; requests that wait hold the file itself. */
static NTSTATUS NTAPI
CoreCleanup(DEVICE_OBJECT *Device, IRP *Irp)
{
    (VOID)Device;
    WaitsCancel(IoGetCurrentIrpStackLocation(Irp)->FileObject);
    WindowsComplete(Irp, STATUS_SUCCESS, 0);
    return STATUS_SUCCESS;
}

/** The last reference to the open file is gone: no request of it is under way. */
static NTSTATUS NTAPI
CoreClose(DEVICE_OBJECT *Device, IRP *Irp)
{
    FILE_OBJECT *File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    (VOID)Device;
    // Wine knows no cleanup, and closes files that requests wait for.
    WaitsCancel(File);
    ClientClose(File->FsContext);
    File->FsContext = NULL;
    WindowsReapCode();
    WindowsComplete(Irp, STATUS_SUCCESS, 0);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI
CoreControl(DEVICE_OBJECT *Device, IRP *Irp)
{
    (VOID)Device;
    return WaitsControl(Irp);
}

/** Windows calls this only when no file of the device is open any more; Wine does not wait for that. */
static VOID NTAPI
CoreUnload(DRIVER_OBJECT *Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    if (HooksStarted)
        WfpStop();
    WaitsStop();
    DispatchTerminate();
    EpochTerminate();
    WindowsReapCode();
    IoDeleteDevice(Driver->DeviceObject);
    EventWrite(EventStopped, NULL, 0);
}

/** A driver that ended in a fault, as it can under Wine, has left its link behind. */
static NTSTATUS
CreateLink(VOID)
{
    NTSTATUS Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (NT_SUCCESS(Status))
        return Status;
    IoDeleteSymbolicLink(&LinkName);
    return IoCreateSymbolicLink(&LinkName, &DeviceName);
}

NTSTATUS NTAPI
DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    DEVICE_OBJECT *Device = NULL;
    DISPATCH_SETTINGS Settings = {.AllowUncertified = ReadParameter(RegistryPath, L"AllowUncertified") == 1};
    WindowsSetEventSource(Driver);
    NTSTATUS Status = WindowsInitiate();
    if (!NT_SUCCESS(Status))
        return Status;
    Status = EpochInitiate();
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateDevice(
        Driver, 0, &DeviceName, EBPF_DEVICE_TYPE, FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        goto Epoch;
    Status = SecureDevice(Device);
    if (!NT_SUCCESS(Status))
        goto DeleteDevice;
    Status = CreateLink();
    if (!NT_SUCCESS(Status))
        goto DeleteDevice;
    Status = WaitsStart();
    if (!NT_SUCCESS(Status))
        goto DeleteLink;
    EventWrite(EventStarted, &(UINT64){EBPF_CONTRACT_VERSION}, 1);
    DispatchInitiate(&Settings);
    // Without them, as in a system that was started without networking, programs are loaded and run on request all the same.
    HooksStarted = NT_SUCCESS(WfpStart(Device));
    WindowsReapCode();
    Driver->MajorFunction[IRP_MJ_CREATE] = CoreCreate;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = CoreCleanup;
    Driver->MajorFunction[IRP_MJ_CLOSE] = CoreClose;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = CoreControl;
    Driver->DriverUnload = CoreUnload;
    // The I/O manager does this for DriverEntry too.
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;

DeleteLink:
    IoDeleteSymbolicLink(&LinkName);
DeleteDevice:
    IoDeleteDevice(Device);
Epoch:
    EpochTerminate();
    return Status;
}
