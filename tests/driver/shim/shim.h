// The other side of the Windows Filtering Platform, for tests: it takes what a driver registers, plays frames through the
// classify functions that are registered, by the rules of filter arbitration, and tells where the driver breaks a rule. On Linux
// it is part of the tests' library; under Wine it is a driver of its own, fwpkclnt.sys. Nothing of it is shipped.
#pragma once

#include "wfp/wfp.h"

#define STATUS_FWP_ALREADY_EXISTS ((NTSTATUS)0xC0220009)

#define SHIM_MAXIMUM_PIECES 8
#define SHIM_MAXIMUM_FRAME 70000

/** A frame that an interface received. */
typedef struct _SHIM_FRAME {
    UINT32 InterfaceIndex;
    UINT32 MediaType;
    UINT32 NblFlags;
    /** Where the frame is cut into pieces, in order; an MDL each. What is behind the end is left out. */
    UINT32 CutCount;
    UINT32 Cuts[SHIM_MAXIMUM_PIECES - 1];
    /** Bytes in front of it in its first MDL. */
    UINT32 Headroom;
    /** Another driver has permitted it already, and nobody may but block it. */
    UINT32 HardPermit;
    /** More than one: what no interface does. */
    UINT32 Buffers;
    UINT32 Vlan;
    /** What the interface says of its checksums. */
    UINT32 Checksum;
    UINT32 SizeBytes;
} SHIM_FRAME;

typedef struct _SHIM_VERDICT {
    /** FWP_ACTION_PERMIT or FWP_ACTION_BLOCK, after all sublayers. */
    UINT32 Action;
    UINT32 Rights;
    UINT32 Flags;
    /** Classify functions that were called. */
    UINT32 Called;
} SHIM_VERDICT;

/** A frame that the driver has injected. */
typedef struct _SHIM_INJECTED {
    UINT32 Sent;
    UINT32 InterfaceIndex;
    UINT32 NdisPort;
    UINT32 Vlan;
    UINT32 Checksum;
    UINT32 SizeBytes;
} SHIM_INJECTED;

/** Bytes is changed as the stack would see it then. */
VOID ShimPlay(const SHIM_FRAME *Frame, UINT8 *Bytes, SHIM_VERDICT *Verdict);

/** The same so many times, on one frame; the nanoseconds that took. */
UINT64 ShimPlayMany(const SHIM_FRAME *Frame, UINT8 *Bytes, UINT32 Times, SHIM_VERDICT *Verdict);

/** What happens to a socket. */
enum {
    SHIM_SOCKET_BIND,
    SHIM_SOCKET_UNBIND,
    /** The layer where it may be sent elsewhere, then the one where it may be refused, as often as Windows asks there. */
    SHIM_SOCKET_CONNECT,
    SHIM_SOCKET_ACCEPT,
    SHIM_SOCKET_ESTABLISH,
    /** The flow ends. */
    SHIM_SOCKET_END,
};

/** SHIM_SOCKET.Token. */
enum { SHIM_TOKEN_USER, SHIM_TOKEN_ADMINISTRATOR, SHIM_TOKEN_NOT_ELEVATED, SHIM_TOKEN_NONE };

#define SHIM_MAXIMUM_APP_BYTES 256
#define SHIM_MAXIMUM_CONTEXT_BYTES 64

typedef struct _SHIM_SOCKET {
    UINT32 What;
    /** 2 or 23, as Windows has it; an IPv4 address is the first four bytes. In network order, ports in host order. */
    UINT32 Family;
    UINT8 LocalAddress[16];
    UINT8 RemoteAddress[16];
    UINT32 LocalPort;
    UINT32 RemotePort;
    UINT32 Protocol;
    UINT32 CompartmentId;
    UINT64 InterfaceLuid;
    UINT64 ProcessId;
    UINT64 LogonId;
    UINT64 EndpointHandle;
    UINT64 FlowHandle;
    UINT32 Token;
    /** Of the FLAGS field. */
    UINT32 Flags;
    UINT32 Direction;
    /** Another driver has permitted it already, and nobody may but block it. */
    UINT32 HardPermit;
    /** What Windows says of it: FWPS_CONNECTION_REDIRECT_STATE. */
    UINT32 RedirectState;
    /** Another driver has sent it to a process of this machine. */
    UINT32 TakenByOther;
    /** Windows leaves out what it may leave out. */
    UINT32 Sparse;
    UINT32 AppIdBytes;
    UINT8 AppId[SHIM_MAXIMUM_APP_BYTES];
} SHIM_SOCKET;

typedef struct _SHIM_SOCKET_RESULT {
    SHIM_VERDICT Verdict;
    /** Where it goes; the same as before if nobody has changed it. */
    UINT32 Family;
    UINT8 RemoteAddress[16];
    UINT32 RemotePort;
    /** Who changed it is known by a redirect handle. */
    UINT32 Redirected;
    UINT32 ContextBytes;
    UINT8 Context[SHIM_MAXIMUM_CONTEXT_BYTES];
} SHIM_SOCKET_RESULT;

VOID ShimPlaySocket(const SHIM_SOCKET *Socket, SHIM_SOCKET_RESULT *Result);

/** TRUE: contexts of flows that are given up go only when this is FALSE again. */
VOID ShimHoldFlows(BOOLEAN Hold);

/** The oldest frame that was injected; FALSE if there is none. Bytes has room for SHIM_MAXIMUM_FRAME. */
BOOLEAN ShimTakeInjected(SHIM_INJECTED *Injected, UINT8 *Bytes);

/** TRUE: frames that are injected stay under way until ShimComplete, or this is FALSE again. */
VOID ShimHold(BOOLEAN Hold);
VOID ShimComplete(VOID);

/** The filter engine stops, or starts again. */
VOID ShimSetRunning(BOOLEAN Running);

/** The Nth call from now of what can fail (1 is the next) fails, once; 0: none does. */
VOID ShimFail(UINT32 Number);

/** The next so many of these calls fail. */
VOID ShimRefuse(UINT32 Count);

/** Callouts are said to be in use by that many calls of unregister. */
VOID ShimKeepBusy(UINT32 Times);

/** How many callouts are registered, filters there, lists of buffers and pools allocated, handles open. */
typedef struct _SHIM_COUNTS {
    UINT32 Callouts;
    UINT32 Filters;
    UINT32 Lists;
    UINT32 Pools;
    UINT32 Handles;
    UINT32 Violations;
    /** Contexts of flows. */
    UINT32 Flows;
} SHIM_COUNTS;
VOID ShimCount(SHIM_COUNTS *Counts);

/** The first rule that was broken since the last call; empty if none was. */
const char *ShimTakeViolation(VOID);

// Between the files of the shim.

static inline BOOLEAN
ShimSameKey(const GUID *Left, const GUID *Right)
{
    return memcmp(Left, Right, sizeof(GUID)) == 0;
}
VOID ShimViolate(const char *Rule);
BOOLEAN ShimShouldFail(VOID);
/** What filters of a layer are asked about. */
typedef struct _SHIM_THING {
    FWPS_INCOMING_VALUES0 Values;
    FWPS_INCOMING_METADATA_VALUES0 Metadata;
    VOID *LayerData;
    VOID *ClassifyContext;
    BOOLEAN HardPermit;
} SHIM_THING;
/** Runs the filters of a layer on one thing, once or more; the nanoseconds that took. */
UINT64 ShimClassify(const SHIM_THING *Thing, UINT32 Times, SHIM_VERDICT *Verdict);
/** Of a callout that is registered. */
FWPS_CALLOUT_FLOW_DELETE_FN *ShimFlowDelete(UINT32 CalloutId);
/** Whether flows have contexts of it. */
BOOLEAN ShimHasFlows(UINT32 CalloutId);
VOID ShimCountSockets(SHIM_COUNTS *Counts);
/** Memory that the driver has given to Windows. */
VOID ShimFreeGiven(VOID *Memory);
BOOLEAN ShimHasFilter(UINT16 LayerId);
/** As many callouts, and as many objects of the engine, as there may be. */
#define SHIM_CAPACITY 48
typedef struct _SHIM_CALLOUT SHIM_CALLOUT;
/** A filter that is asked, as it was then. */
typedef struct _SHIM_STEP {
    UINT64 FilterId;
    UINT32 Action;
    UINT32 Flags;
    UINT32 SubLayerWeight;
    /** NULL: its callout is not registered. */
    SHIM_CALLOUT *Callout;
    UINT32 CalloutId;
} SHIM_STEP;
/** The committed filters of a layer, those of the heaviest sublayer first; Steps has SHIM_CAPACITY. Their callouts are entered. */
UINT32 ShimCollect(UINT16 LayerId, SHIM_STEP *Steps);
/** A registered callout, which does not go before it is left; NULL if there is none. */
SHIM_CALLOUT *ShimEnterCallout(const GUID *Key, UINT32 *Id);
VOID ShimCountCallouts(SHIM_COUNTS *Counts);
VOID ShimCountFrames(SHIM_COUNTS *Counts);
/** Zeroed; beside what tests count of the driver, or let fail. */
VOID *ShimAllocate(SIZE_T SizeBytes);
VOID ShimFree(VOID *Memory);
/** Where the bytes of an MDL are. */
UINT8 *ShimMdlMemory(const MDL *Mdl);
/** Ended with ShimFree. */
MDL *ShimMakeMdl(UINT8 *Memory, UINT32 SizeBytes);
/** What is called now may not wait, until ShimLower. */
VOID ShimRaise(VOID);
VOID ShimLower(VOID);
/** The first callout is registered, and the last one is gone. */
VOID ShimOpenDoor(VOID);
VOID ShimCloseDoor(VOID);
/** Notes a violation if it is raised. */
VOID ShimRequirePassive(const char *Function);
