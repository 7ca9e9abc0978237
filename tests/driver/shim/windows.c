// The shim as fwpkclnt.sys, under Wine: a device of its own, by which tests play frames and see what came of them. It is there
// while a driver has callouts registered.
#include "shim.h"

#define SHIM_CODE(Function) (0x8EBEu << 16 | 3u << 14 | (0x800u + (Function)) << 2)
#define MDL_IN_SYSTEM_MEMORY (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)

NTSTATUS NTAPI IoCreateDriver(UNICODE_STRING *Name, PDRIVER_INITIALIZE Initialize);
VOID NTAPI IoDeleteDriver(DRIVER_OBJECT *Driver);

static UNICODE_STRING DriverName = RTL_CONSTANT_STRING(L"\\Driver\\EbpfShim");
static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\EbpfShim");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\EbpfShim");
static DRIVER_OBJECT *Door;

VOID *
ShimAllocate(SIZE_T SizeBytes)
{
    return PlatformAllocate(SizeBytes);
}

VOID
ShimFree(VOID *Memory)
{
    PlatformFree(Memory);
}

VOID
ShimFreeGiven(VOID *Memory)
{
    ExFreePool(Memory);
}

UINT8 *
ShimMdlMemory(const MDL *Mdl)
{
    return (Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) != 0 ? (UINT8 *)Mdl->MappedSystemVa
                                                          : (UINT8 *)Mdl->StartVa + Mdl->ByteOffset;
}

MDL *
ShimMakeMdl(UINT8 *Memory, UINT32 SizeBytes)
{
    MDL *Mdl = PlatformAllocate(sizeof(MDL));
    *Mdl = (MDL){.MdlFlags = MDL_IN_SYSTEM_MEMORY, .MappedSystemVa = Memory, .ByteCount = SizeBytes};
    return Mdl;
}

/** Wine has no levels to hold anyone to. */
VOID
ShimRaise(VOID)
{
}

VOID
ShimLower(VOID)
{
}

VOID
ShimRequirePassive(const char *Function)
{
    (VOID)Function;
}

/** How many bytes the answer has; 0 if the request is none. */
static UINT32
Play(UINT8 *Buffer, UINT32 RequestBytes, UINT32 ReplyBytes)
{
    SHIM_FRAME Frame;
    SHIM_VERDICT Verdict;
    if (RequestBytes < sizeof(Frame))
        return 0;
    memcpy(&Frame, Buffer, sizeof(Frame));
    UINT8 *Bytes = Buffer + sizeof(Frame);
    if (Frame.SizeBytes != RequestBytes - sizeof(Frame) || Frame.CutCount >= SHIM_MAXIMUM_PIECES ||
        ReplyBytes < sizeof(Verdict) + Frame.SizeBytes)
        return 0;
    ShimPlay(&Frame, Bytes, &Verdict);
    memmove(Buffer + sizeof(Verdict), Bytes, Frame.SizeBytes);
    memcpy(Buffer, &Verdict, sizeof(Verdict));
    return sizeof(Verdict) + Frame.SizeBytes;
}

static UINT32
PlaySocket(UINT8 *Buffer, UINT32 RequestBytes, UINT32 ReplyBytes)
{
    SHIM_SOCKET Socket;
    if (RequestBytes != sizeof(Socket) || ReplyBytes < sizeof(SHIM_SOCKET_RESULT))
        return 0;
    memcpy(&Socket, Buffer, sizeof(Socket));
    ShimPlaySocket(&Socket, (SHIM_SOCKET_RESULT *)Buffer);
    return sizeof(SHIM_SOCKET_RESULT);
}

static UINT32
Take(UINT8 *Buffer, UINT32 ReplyBytes)
{
    SHIM_INJECTED *Injected = (SHIM_INJECTED *)Buffer;
    if (ReplyBytes < sizeof(SHIM_INJECTED) + SHIM_MAXIMUM_FRAME)
        return 0;
    // All zeros: there is none.
    memset(Injected, 0, sizeof(*Injected));
    (VOID)ShimTakeInjected(Injected, (UINT8 *)(Injected + 1));
    return sizeof(*Injected) + Injected->SizeBytes;
}

static UINT32
Count(UINT8 *Buffer, UINT32 ReplyBytes)
{
    if (ReplyBytes < sizeof(SHIM_COUNTS))
        return 0;
    ShimCount((SHIM_COUNTS *)Buffer);
    return sizeof(SHIM_COUNTS);
}

static UINT32
TellViolation(UINT8 *Buffer, UINT32 ReplyBytes)
{
    const char *Rule = ShimTakeViolation();
    UINT32 Length = 0;
    for (; Rule[Length] != 0 && Length < ReplyBytes; Length++)
        Buffer[Length] = (UINT8)Rule[Length];
    return Length;
}

static NTSTATUS NTAPI
Control(DEVICE_OBJECT *Device, IRP *Irp)
{
    const IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    UINT8 *Buffer = Irp->AssociatedIrp.SystemBuffer;
    UINT32 RequestBytes = Stack->Parameters.DeviceIoControl.InputBufferLength;
    UINT32 ReplyBytes = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    UINT32 Bytes = 0;
    NTSTATUS Status = STATUS_SUCCESS;
    (VOID)Device;
    switch (Stack->Parameters.DeviceIoControl.IoControlCode) {
    case SHIM_CODE(1):
        Bytes = Play(Buffer, RequestBytes, ReplyBytes);
        Status = Bytes == 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
        break;
    case SHIM_CODE(2):
        Bytes = Take(Buffer, ReplyBytes);
        break;
    case SHIM_CODE(3):
        Bytes = Count(Buffer, ReplyBytes);
        break;
    case SHIM_CODE(4):
        Bytes = TellViolation(Buffer, ReplyBytes);
        break;
    case SHIM_CODE(5):
        ShimSetRunning(RequestBytes != 0 && Buffer[0] != 0);
        break;
    case SHIM_CODE(6):
        Bytes = PlaySocket(Buffer, RequestBytes, ReplyBytes);
        Status = Bytes == 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
        break;
    default:
        Status = STATUS_INVALID_DEVICE_REQUEST;
    }
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Bytes;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI
Succeed(DEVICE_OBJECT *Device, IRP *Irp)
{
    (VOID)Device;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI
Initialize(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    DEVICE_OBJECT *Device;
    (VOID)Path;
    NTSTATUS Status = IoCreateDevice(Driver, 0, &DeviceName, 0x8EBE, 0, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    IoDeleteSymbolicLink(&LinkName);
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    Driver->MajorFunction[IRP_MJ_CREATE] = Succeed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = Succeed;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    Door = Driver;
    return Status;
}

VOID
ShimOpenDoor(VOID)
{
    if (Door == NULL && !NT_SUCCESS(IoCreateDriver(&DriverName, Initialize)))
        ShimViolate("the shim has no device");
}

VOID
ShimCloseDoor(VOID)
{
    if (Door == NULL)
        return;
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Door->DeviceObject);
    IoDeleteDriver(Door);
    Door = NULL;
}

/** As a driver it is only imported from. */
NTSTATUS NTAPI
DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    (VOID)Driver, (VOID)Path;
    return STATUS_SUCCESS;
}
