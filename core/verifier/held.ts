// What the exploration holds at one time: paths that wait and states that are kept, in bytes as V8 lays them out, estimated
// from above. A count, not a measurement, so that a verdict never depends on the machine or on when garbage is collected.

/** Above this a program is too complex: what is held then, a program and its object still fit a thread (manager/pool.ts). */
const MOST_BYTES = 64 * 2 ** 20;

/** Of a waiting path or a kept state its own: registers, frames, marks, a stack's 64 references and the marks of those. */
const OWN_BYTES = 1_600;
/** A number with its bounds, and where it lies. */
const VALUE_BYTES = 400;

export class Held {
  #bytes = 0;
  #values = 0;

  get isTooMuch(): boolean {
    return this.#bytes > MOST_BYTES;
  }

  /** A step has made values: what is held next holds them too. */
  made(values: number): void {
    this.#values += values;
  }

  /** Something is held from now on, with what has been made since the last time; answers what it takes. */
  hold(): number {
    const bytes = OWN_BYTES + VALUE_BYTES * this.#values;
    this.#values = 0;
    this.#bytes += bytes;
    return bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}
