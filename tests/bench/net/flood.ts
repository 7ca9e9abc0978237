// flood.ts ADDRESS PORT SECONDS PAYLOAD_BYTES: sends UDP datagrams as fast as one core can, in batches, and prints
// {"sent", "seconds"}. Only for benchmarks, on loopback and in namespaces of their own.
import { addressBytes, writeSockaddr } from "../../../core/net/address.ts";
import { createMessages } from "../../../core/net/messages.ts";
import { createArena, LINUX, openPosix } from "../../../core/net/posix.ts";

const [address = "", port = "", seconds = "", payloadBytes = "0"] = process.argv.slice(2);
const posix = await openPosix();
const arena = createArena(posix, 70_000);
const size = writeSockaddr(arena.data, 0, { address, port: Number(port), bytes: addressBytes(address)! });
const fd = posix.socket(LINUX.AF_INET, LINUX.SOCK_DGRAM, 0);
if (posix.connect(fd, arena.address, size) < 0) throw new Error(`connect: errno ${posix.errno()}`);
const batch = createMessages(posix, 64);
for (let index = 0; index < 64; index++) batch.setBuffer(index, arena.address + 64, Number(payloadBytes));

const start = performance.now();
const end = start + Number(seconds) * 1000;
let sent = 0;
// The clock is asked once in 16 batches. What is refused (nobody listens, no room) is not counted.
while (performance.now() < end) {
  for (let count = 0; count < 16; count++) sent += Math.max(0, posix.sendmmsg(fd, batch.address, 64, 0));
}
console.log(JSON.stringify({ sent, seconds: (performance.now() - start) / 1000 }));
