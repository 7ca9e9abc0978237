// One label for each operation, to which the operation before it jumps; what a row of operation.h means is one line of a
// table.
#if defined(__GNUC__) && !defined(__clang__)
// Of a function of labels gcc makes slower code when it looks for what they have in common (its manual says so of gcse).
#pragma GCC optimize("no-gcse")
#endif

#include "interpreter.h"

#include "arithmetic.h"
#include "machine.h"

/** Which of a window's counts an access is held to. */
enum { ReadableAccess = FALSE, WritableAccess = TRUE };

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

#define JUMP_IF(Test)             \
    do {                          \
        if (Test) {               \
            PAY(I->Small);        \
            I = MachineTarget(I); \
            GO;                   \
        }                         \
        NEXT;                     \
    } while (FALSE)

/** An access of a type: where it is, after it was checked, which mostly is one comparison. */
#define REACH(Size, Kind, Where, SlotsBefore)                                                               \
    UINT64 Address = (Where);                                                                               \
    do {                                                                                                    \
        if (__builtin_expect(Address - Machine.Window.Start >= Machine.Window.Kind[Width##Size], FALSE) &&  \
            (Fault = MachineReach(&Machine, Address, Width##Size, Kind##Access)) != FaultNone) {            \
            Before = (SlotsBefore);                                                                         \
            goto Failed;                                                                                    \
        }                                                                                                   \
    } while (FALSE)

#define READ(Type, Name)  \
    Type Name;            \
    memcpy(&Name, (const VOID *)(UINT_PTR)Address, sizeof(Name))
#define WRITE(Type, Value)                                          \
    do {                                                            \
        Type Stored = (Type)(Value);                                \
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
#define LABEL_BOUND(Code, ...) [OperationBound##Code] = &&Bound##Code,
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
#define JUMP_ADD(Label, Type, Unsigned, Test)                           \
    Label : {                                                           \
        Unsigned Sum = (Unsigned)(R[I->Left] + (UINT64)(INT8)I->Other); \
        SET(I->Left, Sum);                                              \
        Type A = (Type)Sum, B = (Type)I->Number;                        \
        JUMP_IF(Test);                                                  \
    }
#define JUMP_BOUND(Label, Type, Test)                                 \
    Label : {                                                         \
        SET(I->Destination, R[I->Left] + (UINT64)(INT64)I->Number);   \
        Type A = (Type)Last, B = (Type)R[I->Right];                   \
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
    JUMP_BOUND(Bound##Code, Type64, Test)                                    \
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
#define COPY(Label, Size, Type, SlotsBetween, Result)                       \
    Label : {                                                               \
        {                                                                   \
            REACH(Size, Readable, R[I->Left] + OFFSET_SMALL, SlotsBetween); \
            READ(Type, Value);                                              \
            SET(I->Destination, (Result));                                  \
        }                                                                   \
        REACH(Size, Writable, R[I->Right] + OFFSET_DISTANCE, 0);            \
        WRITE(Type, Last);                                                  \
        NEXT;                                                               \
    }
#define LOAD_TEST(Label, Size, Type, Test)                    \
    Label : {                                                 \
        REACH(Size, Readable, R[I->Left] + OFFSET_SMALL, 0);  \
        READ(Type, Value);                                    \
        SET(I->Destination, Value);                           \
        if (Value Test (UINT32)I->Number) {                   \
            I = MachineTarget(I);                             \
            GO;                                               \
        }                                                     \
        NEXT;                                                 \
    }
#define AND_TEST(Label, Test)                                         \
    Label : {                                                         \
        SET(I->Destination, R[I->Left] & I->Small);                   \
        if (Last Test (UINT32)I->Number) {                            \
            I = MachineTarget(I);                                     \
            GO;                                                       \
        }                                                             \
        NEXT;                                                         \
    }
#define FRAME_LOAD(Label, Type)                               \
    Label : {                                                 \
        UINT64 Address = R[EBPF_FRAME_POINTER] + OFFSET_WIDE; \
        READ(Type, Value);                                    \
        SET(I->Destination, Value);                           \
        NEXT;                                                 \
    }
#define FRAME_STORE(Label, Type, Offset, Value)                       \
    Label : {                                                         \
        UINT64 Address = R[EBPF_FRAME_POINTER] + (Offset);            \
        WRITE(Type, Value);                                           \
        NEXT;                                                         \
    }
#define LOAD_PACKET(Label, Size, Offset)                                  \
    Label : if (MachineLoadPacket(&Machine, (Offset), Width##Size)) NEXT; \
    CONTINUE(MachineLeave(&Machine));

/** What is added to an address. */
#define OFFSET_WIDE (UINT64) I->Wide
#define OFFSET_SMALL (UINT64)(INT64)(INT16)I->Small
#define OFFSET_DISTANCE (UINT64)(INT64)I->Distance

#define MEMORY(Size, Type)                                                                                      \
    LOAD(Load##Size, Size, Type, R[I->Left] + OFFSET_WIDE, Value)                                               \
    LOAD(LoadSum##Size, Size, Type, R[I->Left] + R[I->Right] + OFFSET_WIDE, Value)                              \
    LOAD(LoadLast##Size, Size, Type, Last + OFFSET_WIDE, Value)                                                 \
    FRAME_LOAD(LoadStack##Size, Type)                                                                           \
    STORE(Store##Size, Size, Type, R[I->Left] + OFFSET_WIDE, R[I->Right])                                       \
    STORE(StoreSum##Size, Size, Type, SET(I->Destination, R[I->Left] + R[I->Right]) + OFFSET_WIDE, R[I->Other]) \
    FRAME_STORE(StoreStack##Size, Type, OFFSET_WIDE, R[I->Right])                                               \
    STORE(StoreNumber##Size, Size, Type, R[I->Left] + OFFSET_DISTANCE, (INT64)I->Number)                        \
    FRAME_STORE(StoreNumberStack##Size, Type, OFFSET_DISTANCE, (INT64)I->Number)                                \
    COPY(Copy##Size, Size, Type, 1, Value)
#define NARROW(Size, Type, Signed)                                                        \
    LOAD(LoadSigned##Size, Size, Signed, R[I->Left] + OFFSET_WIDE, (UINT64)(INT64)Value)  \
    LOAD_TEST(LoadJEQ##Size, Size, Type, ==)                                              \
    LOAD_TEST(LoadJNE##Size, Size, Type, !=)                                              \
    LOAD_PACKET(LoadPacket##Size, Size, I->Wide)                                          \
    LOAD_PACKET(LoadPacketAt##Size, Size, (INT32)R[I->Left] + I->Wide)
#define SWAP(Size, Type, Bits)                                                                  \
    LOAD(LoadSwapped##Size, Size, Type, R[I->Left] + OFFSET_WIDE, __builtin_bswap##Bits(Value)) \
    COPY(CopySwapped##Size, Size, Type, 2, __builtin_bswap##Bits(Value))
#define ATOMIC(Label, Size)                                     \
    Label : {                                                   \
        REACH(Size, Writable, R[I->Left] + OFFSET_DISTANCE, 0); \
        if ((Address & ((1u << Width##Size) - 1)) != 0)         \
            FAIL(FaultMisaligned, 0);                           \
        MachineAtomic(&Machine, I, Address, Width##Size);       \
        NEXT;                                                   \
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
        JUMP_ROWS(LABEL_ADD_64) JUMP_ROWS(LABEL_ADD_32) JUMP_ROWS(LABEL_BOUND)
        MEMORY_ROWS(LABEL_MEMORY) NARROW_ROWS(LABEL_NARROW) SWAP_ROWS(LABEL_SWAP)
        [OperationAndJEQ] = &&AndJEQ,
        [OperationAndJNE] = &&AndJNE,
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
    MachineBegin(&Machine, Operations, Run);
    R[1] = R1;
    R[2] = R2;
    GO;
    ALU_ROWS(ALU)
    UNARY_ROWS(UNARY)
    JUMP_ROWS(JUMP)
    MEMORY_ROWS(MEMORY)
    NARROW_ROWS(NARROW)
    SWAP_ROWS(SWAP)
    AND_TEST(AndJEQ, ==)
    AND_TEST(AndJNE, !=)
    ATOMIC(AtomicW, W)
    ATOMIC(AtomicDW, DW)
MoveNumber:
    SET(I->Destination, OFFSET_WIDE);
    NEXT;
Jump:
    PAY((UINT32)I->Number);
    I = MachineTarget(I);
    GO;
CallLocal:
    PAY((UINT32)I->Number);
    I = MachineEnter(&Machine, I);
    GO;
CallHelper:
    Fault = MachineCallHelper(&Machine, I);
    if (Fault != FaultNone)
        FAIL(Fault, 0);
    // After a tail call that succeeded this program is over.
    if (Run->TailTarget != NULL)
        goto Ended;
    NEXT;
Exit:
    CONTINUE(MachineLeave(&Machine));
Failed:
    Run->Fault = Fault;
    Run->FaultSlot = Operations->Slots[I - Operations->First] - Before;
Ended:
    Run->Budget = Budget;
}
