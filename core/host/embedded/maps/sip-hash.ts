// HalfSipHash-1-3 (J.-P. Aumasson, D. Bernstein; the 32-bit form that Linux uses for its hash tables): keyed, so that
// whoever chooses the keys, such as a sender of packets, cannot choose collisions.

/** 32 bits of the first `count` words under the key (low, high); `lengthBytes` tells keys of one padded length apart. */
export function halfSipHash(
  words: Int32Array,
  count: number,
  lengthBytes: number,
  keyLow: number,
  keyHigh: number,
): number {
  let a = keyLow;
  let b = keyHigh;
  let c = 0x6c796765 ^ keyLow;
  let d = 0x74656462 ^ keyHigh;
  // One round for each word and for the length, then three more.
  for (let index = 0; index <= count + 3; index++) {
    const word = index < count ? words[index]! : index === count ? lengthBytes << 24 : 0;
    if (index === count + 1) c ^= 0xff;
    d ^= word;
    a = (a + b) | 0;
    b = ((b << 5) | (b >>> 27)) ^ a;
    a = (a << 16) | (a >>> 16);
    c = (c + d) | 0;
    d = ((d << 8) | (d >>> 24)) ^ c;
    a = (a + d) | 0;
    d = ((d << 7) | (d >>> 25)) ^ a;
    c = (c + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ c;
    c = (c << 16) | (c >>> 16);
    a ^= word;
  }
  return b ^ d;
}
