// SPDX-License-Identifier: MIT
// The names of Linux' header with the numbers and layouts of eBPF for Windows: a source that uses the names compiles
// unchanged, and the object it gives is one for Windows. What Windows does not have is not here, so that a program that
// needs it fails to compile instead of failing to run.
#pragma once
#include <linux/types.h>

// ---- the xdp hook --------------------------------------------------------------------------------------------------

// What an xdp program is given. On Windows the packet's bounds are 64-bit pointers; the casts that Linux needs for its
// 32-bit fields, (void *)(long)ctx->data, are right for these too.
struct xdp_md {
    void *data;            // first byte of the packet: its Ethernet header
    void *data_end;        // one past its last byte
    __u64 data_meta;
    __u32 ingress_ifindex; // the interface it came in on
};

enum xdp_action {
    XDP_ABORTED = 0,  // the program failed; the packet is discarded
    XDP_PASS = 1,
    XDP_DROP = 2,
    XDP_TX = 3,
    XDP_REDIRECT = 4, // not a verdict on Windows: discarded as XDP_ABORTED is. Here for programs that count by verdict.
};

// ---- maps ----------------------------------------------------------------------------------------------------------

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

// How an update treats an entry that is there, or is not.
enum {
    BPF_ANY = 0,
    BPF_NOEXIST = 1,
    BPF_EXIST = 2,
};

// Flags of maps that say only how their memory is come by, which is the host's affair here.
#define BPF_F_NO_PREALLOC 0U
#define BPF_F_NO_COMMON_LRU 0U

// Flags of bpf_perf_event_output.
#define BPF_F_INDEX_MASK 0xffffffffULL
#define BPF_F_CURRENT_CPU BPF_F_INDEX_MASK

// The key of an LPM_TRIE starts so.
struct bpf_lpm_trie_key {
    __u32 prefixlen;
    __u8 data[];
};
