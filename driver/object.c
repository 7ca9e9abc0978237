#include "object.h"

/** One list for all: there are tens of objects, and nothing that is fast looks here. */
static EBPF_LOCK TableLock;
static EBPF_OBJECT *TableFirst;
static UINT32 LastId;

_Use_decl_annotations_
VOID
ObjectPublish(EBPF_OBJECT *Object, EBPF_OBJECT_TYPE Type, VOID (*Destroy)(EBPF_OBJECT *Object))
{
    Object->Type = Type;
    Object->Destroy = Destroy;
    Object->References = 1;
    EBPF_IRQL Irql = LockAcquire(&TableLock);
    Object->Id = ++LastId;
    Object->Next = TableFirst;
    TableFirst = Object;
    LockRelease(&TableLock, Irql);
}

_Use_decl_annotations_
VOID
ObjectReference(EBPF_OBJECT *Object)
{
    __atomic_add_fetch(&Object->References, 1, __ATOMIC_RELAXED);
}

static VOID
Destroy(EBPF_RETIRED *Retired)
{
    EBPF_OBJECT *Object = CONTAINING_RECORD(Retired, EBPF_OBJECT, Retired);
    EBPF_ACCOUNT *Account = Object->Account;
    UINT64 ChargedBytes = Object->ChargedBytes;
    Object->Destroy(Object);
    if (Account != NULL)
        AccountRefund(Account, ChargedBytes);
}

_Use_decl_annotations_
VOID
ObjectRelease(EBPF_OBJECT *Object)
{
    if (Object == NULL)
        return;
    // The last reference goes under the lock, so that who finds an object there can always take one.
    EBPF_IRQL Irql = LockAcquire(&TableLock);
    BOOLEAN Last = __atomic_sub_fetch(&Object->References, 1, __ATOMIC_ACQ_REL) == 0;
    if (Last) {
        EBPF_OBJECT **Link = &TableFirst;
        while (*Link != Object)
            Link = &(*Link)->Next;
        *Link = Object->Next;
    }
    LockRelease(&TableLock, Irql);
    if (Last && Object->Withdraw != NULL)
        Object->Withdraw(Object);
    if (Last)
        EpochRetire(&Object->Retired, Destroy);
}

_Use_decl_annotations_
VOID
ObjectOpenHandle(EBPF_OBJECT *Object)
{
    __atomic_add_fetch(&Object->Handles, 1, __ATOMIC_SEQ_CST);
}

_Use_decl_annotations_
VOID
ObjectCloseHandle(EBPF_OBJECT *Object)
{
    __atomic_sub_fetch(&Object->Handles, 1, __ATOMIC_SEQ_CST);
    ObjectCheckHandles(Object);
}

_Use_decl_annotations_
VOID
ObjectCheckHandles(EBPF_OBJECT *Object)
{
    if (Object->Abandon != NULL && __atomic_load_n(&Object->Handles, __ATOMIC_SEQ_CST) == 0)
        Object->Abandon(Object);
}

_Use_decl_annotations_
EBPF_OBJECT *
ObjectFind(EBPF_OBJECT_TYPE Type, UINT32 Id)
{
    EBPF_IRQL Irql = LockAcquire(&TableLock);
    EBPF_OBJECT *Object = TableFirst;
    while (Object != NULL && (Object->Id != Id || Object->Type != Type))
        Object = Object->Next;
    if (Object != NULL)
        ObjectReference(Object);
    LockRelease(&TableLock, Irql);
    return Object;
}

_Use_decl_annotations_
UINT32
ObjectNextId(EBPF_OBJECT_TYPE Type, UINT32 Id)
{
    UINT32 Best = 0;
    EBPF_IRQL Irql = LockAcquire(&TableLock);
    for (const EBPF_OBJECT *Object = TableFirst; Object != NULL; Object = Object->Next)
        if (Object->Type == Type && Object->Id > Id && (Best == 0 || Object->Id < Best))
            Best = Object->Id;
    LockRelease(&TableLock, Irql);
    return Best;
}
