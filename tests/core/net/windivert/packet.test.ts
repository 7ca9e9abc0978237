// Packets to frames and back: whatever packet it is, the frame is one that programs read, and what comes back is what went in.
import test from "ava";
import fc from "fast-check";
import {
  foldChecksum,
  hasValidChecksums,
  makeTcpFrame,
  makeUdpFrame,
  readFrame,
  sumWords,
} from "../../../../core/net/frame.ts";
import {
  ADDRESS_BYTES,
  answerFlags,
  FLAG,
  readFlags,
  readInterfaceIndex,
  writeFlags,
} from "../../../../core/net/windivert/address.ts";
import {
  differs,
  isReaddressed,
  isSendable,
  PACKET_BYTES,
  PEER,
  packetBytes,
  regionOf,
  setChecksums,
  writeEthernetHeader,
} from "../../../../core/net/windivert/packet.ts";

const ADAPTER = [0x00, 0x1b, 0x21, 0x3c, 0x9d, 0xf8];

const flow = fc.constantFrom(4, 16).chain((size) =>
  fc.record({
    sourceAddress: fc.uint8Array({ minLength: size, maxLength: size }),
    sourcePort: fc.nat(65_535),
    destinationAddress: fc.uint8Array({ minLength: size, maxLength: size }),
    destinationPort: fc.nat(65_535),
  }),
);
const payload = fc.uint8Array({ maxLength: 100 });
const TCP = { sequence: 1, acknowledgement: 2, flags: 0x18, window: 1000 };

/** A frame of UDP or TCP, as the tests of frames hold it to be right. */
const frames = fc
  .tuple(flow, payload, fc.boolean())
  .map(([ends, data, tcp]) => (tcp ? makeTcpFrame(ends, TCP, data) : makeUdpFrame(ends, data)));

/** ICMP echo request, over IPv4 or IPv6, with its checksum. */
function makeEcho(version: 4 | 6, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = version === 4 ? 4 : 16;
  const ends = {
    sourceAddress: new Uint8Array(size).fill(9),
    destinationAddress: new Uint8Array(size).fill(7),
  };
  const frame = makeUdpFrame({ ...ends, sourcePort: 0, destinationPort: 0 }, data);
  const ip = 14;
  const at = ip + (version === 4 ? 20 : 40);
  frame[ip + (version === 4 ? 9 : 6)] = version === 4 ? 1 : 58;
  frame.set([version === 4 ? 8 : 128, 0, 0, 0, 0, 1, 0, 1], at);
  setChecksums(frame);
  return frame;
}

test("a packet behind a synthetic Ethernet header is the frame that readFrame knows", (t) => {
  fc.assert(
    fc.property(frames, fc.boolean(), fc.boolean(), (frame, outbound, loopback) => {
      const made = new Uint8Array(frame.length);
      made.set(frame.subarray(14), 14);
      writeEthernetHeader(made, 0, { outbound, loopback, adapter: ADAPTER });
      t.deepEqual(readFrame(made), readFrame(frame));
      t.true(hasValidChecksums(made));
      t.is(made[0]! & 1, isGroup(made) ? 1 : 0, "the group bit says whether it is for many");
    }),
  );
});

function isGroup(frame: Uint8Array): boolean {
  if (frame[14]! >> 4 === 6) return frame[38] === 0xff;
  const first = frame[30]!;
  return (first >= 224 && first < 240) || frame.subarray(30, 34).every((byte) => byte === 255);
}

const MACS: readonly [
  name: string,
  destination: number[],
  outbound: boolean,
  loopback: boolean,
  header: number[],
][] = [
  ["in: to the adapter", [10, 0, 0, 1], false, false, [...ADAPTER, ...PEER, 8, 0]],
  ["out: from the adapter", [10, 0, 0, 1], true, false, [...PEER, ...ADAPTER, 8, 0]],
  ["loopback: nobody", [127, 0, 0, 1], true, true, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]],
  ["multicast", [239, 255, 255, 250], false, false, [1, 0, 0x5e, 0x7f, 255, 250, ...PEER, 8, 0]],
  ["broadcast", [255, 255, 255, 255], false, false, [255, 255, 255, 255, 255, 255, ...PEER, 8, 0]],
  [
    "multicast of IPv6",
    [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 1, 2, 3],
    true,
    false,
    [0x33, 0x33, 0xff, 1, 2, 3, ...ADAPTER, 0x86, 0xdd],
  ],
];

for (const [name, destination, outbound, loopback, header] of MACS) {
  test(`Ethernet header: ${name}`, (t) => {
    const destinationAddress = Uint8Array.from(destination);
    const sourceAddress = new Uint8Array(destination.length).fill(1);
    const frame = makeUdpFrame(
      { sourceAddress, destinationAddress, sourcePort: 1, destinationPort: 2 },
      new Uint8Array(3),
    );
    writeEthernetHeader(frame, 0, { outbound, loopback, adapter: ADAPTER });
    t.deepEqual([...frame.subarray(0, 14)], header);
  });
}

test("a batch of packets without gaps is cut where it was joined", (t) => {
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 20 }), (list) => {
      const packets = list.map((frame) => frame.subarray(14));
      const bytes = Uint8Array.from(packets.flatMap((packet) => [...packet]));
      let at = 0;
      for (const packet of packets) {
        t.is(packetBytes(bytes, at, bytes.length), packet.length);
        at += packet.length;
      }
      t.is(packetBytes(bytes, at, bytes.length), 0);
    }),
  );
});

test("whatever the bytes, a packet lies within them", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (bytes, at) => {
      const size = packetBytes(bytes, at, bytes.length);
      t.true(size === 0 || (size >= 20 && at + size <= bytes.length));
      t.true(size <= PACKET_BYTES);
    }),
    { numRuns: 2000 },
  );
});

test("any byte that is changed is seen, and no other", (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 150 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(3),
      (bytes, where, flip, shift) => {
        const at = where % bytes.length;
        const other = new Uint8Array(bytes.length + shift);
        other.set(bytes, shift);
        t.false(differs(regionOf(bytes), 0, regionOf(other), shift, bytes.length));
        other[shift + at]! ^= flip;
        t.true(differs(regionOf(bytes), 0, regionOf(other), shift, bytes.length));
        t.false(differs(regionOf(bytes), 0, regionOf(other), shift, at), "what lies before it is the same");
      },
    ),
  );
});

test("a rewritten packet gets right checksums, and says which", (t) => {
  fc.assert(
    fc.property(
      frames,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.uint8Array({ minLength: 14, maxLength: 14 }),
      (frame, where, flip, ethernet) => {
        const layout = readFrame(frame)!;
        // Anything of the payload, the ports or the addresses, and the whole Ethernet header, which goes nowhere.
        const fields = [
          layout.ipOffset + 12,
          layout.transportOffset!,
          layout.transportOffset! + 2,
          frame.length - 1,
        ];
        const at = fields[where % fields.length]!;
        if (at !== layout.transportOffset! + 7) frame[at]! ^= flip;
        frame.set(ethernet);
        const done = setChecksums(frame);
        t.true(hasValidChecksums(frame));
        t.deepEqual(done, {
          ip: layout.version === 4,
          tcp: layout.protocol === 6,
          udp: layout.protocol === 17,
        });
      },
    ),
  );
});

for (const version of [4, 6] as const) {
  test(`ICMP over IPv${version} has its checksum after a change`, (t) => {
    const frame = makeEcho(version, Uint8Array.of(1, 2, 3));
    frame[frame.length - 1] = 200;
    setChecksums(frame);
    const at = version === 4 ? 34 : 54;
    const pseudo = version === 4 ? 0 : sumWords(frame, 22, 54, 58 + frame.length - at);
    t.is(foldChecksum(sumWords(frame, at, frame.length, pseudo)), 0);
    t.false(setChecksums(frame).udp);
  });
}

test("a fragment's checksum is left alone, for it covers what is not there", (t) => {
  const ends = {
    sourceAddress: new Uint8Array(4),
    destinationAddress: new Uint8Array(4),
    sourcePort: 1,
    destinationPort: 2,
  };
  for (const flags of [0x20, 0x01]) {
    const frame = makeUdpFrame(ends, new Uint8Array(10));
    frame[20] = flags;
    const before = frame.slice(34);
    t.deepEqual(setChecksums(frame), { ip: true, tcp: false, udp: false });
    t.deepEqual(frame.slice(34), before);
  }
});

test("a packet whose length or version was rewritten cannot be sent", (t) => {
  fc.assert(
    fc.property(frames, fc.constantFrom(-1, 1, 255), (frame, change) => {
      const packet = frame.slice(14);
      t.true(isSendable(frame, packet));
      const low = packet[0]! >> 4 === 4 ? 17 : 19;
      frame[low] = frame[low]! + change;
      t.false(isSendable(frame, packet));
      frame.set(packet, 14);
      frame[14]! ^= 0x20;
      t.false(isSendable(frame, packet));
    }),
  );
});

test("an answer goes to another address; one that only has other MAC addresses does not", (t) => {
  fc.assert(
    fc.property(frames, (frame) => {
      const packet = frame.slice(14);
      frame.set([...PEER, ...ADAPTER]);
      t.false(isReaddressed(frame, packet));
      const [from, to, size] = packet[0]! >> 4 === 4 ? [12, 16, 4] : [8, 24, 16];
      frame.set(packet.subarray(to, to + size), 14 + from);
      frame.set(packet.subarray(from, from + size), 14 + to);
      t.is(
        isReaddressed(frame, packet),
        Buffer.compare(packet.subarray(from, to), packet.subarray(to, to + size)) !== 0,
      );
    }),
  );
});

test("addresses: the fields stand where WinDivert puts them", (t) => {
  const addresses = new DataView(new ArrayBuffer(2 * ADDRESS_BYTES));
  writeFlags(addresses, ADDRESS_BYTES, FLAG.outbound | FLAG.ipv6 | FLAG.udpChecksum);
  addresses.setUint32(ADDRESS_BYTES + 16, 12, true);
  t.deepEqual([...new Uint8Array(addresses.buffer, ADDRESS_BYTES + 8, 4)], [0, 0, 0x92, 0]);
  t.is(readFlags(addresses, ADDRESS_BYTES), FLAG.outbound | FLAG.ipv6 | FLAG.udpChecksum);
  t.is(readInterfaceIndex(addresses, ADDRESS_BYTES), 12);
  t.is(answerFlags(FLAG.outbound | FLAG.ipv6), FLAG.ipv6);
  t.is(answerFlags(FLAG.ipv6), FLAG.outbound | FLAG.ipv6);
  t.is(
    answerFlags(FLAG.outbound | FLAG.loopback),
    FLAG.outbound | FLAG.loopback,
    "loopback has one way only",
  );
});
