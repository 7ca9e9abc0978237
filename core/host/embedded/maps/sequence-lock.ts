// A lock in one word of the linear memory, for threads that all have it mapped: even is free, odd is held, and every
// holder leaves a new number, so that readers notice that they were disturbed instead of taking part.

const SPINS = 200;
/** A holder may have lost its processor: give way for a while. */
const PAUSE_MILLISECONDS = 0.05;

/** Waits until the lock is this thread's. It is held for a microsecond or so, and never while a program runs. */
export function acquire(words: Int32Array, at: number): void {
  for (let spins = 0; ; spins++) {
    const seen = Atomics.load(words, at);
    if ((seen & 1) === 0 && Atomics.compareExchange(words, at, seen, seen + 1) === seen) return;
    if (spins > SPINS) Atomics.wait(words, at, seen, PAUSE_MILLISECONDS);
  }
}

export function release(words: Int32Array, at: number): void {
  Atomics.add(words, at, 1);
}
