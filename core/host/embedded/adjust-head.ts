// The helper xdp_adjust_head: moves the begin of the packet within its slot, whose headroom is the packet's too. The bounds are
// Linux'; what is given in front of the packet as it came is zeros, for it may have been of another one.
import type { ContextDescriptor } from "../../platform/platform.ts";
import { packetWriter } from "./context.ts";
import type { Lane } from "./lane.ts";
import { MAP_ERROR } from "./maps/map.ts";
import type { MemoryViews } from "./memory.ts";
import { readPacketBounds } from "./regions.ts";

const HEADROOM_BYTES = 256;
/** An Ethernet header is never cut off. */
const LEAST_BYTES = 14;
const MOST_BYTES = 0xffff;

/** Answers 0, or -EINVAL and nothing is changed. */
export function createAdjustHead(
  views: MemoryViews,
  lane: Lane,
  context: ContextDescriptor,
): (contextAddress: number, delta: number) => number {
  const write = packetWriter(context, views);
  const headroom = Math.min(HEADROOM_BYTES, lane.packetHeadroomBytes);
  /** Where a packet began that lies there: packets stay in their slot. */
  const originOf = (start: number): number => {
    const slot = Math.floor((start - lane.packetAddress) / lane.packetSlotBytes);
    return lane.packetAddress + slot * lane.packetSlotBytes + lane.packetHeadroomBytes;
  };
  return (contextAddress, delta) => {
    const { start, end } = readPacketBounds(views, context, contextAddress);
    const origin = originOf(start);
    const begin = start + (delta | 0);
    const sizeBytes = end - begin;
    if (begin < origin - headroom || sizeBytes < LEAST_BYTES || sizeBytes > MOST_BYTES) {
      return MAP_ERROR.invalid;
    }
    if (begin < origin) views.bytes.fill(0, begin, Math.min(start, origin));
    write(contextAddress, begin, sizeBytes);
    return 0;
  };
}
