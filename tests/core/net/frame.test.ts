import test from "ava";
import fc from "fast-check";
import {
  hasValidChecksums,
  makeTcpFrame,
  makeUdpFrame,
  readFrame,
  writeUdp4Headers,
} from "../../../core/net/frame.ts";

const flow = fc.constantFrom(4, 16).chain((size) =>
  fc.record({
    sourceAddress: fc.uint8Array({ minLength: size, maxLength: size }),
    sourcePort: fc.nat(65_535),
    destinationAddress: fc.uint8Array({ minLength: size, maxLength: size }),
    destinationPort: fc.nat(65_535),
  }),
);
const payload = fc.uint8Array({ maxLength: 100 });

test("a UDP frame reads back as made, with right checksums", (t) => {
  fc.assert(
    fc.property(flow, payload, (ends, data) => {
      const frame = makeUdpFrame(ends, data);
      const layout = readFrame(frame)!;
      t.is(layout.version, ends.sourceAddress.length === 4 ? 4 : 6);
      t.is(layout.protocol, 17);
      t.deepEqual(frame.slice(layout.payloadOffset, layout.payloadEnd), data);
      const view = new DataView(frame.buffer);
      t.is(view.getUint16(layout.transportOffset!), ends.sourcePort);
      t.is(view.getUint16(layout.transportOffset! + 2), ends.destinationPort);
      t.true(view.getUint16(layout.transportOffset! + 6) !== 0);
      t.true(hasValidChecksums(frame));
    }),
  );
});

test("the quick way for IPv4 writes the same headers", (t) => {
  const word = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  fc.assert(
    fc.property(flow, payload, fc.boolean(), (ends, data, high) => {
      if (ends.sourceAddress.length !== 4) return;
      const source = high ? ends.sourceAddress.fill(255) : ends.sourceAddress;
      const expected = makeUdpFrame({ ...ends, sourceAddress: source }, data);
      const frame = new Uint8Array(expected.length).fill(0xaa);
      frame.set(data, 42);
      const { destinationAddress, sourcePort, destinationPort } = ends;
      const view = new DataView(frame.buffer);
      const [from, to] = [word(source), word(destinationAddress)];
      t.is(writeUdp4Headers(view, 0, from, sourcePort, to, destinationPort, data.length), frame.length);
      t.deepEqual(frame, expected);
    }),
    { numRuns: 1000 },
  );
});

test("a TCP frame reads back as made, with right checksums", (t) => {
  const fields = { sequence: 0xfffffff0, acknowledgement: 7, flags: 0x12, window: 65_535 };
  fc.assert(
    fc.property(flow, payload, (ends, data) => {
      const frame = makeTcpFrame(ends, fields, data);
      const layout = readFrame(frame)!;
      t.is(layout.protocol, 6);
      t.deepEqual(frame.slice(layout.payloadOffset, layout.payloadEnd), data);
      t.true(hasValidChecksums(frame));
    }),
  );
});

test("one wrong bit anywhere behind the Ethernet header is seen", (t) => {
  const ends = {
    sourceAddress: Uint8Array.of(10, 0, 0, 1),
    sourcePort: 1234,
    destinationAddress: Uint8Array.of(10, 0, 0, 2),
    destinationPort: 53,
  };
  const frame = makeUdpFrame(ends, new TextEncoder().encode("query"));
  for (let bit = 14 * 8; bit < frame.length * 8; bit++) {
    const damaged = frame.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    t.false(hasValidChecksums(damaged), `bit ${bit}`);
  }
});

test("an empty datagram to a DNS server, octet for octet", (t) => {
  const frame = makeUdpFrame(
    {
      sourceAddress: Uint8Array.of(192, 0, 2, 1),
      sourcePort: 0xc000,
      destinationAddress: Uint8Array.of(192, 0, 2, 53),
      destinationPort: 53,
    },
    new Uint8Array(0),
  );
  // The checksums were worked out by hand: ~(4500 + 001c + 4000 + 4011 + c000 + 0201 + c000 + 0235) and
  // ~(c000 + 0201 + c000 + 0235 + 0011 + 0008 + c000 + 0035 + 0008), each with its carries.
  t.is(
    Buffer.from(frame).toString("hex"),
    "020000000002020000000001" +
      "0800" +
      "4500001c00004000" +
      "4011b69a" +
      "c0000201c0000235" +
      "c00000350008bb71",
  );
});

test("reading any bytes gives undefined or offsets within them", (t) => {
  const ends = {
    sourceAddress: new Uint8Array(16),
    sourcePort: 1,
    destinationAddress: new Uint8Array(16),
    destinationPort: 2,
  };
  const good = makeUdpFrame(ends, new Uint8Array(20));
  const damaged = fc
    .tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(good.length))
    .map(([changes, length]) => {
      const frame = good.slice();
      for (const [at, value] of changes) frame[at] = value;
      return frame.subarray(0, length);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 120 }), damaged), (bytes) => {
      const layout = readFrame(bytes);
      if (layout === undefined) return;
      t.true(layout.ipOffset <= bytes.length);
      t.true((layout.transportOffset ?? 0) <= bytes.length);
      t.true((layout.payloadOffset ?? 0) <= (layout.payloadEnd ?? 0));
      t.true((layout.payloadEnd ?? 0) <= bytes.length);
    }),
    { numRuns: 5000 },
  );
});

test("VLAN tags, fragments and IPv6 extension headers are followed", (t) => {
  const ends = {
    sourceAddress: Uint8Array.of(10, 0, 0, 1),
    sourcePort: 1,
    destinationAddress: Uint8Array.of(10, 0, 0, 2),
    destinationPort: 2,
  };
  const plain = makeUdpFrame(ends, Uint8Array.of(7));
  const tagged = Uint8Array.from([...plain.subarray(0, 12), 0x81, 0, 0, 5, ...plain.subarray(12)]);
  t.is(readFrame(tagged)?.payloadOffset, 46);
  const fragment = plain.slice();
  fragment[21] = 9;
  t.is(readFrame(fragment)?.transportOffset, undefined);
  const six = makeUdpFrame(
    { ...ends, sourceAddress: new Uint8Array(16), destinationAddress: new Uint8Array(16) },
    Uint8Array.of(7),
  );
  const extended = Uint8Array.from([...six.subarray(0, 54), 17, 0, 1, 4, 0, 0, 0, 0, ...six.subarray(54)]);
  extended[20] = 0;
  extended[19]! += 8;
  t.is(readFrame(extended)?.payloadOffset, 70);
});
