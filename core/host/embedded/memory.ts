// The one linear memory of the embedded host: a shared WebAssembly.Memory that holds contexts, packets, stacks and map
// values. Only the main thread allocates; workers are given addresses. Knows nothing of what is stored where.
import { EbpfError, InternalError } from "../../base/error.ts";

const PAGE_BYTES = 65_536;
const ALIGNMENT_BYTES = 16;
const INITIAL_PAGES = 16;
export const MAXIMUM_MEMORY_BYTES = 2 ** 30;

/** Typed windows on the whole memory as it was when they were made; what was allocated before then lies within. */
export interface MemoryViews {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly longs: BigInt64Array<SharedArrayBuffer>;
  readonly data: DataView<SharedArrayBuffer>;
}

/** A growing memory keeps its old buffers valid (shared buffers are never detached), so views may be held for ever. */
export function viewsOf(memory: WebAssembly.Memory): MemoryViews {
  const buffer = memory.buffer as unknown as SharedArrayBuffer;
  return {
    bytes: new Uint8Array(buffer),
    words: new Int32Array(buffer),
    longs: new BigInt64Array(buffer),
    data: new DataView(buffer),
  };
}

export interface LinearMemory {
  readonly memory: WebAssembly.Memory;
  /** Address of that many zero bytes, aligned to 16, never below 64 KiB; MemoryExhausted if there is no room. */
  allocate(sizeBytes: number): number;
  /** Takes back what allocate() gave; nobody may use it any more. */
  free(address: number): void;
  /** Bytes that are allocated now. */
  usedBytes(): number;
}

interface Range {
  address: number;
  sizeBytes: number;
}

/**
 * First fit over a list of free ranges, sorted by address. The first 64 KiB stay unused: no pointer is null.
 * MemoryExhausted if not even the addresses can be had.
 */
export function createLinearMemory(maximumBytes: number = MAXIMUM_MEMORY_BYTES): LinearMemory {
  const maximum = Math.floor(maximumBytes / PAGE_BYTES);
  const memory = reserve(maximum);
  const used = new Map<number, number>();
  const free: Range[] = [{ address: PAGE_BYTES, sizeBytes: memory.buffer.byteLength - PAGE_BYTES }];

  const grow = (sizeBytes: number): void => {
    const end = memory.buffer.byteLength;
    const last = free.at(-1);
    const tail = last !== undefined && last.address + last.sizeBytes === end ? last : undefined;
    const pages = Math.ceil((sizeBytes - (tail?.sizeBytes ?? 0)) / PAGE_BYTES);
    const room = maximum - end / PAGE_BYTES;
    if (pages > room) throw exhausted(sizeBytes, maximumBytes);
    // Grow in larger steps than asked for, so that many small maps do not mean many growths.
    const step = Math.min(room, Math.max(pages, Math.floor(end / PAGE_BYTES / 4)));
    try {
      memory.grow(step);
    } catch (cause) {
      throw exhausted(sizeBytes, maximumBytes, cause);
    }
    if (tail === undefined) free.push({ address: end, sizeBytes: step * PAGE_BYTES });
    else tail.sizeBytes += step * PAGE_BYTES;
  };

  const take = (sizeBytes: number): number | undefined => {
    const index = free.findIndex((range) => range.sizeBytes >= sizeBytes);
    const range = free[index];
    if (range === undefined) return undefined;
    const { address } = range;
    range.address += sizeBytes;
    range.sizeBytes -= sizeBytes;
    if (range.sizeBytes === 0) free.splice(index, 1);
    return address;
  };

  return {
    memory,
    allocate(sizeBytes) {
      if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > maximumBytes) {
        throw exhausted(sizeBytes, maximumBytes);
      }
      const rounded = Math.max(ALIGNMENT_BYTES, alignUp(sizeBytes, ALIGNMENT_BYTES));
      let address = take(rounded);
      if (address === undefined) {
        grow(rounded);
        address = take(rounded);
      }
      if (address === undefined) throw new InternalError("memory grew and is still too small");
      used.set(address, rounded);
      new Uint8Array(memory.buffer, address, rounded).fill(0);
      return address;
    },
    free(address) {
      const sizeBytes = used.get(address);
      if (sizeBytes === undefined) throw new InternalError(`address ${address} is not allocated`);
      used.delete(address);
      giveBack(free, { address, sizeBytes });
    },
    usedBytes: () => [...used.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0),
  };
}

/** A shared memory reserves addresses for all it may ever have; a limit on address space can forbid that. */
function reserve(maximum: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: Math.min(INITIAL_PAGES, maximum), maximum, shared: true });
  } catch (cause) {
    throw new EbpfError(
      "MemoryExhausted",
      `the system gives no address space for a memory of ${maximum * PAGE_BYTES} bytes`,
      { details: { maximumBytes: maximum * PAGE_BYTES } },
      cause,
    );
  }
}

/** Inserts a range in order of address and joins it with its neighbours. */
function giveBack(free: Range[], range: Range): void {
  let index = free.findIndex((other) => other.address > range.address);
  if (index < 0) index = free.length;
  free.splice(index, 0, range);
  const next = free[index + 1];
  if (next !== undefined && range.address + range.sizeBytes === next.address) {
    range.sizeBytes += next.sizeBytes;
    free.splice(index + 1, 1);
  }
  const previous = free[index - 1];
  if (previous !== undefined && previous.address + previous.sizeBytes === range.address) {
    previous.sizeBytes += range.sizeBytes;
    free.splice(index, 1);
  }
}

function exhausted(sizeBytes: number, maximumBytes: number, cause?: unknown): EbpfError {
  return new EbpfError(
    "MemoryExhausted",
    `${sizeBytes} bytes do not fit into the host's memory of at most ${maximumBytes} bytes`,
    { details: { sizeBytes, maximumBytes } },
    cause,
  );
}

/** `value` rounded up to a multiple of `alignment`, a power of two. Right for numbers above 2^31 too. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
