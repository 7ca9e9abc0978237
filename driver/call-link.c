// Requests about hooks and links.
#include "call.h"
#include "link.h"

static const EBPF_HOOK_ROW *
NextRow(UINT32 AttachType)
{
    const EBPF_HOOK_ROW *Best = NULL;
    for (UINT32 Index = 0; Index < HookCount; Index++) {
        const EBPF_HOOK_ROW *Row = &HookRows[Index];
        if (Row->AttachType > AttachType && (Best == NULL || Row->AttachType < Best->AttachType))
            Best = Row;
    }
    return Best;
}

VOID
CallHookNext(DISPATCH_CALL *Call)
{
    const EBPF_HOOK_NEXT_REQUEST *Request = Call->Request;
    EBPF_HOOK_NEXT_REPLY *Reply = Call->Reply;
    const EBPF_HOOK_ROW *Row = NextRow(Request->AttachType);
    if (Row == NULL)
        return;
    EBPF_HOOK_ID Hook = (EBPF_HOOK_ID)(Row - HookRows);
    Reply->AttachType = Row->AttachType;
    Reply->ProgramType = Row->ProgramType;
    Reply->Point = Row->Point;
    Reply->MaximumLinks = Row->MaximumLinks;
    Reply->Flags = HookIsPresent(Hook) ? EBPF_HOOK_PRESENT : 0;
    Reply->FaultResult = Row->FaultResult;
    Reply->LinkCount = HookLinkCount(Hook);
    for (UINT32 Index = 0; Index < sizeof(Reply->Name) - 1 && Row->Name[Index] != 0; Index++)
        Reply->Name[Index] = (UINT8)Row->Name[Index];
}

/** With a reference for the caller; NULL, and the error is told, if the client has no such handle. */
static EBPF_PROGRAM *
FindProgram(DISPATCH_CALL *Call, UINT32 Handle)
{
    EBPF_OBJECT *Object = CallFindObject(Call, ObjectProgram, Handle);
    return Object == NULL ? NULL : CONTAINING_RECORD(Object, EBPF_PROGRAM, Object);
}

VOID
CallLinkCreate(DISPATCH_CALL *Call)
{
    const EBPF_LINK_CREATE_REQUEST *Request = Call->Request;
    EBPF_HANDLE_REPLY *Reply = Call->Reply;
    EBPF_HOOK_ID Hook = HookFind(Request->AttachType);
    EBPF_LINK *Link;
    if (Hook == HookCount || Request->Reserved != 0) {
        CallFail(Call, Hook == HookCount ? EbpfErrorHookUnknown : EbpfErrorArgumentInvalid);
        return;
    }
    EBPF_PROGRAM *Program = FindProgram(Call, Request->ProgramHandle);
    if (Program == NULL)
        return;
    EBPF_ERROR Error = LinkCreate(Hook, Request->Point, Program, ClientAccount(Call->Client), &Link);
    ObjectRelease(&Program->Object);
    if (Error != EbpfErrorNone) {
        CallFail(Call, Error);
        return;
    }
    // Once it has a handle, another thread of the client may close it.
    UINT32 Id = Link->Object.Id;
    UINT32 Handle = CallOpenHandle(Call, &Link->Object);
    if (Handle == 0)
        return;
    Reply->Handle = Handle;
    Reply->Id = Id;
}

VOID
CallLinkReplace(DISPATCH_CALL *Call)
{
    const EBPF_LINK_REPLACE_REQUEST *Request = Call->Request;
    EBPF_OBJECT *Object = CallFindObject(Call, ObjectLink, Request->Handle);
    if (Object == NULL)
        return;
    EBPF_PROGRAM *Program = FindProgram(Call, Request->ProgramHandle);
    if (Program != NULL) {
        CallFail(Call, LinkReplace(CONTAINING_RECORD(Object, EBPF_LINK, Object), Program));
        ObjectRelease(&Program->Object);
    }
    ObjectRelease(Object);
}

VOID
CallLinkDetach(DISPATCH_CALL *Call)
{
    const EBPF_HANDLE_REQUEST *Request = Call->Request;
    EBPF_OBJECT *Object = CallFindObject(Call, ObjectLink, Request->Handle);
    if (Object == NULL)
        return;
    CallFail(Call, LinkDetach(CONTAINING_RECORD(Object, EBPF_LINK, Object)));
    ObjectRelease(Object);
}
