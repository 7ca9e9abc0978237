// SPDX-License-Identifier: MIT
// Lets a few packets of each IPv4 source through and drops the rest, in Linux' style: a hash map that the program fills,
// a value on the stack, memory copied, time asked for, and a function that is called rather than inlined.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define LIMIT 2

struct source {
    __u64 first_seen;
    __u32 packets;
    unsigned char address[ETH_ALEN];
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __be32);
    __type(value, struct source);
} sources SEC(".maps");

static __noinline int over_limit(__u32 packets)
{
    return packets > LIMIT;
}

SEC("xdp")
int source_limit(struct xdp_md *ctx)
{
    void *data_end = (void *)(unsigned long)ctx->data_end;
    void *data = (void *)(unsigned long)ctx->data;
    struct ethhdr *ethernet = data;
    struct iphdr *ip = data + sizeof(*ethernet);
    struct source *known;
    __be32 key;

    if (data + sizeof(*ethernet) + sizeof(*ip) > data_end)
        return XDP_PASS;
    if (ethernet->h_proto != bpf_htons(ETH_P_IP))
        return XDP_PASS;

    key = ip->saddr;
    known = bpf_map_lookup_elem(&sources, &key);
    if (!known) {
        struct source fresh = {};

        fresh.first_seen = bpf_ktime_get_ns();
        fresh.packets = 1;
        __builtin_memcpy(fresh.address, ethernet->h_source, ETH_ALEN);
        bpf_map_update_elem(&sources, &key, &fresh, BPF_NOEXIST);
        return XDP_PASS;
    }
    known->packets++;
    return over_limit(known->packets) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
