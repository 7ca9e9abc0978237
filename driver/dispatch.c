#include "dispatch.h"

#include "call.h"
#include "event.h"
#include "program.h"
#include "trace.h"

static DISPATCH_SETTINGS Settings;
static BOOLEAN JitAvailable;

/** How many bytes a request has in all, by what its fixed part says. */
typedef UINT64 REQUEST_SIZE(const VOID *Request);

typedef struct _DISPATCH_ROW {
    UINT32 Code;
    /** Of the fixed parts. */
    UINT32 RequestBytes;
    UINT32 ReplyBytes;
    /** NULL: there is no variable part. */
    REQUEST_SIZE *RequestSize;
    CALL_HANDLER *Handler;
} DISPATCH_ROW;

static UINT64
KeyRequestSize(const VOID *Memory)
{
    const EBPF_MAP_KEY_REQUEST *Request = Memory;
    return sizeof(*Request) + (UINT64)Request->KeyBytes + Request->ValueBytes;
}

static UINT64
CreateRequestSize(const VOID *Memory)
{
    const EBPF_PROGRAM_CREATE_REQUEST *Request = Memory;
    return sizeof(*Request) + (UINT64)Request->MapCount * sizeof(UINT32) +
           (UINT64)Request->SlotCount * sizeof(UINT64) + Request->SectionBytes + Request->CertificateBytes;
}

static UINT64
RunRequestSize(const VOID *Memory)
{
    const EBPF_PROGRAM_RUN_REQUEST *Request = Memory;
    return sizeof(*Request) + (UINT64)Request->PacketBytes + Request->ContextBytes;
}

static UINT32
CountObjects(EBPF_OBJECT_TYPE Type)
{
    UINT32 Count = 0;
    for (UINT32 Id = 0; (Id = ObjectNextId(Type, Id)) != 0;)
        Count++;
    return Count;
}

static VOID
CallStatus(DISPATCH_CALL *Call)
{
    EBPF_STATUS_REPLY *Reply = Call->Reply;
    Reply->ContractVersion = EBPF_CONTRACT_VERSION;
    Reply->Flags = (Settings.AllowUncertified ? EBPF_STATUS_ALLOW_UNCERTIFIED : 0) |
                   (JitAvailable ? EBPF_STATUS_JIT_AVAILABLE : 0) |
                   (ProgramRunsAreCounted() ? EBPF_STATUS_STATISTICS : 0);
    Reply->ProcessorCount = PlatformProcessorCount();
    Reply->ProgramCount = CountObjects(ObjectProgram);
    Reply->MapCount = CountObjects(ObjectMap);
    Reply->ClientCount = ClientCount();
    ACCOUNT_STATE Memory = AccountRead(ClientAccount(Call->Client));
    Reply->ClientMemoryBytes = Memory.ClientBytes;
    Reply->ClientMemoryLimitBytes = Memory.ClientLimitBytes;
    Reply->MemoryBytes = Memory.TotalBytes;
    Reply->MemoryLimitBytes = Memory.TotalLimitBytes;
}

/** Room is asked for first: a line that does not fit stays. */
static VOID
CallLogRead(DISPATCH_CALL *Call)
{
    EBPF_DATA_REPLY *Reply = Call->Reply;
    UINT8 *Line = CallReserve(Call, TRACE_LINE_BYTES);
    if (Line == NULL) {
        Reply->DataBytes = TRACE_LINE_BYTES;
        CallFail(Call, EbpfErrorArgumentInvalid);
        return;
    }
    Reply->Found = TraceRead(Line, &Reply->DataBytes);
    Call->ReplyBytes = Call->ReplyFixedBytes + Reply->DataBytes;
}

#define ROW(Code, Request, Reply, RequestSize, Handler)                \
    {                                                                  \
        EBPF_IOCTL_##Code, Request, sizeof(Reply), RequestSize, Handler \
    }

static const DISPATCH_ROW Rows[] = {
    ROW(STATUS, 0, EBPF_STATUS_REPLY, NULL, CallStatus),
    ROW(OBJECT_NEXT, sizeof(EBPF_OBJECT_REQUEST), EBPF_OBJECT_NEXT_REPLY, NULL, CallObjectNext),
    ROW(OBJECT_OPEN, sizeof(EBPF_OBJECT_REQUEST), EBPF_HANDLE_REPLY, NULL, CallObjectOpen),
    ROW(OBJECT_INFO, sizeof(EBPF_HANDLE_REQUEST), EBPF_OBJECT_INFO_REPLY, NULL, CallObjectInfo),
    ROW(OBJECT_CLOSE, sizeof(EBPF_HANDLE_REQUEST), EBPF_REPLY, NULL, CallObjectClose),
    ROW(STATISTICS, sizeof(EBPF_STATISTICS_REQUEST), EBPF_REPLY, NULL, CallStatistics),
    ROW(MAP_CREATE, sizeof(EBPF_MAP_CREATE_REQUEST), EBPF_HANDLE_REPLY, NULL, CallMapCreate),
    ROW(MAP_LOOKUP, sizeof(EBPF_MAP_KEY_REQUEST), EBPF_DATA_REPLY, KeyRequestSize, CallMapLookup),
    ROW(MAP_UPDATE, sizeof(EBPF_MAP_KEY_REQUEST), EBPF_REPLY, KeyRequestSize, CallMapUpdate),
    ROW(MAP_DELETE, sizeof(EBPF_MAP_KEY_REQUEST), EBPF_REPLY, KeyRequestSize, CallMapDelete),
    ROW(MAP_NEXT_KEY, sizeof(EBPF_MAP_KEY_REQUEST), EBPF_DATA_REPLY, KeyRequestSize, CallMapNextKey),
    ROW(MAP_FREEZE, sizeof(EBPF_HANDLE_REQUEST), EBPF_REPLY, NULL, CallMapFreeze),
    ROW(MAP_LOOKUP_BATCH, sizeof(EBPF_MAP_BATCH_REQUEST), EBPF_MAP_BATCH_REPLY, NULL, CallMapLookupBatch),
    ROW(RING_READ, sizeof(EBPF_RING_READ_REQUEST), EBPF_RING_READ_REPLY, NULL, CallRingRead),
    ROW(RING_WAIT, sizeof(EBPF_RING_WAIT_REQUEST), EBPF_RING_WAIT_REPLY, NULL, CallRingWait),
    ROW(PROGRAM_CREATE,
        sizeof(EBPF_PROGRAM_CREATE_REQUEST),
        EBPF_PROGRAM_CREATE_REPLY,
        CreateRequestSize,
        CallProgramCreate),
    ROW(PROGRAM_RUN, sizeof(EBPF_PROGRAM_RUN_REQUEST), EBPF_PROGRAM_RUN_REPLY, RunRequestSize, CallProgramRun),
    ROW(HOOK_NEXT, sizeof(EBPF_HOOK_NEXT_REQUEST), EBPF_HOOK_NEXT_REPLY, NULL, CallHookNext),
    ROW(LINK_CREATE, sizeof(EBPF_LINK_CREATE_REQUEST), EBPF_HANDLE_REPLY, NULL, CallLinkCreate),
    ROW(LINK_REPLACE, sizeof(EBPF_LINK_REPLACE_REQUEST), EBPF_REPLY, NULL, CallLinkReplace),
    ROW(LINK_DETACH, sizeof(EBPF_HANDLE_REQUEST), EBPF_REPLY, NULL, CallLinkDetach),
    ROW(LOG_READ, 0, EBPF_DATA_REPLY, NULL, CallLogRead),
};

static const DISPATCH_ROW *
FindRow(UINT32 Code)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Rows); Index++)
        if (Rows[Index].Code == Code)
            return &Rows[Index];
    return NULL;
}

/** The request's size must be what its fixed part says: neither is more nor less there. */
static NTSTATUS
CheckRequest(const DISPATCH_ROW *Row, const VOID *Request, UINT32 RequestBytes)
{
    UINT64 Expected = Row->RequestSize == NULL ? Row->RequestBytes : Row->RequestSize(Request);
    return RequestBytes == Expected ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/** A copy, charged to the client as long as it is there; NULL if there is no memory for it. */
static VOID *
Capture(EBPF_CLIENT *Client, const VOID *Buffer, UINT32 RequestBytes)
{
    if (!AccountCharge(ClientAccount(Client), RequestBytes))
        return NULL;
    VOID *Request = PlatformAllocate(RequestBytes);
    if (Request == NULL)
        AccountRefund(ClientAccount(Client), RequestBytes);
    else
        memcpy(Request, Buffer, RequestBytes);
    return Request;
}

_Use_decl_annotations_
NTSTATUS
DispatchCall(
    EBPF_CLIENT *Client,
    UINT32 Code,
    VOID *Buffer,
    UINT32 RequestBytes,
    UINT32 ReplyCapacityBytes,
    UINT32 *ReplyBytes,
    UINT64 *Deadline)
{
    *ReplyBytes = 0;
    const DISPATCH_ROW *Row = FindRow(Code);
    if (Row == NULL)
        return STATUS_INVALID_DEVICE_REQUEST;
    // The I/O manager has looked at this already, by the same bits of the code.
    if ((ClientAccess(Client) & (Code >> 14 & 3)) != (Code >> 14 & 3))
        return STATUS_ACCESS_DENIED;
    if (RequestBytes < Row->RequestBytes)
        return STATUS_INVALID_PARAMETER;
    if (ReplyCapacityBytes < Row->ReplyBytes)
        return STATUS_BUFFER_TOO_SMALL;
    // The buffer is the I/O manager's: nobody changes it meanwhile.
    NTSTATUS Status = CheckRequest(Row, Buffer, RequestBytes);
    if (!NT_SUCCESS(Status))
        return Status;
    // Request and reply share it, and the reply is written while the request is still needed.
    VOID *Request = NULL;
    if (RequestBytes != 0) {
        Request = Capture(Client, Buffer, RequestBytes);
        if (Request == NULL)
            Status = STATUS_NO_MEMORY;
    }
    if (NT_SUCCESS(Status)) {
        DISPATCH_CALL Call = {
            .Client = Client,
            .Request = Request,
            .Reply = Buffer,
            .ReplyFixedBytes = Row->ReplyBytes,
            .ReplyCapacityBytes = ReplyCapacityBytes,
            .ReplyBytes = Row->ReplyBytes,
            .Deadline = Deadline,
        };
        memset(Buffer, 0, Row->ReplyBytes);
        Row->Handler(&Call);
        *ReplyBytes = Call.Pending ? 0 : Call.ReplyBytes;
        if (Call.Pending) {
            // It is there again for the next time.
            memcpy(Buffer, Request, RequestBytes);
            Status = STATUS_PENDING;
        }
    }
    PlatformFree(Request);
    if (Request != NULL)
        AccountRefund(ClientAccount(Client), RequestBytes);
    // What the call has given up is freed now, and not when a program happens to run.
    EpochSettle();
    return Status;
}

/** Whether the system lets memory become executable. */
static BOOLEAN
ProbeCode(VOID)
{
    VOID *Memory = PlatformAllocateCode(1);
    if (Memory == NULL)
        return FALSE;
    *(UINT8 *)Memory = 0xc3;
    BOOLEAN Sealed = PlatformSealCode(Memory, 1);
    PlatformFreeCode(Memory, 1);
    return Sealed;
}

_Use_decl_annotations_
VOID
DispatchInitiate(const DISPATCH_SETTINGS *Given)
{
    Settings = *Given;
    AccountInitiate(Settings.ClientMemoryBytes, Settings.TotalMemoryBytes);
    CallSetAllowUncertified(Settings.AllowUncertified);
    JitAvailable = ProbeCode();
    if (!JitAvailable)
        EventWrite(PlatformCodeIsForbidden() ? EventMemoryIntegrity : EventCodeRefused, NULL, 0);
    if (Settings.AllowUncertified)
        EventWrite(EventAllowUncertified, NULL, 0);
    ProgramCountRuns(FALSE);
}

_Use_decl_annotations_
VOID
DispatchTerminate(VOID)
{
    ClientCloseAll();
    EpochSynchronize();
}
