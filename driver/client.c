//   handle: | generation:16 | place:16 |     a place gets its next generation when it is freed, from 1 on
#include "client.h"

#define FIRST_CAPACITY 16u

typedef struct _HANDLE_ROW {
    EBPF_OBJECT *Object;
    UINT16 Generation;
} HANDLE_ROW;

struct _EBPF_CLIENT {
    struct _EBPF_CLIENT *Next;
    UINT32 Access;
    EBPF_ACCOUNT *Account;
    EBPF_LOCK Lock;
    UINT32 Capacity;
    /** No place below is free. */
    UINT32 FirstFree;
    HANDLE_ROW *Rows;
};

static EBPF_LOCK ListLock;
static EBPF_CLIENT *ListFirst;

_Use_decl_annotations_
EBPF_CLIENT *
ClientOpen(UINT32 Access)
{
    EBPF_CLIENT *Client = PlatformAllocate(sizeof(EBPF_CLIENT));
    if (Client == NULL)
        return NULL;
    Client->Account = AccountOpen();
    if (Client->Account == NULL) {
        PlatformFree(Client);
        return NULL;
    }
    Client->Access = Access;
    EBPF_IRQL Irql = LockAcquire(&ListLock);
    Client->Next = ListFirst;
    ListFirst = Client;
    LockRelease(&ListLock, Irql);
    return Client;
}

/** Takes it out of the list; if it is NULL, the first. */
static EBPF_CLIENT *
Unlink(EBPF_CLIENT *Client)
{
    EBPF_IRQL Irql = LockAcquire(&ListLock);
    EBPF_CLIENT **Link = &ListFirst;
    while (Client != NULL && *Link != Client)
        Link = &(*Link)->Next;
    Client = *Link;
    if (Client != NULL)
        *Link = Client->Next;
    LockRelease(&ListLock, Irql);
    return Client;
}

static VOID
FreeRows(const EBPF_CLIENT *Client, HANDLE_ROW *Rows, UINT32 Count)
{
    PlatformFree(Rows);
    if (Rows != NULL)
        AccountRefund(Client->Account, Count * sizeof(HANDLE_ROW));
}

static VOID
CloseObject(EBPF_OBJECT *Object)
{
    if (Object == NULL)
        return;
    ObjectCloseHandle(Object);
    ObjectRelease(Object);
}

static VOID
Destroy(EBPF_CLIENT *Client)
{
    for (UINT32 Place = 0; Place < Client->Capacity; Place++)
        CloseObject(Client->Rows[Place].Object);
    FreeRows(Client, Client->Rows, Client->Capacity);
    AccountClose(Client->Account);
    PlatformFree(Client);
    // What it held is freed now, and not when a program happens to run.
    EpochSettle();
}

_Use_decl_annotations_
VOID
ClientClose(EBPF_CLIENT *Client)
{
    Destroy(Unlink(Client));
}

_Use_decl_annotations_
VOID
ClientCloseAll(VOID)
{
    for (EBPF_CLIENT *Client; (Client = Unlink(NULL)) != NULL;)
        Destroy(Client);
}

_Use_decl_annotations_
UINT32
ClientCount(VOID)
{
    UINT32 Count = 0;
    EBPF_IRQL Irql = LockAcquire(&ListLock);
    for (const EBPF_CLIENT *Client = ListFirst; Client != NULL; Client = Client->Next)
        Count++;
    LockRelease(&ListLock, Irql);
    return Count;
}

_Use_decl_annotations_
UINT32
ClientAccess(const EBPF_CLIENT *Client)
{
    return Client->Access;
}

_Use_decl_annotations_
EBPF_ACCOUNT *
ClientAccount(const EBPF_CLIENT *Client)
{
    return Client->Account;
}

/** Makes room for more handles; FALSE if there is none. Another thread may have done it. */
static BOOLEAN
Grow(EBPF_CLIENT *Client, UINT32 Capacity)
{
    UINT32 Larger = Capacity == 0 ? FIRST_CAPACITY : Capacity * 2;
    if (Larger > CLIENT_MAXIMUM_HANDLES)
        return FALSE;
    if (!AccountCharge(Client->Account, Larger * sizeof(HANDLE_ROW)))
        return FALSE;
    HANDLE_ROW *Rows = PlatformAllocate(Larger * sizeof(HANDLE_ROW));
    if (Rows == NULL) {
        AccountRefund(Client->Account, Larger * sizeof(HANDLE_ROW));
        return FALSE;
    }
    UINT32 Freed = Larger;
    EBPF_IRQL Irql = LockAcquire(&Client->Lock);
    if (Client->Capacity == Capacity) {
        HANDLE_ROW *Old = Client->Rows;
        if (Capacity != 0)
            memcpy(Rows, Old, Capacity * sizeof(HANDLE_ROW));
        Client->Rows = Rows;
        Client->Capacity = Larger;
        Rows = Old;
        Freed = Capacity;
    }
    LockRelease(&Client->Lock, Irql);
    FreeRows(Client, Rows, Freed);
    return TRUE;
}

/** 0 if all places are taken; *Capacity is how many there are. */
static UINT32
Insert(EBPF_CLIENT *Client, EBPF_OBJECT *Object, UINT32 *Capacity)
{
    UINT32 Handle = 0;
    EBPF_IRQL Irql = LockAcquire(&Client->Lock);
    UINT32 Place = Client->FirstFree;
    while (Place < Client->Capacity && Client->Rows[Place].Object != NULL)
        Place++;
    Client->FirstFree = Place;
    *Capacity = Client->Capacity;
    if (Place < Client->Capacity) {
        HANDLE_ROW *Row = &Client->Rows[Place];
        if (Row->Generation == 0)
            Row->Generation = 1;
        Row->Object = Object;
        Handle = (UINT32)Row->Generation << 16 | Place;
    }
    LockRelease(&Client->Lock, Irql);
    return Handle;
}

_Use_decl_annotations_
UINT32
HandleOpen(EBPF_CLIENT *Client, EBPF_OBJECT *Object)
{
    UINT32 Handle, Capacity;
    // Counted first: once it has its place, another thread of the client may close it.
    ObjectOpenHandle(Object);
    do {
        Handle = Insert(Client, Object, &Capacity);
    } while (Handle == 0 && Grow(Client, Capacity));
    if (Handle == 0)
        ObjectCloseHandle(Object);
    return Handle;
}

/** The row of a handle, under the client's lock; NULL if there is none. */
static HANDLE_ROW *
FindRow(EBPF_CLIENT *Client, UINT32 Handle)
{
    UINT32 Place = Handle & 0xffff;
    if (Place >= Client->Capacity)
        return NULL;
    HANDLE_ROW *Row = &Client->Rows[Place];
    return Row->Object != NULL && Row->Generation == Handle >> 16 ? Row : NULL;
}

_Use_decl_annotations_
EBPF_OBJECT *
HandleFind(EBPF_CLIENT *Client, UINT32 Handle)
{
    EBPF_IRQL Irql = LockAcquire(&Client->Lock);
    HANDLE_ROW *Row = FindRow(Client, Handle);
    EBPF_OBJECT *Object = Row == NULL ? NULL : Row->Object;
    if (Object != NULL)
        ObjectReference(Object);
    LockRelease(&Client->Lock, Irql);
    return Object;
}

_Use_decl_annotations_
BOOLEAN
HandleClose(EBPF_CLIENT *Client, UINT32 Handle)
{
    EBPF_OBJECT *Object = NULL;
    EBPF_IRQL Irql = LockAcquire(&Client->Lock);
    HANDLE_ROW *Row = FindRow(Client, Handle);
    if (Row != NULL) {
        Object = Row->Object;
        Row->Object = NULL;
        Row->Generation++;
        if ((Handle & 0xffff) < Client->FirstFree)
            Client->FirstFree = Handle & 0xffff;
    }
    LockRelease(&Client->Lock, Irql);
    CloseObject(Object);
    return Object != NULL;
}
