// Measures one program in several engines, in turn: `speed MEMORY_BYTES ENGINE...`, bytecode in binary on the standard input. An
// engine is `interpreter`, `jit`, `blinded`, or the path of a shared library with uBPF's functions. Prints for each engine the
// nanoseconds of a run (the best of many batches) and r0. Compiled code is called as a hook does that is inside an epoch already.
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interpreter.h"
#include "program.h"

#define MAXIMUM_CODE_BYTES 65536
#define MEMORY_BYTES 8192
#define MAXIMUM_ENGINES 8
#define BATCHES 25
#define BATCH_NANOSECONDS 4000000.0
#define BUDGET (1ull << 40)

static DECLSPEC_ALIGN(8) UINT8 Code[MAXIMUM_CODE_BYTES];
static UINT32 CodeBytes;
static DECLSPEC_ALIGN(64) UINT8 Memory[MEMORY_BYTES];
static UINT64 Length;
static EBPF_RUN Run;

typedef struct _ENGINE {
    const char *Name;
    EBPF_PROGRAM *Program;
    /** uBPF's. */
    UINT64 (*Function)(VOID *Memory, SIZE_T MemoryBytes);
    UINT64 Result;
    double Nanoseconds;
} ENGINE;

static VOID
Fail(const char *What)
{
    fprintf(stderr, "%s\n", What);
    exit(1);
}

static double
Now(VOID)
{
    struct timespec Time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &Time);
    return (double)Time.tv_sec * 1e9 + (double)Time.tv_nsec;
}

/** A frame of a zero-byte datagram to port 9999, and other bytes after it. */
static VOID
FillMemory(VOID)
{
    static const UINT8 Frame[] = {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x00, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        0x30, 0x39, 0x27, 0x0f, 0, 8, 0, 0,
    };
    for (UINT32 Index = 0; Index < MEMORY_BYTES; Index++)
        Memory[Index] = (UINT8)(Index * 31 + (Index >> 8));
    memcpy(Memory, Frame, sizeof Frame);
}

static UINT64
RunOnce(const ENGINE *Engine)
{
    if (Engine->Function != NULL)
        return Engine->Function(Memory, Length);
    Run.Budget = BUDGET;
    Run.Fault = FaultNone;
    UINT64 R1 = (UINT64)(UINT_PTR)Memory;
    if (Engine->Program->Code.Entry != NULL)
        return Engine->Program->Code.Entry(&Run, R1, Length);
    InterpreterRun(&Engine->Program->Operations, &Run, R1, Length);
    return Run.Result;
}

static double
Batch(ENGINE *Engine, UINT64 Rounds)
{
    double Start = Now();
    for (UINT64 Round = 0; Round < Rounds; Round++)
        Engine->Result = RunOnce(Engine);
    return (Now() - Start) / (double)Rounds;
}

static VOID
LoadOther(ENGINE *Engine)
{
    VOID *Library = dlopen(Engine->Name, RTLD_NOW);
    if (Library == NULL)
        Fail(dlerror());
    VOID *(*Create)(VOID) = (VOID * (*)(VOID)) dlsym(Library, "ubpf_create");
    int (*Load)(VOID *, const VOID *, UINT32, char **) =
        (int (*)(VOID *, const VOID *, UINT32, char **))dlsym(Library, "ubpf_load");
    VOID *(*Compile)(VOID *, char **) = (VOID * (*)(VOID *, char **)) dlsym(Library, "ubpf_compile");
    if (Create == NULL || Load == NULL || Compile == NULL)
        Fail("the library has no such functions");
    VOID *Vm = Create();
    char *Message = NULL;
    if (Load(Vm, Code, CodeBytes, &Message) != 0)
        Fail(Message);
    Engine->Function = (UINT64(*)(VOID *, SIZE_T))Compile(Vm, &Message);
    if (Engine->Function == NULL)
        Fail(Message);
}

static VOID
Load(ENGINE *Engine)
{
    BOOLEAN Blind = strcmp(Engine->Name, "blinded") == 0;
    BOOLEAN Compile = Blind || strcmp(Engine->Name, "jit") == 0;
    if (!Compile && strcmp(Engine->Name, "interpreter") != 0) {
        LoadOther(Engine);
        return;
    }
    EBPF_FINDING Finding;
    UINT32 Slot;
    UINT32 SlotCount = CodeBytes / sizeof(EBPF_INSTRUCTION);
    const EBPF_INSTRUCTION *Slots = (const EBPF_INSTRUCTION *)Code;
    if (!NT_SUCCESS(ProgramCreate(NULL, Slots, SlotCount, NULL, 0, &Engine->Program, &Finding, &Slot)))
        Fail("the program is refused");
    if (Compile && !NT_SUCCESS(ProgramCompile(Engine->Program, Blind)))
        Fail("the program is not compiled");
}

/** Engines take turns, so that what else the machine does meets all of them. */
static VOID
Measure(ENGINE *Engines, UINT32 Count)
{
    UINT64 Rounds[MAXIMUM_ENGINES];
    for (UINT32 Index = 0; Index < Count; Index++) {
        double Once = Batch(&Engines[Index], 1);
        Rounds[Index] = Once > BATCH_NANOSECONDS ? 1 : (UINT64)(BATCH_NANOSECONDS / (Once + 1)) + 1;
        Engines[Index].Nanoseconds = Once;
    }
    for (UINT32 Turn = 0; Turn < BATCHES; Turn++) {
        for (UINT32 Index = 0; Index < Count; Index++) {
            double Mean = Batch(&Engines[Index], Rounds[Index]);
            if (Mean < Engines[Index].Nanoseconds)
                Engines[Index].Nanoseconds = Mean;
        }
    }
}

int
main(int Count, char **Arguments)
{
    static ENGINE Engines[MAXIMUM_ENGINES];
    UINT32 EngineCount = 0;
    if (Count < 3 || Count > 2 + MAXIMUM_ENGINES)
        Fail("usage: speed MEMORY_BYTES ENGINE...");
    Length = strtoull(Arguments[1], NULL, 10);
    if (Length > MEMORY_BYTES)
        Fail("too much memory");
    CodeBytes = (UINT32)fread(Code, 1, sizeof Code, stdin);
    if (!NT_SUCCESS(EpochInitiate()))
        Fail("no memory");
    FillMemory();
    Run.Regions[RegionContext] = (EBPF_REGION){.Start = (UINT64)(UINT_PTR)Memory, .SizeBytes = MEMORY_BYTES};
    for (int Index = 2; Index < Count; Index++) {
        Engines[EngineCount].Name = Arguments[Index];
        Load(&Engines[EngineCount++]);
    }
    Measure(Engines, EngineCount);
    for (UINT32 Index = 0; Index < EngineCount; Index++)
        printf("%s %.3f %" PRIx64 "\n", Engines[Index].Name, Engines[Index].Nanoseconds, Engines[Index].Result);
    return 0;
}
