// Requests about maps.
#include "call.h"
#include "map.h"

/** A bound for one map, whatever its client may have: it is zeroed in one go. */
static BOOLEAN
IsTooLarge(const EBPF_MAP_DEFINITION *Definition)
{
    UINT64 EntryBytes = (UINT64)Definition->KeySizeBytes + Definition->ValueSizeBytes;
    return Definition->MaxEntries > EBPF_MAXIMUM_MAP_BYTES / (EntryBytes == 0 ? 1 : EntryBytes);
}

/** Charged to the client first, so that nobody gets what he may not have, not even for a moment. */
static NTSTATUS
PrepareMap(EBPF_ACCOUNT *Account, const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    if (IsTooLarge(Definition))
        return STATUS_NO_MEMORY;
    UINT64 SizeBytes = MapCountBytes(Definition);
    if (!AccountCharge(Account, SizeBytes))
        return STATUS_NO_MEMORY;
    NTSTATUS Status = MapPrepare(Definition, Map);
    if (!NT_SUCCESS(Status)) {
        AccountRefund(Account, SizeBytes);
        return Status;
    }
    (*Map)->Object.Account = Account;
    (*Map)->Object.ChargedBytes = SizeBytes;
    return STATUS_SUCCESS;
}

VOID
CallMapCreate(DISPATCH_CALL *Call)
{
    const EBPF_MAP_CREATE_REQUEST *Request = Call->Request;
    EBPF_HANDLE_REPLY *Reply = Call->Reply;
    EBPF_MAP_DEFINITION Definition;
    EBPF_MAP *Map;
    memcpy(&Definition, &Request->Map, sizeof(Definition));
    if (!CallIsName(Request->Name)) {
        CallFail(Call, EbpfErrorArgumentInvalid);
        return;
    }
    NTSTATUS Status = PrepareMap(ClientAccount(Call->Client), &Definition, &Map);
    if (!NT_SUCCESS(Status)) {
        CallFail(
            Call,
            Status == STATUS_NO_MEMORY       ? EbpfErrorMemoryExhausted
            : Status == STATUS_NOT_SUPPORTED ? EbpfErrorMapTypeUnsupported
                                             : EbpfErrorMapDefinitionInvalid);
        return;
    }
    memcpy(Map->Object.Name, Request->Name, sizeof(Map->Object.Name));
    MapPublish(Map);
    // Once it has a handle, another thread of the client may close it.
    UINT32 Id = Map->Object.Id;
    UINT32 Handle = CallOpenHandle(Call, &Map->Object);
    if (Handle == 0)
        return;
    Reply->Handle = Handle;
    Reply->Id = Id;
}

/** The error of what a map answered; Supported tells whether its type does that at all. */
static EBPF_ERROR
ErrorOf(INT32 Result, BOOLEAN Supported)
{
    if (!Supported)
        return EbpfErrorMapOperationUnsupported;
    switch (Result) {
    case MAP_OK:
        return EbpfErrorNone;
    case MAP_NOT_FOUND:
        return EbpfErrorMapKeyNotFound;
    case MAP_TOO_BIG:
        return EbpfErrorMapFull;
    case MAP_NO_MEMORY:
        return EbpfErrorMemoryExhausted;
    case MAP_EXISTS:
        return EbpfErrorMapKeyExists;
    case MAP_NOT_PERMITTED:
        return EbpfErrorMapOperationUnsupported;
    default:
        return EbpfErrorMapValueInvalid;
    }
}

/** The map of a request with a key; NULL, and the error is told, if a size or flag is not what the map and the request take. */
static EBPF_MAP *
FindMap(DISPATCH_CALL *Call, BOOLEAN KeyOptional, UINT32 MaximumFlags, BOOLEAN WithValue)
{
    const EBPF_MAP_KEY_REQUEST *Request = Call->Request;
    EBPF_OBJECT *Object = CallFindObject(Call, ObjectMap, Request->Handle);
    if (Object == NULL)
        return NULL;
    EBPF_MAP *Map = CONTAINING_RECORD(Object, EBPF_MAP, Object);
    BOOLEAN KeyFits =
        Request->KeyBytes == Map->Definition.KeySizeBytes || (KeyOptional && Request->KeyBytes == 0);
    BOOLEAN ValueFits = Request->ValueBytes == (WithValue ? MapCopySize(Map) : 0);
    if (KeyFits && ValueFits && Request->Flags <= MaximumFlags)
        return Map;
    CallFail(Call, KeyFits && ValueFits ? EbpfErrorArgumentInvalid : EbpfErrorMapValueInvalid);
    ObjectRelease(Object);
    return NULL;
}

static const UINT8 *
KeyOf(const DISPATCH_CALL *Call)
{
    return CallTail(Call, sizeof(EBPF_MAP_KEY_REQUEST));
}

/** Ends a request whose reply has SizeBytes after its fixed part if it succeeded. */
static VOID
Finish(DISPATCH_CALL *Call, EBPF_MAP *Map, EBPF_ERROR Error, UINT32 SizeBytes)
{
    if (Error != EbpfErrorNone)
        CallFail(Call, Error);
    else if (SizeBytes != 0)
        ((EBPF_DATA_REPLY *)Call->Reply)->DataBytes = SizeBytes;
    ObjectRelease(&Map->Object);
}

VOID
CallMapLookup(DISPATCH_CALL *Call)
{
    EBPF_MAP *Map = FindMap(Call, FALSE, 0, FALSE);
    if (Map == NULL)
        return;
    BOOLEAN Supported = Map->Type->Peek != NULL;
    UINT64 SizeBytes = MapCopySize(Map);
    UINT8 *Value = Supported ? CallReserve(Call, SizeBytes) : NULL;
    if (Supported && Value == NULL) {
        Finish(Call, Map, EbpfErrorArgumentInvalid, 0);
        return;
    }
    INT32 Result = Supported ? MapRead(Map, KeyOf(Call), Value) : MAP_INVALID;
    Finish(Call, Map, ErrorOf(Result, Supported), (UINT32)SizeBytes);
}

VOID
CallMapUpdate(DISPATCH_CALL *Call)
{
    const EBPF_MAP_KEY_REQUEST *Request = Call->Request;
    EBPF_MAP *Map = FindMap(Call, FALSE, MAP_UPDATE_EXIST, TRUE);
    if (Map == NULL)
        return;
    const UINT8 *Key = KeyOf(Call);
    INT32 Result = MapWrite(Map, Key, Key + Request->KeyBytes, Request->Flags);
    ObjectCheckHandles(&Map->Object);
    if (Result == MAP_TOO_BIG && Map->Type->KeyIsPlace)
        Result = MAP_NOT_FOUND;
    Finish(Call, Map, ErrorOf(Result, Map->Type->Update != NULL), 0);
}

VOID
CallMapDelete(DISPATCH_CALL *Call)
{
    EBPF_MAP *Map = FindMap(Call, FALSE, 0, FALSE);
    if (Map == NULL)
        return;
    INT32 Result = MapErase(Map, KeyOf(Call));
    Finish(Call, Map, ErrorOf(Result, Map->Type->Delete != NULL), 0);
}

VOID
CallMapNextKey(DISPATCH_CALL *Call)
{
    const EBPF_MAP_KEY_REQUEST *Request = Call->Request;
    EBPF_MAP *Map = FindMap(Call, TRUE, 0, FALSE);
    if (Map == NULL)
        return;
    BOOLEAN Supported = Map->Type->NextKey != NULL;
    UINT32 SizeBytes = Map->Definition.KeySizeBytes;
    UINT8 *Next = Supported ? CallReserve(Call, SizeBytes) : NULL;
    if (Supported && Next == NULL) {
        Finish(Call, Map, EbpfErrorArgumentInvalid, 0);
        return;
    }
    const UINT8 *Key = Request->KeyBytes == 0 ? NULL : KeyOf(Call);
    INT32 Result = Supported ? MapNextKey(Map, Key, Next) : MAP_INVALID;
    Finish(Call, Map, ErrorOf(Result, Supported), SizeBytes);
}

VOID
CallMapLookupBatch(DISPATCH_CALL *Call)
{
    const EBPF_MAP_BATCH_REQUEST *Request = Call->Request;
    EBPF_MAP_BATCH_REPLY *Reply = Call->Reply;
    EBPF_OBJECT *Object = CallFindObject(Call, ObjectMap, Request->Handle);
    if (Object == NULL)
        return;
    EBPF_MAP *Map = CONTAINING_RECORD(Object, EBPF_MAP, Object);
    UINT32 Room = Call->ReplyCapacityBytes - Call->ReplyFixedBytes;
    UINT64 Place = Request->Cursor;
    MAP_BATCH Batch = {.Data = CallReserve(Call, Room), .CapacityBytes = Room};
    INT32 Result = Request->Reserved == 0 ? MapReadBatch(Map, &Place, &Batch) : MAP_TOO_BIG;
    // What one place takes is in memory: it is less than the bound of a map for each processor.
    Reply->DataBytes = Batch.SizeBytes > UINT32_MAX ? UINT32_MAX : (UINT32)Batch.SizeBytes;
    if (Result == MAP_OK) {
        Reply->Count = Batch.Count;
        Reply->Cursor = Place;
        Call->ReplyBytes = Call->ReplyFixedBytes + Reply->DataBytes;
    }
    Finish(
        Call,
        Map,
        Result == MAP_TOO_BIG ? EbpfErrorArgumentInvalid : ErrorOf(Result, Map->Type->CopyPlace != NULL),
        0);
}

VOID
CallMapFreeze(DISPATCH_CALL *Call)
{
    const EBPF_HANDLE_REQUEST *Request = Call->Request;
    EBPF_OBJECT *Object = CallFindObject(Call, ObjectMap, Request->Handle);
    if (Object == NULL)
        return;
    EBPF_MAP *Map = CONTAINING_RECORD(Object, EBPF_MAP, Object);
    Finish(Call, Map, MapFreeze(Map) ? EbpfErrorNone : EbpfErrorMapOperationUnsupported, 0);
}
