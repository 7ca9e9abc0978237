// SPDX-License-Identifier: MIT
// Drops empty UDP datagrams over IPv4 and IPv6, as one writes it on Linux: a cursor, inlined parsers, bpf_printk.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} dropped SEC(".maps");

struct cursor {
    void *position;
    void *end;
};

static __always_inline int parse_ethernet(struct cursor *cursor)
{
    struct ethhdr *ethernet = cursor->position;

    if ((void *)(ethernet + 1) > cursor->end)
        return -1;
    cursor->position = ethernet + 1;
    return ethernet->h_proto;
}

static __always_inline int parse_ip(struct cursor *cursor)
{
    struct iphdr *ip = cursor->position;
    int size;

    if ((void *)(ip + 1) > cursor->end)
        return -1;
    size = ip->ihl * 4;
    if (size < (int)sizeof(*ip) || ip->frag_off & bpf_htons(0x1fff))
        return -1;
    if (cursor->position + size > cursor->end)
        return -1;
    cursor->position += size;
    return ip->protocol;
}

static __always_inline int parse_ipv6(struct cursor *cursor)
{
    struct ipv6hdr *ip = cursor->position;

    if ((void *)(ip + 1) > cursor->end)
        return -1;
    cursor->position = ip + 1;
    return ip->nexthdr;
}

SEC("xdp")
int drop_empty_udp(struct xdp_md *ctx)
{
    struct cursor cursor = {(void *)(long)ctx->data, (void *)(long)ctx->data_end};
    struct udphdr *udp;
    __u32 key = 0;
    __u64 *count;
    int protocol;

    switch (parse_ethernet(&cursor)) {
    case bpf_htons(ETH_P_IP):
        protocol = parse_ip(&cursor);
        break;
    case bpf_htons(ETH_P_IPV6):
        protocol = parse_ipv6(&cursor);
        break;
    default:
        return XDP_PASS;
    }
    if (protocol != IPPROTO_UDP)
        return XDP_PASS;

    udp = cursor.position;
    if ((void *)(udp + 1) > cursor.end)
        return XDP_PASS;
    if (bpf_ntohs(udp->len) > sizeof(*udp))
        return XDP_PASS;

    count = bpf_map_lookup_elem(&dropped, &key);
    if (count)
        *count += 1;
    bpf_printk("dropped, to port %d", bpf_ntohs(udp->dest));
    return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
