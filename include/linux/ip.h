// SPDX-License-Identifier: MIT
// The IPv4 header (RFC 791, section 3.1) as Linux names it.
#pragma once
#include <asm/byteorder.h>
#include <linux/types.h>

#define IPVERSION 4
#define MAXTTL 255
#define IPDEFTTL 64

struct iphdr {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    __u8 ihl : 4; // bytes of the header / 4
    __u8 version : 4;
#else
    __u8 version : 4;
    __u8 ihl : 4;
#endif
    __u8 tos;
    __be16 tot_len; // bytes of header and payload
    __be16 id;
    __be16 frag_off; // 3 flags, then the offset / 8
    __u8 ttl;
    __u8 protocol;
    __sum16 check;
    __be32 saddr;
    __be32 daddr;
};
