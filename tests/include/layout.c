// SPDX-License-Identifier: MIT
// All headers together, in an order nobody would choose: sizes, offsets and numbers that programs rely on (RFC 791, 768,
// 8200, 9293, 792; IEEE 802.3), and the ones that are Windows' own.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/if_packet.h>
#include <linux/icmpv6.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

#define CHECK(fact) _Static_assert(fact, #fact)
#define AT(type, member, offset) CHECK(offsetof(struct type, member) == (offset))

CHECK(sizeof(struct ethhdr) == 14 && _Alignof(struct ethhdr) == 1);
CHECK(sizeof(struct iphdr) == 20);
CHECK(sizeof(struct ipv6hdr) == 40);
CHECK(sizeof(struct udphdr) == 8);
CHECK(sizeof(struct tcphdr) == 20);
CHECK(sizeof(struct icmphdr) == 8);
CHECK(sizeof(struct in6_addr) == 16);
AT(ethhdr, h_proto, 12);
AT(iphdr, frag_off, 6);
AT(iphdr, protocol, 9);
AT(iphdr, saddr, 12);
AT(iphdr, daddr, 16);
AT(ipv6hdr, payload_len, 4);
AT(ipv6hdr, nexthdr, 6);
AT(ipv6hdr, saddr, 8);
AT(ipv6hdr, daddr, 24);
AT(udphdr, dest, 2);
AT(udphdr, len, 4);
AT(tcphdr, ack_seq, 8);
AT(tcphdr, window, 14);
AT(icmphdr, un.echo.sequence, 6);
CHECK(sizeof(struct icmp6hdr) == 8);
AT(icmp6hdr, icmp6_cksum, 2);
AT(icmp6hdr, icmp6_identifier, 4);
AT(icmp6hdr, icmp6_sequence, 6);
AT(icmp6hdr, icmp6_mtu, 4);
CHECK(ICMPV6_ECHO_REQUEST == 128 && PACKET_HOST == 0);
struct aligned {
    __u32 before;
    __aligned_u64 number;
};
AT(aligned, number, 8);

CHECK(sizeof(struct xdp_md) == 32);
AT(xdp_md, data, 0);
AT(xdp_md, data_end, 8);
AT(xdp_md, data_meta, 16);
AT(xdp_md, ingress_ifindex, 24);
CHECK(XDP_PASS == 1 && XDP_DROP == 2 && XDP_TX == 3);

CHECK(LIBBPF_PIN_BY_NAME == 1);

CHECK(sizeof(uint8_t) == 1 && sizeof(int16_t) == 2 && sizeof(uint32_t) == 4 && sizeof(int64_t) == 8);
CHECK(sizeof(uintptr_t) == 8 && INT64_MIN < 0 && UINT64_MAX > 0);
CHECK(sizeof(__s64) == 8 && sizeof(__be32) == 4 && sizeof(__sum16) == 2);
CHECK(bpf_htons(0x1234) == 0x3412 && bpf_ntohl(0x12345678) == 0x78563412);
CHECK(__constant_htons(ETH_P_IP) == 8 && __be16_to_cpu(0x3412) == 0x1234);

// The first byte of a SYN's flags word, bit by bit: the order of bit fields is what this shows.
SEC("xdp")
int first_flags(struct xdp_md *ctx)
{
    struct tcphdr *tcp = (void *)(long)ctx->data;
    bool whole = (void *)(tcp + 1) <= (void *)(long)ctx->data_end;

    if (!whole)
        return XDP_ABORTED;
    return tcp->syn && !tcp->ack && tcp->doff == 5 ? XDP_DROP : XDP_PASS;
}
