// What the hooks of sockets use of the Windows Filtering Platform beside wfp.h: the fields of its ALE layers, connections that
// are sent elsewhere, flows. Declared by hand, layouts asserted.
#pragma once

#include "wfp/wfp.h"

/** Of FLAGS fields. */
enum {
    FWP_CONDITION_FLAG_IS_LOOPBACK = 1,
    FWP_CONDITION_FLAG_IS_REAUTHORIZE = 4,
};

/** Of the DIRECTION field. */
enum { FWP_DIRECTION_OUTBOUND = 0, FWP_DIRECTION_INBOUND = 1 };

/** Network order, whatever the family. */
typedef struct DECLSPEC_ALIGN(8) _WFP_SOCKADDR {
    UINT16 Family;
    UINT16 Port;
    /** Of IPv4: the address, then zeros. Of IPv6: flow label, address, scope. */
    UINT8 Rest[124];
} WFP_SOCKADDR;
C_ASSERT(sizeof(WFP_SOCKADDR) == 128);
enum { WFP_SOCKADDR_IPV4_AT = 0, WFP_SOCKADDR_IPV6_AT = 4 };

/** What FwpsAcquireWritableLayerDataPointer0 gives at the redirect layers. */
typedef struct _FWPS_CONNECT_REQUEST0 {
    WFP_SOCKADDR localAddressAndPort;
    WFP_SOCKADDR remoteAddressAndPort;
    UINT64 portReservationToken;
    UINT32 localRedirectTargetPID;
    struct _FWPS_CONNECT_REQUEST0 *previousVersion;
    UINT64 modifierFilterId;
    HANDLE localRedirectHandle;
    /** Memory of the pool, which is Windows' after FwpsApplyModifiedLayerData0. */
    VOID *localRedirectContext;
    SIZE_T localRedirectContextSize;
} FWPS_CONNECT_REQUEST0;
C_ASSERT(sizeof(FWPS_CONNECT_REQUEST0) == 312);
WFP_OFFSET(FWPS_CONNECT_REQUEST0, remoteAddressAndPort, 128);
WFP_OFFSET(FWPS_CONNECT_REQUEST0, localRedirectTargetPID, 264);
WFP_OFFSET(FWPS_CONNECT_REQUEST0, previousVersion, 272);
WFP_OFFSET(FWPS_CONNECT_REQUEST0, modifierFilterId, 280);
WFP_OFFSET(FWPS_CONNECT_REQUEST0, localRedirectHandle, 288);
WFP_OFFSET(FWPS_CONNECT_REQUEST0, localRedirectContextSize, 304);

typedef enum _FWPS_CONNECTION_REDIRECT_STATE {
    FWPS_CONNECTION_NOT_REDIRECTED,
    FWPS_CONNECTION_REDIRECTED_BY_SELF,
    FWPS_CONNECTION_REDIRECTED_BY_OTHER,
    FWPS_CONNECTION_PREVIOUSLY_REDIRECTED_BY_SELF,
} FWPS_CONNECTION_REDIRECT_STATE;

_IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS NTAPI FwpsRedirectHandleCreate0(
    _In_ const GUID *Provider, _In_ UINT32 Flags, _Out_ HANDLE *Handle);
_IRQL_requires_max_(PASSIVE_LEVEL) VOID NTAPI FwpsRedirectHandleDestroy0(_In_ HANDLE Handle);
_IRQL_requires_max_(DISPATCH_LEVEL) FWPS_CONNECTION_REDIRECT_STATE NTAPI FwpsQueryConnectionRedirectState0(
    _In_ HANDLE Records, _In_ HANDLE Handle, _Out_ VOID **Context);
_IRQL_requires_max_(DISPATCH_LEVEL) NTSTATUS NTAPI FwpsAcquireClassifyHandle0(
    _In_ VOID *ClassifyContext, _In_ UINT32 Flags, _Out_ UINT64 *Handle);
_IRQL_requires_max_(DISPATCH_LEVEL) VOID NTAPI FwpsReleaseClassifyHandle0(_In_ UINT64 Handle);
/** Sets the answer to a block that is final. FwpsApplyModifiedLayerData0 must follow once, changed or not. */
_IRQL_requires_max_(DISPATCH_LEVEL) NTSTATUS NTAPI FwpsAcquireWritableLayerDataPointer0(
    _In_ UINT64 Handle, _In_ UINT64 FilterId, _In_ UINT32 Flags, _Out_ VOID **Data, _Inout_ FWPS_CLASSIFY_OUT0 *Out);
_IRQL_requires_max_(DISPATCH_LEVEL) VOID NTAPI FwpsApplyModifiedLayerData0(
    _In_ UINT64 Handle, _In_ VOID *Data, _In_ UINT32 Flags);

/** STATUS_OBJECT_NAME_EXISTS, which is no failure to NT_SUCCESS: there is one already. */
_IRQL_requires_max_(DISPATCH_LEVEL) NTSTATUS NTAPI FwpsFlowAssociateContext0(
    _In_ UINT64 Flow, _In_ UINT16 LayerId, _In_ UINT32 CalloutId, _In_ UINT64 Context);
/** The flow-delete function runs in this call, or later; no lock that it takes may be held. */
_IRQL_requires_max_(DISPATCH_LEVEL) NTSTATUS NTAPI FwpsFlowRemoveContext0(
    _In_ UINT64 Flow, _In_ UINT16 LayerId, _In_ UINT32 CalloutId);
