// SPDX-License-Identifier: MIT
// The UDP header (RFC 768) as Linux names it.
#pragma once
#include <linux/types.h>

struct udphdr {
    __be16 source;
    __be16 dest;
    __be16 len; // bytes of header and payload
    __sum16 check;
};
