// The main thread's eye on a packet loop that holds packets of the machine: a loop that hangs would be a black hole, for the
// driver queues and then drops. A process that dies needs no watch: the driver lets everything through then.

import { loadKoffi } from "../../base/native.ts";
import { CELL } from "../loop.ts";
import { openLibrary, SHUTDOWN_RECEIVE } from "./library.ts";

const TICK_MILLISECONDS = 250;
/** Ticks of this thread, not time: a machine that slept, or a process that was stopped, is no loop that hangs. */
const SILENT_TICKS = 8;

/** Lets packets pass once the loop has been silent for two seconds; what it does next, it does with none. Returns how to end that. */
export async function watchLoop(path: string, cells: Float64Array): Promise<() => void> {
  const library = openLibrary(await loadKoffi("PlatformUnsupported"), path);
  let last = 0;
  let silent = 0;
  const timer = setInterval(() => {
    const handle = cells[CELL.handle] ?? 0;
    const beat = cells[CELL.beat] ?? 0;
    silent = handle === 0 || beat !== last ? 0 : silent + 1;
    last = beat;
    if (silent === SILENT_TICKS) library.WinDivertShutdown(handle, SHUTDOWN_RECEIVE);
  }, TICK_MILLISECONDS);
  timer.unref();
  return () => clearInterval(timer);
}
