// SPDX-License-Identifier: MIT
// Sends UDP datagrams to port 7 back where they came from and passes the rest, in Linux' style: the packet is written
// to, checksums are kept right by exchanging words that they cover.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ECHO_PORT 7

static __always_inline void swap_hardware_addresses(struct ethhdr *ethernet)
{
    unsigned char source[ETH_ALEN];

    __builtin_memcpy(source, ethernet->h_source, ETH_ALEN);
    __builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
    __builtin_memcpy(ethernet->h_dest, source, ETH_ALEN);
}

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
    void *data_end = (void *)(long)ctx->data_end;
    struct ethhdr *ethernet = (void *)(long)ctx->data;
    struct iphdr *ip = (void *)(ethernet + 1);
    struct udphdr *udp = (void *)(ip + 1);
    __be32 address;
    __be16 port;

    if ((void *)(udp + 1) > data_end)
        return XDP_PASS;
    if (ethernet->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
        return XDP_PASS;
    if (udp->dest != bpf_htons(ECHO_PORT))
        return XDP_PASS;

    swap_hardware_addresses(ethernet);
    address = ip->saddr;
    ip->saddr = ip->daddr;
    ip->daddr = address;
    port = udp->source;
    udp->source = udp->dest;
    udp->dest = port;
    return XDP_TX;
}

char _license[] SEC("license") = "Dual MIT/GPL";
