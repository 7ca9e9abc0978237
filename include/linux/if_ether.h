// SPDX-License-Identifier: MIT
// Ethernet (IEEE 802.3) as Linux names it: the header and the type numbers of IEEE 802 (in host byte order).
#pragma once
#include <linux/types.h>

#define ETH_ALEN 6         // bytes of an address
#define ETH_HLEN 14        // bytes of the header
#define ETH_ZLEN 60        // least bytes of a frame, without its check sequence
#define ETH_DATA_LEN 1500  // most bytes of a payload
#define ETH_FRAME_LEN 1514 // most bytes of a frame, without its check sequence
#define ETH_FCS_LEN 4      // bytes of the check sequence

#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86dd
#define ETH_P_MPLS_UC 0x8847
#define ETH_P_8021AD 0x88a8
#define ETH_P_LLDP 0x88cc

struct ethhdr {
    unsigned char h_dest[ETH_ALEN];
    unsigned char h_source[ETH_ALEN];
    __be16 h_proto;
} __attribute__((packed));
