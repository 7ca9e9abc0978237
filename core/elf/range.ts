// Look-up in lists that are sorted by byte offset; functions, records and relocations of a section are such lists.

interface Placed {
  readonly byteOffset: number;
}

/** The part of a list, sorted by offset, that lies in [start, end). */
export function inside<T extends Placed>(
  list: readonly T[] | undefined,
  start: number,
  end: number,
): readonly T[] {
  return list === undefined ? [] : list.slice(lowerBound(list, start), lowerBound(list, end));
}

function lowerBound(list: readonly Placed[], offset: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.byteOffset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
