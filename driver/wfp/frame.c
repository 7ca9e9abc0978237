#include "wfp/frame.h"

#include "wfp/system.h"

/** What an interface without coalescing receives, jumbo frames too. */
#define PLACE_BYTES 16384u
#define FRAME_ALLOCATED UINT32_MAX

/** As many as frames are looked at at once, in the kernel. */
typedef struct DECLSPEC_ALIGN(64) _PLACE {
    UINT32 Taken;
    UINT8 *Memory;
} PLACE;

static PLACE *Places;
static UINT32 PlaceCount;

_Use_decl_annotations_
NTSTATUS
FrameInitiate(VOID)
{
    PlaceCount = PlatformProcessorCount();
    Places = PlatformAllocate(PlaceCount * sizeof(PLACE));
    for (UINT32 Index = 0; Places != NULL && Index < PlaceCount; Index++) {
        Places[Index].Memory = PlatformAllocate(XDP_HEADROOM_BYTES + PLACE_BYTES);
        if (Places[Index].Memory == NULL) {
            FrameTerminate();
            break;
        }
    }
    return Places == NULL ? STATUS_NO_MEMORY : STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
FrameTerminate(VOID)
{
    for (UINT32 Index = 0; Places != NULL && Index < PlaceCount; Index++)
        PlatformFree(Places[Index].Memory);
    PlatformFree(Places);
    Places = NULL;
}

/** This processor's place, or another that is free: what is below DISPATCH_LEVEL can be moved, or be preempted. */
static BOOLEAN
TakePlace(WFP_FRAME *Frame)
{
    UINT32 First = PlatformProcessorNumber();
    for (UINT32 Count = 0; Count < PlaceCount; Count++) {
        UINT32 Place = (First + Count) % PlaceCount;
        if (__atomic_exchange_n(&Places[Place].Taken, 1, __ATOMIC_ACQUIRE) == 0) {
            Frame->Place = Place;
            Frame->Copy = Places[Place].Memory;
            return TRUE;
        }
    }
    return FALSE;
}

static BOOLEAN
TakeMemory(WFP_FRAME *Frame)
{
    if (Frame->SizeBytes <= PLACE_BYTES && TakePlace(Frame))
        return TRUE;
    Frame->Place = FRAME_ALLOCATED;
    Frame->Copy = PlatformAllocate(XDP_HEADROOM_BYTES + (SIZE_T)Frame->SizeBytes);
    return Frame->Copy != NULL;
}

/** Where one is in the MDLs of a frame. */
typedef struct _CURSOR {
    MDL *Mdl;
    UINT32 Offset;
    UINT32 Left;
} CURSOR;

static CURSOR
Begin(const WFP_FRAME *Frame)
{
    return (CURSOR){
        .Mdl = Frame->Buffer->CurrentMdl,
        .Offset = Frame->Buffer->CurrentMdlOffset,
        .Left = Frame->SizeBytes,
    };
}

/** How many bytes the next piece has, and where; 0 if there is none, or it cannot be had: then Left is not 0. */
static UINT32
NextPiece(CURSOR *Cursor, UINT8 **Address)
{
    while (Cursor->Left != 0 && Cursor->Mdl != NULL) {
        MDL *Mdl = Cursor->Mdl;
        UINT32 Offset = Cursor->Offset;
        Cursor->Mdl = Mdl->Next;
        Cursor->Offset = 0;
        if (Offset >= WfpMdlBytes(Mdl))
            continue;
        UINT32 SizeBytes = WfpMdlBytes(Mdl) - Offset;
        if (SizeBytes > Cursor->Left)
            SizeBytes = Cursor->Left;
        UINT8 *Memory = WfpMapMdl(Mdl);
        if (Memory == NULL)
            return 0;
        *Address = Memory + Offset;
        Cursor->Left -= SizeBytes;
        return SizeBytes;
    }
    return 0;
}

static BOOLEAN
Gather(WFP_FRAME *Frame)
{
    CURSOR Cursor = Begin(Frame);
    UINT8 *Piece;
    UINT8 *To = Frame->Copy + XDP_HEADROOM_BYTES;
    for (UINT32 SizeBytes; (SizeBytes = NextPiece(&Cursor, &Piece)) != 0; To += SizeBytes)
        memcpy(To, Piece, SizeBytes);
    return Cursor.Left == 0;
}

/** What is shown from now on, the program's begin of it and all. */
static VOID
ShowCopy(WFP_FRAME *Frame)
{
    UINT8 *Origin = Frame->Copy + XDP_HEADROOM_BYTES;
    Frame->Shown.Data = Origin + (Frame->Shown.Data - Frame->Shown.Origin);
    Frame->Shown.Origin = Origin;
    Frame->Shown.HeadroomBytes = XDP_HEADROOM_BYTES;
    Frame->Shown.GiveRoom = NULL;
}

/** Of a frame that is shown where it lies. What the program has cut off goes along: it may take it back. */
static BOOLEAN
GiveRoom(XDP_FRAME *Shown)
{
    WFP_FRAME *Frame = CONTAINING_RECORD(Shown, WFP_FRAME, Shown);
    if (!TakeMemory(Frame))
        return FALSE;
    if (Frame->SizeBytes != 0)
        memcpy(Frame->Copy + XDP_HEADROOM_BYTES, Shown->Origin, Frame->SizeBytes);
    ShowCopy(Frame);
    return TRUE;
}

_Use_decl_annotations_
BOOLEAN
FrameOpen(NET_BUFFER *Buffer, BOOLEAN MustCopy, WFP_FRAME *Frame)
{
    UINT8 *Piece = NULL;
    if (Buffer->DataLength > XDP_MAXIMUM_FRAME_BYTES)
        return FALSE;
    *Frame = (WFP_FRAME){
        .Shown = {.SizeBytes = (UINT32)Buffer->DataLength, .GiveRoom = GiveRoom},
        .Buffer = Buffer,
        .SizeBytes = (UINT32)Buffer->DataLength,
    };
    if (Frame->SizeBytes == 0)
        return TRUE;
    CURSOR Cursor = Begin(Frame);
    UINT32 FirstBytes = NextPiece(&Cursor, &Piece);
    if (FirstBytes == Frame->SizeBytes && !MustCopy) {
        Frame->Shown.Data = Frame->Shown.Origin = Piece;
        return TRUE;
    }
    if (FirstBytes == 0 || !TakeMemory(Frame))
        return FALSE;
    ShowCopy(Frame);
    if (Gather(Frame))
        return TRUE;
    FrameClose(Frame);
    return FALSE;
}

_Use_decl_annotations_
BOOLEAN
FrameIsMoved(const WFP_FRAME *Frame)
{
    return Frame->Shown.Data != Frame->Shown.Origin;
}

_Use_decl_annotations_
BOOLEAN
FrameIsChanged(const WFP_FRAME *Frame)
{
    if (Frame->Copy == NULL)
        return FALSE;
    CURSOR Cursor = Begin(Frame);
    UINT8 *Piece;
    const UINT8 *From = Frame->Shown.Origin;
    for (UINT32 SizeBytes; (SizeBytes = NextPiece(&Cursor, &Piece)) != 0; From += SizeBytes)
        if (memcmp(Piece, From, SizeBytes) != 0)
            return TRUE;
    return FALSE;
}

_Use_decl_annotations_
VOID
FrameWriteBack(const WFP_FRAME *Frame)
{
    CURSOR Cursor = Begin(Frame);
    UINT8 *Piece;
    const UINT8 *From = Frame->Shown.Origin;
    for (UINT32 SizeBytes; (SizeBytes = NextPiece(&Cursor, &Piece)) != 0; From += SizeBytes)
        memcpy(Piece, From, SizeBytes);
}

_Use_decl_annotations_
VOID
FrameClose(WFP_FRAME *Frame)
{
    if (Frame->Copy == NULL)
        return;
    if (Frame->Place == FRAME_ALLOCATED)
        PlatformFree(Frame->Copy);
    else
        __atomic_store_n(&Places[Frame->Place].Taken, 0, __ATOMIC_RELEASE);
    Frame->Copy = NULL;
}
