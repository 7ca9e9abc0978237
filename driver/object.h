// What programs, maps and links have in common: a number that is theirs for ever, a count of references, and an end that waits
// for the runs that may still see them.
#pragma once

#include "account.h"
#include "epoch.h"

typedef enum _EBPF_OBJECT_TYPE {
    ObjectProgram,
    ObjectMap,
    ObjectLink,
} EBPF_OBJECT_TYPE;

/** A name has less than that, and zeros after it. */
#define OBJECT_NAME_BYTES 64

typedef struct _EBPF_OBJECT {
    /** Of the table of all objects; never 0, never used again. */
    UINT32 Id;
    EBPF_OBJECT_TYPE Type;
    /** For people; nothing is found by it. Set before the object is published. */
    UINT8 Name[OBJECT_NAME_BYTES];
    UINT64 References;
    VOID (*Destroy)(struct _EBPF_OBJECT *Object);
    /** Of what runs come to on other ways than by a reference: takes it out of their sight. May be NULL. */
    VOID (*Withdraw)(struct _EBPF_OBJECT *Object);
    /** Handles of clients to it. */
    UINT32 Handles;
    /** Lets go what it holds for clients: called when the last handle is closed, also when others came after that. May be NULL. */
    VOID (*Abandon)(struct _EBPF_OBJECT *Object);
    /** What it was charged to, if it was; refunded when it is destroyed. Set before the object is published. */
    EBPF_ACCOUNT *Account;
    UINT64 ChargedBytes;
    struct _EBPF_OBJECT *Next;
    EBPF_RETIRED Retired;
} EBPF_OBJECT;

/** Gives a new object its number and its first reference; others find it from now on, so it must be whole. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ObjectPublish(
    _Inout_ EBPF_OBJECT *Object, _In_ EBPF_OBJECT_TYPE Type, _In_ VOID (*Destroy)(EBPF_OBJECT *Object));

/** One more reference, by someone who has one. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ObjectReference(_Inout_ EBPF_OBJECT *Object);

/** One less. After the last nobody finds it, and it is destroyed when no run can see it. NULL is allowed. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ObjectRelease(_Inout_opt_ EBPF_OBJECT *Object);

/** A handle to it is opened, by someone who has a reference. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID ObjectOpenHandle(_Inout_ EBPF_OBJECT *Object);

/** A handle to it is closed. The reference that comes with it stays. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID ObjectCloseHandle(_Inout_ EBPF_OBJECT *Object);

/** After a client has made it hold something: if the last handle has been closed meanwhile, it lets that go too. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID ObjectCheckHandles(_Inout_ EBPF_OBJECT *Object);

/** With a reference for the caller; NULL if there is none of that type with that number. */
_Must_inspect_result_ _Ret_maybenull_ _IRQL_requires_max_(DISPATCH_LEVEL) EBPF_OBJECT *ObjectFind(
    _In_ EBPF_OBJECT_TYPE Type, _In_ UINT32 Id);

/** The lowest number of that type above Id; 0 if there is none. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT32 ObjectNextId(_In_ EBPF_OBJECT_TYPE Type, _In_ UINT32 Id);
