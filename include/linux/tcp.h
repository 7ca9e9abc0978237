// SPDX-License-Identifier: MIT
// The TCP header (RFC 9293, section 3.1, with the flags of RFC 3168) as Linux names it.
#pragma once
#include <asm/byteorder.h>
#include <linux/types.h>

struct tcphdr {
    __be16 source;
    __be16 dest;
    __be32 seq;
    __be32 ack_seq;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    __u16 res1 : 4;
    __u16 doff : 4; // bytes of the header / 4
    __u16 fin : 1;
    __u16 syn : 1;
    __u16 rst : 1;
    __u16 psh : 1;
    __u16 ack : 1;
    __u16 urg : 1;
    __u16 ece : 1;
    __u16 cwr : 1;
#else
    __u16 doff : 4;
    __u16 res1 : 4;
    __u16 cwr : 1;
    __u16 ece : 1;
    __u16 urg : 1;
    __u16 ack : 1;
    __u16 psh : 1;
    __u16 rst : 1;
    __u16 syn : 1;
    __u16 fin : 1;
#endif
    __be16 window;
    __sum16 check;
    __be16 urg_ptr;
};
