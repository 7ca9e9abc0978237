// What the driver uses of the Windows Filtering Platform and of NDIS, declared by hand: mingw-w64 has none of it for drivers.
// Names, numbers and layouts are Windows' (x64), held by the assertions below. It also compiles on Linux, where tests play
// this side of Windows (tests/driver/shim/).
#pragma once

#include "platform.h"

#if !defined(_WIN64)
#include <wchar.h>

#define NTAPI
#define STATUS_DEVICE_BUSY ((NTSTATUS)0x80000011)
typedef VOID *HANDLE;
typedef wchar_t WCHAR;
typedef struct _GUID {
    UINT32 Data1;
    UINT16 Data2;
    UINT16 Data3;
    UINT8 Data4[8];
} GUID;
/** Of wdm.h. */
typedef struct _MDL {
    struct _MDL *Next;
    INT16 Size;
    INT16 MdlFlags;
    VOID *Process;
    VOID *MappedSystemVa;
    VOID *StartVa;
    UINT32 ByteCount;
    UINT32 ByteOffset;
} MDL;
#endif

#ifndef STATUS_FWP_CALLOUT_NOT_FOUND
#define STATUS_FWP_CALLOUT_NOT_FOUND ((NTSTATUS)0xC0220001)
#endif

#define WFP_OFFSET(Type, Field, Offset) C_ASSERT(offsetof(Type, Field) == (Offset))

// Values (fwptypes.h)

typedef enum _FWP_DATA_TYPE {
    FWP_EMPTY = 0,
    FWP_UINT8 = 1,
    FWP_UINT16 = 2,
    FWP_UINT32 = 3,
    FWP_UINT64 = 4,
    FWP_BYTE_ARRAY16_TYPE = 11,
    FWP_BYTE_BLOB_TYPE = 12,
    FWP_TOKEN_ACCESS_INFORMATION_TYPE = 16,
    FWP_BYTE_ARRAY6_TYPE = 18,
} FWP_DATA_TYPE;

typedef struct _FWP_BYTE_BLOB {
    UINT32 size;
    UINT8 *data;
} FWP_BYTE_BLOB;
C_ASSERT(sizeof(FWP_BYTE_BLOB) == 16);

typedef struct _FWP_BYTE_ARRAY16 {
    UINT8 byteArray16[16];
} FWP_BYTE_ARRAY16;

/** Numbers up to 32 bits lie in it; all else is behind an address, which is NULL where the type is FWP_EMPTY. */
typedef struct _FWP_VALUE0 {
    FWP_DATA_TYPE type;
    union {
        UINT8 uint8;
        UINT16 uint16;
        UINT32 uint32;
        UINT64 *uint64;
        FWP_BYTE_ARRAY16 *byteArray16;
        FWP_BYTE_BLOB *byteBlob;
    };
} FWP_VALUE0;
C_ASSERT(sizeof(FWP_VALUE0) == 16);
WFP_OFFSET(FWP_VALUE0, uint32, 8);

// What a classify function is given, and answers (fwpsk.h)

enum {
    FWP_ACTION_BLOCK = 0x1001,
    FWP_ACTION_PERMIT = 0x1002,
    FWP_ACTION_CONTINUE = 0x2006,
    FWP_ACTION_CALLOUT_TERMINATING = 0x5003,
    FWP_ACTION_CALLOUT_INSPECTION = 0x6004,
    FWP_ACTION_CALLOUT_UNKNOWN = 0x4005,
    FWPS_RIGHT_ACTION_WRITE = 1,
    FWPS_CLASSIFY_OUT_FLAG_ABSORB = 1,
    FWPS_FILTER_FLAG_CLEAR_ACTION_RIGHT = 1,
};

typedef struct _FWPS_INCOMING_VALUE0 {
    FWP_VALUE0 value;
} FWPS_INCOMING_VALUE0;

typedef struct _FWPS_INCOMING_VALUES0 {
    UINT16 layerId;
    UINT32 valueCount;
    FWPS_INCOMING_VALUE0 *incomingValue;
} FWPS_INCOMING_VALUES0;
C_ASSERT(sizeof(FWPS_INCOMING_VALUES0) == 16);
WFP_OFFSET(FWPS_INCOMING_VALUES0, incomingValue, 8);

typedef struct _FWPS_CLASSIFY_OUT0 {
    UINT32 actionType;
    UINT64 outContext;
    UINT64 filterId;
    UINT32 rights;
    UINT32 flags;
    UINT32 reserved;
} FWPS_CLASSIFY_OUT0;
C_ASSERT(sizeof(FWPS_CLASSIFY_OUT0) == 40);
WFP_OFFSET(FWPS_CLASSIFY_OUT0, rights, 24);

typedef struct _FWPS_ACTION0 {
    UINT32 type;
    UINT32 calloutId;
} FWPS_ACTION0;

typedef struct _FWPS_FILTER2 {
    UINT64 filterId;
    FWP_VALUE0 weight;
    UINT16 subLayerWeight;
    UINT16 flags;
    UINT32 numFilterConditions;
    VOID *filterCondition;
    FWPS_ACTION0 action;
    UINT64 context;
    VOID *providerContext;
} FWPS_FILTER2;
C_ASSERT(sizeof(FWPS_FILTER2) == 64);
WFP_OFFSET(FWPS_FILTER2, action, 40);
WFP_OFFSET(FWPS_FILTER2, context, 48);

/** A field is there if its bit is in currentMetadataValues. */
enum {
    FWPS_METADATA_FIELD_FLOW_HANDLE = 0x2,
    FWPS_METADATA_FIELD_PROCESS_PATH = 0x8,
    FWPS_METADATA_FIELD_TOKEN = 0x10,
    FWPS_METADATA_FIELD_PROCESS_ID = 0x20,
    FWPS_METADATA_FIELD_COMPARTMENT_ID = 0x800,
    FWPS_METADATA_FIELD_TRANSPORT_ENDPOINT_HANDLE = 0x8000,
    FWPS_METADATA_FIELD_ALE_CLASSIFY_REQUIRED = 0x400000,
    FWPS_METADATA_FIELD_REDIRECT_RECORD_HANDLE = 0x40000000,
};

typedef struct _FWPS_INCOMING_METADATA_VALUES0 {
    UINT32 currentMetadataValues;
    UINT32 flags;
    UINT64 reserved;
    UINT8 discardMetadata[16];
    UINT64 flowHandle;
    UINT32 ipHeaderSize;
    UINT32 transportHeaderSize;
    FWP_BYTE_BLOB *processPath;
    UINT64 token;
    UINT64 processId;
    UINT32 sourceInterfaceIndex;
    UINT32 destinationInterfaceIndex;
    UINT32 compartmentId;
    UINT8 fragmentMetadata[12];
    UINT32 pathMtu;
    HANDLE completionHandle;
    UINT64 transportEndpointHandle;
    UINT32 remoteScopeId;
    VOID *controlData;
    UINT32 controlDataLength;
    INT32 packetDirection;
    VOID *headerIncludeHeader;
    UINT32 headerIncludeHeaderLength;
    UINT8 destinationPrefix[32];
    UINT16 frameLength;
    UINT64 parentEndpointHandle;
    UINT32 icmpIdAndSequence;
    UINT32 localRedirectTargetPID;
    VOID *originalDestination;
    HANDLE redirectRecords;
    UINT32 currentL2MetadataValues;
    UINT32 l2Flags;
    UINT32 ethernetMacHeaderSize;
    UINT32 wiFiOperationMode;
    UINT32 vSwitchSourcePortId;
    UINT16 vSwitchSourceNicIndex;
    UINT32 vSwitchDestinationPortId;
    HANDLE vSwitchPacketContext;
    VOID *subProcessTag;
    UINT64 reserved1;
} FWPS_INCOMING_METADATA_VALUES0;
C_ASSERT(sizeof(FWPS_INCOMING_METADATA_VALUES0) == 280);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, discardMetadata, 16);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, flowHandle, 32);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, processPath, 48);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, token, 56);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, processId, 64);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, compartmentId, 80);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, completionHandle, 104);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, transportEndpointHandle, 112);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, remoteScopeId, 120);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, controlData, 128);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, packetDirection, 140);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, headerIncludeHeader, 144);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, destinationPrefix, 156);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, frameLength, 188);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, parentEndpointHandle, 192);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, localRedirectTargetPID, 204);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, originalDestination, 208);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, redirectRecords, 216);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, currentL2MetadataValues, 224);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, ethernetMacHeaderSize, 232);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, vSwitchPacketContext, 256);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, subProcessTag, 264);
WFP_OFFSET(FWPS_INCOMING_METADATA_VALUES0, reserved1, 272);

typedef VOID NTAPI FWPS_CALLOUT_CLASSIFY_FN2(
    const FWPS_INCOMING_VALUES0 *Values,
    const FWPS_INCOMING_METADATA_VALUES0 *Metadata,
    VOID *LayerData,
    const VOID *ClassifyContext,
    const FWPS_FILTER2 *Filter,
    UINT64 FlowContext,
    FWPS_CLASSIFY_OUT0 *Out);

enum { FWPS_CALLOUT_NOTIFY_ADD_FILTER = 0, FWPS_CALLOUT_NOTIFY_DELETE_FILTER = 1 };
typedef NTSTATUS NTAPI FWPS_CALLOUT_NOTIFY_FN2(UINT32 NotifyType, const GUID *FilterKey, FWPS_FILTER2 *Filter);
typedef VOID NTAPI FWPS_CALLOUT_FLOW_DELETE_FN(UINT16 LayerId, UINT32 CalloutId, UINT64 FlowContext);

typedef struct _FWPS_CALLOUT2 {
    GUID calloutKey;
    UINT32 flags;
    FWPS_CALLOUT_CLASSIFY_FN2 *classifyFn;
    FWPS_CALLOUT_NOTIFY_FN2 *notifyFn;
    FWPS_CALLOUT_FLOW_DELETE_FN *flowDeleteFn;
} FWPS_CALLOUT2;
C_ASSERT(sizeof(FWPS_CALLOUT2) == 48);
WFP_OFFSET(FWPS_CALLOUT2, classifyFn, 24);

// Layers, and the fields of each by their index (fwpsk.h). Newer Windows only append fields: an index is looked at only if
// it is below valueCount.

enum {
    FWPS_LAYER_ALE_RESOURCE_ASSIGNMENT_V4 = 36,
    FWPS_LAYER_ALE_RESOURCE_ASSIGNMENT_V6 = 38,
    FWPS_LAYER_ALE_AUTH_RECV_ACCEPT_V4 = 44,
    FWPS_LAYER_ALE_AUTH_RECV_ACCEPT_V6 = 46,
    FWPS_LAYER_ALE_AUTH_CONNECT_V4 = 48,
    FWPS_LAYER_ALE_AUTH_CONNECT_V6 = 50,
    FWPS_LAYER_ALE_FLOW_ESTABLISHED_V4 = 52,
    FWPS_LAYER_ALE_FLOW_ESTABLISHED_V6 = 54,
    FWPS_LAYER_INBOUND_MAC_FRAME_NATIVE = 58,
    FWPS_LAYER_OUTBOUND_MAC_FRAME_NATIVE = 59,
    FWPS_LAYER_ALE_RESOURCE_RELEASE_V4 = 62,
    FWPS_LAYER_ALE_RESOURCE_RELEASE_V6 = 63,
    FWPS_LAYER_ALE_CONNECT_REDIRECT_V4 = 66,
    FWPS_LAYER_ALE_CONNECT_REDIRECT_V6 = 67,
};

/** Of both native MAC layers. */
enum {
    FWPS_FIELD_MAC_FRAME_NATIVE_NDIS_MEDIA_TYPE = 0,
    FWPS_FIELD_MAC_FRAME_NATIVE_INTERFACE_INDEX = 4,
    FWPS_FIELD_MAC_FRAME_NATIVE_NDIS_PORT = 5,
    FWPS_FIELD_MAC_FRAME_NATIVE_COMPARTMENT_ID = 7,
};

#define WFP_GUID(A, B, C, D, E, F, G, H, I, J, K) {0x##A, 0x##B, 0x##C, {0x##D, 0x##E, 0x##F, 0x##G, 0x##H, 0x##I, 0x##J, 0x##K}}
#define FWPM_LAYER_ALE_RESOURCE_ASSIGNMENT_V4 WFP_GUID(1247d66d, 0b60, 4a15, 8d, 44, 71, 55, d0, f5, 3a, 0c)
#define FWPM_LAYER_ALE_RESOURCE_ASSIGNMENT_V6 WFP_GUID(55a650e1, 5f0a, 4eca, a6, 53, 88, f5, 3b, 26, aa, 8c)
#define FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4 WFP_GUID(e1cd9fe7, f4b5, 4273, 96, c0, 59, 2e, 48, 7b, 86, 50)
#define FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6 WFP_GUID(a3b42c97, 9f04, 4672, b8, 7e, ce, e9, c4, 83, 25, 7f)
#define FWPM_LAYER_ALE_AUTH_CONNECT_V4 WFP_GUID(c38d57d1, 05a7, 4c33, 90, 4f, 7f, bc, ee, e6, 0e, 82)
#define FWPM_LAYER_ALE_AUTH_CONNECT_V6 WFP_GUID(4a72393b, 319f, 44bc, 84, c3, ba, 54, dc, b3, b6, b4)
#define FWPM_LAYER_ALE_FLOW_ESTABLISHED_V4 WFP_GUID(af80470a, 5596, 4c13, 99, 92, 53, 9e, 6f, e5, 79, 67)
#define FWPM_LAYER_ALE_FLOW_ESTABLISHED_V6 WFP_GUID(7021d2b3, dfa4, 406e, af, eb, 6a, fa, f7, e7, 0e, fd)
#define FWPM_LAYER_INBOUND_MAC_FRAME_NATIVE WFP_GUID(d4220bd3, 62ce, 4f08, ae, 88, b5, 6e, 85, 26, df, 50)
#define FWPM_LAYER_OUTBOUND_MAC_FRAME_NATIVE WFP_GUID(94c44912, 9d6f, 4ebf, b9, 95, 05, ab, 8a, 08, 8d, 1b)
#define FWPM_LAYER_ALE_RESOURCE_RELEASE_V4 WFP_GUID(74365cce, ccb0, 401a, bf, c1, b8, 99, 34, ad, 7e, 15)
#define FWPM_LAYER_ALE_RESOURCE_RELEASE_V6 WFP_GUID(f4e5ce80, edcc, 4e13, 8a, 2f, b9, 14, 54, bb, 05, 7b)
#define FWPM_LAYER_ALE_CONNECT_REDIRECT_V4 WFP_GUID(c6e63c8c, b784, 4562, aa, 7d, 0a, 67, cf, ca, f9, a3)
#define FWPM_LAYER_ALE_CONNECT_REDIRECT_V6 WFP_GUID(587e54a7, 8046, 42ba, a0, aa, b7, 16, 25, 0f, c7, fd)

// Frames (ndis.h). What is not described may be touched by functions of NDIS only.

typedef struct DECLSPEC_ALIGN(16) _NET_BUFFER {
    struct _NET_BUFFER *Next;
    MDL *CurrentMdl;
    UINT32 CurrentMdlOffset;
    UINT64 DataLength;
    MDL *MdlChain;
    UINT32 DataOffset;
    UINT8 Opaque[176 - 48];
} NET_BUFFER;
C_ASSERT(sizeof(NET_BUFFER) == 176);
WFP_OFFSET(NET_BUFFER, CurrentMdl, 8);
WFP_OFFSET(NET_BUFFER, CurrentMdlOffset, 16);
WFP_OFFSET(NET_BUFFER, DataLength, 24);
WFP_OFFSET(NET_BUFFER, MdlChain, 32);
WFP_OFFSET(NET_BUFFER, DataOffset, 40);

/** Places of NetBufferListInfo. */
enum { NBL_INFO_CHECKSUM = 0, NBL_INFO_8021Q = 4, NBL_INFO_COUNT = 24 };
/** Of NblFlags. */
enum { NDIS_NBL_FLAGS_RECV_READ_ONLY = 2, NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET = 0x8000 };

/** Its real size differs between versions of NDIS: none is ever made, copied or measured by the driver. */
typedef struct DECLSPEC_ALIGN(16) _NET_BUFFER_LIST {
    struct _NET_BUFFER_LIST *Next;
    NET_BUFFER *FirstNetBuffer;
    VOID *Opaque[14];
    UINT32 NblFlags;
    INT32 ChildRefCount;
    UINT32 Flags;
    NTSTATUS Status;
    VOID *NetBufferListInfo[NBL_INFO_COUNT];
} NET_BUFFER_LIST;
WFP_OFFSET(NET_BUFFER_LIST, FirstNetBuffer, 8);
WFP_OFFSET(NET_BUFFER_LIST, NblFlags, 128);
WFP_OFFSET(NET_BUFFER_LIST, Status, 140);
WFP_OFFSET(NET_BUFFER_LIST, NetBufferListInfo, 144);

typedef struct _NET_BUFFER_LIST_POOL_PARAMETERS {
    UINT8 Type;
    UINT8 Revision;
    UINT16 Size;
    UINT8 ProtocolId;
    UINT8 fAllocateNetBuffer;
    UINT16 ContextSize;
    UINT32 PoolTag;
    UINT32 DataSize;
} NET_BUFFER_LIST_POOL_PARAMETERS;
C_ASSERT(sizeof(NET_BUFFER_LIST_POOL_PARAMETERS) == 16);
enum { NDIS_OBJECT_TYPE_DEFAULT = 0x80 };

_IRQL_requires_max_(DISPATCH_LEVEL) HANDLE NTAPI NdisAllocateNetBufferListPool(
    _In_opt_ HANDLE Ndis, _In_ const NET_BUFFER_LIST_POOL_PARAMETERS *Parameters);
_IRQL_requires_max_(DISPATCH_LEVEL) VOID NTAPI NdisFreeNetBufferListPool(_In_ HANDLE Pool);

// Injection (fwpsk.h)

enum { FWPS_INJECTION_TYPE_L2 = 0x10, WFP_AF_UNSPEC = 0 };

typedef enum _FWPS_PACKET_INJECTION_STATE {
    FWPS_PACKET_NOT_INJECTED,
    FWPS_PACKET_INJECTED_BY_SELF,
    FWPS_PACKET_INJECTED_BY_OTHER,
    FWPS_PACKET_PREVIOUSLY_INJECTED_BY_SELF,
} FWPS_PACKET_INJECTION_STATE;

typedef VOID NTAPI FWPS_INJECT_COMPLETE0(VOID *Context, NET_BUFFER_LIST *List, BOOLEAN AtDispatch);

_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpsInjectionHandleCreate0(
    _In_ UINT16 Family, _In_ UINT32 Flags, _Out_ HANDLE *Handle);
/** Waits for what is under way. */
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpsInjectionHandleDestroy0(_In_ HANDLE Handle);
_IRQL_requires_max_(DISPATCH_LEVEL) NTSTATUS NTAPI FwpsAllocateNetBufferAndNetBufferList0(
    _In_ HANDLE Pool, _In_ UINT16 ContextSize, _In_ UINT16 Backfill, _In_ MDL *Mdl, _In_ UINT32 DataOffset,
    _In_ SIZE_T DataLength, _Outptr_ NET_BUFFER_LIST **List);
_IRQL_requires_max_(DISPATCH_LEVEL) VOID NTAPI FwpsFreeNetBufferList0(_In_ NET_BUFFER_LIST *List);
_IRQL_requires_max_(DISPATCH_LEVEL) FWPS_PACKET_INJECTION_STATE NTAPI FwpsQueryPacketInjectionState0(
    _In_ HANDLE Injection, _In_ const NET_BUFFER_LIST *List, _Out_ HANDLE *Context);

/** Towards this machine, and out of it. If it fails, Complete is not called, and the list stays the caller's. */
typedef NTSTATUS NTAPI FWPS_INJECT_MAC(
    HANDLE Injection, HANDLE Context, UINT32 Flags, UINT16 LayerId, UINT32 InterfaceIndex, UINT32 NdisPort,
    NET_BUFFER_LIST *List, FWPS_INJECT_COMPLETE0 *Complete, HANDLE CompleteContext);
_IRQL_requires_max_(DISPATCH_LEVEL) FWPS_INJECT_MAC FwpsInjectMacReceiveAsync0, FwpsInjectMacSendAsync0;

// Management (fwpmk.h)

typedef enum _FWPM_SERVICE_STATE {
    FWPM_SERVICE_STOPPED,
    FWPM_SERVICE_START_PENDING,
    FWPM_SERVICE_STOP_PENDING,
    FWPM_SERVICE_RUNNING,
} FWPM_SERVICE_STATE;

enum {
    FWPM_SESSION_FLAG_DYNAMIC = 1,
    FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED = 0x10,
    RPC_C_AUTHN_WINNT = 10,
};

typedef struct _FWPM_DISPLAY_DATA0 {
    const WCHAR *name;
    const WCHAR *description;
} FWPM_DISPLAY_DATA0;

typedef struct _FWPM_SESSION0 {
    GUID sessionKey;
    FWPM_DISPLAY_DATA0 displayData;
    UINT32 flags;
    UINT32 txnWaitTimeoutInMSec;
    UINT32 processId;
    VOID *sid;
    WCHAR *username;
    INT32 kernelMode;
} FWPM_SESSION0;
C_ASSERT(sizeof(FWPM_SESSION0) == 72);
WFP_OFFSET(FWPM_SESSION0, flags, 32);
WFP_OFFSET(FWPM_SESSION0, sid, 48);
WFP_OFFSET(FWPM_SESSION0, kernelMode, 64);

typedef struct _FWPM_PROVIDER0 {
    GUID providerKey;
    FWPM_DISPLAY_DATA0 displayData;
    UINT32 flags;
    FWP_BYTE_BLOB providerData;
    const WCHAR *serviceName;
} FWPM_PROVIDER0;
C_ASSERT(sizeof(FWPM_PROVIDER0) == 64);
WFP_OFFSET(FWPM_PROVIDER0, serviceName, 56);

typedef struct _FWPM_SUBLAYER0 {
    GUID subLayerKey;
    FWPM_DISPLAY_DATA0 displayData;
    UINT32 flags;
    GUID *providerKey;
    FWP_BYTE_BLOB providerData;
    UINT16 weight;
} FWPM_SUBLAYER0;
C_ASSERT(sizeof(FWPM_SUBLAYER0) == 72);
WFP_OFFSET(FWPM_SUBLAYER0, providerKey, 40);
WFP_OFFSET(FWPM_SUBLAYER0, weight, 64);

typedef struct _FWPM_CALLOUT0 {
    GUID calloutKey;
    FWPM_DISPLAY_DATA0 displayData;
    UINT32 flags;
    GUID *providerKey;
    FWP_BYTE_BLOB providerData;
    GUID applicableLayer;
    UINT32 calloutId;
} FWPM_CALLOUT0;
C_ASSERT(sizeof(FWPM_CALLOUT0) == 88);
WFP_OFFSET(FWPM_CALLOUT0, providerKey, 40);
WFP_OFFSET(FWPM_CALLOUT0, applicableLayer, 64);

typedef struct _FWPM_ACTION0 {
    UINT32 type;
    GUID calloutKey;
} FWPM_ACTION0;
C_ASSERT(sizeof(FWPM_ACTION0) == 20);

typedef struct _FWPM_FILTER0 {
    GUID filterKey;
    FWPM_DISPLAY_DATA0 displayData;
    UINT32 flags;
    GUID *providerKey;
    FWP_BYTE_BLOB providerData;
    GUID layerKey;
    GUID subLayerKey;
    FWP_VALUE0 weight;
    UINT32 numFilterConditions;
    VOID *filterCondition;
    FWPM_ACTION0 action;
    union {
        UINT64 rawContext;
        GUID providerContextKey;
    };
    GUID *reserved;
    UINT64 filterId;
    FWP_VALUE0 effectiveWeight;
} FWPM_FILTER0;
C_ASSERT(sizeof(FWPM_FILTER0) == 200);
WFP_OFFSET(FWPM_FILTER0, layerKey, 64);
WFP_OFFSET(FWPM_FILTER0, subLayerKey, 80);
WFP_OFFSET(FWPM_FILTER0, weight, 96);
WFP_OFFSET(FWPM_FILTER0, action, 128);
WFP_OFFSET(FWPM_FILTER0, rawContext, 152);
WFP_OFFSET(FWPM_FILTER0, filterId, 176);

typedef VOID NTAPI FWPM_SERVICE_STATE_CHANGE_CALLBACK0(VOID *Context, FWPM_SERVICE_STATE State);

_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpsCalloutRegister2(
    _Inout_ VOID *Device, _In_ const FWPS_CALLOUT2 *Callout, _Out_ UINT32 *Id);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpsCalloutUnregisterById0(_In_ UINT32 Id);
_IRQL_requires_max_(DISPATCH_LEVEL) FWPM_SERVICE_STATE NTAPI FwpmBfeStateGet0(VOID);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmBfeStateSubscribeChanges0(
    _Inout_ VOID *Device, _In_ FWPM_SERVICE_STATE_CHANGE_CALLBACK0 *Callback, _In_opt_ VOID *Context, _Out_ HANDLE *Handle);
/** Never to be called in the callback: it waits for that. */
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmBfeStateUnsubscribeChanges0(_In_ HANDLE Handle);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmEngineOpen0(
    _In_opt_ const WCHAR *Server, _In_ UINT32 Authentication, _In_opt_ VOID *Identity, _In_opt_ const FWPM_SESSION0 *Session,
    _Out_ HANDLE *Engine);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmEngineClose0(_In_ HANDLE Engine);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmTransactionBegin0(_In_ HANDLE Engine, _In_ UINT32 Flags);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmTransactionCommit0(_In_ HANDLE Engine);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmTransactionAbort0(_In_ HANDLE Engine);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmProviderAdd0(
    _In_ HANDLE Engine, _In_ const FWPM_PROVIDER0 *Provider, _In_opt_ VOID *Security);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmSubLayerAdd0(
    _In_ HANDLE Engine, _In_ const FWPM_SUBLAYER0 *SubLayer, _In_opt_ VOID *Security);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmCalloutAdd0(
    _In_ HANDLE Engine, _In_ const FWPM_CALLOUT0 *Callout, _In_opt_ VOID *Security, _Out_ UINT32 *Id);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmFilterAdd0(
    _In_ HANDLE Engine, _In_ const FWPM_FILTER0 *Filter, _In_opt_ VOID *Security, _Out_ UINT64 *Id);
_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpmFilterDeleteById0(_In_ HANDLE Engine, _In_ UINT64 Id);
