// SPDX-License-Identifier: MIT
// The IPv6 header (RFC 8200, section 3) and the start of its options (section 4.2) as Linux names them.
#pragma once
#include <asm/byteorder.h>
#include <linux/in6.h>
#include <linux/types.h>

struct ipv6hdr {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    __u8 priority : 4; // upper half of the traffic class
    __u8 version : 4;
#else
    __u8 version : 4;
    __u8 priority : 4;
#endif
    __u8 flow_lbl[3]; // lower half of the traffic class, then the flow label
    __be16 payload_len; // bytes after this header
    __u8 nexthdr;
    __u8 hop_limit;
    struct in6_addr saddr;
    struct in6_addr daddr;
};

// An options header: its length is in units of 8 bytes after the first 8.
struct ipv6_opt_hdr {
    __u8 nexthdr;
    __u8 hdrlen;
} __attribute__((packed));
