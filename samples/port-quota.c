// SPDX-License-Identifier: MIT
// Lets each process have so many ports and no more: one that binds without end takes them from all others. Nothing is refused
// until a number is given, which can be changed at any time:
//
//     clang -g -O2 -target bpf -mcpu=v3 -c port-quota.c -o port-quota.o
//     ebpf program add port-quota.o --hook bind
//     ebpf map update port_quota 0 100
#include "sockets.h"

// A flag of bpf_map_update_elem: only if the key is not there, as another processor may just have written it.
#define BPF_NOEXIST 1

// One entry: how many ports a process may have; 0 as many as it wants.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, uint32_t);
    __type(value, uint32_t);
    __uint(max_entries, 1);
} port_quota SEC(".maps");

struct usage {
    uint32_t ports;
    uint32_t refused;
};

// By process.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, uint64_t);
    __type(value, struct usage);
    __uint(max_entries, 4096);
} port_usage SEC(".maps");

SEC("bind")
int LimitPorts(struct bind_md* context)
{
    uint64_t process = context->process_id;
    struct usage* usage = bpf_map_lookup_elem(&port_usage, &process);

    if (context->operation == BIND_OPERATION_UNBIND) {
        if (usage != NULL && usage->ports > 0) {
            __sync_fetch_and_add(&usage->ports, -1);
        }
        // Its number may be another process' later.
        if (usage != NULL && usage->ports == 0) {
            bpf_map_delete_elem(&port_usage, &process);
        }
        return BIND_PERMIT_SOFT;
    }

    if (usage == NULL) {
        struct usage none = {0};
        bpf_map_update_elem(&port_usage, &process, &none, BPF_NOEXIST);
        usage = bpf_map_lookup_elem(&port_usage, &process);
    }
    // So many processes are not counted, and not refused.
    if (usage == NULL) {
        return BIND_PERMIT_SOFT;
    }

    uint32_t key = 0;
    uint32_t* quota = bpf_map_lookup_elem(&port_quota, &key);
    if (quota != NULL && *quota != 0 && usage->ports >= *quota) {
        __sync_fetch_and_add(&usage->refused, 1);
        return BIND_DENY;
    }
    __sync_fetch_and_add(&usage->ports, 1);
    return BIND_PERMIT_SOFT;
}
