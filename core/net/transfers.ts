// Frames to and from devices that give and take one a call: many calls in one through io_uring where the kernel has it,
// else one by one. Knows no programs.
import { EbpfError } from "../base/error.ts";
import { ERRNO, errnoName, type Posix } from "./posix.ts";
import { openRing, type Ring } from "./uring.ts";

/** Reads tried at once when a device was idle; doubled when each gave a frame, halved when few did. */
const LEAST_BATCH = 4;

/** Slots that are filled from one device. */
export interface Source {
  readonly fd: number;
  /** What messages call the device. */
  readonly name: string;
  /** Where each slot lies, and how many bytes it takes. */
  readonly addresses: Float64Array;
  readonly capacity: number;
  batch: number;
  /** The frames of the last exchange: their number, their slots and sizes. */
  count: number;
  readonly slots: Int32Array;
  readonly sizes: Int32Array;
}

export function createSource(
  fd: number,
  name: string,
  slots: { readonly address: number; readonly strideBytes: number; readonly count: number },
  capacity: number,
): Source {
  return {
    fd,
    name,
    addresses: Float64Array.from(
      { length: slots.count },
      (_, slot) => slots.address + slot * slots.strideBytes,
    ),
    capacity,
    batch: LEAST_BATCH,
    count: 0,
    slots: new Int32Array(slots.count),
    sizes: new Int32Array(slots.count),
  };
}

export interface Transfers {
  readonly kind: "ring" | "plain";
  /** Queues a frame; it leaves with the next exchange or flush, before that reads anything. */
  write(fd: number, address: number, sizeBytes: number): void;
  /** Sends what is queued, then takes what the sources have. InterfaceFailed if a device is gone. */
  exchange(sources: readonly Source[]): void;
  /** Frames that a device did not take since the last call. */
  takeFailures(): number;
  close(): void;
}

/** At most `entries` frames are queued and read at once. `probe` is any device of them, read once to see what works. */
export function openTransfers(posix: Posix, entries: number, probe: Source, plain: boolean): Transfers {
  const ring = plain ? undefined : openRing(posix, entries);
  if (ring === undefined) return createPlain(posix);
  ring.read(probe.fd, probe.addresses[0]!, probe.capacity, 0);
  ring.submit();
  const result = ring.results[0]!;
  // Kernels whose TAP driver cannot promise not to wait answer EOPNOTSUPP.
  if (result < 0 && result !== -ERRNO.EAGAIN) {
    ring.close();
    return createPlain(posix);
  }
  return createRinged(ring);
}

const WRITE_TAG = 0x40000000;

function createRinged(ring: Ring): Transfers {
  let failures = 0;
  return {
    kind: "ring",
    write: (fd, address, sizeBytes) => ring.write(fd, address, sizeBytes, WRITE_TAG),
    exchange(sources) {
      for (let index = 0; index < sources.length; index++) {
        const source = sources[index]!;
        source.count = 0;
        for (let slot = 0; slot < source.batch; slot++) {
          ring.read(source.fd, source.addresses[slot]!, source.capacity, (index << 16) | slot);
        }
      }
      const total = ring.submit();
      for (let index = 0; index < total; index++) {
        const tag = ring.tags[index]!;
        const result = ring.results[index]!;
        if (tag === WRITE_TAG) {
          if (result < 0) failures += 1;
          continue;
        }
        const source = sources[tag >> 16]!;
        if (result > 0) {
          source.slots[source.count] = tag & 0xffff;
          source.sizes[source.count] = result;
          source.count += 1;
        } else checkRead(source, -result);
      }
      for (let index = 0; index < sources.length; index++) adapt(sources[index]!);
    },
    takeFailures() {
      const count = failures;
      failures = 0;
      return count;
    },
    close: () => ring.close(),
  };
}

function createPlain(posix: Posix): Transfers {
  let failures = 0;
  return {
    kind: "plain",
    write(fd, address, sizeBytes) {
      if (posix.write(fd, address, sizeBytes) < 0) failures += 1;
    },
    exchange(sources) {
      for (const source of sources) {
        source.count = 0;
        while (source.count < source.batch) {
          const size = posix.read(source.fd, source.addresses[source.count]!, source.capacity);
          if (size <= 0) {
            checkRead(source, size < 0 ? posix.errno() : ERRNO.EAGAIN);
            break;
          }
          source.slots[source.count] = source.count;
          source.sizes[source.count] = size;
          source.count += 1;
        }
        adapt(source);
      }
    },
    takeFailures() {
      const count = failures;
      failures = 0;
      return count;
    },
    close: () => undefined,
  };
}

function checkRead(source: Source, errno: number): void {
  if (errno === ERRNO.EAGAIN || errno === ERRNO.EINTR || errno === 0) return;
  throw new EbpfError(
    "InterfaceFailed",
    `device ${source.name} cannot be read any more: ${errnoName(errno)}`,
    {
      target: source.name,
      details: { errno },
    },
  );
}

function adapt(source: Source): void {
  if (source.count === source.batch) source.batch = Math.min(source.batch * 2, source.addresses.length);
  else if (source.count * 4 < source.batch) source.batch = Math.max(LEAST_BATCH, source.batch >> 1);
}
