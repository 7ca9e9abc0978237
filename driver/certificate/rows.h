// What the certificate checker knows of a platform, as tables: rows-windows.c, which `npm run fixtures` makes of core/platform/.
#pragma once

#include "platform.h"

typedef enum _CHECK_FIELD_KIND {
    FieldScalar,
    FieldPacketStart,
    FieldPacketEnd,
    FieldPacketMeta,
    FieldObject,
    FieldMemory,
    FieldKernel,
} CHECK_FIELD_KIND;

typedef struct _CHECK_FIELD {
    UINT32 ByteOffset;
    UINT32 SizeBytes;
    UINT8 Kind;
    BOOLEAN Writable;
    /** Access narrower than the field is allowed. */
    BOOLEAN Narrow;
    UINT8 LeastWriteBytes;
    BOOLEAN Nullable;
    /** FieldObject: the row of Objects; FieldMemory: the size. Below 0: nothing known. */
    INT32 To;
} CHECK_FIELD;

typedef struct _CHECK_FIELDS {
    UINT32 Count;
    const CHECK_FIELD *Rows;
} CHECK_FIELDS;

typedef enum _CHECK_ELSEWHERE { ElsewhereNothing, ElsewhereNumber, ElsewhereKernel } CHECK_ELSEWHERE;

typedef struct _CHECK_CONTEXT {
    const char *Name;
    UINT32 SizeBytes;
    CHECK_FIELDS Fields;
    BOOLEAN PacketReadOnly;
    UINT8 Elsewhere;
} CHECK_CONTEXT;

/** A program type, as a hook may narrow it. */
typedef struct _CHECK_TYPE {
    const char *Name;
    const CHECK_CONTEXT *Context;
    /** Its bit in CHECK_HELPER.ProgramTypes. */
    UINT64 Bit;
    BOOLEAN HasRange;
    INT64 Minimum;
    INT64 Maximum;
    BOOLEAN PacketLoads;
    /** Programs of it may call helpers that wait, whatever their section. */
    BOOLEAN MayWait;
} CHECK_TYPE;

typedef enum _CHECK_MAP_KIND { MapKindOther, MapKindArray, MapKindOfMaps } CHECK_MAP_KIND;

/** Its bit in CHECK_ARGUMENT.Types is that of its place in the table. */
typedef struct _CHECK_MAP_TYPE {
    const char *Name;
    UINT32 Id;
    UINT8 Kind;
    BOOLEAN ReadOnlyValues;
} CHECK_MAP_TYPE;

/** As in core/platform/platform.ts. */
typedef enum _CHECK_ARGUMENT_KIND {
    ArgumentScalar,
    ArgumentAnything,
    ArgumentContext,
    ArgumentMap,
    ArgumentMapKey,
    ArgumentMapValue,
    ArgumentMemory,
    ArgumentSize,
    ArgumentFixedMemory,
    ArgumentRecordSize,
    ArgumentRecord,
    ArgumentObject,
    ArgumentCallback,
    ArgumentCallbackContext,
    ArgumentText,
    ArgumentUnsupported,
} CHECK_ARGUMENT_KIND;

typedef enum _CHECK_ACCESS { AccessRead, AccessWrite, AccessReadWrite } CHECK_ACCESS;

typedef enum _CHECK_PARAMETER {
    ParameterNone,
    ParameterNumber,
    ParameterMap,
    ParameterMapKey,
    ParameterMapValue,
    ParameterPassed,
    ParameterKernel,
} CHECK_PARAMETER;

/** CHECK_ARGUMENT.Types of objects: a pointer to something of the kernel will do. */
#define CHECK_TYPES_KERNEL ((UINT64)1 << 63)

typedef struct _CHECK_ARGUMENT {
    UINT8 Kind;
    BOOLEAN Optional;
    BOOLEAN OrNull;
    UINT8 Access;
    BOOLEAN ZeroAllowed;
    /** The helper takes all 64 bits of the size. */
    BOOLEAN Wide;
    BOOLEAN Release;
    /** Where the size of the memory is. */
    UINT8 SizeAt;
    UINT32 SizeBytes;
    /** Map types, or rows of Objects. */
    UINT64 Types;
    UINT8 Parameters[5];
} CHECK_ARGUMENT;

typedef enum _CHECK_RETURN {
    ReturnScalar,
    ReturnMapValueOrNull,
    ReturnMapValue,
    ReturnRecordOrNull,
    ReturnObjectOrNull,
    ReturnKernel,
    ReturnMemoryOrNull,
    ReturnNothing,
} CHECK_RETURN;

typedef struct _CHECK_HELPER {
    const char *Name;
    UINT32 Id;
    UINT8 ArgumentCount;
    CHECK_ARGUMENT Arguments[5];
    UINT8 Returns;
    BOOLEAN HasRange;
    BOOLEAN Acquired;
    BOOLEAN Nullable;
    INT64 Minimum;
    INT64 Maximum;
    /** The size of memory, or the row of Objects. */
    INT32 To;
    BOOLEAN InvalidatesPacket;
    BOOLEAN MaySleep;
    /** It writes to the map in its first argument. */
    BOOLEAN WritesMap;
    BOOLEAN TailCall;
    UINT64 ProgramTypes;
} CHECK_HELPER;

typedef struct _CHECK_PLATFORM {
    const char *Name;
    /** Programs may be held to looser rules: Linux' privileged ones. */
    BOOLEAN MayBeLoose;
    UINT32 TypeCount;
    const CHECK_TYPE *Types;
    UINT32 MapTypeCount;
    const CHECK_MAP_TYPE *MapTypes;
    UINT32 HelperCount;
    const CHECK_HELPER *Helpers;
    UINT32 ObjectCount;
    const CHECK_FIELDS *Objects;
} CHECK_PLATFORM;

extern const CHECK_PLATFORM RowsWindows;
