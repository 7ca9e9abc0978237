#include "prog-array.h"

#include "../program.h"

typedef struct _SLOT {
    EBPF_OBJECT *Program;
    UINT32 Id;
} SLOT;

typedef struct _PROG_ARRAY {
    EBPF_MAP Map;
    /** Of writers. */
    EBPF_LOCK Lock;
    /** The first program that came decides of which type all are, for good: a tail call goes to one of its own. */
    BOOLEAN HasType;
    const EBPF_PROGRAM_TYPE *ProgramType;
    SLOT *Slots;
} PROG_ARRAY;

static PROG_ARRAY *
Own(const EBPF_MAP *Map)
{
    return CONTAINING_RECORD(Map, PROG_ARRAY, Map);
}

static UINT64
CountBytes(const EBPF_MAP_DEFINITION *Definition)
{
    return sizeof(PROG_ARRAY) + (UINT64)Definition->MaxEntries * sizeof(SLOT);
}

static NTSTATUS
Create(const EBPF_MAP_DEFINITION *Definition, EBPF_MAP **Map)
{
    if (Definition->KeySizeBytes != sizeof(UINT32) || Definition->ValueSizeBytes != sizeof(UINT32) ||
        Definition->MaxEntries == 0)
        return STATUS_INVALID_PARAMETER;
    PROG_ARRAY *Array = PlatformAllocate(sizeof(PROG_ARRAY));
    if (Array == NULL)
        return STATUS_NO_MEMORY;
    Array->Slots = PlatformAllocate((UINT64)Definition->MaxEntries * sizeof(SLOT));
    if (Array->Slots == NULL) {
        PlatformFree(Array);
        return STATUS_NO_MEMORY;
    }
    *Map = &Array->Map;
    return STATUS_SUCCESS;
}

/** Puts a program, with its reference, or NULL, in the place of another, whose reference is dropped. */
static BOOLEAN
Replace(PROG_ARRAY *Array, UINT32 Index, EBPF_OBJECT *Program)
{
    SLOT *Slot = &Array->Slots[Index];
    EBPF_IRQL Irql = LockAcquire(&Array->Lock);
    EBPF_OBJECT *Old = Slot->Program;
    __atomic_store_n(&Slot->Id, Program == NULL ? 0 : Program->Id, __ATOMIC_RELAXED);
    __atomic_store_n(&Slot->Program, Program, __ATOMIC_RELEASE);
    LockRelease(&Array->Lock, Irql);
    ObjectRelease(Old);
    return Old != NULL;
}

/** Whether a program is of the array's type, which it gives it if there is none. */
static BOOLEAN
TakeType(PROG_ARRAY *Array, const EBPF_PROGRAM_TYPE *Type)
{
    EBPF_IRQL Irql = LockAcquire(&Array->Lock);
    if (!Array->HasType)
        Array->ProgramType = Type;
    Array->HasType = TRUE;
    BOOLEAN Same = Array->ProgramType == Type;
    LockRelease(&Array->Lock, Irql);
    return Same;
}

/** A program that is in an array that it has itself would hold both for ever. */
static VOID
Abandon(EBPF_MAP *Map)
{
    for (UINT32 Index = 0; Index < Map->Definition.MaxEntries; Index++)
        if (ProgArrayFind(Map, Index) != NULL)
            Replace(Own(Map), Index, NULL);
}

static VOID
Destroy(EBPF_MAP *Map)
{
    Abandon(Map);
    PlatformFree(Own(Map)->Slots);
    PlatformFree(Own(Map));
}

static UINT8 *
Peek(EBPF_MAP *Map, const UINT8 *Key)
{
    UINT32 Index;
    memcpy(&Index, Key, sizeof(Index));
    return ProgArrayFind(Map, Index) == NULL ? NULL : (UINT8 *)&Own(Map)->Slots[Index].Id;
}

static INT32
Update(EBPF_MAP *Map, const UINT8 *Key, const UINT8 *Value, UINT64 Flags, UINT32 Processor)
{
    (VOID)Processor;
    UINT32 Index, Id;
    memcpy(&Index, Key, sizeof(Index));
    memcpy(&Id, Value, sizeof(Id));
    if (Flags != MAP_UPDATE_ANY)
        return MAP_INVALID;
    if (Index >= Map->Definition.MaxEntries)
        return MAP_TOO_BIG;
    EBPF_OBJECT *Program = ObjectFind(ObjectProgram, Id);
    if (Program == NULL)
        return MAP_INVALID;
    if (!TakeType(Own(Map), CONTAINING_RECORD(Program, EBPF_PROGRAM, Object)->Type)) {
        ObjectRelease(Program);
        return MAP_INVALID;
    }
    Replace(Own(Map), Index, Program);
    return MAP_OK;
}

static INT32
Delete(EBPF_MAP *Map, const UINT8 *Key)
{
    UINT32 Index;
    memcpy(&Index, Key, sizeof(Index));
    return Index < Map->Definition.MaxEntries && Replace(Own(Map), Index, NULL) ? MAP_OK : MAP_NOT_FOUND;
}

static INT32
NextKey(EBPF_MAP *Map, const UINT8 *Key, UINT8 *Next)
{
    UINT64 Index = 0;
    if (Key != NULL) {
        UINT32 Last;
        memcpy(&Last, Key, sizeof(Last));
        Index = Last < Map->Definition.MaxEntries ? Last + 1ull : 0;
    }
    while (Index < Map->Definition.MaxEntries && ProgArrayFind(Map, (UINT32)Index) == NULL)
        Index++;
    if (Index >= Map->Definition.MaxEntries)
        return MAP_NOT_FOUND;
    memcpy(Next, &Index, sizeof(UINT32));
    return MAP_OK;
}

_Use_decl_annotations_
EBPF_OBJECT *
ProgArrayFind(const EBPF_MAP *Map, UINT32 Index)
{
    if (Index >= Map->Definition.MaxEntries)
        return NULL;
    return __atomic_load_n(&Own(Map)->Slots[Index].Program, __ATOMIC_ACQUIRE);
}

static UINT32
Count(const EBPF_MAP *Map)
{
    UINT32 Number = 0;
    for (UINT32 Index = 0; Index < Map->Definition.MaxEntries; Index++)
        Number += ProgArrayFind(Map, Index) != NULL;
    return Number;
}

static VOID
CopyPlace(EBPF_MAP *Map, UINT64 Place, MAP_BATCH *Batch)
{
    UINT32 Index = (UINT32)Place;
    UINT32 Id = __atomic_load_n(&Own(Map)->Slots[Place].Id, __ATOMIC_RELAXED);
    if (Id != 0)
        MapBatchAdd(Map, Batch, (const UINT8 *)&Index, (const UINT8 *)&Id);
}

const EBPF_MAP_TYPE ProgArrayMapType = {
    .Number = EBPF_MAP_TYPE_PROG_ARRAY,
    .KeyIsPlace = TRUE,
    .Create = Create,
    .CountBytes = CountBytes,
    .Destroy = Destroy,
    .Peek = Peek,
    .Update = Update,
    .Delete = Delete,
    .Abandon = Abandon,
    .NextKey = NextKey,
    .CopyPlace = CopyPlace,
    .Count = Count,
};
