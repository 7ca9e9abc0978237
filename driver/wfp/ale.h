// The hooks of sockets on WFP's ALE layers: what each layer says of a socket's operation, and the classify functions, which
// ask the hook's programs and give Windows the answer. Where callouts and filters come from is not known here.
#pragma once

#include "hooks/socket.h"
#include "wfp/classify.h"
#include "wfp/wfp-ale.h"

/** What a layer says beside what programs are told. */
typedef struct _ALE_FACTS {
    SOCKET_OPERATION Operation;
    UINT32 Flags;
    UINT32 Direction;
} ALE_FACTS;

/** FALSE if the layer is none of these. What Windows leaves empty is 0. Good as long as the values are. */
_Must_inspect_result_ _IRQL_requires_max_(DISPATCH_LEVEL) BOOLEAN AleDescribe(
    _In_ const FWPS_INCOMING_VALUES0 *Values, _In_ const FWPS_INCOMING_METADATA_VALUES0 *Metadata, _Out_ ALE_FACTS *Facts);

/** What Windows is answered. */
_IRQL_requires_max_(DISPATCH_LEVEL) VOID AleAnswer(
    _In_ SOCKET_VERDICT Verdict, _In_ const FWPS_FILTER2 *Filter, _Inout_ FWPS_CLASSIFY_OUT0 *Out);

/** RESOURCE_ASSIGNMENT and RESOURCE_RELEASE; AUTH_RECV_ACCEPT; CONNECT_REDIRECT and AUTH_CONNECT; FLOW_ESTABLISHED. V4 and V6. */
_IRQL_requires_max_(DISPATCH_LEVEL) FWPS_CALLOUT_CLASSIFY_FN2 AleClassifyBind, AleClassifyUnbind, AleClassifyAccept,
    AleClassifyRedirect, AleClassifyConnect, AleClassifyFlow;
_IRQL_requires_max_(DISPATCH_LEVEL) FWPS_CALLOUT_FLOW_DELETE_FN AleFlowDelete;

/** Before the first of these is called: what is redirected is marked as this provider's. */
_Must_inspect_result_ _IRQL_requires_max_(PASSIVE_LEVEL) NTSTATUS AleInitiate(_In_ const GUID *Provider);

/** From now on flows are taken notice of. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID AleStartFlows(VOID);

/** Takes the flows from Windows, and waits until it has given up the last; then callouts of flows can be unregistered. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID AleStopFlows(VOID);

/** After the last classify function has returned. */
_IRQL_requires_max_(PASSIVE_LEVEL) VOID AleTerminate(VOID);
