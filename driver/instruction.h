// The encoding of an instruction (RFC 9669 section 3) and the names of its parts.
//
//   | opcode:8 | destination:4 source:4 | offset:16 | immediate:32 |      little-endian, one slot
//
// Opcodes of ALU, ALU64, JMP, JMP32: | code:4 | source:1 | class:3 |; of LD, LDX, ST, STX: | mode:3 | size:2 | class:3 |.
#pragma once

#include "platform.h"

typedef struct _EBPF_INSTRUCTION {
    UINT8 Opcode;
    UINT8 Destination : 4;
    UINT8 Source : 4;
    INT16 Offset;
    INT32 Immediate;
} EBPF_INSTRUCTION;
C_ASSERT(sizeof(EBPF_INSTRUCTION) == 8);

enum {
    EBPF_CLASS_LD,
    EBPF_CLASS_LDX,
    EBPF_CLASS_ST,
    EBPF_CLASS_STX,
    EBPF_CLASS_ALU,
    EBPF_CLASS_JMP,
    EBPF_CLASS_JMP32,
    EBPF_CLASS_ALU64,
};

/** The second operand of ALU and JMP: the immediate (K), or the source register (X). */
enum { EBPF_K = 0x00, EBPF_X = 0x08 };

enum { EBPF_W = 0x00, EBPF_H = 0x08, EBPF_B = 0x10, EBPF_DW = 0x18 };

enum {
    EBPF_IMM = 0x00,
    EBPF_ABS = 0x20,
    EBPF_IND = 0x40,
    EBPF_MEM = 0x60,
    EBPF_MEMSX = 0x80,
    EBPF_ATOMIC = 0xc0,
};

/** RFC 9669 section 4.1. An offset of 1 makes DIV and MOD signed; of 8, 16 or 32 makes MOV extend the sign. */
enum {
    EBPF_ADD = 0x00,
    EBPF_SUB = 0x10,
    EBPF_MUL = 0x20,
    EBPF_DIV = 0x30,
    EBPF_OR = 0x40,
    EBPF_AND = 0x50,
    EBPF_LSH = 0x60,
    EBPF_RSH = 0x70,
    EBPF_NEG = 0x80,
    EBPF_MOD = 0x90,
    EBPF_XOR = 0xa0,
    EBPF_MOV = 0xb0,
    EBPF_ARSH = 0xc0,
    EBPF_END = 0xd0,
};

/** RFC 9669 section 4.3. */
enum {
    EBPF_JA = 0x00,
    EBPF_JEQ = 0x10,
    EBPF_JGT = 0x20,
    EBPF_JGE = 0x30,
    EBPF_JSET = 0x40,
    EBPF_JNE = 0x50,
    EBPF_JSGT = 0x60,
    EBPF_JSGE = 0x70,
    EBPF_CALL = 0x80,
    EBPF_EXIT = 0x90,
    EBPF_JLT = 0xa0,
    EBPF_JLE = 0xb0,
    EBPF_JSLT = 0xc0,
    EBPF_JSLE = 0xd0,
};

/** RFC 9669 section 5.3: immediates of atomic operations, FETCH being a bit of them. */
enum {
    EBPF_ATOMIC_ADD = 0x00,
    EBPF_ATOMIC_OR = 0x40,
    EBPF_ATOMIC_AND = 0x50,
    EBPF_ATOMIC_XOR = 0xa0,
    EBPF_FETCH = 0x01,
    EBPF_ATOMIC_XCHG = 0xe1,
    EBPF_ATOMIC_CMPXCHG = 0xf1,
};

/** The source field of a wide immediate (RFC 9669 section 5.4) and of a call (section 4.3.1). */
enum { EBPF_LDDW_NUMBER = 0, EBPF_LDDW_MAP = 1, EBPF_LDDW_MAP_VALUE = 2 };
enum { EBPF_CALL_HELPER = 0, EBPF_CALL_LOCAL = 1 };

#define EBPF_OPCODE_LDDW (EBPF_CLASS_LD | EBPF_DW | EBPF_IMM)
#define EBPF_OPCODE_JA (EBPF_CLASS_JMP | EBPF_JA)
#define EBPF_OPCODE_JA32 (EBPF_CLASS_JMP32 | EBPF_JA)
#define EBPF_OPCODE_CALL (EBPF_CLASS_JMP | EBPF_CALL)
#define EBPF_OPCODE_EXIT (EBPF_CLASS_JMP | EBPF_EXIT)

#define EBPF_REGISTER_COUNT 11
#define EBPF_FRAME_POINTER 10
#define EBPF_FRAME_SIZE_BYTES 512
#define EBPF_FRAME_COUNT 8
