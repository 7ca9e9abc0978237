// One label for each operation, to which the operation before it jumps; what a row of operation.h means is one line of a
// table.
#if defined(__GNUC__) && !defined(__clang__)
// Of a function of labels gcc makes slower code when it looks for what they have in common (its manual says so of gcse).
#pragma GCC optimize("no-gcse")
#endif

#include "interpreter.h"

#include "arithmetic.h"
#include "helpers.h"

typedef struct _FRAME {
    /** r6 to r9 of the caller. */
    UINT64 Saved[4];
    const EBPF_OPERATION *ReturnTo;
} FRAME;

/** Sizes of memory accesses, as their rows are called. */
enum { WidthB, WidthH, WidthW, WidthDW, WidthCount };

/** Which of a window's counts an access is held to. */
enum { ReadableAccess = FALSE, WritableAccess = TRUE };

/** The packet, or the context if there is none: by size at how many places in it an access may begin. */
typedef struct _WINDOW {
    UINT64 Start;
    UINT64 Readable[WidthCount];
    UINT64 Writable[WidthCount];
} WINDOW;

typedef struct _MACHINE {
    UINT64 Registers[EBPF_REGISTER_COUNT];
    WINDOW Window;
    EBPF_RUN *Run;
    /** What a frame has: nothing if the program cannot come to it. */
    UINT32 FrameBytes;
    UINT32 Depth;
    FRAME Frames[EBPF_FRAME_COUNT];
} MACHINE;

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

static inline VOID
OpenWindow(WINDOW *Window, const EBPF_RUN *Run)
{
    UINT32 Index = Run->Regions[RegionPacket].SizeBytes != 0 ? RegionPacket : RegionContext;
    const EBPF_REGION *Region = &Run->Regions[Index];
    UINT64 Writable = RunMayWrite(Run, Index, 0, Region->SizeBytes) ? UINT64_MAX : 0;
    Window->Start = Region->Start;
    for (UINT32 Width = 0; Width < WidthCount; Width++) {
        UINT64 SizeBytes = (UINT64)1 << Width;
        UINT64 Places = Region->SizeBytes < SizeBytes ? 0 : Region->SizeBytes - SizeBytes + 1;
        Window->Readable[Width] = Places;
        Window->Writable[Width] = Places & Writable;
    }
}

/** Registers begin as 0. Field by field, for the frames are more than a short program takes. */
static inline VOID
Begin(MACHINE *Machine, const EBPF_OPERATIONS *Operations, EBPF_RUN *Run)
{
    UINT64 *R = Machine->Registers;
    R[0] = R[1] = R[2] = R[3] = R[4] = R[5] = R[6] = R[7] = R[8] = R[9] = 0;
    OpenWindow(&Machine->Window, Run);
    Machine->Run = Run;
    Machine->FrameBytes = Operations->UsesStack ? EBPF_FRAME_SIZE_BYTES : 0;
    Machine->Depth = 0;
    SetDepth(Machine, 1);
}

/** What comes after a jump or a call. */
static inline const EBPF_OPERATION *
TargetOf(const EBPF_OPERATION *I)
{
    return (const EBPF_OPERATION *)((const UINT8 *)I + I->Distance);
}

/** The structural check bounds the depth of calls. */
static const EBPF_OPERATION *
Enter(MACHINE *Machine, const EBPF_OPERATION *I)
{
    FRAME *Frame = &Machine->Frames[Machine->Depth];
    memcpy(Frame->Saved, &Machine->Registers[6], sizeof(Frame->Saved));
    Frame->ReturnTo = I + 1;
    SetDepth(Machine, Machine->Depth + 1);
    return TargetOf(I);
}

/** NULL if it was the entry that ended: then r0 is the result. */
static const EBPF_OPERATION *
Leave(MACHINE *Machine)
{
    if (Machine->Depth == 1) {
        Machine->Run->Result = Machine->Registers[0];
        return NULL;
    }
    SetDepth(Machine, Machine->Depth - 1);
    const FRAME *Frame = &Machine->Frames[Machine->Depth];
    memcpy(&Machine->Registers[6], Frame->Saved, sizeof(Frame->Saved));
    return Frame->ReturnTo;
}

static EBPF_FAULT
CallHelper(MACHINE *Machine, const EBPF_OPERATION *I)
{
    UINT64 *R = Machine->Registers;
    const EBPF_HELPER *Helper = (const EBPF_HELPER *)(UINT_PTR)I->Wide;
    UINT64 Packet = Machine->Run->Regions[RegionPacket].Start;
    EBPF_FAULT Fault = HelperCheckArguments(Helper, Machine->Run, &R[1]);
    if (Fault == FaultNone)
        R[0] = Helper->Function(Machine->Run, R[1], R[2], R[3], R[4], R[5]);
    // Where the packet was is not the program's any more.
    if (Machine->Run->Regions[RegionPacket].Start != Packet)
        memset(&Machine->Window, 0, sizeof(Machine->Window));
    return Fault;
}

/** Checks an access that is not within the window. */
static EBPF_FAULT
Reach(const MACHINE *Machine, UINT64 Address, UINT32 Width, BOOLEAN Write)
{
    return RunCheckAccess(Machine->Run, Address, (UINT64)1 << Width, Write);
}

/** Reads network order into r0; FALSE if it is outside of the packet: then the function returns 0, as Linux' does. */
static BOOLEAN
LoadPacket(MACHINE *Machine, INT64 Offset, UINT32 Size)
{
    const EBPF_REGION *Packet = &Machine->Run->Regions[RegionPacket];
    UINT32 SizeBytes = 1u << Size;
    UINT64 Value = 0;
    BOOLEAN IsInside = Offset >= 0 && (UINT64)Offset + SizeBytes <= Packet->SizeBytes;
    if (IsInside)
        memcpy(&Value, (const VOID *)(UINT_PTR)(Packet->Start + (UINT64)Offset), SizeBytes);
    Machine->Registers[0] = Size == WidthB ? Value : OrderBytes(Value, (INT32)SizeBytes * 8, TRUE);
    return IsInside;
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

static VOID
Atomic(UINT64 *R, const EBPF_OPERATION *I, UINT64 Address, UINT32 Size)
{
    VOID *Cell = (VOID *)(UINT_PTR)Address;
    UINT64 Old = Size == WidthW ? Atomic32(Cell, I->Number, (UINT32)R[I->Right], (UINT32)R[0])
                               : Atomic64(Cell, I->Number, R[I->Right], R[0]);
    if ((I->Number & EBPF_FETCH) != 0)
        R[I->Number == EBPF_ATOMIC_CMPXCHG ? 0 : I->Right] = Old;
}

/** The next operation: each ends with a jump of its own, which processors foresee better than one that all share. */
#define GO goto *Labels[I->Code]
#define NEXT \
    do {     \
        I++; \
        GO;  \
    } while (FALSE)

/** Ends the run at this instruction, or at one that many slots before it. */
#define FAIL(Why, SlotsBefore)   \
    do {                         \
        Fault = (Why);           \
        Before = (SlotsBefore);  \
        goto Failed;             \
    } while (FALSE)

/** The same where the one after it may be none: then the run is over. */
#define CONTINUE(Where)   \
    do {                  \
        I = (Where);      \
        if (I == NULL)    \
            goto Ended;   \
        GO;               \
    } while (FALSE)

#define PAY(Cost)                   \
    do {                            \
        if (Budget < (Cost))        \
            FAIL(FaultBudget, 0);   \
        Budget -= (Cost);           \
    } while (FALSE)

#define JUMP_IF(Test)         \
    do {                      \
        if (Test) {           \
            PAY(I->Small);    \
            I = TargetOf(I);  \
            GO;               \
        }                     \
        NEXT;                 \
    } while (FALSE)

/** An access of a type: where it is, after it was checked, which mostly is one comparison. */
#define REACH(Size, Kind, Where, SlotsBefore)                                                            \
    UINT64 Address = (Where);                                                                            \
    do {                                                                                                 \
        if (__builtin_expect(Address - Machine.Window.Start >= Machine.Window.Kind[Width##Size], FALSE) && \
            (Fault = Reach(&Machine, Address, Width##Size, Kind##Access)) != FaultNone) {                 \
            Before = (SlotsBefore);                                                                      \
            goto Failed;                                                                                 \
        }                                                                                                \
    } while (FALSE)

#define READ(Type, Name)  \
    Type Name;            \
    memcpy(&Name, (const VOID *)(UINT_PTR)Address, sizeof(Name))
#define WRITE(Type, Value)          \
    do {                            \
        Type Stored = (Type)(Value); \
        memcpy((VOID *)(UINT_PTR)Address, &Stored, sizeof(Stored)); \
    } while (FALSE)

/** Writes a register, and keeps the value for the next operation. */
#define SET(Register, Value) (R[Register] = Last = (Value))

/** Labels of rows. */
#define LABEL_64K(Code, ...) [Operation##Code##64K] = &&Code##64K,
#define LABEL_64X(Code, ...) [Operation##Code##64X] = &&Code##64X,
#define LABEL_32K(Code, ...) [Operation##Code##32K] = &&Code##32K,
#define LABEL_32X(Code, ...) [Operation##Code##32X] = &&Code##32X,
#define LABEL_64LK(Code, ...) [Operation##Code##64LK] = &&Code##64LK,
#define LABEL_64LX(Code, ...) [Operation##Code##64LX] = &&Code##64LX,
#define LABEL_64XL(Code, ...) [Operation##Code##64XL] = &&Code##64XL,
#define LABEL_32LK(Code, ...) [Operation##Code##32LK] = &&Code##32LK,
#define LABEL_32LX(Code, ...) [Operation##Code##32LX] = &&Code##32LX,
#define LABEL_32XL(Code, ...) [Operation##Code##32XL] = &&Code##32XL,
#define LABEL_ADD_64(Code, ...) [OperationAdd##Code##64] = &&Add##Code##64,
#define LABEL_ADD_32(Code, ...) [OperationAdd##Code##32] = &&Add##Code##32,
#define LABEL_UNARY(Name, ...) [Operation##Name] = &&Name, [Operation##Name##Last] = &&Name##Last,
#define LABEL_MEMORY(Size, ...)                                       \
    [OperationLoad##Size] = &&Load##Size,                             \
    [OperationLoadLast##Size] = &&LoadLast##Size,                     \
    [OperationLoadStack##Size] = &&LoadStack##Size,                   \
    [OperationLoadSum##Size] = &&LoadSum##Size,                       \
    [OperationStore##Size] = &&Store##Size,                           \
    [OperationStoreStack##Size] = &&StoreStack##Size,                 \
    [OperationStoreSum##Size] = &&StoreSum##Size,                     \
    [OperationStoreNumber##Size] = &&StoreNumber##Size,               \
    [OperationStoreNumberStack##Size] = &&StoreNumberStack##Size,     \
    [OperationCopy##Size] = &&Copy##Size,
#define LABEL_NARROW(Size, ...)                                       \
    [OperationLoadSigned##Size] = &&LoadSigned##Size,                 \
    [OperationLoadJEQ##Size] = &&LoadJEQ##Size,                       \
    [OperationLoadJNE##Size] = &&LoadJNE##Size,                       \
    [OperationLoadPacket##Size] = &&LoadPacket##Size,                 \
    [OperationLoadPacketAt##Size] = &&LoadPacketAt##Size,
#define LABEL_SWAP(Size, ...)                                         \
    [OperationLoadSwapped##Size] = &&LoadSwapped##Size,               \
    [OperationCopySwapped##Size] = &&CopySwapped##Size,

/** The operations of a row. */
#define ALU_FORM(Label, Type, First, Second, Expression)              \
    Label : {                                                         \
        Type A = (Type)(First), B = (Type)(Second);                   \
        SET(I->Destination, (Type)(Expression));                      \
        NEXT;                                                         \
    }
#define ALU(Code, Expression64, Expression32)                              \
    ALU_FORM(Code##64K, UINT64, R[I->Left], I->Wide, Expression64)         \
    ALU_FORM(Code##64X, UINT64, R[I->Left], R[I->Right], Expression64)     \
    ALU_FORM(Code##32K, UINT32, R[I->Left], I->Wide, Expression32)         \
    ALU_FORM(Code##32X, UINT32, R[I->Left], R[I->Right], Expression32)     \
    ALU_FORM(Code##64LK, UINT64, Last, I->Wide, Expression64)              \
    ALU_FORM(Code##64LX, UINT64, Last, R[I->Right], Expression64)          \
    ALU_FORM(Code##64XL, UINT64, R[I->Left], Last, Expression64)           \
    ALU_FORM(Code##32LK, UINT32, Last, I->Wide, Expression32)              \
    ALU_FORM(Code##32LX, UINT32, Last, R[I->Right], Expression32)          \
    ALU_FORM(Code##32XL, UINT32, R[I->Left], Last, Expression32)
#define UNARY_FORM(Label, Type, First, Expression)                    \
    Label : {                                                         \
        Type A = (Type)(First);                                       \
        SET(I->Destination, (Type)(Expression));                      \
        NEXT;                                                         \
    }
#define UNARY(Name, Type, Expression)                                 \
    UNARY_FORM(Name, Type, R[I->Left], Expression)                    \
    UNARY_FORM(Name##Last, Type, Last, Expression)
#define JUMP_FORM(Label, Type, First, Second, Test)                   \
    Label : {                                                         \
        Type A = (Type)(First), B = (Type)(Second);                   \
        JUMP_IF(Test);                                                \
    }
#define JUMP_ADD(Label, Type, Unsigned, Test)                         \
    Label : {                                                         \
        Unsigned Sum = (Unsigned)(R[I->Left] + (UINT64)(INT8)I->Other); \
        SET(I->Left, Sum);                                            \
        Type A = (Type)Sum, B = (Type)I->Number;                      \
        JUMP_IF(Test);                                                \
    }
#define JUMP(Code, Type64, Type32, Test)                                     \
    JUMP_FORM(Code##64K, Type64, R[I->Left], (INT64)I->Number, Test)         \
    JUMP_FORM(Code##64X, Type64, R[I->Left], R[I->Right], Test)              \
    JUMP_FORM(Code##32K, Type32, R[I->Left], I->Number, Test)                \
    JUMP_FORM(Code##32X, Type32, R[I->Left], R[I->Right], Test)              \
    JUMP_FORM(Code##64LK, Type64, Last, (INT64)I->Number, Test)              \
    JUMP_FORM(Code##64LX, Type64, Last, R[I->Right], Test)                   \
    JUMP_FORM(Code##64XL, Type64, R[I->Left], Last, Test)                    \
    JUMP_FORM(Code##32LK, Type32, Last, I->Number, Test)                     \
    JUMP_FORM(Code##32LX, Type32, Last, R[I->Right], Test)                   \
    JUMP_FORM(Code##32XL, Type32, R[I->Left], Last, Test)                    \
    JUMP_ADD(Add##Code##64, Type64, UINT64, Test)                            \
    JUMP_ADD(Add##Code##32, Type32, UINT32, Test)

#define LOAD(Label, Size, Type, Where, Result)                        \
    Label : {                                                         \
        REACH(Size, Readable, Where, 0);                              \
        READ(Type, Value);                                            \
        SET(I->Destination, (Result));                                \
        NEXT;                                                         \
    }
#define STORE(Label, Size, Type, Where, Value)                        \
    Label : {                                                         \
        REACH(Size, Writable, Where, 0);                              \
        WRITE(Type, Value);                                           \
        NEXT;                                                         \
    }
#define COPY(Label, Size, Type, SlotsBetween, Result)                 \
    Label : {                                                         \
        {                                                             \
            REACH(Size, Readable, R[I->Left] + OFFSET_SMALL, SlotsBetween);  \
            READ(Type, Value);                                        \
            SET(I->Destination, (Result));                            \
        }                                                             \
        REACH(Size, Writable, R[I->Right] + OFFSET_DISTANCE, 0);                  \
        WRITE(Type, Last);                                            \
        NEXT;                                                         \
    }
#define LOAD_TEST(Label, Size, Type, Test)                            \
    Label : {                                                         \
        REACH(Size, Readable, R[I->Left] + OFFSET_SMALL, 0);                 \
        READ(Type, Value);                                            \
        SET(I->Destination, Value);                                   \
        if (Value Test (UINT32)I->Number) {                           \
            I = TargetOf(I);                                          \
            GO;                                                       \
        }                                                             \
        NEXT;                                                         \
    }
#define FRAME_LOAD(Label, Type)                                       \
    Label : {                                                         \
        UINT64 Address = R[EBPF_FRAME_POINTER] + OFFSET_WIDE;                \
        READ(Type, Value);                                            \
        SET(I->Destination, Value);                                   \
        NEXT;                                                         \
    }
#define FRAME_STORE(Label, Type, Offset, Value)                       \
    Label : {                                                         \
        UINT64 Address = R[EBPF_FRAME_POINTER] + (Offset);            \
        WRITE(Type, Value);                                           \
        NEXT;                                                         \
    }
#define LOAD_PACKET(Label, Size, Offset)                              \
    Label : if (LoadPacket(&Machine, (Offset), Width##Size)) NEXT;     \
    CONTINUE(Leave(&Machine));

/** What is added to an address. */
#define OFFSET_WIDE (UINT64) I->Wide
#define OFFSET_SMALL (UINT64)(INT64)(INT16)I->Small
#define OFFSET_DISTANCE (UINT64)(INT64)I->Distance

#define MEMORY(Size, Type)                                                                    \
    LOAD(Load##Size, Size, Type, R[I->Left] + OFFSET_WIDE, Value)                                    \
    LOAD(LoadSum##Size, Size, Type, R[I->Left] + R[I->Right] + OFFSET_WIDE, Value)                   \
    LOAD(LoadLast##Size, Size, Type, Last + OFFSET_WIDE, Value)                               \
    FRAME_LOAD(LoadStack##Size, Type)                                                         \
    STORE(Store##Size, Size, Type, R[I->Left] + OFFSET_WIDE, R[I->Right])                            \
    STORE(StoreSum##Size, Size, Type, SET(I->Destination, R[I->Left] + R[I->Right]) + OFFSET_WIDE, R[I->Other]) \
    FRAME_STORE(StoreStack##Size, Type, OFFSET_WIDE, R[I->Right])                                    \
    STORE(StoreNumber##Size, Size, Type, R[I->Left] + OFFSET_DISTANCE, (INT64)I->Number)                  \
    FRAME_STORE(StoreNumberStack##Size, Type, OFFSET_DISTANCE, (INT64)I->Number)                          \
    COPY(Copy##Size, Size, Type, 1, Value)
#define NARROW(Size, Type, Signed)                                                            \
    LOAD(LoadSigned##Size, Size, Signed, R[I->Left] + OFFSET_WIDE, (UINT64)(INT64)Value)             \
    LOAD_TEST(LoadJEQ##Size, Size, Type, ==)                                                  \
    LOAD_TEST(LoadJNE##Size, Size, Type, !=)                                                  \
    LOAD_PACKET(LoadPacket##Size, Size, I->Wide)                                              \
    LOAD_PACKET(LoadPacketAt##Size, Size, (INT32)R[I->Left] + I->Wide)
#define SWAP(Size, Type, Bits)                                                                \
    LOAD(LoadSwapped##Size, Size, Type, R[I->Left] + OFFSET_WIDE, __builtin_bswap##Bits(Value))      \
    COPY(CopySwapped##Size, Size, Type, 2, __builtin_bswap##Bits(Value))
#define ATOMIC(Label, Size)                                           \
    Label : {                                                         \
        REACH(Size, Writable, R[I->Left] + OFFSET_DISTANCE, 0);                   \
        if ((Address & ((1u << Width##Size) - 1)) != 0)                \
            FAIL(FaultMisaligned, 0);                                 \
        Atomic(R, I, Address, Width##Size);                            \
        NEXT;                                                         \
    }

_Use_decl_annotations_
VOID
InterpreterRun(const EBPF_OPERATIONS *Operations, EBPF_RUN *Run, UINT64 R1, UINT64 R2)
{
    static const VOID *const Labels[OperationCodeCount] = {
        ALU_ROWS(LABEL_64K) ALU_ROWS(LABEL_64X) ALU_ROWS(LABEL_32K) ALU_ROWS(LABEL_32X) UNARY_ROWS(LABEL_UNARY)
        JUMP_ROWS(LABEL_64K) JUMP_ROWS(LABEL_64X) JUMP_ROWS(LABEL_32K) JUMP_ROWS(LABEL_32X)
        ALU_ROWS(LABEL_64LK) ALU_ROWS(LABEL_64LX) ALU_ROWS(LABEL_64XL)
        ALU_ROWS(LABEL_32LK) ALU_ROWS(LABEL_32LX) ALU_ROWS(LABEL_32XL)
        JUMP_ROWS(LABEL_64LK) JUMP_ROWS(LABEL_64LX) JUMP_ROWS(LABEL_64XL)
        JUMP_ROWS(LABEL_32LK) JUMP_ROWS(LABEL_32LX) JUMP_ROWS(LABEL_32XL)
        JUMP_ROWS(LABEL_ADD_64) JUMP_ROWS(LABEL_ADD_32)
        MEMORY_ROWS(LABEL_MEMORY) NARROW_ROWS(LABEL_NARROW) SWAP_ROWS(LABEL_SWAP)
        [OperationMoveNumber] = &&MoveNumber,
        [OperationAtomicW] = &&AtomicW,
        [OperationAtomicDW] = &&AtomicDW,
        [OperationJump] = &&Jump,
        [OperationCallLocal] = &&CallLocal,
        [OperationCallHelper] = &&CallHelper,
        [OperationExit] = &&Exit,
    };
    MACHINE Machine;
    UINT64 *const R = Machine.Registers;
    const EBPF_OPERATION *I = Operations->First;
    UINT64 Budget = Run->Budget;
    UINT64 Last = 0;
    EBPF_FAULT Fault;
    UINT32 Before;
    Begin(&Machine, Operations, Run);
    R[1] = R1;
    R[2] = R2;
    GO;
    ALU_ROWS(ALU)
    UNARY_ROWS(UNARY)
    JUMP_ROWS(JUMP)
    MEMORY_ROWS(MEMORY)
    NARROW_ROWS(NARROW)
    SWAP_ROWS(SWAP)
    ATOMIC(AtomicW, W)
    ATOMIC(AtomicDW, DW)
MoveNumber:
    SET(I->Destination, OFFSET_WIDE);
    NEXT;
Jump:
    PAY((UINT32)I->Number);
    I = TargetOf(I);
    GO;
CallLocal:
    PAY((UINT32)I->Number);
    I = Enter(&Machine, I);
    GO;
CallHelper:
    Fault = CallHelper(&Machine, I);
    if (Fault != FaultNone)
        FAIL(Fault, 0);
    // After a tail call that succeeded this program is over.
    if (Run->TailTarget != NULL)
        goto Ended;
    NEXT;
Exit:
    CONTINUE(Leave(&Machine));
Failed:
    Run->Fault = Fault;
    Run->FaultSlot = Operations->Slots[I - Operations->First] - Before;
Ended:
    Run->Budget = Budget;
}
