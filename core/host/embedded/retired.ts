// Memory that is given up while a thread may still use it: a program that was closed may just be running where a tail call led
// to it, and an array of programs says nothing of who is inside. Such memory is freed when all that ran at that time is over.
import { LANE_WORD } from "../../image/abi.ts";
import type { Lane } from "./lane.ts";
import { viewsOf } from "./memory.ts";

export interface Retired {
  /** Calls `free` now, or at a later call of this or settle(). */
  retire(free: () => void): void;
  settle(): void;
}

interface Waiting {
  readonly free: () => void;
  /** Those that ran, and the number of what they ran. */
  running: readonly { readonly lane: Lane; readonly run: number }[];
}

/** `lanes` are those of other threads. */
export function createRetired(memory: WebAssembly.Memory, lanes: () => readonly Lane[]): Retired {
  let waiting: Waiting[] = [];
  // The memory grows, and lanes come later.
  const runOf = (lane: Lane): number =>
    Atomics.load(viewsOf(memory).words, (lane.resultAddress + LANE_WORD.runs) >>> 2);
  const settle = (): void => {
    if (waiting.length === 0) return;
    const present = new Set(lanes());
    for (const entry of waiting) {
      entry.running = entry.running.filter(({ lane, run }) => present.has(lane) && runOf(lane) === run);
    }
    const done = waiting.filter(({ running }) => running.length === 0);
    waiting = waiting.filter(({ running }) => running.length > 0);
    for (const { free } of done) free();
  };
  return {
    retire(free) {
      const running = lanes().map((lane) => ({ lane, run: runOf(lane) }));
      waiting.push({ free, running: running.filter(({ run }) => (run & 1) !== 0) });
      settle();
    },
    settle,
  };
}
