// Batches for recvmmsg(2) and sendmmsg(2): arrays of struct mmsghdr with their buffers, names and control data, laid
// out for 64-bit Linux in an arena. Knows layouts only; who sends what to whom is the business of the loops.
import { SOCKADDR_BYTES } from "./address.ts";
import { type Arena, createArena, ERRNO, LINUX, type Posix, putAddress } from "./posix.ts";

// struct mmsghdr: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40, flags 48, len 56; 64 bytes in all.
const HEADER_BYTES = 64;
const HEADER_WORDS = HEADER_BYTES / 4;
const IOVEC_BYTES = 16;
const NAME_BYTES = 32;
export const CONTROL_BYTES = 64;

export interface MessageBatch {
  readonly arena: Arena;
  /** Of the first mmsghdr. */
  readonly address: number;
  readonly count: number;
  /** Byte offsets in the arena of each message's own space for a sockaddr and for control data. */
  nameOffset(index: number): number;
  controlOffset(index: number): number;
  setBuffer(index: number, address: number, sizeBytes: number): void;
  /** Where to, as a sockaddr at any address; size 0: the socket is connected. */
  setName(index: number, address: number, sizeBytes: number): void;
  setControl(index: number, address: number, sizeBytes: number): void;
  /** Makes every message ready to receive a name and that many bytes of control data, each in its own space. */
  useOwnSpaces(controlBytes: number): void;
  /** Before each recvmmsg after that: it overwrites the spaces' sizes. */
  resetSizes(controlBytes: number): void;
  lengthOf(index: number): number;
  controlBytesOf(index: number): number;
  isTruncated(index: number): boolean;
}

export function createMessages(posix: Posix, count: number): MessageBatch {
  const perMessage = HEADER_BYTES + IOVEC_BYTES + NAME_BYTES + CONTROL_BYTES;
  const arena = createArena(posix, count * perMessage);
  const headers = arena.reserve(count * HEADER_BYTES);
  const vectors = arena.reserve(count * IOVEC_BYTES);
  const names = arena.reserve(count * NAME_BYTES);
  const controls = arena.reserve(count * CONTROL_BYTES);
  const { words } = arena;
  const first = headers / 4;
  const putPointer = (word: number, address: number): void => putAddress(words, word, address);
  for (let index = 0; index < count; index++) {
    const word = first + index * HEADER_WORDS;
    putPointer(word + 4, arena.address + vectors + index * IOVEC_BYTES);
    words[word + 6] = 1;
  }
  return {
    arena,
    address: arena.address + headers,
    count,
    nameOffset: (index) => names + index * NAME_BYTES,
    controlOffset: (index) => controls + index * CONTROL_BYTES,
    setBuffer(index, address, sizeBytes) {
      const word = (vectors + index * IOVEC_BYTES) / 4;
      putPointer(word, address);
      words[word + 2] = sizeBytes;
    },
    setName(index, address, sizeBytes) {
      const word = first + index * HEADER_WORDS;
      putPointer(word, sizeBytes === 0 ? 0 : address);
      words[word + 2] = sizeBytes;
    },
    setControl(index, address, sizeBytes) {
      const word = first + index * HEADER_WORDS;
      putPointer(word + 8, sizeBytes === 0 ? 0 : address);
      words[word + 10] = sizeBytes;
    },
    useOwnSpaces(controlBytes) {
      for (let index = 0; index < count; index++) {
        this.setName(index, arena.address + names + index * NAME_BYTES, SOCKADDR_BYTES);
        this.setControl(index, arena.address + controls + index * CONTROL_BYTES, controlBytes);
      }
    },
    resetSizes(controlBytes) {
      for (let word = first; word < first + count * HEADER_WORDS; word += HEADER_WORDS) {
        words[word + 2] = SOCKADDR_BYTES;
        words[word + 10] = controlBytes;
      }
    },
    lengthOf: (index) => words[first + index * HEADER_WORDS + 14] ?? 0,
    controlBytesOf: (index) => words[first + index * HEADER_WORDS + 10] ?? 0,
    isTruncated: (index) => ((words[first + index * HEADER_WORDS + 12] ?? 0) & LINUX.MSG_TRUNC) !== 0,
  };
}

/** Sends the first `count` messages; the number that could not be sent. A refused one does not hold up the others. */
export function sendMessages(posix: Posix, fd: number, batch: MessageBatch, count: number): number {
  let failed = 0;
  let at = 0;
  let retried = -1;
  while (at < count) {
    const sent = posix.sendmmsg(fd, batch.address + at * HEADER_BYTES, count - at, LINUX.MSG_DONTWAIT);
    if (sent > 0) {
      at += sent;
      continue;
    }
    const errno = posix.errno();
    if (errno === ERRNO.EINTR) continue;
    // An ICMP answer to an earlier datagram is reported by, and used up with, the next call; this one was not tried yet.
    if (errno === ERRNO.ECONNREFUSED && retried !== at) {
      retried = at;
      continue;
    }
    failed += 1;
    at += 1;
  }
  return failed;
}
