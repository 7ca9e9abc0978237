// The loops that the gateway is measured against, of the same make and with nothing in them: one takes datagrams in
// batches and forgets them, one sends them on through a connected socket. A worker of net.bench.ts.
import { parentPort, workerData } from "node:worker_threads";
import { addressBytes, writeSockaddr } from "../../../core/net/address.ts";
import { createMessages, sendMessages } from "../../../core/net/messages.ts";
import { createArena, createPoller, LINUX, openPosix } from "../../../core/net/posix.ts";

export interface BareSetup {
  /** Port on loopback that is relayed to; undefined: datagrams are forgotten. */
  readonly to: number | undefined;
  /** [0]: datagrams taken. */
  readonly taken: Float64Array<SharedArrayBuffer>;
}

const BATCH = 64;
const SLOT_BYTES = 65_872;
const { to, taken } = workerData as BareSetup;
const posix = await openPosix();
const scratch = createArena(posix, 4096);
const loopback = addressBytes("127.0.0.1")!;

function open(): number {
  return posix.socket(LINUX.AF_INET, LINUX.SOCK_DGRAM | LINUX.SOCK_NONBLOCK, 0);
}

const fd = open();
scratch.data.setInt32(64, 8 << 20, true);
if (posix.setsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_RCVBUFFORCE, scratch.address + 64, 4) < 0) {
  posix.setsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_RCVBUF, scratch.address + 64, 4);
}
const nameBytes = writeSockaddr(scratch.data, 0, { address: "127.0.0.1", port: 0, bytes: loopback });
posix.bind(fd, scratch.address, nameBytes);
scratch.data.setUint32(64, 28, true);
posix.getsockname(fd, scratch.address, scratch.address + 64);
const port = scratch.data.getUint16(2);

const upstream = open();
if (to !== undefined) {
  const size = writeSockaddr(scratch.data, 128, { address: "127.0.0.1", port: to, bytes: loopback });
  posix.connect(upstream, scratch.address + 128, size);
}

const memory = createArena(posix, BATCH * SLOT_BYTES);
const received = createMessages(posix, BATCH);
const forwarded = createMessages(posix, BATCH);
for (let slot = 0; slot < BATCH; slot++) {
  received.setBuffer(slot, memory.address + slot * SLOT_BYTES, SLOT_BYTES);
}
received.useOwnSpaces(0);
const poller = createPoller(posix);
poller.add(fd);
// A relay must hear the server's answers, and a socket in an epoll set costs the kernel a wake-up check for each datagram
// it sends. This server answers none, so what is ready needs no looking at.
if (to !== undefined) poller.add(upstream);
parentPort?.postMessage(port);

for (;;) {
  poller.wait();
  for (let batch = 0; batch < 8; batch++) {
    received.resetSizes(0);
    const count = posix.recvmmsg(fd, received.address, BATCH, LINUX.MSG_DONTWAIT, 0);
    if (count <= 0) break;
    taken[0] = (taken[0] ?? 0) + count;
    if (to !== undefined) {
      for (let slot = 0; slot < count; slot++) {
        forwarded.setBuffer(slot, memory.address + slot * SLOT_BYTES, received.lengthOf(slot));
      }
      sendMessages(posix, upstream, forwarded, count);
    }
    if (count < BATCH) break;
  }
}
