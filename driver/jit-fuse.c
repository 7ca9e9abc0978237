// Sequences of instructions that x64 has one for. Each pattern is a function below, which looks at the instructions from a slot on,
// writes what does the same and tells how many it stands for. All of them are of one block: no jump leads into the midst.
#include "jit-emit.h"

#define ALU(Operation, Form, Width) ((Operation) | (Form) | ((Width) == 64 ? EBPF_CLASS_ALU64 : EBPF_CLASS_ALU))

/** As an index: there is none, in the encoding too. */
#define NO_INDEX X64_RSP
/** As a base: there is none yet, so it is no address. */
#define NO_BASE X64_RSP

/** Base + (Index << Shift) + Displacement, all modulo 2 to the Width: what a register was made. */
typedef struct _ADDRESS {
    UINT32 Width;
    UINT32 Base;
    UINT32 Index;
    UINT32 Shift;
    INT64 Displacement;
    /** How many instructions made it so. */
    UINT32 Count;
} ADDRESS;

/** Can the code have that displacement? Blinded no other than accesses have anyway. */
static BOOLEAN
IsDisplacement(const JIT *Jit, INT64 Displacement)
{
    return Jit->Blind ? Displacement >= INT16_MIN && Displacement <= INT16_MAX
                      : Displacement >= INT32_MIN && Displacement <= INT32_MAX;
}

static BOOLEAN
Displace(const JIT *Jit, ADDRESS *Address, INT64 By)
{
    if (!JitIsPlain(Jit, By) || !IsDisplacement(Jit, Address->Displacement + By))
        return FALSE;
    Address->Displacement += By;
    return TRUE;
}

static BOOLEAN
AddRegister(ADDRESS *Address, UINT32 Register)
{
    if (Address->Base == NO_BASE)
        Address->Base = Register;
    else if (Address->Index == NO_INDEX)
        Address->Index = Register;
    else
        return FALSE;
    return TRUE;
}

/** Only a register alone: `r1 <<= 3` is an index that waits for its base. */
static BOOLEAN
Scale(ADDRESS *Address, INT32 Shift)
{
    if (Address->Index != NO_INDEX || Address->Displacement != 0 || Shift < 1 || Shift > 3)
        return FALSE;
    Address->Index = Address->Base;
    Address->Shift = (UINT32)Shift;
    Address->Base = NO_BASE;
    return TRUE;
}

/** Goes on by one instruction on the same register, if what that makes of it is such a sum too. */
static BOOLEAN
Extend(const JIT *Jit, ADDRESS *Address, const EBPF_INSTRUCTION *I, UINT32 To)
{
    if (I->Destination != To)
        return FALSE;
    if (I->Opcode == ALU(EBPF_ADD, EBPF_K, Address->Width))
        return Displace(Jit, Address, I->Immediate);
    if (I->Opcode == ALU(EBPF_SUB, EBPF_K, Address->Width))
        return Displace(Jit, Address, -(INT64)I->Immediate);
    if (I->Opcode == ALU(EBPF_LSH, EBPF_K, Address->Width))
        return Scale(Address, I->Immediate);
    if (I->Opcode != ALU(EBPF_ADD, EBPF_X, Address->Width))
        return FALSE;
    // Of what is added only To itself has changed.
    return I->Source == To ? Scale(Address, 1) : AddRegister(Address, JitRegisters[I->Source]);
}

static ADDRESS
BeginAddress(const EBPF_INSTRUCTION *I)
{
    ADDRESS Address = {.Width = JitWidthOf(I), .Base = JitRegisters[I->Destination], .Index = NO_INDEX};
    if (I->Opcode == ALU(EBPF_MOV, EBPF_X, Address.Width) && I->Offset == 0) {
        Address.Base = JitRegisters[I->Source];
        Address.Count = 1;
    }
    return Address;
}

static VOID
WriteAddress(JIT *Jit, UINT32 Width, UINT32 Opcode, UINT32 Register, const ADDRESS *Address)
{
    INT32 Displacement = (INT32)Address->Displacement;
    if (Address->Index == NO_INDEX)
        X64Memory(&Jit->Code, Width, Opcode, Register, Address->Base, Displacement);
    else
        X64Indexed(&Jit->Code, Width, Opcode, Register, Address->Base, Address->Index, Address->Shift, Displacement);
}

/** A load by the address that has just been made, over it. */
static BOOLEAN
WriteLoad(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 To, const ADDRESS *Address)
{
    UINT8 Mode = I->Opcode & 0xe0;
    INT64 Displacement = Address->Displacement + I->Offset;
    if (Address->Width != 64 || Address->Base == NO_BASE || !IsDisplacement(Jit, Displacement) ||
        (I->Opcode & 7) != EBPF_CLASS_LDX || (Mode != EBPF_MEM && Mode != EBPF_MEMSX) || I->Destination != To ||
        I->Source != To)
        return FALSE;
    LOAD_FORM Form = JitLoadForm(I);
    ADDRESS Place = *Address;
    Place.Displacement = Displacement;
    WriteAddress(Jit, Form.Width, Form.Opcode, JitRegisters[To], &Place);
    return TRUE;
}

/** Is it what LEA makes in one step? Three parts are not, everywhere; loads have them for nothing. */
static BOOLEAN
IsSimple(const ADDRESS *Address)
{
    return Address->Base != NO_BASE && (Address->Index == NO_INDEX || Address->Displacement == 0);
}

/** `r3 = r1; r3 += r2` or `r3 = r1; r3 += 8` or `r3 <<= 2; r3 += r1` is one address; with `r3 = *(r3 + 4)` after it one load. */
static UINT32
FuseAddress(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Count)
{
    UINT32 To = I->Destination;
    UINT8 Class = I->Opcode & 7;
    if (Class != EBPF_CLASS_ALU && Class != EBPF_CLASS_ALU64)
        return 0;
    ADDRESS Address = BeginAddress(I);
    ADDRESS Best = {0};
    while (Address.Count < Count && Extend(Jit, &Address, &I[Address.Count], To)) {
        Address.Count++;
        if (IsSimple(&Address))
            Best = Address;
    }
    if (Address.Count > 0 && Address.Count < Count && WriteLoad(Jit, &I[Address.Count], To, &Address))
        return Address.Count + 1;
    if (Best.Count < 2)
        return 0;
    WriteAddress(Jit, Best.Width, X64_LEA, JitRegisters[To], &Best);
    return Best.Count;
}

/** `r1 <<= 48; r1 s>>= 48` is one move that extends what is left, by zeros or its sign; so with `r1 = r2` before it. */
static UINT32
FuseExtension(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Count)
{
    UINT32 To = I->Destination;
    UINT32 From = To;
    UINT32 Moves = 0;
    if ((I->Opcode == ALU(EBPF_MOV, EBPF_X, 64) || I->Opcode == ALU(EBPF_MOV, EBPF_X, 32)) && I->Offset == 0) {
        From = I->Source;
        Moves = 1;
    }
    if (Moves + 2 > Count)
        return 0;
    const EBPF_INSTRUCTION *Left = &I[Moves];
    const EBPF_INSTRUCTION *Right = &I[Moves + 1];
    UINT32 Width = JitWidthOf(Left);
    BOOLEAN Signed = Right->Opcode == ALU(EBPF_ARSH, EBPF_K, Width);
    if (Left->Opcode != ALU(EBPF_LSH, EBPF_K, Width) || !(Signed || Right->Opcode == ALU(EBPF_RSH, EBPF_K, Width)) ||
        Left->Destination != To || Right->Destination != To || Left->Immediate != Right->Immediate)
        return 0;
    if (!JitExtend(Jit, Width, To, From, (INT64)Width - Left->Immediate, Signed))
        return 0;
    return Moves + 2;
}

/** A load of 16 bits whose bytes are then swapped: what is above them is 0 already. */
static UINT32
FuseSwap(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Count)
{
    UINT32 To = I->Destination;
    if (Count < 2 || I->Opcode != (EBPF_CLASS_LDX | EBPF_MEM | EBPF_H) || !JitIsSwap(&I[1]) || I[1].Immediate != 16 ||
        I[1].Destination != To)
        return 0;
    JitLoad(Jit, I);
    X64Register(&Jit->Code, 16, X64_SHIFT_BYTE, X64_ROR, JitRegisters[To]);
    X64Byte(&Jit->Code, 8);
    return 2;
}

_Use_decl_annotations_
UINT32
JitFuse(JIT *Jit, const EBPF_INSTRUCTION *I, UINT32 Count)
{
    static UINT32 (*const Patterns[])(JIT *, const EBPF_INSTRUCTION *, UINT32) = {
        FuseAddress, FuseExtension, FuseSwap,
    };
    UINT32 Fused = 0;
    for (UINT32 Index = 0; Count > 1 && Fused == 0 && Index < RTL_NUMBER_OF(Patterns); Index++)
        Fused = Patterns[Index](Jit, I, Count);
    return Fused;
}
