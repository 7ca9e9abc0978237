// Rates from a counter that only grows, and a bar of them. Knows where neither the counter nor the text goes.
import { sleep } from "./process.ts";

/** A counter's value, and when it was read. */
export interface Sample {
  readonly milliseconds: number;
  readonly datagrams: number;
}

const STEP_MILLISECONDS = 100;

/** Counts a second from `first` to `last`; 0 if no time went by. */
export function rateBetween(first: Sample, last: Sample): number {
  const milliseconds = last.milliseconds - first.milliseconds;
  return milliseconds <= 0 ? 0 : ((last.datagrams - first.datagrams) * 1000) / milliseconds;
}

/** The mean rate over `seconds`; `show` is given the rate of the last half second ten times a second. */
export async function measureRate(
  read: () => Sample,
  seconds: number,
  signal: AbortSignal,
  show: (rate: number) => void,
): Promise<number> {
  const first = read();
  const recent: Sample[] = [first];
  while ((recent.at(-1) ?? first).milliseconds - first.milliseconds < seconds * 1000) {
    await sleep(STEP_MILLISECONDS, signal);
    recent.push(read());
    if (recent.length > 6) recent.shift();
    show(rateBetween(recent[0] ?? first, recent.at(-1) ?? first));
  }
  return rateBetween(first, recent.at(-1) ?? first);
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** A bar of `value` where `full` fills `width` characters; always as long as `width`. */
export function drawBar(value: number, full: number, width: number): string {
  const eighths = Math.round(Math.min(1, full <= 0 ? 0 : value / full) * width * 8);
  return ("█".repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? "")).padEnd(width);
}
