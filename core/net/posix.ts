// The few Linux system calls of the packet loops, through koffi (x64 and arm64; their numbers agree unless a row says
// otherwise). Addresses are numbers: memory is named by where it lies, so a call allocates nothing. Knows no packets.
import { EbpfError } from "../base/error.ts";
import { loadKoffi } from "../base/native.ts";

/** Flags and numbers of the Linux UAPI headers. */
export const LINUX = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_DGRAM: 2,
  SOCK_NONBLOCK: 0x800,
  SOCK_CLOEXEC: 0x80000,
  SOL_SOCKET: 1,
  SO_RCVBUF: 8,
  SO_SNDBUFFORCE: 32,
  SO_RCVBUFFORCE: 33,
  IPPROTO_IP: 0,
  IPPROTO_IPV6: 41,
  IP_PKTINFO: 8,
  IPV6_V6ONLY: 26,
  IPV6_RECVPKTINFO: 49,
  IPV6_PKTINFO: 50,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  O_RDWR: 2,
  O_NONBLOCK: 0x800,
  O_CLOEXEC: 0x80000,
  EFD_NONBLOCK: 0x800,
  EFD_CLOEXEC: 0x80000,
  EPOLL_CLOEXEC: 0x80000,
  EPOLL_CTL_ADD: 1,
  EPOLLIN: 1,
  CLONE_NEWNET: 0x40000000,
  /** _IOW('T', 202, int), linux/if_tun.h. */
  TUNSETIFF: 0x400454ca,
  TUNSETPERSIST: 0x400454cb,
  IFF_TAP: 2,
  IFF_NO_PI: 0x1000,
  PROT_READ_WRITE: 3,
  MAP_SHARED: 1,
  MAP_POPULATE: 0x8000,
  SYS_IO_URING_SETUP: 425,
  SYS_IO_URING_ENTER: 426,
} as const;

/** Error numbers the loops branch on, by the name that messages show. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  ENOSYS: 38,
  EBADFD: 77,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  EHOSTUNREACH: 113,
  ECONNREFUSED: 111,
} as const;

const NAMES = new Map<number, string>(Object.entries(ERRNO).map(([name, number]) => [number, name]));

/** Each call answers as in C: -1 is failure, and `errno()`, asked at once, says why. */
export interface Posix {
  open(path: string, flags: number): number;
  close(fd: number): number;
  read(fd: number, address: number, sizeBytes: number): number;
  write(fd: number, address: number, sizeBytes: number): number;
  ioctl(fd: number, request: number, argument: number): number;
  eventfd(initial: number, flags: number): number;
  setns(fd: number, kind: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: number, sizeBytes: number): number;
  connect(fd: number, address: number, sizeBytes: number): number;
  getsockname(fd: number, address: number, sizeAddress: number): number;
  setsockopt(fd: number, level: number, name: number, address: number, sizeBytes: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  epollCreate(flags: number): number;
  epollControl(epoll: number, operation: number, fd: number, event: number): number;
  epollWait(epoll: number, events: number, count: number, milliseconds: number): number;
  /** The address, or 2^64 - 1 as a number or bigint if it failed. */
  mmap(
    at: number,
    sizeBytes: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): number | bigint;
  munmap(address: number, sizeBytes: number): number;
  ringSetup(call: number, entries: number, parameters: number): number;
  ringEnter(
    call: number,
    ring: number,
    submit: number,
    complete: number,
    flags: number,
    signals: number,
    sizeBytes: number,
  ): number;
  errno(): number;
  /** Where the bytes of a buffer lie. They do not move, but whoever holds only the address must keep the buffer too. */
  addressOf(bytes: Uint8Array<ArrayBufferLike>): number;
  /** Memory that the system mapped, as a buffer. */
  bufferAt(address: number | bigint, sizeBytes: number): ArrayBuffer;
}

const INT = "int";
const POINTER = "uintptr_t";
const SIZE = "size_t";

/** C name, result, parameters. Variadic functions are called with the parameters that Linux' ABIs pass alike. */
const FUNCTIONS = {
  open: ["open", INT, ["str", INT]],
  close: ["close", INT, [INT]],
  read: ["read", INT, [INT, POINTER, SIZE]],
  write: ["write", INT, [INT, POINTER, SIZE]],
  ioctl: ["ioctl", INT, [INT, "ulong", POINTER]],
  eventfd: ["eventfd", INT, ["uint", INT]],
  setns: ["setns", INT, [INT, INT]],
  socket: ["socket", INT, [INT, INT, INT]],
  bind: ["bind", INT, [INT, POINTER, "uint32_t"]],
  connect: ["connect", INT, [INT, POINTER, "uint32_t"]],
  getsockname: ["getsockname", INT, [INT, POINTER, POINTER]],
  setsockopt: ["setsockopt", INT, [INT, INT, INT, POINTER, "uint32_t"]],
  recvmmsg: ["recvmmsg", INT, [INT, POINTER, "uint", INT, POINTER]],
  sendmmsg: ["sendmmsg", INT, [INT, POINTER, "uint", INT]],
  epollCreate: ["epoll_create1", INT, [INT]],
  epollControl: ["epoll_ctl", INT, [INT, INT, INT, POINTER]],
  epollWait: ["epoll_wait", INT, [INT, POINTER, INT, INT]],
  mmap: ["mmap", POINTER, [POINTER, SIZE, INT, INT, INT, "int64_t"]],
  munmap: ["munmap", INT, [POINTER, SIZE]],
  ringSetup: ["syscall", "long", ["long", "uint32_t", POINTER]],
  ringEnter: ["syscall", "long", ["long", INT, "uint32_t", "uint32_t", "uint32_t", POINTER, SIZE]],
} as const satisfies Partial<Record<keyof Posix, readonly [string, string, readonly string[]]>>;

/** True where the system calls of this file are to be had. */
export function hasPosix(): boolean {
  return process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64");
}

/** Binds the C library of this process; PlatformUnsupported where it is not Linux or koffi is not installed. */
export async function openPosix(): Promise<Posix> {
  if (!hasPosix()) {
    throw new EbpfError(
      "PlatformUnsupported",
      `no Linux system calls on ${process.platform} ${process.arch}`,
    );
  }
  const koffi = await loadKoffi("PlatformUnsupported");
  const library = koffi.load(null);
  const bound = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, [symbol, result, parameters]]) => [
      name,
      library.func(symbol, result, [...parameters]),
    ]),
  ) as unknown as Pick<Posix, keyof typeof FUNCTIONS>;
  return {
    ...bound,
    errno: () => koffi.errno(),
    addressOf: (bytes) => Number(koffi.address(bytes)),
    bufferAt: (address, sizeBytes) => koffi.view(BigInt(address), sizeBytes),
  };
}

/** "EADDRINUSE", or "errno 123" for those without a row. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** C structures in one buffer that does not move: bytes, words and their address. */
export interface Arena {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
  readonly data: DataView<ArrayBuffer>;
  readonly text: Buffer<ArrayBuffer>;
  readonly address: number;
  /** Byte offset of that many bytes, aligned to 16. */
  reserve(sizeBytes: number): number;
}

export function createArena(posix: Pick<Posix, "addressOf">, sizeBytes: number): Arena {
  const buffer = new ArrayBuffer(Math.max(4096, Math.ceil(sizeBytes / 16) * 16));
  const bytes = new Uint8Array(buffer);
  let used = 0;
  return {
    bytes,
    words: new Int32Array(buffer),
    data: new DataView(buffer),
    text: Buffer.from(buffer),
    address: posix.addressOf(bytes),
    reserve(size) {
      const at = used;
      used += Math.ceil(size / 16) * 16;
      if (used > buffer.byteLength) throw new RangeError(`arena of ${buffer.byteLength} bytes is full`);
      return at;
    },
  };
}

/** Writes a 64-bit pointer as two words; plain arithmetic on doubles, for this is done for every packet. */
export function putAddress(words: Int32Array, word: number, address: number): void {
  // `| 0` takes the low 32 bits of any whole number below 2^53.
  words[word] = address | 0;
  words[word + 1] = (address / 0x1_0000_0000) | 0;
}

/** epoll(7) over a few descriptors; `wait` lists those that can be read. */
export interface Poller {
  add(fd: number): void;
  /** Descriptors ready within a second, written into `ready`; their number. */
  wait(): number;
  readonly ready: Int32Array;
  close(): void;
}

/** struct epoll_event is packed on x86-64 only. */
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const EVENT_DATA = process.arch === "x64" ? 4 : 8;

/** Not for ever: worker.terminate() takes effect only between system calls. */
const WAIT_MILLISECONDS = 1000;

export function createPoller(posix: Posix, capacity = 64): Poller {
  const arena = createArena(posix, EVENT_BYTES * (capacity + 2));
  const one = arena.reserve(16);
  const list = arena.reserve(EVENT_BYTES * capacity);
  const ready = new Int32Array(capacity);
  const epoll = posix.epollCreate(LINUX.EPOLL_CLOEXEC);
  if (epoll < 0) throw systemError(posix.errno(), "epoll_create1");
  return {
    ready,
    add(fd) {
      arena.data.setUint32(one, LINUX.EPOLLIN, true);
      arena.data.setInt32(one + EVENT_DATA, fd, true);
      if (posix.epollControl(epoll, LINUX.EPOLL_CTL_ADD, fd, arena.address + one) < 0) {
        throw systemError(posix.errno(), "epoll_ctl");
      }
    },
    wait() {
      const count = posix.epollWait(epoll, arena.address + list, capacity, WAIT_MILLISECONDS);
      if (count < 0) {
        const errno = posix.errno();
        if (errno === ERRNO.EINTR) return 0;
        throw systemError(errno, "epoll_wait");
      }
      for (let index = 0; index < count; index++) {
        ready[index] = arena.data.getInt32(list + index * EVENT_BYTES + EVENT_DATA, true);
      }
      return count;
    },
    close: () => void posix.close(epoll),
  };
}

/** What a loop fails with when a call of its own is refused and nothing better is known. */
export function systemError(errno: number, what: string): EbpfError {
  return new EbpfError("InterfaceFailed", `${what}: ${errnoName(errno)}`, { details: { errno } });
}
