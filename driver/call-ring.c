// Requests about records: ring buffers, and rings of processors.
#include "call.h"
#include "maps/perf-event-array.h"
#include "maps/ring.h"

static BOOLEAN
IsPerProcessor(const EBPF_MAP *Map)
{
    return Map->Definition.Type == EBPF_MAP_TYPE_PERF_EVENT_ARRAY;
}

/** The map of a request, with a reference; NULL, and the error is told, if the client has none, or it has no records. */
static EBPF_MAP *
FindRing(DISPATCH_CALL *Call, UINT32 Handle)
{
    EBPF_OBJECT *Object = CallFindObject(Call, ObjectMap, Handle);
    if (Object == NULL)
        return NULL;
    EBPF_MAP *Map = CONTAINING_RECORD(Object, EBPF_MAP, Object);
    if (IsPerProcessor(Map) || Map->Definition.Type == EBPF_MAP_TYPE_RINGBUF)
        return Map;
    CallFail(Call, EbpfErrorMapOperationUnsupported);
    ObjectRelease(Object);
    return NULL;
}

/** Takes one record into Room bytes at To; *TakenBytes is what it takes there, also if it has no room. */
static INT32
TakeRecord(EBPF_MAP *Map, UINT8 *To, UINT32 Room, UINT64 *TakenBytes)
{
    EBPF_RECORD Record = {0};
    *TakenBytes = sizeof(Record);
    if (Room < sizeof(Record))
        return MAP_TOO_BIG;
    UINT8 *Data = To + sizeof(Record);
    // Whole words, so that the zeros have room too.
    UINT32 Capacity = (Room - (UINT32)sizeof(Record)) & ~7u;
    INT32 Result = IsPerProcessor(Map) ? PerfRead(Map, Data, Capacity, &Record.DataBytes, &Record.Processor)
                                       : RingRead(Map, Data, Capacity, &Record.DataBytes);
    UINT64 PaddedBytes = MapAlign(Record.DataBytes, 8);
    *TakenBytes += PaddedBytes;
    if (Result == MAP_OK) {
        memset(Data + Record.DataBytes, 0, PaddedBytes - Record.DataBytes);
        memcpy(To, &Record, sizeof(Record));
    }
    return Result;
}

VOID
CallRingRead(DISPATCH_CALL *Call)
{
    const EBPF_RING_READ_REQUEST *Request = Call->Request;
    EBPF_RING_READ_REPLY *Reply = Call->Reply;
    EBPF_MAP *Map = FindRing(Call, Request->Handle);
    if (Map == NULL)
        return;
    UINT32 Room = Call->ReplyCapacityBytes - Call->ReplyFixedBytes;
    UINT8 *Data = CallReserve(Call, Room);
    UINT32 Count = 0, At = 0;
    UINT64 TakenBytes = 0;
    INT32 Result = MAP_OK;
    for (; Count < Request->MaximumRecords; Count++, At += (UINT32)TakenBytes) {
        Result = TakeRecord(Map, Data + At, Room - At, &TakenBytes);
        if (Result != MAP_OK)
            break;
    }
    Call->ReplyBytes = Call->ReplyFixedBytes + At;
    Reply->Count = Count;
    Reply->DataBytes = At;
    if (Count == 0 && Result == MAP_TOO_BIG) {
        Reply->DataBytes = (UINT32)TakenBytes;
        CallFail(Call, EbpfErrorArgumentInvalid);
    }
    ObjectRelease(&Map->Object);
}

VOID
CallRingWait(DISPATCH_CALL *Call)
{
    const EBPF_RING_WAIT_REQUEST *Request = Call->Request;
    EBPF_RING_WAIT_REPLY *Reply = Call->Reply;
    if (Request->Milliseconds > EBPF_MAXIMUM_WAIT_MILLISECONDS) {
        CallFail(Call, EbpfErrorArgumentInvalid);
        return;
    }
    EBPF_MAP *Map = FindRing(Call, Request->Handle);
    if (Map == NULL)
        return;
    Reply->Ready = IsPerProcessor(Map) ? PerfAwait(Map) : RingAwait(Map);
    ObjectRelease(&Map->Object);
    if (Reply->Ready || Call->Deadline == NULL)
        return;
    UINT64 Now = PlatformMonotonicTime();
    if (*Call->Deadline == 0)
        *Call->Deadline = Now + Request->Milliseconds * 1000000ull;
    Call->Pending = Now < *Call->Deadline;
}
