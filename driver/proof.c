#include "proof.h"

static BOOLEAN
SameName(const char *Left, const char *Right)
{
    while (*Left != 0 && *Left == *Right)
        Left++, Right++;
    return *Left == *Right;
}

/** The checker's row of the type; NULL if there is none. */
static const CHECK_TYPE *
FindType(const EBPF_PROGRAM_TYPE *Type)
{
    for (UINT32 Index = 0; Type != NULL && Index < RowsWindows.TypeCount; Index++)
        if (SameName(RowsWindows.Types[Index].Name, Type->Name))
            return &RowsWindows.Types[Index];
    return NULL;
}

/**
 * A map is what it was created as. What it holds is told of an array of one entry that nobody changes ever again, which is what a
 * section of constants is loaded as; of any other map it may change, so a certificate that relies on it is one of another program.
 */
static CERTIFICATE_MAP
DescribeMap(EBPF_MAP *Map)
{
    static const UINT8 FirstKey[sizeof(UINT32)] = {0};
    BOOLEAN Constant =
        Map->Definition.Type == EBPF_MAP_TYPE_ARRAY && Map->Definition.MaxEntries == 1 && MapIsConstant(Map);
    return (CERTIFICATE_MAP){
        .HasData = Constant,
        .DataReadOnly = Constant,
        .DataSizeBytes = Constant ? Map->Definition.ValueSizeBytes : 0,
        .Data = Constant ? Map->Type->Peek(Map, FirstKey) : NULL,
        .Type = Map->Definition.Type,
        .KeySizeBytes = Map->Definition.KeySizeBytes,
        .ValueSizeBytes = Map->Definition.ValueSizeBytes,
        .MaxEntries = Map->Definition.MaxEntries,
        .Flags = Map->Definition.Flags,
    };
}

_Use_decl_annotations_
CERTIFICATE_OUTCOME
ProofCheck(const EBPF_PROGRAM *Program, const EBPF_PROOF *Proof)
{
    const EBPF_BYTECODE *Bytecode = &Program->Bytecode;
    CERTIFICATE_OUTCOME Outcome = CertificateUnchecked;
    CERTIFICATE_RESULT Result;
    UINT32 *Starts = PlatformAllocate(Bytecode->SubprogramCount * sizeof(UINT32));
    CERTIFICATE_MAP *Maps = PlatformAllocate(PROGRAM_MAXIMUM_MAPS * sizeof(CERTIFICATE_MAP));
    if (Starts != NULL && Maps != NULL) {
        for (UINT32 Index = 0; Index < Bytecode->SubprogramCount; Index++)
            Starts[Index] = Bytecode->Subprograms[Index].Start;
        for (UINT32 Index = 0; Index < Program->MapCount; Index++)
            Maps[Index] = DescribeMap(Program->Maps[Index]);
        CERTIFICATE_PROGRAM Facts = {
            .Platform = &RowsWindows,
            .Type = FindType(Program->Type),
            .Section = Proof->Section,
            .SectionLength = Proof->SectionBytes,
            .SlotCount = Bytecode->SlotCount,
            .Slots = Proof->Slots,
            .FunctionStarts = Starts,
            .FunctionCount = Bytecode->SubprogramCount,
            .MapCount = Program->MapCount,
            .Maps = Maps,
            .RawMemoryBytes = -1,
        };
        Outcome = CertificateRefused;
        if (Facts.Type != NULL && CertificateCheck(&Facts, Proof->Certificate, Proof->CertificateBytes, &Result))
            Outcome = CertificateProved;
        else if (Facts.Type != NULL)
            Outcome = Result.Outcome;
    }
    PlatformFree(Starts);
    PlatformFree(Maps);
    return Outcome;
}
