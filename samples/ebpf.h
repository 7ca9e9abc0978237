// SPDX-License-Identifier: MIT
// What an eBPF program for Windows needs from its platform: fixed-width types, sections and maps, the xdp hook, the
// helpers by their Windows numbers, and the headers of a packet. It knows nothing of Linux; programs written for Linux
// include the headers in ../include instead.
#pragma once

// ---- types ---------------------------------------------------------------------------------------------------------

typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;

#ifndef NULL
#define NULL ((void*)0)
#endif

// Packets are in network byte order (big endian), bpf programs in little endian.
#define ntohs(value) __builtin_bswap16(value)
#define htons(value) __builtin_bswap16(value)
#define ntohl(value) __builtin_bswap32(value)
#define htonl(value) __builtin_bswap32(value)

// ---- sections and maps ---------------------------------------------------------------------------------------------

// Puts a function or a variable into a section of the object: the section's name says which hook a program is for.
#define SEC(name) __attribute__((section(name), used))

// A map is a variable in the section ".maps". Its type says what it is: __uint holds a number, __type a type.
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type)* name

enum bpf_map_type {
    BPF_MAP_TYPE_UNSPEC = 0,
    BPF_MAP_TYPE_HASH = 1,
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_PROG_ARRAY = 3,
    BPF_MAP_TYPE_PERCPU_HASH = 4,
    BPF_MAP_TYPE_PERCPU_ARRAY = 5,
    BPF_MAP_TYPE_HASH_OF_MAPS = 6,
    BPF_MAP_TYPE_ARRAY_OF_MAPS = 7,
    BPF_MAP_TYPE_LRU_HASH = 8,
    BPF_MAP_TYPE_LPM_TRIE = 9,
    BPF_MAP_TYPE_QUEUE = 10,
    BPF_MAP_TYPE_LRU_PERCPU_HASH = 11,
    BPF_MAP_TYPE_STACK = 12,
    BPF_MAP_TYPE_RINGBUF = 13,
    BPF_MAP_TYPE_PERF_EVENT_ARRAY = 14,
};

// ---- the xdp hook --------------------------------------------------------------------------------------------------

// What a program in SEC("xdp") is given: one packet, from its Ethernet header on.
struct xdp_md {
    void* data;               // first byte of the packet
    void* data_end;           // one past its last byte
    uint64_t data_meta;       // space in front of the packet
    uint32_t ingress_ifindex; // the interface it came in on
};

// What it answers.
enum xdp_action {
    XDP_PASS = 1, // let the packet go on
    XDP_DROP = 2, // discard it
    XDP_TX = 3,   // send it back out of the interface it came in on
};

// ---- helpers: functions of the host, called by number --------------------------------------------------------------

// The value of `key`, or NULL if there is none.
static void* (*const bpf_map_lookup_elem)(const void* map, const void* key) = (void*)1;
// 0, or a negative number.
static int64_t (*const bpf_map_update_elem)(const void* map, const void* key, const void* value, uint64_t flags) =
    (void*)2;
static int64_t (*const bpf_map_delete_elem)(const void* map, const void* key) = (void*)3;
static uint32_t (*const bpf_get_prandom_u32)(void) = (void*)6;
// Nanoseconds since the machine started; the first counts the time it slept.
static uint64_t (*const bpf_ktime_get_boot_ns)(void) = (void*)7;
static uint64_t (*const bpf_ktime_get_ns)(void) = (void*)9;
static uint64_t (*const bpf_get_smp_processor_id)(void) = (void*)8;

// ---- packet headers ------------------------------------------------------------------------------------------------

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

// IEEE 802.3
typedef struct ethernet_header {
    uint8_t destination[6];
    uint8_t source[6];
    uint16_t type;
} ethernet_header_t;

// RFC 791, section 3.1
typedef struct ipv4_header {
    uint8_t version_and_length; // version in the upper, length in 4-byte units in the lower half
    uint8_t type_of_service;
    uint16_t total_length;
    uint16_t identification;
    uint16_t flags_and_offset; // fragment offset in the lower 13 bits, in units of 8 bytes
    uint8_t time_to_live;
    uint8_t protocol;
    uint16_t checksum;
    uint32_t source;
    uint32_t destination;
} ipv4_header_t;

#define IPV4_VERSION(header) ((header)->version_and_length >> 4)
#define IPV4_HEADER_BYTES(header) (((header)->version_and_length & 0x0f) * 4)
#define IPV4_FRAGMENT_OFFSET(header) (ntohs((header)->flags_and_offset) & 0x1fff)

// RFC 768
typedef struct udp_header {
    uint16_t source_port;
    uint16_t destination_port;
    uint16_t length; // of this header and what follows it, in bytes
    uint16_t checksum;
} udp_header_t;
