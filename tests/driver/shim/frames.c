// Frames: lists of buffers as NDIS makes them, and injection.
#include "shim.h"

#define FIELD_COUNT 9

/** A list of the shim's own. */
typedef struct _SHIM_LIST {
    NET_BUFFER_LIST List;
    NET_BUFFER Buffers[2];
    /** Who injected it; NULL: it came from outside. */
    HANDLE InjectedBy;
} SHIM_LIST;

/** A frame that is under way. */
typedef struct _UNDER_WAY {
    struct _UNDER_WAY *Next;
    SHIM_INJECTED About;
    UINT8 *Bytes;
    /** NULL: it is completed. */
    FWPS_INJECT_COMPLETE0 *Complete;
    HANDLE Context;
    NET_BUFFER_LIST *List;
} UNDER_WAY;

static EBPF_LOCK FramesLock;
static UNDER_WAY *First;
static UNDER_WAY **End = &First;
static BOOLEAN Held;
static UINT32 ListCount;
static UINT32 PoolCount;
static UINT32 HandleCount;
static UINT32 PendingCount;
static UINT8 Pool, Injection;

VOID
ShimCountFrames(SHIM_COUNTS *Counts)
{
    Counts->Lists = __atomic_load_n(&ListCount, __ATOMIC_SEQ_CST);
    Counts->Pools = __atomic_load_n(&PoolCount, __ATOMIC_SEQ_CST);
    Counts->Handles += __atomic_load_n(&HandleCount, __ATOMIC_SEQ_CST);
}

HANDLE NTAPI
NdisAllocateNetBufferListPool(HANDLE Ndis, const NET_BUFFER_LIST_POOL_PARAMETERS *Parameters)
{
    (VOID)Ndis;
    if (Parameters->Type != NDIS_OBJECT_TYPE_DEFAULT || Parameters->Revision != 1 || Parameters->Size != 16 ||
        !Parameters->fAllocateNetBuffer || Parameters->DataSize != 0)
        ShimViolate("parameters of a pool are wrong");
    if (ShimShouldFail())
        return NULL;
    __atomic_add_fetch(&PoolCount, 1, __ATOMIC_SEQ_CST);
    return &Pool;
}

VOID NTAPI
NdisFreeNetBufferListPool(HANDLE Given)
{
    if (Given != &Pool || __atomic_load_n(&ListCount, __ATOMIC_SEQ_CST) != 0)
        ShimViolate("a pool is freed whose lists are in use");
    __atomic_sub_fetch(&PoolCount, 1, __ATOMIC_SEQ_CST);
}

NTSTATUS NTAPI
FwpsInjectionHandleCreate0(UINT16 Family, UINT32 Flags, HANDLE *Handle)
{
    ShimRequirePassive("FwpsInjectionHandleCreate0");
    if (Family != WFP_AF_UNSPEC || Flags != FWPS_INJECTION_TYPE_L2)
        ShimViolate("an injection handle of another kind");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    __atomic_add_fetch(&HandleCount, 1, __ATOMIC_SEQ_CST);
    *Handle = &Injection;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI
FwpsInjectionHandleDestroy0(HANDLE Handle)
{
    ShimRequirePassive("FwpsInjectionHandleDestroy0");
    if (Handle != &Injection)
        ShimViolate("an injection handle is destroyed that is none");
    while (__atomic_load_n(&PendingCount, __ATOMIC_SEQ_CST) != 0)
        PlatformYield();
    __atomic_sub_fetch(&HandleCount, 1, __ATOMIC_SEQ_CST);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI
FwpsAllocateNetBufferAndNetBufferList0(
    HANDLE Given, UINT16 ContextSize, UINT16 Backfill, MDL *Mdl, UINT32 DataOffset, SIZE_T DataLength,
    NET_BUFFER_LIST **List)
{
    (VOID)ContextSize, (VOID)Backfill;
    if (Given != &Pool || Mdl == NULL || DataOffset + DataLength > Mdl->ByteCount)
        ShimViolate("a list of no pool, or longer than its memory");
    SHIM_LIST *New = ShimShouldFail() ? NULL : ShimAllocate(sizeof(SHIM_LIST));
    if (New == NULL)
        return STATUS_NO_MEMORY;
    New->Buffers[0] = (NET_BUFFER){
        .CurrentMdl = Mdl, .CurrentMdlOffset = DataOffset, .DataLength = DataLength, .MdlChain = Mdl, .DataOffset = DataOffset};
    New->List.FirstNetBuffer = &New->Buffers[0];
    __atomic_add_fetch(&ListCount, 1, __ATOMIC_SEQ_CST);
    *List = &New->List;
    return STATUS_SUCCESS;
}

VOID NTAPI
FwpsFreeNetBufferList0(NET_BUFFER_LIST *List)
{
    __atomic_sub_fetch(&ListCount, 1, __ATOMIC_SEQ_CST);
    ShimFree(CONTAINING_RECORD(List, SHIM_LIST, List));
}

FWPS_PACKET_INJECTION_STATE NTAPI
FwpsQueryPacketInjectionState0(HANDLE Handle, const NET_BUFFER_LIST *List, HANDLE *Context)
{
    (VOID)Context;
    if (Handle != &Injection)
        ShimViolate("an injection handle is asked about that is none");
    return CONTAINING_RECORD(List, SHIM_LIST, List)->InjectedBy == Handle ? FWPS_PACKET_INJECTED_BY_SELF
                                                                         : FWPS_PACKET_NOT_INJECTED;
}

/** The fields of both native layers, as many as Windows 10 has. */
static VOID
FillValues(UINT16 LayerId, UINT32 MediaType, UINT32 InterfaceIndex, FWPS_INCOMING_VALUE0 *Fields, FWPS_INCOMING_VALUES0 *Values)
{
    static const UINT32 Numbers[] = {
        FWPS_FIELD_MAC_FRAME_NATIVE_NDIS_MEDIA_TYPE,
        FWPS_FIELD_MAC_FRAME_NATIVE_INTERFACE_INDEX,
        FWPS_FIELD_MAC_FRAME_NATIVE_NDIS_PORT,
        FWPS_FIELD_MAC_FRAME_NATIVE_COMPARTMENT_ID,
    };
    const UINT32 Given[] = {MediaType, InterfaceIndex, InterfaceIndex + 100, 1};
    memset(Fields, 0, FIELD_COUNT * sizeof(*Fields));
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Numbers); Index++) {
        Fields[Numbers[Index]].value.type = FWP_UINT32;
        Fields[Numbers[Index]].value.uint32 = Given[Index];
    }
    *Values = (FWPS_INCOMING_VALUES0){.layerId = LayerId, .valueCount = FIELD_COUNT, .incomingValue = Fields};
}

static UINT64
ClassifyFrame(
    UINT16 LayerId, UINT32 MediaType, UINT32 InterfaceIndex, SHIM_LIST *List, BOOLEAN HardPermit, UINT32 Times,
    SHIM_VERDICT *Verdict)
{
    FWPS_INCOMING_VALUE0 Fields[FIELD_COUNT];
    SHIM_THING Thing = {.LayerData = &List->List, .HardPermit = HardPermit};
    NET_BUFFER Before = List->Buffers[0];
    FillValues(LayerId, MediaType, InterfaceIndex, Fields, &Thing.Values);
    UINT64 Nanoseconds = ShimClassify(&Thing, Times, Verdict);
    if (memcmp(&Before, &List->Buffers[0], sizeof(Before)) != 0)
        ShimViolate("a frame's description is changed");
    return Nanoseconds;
}

/** The pieces of a frame, each in memory of exactly its size. */
static MDL *
BuildPieces(const SHIM_FRAME *Frame, const UINT8 *Bytes)
{
    MDL *Head = NULL;
    MDL **Link = &Head;
    UINT32 Begin = 0;
    for (UINT32 Piece = 0; Piece <= Frame->CutCount; Piece++) {
        UINT32 Stop = Piece < Frame->CutCount ? Frame->Cuts[Piece] : Frame->SizeBytes;
        if (Stop < Begin || Stop > Frame->SizeBytes)
            continue;
        UINT32 Headroom = Head == NULL ? Frame->Headroom : 0;
        UINT8 *Memory = ShimAllocate(Headroom + (Stop - Begin) + 1);
        memset(Memory, 0x5a, Headroom);
        memcpy(Memory + Headroom, Bytes + Begin, Stop - Begin);
        *Link = ShimMakeMdl(Memory, Headroom + Stop - Begin);
        Link = &(*Link)->Next;
        Begin = Stop;
    }
    return Head;
}

/** Back into one piece, as the stack would read it; and freed. */
static VOID
EndPieces(MDL *Mdl, UINT32 Headroom, UINT8 *Bytes)
{
    for (MDL *Next; Mdl != NULL; Mdl = Next) {
        UINT8 *Memory = ShimMdlMemory(Mdl);
        Next = Mdl->Next;
        for (UINT32 Index = 0; Index < Headroom; Index++)
            if (Memory[Index] != 0x5a)
                ShimViolate("what is in front of a frame is written");
        memcpy(Bytes, Memory + Headroom, Mdl->ByteCount - Headroom);
        Bytes += Mdl->ByteCount - Headroom;
        Headroom = 0;
        ShimFree(Memory);
        ShimFree(Mdl);
    }
}

UINT64
ShimPlayMany(const SHIM_FRAME *Frame, UINT8 *Bytes, UINT32 Times, SHIM_VERDICT *Verdict)
{
    SHIM_LIST List = {0};
    MDL *Pieces = BuildPieces(Frame, Bytes);
    List.Buffers[0] = (NET_BUFFER){
        .CurrentMdl = Pieces,
        .CurrentMdlOffset = Frame->Headroom,
        .DataLength = Frame->SizeBytes,
        .MdlChain = Pieces,
        .DataOffset = Frame->Headroom,
        .Next = Frame->Buffers > 1 ? &List.Buffers[1] : NULL,
    };
    List.Buffers[1] = List.Buffers[0];
    List.Buffers[1].Next = NULL;
    List.List.FirstNetBuffer = &List.Buffers[0];
    // Who follows it without having asked for many at once falls.
    List.List.Next = (NET_BUFFER_LIST *)(UINT_PTR)0xdead0000;
    List.List.NblFlags = Frame->NblFlags;
    List.List.NetBufferListInfo[NBL_INFO_8021Q] = (VOID *)(UINT_PTR)Frame->Vlan;
    List.List.NetBufferListInfo[NBL_INFO_CHECKSUM] = (VOID *)(UINT_PTR)Frame->Checksum;
    UINT64 Nanoseconds = ClassifyFrame(
        FWPS_LAYER_INBOUND_MAC_FRAME_NATIVE, Frame->MediaType, Frame->InterfaceIndex, &List, Frame->HardPermit != 0,
        Times, Verdict);
    EndPieces(Pieces, Frame->Headroom, Bytes);
    return Nanoseconds;
}

VOID
ShimPlay(const SHIM_FRAME *Frame, UINT8 *Bytes, SHIM_VERDICT *Verdict)
{
    (VOID)ShimPlayMany(Frame, Bytes, 1, Verdict);
}

VOID
ShimHold(BOOLEAN Hold)
{
    __atomic_store_n(&Held, Hold, __ATOMIC_SEQ_CST);
    if (!Hold)
        ShimComplete();
}

/** Takes the completion of one that has none yet; FALSE if there is none. */
static BOOLEAN
TakePending(UNDER_WAY *Copy)
{
    BOOLEAN Found = FALSE;
    EBPF_IRQL Irql = LockAcquire(&FramesLock);
    for (UNDER_WAY *Each = First; Each != NULL && !Found; Each = Each->Next) {
        if (Each->Complete == NULL)
            continue;
        *Copy = *Each;
        Each->Complete = NULL;
        Found = TRUE;
    }
    LockRelease(&FramesLock, Irql);
    return Found;
}

VOID
ShimComplete(VOID)
{
    for (UNDER_WAY Each; TakePending(&Each);) {
        ShimRaise();
        Each.Complete(Each.Context, Each.List, TRUE);
        ShimLower();
        __atomic_sub_fetch(&PendingCount, 1, __ATOMIC_SEQ_CST);
    }
}

BOOLEAN
ShimTakeInjected(SHIM_INJECTED *Injected, UINT8 *Bytes)
{
    EBPF_IRQL Irql = LockAcquire(&FramesLock);
    UNDER_WAY *Taken = First;
    if (Taken != NULL && Taken->Complete != NULL)
        Taken = NULL;
    if (Taken != NULL) {
        First = Taken->Next;
        if (First == NULL)
            End = &First;
    }
    LockRelease(&FramesLock, Irql);
    if (Taken == NULL)
        return FALSE;
    *Injected = Taken->About;
    memcpy(Bytes, Taken->Bytes, Taken->About.SizeBytes);
    ShimFree(Taken->Bytes);
    ShimFree(Taken);
    return TRUE;
}

static NTSTATUS
Inject(BOOLEAN Sent, UINT16 LayerId, UINT32 InterfaceIndex, UINT32 NdisPort, NET_BUFFER_LIST *List,
    FWPS_INJECT_COMPLETE0 *Complete, HANDLE Context)
{
    SHIM_LIST *Own = CONTAINING_RECORD(List, SHIM_LIST, List);
    const NET_BUFFER *Buffer = List->FirstNetBuffer;
    UINT16 Expected = Sent ? FWPS_LAYER_OUTBOUND_MAC_FRAME_NATIVE : FWPS_LAYER_INBOUND_MAC_FRAME_NATIVE;
    SHIM_VERDICT Verdict;
    if (LayerId != Expected || NdisPort != InterfaceIndex + 100 || Complete == NULL)
        ShimViolate("a frame is injected at another layer or port, or cannot be completed");
    if (!ShimHasFilter(LayerId))
        ShimViolate("a frame is injected where no filter of ours is: the system would fall");
    if (Buffer->Next != NULL || List->Next != NULL)
        ShimViolate("more than one frame is injected at once: the system would fall");
    if (ShimShouldFail())
        return STATUS_NO_MEMORY;
    UNDER_WAY *New = ShimAllocate(sizeof(UNDER_WAY));
    UINT8 *Bytes = ShimAllocate(Buffer->DataLength);
    if (New == NULL || Bytes == NULL) {
        ShimFree(New);
        ShimFree(Bytes);
        return STATUS_NO_MEMORY;
    }
    memcpy(Bytes, ShimMdlMemory(Buffer->CurrentMdl) + Buffer->CurrentMdlOffset, Buffer->DataLength);
    *New = (UNDER_WAY){
        .About =
            {
                .Sent = Sent,
                .InterfaceIndex = InterfaceIndex,
                .NdisPort = NdisPort,
                .Vlan = (UINT32)(UINT_PTR)List->NetBufferListInfo[NBL_INFO_8021Q],
                .Checksum = (UINT32)(UINT_PTR)List->NetBufferListInfo[NBL_INFO_CHECKSUM],
                .SizeBytes = (UINT32)Buffer->DataLength,
            },
        .Bytes = Bytes,
        .Complete = Complete,
        .Context = Context,
        .List = List,
    };
    // It comes by the filters again, as a frame of ours.
    Own->InjectedBy = &Injection;
    (VOID)ClassifyFrame(LayerId, 0, InterfaceIndex, Own, FALSE, 1, &Verdict);
    if (Verdict.Action != FWP_ACTION_PERMIT)
        ShimViolate("a frame that the driver injected is blocked by it");
    __atomic_add_fetch(&PendingCount, 1, __ATOMIC_SEQ_CST);
    EBPF_IRQL Irql = LockAcquire(&FramesLock);
    *End = New;
    End = &New->Next;
    LockRelease(&FramesLock, Irql);
    if (!__atomic_load_n(&Held, __ATOMIC_SEQ_CST))
        ShimComplete();
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI
FwpsInjectMacReceiveAsync0(
    HANDLE Handle, HANDLE Context, UINT32 Flags, UINT16 LayerId, UINT32 InterfaceIndex, UINT32 NdisPort,
    NET_BUFFER_LIST *List, FWPS_INJECT_COMPLETE0 *Complete, HANDLE CompleteContext)
{
    if (Handle != &Injection || Context != NULL || Flags != 0)
        ShimViolate("an injection with another handle, or flags");
    return Inject(FALSE, LayerId, InterfaceIndex, NdisPort, List, Complete, CompleteContext);
}

NTSTATUS NTAPI
FwpsInjectMacSendAsync0(
    HANDLE Handle, HANDLE Context, UINT32 Flags, UINT16 LayerId, UINT32 InterfaceIndex, UINT32 NdisPort,
    NET_BUFFER_LIST *List, FWPS_INJECT_COMPLETE0 *Complete, HANDLE CompleteContext)
{
    if (Handle != &Injection || Context != NULL || Flags != 0)
        ShimViolate("an injection with another handle, or flags");
    return Inject(TRUE, LayerId, InterfaceIndex, NdisPort, List, Complete, CompleteContext);
}
