// Memory for code on Windows. Its pages are mapped writable and not executable, and once the code is written executable and
// not writable, for good; never both. Where the system refuses that (HVCI does) programs are interpreted.
#include "platform.h"

/** Of wdm.h; mingw-w64's has not got it. */
#ifndef MdlMappingNoExecute
#define MdlMappingNoExecute 0x40000000
#endif

typedef struct _CODE_BLOCK {
    struct _CODE_BLOCK *Next;
    VOID *Address;
    SIZE_T SizeBytes;
    /** Of the pages; NULL where the kernel is emulated. */
    PMDL Mdl;
    /** Given up, perhaps where its pages could not be freed. */
    BOOLEAN Dead;
} CODE_BLOCK;

static EBPF_LOCK BlocksLock;
static CODE_BLOCK *BlocksFirst;

typedef NTSTATUS NTAPI PROTECT_VIRTUAL_MEMORY(
    HANDLE Process, VOID **Address, SIZE_T *SizeBytes, ULONG Protection, ULONG *OldProtection);

static BOOLEAN
MapPages(CODE_BLOCK *Block)
{
    PHYSICAL_ADDRESS Lowest = {.QuadPart = 0};
    PHYSICAL_ADDRESS Highest = {.QuadPart = -1};
    Block->Mdl = MmAllocatePagesForMdlEx(
        Lowest, Highest, Lowest, Block->SizeBytes, MmCached, MM_ALLOCATE_FULLY_REQUIRED);
    if (Block->Mdl == NULL)
        return FALSE;
    Block->Address = MmMapLockedPagesSpecifyCache(
        Block->Mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority | MdlMappingNoExecute);
    if (Block->Address != NULL)
        return TRUE;
    MmFreePagesFromMdl(Block->Mdl);
    ExFreePool(Block->Mdl);
    return FALSE;
}

static VOID
UnmapPages(CODE_BLOCK *Block)
{
    MmUnmapLockedPages(Block->Address, Block->Mdl);
    MmFreePagesFromMdl(Block->Mdl);
    ExFreePool(Block->Mdl);
}

/** Wine has no pages to map; there the memory is that of the process which plays the kernel, with the same rules. */
static BOOLEAN
MapEmulated(CODE_BLOCK *Block)
{
    return NT_SUCCESS(ZwAllocateVirtualMemory(
        NtCurrentProcess(), &Block->Address, 0, &Block->SizeBytes, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE));
}

static BOOLEAN
SealEmulated(CODE_BLOCK *Block)
{
    PROTECT_VIRTUAL_MEMORY *Protect = (PROTECT_VIRTUAL_MEMORY *)WindowsFindRoutine(L"ZwProtectVirtualMemory");
    ULONG Old;
    return Protect != NULL &&
           NT_SUCCESS(
               Protect(NtCurrentProcess(), &Block->Address, &Block->SizeBytes, PAGE_EXECUTE_READ, &Old));
}

static VOID
UnmapEmulated(CODE_BLOCK *Block)
{
    SIZE_T SizeBytes = 0;
    ZwFreeVirtualMemory(NtCurrentProcess(), &Block->Address, &SizeBytes, MEM_RELEASE);
}

_Use_decl_annotations_
VOID *
PlatformAllocateCode(SIZE_T SizeBytes)
{
    CODE_BLOCK *Block = PlatformAllocate(sizeof(CODE_BLOCK));
    if (Block == NULL)
        return NULL;
    Block->SizeBytes = (SizeBytes + PAGE_SIZE - 1) & ~(SIZE_T)(PAGE_SIZE - 1);
    if (!(WindowsIsEmulated() ? MapEmulated(Block) : MapPages(Block))) {
        PlatformFree(Block);
        return NULL;
    }
    EBPF_IRQL Irql = LockAcquire(&BlocksLock);
    Block->Next = BlocksFirst;
    BlocksFirst = Block;
    LockRelease(&BlocksLock, Irql);
    return Block->Address;
}

/** The block at that address, which its owner has not given up; it may be marked so. */
static CODE_BLOCK *
FindBlock(const VOID *Address, BOOLEAN Kill)
{
    EBPF_IRQL Irql = LockAcquire(&BlocksLock);
    CODE_BLOCK *Block = BlocksFirst;
    while (Block != NULL && (Block->Address != Address || Block->Dead))
        Block = Block->Next;
    if (Block != NULL && Kill)
        Block->Dead = TRUE;
    LockRelease(&BlocksLock, Irql);
    return Block;
}

_Use_decl_annotations_
BOOLEAN
PlatformSealCode(VOID *Memory, SIZE_T SizeBytes)
{
    CODE_BLOCK *Block = FindBlock(Memory, FALSE);
    (VOID)SizeBytes;
    if (Block == NULL)
        return FALSE;
    return WindowsIsEmulated() ? SealEmulated(Block)
                               : NT_SUCCESS(MmProtectMdlSystemAddress(Block->Mdl, PAGE_EXECUTE_READ));
}

/** What ends an epoch may be at DISPATCH_LEVEL, where pages cannot be freed: whoever next is below does it. */
_Use_decl_annotations_
VOID
PlatformFreeCode(VOID *Memory, SIZE_T SizeBytes)
{
    (VOID)SizeBytes;
    (VOID)FindBlock(Memory, TRUE);
    if (KeGetCurrentIrql() == PASSIVE_LEVEL)
        WindowsReapCode();
}

static CODE_BLOCK *
TakeDead(VOID)
{
    EBPF_IRQL Irql = LockAcquire(&BlocksLock);
    CODE_BLOCK **Link = &BlocksFirst;
    while (*Link != NULL && !(*Link)->Dead)
        Link = &(*Link)->Next;
    CODE_BLOCK *Block = *Link;
    if (Block != NULL)
        *Link = Block->Next;
    LockRelease(&BlocksLock, Irql);
    return Block;
}

_Use_decl_annotations_
VOID
WindowsReapCode(VOID)
{
    for (CODE_BLOCK *Block; (Block = TakeDead()) != NULL; PlatformFree(Block)) {
        if (WindowsIsEmulated())
            UnmapEmulated(Block);
        else
            UnmapPages(Block);
    }
}
