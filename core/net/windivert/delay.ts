// How long packets wait in the driver's queue: the only sign of overload there is, for what it drops it does not count.
import { createArena } from "../posix.ts";
import { readTimestamp } from "./address.ts";
import type { Library } from "./library.ts";

/** Called after every batch with its addresses, and where none came. Answers with the longest wait of the last second. */
export function createDelayMeter(library: Library): (addresses: DataView, count: number) => number {
  const scratch = createArena(library, 16);
  const read = (): number => readTimestamp(scratch.data, 0);
  library.QueryPerformanceFrequency(scratch.address);
  const ticksPerMillisecond = read() / 1000;
  let second = 0;
  let longest = 0;
  let shown = 0;
  return (addresses, count) => {
    library.QueryPerformanceCounter(scratch.address);
    const now = read();
    // The oldest is the first.
    if (count > 0) longest = Math.max(longest, (now - readTimestamp(addresses, 0)) / ticksPerMillisecond);
    shown = Math.max(shown, longest);
    if (now - second > 1000 * ticksPerMillisecond) {
      shown = longest;
      longest = 0;
      second = now;
    }
    return shown;
  };
}
