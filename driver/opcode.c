// The table of legal opcodes, and what the rules of its fields mean.
#include "opcode.h"

#define ALU_K(Code, Class, OffsetRule) \
    [(Code) | EBPF_K | (Class)] = {OpcodeWrites, FieldRegister, FieldZero, OffsetRule, FieldAny}
#define ALU_X(Code, Class, OffsetRule) \
    [(Code) | EBPF_X | (Class)] = {OpcodeWrites, FieldRegister, FieldRegister, OffsetRule, FieldZero}
#define ALU(Code, OffsetRule)                                                            \
    ALU_K(Code, EBPF_CLASS_ALU, OffsetRule), ALU_X(Code, EBPF_CLASS_ALU, OffsetRule),     \
        ALU_K(Code, EBPF_CLASS_ALU64, OffsetRule), ALU_X(Code, EBPF_CLASS_ALU64, OffsetRule)
#define UNARY(Opcode, ImmediateRule) \
    [Opcode] = {OpcodeWrites, FieldRegister, FieldZero, FieldZero, ImmediateRule}

#define COMPARE(Code, Class)                                                                         \
    [(Code) | EBPF_K | (Class)] = {OpcodeJump, FieldRegister, FieldZero, FieldAny, FieldAny},        \
                  [(Code) | EBPF_X | (Class)] = {OpcodeJump, FieldRegister, FieldRegister, FieldAny, FieldZero}
#define JUMP(Code) COMPARE(Code, EBPF_CLASS_JMP), COMPARE(Code, EBPF_CLASS_JMP32)

#define LOAD(Opcode) [Opcode] = {OpcodeWrites, FieldRegister, FieldRegister, FieldAny, FieldZero}
#define MEMORY(Size)                                                                                       \
    LOAD(EBPF_CLASS_LDX | EBPF_MEM | (Size)),                                                              \
        [EBPF_CLASS_ST | EBPF_MEM | (Size)] = {OpcodeReads, FieldRegister, FieldZero, FieldAny, FieldAny}, \
        [EBPF_CLASS_STX | EBPF_MEM | (Size)] = {OpcodeReads, FieldRegister, FieldRegister, FieldAny, FieldZero}
#define PACKET(Size)                                                                                   \
    [EBPF_CLASS_LD | EBPF_ABS | (Size)] = {OpcodeReads, FieldZero, FieldZero, FieldZero, FieldAny},    \
                  [EBPF_CLASS_LD | EBPF_IND | (Size)] = {                                              \
                      OpcodeReads, FieldZero, FieldRegister, FieldZero, FieldAny}
#define ATOMIC(Size)                           \
    [EBPF_CLASS_STX | EBPF_ATOMIC | (Size)] = { \
        OpcodeAtomic, FieldRegister, FieldRegister, FieldAny, FieldAtomic}

const EBPF_OPCODE Opcodes[256] = {
    ALU(EBPF_ADD, FieldZero),
    ALU(EBPF_SUB, FieldZero),
    ALU(EBPF_MUL, FieldZero),
    ALU(EBPF_DIV, FieldSigned),
    ALU(EBPF_OR, FieldZero),
    ALU(EBPF_AND, FieldZero),
    ALU(EBPF_LSH, FieldZero),
    ALU(EBPF_RSH, FieldZero),
    ALU(EBPF_MOD, FieldSigned),
    ALU(EBPF_XOR, FieldZero),
    ALU(EBPF_ARSH, FieldZero),
    ALU_K(EBPF_MOV, EBPF_CLASS_ALU, FieldZero),
    ALU_X(EBPF_MOV, EBPF_CLASS_ALU, FieldExtend32),
    ALU_K(EBPF_MOV, EBPF_CLASS_ALU64, FieldZero),
    ALU_X(EBPF_MOV, EBPF_CLASS_ALU64, FieldExtend64),
    UNARY(EBPF_NEG | EBPF_CLASS_ALU, FieldZero),
    UNARY(EBPF_NEG | EBPF_CLASS_ALU64, FieldZero),
    // To little-endian, to big-endian, and swapped whatever the machine is.
    UNARY(EBPF_END | EBPF_K | EBPF_CLASS_ALU, FieldSwap),
    UNARY(EBPF_END | EBPF_X | EBPF_CLASS_ALU, FieldSwap),
    UNARY(EBPF_END | EBPF_K | EBPF_CLASS_ALU64, FieldSwap),
    MEMORY(EBPF_B),
    MEMORY(EBPF_H),
    MEMORY(EBPF_W),
    MEMORY(EBPF_DW),
    LOAD(EBPF_CLASS_LDX | EBPF_MEMSX | EBPF_B),
    LOAD(EBPF_CLASS_LDX | EBPF_MEMSX | EBPF_H),
    LOAD(EBPF_CLASS_LDX | EBPF_MEMSX | EBPF_W),
    PACKET(EBPF_B),
    PACKET(EBPF_H),
    PACKET(EBPF_W),
    ATOMIC(EBPF_W),
    ATOMIC(EBPF_DW),
    [EBPF_OPCODE_LDDW] = {OpcodeWide, FieldRegister, FieldWideKind, FieldZero, FieldAny},
    JUMP(EBPF_JEQ),
    JUMP(EBPF_JGT),
    JUMP(EBPF_JGE),
    JUMP(EBPF_JSET),
    JUMP(EBPF_JNE),
    JUMP(EBPF_JSGT),
    JUMP(EBPF_JSGE),
    JUMP(EBPF_JLT),
    JUMP(EBPF_JLE),
    JUMP(EBPF_JSLT),
    JUMP(EBPF_JSLE),
    [EBPF_OPCODE_JA] = {OpcodeJump, FieldZero, FieldZero, FieldAny, FieldZero},
    [EBPF_OPCODE_JA32] = {OpcodeJump, FieldZero, FieldZero, FieldZero, FieldAny},
    // The offset is the module of a kfunc; a call of any other kind has none, which FieldCallKind cannot say alone.
    [EBPF_OPCODE_CALL] = {OpcodeCall, FieldZero, FieldCallKind, FieldAny, FieldAny},
    [EBPF_OPCODE_CALL | EBPF_X] = {OpcodeCallRegister, FieldRegister, FieldZero, FieldZero, FieldZero},
    [EBPF_OPCODE_EXIT] = {OpcodeExit, FieldZero, FieldZero, FieldZero, FieldZero},
};

static BOOLEAN
IsAtomicOperation(INT32 Value)
{
    switch (Value & ~EBPF_FETCH) {
    case EBPF_ATOMIC_ADD:
    case EBPF_ATOMIC_OR:
    case EBPF_ATOMIC_AND:
    case EBPF_ATOMIC_XOR:
        return TRUE;
    default:
        return Value == EBPF_ATOMIC_XCHG || Value == EBPF_ATOMIC_CMPXCHG;
    }
}

static BOOLEAN
Allows(UINT8 Rule, INT32 Value)
{
    switch (Rule) {
    case FieldZero:
        return Value == 0;
    case FieldAny:
        return TRUE;
    case FieldRegister:
        return Value < EBPF_REGISTER_COUNT;
    case FieldSigned:
        return Value == 0 || Value == 1;
    case FieldExtend32:
        return Value == 0 || Value == 8 || Value == 16;
    case FieldExtend64:
        return Value == 0 || Value == 8 || Value == 16 || Value == 32;
    case FieldSwap:
        return Value == 16 || Value == 32 || Value == 64;
    case FieldAtomic:
        return IsAtomicOperation(Value);
    case FieldWideKind:
        return Value <= 6;
    case FieldCallKind:
        return Value <= 2;
    default:
        return FALSE;
    }
}

_Use_decl_annotations_
BOOLEAN
OpcodeIsLegal(const EBPF_INSTRUCTION *Instruction)
{
    const EBPF_OPCODE *Row = &Opcodes[Instruction->Opcode];
    if (Row->Kind == OpcodeCall && Instruction->Source <= EBPF_CALL_LOCAL && Instruction->Offset != 0)
        return FALSE;
    return Row->Kind != OpcodeIllegal && Allows(Row->Destination, Instruction->Destination) &&
           Allows(Row->Source, Instruction->Source) && Allows(Row->Offset, Instruction->Offset) &&
           Allows(Row->Immediate, Instruction->Immediate);
}
