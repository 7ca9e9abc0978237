// The whole contract between user mode and EbpfCore.sys, compiled by both sides. Numbers are little-endian. A request is one
// of the structures below, followed by its variable part; so is a reply. All requests are METHOD_BUFFERED.
//
// DeviceIoControl fails only if a request is not one: code, sizes or access are wrong (STATUS_INVALID_DEVICE_REQUEST,
// STATUS_INVALID_PARAMETER, STATUS_BUFFER_TOO_SMALL, STATUS_ACCESS_DENIED). Whatever else is wrong is told by Error, the
// first field of every reply; then the rest of the fixed part is 0 unless it says otherwise, and no variable part follows.
#pragma once

/** Changed with every change of this file that a client could notice. A client asks EBPF_IOCTL_STATUS first. */
#define EBPF_CONTRACT_VERSION 3

#define EBPF_DEVICE_TYPE 0x8EBFu

/** As CTL_CODE makes them, METHOD_BUFFERED; access is that of FILE_READ_ACCESS and FILE_WRITE_ACCESS. */
enum { EBPF_ACCESS_READ = 1, EBPF_ACCESS_WRITE = 2 };
#define EBPF_IOCTL(Function, Access) (EBPF_DEVICE_TYPE << 16 | (UINT32)(Access) << 14 | (0x800u + (Function)) << 2)

#define EBPF_IOCTL_STATUS EBPF_IOCTL(0, EBPF_ACCESS_READ)
#define EBPF_IOCTL_OBJECT_NEXT EBPF_IOCTL(1, EBPF_ACCESS_READ)
#define EBPF_IOCTL_OBJECT_OPEN EBPF_IOCTL(2, EBPF_ACCESS_READ)
#define EBPF_IOCTL_OBJECT_INFO EBPF_IOCTL(3, EBPF_ACCESS_READ)
#define EBPF_IOCTL_OBJECT_CLOSE EBPF_IOCTL(4, EBPF_ACCESS_READ)
#define EBPF_IOCTL_STATISTICS EBPF_IOCTL(5, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_MAP_CREATE EBPF_IOCTL(16, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_MAP_LOOKUP EBPF_IOCTL(17, EBPF_ACCESS_READ)
#define EBPF_IOCTL_MAP_UPDATE EBPF_IOCTL(18, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_MAP_DELETE EBPF_IOCTL(19, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_MAP_NEXT_KEY EBPF_IOCTL(20, EBPF_ACCESS_READ)
#define EBPF_IOCTL_RING_READ EBPF_IOCTL(21, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_MAP_FREEZE EBPF_IOCTL(22, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_MAP_LOOKUP_BATCH EBPF_IOCTL(23, EBPF_ACCESS_READ)
#define EBPF_IOCTL_RING_WAIT EBPF_IOCTL(24, EBPF_ACCESS_READ)
#define EBPF_IOCTL_PROGRAM_CREATE EBPF_IOCTL(32, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_PROGRAM_RUN EBPF_IOCTL(33, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_LOG_READ EBPF_IOCTL(48, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_HOOK_NEXT EBPF_IOCTL(64, EBPF_ACCESS_READ)
#define EBPF_IOCTL_LINK_CREATE EBPF_IOCTL(65, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_LINK_REPLACE EBPF_IOCTL(66, EBPF_ACCESS_WRITE)
#define EBPF_IOCTL_LINK_DETACH EBPF_IOCTL(67, EBPF_ACCESS_WRITE)

/** Values of Error; the names are those of the core (core/base/error.ts). */
#define EBPF_ERRORS(ROW)           \
    ROW(0, None)                   \
    ROW(1, MapKeyNotFound)         \
    ROW(2, MapKeyExists)           \
    ROW(3, MapFull)                \
    ROW(4, MapOperationUnsupported) \
    ROW(5, MapValueInvalid)        \
    ROW(6, MapDefinitionInvalid)   \
    ROW(7, MapTypeUnsupported)     \
    ROW(8, MapNotFound)            \
    ROW(9, ProgramNotFound)        \
    ROW(10, ProgramTypeUnsupported) \
    ROW(11, ProgramRejected)       \
    ROW(12, CertificateInvalid)    \
    ROW(13, CertificateMismatch)   \
    ROW(14, CertificateRefused)    \
    ROW(15, MemoryExhausted)       \
    ROW(16, ArgumentInvalid)       \
    ROW(17, LinkNotFound)          \
    ROW(18, HookUnknown)           \
    ROW(19, HookUnavailable)       \
    ROW(20, HookBusy)
#define EBPF_ERROR_ROW(Number, Name) EbpfError##Name = Number,
typedef enum _EBPF_ERROR { EBPF_ERRORS(EBPF_ERROR_ROW) } EBPF_ERROR;
#undef EBPF_ERROR_ROW

/** Types of objects, in requests and replies. */
enum { EBPF_TYPE_PROGRAM = 1, EBPF_TYPE_MAP = 2, EBPF_TYPE_LINK = 3 };

/** Types of programs, with the numbers of eBPF for Windows. */
enum {
    EBPF_PROGRAM_TYPE_XDP = 1,
    EBPF_PROGRAM_TYPE_BIND = 2,
    EBPF_PROGRAM_TYPE_SOCK_ADDR = 3,
    EBPF_PROGRAM_TYPE_SOCK_OPS = 4,
};

/** Types of attachment, with the numbers of eBPF for Windows. */
enum {
    EBPF_ATTACH_TYPE_XDP = 1,
    EBPF_ATTACH_TYPE_BIND = 2,
    EBPF_ATTACH_TYPE_CONNECT4 = 3,
    EBPF_ATTACH_TYPE_CONNECT6 = 4,
    EBPF_ATTACH_TYPE_RECV_ACCEPT4 = 5,
    EBPF_ATTACH_TYPE_RECV_ACCEPT6 = 6,
    EBPF_ATTACH_TYPE_SOCK_OPS = 7,
};

/** What the point of a link is. 0 is every one. */
enum {
    /** Nothing: it is 0. */
    EBPF_POINT_NONE = 0,
    /** An interface's index. */
    EBPF_POINT_INTERFACE = 1,
    /** A network compartment's number. */
    EBPF_POINT_COMPARTMENT = 2,
};

/** Who runs a program. */
enum { EBPF_ENGINE_ANY = 0, EBPF_ENGINE_INTERPRETER = 1, EBPF_ENGINE_JIT = 2 };

/** Why it is not the JIT. */
enum {
    EBPF_REASON_NONE = 0,
    /** The request asked for the interpreter. */
    EBPF_REASON_REQUEST = 1,
    /** It came without a certificate. */
    EBPF_REASON_UNCERTIFIED = 2,
    /** No memory, or the system does not allow that memory becomes executable. */
    EBPF_REASON_MEMORY = 3,
};

/**
 * A request without a variable part and about one object: OBJECT_INFO, OBJECT_CLOSE, MAP_FREEZE, LINK_DETACH. A map that is frozen is
 * never again changed by MAP_UPDATE and MAP_DELETE; if its flags say that programs only read it too, it is constant, and certificates
 * may rely on the value of an array of one entry.
 */
typedef struct _EBPF_HANDLE_REQUEST {
    /** A number that is this open file's. Closing the file closes all of its handles. */
    UINT32 Handle;
} EBPF_HANDLE_REQUEST;

/** The reply of MAP_UPDATE, MAP_DELETE, MAP_FREEZE, OBJECT_CLOSE, STATISTICS, LINK_REPLACE, LINK_DETACH. */
typedef struct _EBPF_REPLY {
    UINT32 Error;
} EBPF_REPLY;

/** The reply of MAP_CREATE, OBJECT_OPEN, LINK_CREATE. */
typedef struct _EBPF_HANDLE_REPLY {
    UINT32 Error;
    UINT32 Handle;
    /** Of the object, the same to everyone; never used again. */
    UINT32 Id;
} EBPF_HANDLE_REPLY;

/** STATUS: no request. */
enum {
    /** Programs that nothing proves may be compiled. An administrator's choice; off unless set. */
    EBPF_STATUS_ALLOW_UNCERTIFIED = 1,
    /** The system let memory become executable when the driver tried at its start. */
    EBPF_STATUS_JIT_AVAILABLE = 2,
    /** Runs of programs are counted and timed (STATISTICS). */
    EBPF_STATUS_STATISTICS = 4,
};
typedef struct _EBPF_STATUS_REPLY {
    UINT32 Error;
    UINT32 ContractVersion;
    UINT32 Flags;
    UINT32 ProcessorCount;
    UINT32 ProgramCount;
    UINT32 MapCount;
    UINT32 ClientCount;
    UINT32 Reserved;
    /** What this client and all clients have made the driver keep, and may: what would be more is MemoryExhausted. */
    UINT64 ClientMemoryBytes;
    UINT64 ClientMemoryLimitBytes;
    UINT64 MemoryBytes;
    UINT64 MemoryLimitBytes;
} EBPF_STATUS_REPLY;

/** STATISTICS: from now on runs of all programs are counted and timed, or are not. Off at the start; faults are counted always. */
typedef struct _EBPF_STATISTICS_REQUEST {
    /** 0 or 1. */
    UINT32 Enabled;
} EBPF_STATISTICS_REQUEST;

/** OBJECT_NEXT: the lowest number of an object of Type above Id. OBJECT_OPEN: a handle to the object Id. */
typedef struct _EBPF_OBJECT_REQUEST {
    UINT32 Type;
    UINT32 Id;
} EBPF_OBJECT_REQUEST;

/** OBJECT_NEXT. */
typedef struct _EBPF_OBJECT_NEXT_REPLY {
    UINT32 Error;
    /** 0: there is none. */
    UINT32 Id;
} EBPF_OBJECT_NEXT_REPLY;

typedef struct _EBPF_MAP_DESCRIPTION {
    UINT32 Type;
    UINT32 KeyBytes;
    UINT32 ValueBytes;
    UINT32 MaxEntries;
    UINT32 Flags;
} EBPF_MAP_DESCRIPTION;

#define EBPF_MAXIMUM_MAPS 64

/** What a program or a map is called, for people: UTF-8 without control characters, zeros after it; all zeros: it has no name. */
#define EBPF_NAME_BYTES 64

typedef struct _EBPF_LINK_DESCRIPTION {
    UINT32 AttachType;
    UINT32 Point;
    /** 0: it is detached. */
    UINT32 ProgramId;
} EBPF_LINK_DESCRIPTION;

/** OBJECT_INFO. What is not of the object's type is 0. */
typedef struct _EBPF_OBJECT_INFO_REPLY {
    UINT32 Error;
    UINT32 Type;
    UINT32 Id;
    EBPF_MAP_DESCRIPTION Map;
    /** Bytes that MAP_LOOKUP gives and MAP_UPDATE takes: a value, or each processor's, each padded to 8. */
    UINT32 MapCopyBytes;
    UINT32 MapFrozen;
    UINT32 ProgramType;
    UINT32 SlotCount;
    UINT32 Engine;
    UINT32 EngineReason;
    /** Its certificate was checked: it is proved safe. */
    UINT32 Certified;
    UINT32 MapCount;
    UINT32 MapIds[EBPF_MAXIMUM_MAPS];
    /** While STATISTICS were on: runs that began with this program, and what they took. */
    UINT64 RunCount;
    UINT64 RunNanoseconds;
    /** Runs that began with this program and were ended before their exit. */
    UINT64 FaultCount;
    /** What is charged to who created it. */
    UINT64 MemoryBytes;
    UINT8 Name[EBPF_NAME_BYTES];
    EBPF_LINK_DESCRIPTION Link;
    /** Entries now; of ring buffers 0. */
    UINT32 MapEntries;
    /** Records that a ring buffer had no room for. */
    UINT64 MapDropped;
} EBPF_OBJECT_INFO_REPLY;

/** Keys and values of a map, one processor's: more is MemoryExhausted. */
#define EBPF_MAXIMUM_MAP_BYTES 1073741824

/** MAP_CREATE. */
typedef struct _EBPF_MAP_CREATE_REQUEST {
    EBPF_MAP_DESCRIPTION Map;
    UINT8 Name[EBPF_NAME_BYTES];
} EBPF_MAP_CREATE_REQUEST;

/** MAP_LOOKUP, MAP_UPDATE, MAP_DELETE, MAP_NEXT_KEY; followed by the key, then the value that MAP_UPDATE sets. */
typedef struct _EBPF_MAP_KEY_REQUEST {
    UINT32 Handle;
    /** Of MAP_UPDATE: 0 any, 1 only a new entry, 2 only one that is there. Else 0. */
    UINT32 Flags;
    /** MAP_NEXT_KEY takes 0 too: the first key. */
    UINT32 KeyBytes;
    UINT32 ValueBytes;
} EBPF_MAP_KEY_REQUEST;

/** MAP_LOOKUP: followed by the value; MAP_NEXT_KEY: by the key; LOG_READ: by the line, if there is one. */
typedef struct _EBPF_DATA_REPLY {
    UINT32 Error;
    /** Of what follows. */
    UINT32 DataBytes;
    /** LOG_READ: FALSE if there is no line. */
    UINT32 Found;
    UINT32 Reserved;
} EBPF_DATA_REPLY;

/** RING_READ: takes the oldest records of a RINGBUF or PERF_EVENT_ARRAY, as many as have room in the reply; what has none stays. */
typedef struct _EBPF_RING_READ_REQUEST {
    UINT32 Handle;
    /** No more than that. */
    UINT32 MaximumRecords;
} EBPF_RING_READ_REQUEST;

/** Followed by records, each an EBPF_RECORD and its data. */
typedef struct _EBPF_RING_READ_REPLY {
    UINT32 Error;
    /** Of what follows. If the reply has no room for the first record (ArgumentInvalid), what that needs. */
    UINT32 DataBytes;
    /** Records; 0: there is none, or the next one is not submitted yet. */
    UINT32 Count;
    UINT32 Reserved;
} EBPF_RING_READ_REPLY;

/** Followed by the data, and zeros up to a multiple of 8. */
typedef struct _EBPF_RECORD {
    UINT32 DataBytes;
    /** Of a PERF_EVENT_ARRAY: whose it is. */
    UINT32 Processor;
} EBPF_RECORD;

#define EBPF_MAXIMUM_WAIT_MILLISECONDS 10000

/**
 * RING_WAIT: the reply comes when there is a record to take, or after so long; nothing is taken. It is the one request that others of the
 * same file need not wait for, if that was opened for that (FILE_FLAG_OVERLAPPED), and that can be cancelled.
 */
typedef struct _EBPF_RING_WAIT_REQUEST {
    UINT32 Handle;
    /** 0: does not wait; EBPF_MAXIMUM_WAIT_MILLISECONDS at most. */
    UINT32 Milliseconds;
} EBPF_RING_WAIT_REQUEST;

typedef struct _EBPF_RING_WAIT_REPLY {
    UINT32 Error;
    /** 0: there is none. */
    UINT32 Ready;
} EBPF_RING_WAIT_REPLY;

/**
 * MAP_LOOKUP_BATCH: many entries at once, as BPF_MAP_LOOKUP_BATCH of Linux. Who asks again with the cursor of the reply before, until that
 * is 0, is given each entry that is there all the time exactly once, and what comes or goes meanwhile once or not at all; no key
 * comes twice. A value is that of some moment of its request, each aligned word of 8 bytes whole.
 */
typedef struct _EBPF_MAP_BATCH_REQUEST {
    UINT32 Handle;
    UINT32 Reserved;
    /** 0: from the beginning; else that of the reply before. It means nothing else. */
    UINT64 Cursor;
} EBPF_MAP_BATCH_REQUEST;

/** Followed by entries: the key, then what MAP_LOOKUP gives, with nothing in between. */
typedef struct _EBPF_MAP_BATCH_REPLY {
    UINT32 Error;
    /** Of what follows. If the reply has no room for what comes next (ArgumentInvalid), what that needs now. */
    UINT32 DataBytes;
    /** Entries; there may be more even if it is 0. */
    UINT32 Count;
    UINT32 Reserved;
    /** 0: there is no more. */
    UINT64 Cursor;
} EBPF_MAP_BATCH_REPLY;

#define EBPF_MAXIMUM_SLOTS 200000
#define EBPF_MAXIMUM_CERTIFICATE_BYTES 16777216
#define EBPF_MAXIMUM_SECTION_BYTES 256

/** PROGRAM_CREATE: followed by the handles of its maps, its bytecode, its section, its certificate, with nothing in between. */
typedef struct _EBPF_PROGRAM_CREATE_REQUEST {
    UINT32 ProgramType;
    /** EBPF_ENGINE_ANY or EBPF_ENGINE_INTERPRETER. */
    UINT32 Engine;
    UINT32 MapCount;
    /** Of 8 bytes. A wide immediate with source 1 or 2 refers to a map by its place in the list. */
    UINT32 SlotCount;
    /** Of the name of the section that the program comes from: its certificate speaks of it. */
    UINT32 SectionBytes;
    /** 0: there is none. A program whose certificate does not hold is refused; one without is interpreted. */
    UINT32 CertificateBytes;
    UINT8 Name[EBPF_NAME_BYTES];
} EBPF_PROGRAM_CREATE_REQUEST;

typedef struct _EBPF_PROGRAM_CREATE_REPLY {
    UINT32 Error;
    UINT32 Handle;
    UINT32 Id;
    UINT32 Engine;
    UINT32 EngineReason;
    /** Of ProgramRejected: why (EBPF_FINDING in bytecode.h), and at which slot. */
    UINT32 Finding;
    UINT32 FindingSlot;
    UINT32 Reserved;
} EBPF_PROGRAM_CREATE_REPLY;

#define EBPF_MAXIMUM_PACKET_BYTES 65536
/** What a run may cost: loops and calls, in slots. */
#define EBPF_MAXIMUM_BUDGET 1000000
/** By so many bytes an xdp program may make its packet longer. */
#define EBPF_MAXIMUM_HEADROOM_BYTES 256

/** Runs of one request end after that. */
#define EBPF_MAXIMUM_RUN_NANOSECONDS 1000000000ull

/** PROGRAM_RUN: followed by the packet, if the type has one (xdp; the application's name, of bind), and the context. */
typedef struct _EBPF_PROGRAM_RUN_REQUEST {
    UINT32 Handle;
    UINT32 PacketBytes;
    /** xdp: ingress_ifindex. Of other types 0. */
    UINT32 InterfaceIndex;
    /** At least 1; each run is given the packet as it came. */
    UINT32 Repeat;
    UINT32 Budget;
    /** 0: the context is zeros, but for what else the request says; else the size of the type's. The driver sets addresses in it. */
    UINT32 ContextBytes;
} EBPF_PROGRAM_RUN_REQUEST;

/**
 * Followed by the packet and the context as the last run left them, addresses in it 0. The packet may have become longer; if the
 * reply has no room for it then the error is ArgumentInvalid, and PacketBytes how long it is.
 */
typedef struct _EBPF_PROGRAM_RUN_REPLY {
    UINT32 Error;
    /** Why the last run was ended before its exit (EBPF_FAULT in run.h), and at which slot; after that there is no other. */
    UINT32 Fault;
    UINT32 FaultSlot;
    UINT32 Runs;
    /** r0. */
    UINT64 Result;
    UINT64 Nanoseconds;
    UINT64 BudgetLeft;
    UINT32 PacketBytes;
    UINT32 ContextBytes;
} EBPF_PROGRAM_RUN_REPLY;

/** HOOK_NEXT: the hook with the lowest attach type above that. */
typedef struct _EBPF_HOOK_NEXT_REQUEST {
    UINT32 AttachType;
} EBPF_HOOK_NEXT_REQUEST;

enum {
    /** The system lets the hook see what it is for; else no link is created (HookUnavailable). */
    EBPF_HOOK_PRESENT = 1,
};
typedef struct _EBPF_HOOK_NEXT_REPLY {
    UINT32 Error;
    /** 0: there is none. */
    UINT32 AttachType;
    UINT32 ProgramType;
    /** EBPF_POINT_*. */
    UINT32 Point;
    /** With one, a link to one point hides that to every one; with more, all of them are asked in the order they came. */
    UINT32 MaximumLinks;
    UINT32 Flags;
    /** What is done if a run is ended by a fault, or answers what is no answer here: a return value of the program type. */
    UINT32 FaultResult;
    UINT32 LinkCount;
    /** Ends with zeros. */
    UINT8 Name[32];
} EBPF_HOOK_NEXT_REPLY;

/**
 * LINK_CREATE: attaches a program. The link lives as long as there is a handle to it, or until LINK_DETACH. HookBusy: there
 * are as many links to that point, or to all points of the hook, as there may be.
 */
typedef struct _EBPF_LINK_CREATE_REQUEST {
    UINT32 ProgramHandle;
    UINT32 AttachType;
    /** 0: every one. */
    UINT32 Point;
    UINT32 Reserved;
} EBPF_LINK_CREATE_REQUEST;

/**
 * LINK_REPLACE: from one run to the next another program of the same type is asked; none is asked by both or by neither.
 * When the reply comes, as with LINK_DETACH, the program before runs for this link no more. LinkNotFound: it is detached.
 */
typedef struct _EBPF_LINK_REPLACE_REQUEST {
    UINT32 Handle;
    UINT32 ProgramHandle;
} EBPF_LINK_REPLACE_REQUEST;
