// SPDX-License-Identifier: MIT
// droppacket.c with its first bounds check taken out: it reads the packet before it is known to be there, on a short
// packet past its end. It is here to be refused.
//
//     clang -g -O2 -target bpf -mcpu=v3 -c droppacket_unsafe.c -o droppacket_unsafe.o
#include "ebpf.h"

// One entry: how many packets were dropped.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, uint32_t);
    __type(value, uint64_t);
    __uint(max_entries, 1);
} dropped_packet_map SEC(".maps");

SEC("xdp")
int DropPacket(struct xdp_md* context)
{
    uint8_t* packet = context->data;
    uint8_t* packet_end = context->data_end;

    // Nothing of the packet may be read before it is known to be there.
    // if (packet + sizeof(ethernet_header_t) + sizeof(ipv4_header_t) + sizeof(udp_header_t) > packet_end) {
    //     return XDP_PASS;
    // }

    ethernet_header_t* ethernet = (ethernet_header_t*)packet;
    if (ethernet->type != htons(ETHERTYPE_IPV4)) {
        return XDP_PASS;
    }

    ipv4_header_t* ip = (ipv4_header_t*)(ethernet + 1);
    if (IPV4_VERSION(ip) != 4 || ip->protocol != IPPROTO_UDP) {
        return XDP_PASS;
    }
    // Only the first fragment of a datagram has a UDP header; in the others data stands in its place.
    if (IPV4_FRAGMENT_OFFSET(ip) != 0) {
        return XDP_PASS;
    }
    // Options make the IPv4 header longer than the 20 bytes that were checked above, so the UDP header is checked again.
    if (IPV4_HEADER_BYTES(ip) < sizeof(ipv4_header_t)) {
        return XDP_PASS;
    }
    udp_header_t* udp = (udp_header_t*)((uint8_t*)ip + IPV4_HEADER_BYTES(ip));
    if ((uint8_t*)(udp + 1) > packet_end) {
        return XDP_PASS;
    }

    // The length counts the header too: 8 bytes mean that nothing follows it.
    if (ntohs(udp->length) > sizeof(udp_header_t)) {
        return XDP_PASS;
    }

    uint32_t key = 0;
    uint64_t* dropped = bpf_map_lookup_elem(&dropped_packet_map, &key);
    if (dropped != NULL) {
        *dropped += 1;
    }
    return XDP_DROP;
}
