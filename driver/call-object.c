// Requests about objects of all types, and what the others share.
#include "call.h"
#include "link.h"
#include "maps/ring.h"
#include "program.h"

C_ASSERT(EBPF_MAXIMUM_MAPS == PROGRAM_MAXIMUM_MAPS);
C_ASSERT(EBPF_NAME_BYTES == OBJECT_NAME_BYTES);
C_ASSERT(sizeof(EBPF_MAP_DESCRIPTION) == sizeof(EBPF_MAP_DEFINITION));

_Use_decl_annotations_
UINT32
CallOpenHandle(DISPATCH_CALL *Call, EBPF_OBJECT *Object)
{
    UINT32 Handle = HandleOpen(Call->Client, Object);
    if (Handle == 0) {
        ObjectRelease(Object);
        CallFail(Call, EbpfErrorMemoryExhausted);
    }
    return Handle;
}

_Use_decl_annotations_
BOOLEAN
CallIsName(const UINT8 *Name)
{
    UINT32 Length = 0;
    while (Length < EBPF_NAME_BYTES && Name[Length] != 0) {
        // A terminal takes these as orders.
        if (Name[Length] < ' ' || Name[Length] == 0x7f)
            return FALSE;
        Length++;
    }
    if (Length == EBPF_NAME_BYTES)
        return FALSE;
    while (Length < EBPF_NAME_BYTES)
        if (Name[Length++] != 0)
            return FALSE;
    return TRUE;
}

static EBPF_ERROR
NotFound(EBPF_OBJECT_TYPE Type)
{
    static const EBPF_ERROR Errors[] = {
        [ObjectProgram] = EbpfErrorProgramNotFound,
        [ObjectMap] = EbpfErrorMapNotFound,
        [ObjectLink] = EbpfErrorLinkNotFound,
    };
    return Errors[Type];
}

_Use_decl_annotations_
EBPF_OBJECT *
CallFindObject(DISPATCH_CALL *Call, EBPF_OBJECT_TYPE Type, UINT32 Handle)
{
    EBPF_OBJECT *Object = HandleFind(Call->Client, Handle);
    if (Object != NULL && Object->Type == Type)
        return Object;
    ObjectRelease(Object);
    CallFail(Call, NotFound(Type));
    return NULL;
}

/** FALSE, and the error is told, if there is no such type. */
static BOOLEAN
ParseType(DISPATCH_CALL *Call, UINT32 Number, EBPF_OBJECT_TYPE *Type)
{
    C_ASSERT(EBPF_TYPE_PROGRAM - 1 == ObjectProgram);
    C_ASSERT(EBPF_TYPE_MAP - 1 == ObjectMap);
    C_ASSERT(EBPF_TYPE_LINK - 1 == ObjectLink);
    *Type = (EBPF_OBJECT_TYPE)(Number - 1);
    if (Number - 1 <= ObjectLink)
        return TRUE;
    CallFail(Call, EbpfErrorArgumentInvalid);
    return FALSE;
}

VOID
CallObjectNext(DISPATCH_CALL *Call)
{
    const EBPF_OBJECT_REQUEST *Request = Call->Request;
    EBPF_OBJECT_TYPE Type;
    if (ParseType(Call, Request->Type, &Type))
        ((EBPF_OBJECT_NEXT_REPLY *)Call->Reply)->Id = ObjectNextId(Type, Request->Id);
}

VOID
CallObjectOpen(DISPATCH_CALL *Call)
{
    const EBPF_OBJECT_REQUEST *Request = Call->Request;
    EBPF_HANDLE_REPLY *Reply = Call->Reply;
    EBPF_OBJECT_TYPE Type;
    if (!ParseType(Call, Request->Type, &Type))
        return;
    EBPF_OBJECT *Object = ObjectFind(Type, Request->Id);
    if (Object == NULL) {
        CallFail(Call, NotFound(Type));
        return;
    }
    UINT32 Handle = CallOpenHandle(Call, Object);
    if (Handle == 0)
        return;
    Reply->Handle = Handle;
    Reply->Id = Request->Id;
}

static VOID
DescribeMap(const EBPF_MAP *Map, EBPF_OBJECT_INFO_REPLY *Reply)
{
    Reply->Type = EBPF_TYPE_MAP;
    memcpy(&Reply->Map, &Map->Definition, sizeof(Reply->Map));
    UINT64 CopyBytes = MapCopySize(Map);
    Reply->MapCopyBytes = CopyBytes > UINT32_MAX ? UINT32_MAX : (UINT32)CopyBytes;
    Reply->MapFrozen = MapIsFrozen(Map);
    Reply->MapEntries = MapCount(Map);
    if (Map->Definition.Type == EBPF_MAP_TYPE_RINGBUF)
        Reply->MapDropped = RingCountDropped(Map);
}

static VOID
DescribeProgram(const EBPF_PROGRAM *Program, EBPF_OBJECT_INFO_REPLY *Reply)
{
    Reply->Type = EBPF_TYPE_PROGRAM;
    Reply->ProgramType = Program->Type->Number;
    Reply->SlotCount = Program->Bytecode.SlotCount;
    Reply->Engine = Program->Code.Entry == NULL ? EBPF_ENGINE_INTERPRETER : EBPF_ENGINE_JIT;
    Reply->EngineReason = Program->EngineReason;
    Reply->Certified = Program->Certified;
    Reply->MapCount = Program->MapCount;
    for (UINT32 Index = 0; Index < Program->MapCount; Index++)
        Reply->MapIds[Index] = Program->Maps[Index]->Object.Id;
    PROGRAM_STATISTICS Sum = ProgramStatistics(Program);
    Reply->RunCount = Sum.Runs;
    Reply->RunNanoseconds = Sum.Nanoseconds;
    Reply->FaultCount = Sum.Faults;
}

static VOID
DescribeLink(const EBPF_LINK *Link, EBPF_OBJECT_INFO_REPLY *Reply)
{
    Reply->Type = EBPF_TYPE_LINK;
    LinkDescribe(Link, &Reply->Link);
}

VOID
CallObjectInfo(DISPATCH_CALL *Call)
{
    const EBPF_HANDLE_REQUEST *Request = Call->Request;
    EBPF_OBJECT_INFO_REPLY *Reply = Call->Reply;
    EBPF_OBJECT *Object = HandleFind(Call->Client, Request->Handle);
    if (Object == NULL) {
        CallFail(Call, EbpfErrorArgumentInvalid);
        return;
    }
    Reply->Id = Object->Id;
    Reply->MemoryBytes = Object->ChargedBytes;
    memcpy(Reply->Name, Object->Name, sizeof(Reply->Name));
    switch (Object->Type) {
    case ObjectMap:
        DescribeMap(CONTAINING_RECORD(Object, EBPF_MAP, Object), Reply);
        break;
    case ObjectProgram:
        DescribeProgram(CONTAINING_RECORD(Object, EBPF_PROGRAM, Object), Reply);
        break;
    case ObjectLink:
        DescribeLink(CONTAINING_RECORD(Object, EBPF_LINK, Object), Reply);
        break;
    }
    ObjectRelease(Object);
}

VOID
CallObjectClose(DISPATCH_CALL *Call)
{
    const EBPF_HANDLE_REQUEST *Request = Call->Request;
    if (!HandleClose(Call->Client, Request->Handle))
        CallFail(Call, EbpfErrorArgumentInvalid);
}

VOID
CallStatistics(DISPATCH_CALL *Call)
{
    const EBPF_STATISTICS_REQUEST *Request = Call->Request;
    if (Request->Enabled > 1)
        CallFail(Call, EbpfErrorArgumentInvalid);
    else
        ProgramCountRuns(Request->Enabled != 0);
}
