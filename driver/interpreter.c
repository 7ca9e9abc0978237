// One label for each opcode, to which the instruction before it jumps; what a row of the instruction set means is one line of a
// table.
#include "interpreter.h"

#include "arithmetic.h"
#include "helpers.h"

typedef struct _FRAME {
    /** r6 to r9 of the caller. */
    UINT64 Saved[4];
    const EBPF_INSTRUCTION *ReturnTo;
} FRAME;

typedef struct _MACHINE {
    const EBPF_BYTECODE *Bytecode;
    EBPF_RUN *Run;
    UINT64 Registers[EBPF_REGISTER_COUNT];
    UINT32 Depth;
    FRAME Frames[EBPF_FRAME_COUNT];
} MACHINE;

/** Makes the frames that are active now the stack of the run; a new one begins as zeros, not as another's data. */
static VOID
SetDepth(MACHINE *Machine, UINT32 Depth)
{
    EBPF_RUN *Run = Machine->Run;
    UINT8 *Frame = Run->Stack + sizeof(Run->Stack) - (SIZE_T)Depth * EBPF_FRAME_SIZE_BYTES;
    if (Depth > Machine->Depth)
        memset(Frame, 0, EBPF_FRAME_SIZE_BYTES);
    Machine->Depth = Depth;
    Machine->Registers[EBPF_FRAME_POINTER] = (UINT64)(UINT_PTR)Frame + EBPF_FRAME_SIZE_BYTES;
    Run->Regions[RegionStack].Start = (UINT64)(UINT_PTR)Frame;
    Run->Regions[RegionStack].SizeBytes = (UINT64)Depth * EBPF_FRAME_SIZE_BYTES;
}

/** Ends the run at this instruction. */
static const EBPF_INSTRUCTION *
Fail(MACHINE *Machine, const EBPF_INSTRUCTION *I, EBPF_FAULT Fault)
{
    Machine->Run->Fault = Fault;
    Machine->Run->FaultSlot = (UINT32)(I - Machine->Bytecode->Slots);
    return NULL;
}

static inline const EBPF_INSTRUCTION *
TargetOf(const MACHINE *Machine, const EBPF_INSTRUCTION *I)
{
    const EBPF_INSTRUCTION *Slots = Machine->Bytecode->Slots;
    return Slots + BytecodeTarget(Slots, (UINT32)(I - Slots));
}

/** SignExtend, mostly of all bits. */
static inline UINT64
Extend(UINT64 Value, INT32 Bits)
{
    return __builtin_expect(Bits == 0, TRUE) ? Value : SignExtend(Value, Bits);
}

/** The next instruction, after the cost was paid. */
static inline const EBPF_INSTRUCTION *
Pay(MACHINE *Machine, const EBPF_INSTRUCTION *I, UINT64 Cost, const EBPF_INSTRUCTION *Next)
{
    if (Machine->Run->Budget < Cost)
        return Fail(Machine, I, FaultBudget);
    Machine->Run->Budget -= Cost;
    return Next;
}

/** Distance: Offset, or Immediate of the wide form. */
static inline const EBPF_INSTRUCTION *
Jump(MACHINE *Machine, const EBPF_INSTRUCTION *I, INT32 Distance)
{
    const EBPF_INSTRUCTION *Target = I + 1 + Distance;
    return Distance >= 0 ? Target : Pay(Machine, I, (UINT64)(I - Target) + 1, Target);
}

static const EBPF_INSTRUCTION *
Enter(MACHINE *Machine, const EBPF_INSTRUCTION *I)
{
    const EBPF_INSTRUCTION *Target = TargetOf(Machine, I);
    UINT32 Start = (UINT32)(Target - Machine->Bytecode->Slots);
    const EBPF_SUBPROGRAM *Callee = BytecodeFindSubprogram(Machine->Bytecode, Start);
    if (Pay(Machine, I, Callee->End - Callee->Start, Target) == NULL)
        return NULL;
    // The structural check bounds the depth of calls.
    FRAME *Frame = &Machine->Frames[Machine->Depth];
    memcpy(Frame->Saved, &Machine->Registers[6], sizeof(Frame->Saved));
    Frame->ReturnTo = I + 1;
    SetDepth(Machine, Machine->Depth + 1);
    return Target;
}

/** NULL if it was the entry that ended: then r0 is the result. */
static const EBPF_INSTRUCTION *
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

/** NULL also if it was a tail call that succeeded: then this program is over. */
static const EBPF_INSTRUCTION *
CallHelper(MACHINE *Machine, const EBPF_INSTRUCTION *I)
{
    UINT64 *R = Machine->Registers;
    const EBPF_HELPER *Helper = HelperFind(Machine->Run->Type, (UINT32)I->Immediate);
    EBPF_FAULT Fault = HelperCheckArguments(Helper, Machine->Run, &R[1]);
    if (Fault != FaultNone)
        return Fail(Machine, I, Fault);
    R[0] = Helper->Function(Machine->Run, R[1], R[2], R[3], R[4], R[5]);
    return Machine->Run->TailTarget == NULL ? I + 1 : NULL;
}

/** Checks an access; *Address is where it is. FALSE after a fault. */
static inline BOOLEAN
Access(
    MACHINE *Machine, const EBPF_INSTRUCTION *I, UINT8 Base, UINT64 SizeBytes, BOOLEAN Write, UINT64 *Address)
{
    *Address = Machine->Registers[Base] + (UINT64)(INT64)I->Offset;
    EBPF_FAULT Fault = RunCheckAccess(Machine->Run, *Address, SizeBytes, Write);
    if (Fault != FaultNone)
        Fail(Machine, I, Fault);
    return Fault == FaultNone;
}

/** Reads SizeBytes, which need not be aligned. */
static inline UINT64
Read(UINT64 Address, UINT32 SizeBytes)
{
    UINT64 Value = 0;
    memcpy(&Value, (const VOID *)(UINT_PTR)Address, SizeBytes);
    return Value;
}

static inline BOOLEAN
Load(MACHINE *Machine, const EBPF_INSTRUCTION *I, UINT32 SizeBytes, BOOLEAN Signed)
{
    UINT64 Address;
    if (!Access(Machine, I, I->Source, SizeBytes, FALSE, &Address))
        return FALSE;
    UINT64 Value = Read(Address, SizeBytes);
    Machine->Registers[I->Destination] = Signed ? SignExtend(Value, (INT32)SizeBytes * 8) : Value;
    return TRUE;
}

static inline BOOLEAN
Store(MACHINE *Machine, const EBPF_INSTRUCTION *I, UINT32 SizeBytes, UINT64 Value)
{
    UINT64 Address;
    if (!Access(Machine, I, I->Destination, SizeBytes, TRUE, &Address))
        return FALSE;
    memcpy((VOID *)(UINT_PTR)Address, &Value, SizeBytes);
    return TRUE;
}

/** Reads network order into r0; outside of the packet the function returns 0, as Linux' does. */
static const EBPF_INSTRUCTION *
LoadPacket(MACHINE *Machine, const EBPF_INSTRUCTION *I, UINT32 SizeBytes)
{
    const EBPF_REGION *Packet = &Machine->Run->Regions[RegionPacket];
    INT64 Offset = I->Immediate;
    if ((I->Opcode & 0xe0) == EBPF_IND)
        Offset += (INT32)Machine->Registers[I->Source];
    if (Offset < 0 || (UINT64)Offset + SizeBytes > Packet->SizeBytes) {
        Machine->Registers[0] = 0;
        return Leave(Machine);
    }
    UINT64 Value = Read(Packet->Start + (UINT64)Offset, SizeBytes);
    Machine->Registers[0] = SizeBytes == 1 ? Value : OrderBytes(Value, (INT32)SizeBytes * 8, TRUE);
    return I + 1;
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

static BOOLEAN
Atomic(MACHINE *Machine, const EBPF_INSTRUCTION *I, UINT32 SizeBytes)
{
    UINT64 *R = Machine->Registers;
    UINT64 Address;
    if (!Access(Machine, I, I->Destination, SizeBytes, TRUE, &Address))
        return FALSE;
    if ((Address & (SizeBytes - 1)) != 0) {
        Fail(Machine, I, FaultMisaligned);
        return FALSE;
    }
    VOID *Cell = (VOID *)(UINT_PTR)Address;
    UINT64 Old = SizeBytes == 4 ? Atomic32(Cell, I->Immediate, (UINT32)R[I->Source], (UINT32)R[0])
                                : Atomic64(Cell, I->Immediate, R[I->Source], R[0]);
    if ((I->Immediate & EBPF_FETCH) != 0)
        R[I->Immediate == EBPF_ATOMIC_CMPXCHG ? 0 : I->Source] = Old;
    return TRUE;
}

/** The next instruction: each handler ends with a jump of its own, which processors foresee better than one that all share. */
#define NEXT                  \
    do {                      \
        I = Next++;           \
        goto *Labels[I->Opcode]; \
    } while (FALSE)

/** The same where the one after it may be none: then the run is over. */
#define CONTINUE(Where)      \
    do {                     \
        Next = (Where);      \
        if (Next == NULL)    \
            return;          \
        NEXT;                \
    } while (FALSE)

/** By operation: what it makes of A and B, in 64 bits and in 32. */
#define ALU_ROWS(ROW)                                                             \
    ROW(ADD, A + B, A + B)                                                        \
    ROW(SUB, A - B, A - B)                                                        \
    ROW(MUL, A * B, A * B)                                                        \
    ROW(DIV, Divide64(A, B, I->Offset != 0), Divide32(A, B, I->Offset != 0))      \
    ROW(MOD, Modulo64(A, B, I->Offset != 0), Modulo32(A, B, I->Offset != 0))      \
    ROW(OR, A | B, A | B)                                                         \
    ROW(AND, A & B, A & B)                                                        \
    ROW(XOR, A ^ B, A ^ B)                                                        \
    ROW(LSH, A << (B & 63), A << (B & 31))                                        \
    ROW(RSH, A >> (B & 63), A >> (B & 31))                                        \
    ROW(ARSH, (UINT64)((INT64)A >> (B & 63)), (INT32)A >> (B & 31))               \
    ROW(MOV, ((VOID)A, Extend(B, I->Offset)), ((VOID)A, Extend(B, I->Offset)))

/** By comparison: the types of A and B, in 64 bits and in 32, and when the jump is taken. */
#define JUMP_ROWS(ROW)                      \
    ROW(JEQ, UINT64, UINT32, A == B)        \
    ROW(JNE, UINT64, UINT32, A != B)        \
    ROW(JSET, UINT64, UINT32, (A & B) != 0) \
    ROW(JGT, UINT64, UINT32, A > B)         \
    ROW(JGE, UINT64, UINT32, A >= B)        \
    ROW(JLT, UINT64, UINT32, A < B)         \
    ROW(JLE, UINT64, UINT32, A <= B)        \
    ROW(JSGT, INT64, INT32, A > B)          \
    ROW(JSGE, INT64, INT32, A >= B)         \
    ROW(JSLT, INT64, INT32, A < B)          \
    ROW(JSLE, INT64, INT32, A <= B)

/** By size of a memory access: its bytes. Those that are narrower than a register have more forms. */
#define NARROW_ROWS(ROW) ROW(B, 1) ROW(H, 2) ROW(W, 4)
#define MEMORY_ROWS(ROW) NARROW_ROWS(ROW) ROW(DW, 8)

#define ALU_LABELS(Code, Expression64, Expression32)               \
    [EBPF_##Code | EBPF_K | EBPF_CLASS_ALU64] = &&Code##64K,       \
    [EBPF_##Code | EBPF_X | EBPF_CLASS_ALU64] = &&Code##64X,       \
    [EBPF_##Code | EBPF_K | EBPF_CLASS_ALU] = &&Code##32K,         \
    [EBPF_##Code | EBPF_X | EBPF_CLASS_ALU] = &&Code##32X,
#define JUMP_LABELS(Code, Type64, Type32, Test)                    \
    [EBPF_##Code | EBPF_K | EBPF_CLASS_JMP] = &&Code##64K,         \
    [EBPF_##Code | EBPF_X | EBPF_CLASS_JMP] = &&Code##64X,         \
    [EBPF_##Code | EBPF_K | EBPF_CLASS_JMP32] = &&Code##32K,       \
    [EBPF_##Code | EBPF_X | EBPF_CLASS_JMP32] = &&Code##32X,
#define MEMORY_LABELS(Size, SizeBytes)                             \
    [EBPF_CLASS_LDX | EBPF_MEM | EBPF_##Size] = &&Load##Size,      \
    [EBPF_CLASS_ST | EBPF_MEM | EBPF_##Size] = &&StoreNumber##Size, \
    [EBPF_CLASS_STX | EBPF_MEM | EBPF_##Size] = &&Store##Size,
#define NARROW_LABELS(Size, SizeBytes)                             \
    [EBPF_CLASS_LDX | EBPF_MEMSX | EBPF_##Size] = &&LoadSigned##Size, \
    [EBPF_CLASS_LD | EBPF_ABS | EBPF_##Size] = &&LoadPacket##Size, \
    [EBPF_CLASS_LD | EBPF_IND | EBPF_##Size] = &&LoadPacket##Size,

#define ALU_FORM(Label, Type, Right, Expression)                   \
    Label : {                                                      \
        Type A = (Type)R[I->Destination], B = (Type)(Right);       \
        R[I->Destination] = (Type)(Expression);                    \
        NEXT;                                                      \
    }
#define ALU(Code, Expression64, Expression32)                              \
    ALU_FORM(Code##64K, UINT64, (INT64)I->Immediate, Expression64)         \
    ALU_FORM(Code##64X, UINT64, R[I->Source], Expression64)                \
    ALU_FORM(Code##32K, UINT32, I->Immediate, Expression32)                \
    ALU_FORM(Code##32X, UINT32, R[I->Source], Expression32)

#define JUMP_FORM(Label, Type, Right, Test)                        \
    Label : {                                                      \
        Type A = (Type)R[I->Destination], B = (Type)(Right);       \
        if (Test)                                                  \
            CONTINUE(Jump(&Machine, I, I->Offset));                \
        NEXT;                                                      \
    }
#define JUMP(Code, Type64, Type32, Test)                           \
    JUMP_FORM(Code##64K, Type64, (INT64)I->Immediate, Test)        \
    JUMP_FORM(Code##64X, Type64, R[I->Source], Test)               \
    JUMP_FORM(Code##32K, Type32, I->Immediate, Test)               \
    JUMP_FORM(Code##32X, Type32, R[I->Source], Test)

#define MUST(Label, Condition) \
    Label:                     \
    if (!(Condition))          \
        return;                \
    NEXT;

#define MEMORY(Size, SizeBytes)                                                                     \
    MUST(Load##Size, Load(&Machine, I, SizeBytes, FALSE))                                           \
    MUST(StoreNumber##Size, Store(&Machine, I, SizeBytes, (UINT64)(INT64)I->Immediate))             \
    MUST(Store##Size, Store(&Machine, I, SizeBytes, R[I->Source]))
#define NARROW(Size, SizeBytes)                                    \
    MUST(LoadSigned##Size, Load(&Machine, I, SizeBytes, TRUE))     \
    LoadPacket##Size : CONTINUE(LoadPacket(&Machine, I, SizeBytes));

_Use_decl_annotations_
VOID
InterpreterRun(const EBPF_BYTECODE *Bytecode, EBPF_RUN *Run, UINT64 R1, UINT64 R2)
{
    // Every opcode that the structural check lets through has a row here.
    static const VOID *const Labels[256] = {
        ALU_ROWS(ALU_LABELS) JUMP_ROWS(JUMP_LABELS) MEMORY_ROWS(MEMORY_LABELS) NARROW_ROWS(NARROW_LABELS)
        [EBPF_NEG | EBPF_CLASS_ALU64] = &&Negate64,
        [EBPF_NEG | EBPF_CLASS_ALU] = &&Negate32,
        [EBPF_END | EBPF_K | EBPF_CLASS_ALU] = &&ToLittleEndian,
        [EBPF_END | EBPF_X | EBPF_CLASS_ALU] = &&SwapBytes,
        [EBPF_END | EBPF_K | EBPF_CLASS_ALU64] = &&SwapBytes,
        [EBPF_CLASS_STX | EBPF_ATOMIC | EBPF_W] = &&AtomicW,
        [EBPF_CLASS_STX | EBPF_ATOMIC | EBPF_DW] = &&AtomicDW,
        [EBPF_OPCODE_LDDW] = &&LoadWide,
        [EBPF_OPCODE_JA] = &&JumpAlways,
        [EBPF_OPCODE_JA32] = &&JumpFar,
        [EBPF_OPCODE_CALL] = &&Call,
        [EBPF_OPCODE_EXIT] = &&Exit,
    };
    MACHINE Machine = {.Bytecode = Bytecode, .Run = Run};
    UINT64 *R = Machine.Registers;
    const EBPF_INSTRUCTION *Next = Bytecode->Slots;
    const EBPF_INSTRUCTION *I;
    SetDepth(&Machine, 1);
    R[1] = R1;
    R[2] = R2;
    NEXT;
    ALU_ROWS(ALU)
    JUMP_ROWS(JUMP)
    MEMORY_ROWS(MEMORY)
    NARROW_ROWS(NARROW)
Negate64:
    R[I->Destination] = 0 - R[I->Destination];
    NEXT;
Negate32:
    R[I->Destination] = (UINT32)(0 - R[I->Destination]);
    NEXT;
ToLittleEndian:
    R[I->Destination] = OrderBytes(R[I->Destination], I->Immediate, FALSE);
    NEXT;
SwapBytes:
    R[I->Destination] = OrderBytes(R[I->Destination], I->Immediate, TRUE);
    NEXT;
    MUST(AtomicW, Atomic(&Machine, I, 4))
    MUST(AtomicDW, Atomic(&Machine, I, 8))
LoadWide:
    R[I->Destination] = (UINT32)I->Immediate | (UINT64)(UINT32)I[1].Immediate << 32;
    Next++;
    NEXT;
JumpAlways:
    CONTINUE(Jump(&Machine, I, I->Offset));
JumpFar:
    CONTINUE(Jump(&Machine, I, I->Immediate));
Call:
    CONTINUE(I->Source == EBPF_CALL_LOCAL ? Enter(&Machine, I) : CallHelper(&Machine, I));
Exit:
    CONTINUE(Leave(&Machine));
}
