// SPDX-License-Identifier: MIT
// libbpf's names for what a program says to its loader and its host: sections, map definitions, attributes, and the
// helpers, which are called by the numbers they have on Windows.
#pragma once
#include <linux/bpf.h>

// ---- sections and map definitions ----------------------------------------------------------------------------------

#define SEC(name) __attribute__((section(name), used))

// Fields of a map in SEC(".maps"): a number, a type, inner maps or programs.
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name
#define __array(name, type) typeof(type) *name[]

// Values of a map's `pinning`. There are no pins here: a map lives as long as its program.
enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };

// A map in SEC("maps"), the form before BTF.
struct bpf_map_def {
    unsigned int type;
    unsigned int key_size;
    unsigned int value_size;
    unsigned int max_entries;
    unsigned int map_flags;
};

// ---- attributes and small things -----------------------------------------------------------------------------------

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef container_of
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#endif

// Keeps the compiler from moving memory accesses across it, or from knowing more of a variable than that it has a value.
#ifndef barrier
#define barrier() __asm__ volatile("" ::: "memory")
#endif
#ifndef barrier_var
#define barrier_var(variable) __asm__ volatile("" : "+r"(variable))
#endif

// ---- helpers -------------------------------------------------------------------------------------------------------

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static long (*const bpf_tail_call)(void *context, void *programs, __u32 index) = (void *)5;
static __u32 (*const bpf_get_prandom_u32)(void) = (void *)6;
static __u64 (*const bpf_ktime_get_boot_ns)(void) = (void *)7;
static __u64 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)9;
static __s64 (*const bpf_csum_diff)(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __wsum seed) =
    (void *)10;
static long (*const bpf_ringbuf_output)(void *ring, void *data, __u64 size, __u64 flags) = (void *)11;
static long (*const bpf_map_push_elem)(void *map, const void *value, __u64 flags) = (void *)16;
static long (*const bpf_map_pop_elem)(void *map, void *value) = (void *)17;
static long (*const bpf_map_peek_elem)(void *map, void *value) = (void *)18;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)19;
static long (*const bpf_perf_event_output)(void *context, void *map, __u64 flags, void *data, __u64 size) =
    (void *)32;
static long (*const bpf_xdp_adjust_head)(void *context, int delta) = (void *)0x10000;

// Windows has one helper for each number of arguments where Linux has bpf_trace_printk.
static long (*const bpf_trace_printk2)(const char *format, __u32 size) = (void *)12;
static long (*const bpf_trace_printk3)(const char *format, __u32 size, __u64 first) = (void *)13;
static long (*const bpf_trace_printk4)(const char *format, __u32 size, __u64 first, __u64 second) = (void *)14;
static long (*const bpf_trace_printk5)(const char *format, __u32 size, __u64 first, __u64 second, __u64 third) =
    (void *)15;

// Chooses its fifth argument: with nothing in front that is the last of four, with three things in front the first.
#define __ebpf_choose(none, first, second, third, chosen, ...) chosen
#define __ebpf_printk0(format, size) bpf_trace_printk2(format, size)
#define __ebpf_printk1(format, size, a) bpf_trace_printk3(format, size, (__u64)(a))
#define __ebpf_printk2(format, size, a, b) bpf_trace_printk4(format, size, (__u64)(a), (__u64)(b))
#define __ebpf_printk3(format, size, a, b, c) bpf_trace_printk5(format, size, (__u64)(a), (__u64)(b), (__u64)(c))

// The form with the size given, for programs that call it directly. At most three arguments after it.
#define bpf_trace_printk(format, size, ...)                                                                            \
    __ebpf_choose(, ##__VA_ARGS__, __ebpf_printk3, __ebpf_printk2, __ebpf_printk1, __ebpf_printk0)                     \
    (format, size, ##__VA_ARGS__)

// Prints to the host's trace; the format is a string literal, with at most three arguments.
#define bpf_printk(format, ...)                                                                                        \
    ({                                                                                                                 \
        static const char ebpf_format[] = format;                                                                      \
        bpf_trace_printk(ebpf_format, sizeof(ebpf_format), ##__VA_ARGS__);                                             \
    })
