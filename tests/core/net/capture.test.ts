import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { type ByteSource, captureHeader, readCapture, recordHeader } from "../../../core/net/capture.ts";
import { mutate } from "../../harness/mutate.ts";
import { type Block, type Form, pcapngOf, pcapOf } from "./captures.ts";

/** A source over bytes; like a file's it gives views that do not last. */
function sourceOf(bytes: Uint8Array): ByteSource {
  let position = 0;
  return {
    file: "test.pcap",
    get position() {
      return position;
    },
    take(count) {
      const part = bytes.slice(position, position + count);
      position += part.length;
      return part;
    },
    skip(count) {
      position = Math.min(bytes.length, position + count);
    },
  };
}

interface Read {
  readonly time: bigint;
  readonly bytes: Uint8Array;
  readonly originalBytes: number;
}

function readAll(bytes: Uint8Array): Read[] {
  const frames: Read[] = [];
  const capture = readCapture(sourceOf(Uint8Array.from(bytes)));
  for (let next = capture.next(); next.done !== true; next = capture.next()) {
    frames.push({ ...next.value, bytes: next.value.bytes.slice() });
  }
  return frames;
}

const FRAMES = [
  { time: 1_700_000_000_123_456_000n, bytes: Uint8Array.of(1, 2, 3), originalBytes: 3 },
  { time: 1_700_000_001_000_001_000n, bytes: new Uint8Array(60).fill(9), originalBytes: 1500 },
  { time: 1_700_000_002_999_999_000n, bytes: new Uint8Array(0), originalBytes: 0 },
];

const FORMS: readonly Form[] = [false, true].flatMap((bigEndian) =>
  [false, true].map((nanoseconds) => ({ bigEndian, nanoseconds })),
);
const nameOf = ({ bigEndian, nanoseconds }: Form): string =>
  `${bigEndian ? "big" : "little"}-endian, ${nanoseconds ? "nano" : "micro"}seconds`;

for (const form of FORMS) {
  test(`pcap: ${nameOf(form)}`, (t) => {
    t.deepEqual(readAll(pcapOf(FRAMES, form)), FRAMES);
  });
  test(`pcapng: ${nameOf(form)}`, (t) => {
    t.deepEqual(readAll(pcapngOf(FRAMES, form)), FRAMES);
  });
}

test("pcapng: sections of either byte order in one file, blocks of other kinds between", (t) => {
  const other: Block = { type: 0x0bad, body: new Uint8Array(40) };
  const file = Buffer.concat([
    pcapngOf(FRAMES.slice(0, 1), { bigEndian: false, nanoseconds: false }, [other]),
    pcapngOf(FRAMES.slice(1), { bigEndian: true, nanoseconds: true }, [other]),
  ]);
  t.deepEqual(readAll(file), FRAMES);
});

test("pcapng: a simple packet holds what the snapshot length leaves", (t) => {
  const body = new Uint8Array(4 + 64);
  new DataView(body.buffer).setUint32(0, 900, true);
  const file = pcapngOf([], { bigEndian: false, nanoseconds: false, snapshotBytes: 64 }, [{ type: 3, body }]);
  t.deepEqual(readAll(file), [{ time: 0n, bytes: new Uint8Array(64), originalBytes: 900 }]);
});

test("what is written reads back", (t) => {
  const file = Buffer.concat([
    captureHeader(),
    ...FRAMES.flatMap(({ time, bytes, originalBytes }) => [
      recordHeader(time, bytes.length, originalBytes),
      bytes,
    ]),
  ]);
  t.deepEqual(readAll(file), FRAMES);
});

const LITTLE: Form = { bigEndian: false, nanoseconds: false };

const DAMAGED: readonly (readonly [name: string, bytes: Uint8Array, offset: number])[] = [
  ["nothing", new Uint8Array(0), 0],
  ["text", new TextEncoder().encode("this is no capture at all, is it"), 0],
  ["a header cut short", pcapOf([], LITTLE).subarray(0, 10), 4],
  ["another link type", pcapOf([], { ...LITTLE, linkType: 113 }), 20],
  ["another version", pcapOf([], { ...LITTLE, major: 9 }), 4],
  ["a record header cut short", pcapOf(FRAMES, LITTLE).subarray(0, 24 + 16 + 3 + 5), 43],
  ["a frame cut short", pcapOf(FRAMES, LITTLE).subarray(0, 24 + 16 + 2), 40],
  ["a frame too long", damaged(pcapOf(FRAMES, LITTLE), 24 + 8, 0x7fff_ffff), 24],
  ["pcapng, no byte order", damaged(pcapngOf(FRAMES, LITTLE), 8, 0), 8],
  ["pcapng, a block of no length", damaged(pcapngOf(FRAMES, LITTLE), 28 + 4, 0), 28],
  ["pcapng, a block of odd length", damaged(pcapngOf(FRAMES, LITTLE), 28 + 4, 33), 28],
  ["pcapng, lengths that differ", damaged(pcapngOf(FRAMES, LITTLE), 28 + 20, 64), 28],
  ["pcapng, cut short", pcapngOf(FRAMES, LITTLE).subarray(0, 40), 36],
];

function damaged(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(offset, value, true);
  return bytes;
}

for (const [name, bytes, offset] of DAMAGED) {
  test(`damage is told with its place: ${name}`, (t) => {
    const error = t.throws(() => readAll(bytes), { instanceOf: EbpfError });
    t.is(error.code, "PcapInvalid");
    t.is(error.data.file, "test.pcap");
    t.is(error.data.offset, offset, error.message);
  });
}

test("20,000 seeded mutations: frames or PcapInvalid, nothing else", (t) => {
  const originals = FORMS.flatMap((form) => [pcapOf(FRAMES, form), pcapngOf(FRAMES, form)]);
  let refused = 0;
  for (let seed = 0; seed < 20_000; seed++) {
    try {
      readAll(mutate(originals[seed % originals.length]!, seed));
    } catch (error) {
      if (!(error instanceof EbpfError) || error.code !== "PcapInvalid") {
        t.fail(`seed ${seed}: ${error}`);
        return;
      }
      refused += 1;
    }
  }
  t.true(refused > 5000 && refused < 20_000, `${refused} refused`);
});
