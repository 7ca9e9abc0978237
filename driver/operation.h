// What the interpreter runs: bytecode as operations, decoded once when a program is loaded. An operation does what an
// instruction does, or what several do that often stand together (operation-merge.c): what an interpreter costs is going
// from one to the next. No jump leads into the middle of one.
//
//   | code:16 | destination:8 left:8 right:8 other:8 | small:16 | wide:64, or number:32 distance:32 |
#pragma once

#include "bytecode.h"
#include "program-type.h"

typedef struct _EBPF_OPERATION {
    /** Of OPERATION_CODE. */
    UINT16 Code;
    /** Registers; the first operand, or the base of an address, is Left. */
    UINT8 Destination;
    UINT8 Left;
    UINT8 Right;
    UINT8 Other;
    /** Of a conditional jump: what it costs to take it. */
    UINT16 Small;
    union {
        /** The second operand of arithmetic, or what is added to an address. */
        INT64 Wide;
        struct {
            INT32 Number;
            /** Of jumps and calls: bytes from here to the operation that is next. */
            INT32 Distance;
        };
    };
} EBPF_OPERATION;
C_ASSERT(sizeof(EBPF_OPERATION) == 16);

typedef struct _EBPF_OPERATIONS {
    EBPF_OPERATION *First;
    /** By operation: the slot of its instruction; of several, of that which may end a run. */
    UINT32 *Slots;
    UINT32 Count;
    /** What both take. */
    UINT32 SizeBytes;
    /** Whether there is an instruction with r10, without which no program comes to its stack. */
    BOOLEAN UsesStack;
} EBPF_OPERATIONS;

/**
 * Decodes bytecode whose wide immediates are numbers only, and whose helpers programs of that type have. STATUS_NO_MEMORY,
 * and nothing to free, if there is none. The caller frees it with OperationsDestroy.
 */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS OperationsCreate(
    _In_ const EBPF_BYTECODE *Bytecode, _In_opt_ const EBPF_PROGRAM_TYPE *Type, _Out_ EBPF_OPERATIONS *Operations);

/** Nothing to do if there are none. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID OperationsDestroy(_Inout_ EBPF_OPERATIONS *Operations);

/** By operation of arithmetic: what it makes of A and B, in 64 bits and in 32. */
#define ALU_ROWS(ROW)                                                       \
    ROW(ADD, A + B, A + B)                                                  \
    ROW(SUB, A - B, A - B)                                                  \
    ROW(MUL, A * B, A * B)                                                  \
    ROW(DIV, Divide64(A, B, I->Small != 0), Divide32(A, B, I->Small != 0))  \
    ROW(MOD, Modulo64(A, B, I->Small != 0), Modulo32(A, B, I->Small != 0))  \
    ROW(OR, A | B, A | B)                                                   \
    ROW(AND, A & B, A & B)                                                  \
    ROW(XOR, A ^ B, A ^ B)                                                  \
    ROW(LSH, A << (B & 63), A << (B & 31))                                  \
    ROW(RSH, A >> (B & 63), A >> (B & 31))                                  \
    ROW(ARSH, (UINT64)((INT64)A >> (B & 63)), (INT32)A >> (B & 31))

/** The same of one operand, A: name, type, what becomes of it. */
#define UNARY_ROWS(ROW)                                       \
    ROW(Move64, UINT64, A)                                    \
    ROW(Move32, UINT32, A)                                    \
    ROW(Negate64, UINT64, 0 - A)                              \
    ROW(Negate32, UINT32, 0 - A)                              \
    ROW(Extend8To64, UINT64, (UINT64)(INT64)(INT8)A)          \
    ROW(Extend16To64, UINT64, (UINT64)(INT64)(INT16)A)        \
    ROW(Extend32To64, UINT64, (UINT64)(INT64)(INT32)A)        \
    ROW(Extend8To32, UINT32, (UINT32)(INT32)(INT8)A)          \
    ROW(Extend16To32, UINT32, (UINT32)(INT32)(INT16)A)        \
    ROW(Swap16, UINT64, __builtin_bswap16((UINT16)A))         \
    ROW(Swap32, UINT64, __builtin_bswap32((UINT32)A))         \
    ROW(Swap64, UINT64, __builtin_bswap64(A))

/** By comparison: the types of A and B, in 64 bits and in 32, and when the jump is taken. Opposites are pairs; the last has none. */
#define JUMP_ROWS(ROW)                      \
    ROW(JEQ, UINT64, UINT32, A == B)        \
    ROW(JNE, UINT64, UINT32, A != B)        \
    ROW(JGT, UINT64, UINT32, A > B)         \
    ROW(JLE, UINT64, UINT32, A <= B)        \
    ROW(JGE, UINT64, UINT32, A >= B)        \
    ROW(JLT, UINT64, UINT32, A < B)         \
    ROW(JSGT, INT64, INT32, A > B)          \
    ROW(JSLE, INT64, INT32, A <= B)         \
    ROW(JSGE, INT64, INT32, A >= B)         \
    ROW(JSLT, INT64, INT32, A < B)          \
    ROW(JSET, UINT64, UINT32, (A & B) != 0)

/** By size of a memory access: its type. */
#define SWAP_ROWS(ROW) ROW(H, UINT16, 16) ROW(W, UINT32, 32) ROW(DW, UINT64, 64)
#define NARROW_ROWS(ROW) ROW(B, UINT8, INT8) ROW(H, UINT16, INT16) ROW(W, UINT32, INT32)
#define MEMORY_ROWS(ROW) ROW(B, UINT8) ROW(H, UINT16) ROW(W, UINT32) ROW(DW, UINT64)

#define NAME_64K(Code, ...) Operation##Code##64K,
#define NAME_64X(Code, ...) Operation##Code##64X,
#define NAME_32K(Code, ...) Operation##Code##32K,
#define NAME_32X(Code, ...) Operation##Code##32X,
#define NAME_64LK(Code, ...) Operation##Code##64LK,
#define NAME_64LX(Code, ...) Operation##Code##64LX,
#define NAME_64XL(Code, ...) Operation##Code##64XL,
#define NAME_32LK(Code, ...) Operation##Code##32LK,
#define NAME_32LX(Code, ...) Operation##Code##32LX,
#define NAME_32XL(Code, ...) Operation##Code##32XL,
#define NAME_ADD_64(Code, ...) OperationAdd##Code##64,
#define NAME_ADD_32(Code, ...) OperationAdd##Code##32,
#define NAME_PLAIN(Name, ...) Operation##Name,
#define NAME_BOUND(Code, ...) OperationBound##Code,
#define NAME_LAST(Name, ...) Operation##Name##Last,
#define NAME_LOAD(Size, ...) OperationLoad##Size,
#define NAME_LOAD_LAST(Size, ...) OperationLoadLast##Size,
#define NAME_LOAD_STACK(Size, ...) OperationLoadStack##Size,
#define NAME_LOAD_SUM(Size, ...) OperationLoadSum##Size,
#define NAME_LOAD_SIGNED(Size, ...) OperationLoadSigned##Size,
#define NAME_LOAD_SWAPPED(Size, ...) OperationLoadSwapped##Size,
#define NAME_LOAD_PACKET(Size, ...) OperationLoadPacket##Size,
#define NAME_LOAD_PACKET_AT(Size, ...) OperationLoadPacketAt##Size,
#define NAME_LOAD_JEQ(Size, ...) OperationLoadJEQ##Size,
#define NAME_LOAD_JNE(Size, ...) OperationLoadJNE##Size,
#define NAME_STORE(Size, ...) OperationStore##Size,
#define NAME_STORE_STACK(Size, ...) OperationStoreStack##Size,
#define NAME_STORE_SUM(Size, ...) OperationStoreSum##Size,
#define NAME_STORE_NUMBER(Size, ...) OperationStoreNumber##Size,
#define NAME_STORE_NUMBER_STACK(Size, ...) OperationStoreNumberStack##Size,
#define NAME_COPY(Size, ...) OperationCopy##Size,
#define NAME_COPY_SWAPPED(Size, ...) OperationCopySwapped##Size,

/**
 * Groups of one shape have their rows in one order, so that one leads to another. L stands for a register that the operation before
 * has written, whose value needs not be read again: in front of the other operand for Left, after it for Right.
 */
typedef enum _OPERATION_CODE {
    // Destination = Left and Wide, or Left and Right.
    ALU_ROWS(NAME_64K) ALU_ROWS(NAME_64X) ALU_ROWS(NAME_32K) ALU_ROWS(NAME_32X)
    ALU_ROWS(NAME_64LK) ALU_ROWS(NAME_64LX) ALU_ROWS(NAME_64XL) ALU_ROWS(NAME_32LK) ALU_ROWS(NAME_32LX) ALU_ROWS(NAME_32XL)
    // Destination = Left.
    UNARY_ROWS(NAME_PLAIN) UNARY_ROWS(NAME_LAST)
    // Destination = Wide.
    OperationMoveNumber,
    // If Left and Number, or Left and Right.
    JUMP_ROWS(NAME_64K) JUMP_ROWS(NAME_64X) JUMP_ROWS(NAME_32K) JUMP_ROWS(NAME_32X)
    // Left += Other, which is signed; if Left and Number.
    JUMP_ROWS(NAME_ADD_64) JUMP_ROWS(NAME_ADD_32)
    // Destination = Left + Number; if Destination and Right.
    JUMP_ROWS(NAME_BOUND)
    // The first ones again.
    JUMP_ROWS(NAME_64LK) JUMP_ROWS(NAME_64LX) JUMP_ROWS(NAME_64XL)
    JUMP_ROWS(NAME_32LK) JUMP_ROWS(NAME_32LX) JUMP_ROWS(NAME_32XL)
    // Destination = [Left + Wide]; Destination = [Left + Right + Wide].
    MEMORY_ROWS(NAME_LOAD) MEMORY_ROWS(NAME_LOAD_LAST) MEMORY_ROWS(NAME_LOAD_STACK) MEMORY_ROWS(NAME_LOAD_SUM) NARROW_ROWS(NAME_LOAD_SIGNED)
    SWAP_ROWS(NAME_LOAD_SWAPPED)
    // Destination = [Left + Small]; if Destination and Number. Forwards.
    NARROW_ROWS(NAME_LOAD_JEQ) NARROW_ROWS(NAME_LOAD_JNE)
    // Destination = Left & Small; if Destination and Number. Forwards.
    OperationAndJEQ,
    OperationAndJNE,
    // r0 = the packet's bytes at Wide, or at Left + Wide.
    NARROW_ROWS(NAME_LOAD_PACKET) NARROW_ROWS(NAME_LOAD_PACKET_AT)
    // [Left + Wide] = Right; Destination = Left + Right, [Destination + Wide] = Other.
    MEMORY_ROWS(NAME_STORE) MEMORY_ROWS(NAME_STORE_STACK) MEMORY_ROWS(NAME_STORE_SUM)
    // [Left + Distance] = Number.
    MEMORY_ROWS(NAME_STORE_NUMBER) MEMORY_ROWS(NAME_STORE_NUMBER_STACK)
    // Destination = [Left + Small], [Right + Distance] = Destination.
    MEMORY_ROWS(NAME_COPY) SWAP_ROWS(NAME_COPY_SWAPPED)
    // The operation, as in the instruction, is Number.
    OperationAtomicW,
    OperationAtomicDW,
    // Number is the cost.
    OperationJump,
    OperationCallLocal,
    // Wide is the address of the helper's row.
    OperationCallHelper,
    OperationExit,
    OperationCodeCount,
} OPERATION_CODE;
