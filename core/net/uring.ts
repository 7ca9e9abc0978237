// io_uring(7) in its simplest form: queue reads and writes that never wait, submit them all with one system call, look
// at the results. A TAP device gives one frame a call, and the call costs more than the frame; this is how many go in one.
import { ERRNO, LINUX, type Posix, putAddress, systemError } from "./posix.ts";

const OP_READ = 22;
const OP_WRITE = 23;
/** preadv2(2): fail with EAGAIN rather than wait. */
const RWF_NOWAIT = 8;
const SETUP_CQSIZE = 1 << 3;
const SETUP_SINGLE_ISSUER = 1 << 12;
const SETUP_DEFER_TASKRUN = 1 << 13;
const FEATURE_SINGLE_MMAP = 1;
const ENTER_GETEVENTS = 1;
const OFFSET_SQES = 0x10000000;
const SQE_BYTES = 64;
const CQE_BYTES = 16;

export interface Ring {
  /** Queue; `tag` (0 to 2^31-1) comes back with the result. Reads and writes are carried out in the order queued. */
  read(fd: number, address: number, sizeBytes: number, tag: number): void;
  write(fd: number, address: number, sizeBytes: number, tag: number): void;
  /** Carries out what is queued; then result i (of the number returned) is in `tags[i]` and `results[i]` (-errno if below 0). */
  submit(): number;
  readonly tags: Int32Array;
  readonly results: Int32Array;
  close(): void;
}

/** Undefined where the kernel has no io_uring, forbids it, or is too old for what is used here. */
export function openRing(posix: Posix, entries: number): Ring | undefined {
  // struct io_uring_params: 40 bytes of numbers, then the offsets of both rings, 40 bytes each.
  const parameters = new Uint32Array(new ArrayBuffer(128));
  const setup = (flags: number): number => {
    parameters.fill(0);
    parameters[1] = entries * 2;
    parameters[2] = flags | SETUP_CQSIZE;
    return posix.ringSetup(
      LINUX.SYS_IO_URING_SETUP,
      entries,
      posix.addressOf(new Uint8Array(parameters.buffer)),
    );
  };
  let fd = setup(SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN);
  if (fd < 0) fd = setup(0);
  if (fd < 0) return undefined;
  const field = (index: number): number => parameters[index] ?? 0;
  const sqEntries = field(0);
  const cqEntries = field(1);
  const ringBytes = Math.max(field(10 + 6) + sqEntries * 4, field(20 + 5) + cqEntries * CQE_BYTES);
  const protection = LINUX.PROT_READ_WRITE;
  const flags = LINUX.MAP_SHARED | LINUX.MAP_POPULATE;
  const ringAt = posix.mmap(0, ringBytes, protection, flags, fd, 0);
  const sqesAt = posix.mmap(0, sqEntries * SQE_BYTES, protection, flags, fd, OFFSET_SQES);
  if ((field(5) & FEATURE_SINGLE_MMAP) === 0 || isFailed(ringAt) || isFailed(sqesAt)) {
    posix.close(fd);
    return undefined;
  }
  // Only this thread touches the rings, and the kernel only inside the system call: plain accesses are ordered by it.
  const ring = new Int32Array(posix.bufferAt(ringAt, ringBytes));
  const sqes = new Int32Array(posix.bufferAt(sqesAt, sqEntries * SQE_BYTES));
  const sqTail = field(11) / 4;
  const sqMask = ring[field(12) / 4] ?? 0;
  const cqHead = field(20) / 4;
  const cqTail = field(21) / 4;
  const cqMask = ring[field(22) / 4] ?? 0;
  const cqes = field(25) / 4;
  for (let index = 0; index < sqEntries; index++) ring[field(16) / 4 + index] = index;

  const tags = new Int32Array(entries);
  const results = new Int32Array(entries);
  let tail = ring[sqTail] ?? 0;
  let queued = 0;

  const queue = (operation: number, file: number, address: number, sizeBytes: number, tag: number): void => {
    if (queued === entries) throw new RangeError("the ring is full");
    const at = (tail & sqMask) * (SQE_BYTES / 4);
    sqes[at] = operation;
    sqes[at + 1] = file;
    sqes[at + 2] = 0;
    sqes[at + 3] = 0;
    putAddress(sqes, at + 4, address);
    sqes[at + 6] = sizeBytes;
    sqes[at + 7] = RWF_NOWAIT;
    sqes[at + 8] = tag;
    sqes[at + 9] = 0;
    sqes[at + 10] = 0;
    tail = (tail + 1) | 0;
    queued += 1;
  };

  return {
    tags,
    results,
    read: (file, address, sizeBytes, tag) => queue(OP_READ, file, address, sizeBytes, tag),
    write: (file, address, sizeBytes, tag) => queue(OP_WRITE, file, address, sizeBytes, tag),
    submit() {
      if (queued === 0) return 0;
      ring[sqTail] = tail;
      let toSubmit = queued;
      let count = 0;
      while (count < queued) {
        const done = posix.ringEnter(
          LINUX.SYS_IO_URING_ENTER,
          fd,
          toSubmit,
          queued - count,
          ENTER_GETEVENTS,
          0,
          0,
        );
        if (done >= 0) toSubmit -= done;
        else if (posix.errno() !== ERRNO.EINTR) throw systemError(posix.errno(), "io_uring_enter");
        let head = ring[cqHead] ?? 0;
        const end = ring[cqTail] ?? 0;
        for (; head !== end; head = (head + 1) | 0) {
          const at = cqes + (head & cqMask) * (CQE_BYTES / 4);
          tags[count] = ring[at] ?? 0;
          results[count] = ring[at + 2] ?? 0;
          count += 1;
        }
        ring[cqHead] = head;
      }
      queued = 0;
      return count;
    },
    close() {
      posix.munmap(Number(ringAt), ringBytes);
      posix.munmap(Number(sqesAt), sqEntries * SQE_BYTES);
      posix.close(fd);
    },
  };
}

function isFailed(address: number | bigint): boolean {
  return BigInt(address) >= 0xffff_ffff_ffff_f000n;
}
