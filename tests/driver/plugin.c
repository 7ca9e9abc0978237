// A program of the driver's engines with the plugin contract of bpf_conformance: bytecode as hex on the standard input, memory
// as hex in the first argument that is no option, r0 as hex on the standard output. `--jit` compiles the program first.
// Whatever else happens is told on the standard error, with exit code 1.
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "helpers.h"
#include "program.h"

#define MAXIMUM_BYTES 65536
#define BUDGET 10000000

/** What programs of the suite call by number 5: it gives its argument back (and where that is 0 the run would be over). */
HELPER(Unwind)
{
    UNUSED(Run), UNUSED(A2), UNUSED(A3), UNUSED(A4), UNUSED(A5);
    return A1;
}

static const EBPF_HELPER_ROW SuiteHelpers[] = {{5, {Unwind, {ArgumentScalar}}}};
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
    const EBPF_INSTRUCTION *Slots = (const EBPF_INSTRUCTION *)Code;
    UINT32 SlotCount = (UINT32)(CodeBytes / sizeof(EBPF_INSTRUCTION));
    if (!NT_SUCCESS(ProgramCreate(&SuiteType, Slots, SlotCount, NULL, 0, &Program, &Finding, &Slot)))
        return Fail("the program is refused", Slot);
    int Status = Compile && !NT_SUCCESS(ProgramCompile(Program, TRUE))
                     ? Fail("it is not compiled", 0)
                     : RunOnce(Program, Memory, (UINT64)MemoryBytes);
    ObjectRelease(&Program->Object);
    EpochTerminate();
    return Status;
}
