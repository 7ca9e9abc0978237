#include "certificate/digest.h"

static VOID
Text(SHA256 *Hash, const char *Value)
{
    Sha256Update(Hash, Value, strlen(Value));
}

static VOID
Number(SHA256 *Hash, INT64 Value)
{
    char Digits[24];
    UINT32 At = sizeof(Digits);
    UINT64 Rest = Value < 0 ? 0 - (UINT64)Value : (UINT64)Value;
    Digits[--At] = 0;
    do
        Digits[--At] = (char)('0' + Rest % 10);
    while ((Rest /= 10) != 0);
    if (Value < 0)
        Digits[--At] = '-';
    Text(Hash, &Digits[At]);
}

/** A text of JSON: of a program's section, which may hold anything. */
static VOID
Quoted(SHA256 *Hash, const char *Value, UINT32 Length)
{
    static const char Hex[] = "0123456789abcdef";
    static const char Short[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    Text(Hash, "\"");
    for (UINT32 At = 0; At < Length; At++) {
        UINT8 Byte = (UINT8)Value[At];
        char Escape[] = {'\\', 'u', '0', '0', Hex[Byte >> 4], Hex[Byte & 15]};
        SIZE_T Size = sizeof(Escape);
        if (Byte == '"' || Byte == '\\' || (Byte < 32 && Short[Byte] != 0)) {
            Escape[1] = Byte < 32 ? Short[Byte] : (char)Byte;
            Size = 2;
        } else if (Byte >= 32) {
            Escape[0] = (char)Byte;
            Size = 1;
        }
        Sha256Update(Hash, Escape, Size);
    }
    Text(Hash, "\"");
}

static VOID
MapFacts(SHA256 *Hash, const CERTIFICATE_MAP *Map)
{
    UINT32 Numbers[] = {Map->Type, Map->KeySizeBytes, Map->ValueSizeBytes, Map->MaxEntries, Map->Flags};
    for (UINT32 At = 0; At < RTL_NUMBER_OF(Numbers); At++) {
        Number(Hash, Numbers[At]);
        Text(Hash, ",");
    }
    if (Map->HasData) {
        Text(Hash, Map->DataReadOnly ? "[true," : "[false,");
        Number(Hash, Map->DataSizeBytes);
        Text(Hash, "],");
    } else {
        Text(Hash, "null,");
    }
}

static VOID
Maps(const CHECKER *Checker, SHA256 *Hash)
{
    Text(Hash, ",\"maps\":[");
    for (UINT32 At = 0; At < Checker->Program->MapCount; At++) {
        const CERTIFICATE_MAP *Map = &Checker->Program->Maps[At];
        Text(Hash, At == 0 ? "[\"" : ",[\"");
        Text(Hash, CheckerMap(Checker, Map).Type->Name);
        Text(Hash, "\",");
        MapFacts(Hash, Map);
        if (Map->Inner != NULL) {
            Text(Hash, "[");
            MapFacts(Hash, Map->Inner);
            Text(Hash, "null]]");
        } else {
            Text(Hash, "null]");
        }
    }
    Text(Hash, "]}");
}

static VOID
Returns(const CHECK_TYPE *Type, SHA256 *Hash)
{
    if (!Type->HasRange) {
        Text(Hash, "null");
        return;
    }
    Text(Hash, "{\"minimum\":");
    Number(Hash, Type->Minimum);
    Text(Hash, ",\"maximum\":");
    Number(Hash, Type->Maximum);
    Text(Hash, "}");
}

VOID
DigestProgram(const CHECKER *Checker, UINT8 *Digest)
{
    const CERTIFICATE_PROGRAM *Program = Checker->Program;
    SHA256 Hash;
    Sha256Initiate(&Hash);
    Text(&Hash, "{\"platform\":\"");
    Text(&Hash, Program->Platform->Name);
    Text(&Hash, "\",\"type\":\"");
    Text(&Hash, Program->Type->Name);
    Text(&Hash, "\",\"section\":");
    Quoted(&Hash, Program->Section, Program->SectionLength);
    Text(&Hash, ",\"context\":\"");
    Text(&Hash, Program->Type->Context->Name);
    Text(&Hash, "\",\"returns\":");
    Returns(Program->Type, &Hash);
    Text(&Hash, ",\"functions\":[");
    for (UINT32 At = 0; At < Program->FunctionCount; At++) {
        Text(&Hash, At == 0 ? "[" : ",[");
        Number(&Hash, Checker->Functions[At]);
        Text(&Hash, ",");
        Number(&Hash, Checker->Functions[At + 1]);
        Text(&Hash, "]");
    }
    Text(&Hash, "],\"entry\":{\"returnsNothing\":false}");
    Maps(Checker, &Hash);
    Sha256Update(&Hash, "", 1);
    Sha256Update(&Hash, Program->Slots, (SIZE_T)Program->SlotCount * sizeof(EBPF_INSTRUCTION));
    for (UINT32 At = 0; At < Program->MapCount; At++)
        if (Program->Maps[At].HasData)
            Sha256Update(&Hash, Program->Maps[At].Data, Program->Maps[At].DataSizeBytes);
    Sha256Finish(&Hash, Digest);
}
