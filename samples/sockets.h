// SPDX-License-Identifier: MIT
// The hooks of sockets of an eBPF program for Windows: what programs are given there, what they answer, and the helpers that
// only they have. Included instead of ebpf.h, which it includes.
#pragma once

#include "ebpf.h"

#define AF_INET 2
#define AF_INET6 23

// ---- the hook bind: SEC("bind") --------------------------------------------------------------------------------------

enum bind_operation {
    BIND_OPERATION_BIND = 0,   // a socket is to get an address
    BIND_OPERATION_UNBIND = 2, // it lets go of it; the answer changes nothing
};

struct bind_md {
    uint8_t* app_id_start; // name of the program's file, UTF-16
    uint8_t* app_id_end;
    uint64_t process_id;
    uint8_t socket_address[16]; // family, then port, then IPv4 address, each in the order of this machine
    uint8_t socket_address_length;
    uint32_t operation;
    uint8_t protocol;
};

#define BIND_PORT(context) (*(uint16_t*)&(context)->socket_address[2])

enum bind_action {
    BIND_PERMIT_SOFT = 0, // unless a firewall says no
    BIND_DENY = 1,
    BIND_PERMIT_HARD = 3, // whatever others say
};

// ---- connections: SEC("cgroup/connect4"), connect6, recv_accept4, recv_accept6 ----------------------------------------

// All in network order. A program of connect4 or connect6 may write user_ip and user_port: there the connection goes then.
struct bpf_sock_addr {
    uint32_t family;
    union {
        uint32_t msg_src_ip4;
        uint32_t msg_src_ip6[4];
    };
    uint16_t msg_src_port;
    union {
        uint32_t user_ip4;
        uint32_t user_ip6[4];
    };
    uint16_t user_port;
    uint32_t protocol;
    uint32_t compartment_id;
    uint64_t interface_luid;
};

enum sock_addr_verdict {
    BPF_SOCK_ADDR_VERDICT_REJECT = 0,
    BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT = 1, // unless a firewall says no
    BPF_SOCK_ADDR_VERDICT_PROCEED_HARD = 2, // whatever others say
};

// ---- established connections and their end: SEC("sockops") -------------------------------------------------------------

enum sock_op {
    BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB = 0,  // this machine connected
    BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB = 1, // another one did
    BPF_SOCK_OPS_CONNECTION_DELETED_CB = 2,
};

// Addresses and ports in network order.
struct bpf_sock_ops {
    uint32_t op;
    uint32_t family;
    union {
        uint32_t local_ip4;
        uint32_t local_ip6[4];
    };
    uint32_t local_port;
    union {
        uint32_t remote_ip4;
        uint32_t remote_ip6[4];
    };
    uint32_t remote_port;
    uint8_t protocol;
    uint32_t compartment_id;
    uint64_t interface_luid;
};

// ---- helpers -----------------------------------------------------------------------------------------------------------

// Process in the upper half, thread in the lower. At these hooks those of the socket; so too the two after it.
static uint64_t (*const bpf_get_current_pid_tgid)(void) = (void*)19;
static uint64_t (*const bpf_get_current_logon_id)(const void* context) = (void*)20;
// 1, 0, or a negative number if that is not known.
static int32_t (*const bpf_is_current_admin)(const void* context) = (void*)21;
static int64_t (*const bpf_memcpy_s)(void* to, uint32_t to_size, const void* from, uint32_t from_size) = (void*)22;
// Of connections: the same number for all that happens to one socket.
static int64_t (*const bpf_get_socket_cookie)(const void* context) = (void*)26;
// connect4, connect6: data for the proxy that the connection is sent to (SIO_QUERY_WFP_CONNECTION_REDIRECT_CONTEXT).
static int (*const bpf_sock_addr_set_redirect_context)(const void* context, const void* data, uint32_t size) =
    (void*)0x10001;
// sockops: the same number when a connection is established and when it ends.
static uint64_t (*const bpf_sock_ops_get_flow_id)(const void* context) = (void*)0x10000;
