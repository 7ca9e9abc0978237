// SPDX-License-Identifier: MIT
// Packet sockets, which programs of hooks have none of: many include this for nothing. To whom a frame was sent, as Linux numbers it.
#pragma once
#include <linux/types.h>

#define PACKET_HOST 0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING 4
