#include "wfp/inject.h"

#include "wfp/system.h"

/** Frames that are answered faster than they leave do not take all memory. */
#define MAXIMUM_UNDER_WAY 4096
/** An Ethernet header before it, and the IP header is at a multiple of 16. */
#define ETHERNET_PAD 2
/** Ebpf. */
#define POOL_TAG 0x66706245

typedef struct _INJECTION {
    MDL *Mdl;
    UINT8 Pad[16 - sizeof(MDL *) + ETHERNET_PAD];
    UINT8 Data[];
} INJECTION;
C_ASSERT(offsetof(INJECTION, Data) % 16 == ETHERNET_PAD);

static HANDLE Handle;
static HANDLE Pool;
static BOOLEAN Opened;
static UINT64 UnderWay;

_Use_decl_annotations_
NTSTATUS
InjectInitiate(VOID)
{
    static const NET_BUFFER_LIST_POOL_PARAMETERS Parameters = {
        .Type = NDIS_OBJECT_TYPE_DEFAULT,
        .Revision = 1,
        .Size = sizeof(NET_BUFFER_LIST_POOL_PARAMETERS),
        .fAllocateNetBuffer = TRUE,
        .PoolTag = POOL_TAG,
    };
    Pool = NdisAllocateNetBufferListPool(NULL, &Parameters);
    if (Pool == NULL)
        return STATUS_NO_MEMORY;
    NTSTATUS Status = FwpsInjectionHandleCreate0(WFP_AF_UNSPEC, FWPS_INJECTION_TYPE_L2, &Handle);
    if (!NT_SUCCESS(Status)) {
        NdisFreeNetBufferListPool(Pool);
        Handle = NULL;
    }
    return Status;
}

_Use_decl_annotations_
VOID
InjectTerminate(VOID)
{
    if (Handle == NULL)
        return;
    InjectClose();
    FwpsInjectionHandleDestroy0(Handle);
    NdisFreeNetBufferListPool(Pool);
    Handle = NULL;
}

_Use_decl_annotations_
VOID
InjectOpen(VOID)
{
    __atomic_store_n(&Opened, TRUE, __ATOMIC_SEQ_CST);
}

_Use_decl_annotations_
VOID
InjectShut(VOID)
{
    __atomic_store_n(&Opened, FALSE, __ATOMIC_SEQ_CST);
}

_Use_decl_annotations_
VOID
InjectClose(VOID)
{
    InjectShut();
    while (__atomic_load_n(&UnderWay, __ATOMIC_SEQ_CST) != 0)
        PlatformYield();
}

static VOID
Leave(VOID)
{
    __atomic_sub_fetch(&UnderWay, 1, __ATOMIC_SEQ_CST);
}

/** Counts in first, so that who closes either sees us, or is seen. */
static BOOLEAN
Enter(VOID)
{
    UINT64 Count = __atomic_add_fetch(&UnderWay, 1, __ATOMIC_SEQ_CST);
    if (Count <= MAXIMUM_UNDER_WAY && __atomic_load_n(&Opened, __ATOMIC_SEQ_CST))
        return TRUE;
    Leave();
    return FALSE;
}

static VOID
Free(INJECTION *Injection)
{
    if (Injection->Mdl != NULL)
        WfpForget(Injection->Mdl);
    PlatformFree(Injection);
    Leave();
}

/** How it ended is in the list's status; a frame that was lost is lost, as on any wire. */
static VOID NTAPI
Complete(VOID *Context, NET_BUFFER_LIST *List, BOOLEAN AtDispatch)
{
    (VOID)AtDispatch;
    FwpsFreeNetBufferList0(List);
    Free(Context);
}

/** What is said of a frame beside its bytes. */
static VOID
CopyInformation(const INJECT_TARGET *Target, NET_BUFFER_LIST *List)
{
    List->NetBufferListInfo[NBL_INFO_8021Q] = Target->Original->NetBufferListInfo[NBL_INFO_8021Q];
    // Downwards it would mean what the interface is to reckon.
    if (!Target->Send && !Target->Moved)
        List->NetBufferListInfo[NBL_INFO_CHECKSUM] = Target->Original->NetBufferListInfo[NBL_INFO_CHECKSUM];
}

static BOOLEAN
Send(const INJECT_TARGET *Target, INJECTION *Injection, UINT32 SizeBytes)
{
    NET_BUFFER_LIST *List;
    Injection->Mdl = WfpDescribe(Injection->Data, SizeBytes);
    if (Injection->Mdl == NULL ||
        !NT_SUCCESS(FwpsAllocateNetBufferAndNetBufferList0(Pool, 0, 0, Injection->Mdl, 0, SizeBytes, &List)))
        return FALSE;
    CopyInformation(Target, List);
    FWPS_INJECT_MAC *Inject = Target->Send ? FwpsInjectMacSendAsync0 : FwpsInjectMacReceiveAsync0;
    UINT16 Layer = Target->Send ? FWPS_LAYER_OUTBOUND_MAC_FRAME_NATIVE : FWPS_LAYER_INBOUND_MAC_FRAME_NATIVE;
    NTSTATUS Status = Inject(
        Handle, NULL, 0, Layer, Target->InterfaceIndex, Target->NdisPort, List, Complete, Injection);
    if (!NT_SUCCESS(Status))
        FwpsFreeNetBufferList0(List);
    return NT_SUCCESS(Status);
}

_Use_decl_annotations_
BOOLEAN
InjectFrame(const INJECT_TARGET *Target, const UINT8 *Data, UINT32 SizeBytes)
{
    if (SizeBytes == 0 || !Enter())
        return FALSE;
    INJECTION *Injection = PlatformAllocate(sizeof(INJECTION) + SizeBytes);
    if (Injection == NULL) {
        Leave();
        return FALSE;
    }
    memcpy(Injection->Data, Data, SizeBytes);
    if (Send(Target, Injection, SizeBytes))
        return TRUE;
    Free(Injection);
    return FALSE;
}

_Use_decl_annotations_
BOOLEAN
InjectIsOwn(const NET_BUFFER_LIST *List)
{
    HANDLE Context;
    FWPS_PACKET_INJECTION_STATE State = FwpsQueryPacketInjectionState0(Handle, List, &Context);
    return State == FWPS_PACKET_INJECTED_BY_SELF || State == FWPS_PACKET_PREVIOUSLY_INJECTED_BY_SELF;
}
