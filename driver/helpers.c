// Each helper gets the registers as they are; sizes are 32 bits of them. Arguments were checked by the interpreter, or
// proved by the certificate; a map is looked at again all the same, because it decides what code runs on its memory.
#include "helpers.h"

#include "maps/perf-event-array.h"
#include "maps/prog-array.h"
#include "maps/queue.h"
#include "maps/ring.h"
#include "program.h"
#include "trace.h"

/** Of C11 K.3, as the *_s functions answer. */
enum { C_EINVAL = 22, C_ERANGE = 34 };

static UINT64
Signed(INT64 Value)
{
    return (UINT64)Value;
}

static UINT8 *
Pointer(UINT64 Address)
{
    return (UINT8 *)(UINT_PTR)Address;
}

/** What a register that holds a map means; NULL if it is none of the program's. */
static EBPF_MAP *
MapOf(const EBPF_RUN *Run, UINT64 Handle)
{
    return Handle - 1 < Run->MapCount ? Run->Maps[Handle - 1] : NULL;
}

HELPER(MapLookupElem)
{
    UNUSED(A3), UNUSED(A4), UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A1);
    return Map == NULL ? 0 : (UINT64)(UINT_PTR)MapLookup(Map, Pointer(A2));
}

HELPER(MapUpdateElem)
{
    UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A1);
    return Signed(Map == NULL ? MAP_INVALID : MapUpdate(Map, Pointer(A2), Pointer(A3), A4));
}

HELPER(MapDeleteElem)
{
    UNUSED(A3), UNUSED(A4), UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A1);
    return Signed(Map == NULL ? MAP_INVALID : MapDelete(Map, Pointer(A2)));
}

/** The entry's memory stays what it was until the run ends. */
HELPER(MapLookupAndDeleteElem)
{
    UNUSED(A3), UNUSED(A4), UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A1);
    UINT8 *Value = Map == NULL ? NULL : MapLookup(Map, Pointer(A2));
    return Value != NULL && MapDelete(Map, Pointer(A2)) == MAP_OK ? (UINT64)(UINT_PTR)Value : 0;
}

/**
 * On success the engine ends this program, with all its frames, and the other one begins. It gets the context of this one, so
 * it must be of the same type: what one type proves of its context is not so of another's.
 */
HELPER(TailCall)
{
    UNUSED(A1), UNUSED(A4), UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A2);
    if (Map == NULL || Map->Type != &ProgArrayMapType || Run->TailCalls >= RUN_MAXIMUM_TAIL_CALLS)
        return Signed(MAP_INVALID);
    EBPF_OBJECT *Program = ProgArrayFind(Map, (UINT32)A3);
    if (Program == NULL)
        return Signed(MAP_NOT_FOUND);
    if (CONTAINING_RECORD(Program, EBPF_PROGRAM, Object)->Type != Run->Type)
        return Signed(MAP_INVALID);
    Run->TailCalls++;
    Run->TailTarget = Program;
    return 0;
}

/** SplitMix64 (Steele, Lea, Flood) over one counter that all share. */
HELPER(GetPrandomU32)
{
    UNUSED(Run), UNUSED(A1), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    static UINT64 Counter;
    if (__atomic_load_n(&Counter, __ATOMIC_RELAXED) == 0)
        __atomic_store_n(&Counter, PlatformRandom() | 1, __ATOMIC_RELAXED);
    UINT64 Value = __atomic_add_fetch(&Counter, 0x9e3779b97f4a7c15, __ATOMIC_RELAXED);
    Value = (Value ^ (Value >> 30)) * 0xbf58476d1ce4e5b9;
    Value = (Value ^ (Value >> 27)) * 0x94d049bb133111eb;
    return (UINT32)(Value ^ (Value >> 31));
}

#define VALUE_HELPER(Name, Expression)                                                       \
    HELPER(Name)                                                                             \
    {                                                                                        \
        UNUSED(Run), UNUSED(A1), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);             \
        return (Expression);                                                                 \
    }

VALUE_HELPER(KtimeGetBootNs, PlatformBootTime())
VALUE_HELPER(KtimeGetNs, PlatformMonotonicTime())
VALUE_HELPER(KtimeGetBootMs, PlatformBootTime() / 1000000)
VALUE_HELPER(KtimeGetMs, PlatformMonotonicTime() / 1000000)
VALUE_HELPER(GetSmpProcessorId, PlatformProcessorNumber())
VALUE_HELPER(GetCurrentPidTgid, PlatformCurrentProcess())
VALUE_HELPER(GetCurrentLogonId, PlatformCurrentLogon())
VALUE_HELPER(IsCurrentAdmin, PlatformIsAdministrator())

/**
 * The ones' complement sum of `to` minus that of `from`, plus the seed, folded to 16 bits (RFC 1624); -EINVAL if a length
 * is no multiple of 4. A null pointer stands for no bytes.
 */
HELPER(CsumDiff)
{
    UNUSED(Run);
    UINT32 FromSize = (UINT32)A2, ToSize = (UINT32)A4;
    UINT64 Sum = (UINT32)A5;
    UINT16 Word;
    if ((FromSize & 3) != 0 || (ToSize & 3) != 0)
        return Signed(MAP_INVALID);
    for (UINT32 At = 0; A3 != 0 && At < ToSize; At += 2) {
        memcpy(&Word, Pointer(A3) + At, sizeof(Word));
        Sum += Word;
    }
    for (UINT32 At = 0; A1 != 0 && At < FromSize; At += 2) {
        memcpy(&Word, Pointer(A1) + At, sizeof(Word));
        Sum += 0xffffu - Word;
    }
    while (Sum > 0xffff)
        Sum = (Sum >> 16) + (Sum & 0xffff);
    return Sum;
}

/** The flags ask for a wake-up of the reader, or for none: readers of the driver's rings ask by themselves. */
HELPER(RingbufOutput)
{
    UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A1);
    if (Map == NULL || Map->Type != &RingMapType || A4 > 2)
        return Signed(MAP_INVALID);
    return Signed(RingOutput(Map, Pointer(A2), (UINT32)A3));
}

/** In the ring of this processor, the only one that may be asked for; where there is a packet, with its begin if that is asked. */
HELPER(PerfEventOutput)
{
    UNUSED(A1);
    EBPF_MAP *Map = MapOf(Run, A2);
    UINT32 Processor = PlatformProcessorNumber();
    const EBPF_REGION *Packet = &Run->Regions[RegionPacket];
    PERF_PART Data = {.Data = Pointer(A4), .SizeBytes = (UINT32)A5};
    PERF_PART Begin = {.Data = Pointer(Packet->Start), .SizeBytes = (UINT32)((A3 & PERF_PACKET_MASK) >> PERF_PACKET_SHIFT)};
    UINT64 Asked = A3 & PERF_PROCESSOR_MASK;
    if (Map == NULL || Map->Type != &PerfEventArrayMapType || (A3 & ~(PERF_PROCESSOR_MASK | PERF_PACKET_MASK)) != 0 ||
        (Asked != PERF_THIS_PROCESSOR && Asked != Processor))
        return Signed(MAP_INVALID);
    if (Begin.SizeBytes != 0 && Packet->Start == 0)
        return Signed(MAP_UNSUPPORTED);
    return Signed(Begin.SizeBytes > Packet->SizeBytes ? MAP_INVALID : PerfOutput(Map, Processor, Data, Begin));
}

HELPER(MapPushElem)
{
    UNUSED(A4), UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A1);
    return Signed(Map == NULL ? MAP_INVALID : QueuePush(Map, Pointer(A2), A3));
}

HELPER(MapPopElem)
{
    UNUSED(A3), UNUSED(A4), UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A1);
    return Signed(Map == NULL ? MAP_INVALID : QueueTake(Map, Pointer(A2), TRUE));
}

HELPER(MapPeekElem)
{
    UNUSED(A3), UNUSED(A4), UNUSED(A5);
    EBPF_MAP *Map = MapOf(Run, A1);
    return Signed(Map == NULL ? MAP_INVALID : QueueTake(Map, Pointer(A2), FALSE));
}

static UINT64
Print(UINT64 Format, UINT64 SizeBytes, UINT64 V1, UINT64 V2, UINT64 V3)
{
    UINT64 Values[] = {V1, V2, V3};
    UINT8 Line[TRACE_LINE_BYTES];
    UINT32 Length = TraceFormat(Line, Pointer(Format), (UINT32)SizeBytes, Values, RTL_NUMBER_OF(Values));
    TraceWrite(Line, Length);
    return Length;
}

/** What a prototype has no argument for is printed as 0, not as what the register happens to hold. */
#define PRINT_HELPER(Name, V1, V2, V3)                                                       \
    HELPER(Name)                                                                             \
    {                                                                                        \
        UNUSED(Run), UNUSED(A3), UNUSED(A4), UNUSED(A5);                                     \
        return Print(A1, A2, V1, V2, V3);                                                    \
    }

PRINT_HELPER(TracePrintk2, 0, 0, 0)
PRINT_HELPER(TracePrintk3, A3, 0, 0)
PRINT_HELPER(TracePrintk4, A3, A4, 0)
PRINT_HELPER(TracePrintk5, A3, A4, A5)

/** C11 K.3.7.1.1: where it cannot be done the destination is cleared, and the answer says why. */
static UINT64
Copy(UINT64 To, UINT32 ToSize, UINT64 From, UINT32 FromSize, BOOLEAN MayOverlap)
{
    BOOLEAN Overlaps = FromSize > 0 && To < From + FromSize && From < To + ToSize;
    if (FromSize > ToSize || (Overlaps && !MayOverlap)) {
        if (ToSize != 0)
            memset(Pointer(To), 0, ToSize);
        return FromSize > ToSize ? C_ERANGE : C_EINVAL;
    }
    if (FromSize != 0)
        memmove(Pointer(To), Pointer(From), FromSize);
    return 0;
}

HELPER(MemcpyS)
{
    UNUSED(Run), UNUSED(A5);
    return Copy(A1, (UINT32)A2, A3, (UINT32)A4, FALSE);
}

HELPER(MemmoveS)
{
    UNUSED(Run), UNUSED(A5);
    return Copy(A1, (UINT32)A2, A3, (UINT32)A4, TRUE);
}

/** As memcmp over the shorter length; where that is equal, the shorter one is less. */
HELPER(MemcmpS)
{
    UNUSED(Run), UNUSED(A5);
    const UINT8 *Left = Pointer(A1), *Right = Pointer(A3);
    UINT32 LeftSize = (UINT32)A2, RightSize = (UINT32)A4;
    for (UINT32 At = 0; At < LeftSize && At < RightSize; At++)
        if (Left[At] != Right[At])
            return Signed((INT32)Left[At] - (INT32)Right[At]);
    return Signed((INT32)(LeftSize - RightSize));
}

HELPER(Memset)
{
    UNUSED(Run), UNUSED(A4), UNUSED(A5);
    if ((UINT32)A2 != 0)
        memset(Pointer(A1), (UINT8)A3, (UINT32)A2);
    return A1;
}

static UINT32
StringLength(UINT64 Text, UINT32 SizeBytes)
{
    UINT32 Length = 0;
    while (Length < SizeBytes && Pointer(Text)[Length] != 0)
        Length++;
    return Length;
}

/** Appends to the End bytes there are; C11 K.3.7.1.4: what does not fit, with its zero, leaves an empty string. */
static UINT64
CopyString(UINT64 To, UINT32 ToSize, UINT32 End, UINT64 From, UINT32 Count)
{
    if (ToSize == 0)
        return C_EINVAL;
    UINT32 Length = StringLength(From, Count);
    if ((UINT64)End + Length >= ToSize) {
        Pointer(To)[0] = 0;
        return End == ToSize ? C_EINVAL : C_ERANGE;
    }
    if (Length != 0)
        memmove(Pointer(To) + End, Pointer(From), Length);
    Pointer(To)[End + Length] = 0;
    return 0;
}

HELPER(StrncpyS)
{
    UNUSED(Run), UNUSED(A5);
    return CopyString(A1, (UINT32)A2, 0, A3, (UINT32)A4);
}

HELPER(StrncatS)
{
    UNUSED(Run), UNUSED(A5);
    return CopyString(A1, (UINT32)A2, StringLength(A1, (UINT32)A2), A3, (UINT32)A4);
}

HELPER(StrnlenS)
{
    UNUSED(Run), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    return StringLength(A1, (UINT32)A2);
}

#define SCALAR ArgumentScalar
#define MAP ArgumentMap
#define KEY ArgumentKey
#define VALUE ArgumentValue
#define VALUE_OUT ArgumentValueOut
#define MEMORY ArgumentMemory
#define MEMORY_OR_NULL ArgumentMemoryOrNull
#define MEMORY_OUT ArgumentMemoryOut
#define SIZE ArgumentSize

/** By number. 26 is of one program type. */
static const EBPF_HELPER Helpers[] = {
    [1] = {MapLookupElem, {MAP, KEY}},
    [2] = {MapUpdateElem, {MAP, KEY, VALUE, SCALAR}},
    [3] = {MapDeleteElem, {MAP, KEY}},
    [4] = {MapLookupAndDeleteElem, {MAP, KEY}},
    [5] = {TailCall, {SCALAR, MAP, SCALAR}},
    [6] = {GetPrandomU32, {0}},
    [7] = {KtimeGetBootNs, {0}},
    [8] = {GetSmpProcessorId, {0}},
    [9] = {KtimeGetNs, {0}},
    [10] = {CsumDiff, {MEMORY_OR_NULL, SIZE, MEMORY_OR_NULL, SIZE, SCALAR}},
    [11] = {RingbufOutput, {MAP, MEMORY, SIZE, SCALAR}},
    [12] = {TracePrintk2, {MEMORY, SIZE}},
    [13] = {TracePrintk3, {MEMORY, SIZE, SCALAR}},
    [14] = {TracePrintk4, {MEMORY, SIZE, SCALAR, SCALAR}},
    [15] = {TracePrintk5, {MEMORY, SIZE, SCALAR, SCALAR, SCALAR}},
    [16] = {MapPushElem, {MAP, VALUE, SCALAR}},
    [17] = {MapPopElem, {MAP, VALUE_OUT}},
    [18] = {MapPeekElem, {MAP, VALUE_OUT}},
    [19] = {GetCurrentPidTgid, {0}},
    [20] = {GetCurrentLogonId, {SCALAR}},
    [21] = {IsCurrentAdmin, {SCALAR}},
    [22] = {MemcpyS, {MEMORY_OUT, SIZE, MEMORY, SIZE}},
    [23] = {MemcmpS, {MEMORY, SIZE, MEMORY, SIZE}},
    [24] = {Memset, {MEMORY_OUT, SIZE, SCALAR}},
    [25] = {MemmoveS, {MEMORY_OUT, SIZE, MEMORY, SIZE}},
    [27] = {StrncpyS, {MEMORY_OUT, SIZE, MEMORY, SIZE}},
    [28] = {StrncatS, {MEMORY_OUT, SIZE, MEMORY, SIZE}},
    [29] = {StrnlenS, {MEMORY, SIZE}},
    [30] = {KtimeGetBootMs, {0}},
    [31] = {KtimeGetMs, {0}},
    [32] = {PerfEventOutput, {SCALAR, MAP, SCALAR, MEMORY, SIZE}},
};

C_ASSERT(EBPF_HELPER_LOOKUP == 1 && EBPF_HELPER_TAIL_CALL == 5);

_Use_decl_annotations_
const EBPF_HELPER *
HelperFind(const EBPF_PROGRAM_TYPE *Type, UINT32 Id)
{
    for (UINT32 Index = 0; Type != NULL && Index < Type->HelperCount; Index++)
        if (Type->Helpers[Index].Id == Id)
            return &Type->Helpers[Index].Helper;
    return Id < RTL_NUMBER_OF(Helpers) && Helpers[Id].Function != NULL ? &Helpers[Id] : NULL;
}

static EBPF_FAULT
CheckMemory(const EBPF_RUN *Run, UINT64 Address, UINT32 SizeBytes, BOOLEAN Write)
{
    return SizeBytes == 0 ? FaultNone : RunCheckAccess(Run, Address, SizeBytes, Write);
}

_Use_decl_annotations_
EBPF_FAULT
HelperCheckArguments(const EBPF_HELPER *Helper, const EBPF_RUN *Run, const UINT64 *Arguments)
{
    const EBPF_MAP *Map = NULL;
    EBPF_FAULT Fault = FaultNone;
    for (UINT32 Index = 0; Index < 5 && Fault == FaultNone; Index++) {
        UINT64 Value = Arguments[Index];
        // Memory never stands last in a row: its size is the next argument.
        UINT32 SizeBytes = Index < 4 ? (UINT32)Arguments[Index + 1] : 0;
        switch (Helper->Arguments[Index]) {
        case ArgumentMap:
            Map = MapOf(Run, Value);
            Fault = Map == NULL ? FaultOutOfBounds : FaultNone;
            break;
        case ArgumentKey:
            Fault = CheckMemory(Run, Value, Map->Definition.KeySizeBytes, FALSE);
            break;
        case ArgumentValue:
            Fault = CheckMemory(Run, Value, Map->Definition.ValueSizeBytes, FALSE);
            break;
        case ArgumentValueOut:
            Fault = CheckMemory(Run, Value, Map->Definition.ValueSizeBytes, TRUE);
            break;
        case ArgumentMemoryOrNull:
            Fault = Value == 0 ? FaultNone : CheckMemory(Run, Value, SizeBytes, FALSE);
            break;
        case ArgumentMemory:
            Fault = CheckMemory(Run, Value, SizeBytes, FALSE);
            break;
        case ArgumentMemoryOut:
            Fault = CheckMemory(Run, Value, SizeBytes, TRUE);
            break;
        default:
            break;
        }
    }
    return Fault;
}
