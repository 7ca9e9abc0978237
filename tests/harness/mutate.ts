// Seeded damage for fuzz tests: the same seed gives the same bytes on every machine. Knows no format; the interesting
// values are those that sit at the edges of fields.

const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff8];

/** A small generator (xorshift32); `next(n)` is below n. */
export function generator(seed: number): (below: number) => number {
  let state = (Math.imul(seed, 0x9e37_79b1) ^ 0x85eb_ca6b) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
}

/** A copy of `bytes` with one to four places changed, sometimes cut short; `from` and `to` bound where. */
export function mutate(bytes: Uint8Array, seed: number, from = 0, to = bytes.length): Uint8Array {
  const next = generator(seed);
  // A Buffer is copied too: its own slice() would not.
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  for (let count = 1 + next(4); count > 0; count--) {
    const at = from + next(Math.max(1, to - from - 8));
    const edge = EDGES[next(EDGES.length)] ?? 0;
    switch (next(6)) {
      case 0:
        copy[at] = (copy[at] ?? 0) ^ (1 << next(8));
        break;
      case 1:
        copy[at] = edge;
        break;
      case 2:
        view.setUint16(at & ~1, edge, true);
        break;
      case 3:
        view.setUint32(at & ~3, edge, true);
        break;
      case 4:
        view.setUint32(at & ~3, view.getUint32(at & ~3, true) + next(64) - 32, true);
        break;
      default:
        copy[at] = next(256);
    }
  }
  return next(16) === 0 ? copy.subarray(0, next(copy.length + 1)) : copy;
}
