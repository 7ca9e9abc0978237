#include "operation.h"

#include "helpers.h"
#include "operation-merge.h"

/** What Places has where a jump leads. */
#define PLACE_OF_TARGET UINT32_MAX

typedef struct _DECODER {
    const EBPF_BYTECODE *Bytecode;
    const EBPF_PROGRAM_TYPE *Type;
    EBPF_OPERATIONS *Operations;
    /** By slot: PLACE_OF_TARGET where a jump leads, later the index of the operation that begins there. */
    UINT32 *Places;
} DECODER;

#define ALU_CODES(Code, ...)                                            \
    [EBPF_##Code | EBPF_K | EBPF_CLASS_ALU64] = Operation##Code##64K,   \
    [EBPF_##Code | EBPF_X | EBPF_CLASS_ALU64] = Operation##Code##64X,   \
    [EBPF_##Code | EBPF_K | EBPF_CLASS_ALU] = Operation##Code##32K,     \
    [EBPF_##Code | EBPF_X | EBPF_CLASS_ALU] = Operation##Code##32X,
#define JUMP_CODES(Code, ...)                                           \
    [EBPF_##Code | EBPF_K | EBPF_CLASS_JMP] = Operation##Code##64K,     \
    [EBPF_##Code | EBPF_X | EBPF_CLASS_JMP] = Operation##Code##64X,     \
    [EBPF_##Code | EBPF_K | EBPF_CLASS_JMP32] = Operation##Code##32K,   \
    [EBPF_##Code | EBPF_X | EBPF_CLASS_JMP32] = Operation##Code##32X,
#define MEMORY_CODES(Size, ...)                                         \
    [EBPF_CLASS_LDX | EBPF_MEM | EBPF_##Size] = OperationLoad##Size,    \
    [EBPF_CLASS_ST | EBPF_MEM | EBPF_##Size] = OperationStoreNumber##Size, \
    [EBPF_CLASS_STX | EBPF_MEM | EBPF_##Size] = OperationStore##Size,
#define NARROW_CODES(Size, ...)                                         \
    [EBPF_CLASS_LDX | EBPF_MEMSX | EBPF_##Size] = OperationLoadSigned##Size, \
    [EBPF_CLASS_LD | EBPF_ABS | EBPF_##Size] = OperationLoadPacket##Size, \
    [EBPF_CLASS_LD | EBPF_IND | EBPF_##Size] = OperationLoadPacketAt##Size,

/** By opcode; those whose operation depends on more are told by DecodeSpecial. */
static const UINT16 Codes[256] = {
    ALU_ROWS(ALU_CODES) JUMP_ROWS(JUMP_CODES) MEMORY_ROWS(MEMORY_CODES) NARROW_ROWS(NARROW_CODES)
    [EBPF_NEG | EBPF_CLASS_ALU64] = OperationNegate64,
    [EBPF_NEG | EBPF_CLASS_ALU] = OperationNegate32,
    [EBPF_MOV | EBPF_K | EBPF_CLASS_ALU64] = OperationMoveNumber,
    [EBPF_MOV | EBPF_K | EBPF_CLASS_ALU] = OperationMoveNumber,
    [EBPF_CLASS_STX | EBPF_ATOMIC | EBPF_W] = OperationAtomicW,
    [EBPF_CLASS_STX | EBPF_ATOMIC | EBPF_DW] = OperationAtomicDW,
    [EBPF_OPCODE_LDDW] = OperationMoveNumber,
    [EBPF_OPCODE_JA] = OperationJump,
    [EBPF_OPCODE_JA32] = OperationJump,
    [EBPF_OPCODE_CALL] = OperationCallHelper,
    [EBPF_OPCODE_EXIT] = OperationExit,
};

/** A register to a register. */
static UINT16
DecodeMove(const EBPF_INSTRUCTION *I)
{
    BOOLEAN Is64 = (I->Opcode & 7) == EBPF_CLASS_ALU64;
    switch (I->Offset) {
    case 8:
        return Is64 ? OperationExtend8To64 : OperationExtend8To32;
    case 16:
        return Is64 ? OperationExtend16To64 : OperationExtend16To32;
    case 32:
        return OperationExtend32To64;
    default:
        return Is64 ? OperationMove64 : OperationMove32;
    }
}

/** Bytes in network order, or as they are here: then only the upper bits go. */
static VOID
DecodeOrder(const EBPF_INSTRUCTION *I, EBPF_OPERATION *Operation)
{
    BOOLEAN Swap = I->Opcode != (EBPF_END | EBPF_K | EBPF_CLASS_ALU);
    switch (I->Immediate) {
    case 16:
        Operation->Code = Swap ? OperationSwap16 : OperationAND64K;
        Operation->Wide = UINT16_MAX;
        break;
    case 32:
        Operation->Code = Swap ? OperationSwap32 : OperationMove32;
        break;
    default:
        Operation->Code = Swap ? OperationSwap64 : OperationMove64;
        break;
    }
}

/** The number that is second, or the register. */
static VOID
DecodeAlu(const EBPF_INSTRUCTION *I, EBPF_OPERATION *Operation)
{
    Operation->Right = I->Source;
    Operation->Small = (UINT16)I->Offset;
    Operation->Wide = I->Immediate;
    if ((I->Opcode & 0xf0) == EBPF_END) {
        DecodeOrder(I, Operation);
    } else if ((I->Opcode & 0xf8) == (EBPF_MOV | EBPF_X)) {
        Operation->Code = DecodeMove(I);
        Operation->Left = I->Source;
    } else if (I->Opcode == (EBPF_MOV | EBPF_K | EBPF_CLASS_ALU)) {
        Operation->Wide = (UINT32)I->Immediate;
    }
}

/** Distance is the slot where it leads, for now. */
static VOID
DecodeJump(const DECODER *Decoder, UINT32 Slot, EBPF_OPERATION *Operation)
{
    const EBPF_BYTECODE *Bytecode = Decoder->Bytecode;
    const EBPF_INSTRUCTION *I = &Bytecode->Slots[Slot];
    UINT32 Cost = BytecodeCost(Bytecode, Slot);
    Operation->Right = I->Source;
    Operation->Number = I->Immediate;
    Operation->Distance = (INT32)BytecodeTarget(Bytecode->Slots, Slot);
    Operation->Small = (UINT16)Cost;
    if (Operation->Code == OperationJump)
        Operation->Number = (INT32)Cost;
}

static VOID
DecodeCall(const DECODER *Decoder, UINT32 Slot, EBPF_OPERATION *Operation)
{
    const EBPF_INSTRUCTION *I = &Decoder->Bytecode->Slots[Slot];
    if (I->Source == EBPF_CALL_HELPER) {
        Operation->Wide = (INT64)(UINT_PTR)HelperFind(Decoder->Type, (UINT32)I->Immediate);
        return;
    }
    Operation->Code = OperationCallLocal;
    Operation->Number = (INT32)BytecodeCost(Decoder->Bytecode, Slot);
    Operation->Distance = (INT32)BytecodeTarget(Decoder->Bytecode->Slots, Slot);
}

/** The frame of the function that runs is there always: what lies in it by its number needs no check when it runs. */
static BOOLEAN
IsInFrame(UINT8 Base, INT32 Offset, UINT8 Opcode)
{
    static const INT32 SizeBytes[] = {4, 2, 1, 8};
    return Base == EBPF_FRAME_POINTER && Offset >= -EBPF_FRAME_SIZE_BYTES && Offset + SizeBytes[Opcode >> 3 & 3] <= 0;
}

/** The base is Left, a value to be stored Right. */
static VOID
DecodeMemory(const EBPF_INSTRUCTION *I, EBPF_OPERATION *Operation)
{
    BOOLEAN IsPlain = (I->Opcode & 0xe0) == EBPF_MEM;
    Operation->Wide = I->Offset;
    switch (I->Opcode & 7) {
    case EBPF_CLASS_LDX:
        Operation->Left = I->Source;
        if (IsPlain && IsInFrame(I->Source, I->Offset, I->Opcode))
            Operation->Code += OperationLoadStackB - OperationLoadB;
        break;
    case EBPF_CLASS_ST:
        Operation->Number = I->Immediate;
        Operation->Distance = I->Offset;
        if (IsInFrame(I->Destination, I->Offset, I->Opcode))
            Operation->Code += OperationStoreNumberStackB - OperationStoreNumberB;
        break;
    default:
        Operation->Right = I->Source;
        if (IsPlain && IsInFrame(I->Destination, I->Offset, I->Opcode))
            Operation->Code += OperationStoreStackB - OperationStoreB;
        if (!IsPlain) {
            Operation->Number = I->Immediate;
            Operation->Distance = I->Offset;
        }
        break;
    }
}

/** A wide immediate, or the packet. */
static VOID
DecodeLoad(const EBPF_INSTRUCTION *I, EBPF_OPERATION *Operation)
{
    Operation->Left = I->Source;
    Operation->Wide = I->Immediate;
    if (I->Opcode == EBPF_OPCODE_LDDW)
        Operation->Wide = (INT64)((UINT32)I->Immediate | (UINT64)(UINT32)I[1].Immediate << 32);
}

/** The operation of one instruction, as if there were no others. */
static EBPF_OPERATION
Decode(const DECODER *Decoder, UINT32 Slot)
{
    const EBPF_INSTRUCTION *I = &Decoder->Bytecode->Slots[Slot];
    EBPF_OPERATION Operation = {.Code = Codes[I->Opcode], .Destination = I->Destination, .Left = I->Destination};
    switch (I->Opcode & 7) {
    case EBPF_CLASS_ALU:
    case EBPF_CLASS_ALU64:
        DecodeAlu(I, &Operation);
        break;
    case EBPF_CLASS_LD:
        DecodeLoad(I, &Operation);
        break;
    case EBPF_CLASS_JMP:
    case EBPF_CLASS_JMP32:
        if (I->Opcode == EBPF_OPCODE_CALL)
            DecodeCall(Decoder, Slot, &Operation);
        else if (I->Opcode != EBPF_OPCODE_EXIT)
            DecodeJump(Decoder, Slot, &Operation);
        break;
    default:
        DecodeMemory(I, &Operation);
        break;
    }
    return Operation;
}

static UINT32
SlotsOf(const EBPF_INSTRUCTION *I)
{
    return I->Opcode == EBPF_OPCODE_LDDW ? 2 : 1;
}

/** Jumps lead within their functions, and calls to the begin of one. */
static BOOLEAN
HasTarget(UINT16 Code)
{
    return (Code >= OperationJEQ64K && Code <= OperationJSET32XL) ||
           (Code >= OperationLoadJEQB && Code <= OperationAndJNE) || Code == OperationJump ||
           Code == OperationCallLocal;
}

static VOID
MarkTargets(const DECODER *Decoder)
{
    const EBPF_BYTECODE *Bytecode = Decoder->Bytecode;
    for (UINT32 Slot = 0; Slot < Bytecode->SlotCount; Slot += SlotsOf(&Bytecode->Slots[Slot])) {
        EBPF_OPERATION Operation = Decode(Decoder, Slot);
        if (HasTarget(Operation.Code))
            Decoder->Places[Operation.Distance] = PLACE_OF_TARGET;
    }
}

/** One operation after the other, each put into the one before it where that can be. */
static VOID
FillOperations(const DECODER *Decoder)
{
    const EBPF_BYTECODE *Bytecode = Decoder->Bytecode;
    EBPF_OPERATIONS *Operations = Decoder->Operations;
    UINT8 Last = OPERATION_NO_REGISTER;
    BOOLEAN IsTarget = TRUE;
    UINT32 Slots;
    for (UINT32 Slot = 0; Slot < Bytecode->SlotCount; Slot += Slots) {
        Slots = SlotsOf(&Bytecode->Slots[Slot]);
        EBPF_OPERATION Operation = Decode(Decoder, Slot);
        OPERATION_MERGE Merge = MergeNone;
        EBPF_OPERATION *Before = Slot == 0 ? NULL : &Operations->First[Operations->Count - 1];
        if (Before != NULL && Decoder->Places[Slot] != PLACE_OF_TARGET)
            Merge = OperationMerge(Before, &Operation, Slot + Slots);
        if (Merge == MergeNone) {
            if (Before != NULL)
                Last = OperationForward(Before, IsTarget ? OPERATION_NO_REGISTER : Last);
            IsTarget = Decoder->Places[Slot] == PLACE_OF_TARGET;
            Decoder->Places[Slot] = Operations->Count;
            Operations->First[Operations->Count++] = Operation;
        }
        if (Merge != MergeSilent)
            Operations->Slots[Operations->Count - 1] = Slot;
    }
}

static VOID
ResolveTargets(const DECODER *Decoder)
{
    EBPF_OPERATIONS *Operations = Decoder->Operations;
    for (UINT32 Index = 0; Index < Operations->Count; Index++) {
        EBPF_OPERATION *Operation = &Operations->First[Index];
        if (HasTarget(Operation->Code)) {
            INT32 Distance = (INT32)Decoder->Places[Operation->Distance] - (INT32)Index;
            Operation->Distance = Distance * (INT32)sizeof(EBPF_OPERATION);
        }
    }
}

_Use_decl_annotations_
NTSTATUS
OperationsCreate(const EBPF_BYTECODE *Bytecode, const EBPF_PROGRAM_TYPE *Type, EBPF_OPERATIONS *Operations)
{
    UINT32 Count = Bytecode->SlotCount;
    DECODER Decoder = {.Bytecode = Bytecode, .Type = Type, .Operations = Operations};
    *Operations = (EBPF_OPERATIONS){.SizeBytes = Count * (sizeof(EBPF_OPERATION) + sizeof(UINT32))};
    Operations->First = PlatformAllocate(Operations->SizeBytes);
    Decoder.Places = PlatformAllocate(Count * sizeof(UINT32));
    if (Operations->First == NULL || Decoder.Places == NULL) {
        PlatformFree(Decoder.Places);
        OperationsDestroy(Operations);
        return STATUS_NO_MEMORY;
    }
    Operations->Slots = (UINT32 *)&Operations->First[Count];
    Operations->UsesStack = (BytecodeRegisters(Bytecode) >> EBPF_FRAME_POINTER & 1) != 0;
    MarkTargets(&Decoder);
    FillOperations(&Decoder);
    ResolveTargets(&Decoder);
    PlatformFree(Decoder.Places);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
OperationsDestroy(EBPF_OPERATIONS *Operations)
{
    PlatformFree(Operations->First);
    *Operations = (EBPF_OPERATIONS){0};
}
