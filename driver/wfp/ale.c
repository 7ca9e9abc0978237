// One table says where each layer has what; every value's type is looked at before the value, for Windows leaves out what it
// does not know.
#include "wfp/ale.h"

/** A layer has no such field. */
#define NONE 0xff

typedef struct _ALE_LAYER {
    UINT16 LayerId;
    UINT16 Family;
    UINT8 LocalAddress, LocalPort, Protocol;
    UINT8 RemoteAddress, RemotePort;
    UINT8 Interface, Flags, Direction, Compartment;
    /** Programs are told of the route at AUTH_RECV_ACCEPT only. */
    UINT8 InterfaceType, TunnelType, SubInterface, NextHop;
} ALE_LAYER;

enum { FIELD_APP_ID = 0, FIELD_USER_ID = 1, FIELD_LOCAL_ADDRESS = 2 };

/** The fields of both families are the same. */
#define LAYERS(Layer, ...)                                                                             \
    {FWPS_LAYER_ALE_##Layer##_V4, SOCKET_IPV4, FIELD_LOCAL_ADDRESS, __VA_ARGS__},                      \
    {FWPS_LAYER_ALE_##Layer##_V6, SOCKET_IPV6, FIELD_LOCAL_ADDRESS, __VA_ARGS__}

static const ALE_LAYER Layers[] = {
    // Local port, protocol, remote address and port, interface, flags, direction, compartment, route.
    LAYERS(RESOURCE_ASSIGNMENT, 4, 5, NONE, NONE, 7, 8, NONE, 15, NONE, NONE, NONE, NONE),
    LAYERS(RESOURCE_RELEASE, 4, 5, NONE, NONE, 6, 7, NONE, 10, NONE, NONE, NONE, NONE),
    LAYERS(AUTH_RECV_ACCEPT, 4, 5, 6, 7, 10, 11, NONE, 34, 14, 15, 17, 23),
    LAYERS(AUTH_CONNECT, 4, 5, 6, 7, 11, 12, NONE, 36, NONE, NONE, NONE, NONE),
    LAYERS(CONNECT_REDIRECT, 4, 5, 6, 8, NONE, 9, NONE, 13, NONE, NONE, NONE, NONE),
    LAYERS(FLOW_ESTABLISHED, 4, 5, 6, 7, 11, 15, 12, 19, NONE, NONE, NONE, NONE),
};

/** Of winnt.h; what stands between and behind is not looked at. */
typedef struct _TOKEN_SIDS {
    UINT32 Count;
    const struct {
        const UINT8 *Sid;
        UINT32 Attributes;
    } *Rows;
} TOKEN_SIDS;

typedef struct _TOKEN_FACTS {
    const TOKEN_SIDS *Sids;
    const VOID *Restricted;
    const VOID *Privileges;
    UINT64 LogonId;
} TOKEN_FACTS;
WFP_OFFSET(TOKEN_FACTS, LogonId, 24);

enum { SE_GROUP_IS_ENABLED = 4, SE_GROUP_ONLY_DENIES = 0x10 };

/** The value at that index, if the layer has it, and this Windows, and it is of that type; else NULL. */
static const FWP_VALUE0 *
Find(const FWPS_INCOMING_VALUES0 *Values, UINT8 Index, FWP_DATA_TYPE Type)
{
    return Index == NONE ? NULL : ClassifyValue(Values, Index, Type);
}

static UINT32
Number(const FWPS_INCOMING_VALUES0 *Values, UINT8 Index)
{
    const FWP_VALUE0 *Value = Find(Values, Index, FWP_UINT32);
    return Value == NULL ? 0 : Value->uint32;
}

static UINT64
LongNumber(const FWPS_INCOMING_VALUES0 *Values, UINT8 Index)
{
    const FWP_VALUE0 *Value = Find(Values, Index, FWP_UINT64);
    return Value == NULL || Value->uint64 == NULL ? 0 : *Value->uint64;
}

/** Windows gives ports and IPv4 addresses in host order, IPv6 addresses in network order. */
static VOID
ReadEndpoint(const FWPS_INCOMING_VALUES0 *Values, UINT8 Address, UINT8 Port, SOCKET_ENDPOINT *Endpoint)
{
    const FWP_VALUE0 *Four = Find(Values, Address, FWP_UINT32);
    const FWP_VALUE0 *Six = Find(Values, Address, FWP_BYTE_ARRAY16_TYPE);
    const FWP_VALUE0 *Number16 = Find(Values, Port, FWP_UINT16);
    if (Four != NULL) {
        UINT32 Ordered = __builtin_bswap32(Four->uint32);
        memcpy(Endpoint->Address, &Ordered, sizeof(Ordered));
    }
    if (Six != NULL && Six->byteArray16 != NULL)
        memcpy(Endpoint->Address, Six->byteArray16, SOCKET_ADDRESS_BYTES);
    if (Number16 != NULL)
        Endpoint->Port = SocketSwap16(Number16->uint16);
}

static const FWP_BYTE_BLOB *
FindBlob(const FWPS_INCOMING_VALUES0 *Values, UINT8 Index, FWP_DATA_TYPE Type)
{
    const FWP_VALUE0 *Value = Find(Values, Index, Type);
    return Value == NULL || Value->byteBlob == NULL || Value->byteBlob->data == NULL ? NULL : Value->byteBlob;
}

/** Whether BUILTIN\Administrators is a group of the token that gives rights, which it is not before elevation. */
static BOOLEAN
HasAdministrators(const TOKEN_SIDS *Sids)
{
    static const UINT8 Administrators[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    for (UINT32 Index = 0; Sids != NULL && Index < Sids->Count; Index++) {
        UINT32 Attributes = Sids->Rows[Index].Attributes;
        // A SID says in its second byte how long it is.
        if (Sids->Rows[Index].Sid[1] == Administrators[1] &&
            memcmp(Sids->Rows[Index].Sid, Administrators, sizeof(Administrators)) == 0)
            return (Attributes & SE_GROUP_IS_ENABLED) != 0 && (Attributes & SE_GROUP_ONLY_DENIES) == 0;
    }
    return FALSE;
}

static VOID
ReadProcess(
    const FWPS_INCOMING_VALUES0 *Values, const FWPS_INCOMING_METADATA_VALUES0 *Metadata, SOCKET_OPERATION *Operation)
{
    const FWP_BYTE_BLOB *Token = FindBlob(Values, FIELD_USER_ID, FWP_TOKEN_ACCESS_INFORMATION_TYPE);
    const FWP_BYTE_BLOB *AppId = FindBlob(Values, FIELD_APP_ID, FWP_BYTE_BLOB_TYPE);
    if ((Metadata->currentMetadataValues & FWPS_METADATA_FIELD_PROCESS_ID) != 0)
        Operation->ProcessId = Metadata->processId;
    Operation->Administrator = -1;
    if (Token != NULL && Token->size >= sizeof(TOKEN_FACTS)) {
        const TOKEN_FACTS *Facts = (const TOKEN_FACTS *)Token->data;
        Operation->LogonId = Facts->LogonId;
        Operation->Administrator = HasAdministrators(Facts->Sids);
    }
    if (AppId != NULL) {
        Operation->AppId = AppId->data;
        Operation->AppIdBytes = AppId->size;
    }
}

static const ALE_LAYER *
FindLayer(UINT16 LayerId)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Layers); Index++)
        if (Layers[Index].LayerId == LayerId)
            return &Layers[Index];
    return NULL;
}

static VOID
ReadProtocol(const FWPS_INCOMING_VALUES0 *Values, const ALE_LAYER *Layer, SOCKET_OPERATION *Operation)
{
    const FWP_VALUE0 *Protocol = Find(Values, Layer->Protocol, FWP_UINT8);
    if (Protocol != NULL)
        Operation->Protocol = Protocol->uint8;
}

_Use_decl_annotations_
BOOLEAN
AleDescribe(const FWPS_INCOMING_VALUES0 *Values, const FWPS_INCOMING_METADATA_VALUES0 *Metadata, ALE_FACTS *Facts)
{
    const ALE_LAYER *Layer = FindLayer(Values->layerId);
    SOCKET_OPERATION *Operation = &Facts->Operation;
    memset(Facts, 0, sizeof(*Facts));
    if (Layer == NULL)
        return FALSE;
    Operation->Family = Layer->Family;
    ReadEndpoint(Values, Layer->LocalAddress, Layer->LocalPort, &Operation->Local);
    ReadEndpoint(Values, Layer->RemoteAddress, Layer->RemotePort, &Operation->Remote);
    ReadProtocol(Values, Layer, Operation);
    ReadProcess(Values, Metadata, Operation);
    Operation->CompartmentId = Number(Values, Layer->Compartment);
    Operation->InterfaceLuid = LongNumber(Values, Layer->Interface);
    Operation->Route = (SOCKET_ROUTE){
        .Known = Layer->InterfaceType != NONE,
        .InterfaceType = Number(Values, Layer->InterfaceType),
        .TunnelType = Number(Values, Layer->TunnelType),
        .SubInterfaceIndex = Number(Values, Layer->SubInterface),
        .NextHopLuid = LongNumber(Values, Layer->NextHop),
    };
    if ((Metadata->currentMetadataValues & FWPS_METADATA_FIELD_TRANSPORT_ENDPOINT_HANDLE) != 0)
        Operation->EndpointHandle = Metadata->transportEndpointHandle;
    if ((Metadata->currentMetadataValues & FWPS_METADATA_FIELD_FLOW_HANDLE) != 0)
        Operation->FlowId = Metadata->flowHandle;
    Facts->Flags = Number(Values, Layer->Flags);
    Facts->Direction = Number(Values, Layer->Direction);
    return TRUE;
}

_Use_decl_annotations_
VOID
AleAnswer(SOCKET_VERDICT Verdict, const FWPS_FILTER2 *Filter, FWPS_CLASSIFY_OUT0 *Out)
{
    if (Verdict == SocketBlock) {
        ClassifyBlock(Out);
        return;
    }
    ClassifyPermit(Filter, Out);
    // Whoever was asked before, and has taken the right, has the last word.
    if (Verdict == SocketPermitHard)
        Out->rights &= ~(UINT32)FWPS_RIGHT_ACTION_WRITE;
}
