// Requests about programs: loading them, and running them on a packet that came with the request.
#include "call.h"
#include "event.h"
#include "hooks/xdp.h"
#include "program.h"
#include "proof.h"

static BOOLEAN AllowUncertified;

VOID
CallSetAllowUncertified(BOOLEAN Allow)
{
    AllowUncertified = Allow;
}

/** What the handles of a request stand for, with a reference to each. */
typedef struct _MAP_LIST {
    UINT32 Count;
    EBPF_MAP *Maps[PROGRAM_MAXIMUM_MAPS];
} MAP_LIST;

static VOID
ReleaseMaps(MAP_LIST *List)
{
    while (List->Count > 0)
        ObjectRelease(&List->Maps[--List->Count]->Object);
}

/** FALSE, and the error is told, if one of them is none; what was found before stays in the list. */
static BOOLEAN
FindMaps(DISPATCH_CALL *Call, MAP_LIST *List)
{
    const EBPF_PROGRAM_CREATE_REQUEST *Request = Call->Request;
    const UINT8 *Handles = CallTail(Call, sizeof(*Request));
    while (List->Count < Request->MapCount) {
        UINT32 Handle;
        memcpy(&Handle, Handles + List->Count * sizeof(Handle), sizeof(Handle));
        EBPF_OBJECT *Object = CallFindObject(Call, ObjectMap, Handle);
        if (Object == NULL)
            return FALSE;
        List->Maps[List->Count++] = CONTAINING_RECORD(Object, EBPF_MAP, Object);
    }
    return TRUE;
}

/** None if the request may be tried. */
static EBPF_ERROR
CheckCreate(const EBPF_PROGRAM_CREATE_REQUEST *Request)
{
    if (ProgramTypeFind(Request->ProgramType) == NULL)
        return EbpfErrorProgramTypeUnsupported;
    if (Request->Engine > EBPF_ENGINE_INTERPRETER || Request->MapCount > PROGRAM_MAXIMUM_MAPS ||
        Request->SlotCount > EBPF_MAXIMUM_SLOTS || Request->SectionBytes > EBPF_MAXIMUM_SECTION_BYTES ||
        Request->CertificateBytes > EBPF_MAXIMUM_CERTIFICATE_BYTES || !CallIsName(Request->Name))
        return EbpfErrorArgumentInvalid;
    return EbpfErrorNone;
}

/** Compiles the program if it may be, and notes why if it is not. */
static VOID
ChooseEngine(EBPF_PROGRAM *Program, UINT32 Engine)
{
    if (Engine == EBPF_ENGINE_INTERPRETER) {
        Program->EngineReason = EBPF_REASON_REQUEST;
    } else if (!Program->Certified && !AllowUncertified) {
        Program->EngineReason = EBPF_REASON_UNCERTIFIED;
    } else if (!NT_SUCCESS(ProgramCompile(Program, TRUE))) {
        Program->EngineReason = EBPF_REASON_MEMORY;
    }
}

/** Who gives the driver what is not proved is for administrators to know. */
static EBPF_ERROR
RefuseProof(EBPF_ERROR Error)
{
    const UINT64 Numbers[] = {PlatformCurrentProcess() >> 32, Error};
    EventWrite(EventCertificateRefused, Numbers, RTL_NUMBER_OF(Numbers));
    return Error;
}

/** Checks the certificate of a program, if it has one. */
static EBPF_ERROR
Certify(DISPATCH_CALL *Call, EBPF_PROGRAM *Program, const UINT8 *Slots)
{
    const EBPF_PROGRAM_CREATE_REQUEST *Request = Call->Request;
    EBPF_ACCOUNT *Account = ClientAccount(Call->Client);
    UINT64 SizeBytes = CertificateCountBytes(Request->CertificateBytes, Request->SlotCount);
    const UINT8 *Section = Slots + (SIZE_T)Request->SlotCount * sizeof(EBPF_INSTRUCTION);
    EBPF_PROOF Proof = {
        .Slots = (const EBPF_INSTRUCTION *)Slots,
        .Section = (const char *)Section,
        .SectionBytes = Request->SectionBytes,
        .Certificate = Section + Request->SectionBytes,
        .CertificateBytes = Request->CertificateBytes,
    };
    if (Request->CertificateBytes == 0)
        return EbpfErrorNone;
    if (!AccountCharge(Account, SizeBytes))
        return EbpfErrorMemoryExhausted;
    CERTIFICATE_OUTCOME Outcome = ProofCheck(Program, &Proof);
    AccountRefund(Account, SizeBytes);
    switch (Outcome) {
    case CertificateProved:
        Program->Certified = TRUE;
        return EbpfErrorNone;
    case CertificateInvalid:
        return RefuseProof(EbpfErrorCertificateInvalid);
    case CertificateMismatch:
        return RefuseProof(EbpfErrorCertificateMismatch);
    case CertificateUnchecked:
        return EbpfErrorMemoryExhausted;
    default:
        return RefuseProof(EbpfErrorCertificateRefused);
    }
}

/** Only now is it known what it takes; a request's size bounds what that is. */
static EBPF_ERROR
Charge(DISPATCH_CALL *Call, EBPF_PROGRAM *Program)
{
    UINT64 SizeBytes = ProgramCountBytes(Program);
    if (!AccountCharge(ClientAccount(Call->Client), SizeBytes))
        return EbpfErrorMemoryExhausted;
    Program->Object.Account = ClientAccount(Call->Client);
    Program->Object.ChargedBytes = SizeBytes;
    return EbpfErrorNone;
}

/** The program, which nobody else sees yet; NULL, and the error is told, if there is none. */
static EBPF_PROGRAM *
Prepare(DISPATCH_CALL *Call, const MAP_LIST *List)
{
    const EBPF_PROGRAM_CREATE_REQUEST *Request = Call->Request;
    EBPF_PROGRAM_CREATE_REPLY *Reply = Call->Reply;
    const UINT8 *Slots = CallTail(Call, sizeof(*Request) + (UINT64)Request->MapCount * sizeof(UINT32));
    EBPF_FINDING Finding;
    UINT32 FindingSlot;
    EBPF_PROGRAM *Program;
    NTSTATUS Status = ProgramPrepare(
        ProgramTypeFind(Request->ProgramType),
        (const EBPF_INSTRUCTION *)Slots,
        Request->SlotCount,
        List->Maps,
        List->Count,
        &Program,
        &Finding,
        &FindingSlot);
    if (NT_SUCCESS(Status)) {
        memcpy(Program->Object.Name, Request->Name, sizeof(Program->Object.Name));
        EBPF_ERROR Error = Certify(Call, Program, Slots);
        if (Error == EbpfErrorNone) {
            ChooseEngine(Program, Request->Engine);
            Error = Charge(Call, Program);
        }
        if (Error == EbpfErrorNone)
            return Program;
        ProgramDiscard(Program);
        CallFail(Call, Error);
        return NULL;
    }
    if (Status == STATUS_INVALID_IMAGE_FORMAT) {
        Reply->Finding = Finding;
        Reply->FindingSlot = FindingSlot;
        CallFail(Call, EbpfErrorProgramRejected);
    } else {
        CallFail(Call, Status == STATUS_NO_MEMORY ? EbpfErrorMemoryExhausted : EbpfErrorArgumentInvalid);
    }
    return NULL;
}

VOID
CallProgramCreate(DISPATCH_CALL *Call)
{
    const EBPF_PROGRAM_CREATE_REQUEST *Request = Call->Request;
    EBPF_PROGRAM_CREATE_REPLY *Reply = Call->Reply;
    EBPF_ERROR Error = CheckCreate(Request);
    if (Error != EbpfErrorNone) {
        CallFail(Call, Error);
        return;
    }
    MAP_LIST List = {0};
    EBPF_PROGRAM *Program = FindMaps(Call, &List) ? Prepare(Call, &List) : NULL;
    ReleaseMaps(&List);
    if (Program == NULL)
        return;
    UINT32 Engine = Program->Code.Entry == NULL ? EBPF_ENGINE_INTERPRETER : EBPF_ENGINE_JIT;
    UINT32 Reason = Program->EngineReason;
    ProgramPublish(Program);
    // Once it has a handle, another thread of the client may close it.
    UINT32 Id = Program->Object.Id;
    UINT32 Handle = CallOpenHandle(Call, &Program->Object);
    if (Handle == 0)
        return;
    Reply->Handle = Handle;
    Reply->Id = Id;
    Reply->Engine = Engine;
    Reply->EngineReason = Reason;
}

/** What runs work on: the context, then the packet with room in front. */
typedef struct _RUN_MEMORY {
    const EBPF_PROGRAM *Program;
    const EBPF_PROGRAM_RUN_REQUEST *Request;
    UINT8 *Context;
    UINT8 *Packet;
    /** Of xdp: where the last run left the packet. */
    XDP_FRAME Frame;
} RUN_MEMORY;

/** So that the packet behind a context begins at a multiple of it too. */
#define CONTEXT_ALIGNMENT 16

static VOID
SetField(UINT8 *Context, UINT32 ByteOffset, UINT64 Value, UINT32 SizeBytes)
{
    if (ByteOffset != EBPF_NO_FIELD)
        memcpy(Context + ByteOffset, &Value, SizeBytes);
}

/** Addresses of the driver are the program's to know for its run, and nobody else's. */
static VOID
SetAddresses(const EBPF_PROGRAM_TYPE *Type, UINT8 *Context, UINT64 Packet, UINT64 PacketEnd)
{
    SetField(Context, Type->PacketStart, Packet, sizeof(UINT64));
    SetField(Context, Type->PacketEnd, PacketEnd, sizeof(UINT64));
    SetField(Context, Type->PacketMeta, Packet, sizeof(UINT64));
}

static VOID
RunOnce(RUN_MEMORY *Memory, EBPF_RUN_OUTPUT *Output)
{
    const EBPF_PROGRAM_RUN_REQUEST *Request = Memory->Request;
    const EBPF_PROGRAM_TYPE *Type = Memory->Program->Type;
    const UINT8 *Given = (const UINT8 *)(Request + 1);
    UINT64 Packet = (UINT64)(UINT_PTR)Memory->Packet;
    memcpy(Memory->Packet, Given, Request->PacketBytes);
    memset(Memory->Context, 0, Type->ContextBytes);
    SetField(Memory->Context, Type->InterfaceIndex, Request->InterfaceIndex, sizeof(UINT32));
    memcpy(Memory->Context, Given + Request->PacketBytes, Request->ContextBytes);
    SetAddresses(Type, Memory->Context, Packet, Packet + Request->PacketBytes);
    Memory->Frame = (XDP_FRAME){
        .Data = Memory->Packet,
        .Origin = Memory->Packet,
        .SizeBytes = Request->PacketBytes,
        .HeadroomBytes = XDP_HEADROOM_BYTES,
    };
    EBPF_RUN_INPUT Input = {
        .Context = Memory->Context,
        .ContextSizeBytes = Type->ContextBytes,
        .Packet = Memory->Packet,
        .PacketSizeBytes = Request->PacketBytes,
        .Budget = Request->Budget,
        .Subject = Type == &XdpProgramType ? &Memory->Frame : NULL,
    };
    EBPF_IRQL Irql = PlatformRaise();
    ProgramRun(Memory->Program, &Input, Output);
    PlatformLower(Irql);
}

static VOID
RunAll(DISPATCH_CALL *Call, RUN_MEMORY *Memory)
{
    const EBPF_PROGRAM_RUN_REQUEST *Request = Memory->Request;
    EBPF_PROGRAM_RUN_REPLY *Reply = Call->Reply;
    EBPF_RUN_OUTPUT Output;
    UINT64 Start = PlatformMonotonicTime();
    do {
        RunOnce(Memory, &Output);
        Reply->Runs++;
        Reply->Nanoseconds = PlatformMonotonicTime() - Start;
    } while (Reply->Runs < Request->Repeat && Output.Fault == FaultNone &&
             Reply->Nanoseconds < EBPF_MAXIMUM_RUN_NANOSECONDS);
    SetAddresses(Memory->Program->Type, Memory->Context, 0, 0);
    Reply->Fault = Output.Fault;
    Reply->FaultSlot = Output.FaultSlot;
    Reply->Result = Output.Result;
    Reply->BudgetLeft = Output.Budget;
    Reply->PacketBytes = Memory->Frame.SizeBytes;
    Reply->ContextBytes = Request->ContextBytes;
}

/** What the request gives must be what programs of the type have. */
static BOOLEAN
CheckRun(const EBPF_PROGRAM_TYPE *Type, const EBPF_PROGRAM_RUN_REQUEST *Request)
{
    return (Request->ContextBytes == 0 || Request->ContextBytes == Type->ContextBytes) &&
           (Request->PacketBytes == 0 || Type->PacketStart != EBPF_NO_FIELD) &&
           (Request->InterfaceIndex == 0 || Type->InterfaceIndex != EBPF_NO_FIELD);
}

static VOID
RunOnRequest(DISPATCH_CALL *Call, const EBPF_PROGRAM *Program)
{
    const EBPF_PROGRAM_RUN_REQUEST *Request = Call->Request;
    if (!CheckRun(Program->Type, Request)) {
        CallFail(Call, EbpfErrorArgumentInvalid);
        return;
    }
    UINT8 *Left = CallReserve(Call, (UINT64)Request->PacketBytes + Request->ContextBytes);
    UINT64 ContextRoom = MapAlign(Program->Type->ContextBytes, CONTEXT_ALIGNMENT) + XDP_HEADROOM_BYTES;
    UINT8 *Room = Left == NULL ? NULL : PlatformAllocate(ContextRoom + Request->PacketBytes);
    if (Room == NULL) {
        CallFail(Call, Left == NULL ? EbpfErrorArgumentInvalid : EbpfErrorMemoryExhausted);
        return;
    }
    RUN_MEMORY Memory = {.Program = Program, .Request = Request, .Context = Room, .Packet = Room + ContextRoom};
    RunAll(Call, &Memory);
    Left = CallReserve(Call, (UINT64)Memory.Frame.SizeBytes + Request->ContextBytes);
    if (Left == NULL) {
        CallFail(Call, EbpfErrorArgumentInvalid);
    } else {
        memcpy(Left, Memory.Frame.Data, Memory.Frame.SizeBytes);
        memcpy(Left + Memory.Frame.SizeBytes, Memory.Context, Request->ContextBytes);
    }
    PlatformFree(Room);
}

VOID
CallProgramRun(DISPATCH_CALL *Call)
{
    const EBPF_PROGRAM_RUN_REQUEST *Request = Call->Request;
    if (Request->PacketBytes > EBPF_MAXIMUM_PACKET_BYTES || Request->Repeat == 0 ||
        Request->Budget > EBPF_MAXIMUM_BUDGET) {
        CallFail(Call, EbpfErrorArgumentInvalid);
        return;
    }
    EBPF_OBJECT *Object = CallFindObject(Call, ObjectProgram, Request->Handle);
    if (Object == NULL)
        return;
    RunOnRequest(Call, CONTAINING_RECORD(Object, EBPF_PROGRAM, Object));
    ObjectRelease(Object);
}
