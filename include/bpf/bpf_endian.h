// SPDX-License-Identifier: MIT
// libbpf's byte order conversions between host and network. They hold for constants too (a case label, an initialiser).
#pragma once
#include <linux/types.h>

#define __ebpf_swap16(value) ((__u16)__builtin_bswap16((__u16)(value)))
#define __ebpf_swap32(value) ((__u32)__builtin_bswap32((__u32)(value)))
#define __ebpf_swap64(value) ((__u64)__builtin_bswap64((__u64)(value)))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define bpf_htons(value) __ebpf_swap16(value)
#define bpf_ntohs(value) __ebpf_swap16(value)
#define bpf_htonl(value) __ebpf_swap32(value)
#define bpf_ntohl(value) __ebpf_swap32(value)
#define bpf_cpu_to_be64(value) __ebpf_swap64(value)
#define bpf_be64_to_cpu(value) __ebpf_swap64(value)
#else
#define bpf_htons(value) ((__u16)(value))
#define bpf_ntohs(value) ((__u16)(value))
#define bpf_htonl(value) ((__u32)(value))
#define bpf_ntohl(value) ((__u32)(value))
#define bpf_cpu_to_be64(value) ((__u64)(value))
#define bpf_be64_to_cpu(value) ((__u64)(value))
#endif
