#include "machine.h"

#include "helpers.h"

/** Makes the frames that are active now the stack of the run; a new one begins as zeros, not as another's data. */
static VOID
SetDepth(MACHINE *Machine, UINT32 Depth)
{
    EBPF_RUN *Run = Machine->Run;
    UINT8 *Frame = Run->Stack + sizeof(Run->Stack) - (SIZE_T)Depth * EBPF_FRAME_SIZE_BYTES;
    if (Depth > Machine->Depth && Machine->FrameBytes != 0)
        memset(Frame, 0, EBPF_FRAME_SIZE_BYTES);
    Machine->Depth = Depth;
    Machine->Registers[EBPF_FRAME_POINTER] = (UINT64)(UINT_PTR)Frame + EBPF_FRAME_SIZE_BYTES;
    Run->Regions[RegionStack].Start = (UINT64)(UINT_PTR)Frame;
    Run->Regions[RegionStack].SizeBytes = (UINT64)Depth * Machine->FrameBytes;
}

/** At how many places in a region an access of that size may begin. */
static inline UINT64
Places(const EBPF_REGION *Region, UINT64 SizeBytes)
{
    return Region->SizeBytes < SizeBytes ? 0 : Region->SizeBytes - SizeBytes + 1;
}

static VOID
OpenWindow(MACHINE_WINDOW *Window, const EBPF_RUN *Run)
{
    UINT32 Index = Run->Regions[RegionPacket].SizeBytes != 0 ? RegionPacket : RegionContext;
    const EBPF_REGION *Region = &Run->Regions[Index];
    UINT64 Writable = RunMayWrite(Run, Index, 0, Region->SizeBytes) ? UINT64_MAX : 0;
    UINT64 B = Places(Region, 1), H = Places(Region, 2), W = Places(Region, 4), DW = Places(Region, 8);
    *Window = (MACHINE_WINDOW){
        .Start = Region->Start,
        .Readable = {B, H, W, DW},
        .Writable = {B & Writable, H & Writable, W & Writable, DW & Writable},
    };
}

_Use_decl_annotations_
VOID
MachineBegin(MACHINE *Machine, const EBPF_OPERATIONS *Operations, EBPF_RUN *Run)
{
    // One by one: frames that are not active yet are more to clear than a short program does.
    UINT64 *R = Machine->Registers;
    R[0] = R[1] = R[2] = R[3] = R[4] = R[5] = R[6] = R[7] = R[8] = R[9] = 0;
    Machine->Run = Run;
    Machine->Map = 0;
    Machine->FrameBytes = Operations->UsesStack ? EBPF_FRAME_SIZE_BYTES : 0;
    Machine->Depth = 0;
    OpenWindow(&Machine->Window, Run);
    SetDepth(Machine, 1);
}

_Use_decl_annotations_
const EBPF_OPERATION *
MachineEnter(MACHINE *Machine, const EBPF_OPERATION *I)
{
    // The structural check bounds the depth of calls.
    MACHINE_FRAME *Frame = &Machine->Frames[Machine->Depth];
    memcpy(Frame->Saved, &Machine->Registers[6], sizeof(Frame->Saved));
    Frame->ReturnTo = I + 1;
    SetDepth(Machine, Machine->Depth + 1);
    return MachineTarget(I);
}

_Use_decl_annotations_
const EBPF_OPERATION *
MachineLeave(MACHINE *Machine)
{
    if (Machine->Depth == 1) {
        Machine->Run->Result = Machine->Registers[0];
        return NULL;
    }
    SetDepth(Machine, Machine->Depth - 1);
    const MACHINE_FRAME *Frame = &Machine->Frames[Machine->Depth];
    memcpy(&Machine->Registers[6], Frame->Saved, sizeof(Frame->Saved));
    return Frame->ReturnTo;
}

_Use_decl_annotations_
EBPF_FAULT
MachineCallHelper(MACHINE *Machine, const EBPF_OPERATION *I)
{
    EBPF_RUN *Run = Machine->Run;
    UINT64 *R = Machine->Registers;
    const EBPF_HELPER *Helper = (const EBPF_HELPER *)(UINT_PTR)I->Wide;
    EBPF_REGION Packet = Run->Regions[RegionPacket];
    EBPF_FAULT Fault = HelperCheckArguments(Helper, Run, &R[1]);
    if (Fault == FaultNone)
        R[0] = Helper->Function(Run, R[1], R[2], R[3], R[4], R[5]);
    // Where the packet was is not the program's any more.
    const EBPF_REGION *Now = &Run->Regions[RegionPacket];
    if (Now->Start != Packet.Start || Now->SizeBytes != Packet.SizeBytes)
        OpenWindow(&Machine->Window, Run);
    return Fault;
}

_Use_decl_annotations_
EBPF_FAULT
MachineReach(MACHINE *Machine, UINT64 Address, UINT32 Width, BOOLEAN Write)
{
    const EBPF_RUN *Run = Machine->Run;
    UINT64 SizeBytes = (UINT64)1 << Width;
    // Values are no part of the regions, nor of another map's: where one was accessed more will be.
    if (Machine->Map < Run->MapCount && MapContains(Run->Maps[Machine->Map], Address, SizeBytes))
        return RunCheckMap(Run->Maps[Machine->Map], Write);
    EBPF_FAULT Fault = RunCheckRegions(Run, Address, SizeBytes, Write);
    if (Fault != FaultOutOfBounds)
        return Fault;
    UINT32 Map = RunFindMap(Run, Address, SizeBytes);
    if (Map == Run->MapCount)
        return FaultOutOfBounds;
    Machine->Map = Map;
    return RunCheckMap(Run->Maps[Map], Write);
}

_Use_decl_annotations_
BOOLEAN
MachineLoadPacket(MACHINE *Machine, INT64 Offset, UINT32 Width)
{
    return RunReadPacket(Machine->Run, Offset, 1u << Width, &Machine->Registers[0]);
}

/** The operations on a cell of one type; each gives the value that was there before. */
#define DEFINE_ATOMIC(Name, Type)                                                            \
    static Type Name(Type *Cell, INT32 Operation, Type Operand, Type Expected)               \
    {                                                                                        \
        switch (Operation) {                                                                 \
        case EBPF_ATOMIC_XCHG:                                                               \
            return __atomic_exchange_n(Cell, Operand, __ATOMIC_SEQ_CST);                     \
        case EBPF_ATOMIC_CMPXCHG:                                                            \
            __atomic_compare_exchange_n(                                                     \
                Cell, &Expected, Operand, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
            return Expected;                                                                 \
        }                                                                                    \
        switch (Operation & ~EBPF_FETCH) {                                                   \
        case EBPF_ATOMIC_OR:                                                                 \
            return __atomic_fetch_or(Cell, Operand, __ATOMIC_SEQ_CST);                       \
        case EBPF_ATOMIC_AND:                                                                \
            return __atomic_fetch_and(Cell, Operand, __ATOMIC_SEQ_CST);                      \
        case EBPF_ATOMIC_XOR:                                                                \
            return __atomic_fetch_xor(Cell, Operand, __ATOMIC_SEQ_CST);                      \
        default:                                                                             \
            return __atomic_fetch_add(Cell, Operand, __ATOMIC_SEQ_CST);                      \
        }                                                                                    \
    }

DEFINE_ATOMIC(Atomic32, UINT32)
DEFINE_ATOMIC(Atomic64, UINT64)

_Use_decl_annotations_
VOID
MachineAtomic(MACHINE *Machine, const EBPF_OPERATION *I, UINT64 Address, UINT32 Width)
{
    UINT64 *R = Machine->Registers;
    VOID *Cell = (VOID *)(UINT_PTR)Address;
    UINT64 Old = Width == WidthW ? Atomic32(Cell, I->Number, (UINT32)R[I->Right], (UINT32)R[0])
                                 : Atomic64(Cell, I->Number, R[I->Right], R[0]);
    if ((I->Number & EBPF_FETCH) != 0)
        R[I->Number == EBPF_ATOMIC_CMPXCHG ? 0 : I->Right] = Old;
}
