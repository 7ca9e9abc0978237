// What wfp/system.h asks of the system, on Linux; and an interrupt level for each thread, which only says what may be called.
#include "shim.h"

#include "wfp/system.h"

#include <stdlib.h>

static VOID (*Work)(VOID);
static UINT32 Running;
static _Thread_local UINT32 Raised;

/** A library is called as it is. */
VOID
ShimOpenDoor(VOID)
{
}

VOID
ShimCloseDoor(VOID)
{
}

VOID
ShimRaise(VOID)
{
    Raised++;
}

VOID
ShimLower(VOID)
{
    Raised--;
}

VOID
ShimRequirePassive(const char *Function)
{
    if (Raised != 0)
        ShimViolate(Function);
}

VOID *
ShimAllocate(SIZE_T SizeBytes)
{
    VOID *Memory = calloc(1, SizeBytes);
    if (Memory == NULL)
        abort();
    return Memory;
}

VOID
ShimFree(VOID *Memory)
{
    free(Memory);
}

VOID
ShimFreeGiven(VOID *Memory)
{
    PlatformFree(Memory);
}

_Use_decl_annotations_
VOID *
WfpAllocateForSystem(SIZE_T SizeBytes)
{
    return PlatformAllocate(SizeBytes);
}

UINT8 *
ShimMdlMemory(const MDL *Mdl)
{
    return Mdl->MappedSystemVa;
}

MDL *
ShimMakeMdl(UINT8 *Memory, UINT32 SizeBytes)
{
    MDL *Mdl = ShimAllocate(sizeof(MDL));
    *Mdl = (MDL){.MappedSystemVa = Memory, .ByteCount = SizeBytes};
    return Mdl;
}

_Use_decl_annotations_
UINT8 *
WfpMapMdl(MDL *Mdl)
{
    return Mdl->MappedSystemVa;
}

_Use_decl_annotations_
MDL *
WfpDescribe(VOID *Memory, UINT32 SizeBytes)
{
    MDL *Mdl = PlatformAllocate(sizeof(MDL));
    if (Mdl != NULL)
        *Mdl = (MDL){.MappedSystemVa = Memory, .ByteCount = SizeBytes};
    return Mdl;
}

_Use_decl_annotations_
VOID
WfpForget(MDL *Mdl)
{
    PlatformFree(Mdl);
}

_Use_decl_annotations_
BOOLEAN
WfpStackIsLow(VOID)
{
    return FALSE;
}

_Use_decl_annotations_
NTSTATUS
WfpWorkInitiate(VOID *Device, VOID (*Given)(VOID))
{
    (VOID)Device;
    Work = Given;
    return STATUS_SUCCESS;
}

/** Now: what has a lower level on another thread in the kernel has it on this one here. */
_Use_decl_annotations_
VOID
WfpQueueWork(VOID)
{
    UINT32 Level = Raised;
    __atomic_add_fetch(&Running, 1, __ATOMIC_SEQ_CST);
    Raised = 0;
    Work();
    Raised = Level;
    __atomic_sub_fetch(&Running, 1, __ATOMIC_SEQ_CST);
}

_Use_decl_annotations_
VOID
WfpWorkTerminate(VOID)
{
    while (__atomic_load_n(&Running, __ATOMIC_SEQ_CST) != 0)
        PlatformYield();
}
