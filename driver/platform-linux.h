// Windows' names for types, statuses and annotations, on Linux; and what only tests need of the platform.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t UINT8;
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef int8_t INT8;
typedef int16_t INT16;
typedef int32_t INT32;
typedef int64_t INT64;
typedef size_t SIZE_T;
typedef uintptr_t UINT_PTR;
typedef bool BOOLEAN;
typedef int32_t NTSTATUS;

typedef UINT8 EBPF_IRQL;

typedef struct _EBPF_LOCK {
    UINT32 Held;
} EBPF_LOCK;

#define VOID void
#define TRUE true
#define FALSE false

/** The values are Windows'. */
#define STATUS_SUCCESS ((NTSTATUS)0)
#define STATUS_PENDING ((NTSTATUS)0x103)
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#define STATUS_INVALID_DEVICE_REQUEST ((NTSTATUS)0xC0000010)
#define STATUS_ACCESS_DENIED ((NTSTATUS)0xC0000022)
#define STATUS_BUFFER_TOO_SMALL ((NTSTATUS)0xC0000023)
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BB)
#define STATUS_NO_MEMORY ((NTSTATUS)0xC0000017)
#define STATUS_INVALID_IMAGE_FORMAT ((NTSTATUS)0xC000007B)
#define NT_SUCCESS(Status) ((Status) >= 0)

#define DECLSPEC_ALIGN(Bytes) __attribute__((aligned(Bytes)))
#define C_ASSERT(Condition) _Static_assert(Condition, #Condition)
#define CONTAINING_RECORD(Address, Type, Field) ((Type *)((UINT8 *)(Address) - offsetof(Type, Field)))
#define RTL_NUMBER_OF(Array) (sizeof(Array) / sizeof((Array)[0]))

// SAL: read by Microsoft's analyser, and by people.
#define _In_
#define _In_opt_
#define _In_reads_(Count)
#define _In_reads_opt_(Count)
#define _In_reads_bytes_(Count)
#define _Out_
#define _Outptr_
#define _Inout_
#define _Inout_opt_
#define _Inout_updates_bytes_(Count)
#define _Out_writes_bytes_(Count)
#define _Must_inspect_result_
#define _Ret_maybenull_
#define _Use_decl_annotations_
#define _IRQL_requires_max_(Level)

/** Of the texts of an event, in all. */
#define LINUX_EVENT_BYTES 128

/** For tests: the Nth allocation, or making code executable, from now (1 is the next) fails, once; 0: none does. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID LinuxFailAllocation(_In_ UINT64 Number);

/** For tests: whether the allocation that is to fail has not come yet. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN LinuxFailureIsDue(VOID);

/** For tests: whether events are refused from now on. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID LinuxRefuseEvents(_In_ BOOLEAN Refuse);

/** For tests: the oldest event that was written and not taken yet; its texts have a line each. FALSE if there is none. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN LinuxTakeEvent(_Out_ UINT32 *Code, _Out_writes_bytes_(LINUX_EVENT_BYTES) char *Inserts);

/** For tests: what PlatformCodeIsForbidden says. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID LinuxForbidCode(_In_ BOOLEAN Forbid);

/** For tests: PlatformBootTime is that much later from now on. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID LinuxPassTime(_In_ UINT64 Nanoseconds);

/** For tests: where the memory for code with that index lies, of which there are some; FALSE if there are not so many. */
_IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN LinuxCodeAt(_In_ UINT32 Index, _Out_ UINT64 *Address, _Out_ UINT64 *SizeBytes);

/** For tests: how often PlatformWake was called. */
_IRQL_requires_max_(PASSIVE_LEVEL) UINT32 LinuxCountWakes(VOID);

/** For tests: returns when it was called more often than that, or after so long. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID LinuxAwaitWake(_In_ UINT32 Seen, _In_ UINT32 Milliseconds);

/** For tests: this thread runs on that processor, wherever it runs. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID LinuxSetProcessor(_In_ UINT32 Number);

/** For tests: allocations that have not been freed. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 LinuxCountAllocations(VOID);

/** For tests: their bytes; an allocation may count for up to 16 more than was asked for. */
_IRQL_requires_max_(DISPATCH_LEVEL) UINT64 LinuxCountBytes(VOID);
