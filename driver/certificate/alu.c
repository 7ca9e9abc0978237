#include "certificate/alu.h"

#include "arithmetic.h"

static BOOLEAN
IsRegister(const EBPF_INSTRUCTION *Instruction)
{
    return (Instruction->Opcode & EBPF_X) != 0;
}

static VALUE_ID
Initialized(CHECKER *Checker, VALUE_ID Id)
{
    return Id != 0 ? Id : (VALUE_ID)Refuse(Checker, "a register is not initialised");
}

static VALUE_ID
Operand(CHECKER *Checker, const CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction)
{
    if (IsRegister(Instruction))
        return Initialized(Checker, StateRead(Checker, State, Instruction->Source));
    return AddNumber(Checker, NumberConstant(Instruction->Immediate));
}

static BOOLEAN
OperationOf(const EBPF_INSTRUCTION *Instruction, CHECK_OPERATION *Operation)
{
    static const UINT8 Operations[16] = {
        [EBPF_ADD >> 4] = OperationAdd, [EBPF_SUB >> 4] = OperationSub, [EBPF_MUL >> 4] = OperationMul,
        [EBPF_DIV >> 4] = OperationDiv, [EBPF_OR >> 4] = OperationOr,   [EBPF_AND >> 4] = OperationAnd,
        [EBPF_LSH >> 4] = OperationLsh, [EBPF_RSH >> 4] = OperationRsh, [EBPF_MOD >> 4] = OperationMod,
        [EBPF_XOR >> 4] = OperationXor, [EBPF_ARSH >> 4] = OperationArsh,
    };
    UINT8 Code = Instruction->Opcode & 0xf0;
    *Operation = (CHECK_OPERATION)Operations[Code >> 4];
    if (Instruction->Offset == 1 && Code == EBPF_DIV)
        *Operation = OperationSdiv;
    if (Instruction->Offset == 1 && Code == EBPF_MOD)
        *Operation = OperationSmod;
    return Code <= EBPF_ARSH && Code != EBPF_NEG && Code != EBPF_MOV;
}

/** Arithmetic of two numbers; left by 32 and back is an extension, whatever the bounds of what is between. */
static VALUE_ID
Numbers(
    CHECKER *Checker, UINT32 Bits, CHECK_OPERATION Operation, const CHECK_NUMBER *A, const CHECK_NUMBER *B)
{
    BOOLEAN By32 = Bits == 64 && NumberIsKnown(B) && B->Full.S0 == 32;
    if (By32 && A->Shifted != 0 && (Operation == OperationRsh || Operation == OperationArsh)) {
        const CHECK_NUMBER *Shifted = NumberAt(Checker, A->Shifted);
        return AddNumber(
            Checker,
            Operation == OperationRsh ? NumberZeroExtended(Shifted) : NumberSignExtended(Shifted, 32));
    }
    CHECK_NUMBER Result = NumberCompute(Bits, Operation, A, B);
    if (By32 && Operation == OperationLsh && !NumberIsKnown(&Result)) {
        CHECK_NUMBER Old = *A;
        Old.Shifted = 0;
        Result.Shifted = AddNumber(Checker, Old);
    }
    return AddNumber(Checker, Result);
}

/** Known if what is unknown of both is the same. */
static VALUE_ID
Distance(CHECKER *Checker, const CHECK_POINTER *Left, const CHECK_POINTER *Right)
{
    BOOLEAN Packet = Left->Place == PlacePacket || Left->Place == PlacePacketMeta;
    BOOLEAN Known = Packet ? Left->Part == Right->Part : PointerIsKnown(Left) && PointerIsKnown(Right);
    if (Left->Place != Right->Place || !PointerSameObject(Left, Right) || Right->Nullable || !Known)
        return AddNumber(Checker, NumberAny());
    INT64 Unknown = Packet ? 0 : Left->Least - Right->Least;
    return AddNumber(Checker, NumberConstant(Left->Offset - Right->Offset + Unknown));
}

static VALUE_ID
Moved(CHECKER *Checker, const CHECK_POINTER *From, const CHECK_NUMBER *By)
{
    CHECK_POINTER Result = *From;
    BOOLEAN Known = NumberIsKnown(By);
    INT64 S0 = By->Full.S0, S1 = By->Full.S1, Offset = From->Offset + (Known ? S0 : 0);
    switch (From->Place) {
    case PlaceKernel:
        Result.Offset = 0;
        Result.Least = -STATE_MOST_OFFSET;
        Result.Most = STATE_MOST_OFFSET;
        Result.Zeros = 0;
        return AddPointer(Checker, Result);
    case PlaceMap:
    case PlaceInnerMap:
    case PlacePacketEnd:
    case PlaceCode:
        return Refuse(Checker, "arithmetic on a pointer that stays");
    case PlaceContext:
    case PlaceObject:
        if (!Known)
            return Refuse(Checker, "an unknown place of the context or an object");
        break;
    default:
        break;
    }
    if (From->Offset + From->Least + S0 < -STATE_MOST_OFFSET ||
        From->Offset + From->Most + S1 > STATE_MOST_OFFSET || Offset > STATE_MOST_OFFSET ||
        Offset < -STATE_MOST_OFFSET)
        return Refuse(Checker, "a pointer moved too far");
    Result.Offset = Offset;
    if (!Known) {
        BOOLEAN Packet = From->Place == PlacePacket || From->Place == PlacePacketMeta;
        Result.Least += S0;
        Result.Most += S1;
        Result.Zeros = (UINT8)Least(From->Zeros, By->Zeros);
        Result.Part = Packet ? CheckerFresh(Checker) : 0;
        Result.Proved = 0;
    }
    return AddPointer(Checker, Result);
}

/** Pointer plus or minus number, or number plus pointer. */
static VALUE_ID
PointerAndNumber(
    CHECKER *Checker, CHECK_OPERATION Operation, const CHECK_POINTER *Pointer, const CHECK_NUMBER *By, BOOLEAN First)
{
    BOOLEAN Kernel = Pointer->Place == PlaceKernel;
    if (Kernel && Pointer->Nullable)
        return AddNumber(Checker, NumberAny());
    // Where addresses may leave, a context moved anywhere is a number: nothing can be read through it.
    if (!Checker->Strict && Pointer->Place == PlaceContext && !NumberIsKnown(By))
        return AddNumber(Checker, NumberAny());
    if (Pointer->Nullable)
        return Refuse(Checker, "arithmetic on what may be null");
    if (Operation == OperationSub && !First)
        return Kernel ? AddNumber(Checker, NumberAny()) : (VALUE_ID)Refuse(Checker, "number minus pointer");
    CHECK_NUMBER Distance = *By;
    if (Operation == OperationSub) {
        CHECK_NUMBER Zero = NumberConstant(0);
        Distance = NumberCompute(64, OperationSub, &Zero, By);
    }
    return Moved(Checker, Pointer, &Distance);
}

/** Arithmetic of which at least one operand is a pointer. */
static VALUE_ID
Pointers(CHECKER *Checker, UINT32 Bits, CHECK_OPERATION Operation, VALUE_ID Left, VALUE_ID Right)
{
    const CHECK_POINTER *LeftPointer = PointerAt(Checker, Left), *RightPointer = PointerAt(Checker, Right);
    const CHECK_POINTER *First = LeftPointer != NULL ? LeftPointer : RightPointer;
    const CHECK_VALUE *Other = ValueAt(Checker, LeftPointer != NULL ? Right : Left);
    BOOLEAN Loose = First->Place == PlaceKernel && (Other->Kind == KindNumber || ValueIsKernel(Other));
    BOOLEAN Sums = Operation == OperationAdd || Operation == OperationSub;
    BOOLEAN Within = Other->Kind == KindPointer && PointerSameObject(First, &Other->Pointer) && !First->Nullable &&
        !Other->Pointer.Nullable;
    if (!Sums || Bits == 32) {
        if (Loose || (Operation == OperationSub && (!Checker->Strict || Within)))
            return AddNumber(Checker, Bits == 32 ? NumberAnyOfSize(4, FALSE) : NumberAny());
        return Refuse(Checker, "arithmetic on a pointer");
    }
    if (Other->Kind != KindPointer)
        return PointerAndNumber(Checker, Operation, First, &Other->Number, LeftPointer != NULL);
    if (Operation == OperationAdd || First->Nullable)
        return Refuse(Checker, "arithmetic of two pointers");
    if (Checker->Strict && !Within)
        return Refuse(Checker, "a distance between objects");
    return Distance(Checker, First, &Other->Pointer);
}

static VALUE_ID
Alu(CHECKER *Checker, CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction, UINT32 Bits)
{
    CHECK_OPERATION Operation;
    if (!OperationOf(Instruction, &Operation))
        return Refuse(Checker, "an unknown instruction");
    VALUE_ID Left = Initialized(Checker, StateRead(Checker, State, Instruction->Destination));
    VALUE_ID Right = Operand(Checker, State, Instruction);
    if (Left == 0 || Right == 0)
        return 0;
    const CHECK_NUMBER *A = NumberAt(Checker, Left), *B = NumberAt(Checker, Right);
    if (A == NULL || B == NULL)
        return Pointers(Checker, Bits, Operation, Left, Right);
    BOOLEAN Same = IsRegister(Instruction) && Instruction->Source == Instruction->Destination;
    if (Same && (Operation == OperationSub || Operation == OperationXor))
        return AddNumber(Checker, NumberConstant(0));
    return Numbers(Checker, Bits, Operation, A, B);
}

VALUE_ID
AluCopied(CHECKER *Checker, CHECK_STATE *State, UINT32 Register)
{
    VALUE_ID Id = Initialized(Checker, StateRead(Checker, State, Register));
    const CHECK_NUMBER *Number = NumberAt(Checker, Id);
    if (Number == NULL || Number->Id != 0 || NumberIsKnown(Number))
        return Id;
    CHECK_NUMBER Named = *Number;
    Named.Id = CheckerFresh(Checker);
    return State->Registers[Register] = AddNumber(Checker, Named);
}

static VALUE_ID
Mov(CHECKER *Checker, CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction, UINT32 Bits)
{
    VALUE_ID Id = IsRegister(Instruction) ? AluCopied(Checker, State, Instruction->Source)
                                          : AddNumber(Checker, NumberConstant(Instruction->Immediate));
    UINT32 From = (UINT32)Instruction->Offset;
    if (Id == 0 || (Bits == 64 && From == 0))
        return Id;
    const CHECK_VALUE *Value = ValueAt(Checker, Id);
    if (Value->Kind == KindPointer) {
        if (Checker->Strict && !ValueIsKernel(Value))
            return Refuse(Checker, "part of an address");
        return AddNumber(Checker, Bits == 32 ? NumberAnyOfSize(4, FALSE) : NumberAny());
    }
    CHECK_NUMBER Result = From == 0 ? Value->Number : NumberSignExtended(&Value->Number, From);
    return AddNumber(Checker, Bits == 32 ? NumberZeroExtended(&Result) : Result);
}

static VALUE_ID
Neg(CHECKER *Checker, const CHECK_NUMBER *Number, UINT32 Bits)
{
    CHECK_NUMBER Zero = NumberConstant(0), Result = NumberCompute(Bits, OperationSub, &Zero, Number);
    return AddNumber(Checker, NumberUnlinked(&Result));
}

/** The machine is little-endian: "le" only cuts off. */
static VALUE_ID
ByteSwap(CHECKER *Checker, const CHECK_NUMBER *Number, const EBPF_INSTRUCTION *Instruction, UINT32 Bits)
{
    INT32 Width = Instruction->Immediate;
    BOOLEAN Swaps = Bits == 64 || IsRegister(Instruction);
    if (!Swaps)
        return AddNumber(Checker, NumberTruncated(Number, (UINT32)Width));
    if (!NumberIsKnown(Number))
        return AddNumber(Checker, NumberAnyOfSize((UINT32)Width / 8, FALSE));
    return AddNumber(Checker, NumberLiteral(OrderBytes((UINT64)Number->Full.S0, Width, TRUE)));
}

VALUE_ID
AluResult(CHECKER *Checker, CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction)
{
    UINT32 Bits = (Instruction->Opcode & 7) == EBPF_CLASS_ALU64 ? 64 : 32;
    UINT8 Code = Instruction->Opcode & 0xf0;
    if (Code == EBPF_MOV)
        return Mov(Checker, State, Instruction, Bits);
    if (Code != EBPF_NEG && Code != EBPF_END)
        return Alu(Checker, State, Instruction, Bits);
    VALUE_ID Id = Initialized(Checker, StateRead(Checker, State, Instruction->Destination));
    const CHECK_VALUE *Value = ValueAt(Checker, Id);
    if (Value->Kind == KindNumber)
        return Code == EBPF_NEG ? Neg(Checker, &Value->Number, Bits)
                                : ByteSwap(Checker, &Value->Number, Instruction, Bits);
    return ValueIsKernel(Value) ? AddNumber(Checker, NumberAny())
                                : (VALUE_ID)Refuse(Checker, "arithmetic on a pointer");
}

static BOOLEAN
TestOf(const EBPF_INSTRUCTION *Instruction, CHECK_TEST *Test)
{
    switch (Instruction->Opcode & 0xf0) {
    case EBPF_JEQ:
        *Test = TestEq;
        return TRUE;
    case EBPF_JNE:
        *Test = TestNe;
        return TRUE;
    case EBPF_JSET:
        *Test = TestSet;
        return TRUE;
    case EBPF_JGT:
        *Test = TestUgt;
        return TRUE;
    case EBPF_JGE:
        *Test = TestUge;
        return TRUE;
    case EBPF_JLT:
        *Test = TestUlt;
        return TRUE;
    case EBPF_JLE:
        *Test = TestUle;
        return TRUE;
    case EBPF_JSGT:
        *Test = TestSgt;
        return TRUE;
    case EBPF_JSGE:
        *Test = TestSge;
        return TRUE;
    case EBPF_JSLT:
        *Test = TestSlt;
        return TRUE;
    case EBPF_JSLE:
        *Test = TestSle;
        return TRUE;
    default:
        return FALSE;
    }
}

static BOOLEAN
IsZero(const CHECK_VALUE *Value)
{
    return Value->Kind == KindNumber && NumberIsZero(&Value->Number);
}

/** Addresses tell nothing of themselves: compared with 0, within one object, or anyhow where they may leave. */
static BOOLEAN
CheckComparable(CHECKER *Checker, const ALU_BRANCH *Branch, const CHECK_VALUE *Left, const CHECK_VALUE *Right)
{
    if (!Checker->Strict || Branch->AreNumbers)
        return TRUE;
    if (Branch->Bits == 64 && (Branch->Test == TestEq || Branch->Test == TestNe) && (IsZero(Left) || IsZero(Right)))
        return TRUE;
    if (Branch->Bits != 64 || Branch->Test == TestSet || Left->Kind != KindPointer || Right->Kind != KindPointer ||
        !PointerSameObject(&Left->Pointer, &Right->Pointer))
        return Refuse(Checker, "an address is compared");
    return TRUE;
}

BOOLEAN
AluCompare(
    CHECKER *Checker, const CHECK_STATE *State, const EBPF_INSTRUCTION *Instruction, ALU_BRANCH *Branch)
{
    Branch->Instruction = Instruction;
    Branch->Bits = (Instruction->Opcode & 7) == EBPF_CLASS_JMP ? 64 : 32;
    Branch->Possible[FALSE] = Branch->Possible[TRUE] = TRUE;
    if (!TestOf(Instruction, &Branch->Test))
        return Refuse(Checker, "an unknown instruction");
    VALUE_ID LeftId = Initialized(Checker, StateRead(Checker, State, Instruction->Destination));
    VALUE_ID RightId = Operand(Checker, State, Instruction);
    if (LeftId == 0 || RightId == 0)
        return FALSE;
    const CHECK_VALUE *Left = ValueAt(Checker, LeftId), *Right = ValueAt(Checker, RightId);
    Branch->AreNumbers = Left->Kind == KindNumber && Right->Kind == KindNumber;
    if (!CheckComparable(Checker, Branch, Left, Right))
        return FALSE;
    for (UINT32 Outcome = 0; Branch->AreNumbers && Outcome < 2; Outcome++)
        Branch->Possible[Outcome] = NumberCompare(
            Branch->Bits,
            Outcome ? Branch->Test : (CHECK_TEST)TestNot[Branch->Test],
            &Left->Number,
            &Right->Number,
            &Branch->Left[Outcome],
            &Branch->Right[Outcome]);
    return TRUE;
}

typedef struct _NARROWING {
    CHECK_NUMBER Old;
    const CHECK_NUMBER *Now;
    BOOLEAN Holds;
} NARROWING;

static VALUE_ID
NarrowLinked(CHECKER *Checker, VALUE_ID Id, const CHECK_VALUE *Value, VOID *Context)
{
    NARROWING *Narrowing = Context;
    CHECK_NUMBER Next;
    if (Value->Kind != KindNumber || Value->Number.Id != Narrowing->Old.Id)
        return Id;
    // The number itself, and copies of it.
    if (NumberIsSame(&Value->Number, &Narrowing->Old))
        return AddNumber(Checker, *Narrowing->Now);
    if (!NumberRelated(&Narrowing->Old, Narrowing->Now, &Value->Number, &Next)) {
        Narrowing->Holds = FALSE;
        return Id;
    }
    return NumberCovers(&Next, &Value->Number) ? Id : AddNumber(Checker, Next);
}

/** FALSE: what is linked to the number rules it out. */
static BOOLEAN
Narrow(CHECKER *Checker, CHECK_STATE *State, UINT32 Register, const CHECK_NUMBER *Old, const CHECK_NUMBER *Now)
{
    if (NumberCovers(Now, Old))
        return TRUE;
    if (Old->Id == 0) {
        State->Registers[Register] = AddNumber(Checker, *Now);
        return TRUE;
    }
    NARROWING Narrowing = {.Old = *Old, .Now = Now, .Holds = TRUE};
    StateChange(Checker, State, NarrowLinked, &Narrowing);
    return Narrowing.Holds;
}

typedef struct _PROOF {
    CHECK_POINTER Pointer;
    INT64 Length;
} PROOF;

static VALUE_ID
ProveLength(CHECKER *Checker, VALUE_ID Id, const CHECK_VALUE *Value, VOID *Context)
{
    const PROOF *Proof = Context;
    if (Value->Kind != KindPointer || Value->Pointer.Place != Proof->Pointer.Place ||
        Value->Pointer.Part != Proof->Pointer.Part || (INT64)Value->Pointer.Proved >= Proof->Length)
        return Id;
    CHECK_POINTER Proved = Value->Pointer;
    Proved.Proved = (UINT32)Proof->Length;
    return AddPointer(Checker, Proved);
}

/** `pointer test end` holds: if it says that the pointer is not behind the end, its known part is proved. */
static VOID
Prove(CHECKER *Checker, CHECK_STATE *State, CHECK_TEST Test, const CHECK_POINTER *Pointer, const CHECK_POINTER *End)
{
    BOOLEAN ToEnd = Pointer->Place == PlacePacket && End->Place == PlacePacketEnd;
    BOOLEAN ToData = Pointer->Place == PlacePacketMeta && End->Place == PlacePacket && End->Offset == 0 && End->Part == 0;
    if (!ToEnd && !ToData)
        return;
    if (Pointer->Offset + Pointer->Most > STATE_MOST_PACKET || (Test != TestUle && Test != TestEq && Test != TestUlt))
        return;
    PROOF Proof = {.Pointer = *Pointer, .Length = Pointer->Offset + (Test == TestUlt)};
    StateChange(Checker, State, ProveLength, &Proof);
    if (Proof.Pointer.Part != 0)
        return;
    UINT32 *Proved = ToEnd ? &State->Packet : &State->Metadata;
    *Proved = (UINT32)Greatest(*Proved, Proof.Length);
}

typedef struct _SETTLING {
    INT64 Instance;
    BOOLEAN IsNull;
} SETTLING;

static VALUE_ID
SettleInstance(CHECKER *Checker, VALUE_ID Id, const CHECK_VALUE *Value, VOID *Context)
{
    const SETTLING *Settling = Context;
    if (Value->Kind != KindPointer || !Value->Pointer.Nullable || Value->Pointer.Instance != Settling->Instance)
        return Id;
    if (Settling->IsNull)
        return AddNumber(Checker, NumberConstant(0));
    CHECK_POINTER Pointer = Value->Pointer;
    Pointer.Nullable = FALSE;
    return AddPointer(Checker, Pointer);
}

/** Pointers of one instance are null together; what is null was never acquired. */
static VOID
Settle(CHECKER *Checker, CHECK_STATE *State, const CHECK_POINTER *Pointer, const CHECK_VALUE *Other, CHECK_TEST Test)
{
    if (!IsZero(Other) || !Pointer->Nullable || Pointer->Instance == 0 || (Test != TestEq && Test != TestNe))
        return;
    SETTLING Settling = {.Instance = Pointer->Instance, .IsNull = Test == TestEq};
    StateChange(Checker, State, SettleInstance, &Settling);
    if (Settling.IsNull)
        StateDrop(State, Settling.Instance);
}

BOOLEAN
AluAssume(CHECKER *Checker, CHECK_STATE *State, const ALU_BRANCH *Branch, BOOLEAN Outcome)
{
    const EBPF_INSTRUCTION *Instruction = Branch->Instruction;
    VALUE_ID LeftId = StateRead(Checker, State, Instruction->Destination);
    VALUE_ID RightId = Operand(Checker, State, Instruction);
    const CHECK_VALUE *Left = ValueAt(Checker, LeftId), *Right = ValueAt(Checker, RightId);
    if (Branch->AreNumbers) {
        if (!Narrow(Checker, State, Instruction->Destination, &Left->Number, &Branch->Left[Outcome]))
            return FALSE;
        return !IsRegister(Instruction) ||
               Narrow(Checker, State, Instruction->Source, &Right->Number, &Branch->Right[Outcome]);
    }
    if (Branch->Bits == 32)
        return TRUE;
    CHECK_TEST Test = Outcome ? Branch->Test : (CHECK_TEST)TestNot[Branch->Test];
    if (Left->Kind == KindPointer && Right->Kind == KindPointer) {
        Prove(Checker, State, Test, &Left->Pointer, &Right->Pointer);
        Prove(Checker, State, (CHECK_TEST)TestSwapped[Test], &Right->Pointer, &Left->Pointer);
    } else if (Left->Kind == KindPointer) {
        Settle(Checker, State, &Left->Pointer, Right, Test);
    } else if (Right->Kind == KindPointer) {
        Settle(Checker, State, &Right->Pointer, Left, Test);
    }
    return TRUE;
}
