// What a run of a program depends on, as a flat list of choices: bytes of objects (the packet, the context, map values,
// what helpers write), the length of the packet, what helpers answer. Anything not chosen has its default: 0, or what the
// object file says. Immutable: a search keeps many.

/** "packet@12" is a byte, "length" the packet's, "answer 3" the result of the third call, "null 3" 1 if it is null. */
export type Key = string;

export interface Change {
  readonly key: Key;
  readonly value: bigint;
}

export type Input = ReadonlyMap<Key, bigint>;

export const LENGTH: Key = "length";

export function byteKey(object: string, offset: number): Key {
  return `${object}@${offset}`;
}

export function answerKey(call: number): Key {
  return `answer ${call}`;
}

export function nullKey(call: number): Key {
  return `null ${call}`;
}

export function withChanges(input: Input, changes: readonly Change[]): Input {
  const next = new Map(input);
  for (const { key, value } of changes) next.set(key, value);
  return next;
}

/** The same for inputs that are the same. */
export function fingerprint(input: Input): string {
  return [...input.entries()]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(" ");
}

/** Little-endian bytes of `value` at `offset` of the object; only those that `mask` has bits in. */
export function bytesOf(object: string, offset: number, sizeBytes: number, value: bigint): Change[] {
  return Array.from({ length: sizeBytes }, (_, at) => ({
    key: byteKey(object, offset + at),
    value: (value >> BigInt(8 * at)) & 0xffn,
  }));
}
