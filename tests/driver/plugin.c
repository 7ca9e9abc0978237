// A program of the driver's engines with the plugin contract of bpf_conformance: bytecode as hex on the standard input, memory
// as hex in the first argument that is no option, r0 as hex on the standard output. `--jit` compiles the program first.
// Whatever else happens is told on the standard error, with exit code 1.
//
// The suite has one program with `callx`, a helper's number in a register. RFC 9669 has no such instruction (its section 4.3.1 calls
// helpers by an immediate), no verifier takes it, and the driver refuses it; so it is the plugin that has it.
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "helpers.h"
#include "program.h"

#define MAXIMUM_BYTES 65536
#define BUDGET 10000000

/** Both calling conventions of x64 have the stack at a multiple of 16 where a function is called. */
#define STACK_ALIGNMENT 16
static BOOLEAN Misaligned;

/** What programs of the suite call by number 5: it gives its argument back (and where that is 0 the run would be over). */
HELPER(Unwind)
{
    UNUSED(Run), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    // Where the caller's frame pointer is saved, below the address to return to.
    Misaligned = Misaligned || (UINT_PTR)__builtin_frame_address(0) % STACK_ALIGNMENT != 0;
    return A1;
}

/** `callx` through r1 is a call of REGISTER_CALLS + 1, and so on up to r5: those are the registers that a helper is given. */
#define OPCODE_CALLX 0x8d
#define REGISTER_CALLS 0x1000

static const EBPF_PROGRAM_TYPE SuiteType;
static BOOLEAN HelperMissing;

static UINT64
CallByNumber(EBPF_RUN *Run, UINT64 Number, const UINT64 *Arguments)
{
    const EBPF_HELPER *Helper = Number < REGISTER_CALLS ? HelperFind(&SuiteType, (UINT32)Number) : NULL;
    if (Helper == NULL || HelperCheckArguments(Helper, Run, Arguments) != FaultNone) {
        HelperMissing = TRUE;
        return 0;
    }
    return Helper->Function(Run, Arguments[0], Arguments[1], Arguments[2], Arguments[3], Arguments[4]);
}

#define REGISTER_CALL(Name, Register)                                                                      \
    HELPER(Name)                                                                                           \
    {                                                                                                      \
        const UINT64 Arguments[] = {A1, A2, A3, A4, A5};                                                   \
        return CallByNumber(Run, Register, Arguments);                                                     \
    }
REGISTER_CALL(CallR1, A1)
REGISTER_CALL(CallR2, A2)
REGISTER_CALL(CallR3, A3)
REGISTER_CALL(CallR4, A4)
REGISTER_CALL(CallR5, A5)

static const EBPF_HELPER_ROW SuiteHelpers[] = {
    {5, {Unwind, {ArgumentScalar}}},
    {REGISTER_CALLS + 1, {CallR1, {ArgumentScalar}}},
    {REGISTER_CALLS + 2, {CallR2, {ArgumentScalar}}},
    {REGISTER_CALLS + 3, {CallR3, {ArgumentScalar}}},
    {REGISTER_CALLS + 4, {CallR4, {ArgumentScalar}}},
    {REGISTER_CALLS + 5, {CallR5, {ArgumentScalar}}},
};
static const EBPF_PROGRAM_TYPE SuiteType = {
    .Name = "suite",
    .PacketStart = EBPF_NO_FIELD,
    .PacketEnd = EBPF_NO_FIELD,
    .PacketMeta = EBPF_NO_FIELD,
    .InterfaceIndex = EBPF_NO_FIELD,
    .WritableCount = 1,
    .Writable = {{0, MAXIMUM_BYTES}},
    .HelperCount = RTL_NUMBER_OF(SuiteHelpers),
    .Helpers = SuiteHelpers,
};

/** Makes calls of helpers of `callx`; through other registers it stays, and is refused. */
static VOID
LowerCallx(EBPF_INSTRUCTION *Slots, UINT32 SlotCount)
{
    for (UINT32 Slot = 0; Slot < SlotCount; Slot += Slots[Slot].Opcode == EBPF_OPCODE_LDDW ? 2 : 1) {
        EBPF_INSTRUCTION *I = &Slots[Slot];
        BOOLEAN IsPlain = I->Source == 0 && I->Offset == 0 && I->Immediate == 0;
        if (I->Opcode != OPCODE_CALLX || !IsPlain || I->Destination < 1 || I->Destination > 5)
            continue;
        *I = (EBPF_INSTRUCTION){
            .Opcode = EBPF_OPCODE_CALL, .Source = EBPF_CALL_HELPER, .Immediate = REGISTER_CALLS + I->Destination};
    }
}

/** The bytes that hex digits stand for, white space apart; -1 if it is something else, or too long. */
static long
ParseHex(const char *Text, UINT8 *Bytes)
{
    long Digits = 0;
    for (; *Text != '\0'; Text++) {
        if (isspace((unsigned char)*Text))
            continue;
        if (!isxdigit((unsigned char)*Text) || Digits == 2 * MAXIMUM_BYTES)
            return -1;
        int Digit = isdigit((unsigned char)*Text) ? *Text - '0' : tolower((unsigned char)*Text) - 'a' + 10;
        UINT8 *Byte = &Bytes[Digits / 2];
        *Byte = (UINT8)(Digits % 2 == 0 ? Digit << 4 : *Byte | Digit);
        Digits++;
    }
    return Digits % 2 == 0 ? Digits / 2 : -1;
}

static int
Fail(const char *Why, UINT32 Slot)
{
    fprintf(stderr, "%s (slot %" PRIu32 ")\n", Why, Slot);
    return 1;
}

static int
RunOnce(_In_ const EBPF_PROGRAM *Program, _In_ UINT8 *Memory, _In_ UINT64 MemoryBytes)
{
    EBPF_RUN_INPUT Input = {
        .Context = MemoryBytes == 0 ? NULL : Memory,
        .ContextSizeBytes = MemoryBytes,
        .SecondArgument = MemoryBytes,
        .Budget = BUDGET,
    };
    EBPF_RUN_OUTPUT Output;
    ProgramRun(Program, &Input, &Output);
    if (Output.Fault != FaultNone)
        return Fail("the run was ended", Output.FaultSlot);
    if (HelperMissing)
        return Fail("callx called no helper", 0);
    if (Misaligned)
        return Fail("a helper was called with its stack misaligned", 0);
    printf("%" PRIx64 "\n", Output.Result);
    return 0;
}

int
main(int Count, char **Arguments)
{
    static DECLSPEC_ALIGN(8) UINT8 Code[MAXIMUM_BYTES];
    static DECLSPEC_ALIGN(8) UINT8 Memory[MAXIMUM_BYTES];
    static char Text[3 * MAXIMUM_BYTES];
    BOOLEAN Compile = FALSE;
    long MemoryBytes = 0;
    for (int Index = 1; Index < Count; Index++) {
        if (strcmp(Arguments[Index], "--jit") == 0)
            Compile = TRUE;
        else
            MemoryBytes = ParseHex(Arguments[Index], Memory);
    }
    Text[fread(Text, 1, sizeof Text - 1, stdin)] = '\0';
    long CodeBytes = ParseHex(Text, Code);
    if (MemoryBytes < 0 || CodeBytes < 0 || CodeBytes % sizeof(EBPF_INSTRUCTION) != 0)
        return Fail("this is no hex of instructions or memory, or too much", 0);
    if (!NT_SUCCESS(EpochInitiate()))
        return Fail("no memory", 0);
    EBPF_PROGRAM *Program;
    EBPF_FINDING Finding;
    UINT32 Slot;
    EBPF_INSTRUCTION *Slots = (EBPF_INSTRUCTION *)Code;
    UINT32 SlotCount = (UINT32)(CodeBytes / sizeof(EBPF_INSTRUCTION));
    LowerCallx(Slots, SlotCount);
    if (!NT_SUCCESS(ProgramCreate(&SuiteType, Slots, SlotCount, NULL, 0, &Program, &Finding, &Slot)))
        return Fail("the program is refused", Slot);
    int Status = Compile && !NT_SUCCESS(ProgramCompile(Program, TRUE))
                     ? Fail("it is not compiled", 0)
                     : RunOnce(Program, Memory, (UINT64)MemoryBytes);
    ObjectRelease(&Program->Object);
    EpochTerminate();
    return Status;
}
