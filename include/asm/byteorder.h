// SPDX-License-Identifier: MIT
// Byte order conversions under the names Linux headers use. bpf programs for Windows are little endian.
#pragma once
#include <linux/types.h>

#define __cpu_to_be16(value) ((__be16)__builtin_bswap16((__u16)(value)))
#define __cpu_to_be32(value) ((__be32)__builtin_bswap32((__u32)(value)))
#define __cpu_to_be64(value) ((__be64)__builtin_bswap64((__u64)(value)))
#define __be16_to_cpu(value) __builtin_bswap16((__u16)(value))
#define __be32_to_cpu(value) __builtin_bswap32((__u32)(value))
#define __be64_to_cpu(value) __builtin_bswap64((__u64)(value))

#define __cpu_to_le16(value) ((__le16)(value))
#define __cpu_to_le32(value) ((__le32)(value))
#define __cpu_to_le64(value) ((__le64)(value))
#define __le16_to_cpu(value) ((__u16)(value))
#define __le32_to_cpu(value) ((__u32)(value))
#define __le64_to_cpu(value) ((__u64)(value))

#define __constant_htons(value) __cpu_to_be16(value)
#define __constant_htonl(value) __cpu_to_be32(value)
#define __constant_ntohs(value) __be16_to_cpu(value)
#define __constant_ntohl(value) __be32_to_cpu(value)
