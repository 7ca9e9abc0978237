// SPDX-License-Identifier: MIT
// A small firewall in Linux' style: looks behind up to two VLAN tags, counts verdicts in a per-CPU array, drops ICMP
// echo, TCP SYN to closed ports and malformed TCP, answers nothing, and gives XDP_ABORTED for runts.
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_DEPTH 2
#define ICMP_ECHO_REQUEST 8

struct vlan_hdr {
    __be16 h_vlan_TCI;
    __be16 h_vlan_encapsulated_proto;
};

struct stats {
    __u64 packets;
    __u64 bytes;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, XDP_REDIRECT + 1);
    __type(key, __u32);
    __type(value, struct stats);
} verdicts SEC(".maps");

static __always_inline __u32 count(struct xdp_md *ctx, __u32 verdict)
{
    struct stats *stats = bpf_map_lookup_elem(&verdicts, &verdict);

    if (!stats)
        return XDP_ABORTED;
    stats->packets++;
    stats->bytes += (long)ctx->data_end - (long)ctx->data;
    return verdict;
}

static __always_inline int is_vlan(__be16 type)
{
    return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

static __always_inline __u32 filter_tcp(struct tcphdr *tcp, void *end)
{
    if ((void *)(tcp + 1) > end)
        return XDP_DROP;
    if (tcp->doff < 5)
        return XDP_DROP;
    if (!tcp->syn || tcp->ack)
        return XDP_PASS;
    switch (bpf_ntohs(tcp->dest)) {
    case 22:
    case 443:
        return XDP_PASS;
    default:
        return XDP_DROP;
    }
}

static __always_inline __u32 filter(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct ethhdr *ethernet = data;
    struct iphdr *ip;
    __be16 type;
    void *next;

    if ((void *)(ethernet + 1) > end)
        return XDP_ABORTED;
    type = ethernet->h_proto;
    next = ethernet + 1;
#pragma unroll
    for (int depth = 0; depth < VLAN_DEPTH; depth++) {
        struct vlan_hdr *vlan = next;

        if (!is_vlan(type))
            break;
        if ((void *)(vlan + 1) > end)
            return XDP_ABORTED;
        type = vlan->h_vlan_encapsulated_proto;
        next = vlan + 1;
    }
    if (type != bpf_htons(ETH_P_IP))
        return XDP_PASS;

    ip = next;
    if ((void *)(ip + 1) > end)
        return XDP_DROP;
    if (ip->version != 4 || ip->ihl != 5)
        return XDP_PASS;
    if (ip->protocol == IPPROTO_ICMP) {
        __u8 *message = (void *)(ip + 1);

        if (message + 1 > (__u8 *)end)
            return XDP_DROP;
        return *message == ICMP_ECHO_REQUEST ? XDP_DROP : XDP_PASS;
    }
    return ip->protocol == IPPROTO_TCP ? filter_tcp((void *)(ip + 1), end) : XDP_PASS;
}

SEC("xdp")
int tcp_firewall(struct xdp_md *ctx)
{
    return count(ctx, filter(ctx));
}

char _license[] SEC("license") = "Dual MIT/GPL";
