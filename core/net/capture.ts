// Capture files: pcap (both byte orders, microseconds and nanoseconds) and pcapng are read, pcap is written. In a stream,
// with no more than one block in memory. Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. Knows no programs.
import { ByteReader } from "../base/bytes.ts";
import { FormatError } from "../base/error.ts";

/** The largest snapshot length that capture tools use; a longer frame is damage. */
export const MAXIMUM_FRAME_BYTES = 262_144;
/** Blocks that hold no frames are skipped, not read; a longer one is damage. */
const MAXIMUM_BLOCK_BYTES = 64 << 20;
const LINKTYPE_ETHERNET = 1;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_PACKET = 2;
const BLOCK_SIMPLE_PACKET = 3;
const BLOCK_ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_TIME_RESOLUTION = 9;

export interface CapturedFrame {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** Valid until the next frame is asked for. */
  readonly bytes: Uint8Array;
  /** Its length on the wire; the capture may hold less. */
  readonly originalBytes: number;
}

/** Bytes in order. */
export interface ByteSource {
  readonly file: string;
  /** Of the next byte. */
  readonly position: number;
  /** The next `count` bytes, valid until the next call; fewer only at the end. */
  take(count: number): Uint8Array;
  skip(count: number): void;
}

/** Checks the first header at once (PcapInvalid with the offset); then gives frame after frame, or PcapInvalid. */
export function readCapture(source: ByteSource): Iterator<CapturedFrame, undefined> {
  const first = take(source, 4, "the file header");
  const magic = new DataView(first.buffer, first.byteOffset).getUint32(0, true);
  if (magic === BLOCK_SECTION) return readSections(source, readSectionHeader(source));
  for (const bigEndian of [false, true]) {
    const value = new DataView(first.buffer, first.byteOffset).getUint32(0, !bigEndian);
    if (value === MAGIC_MICROSECONDS) return readRecords(source, readFileHeader(source, bigEndian), 1000n);
    if (value === MAGIC_NANOSECONDS) return readRecords(source, readFileHeader(source, bigEndian), 1n);
  }
  throw invalid(source, 0, "is neither pcap nor pcapng");
}

function invalid(source: ByteSource, offset: number, what: string): FormatError {
  return new FormatError("PcapInvalid", `${source.file} ${what}`, { file: source.file, offset });
}

function take(source: ByteSource, count: number, what: string): Uint8Array {
  const at = source.position;
  const bytes = source.take(count);
  if (bytes.length < count) throw invalid(source, at, `ends in the middle of ${what} at offset ${at}`);
  return bytes;
}

function checkLinkType(source: ByteSource, offset: number, linkType: number): void {
  if (linkType === LINKTYPE_ETHERNET) return;
  throw invalid(source, offset, `holds frames of link type ${linkType}; only Ethernet (1) can be run`);
}

function checkFrameSize(source: ByteSource, offset: number, sizeBytes: number): void {
  if (sizeBytes <= MAXIMUM_FRAME_BYTES) return;
  throw invalid(source, offset, `has a frame of ${sizeBytes} bytes at offset ${offset}`);
}

/** What follows the magic number: version, two unused fields, snapshot length, link type (its upper bits are flags). */
function readFileHeader(source: ByteSource, bigEndian: boolean): boolean {
  const view = dataView(take(source, FILE_HEADER_BYTES - 4, "the file header"));
  const major = view.getUint16(0, !bigEndian);
  if (major !== 2) throw invalid(source, 4, `is pcap of version ${major}; 2 is known`);
  checkLinkType(source, 20, view.getUint32(16, !bigEndian) & 0xffff);
  return bigEndian;
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function* readRecords(
  source: ByteSource,
  bigEndian: boolean,
  fractionNanoseconds: bigint,
): Generator<CapturedFrame, undefined> {
  for (;;) {
    const offset = source.position;
    const header = source.take(RECORD_HEADER_BYTES);
    if (header.length === 0) return undefined;
    if (header.length < RECORD_HEADER_BYTES) {
      throw invalid(source, offset, `ends in the middle of a record at offset ${offset}`);
    }
    const view = dataView(header);
    const seconds = BigInt(view.getUint32(0, !bigEndian));
    const fraction = BigInt(view.getUint32(4, !bigEndian));
    const size = view.getUint32(8, !bigEndian);
    const originalBytes = view.getUint32(12, !bigEndian);
    checkFrameSize(source, offset, size);
    const time = seconds * 1_000_000_000n + fraction * fractionNanoseconds;
    yield { time, bytes: take(source, size, "a frame"), originalBytes };
  }
}

/** An interface that a section describes: how its times count. */
interface CaptureInterface {
  readonly snapshotBytes: number;
  readonly ticksPerSecond: bigint;
}

interface Block {
  readonly type: number;
  readonly offset: number;
  readonly bodyBytes: number;
}

/** After the block type: length, byte-order magic, version, section length, options, length again. True if big-endian. */
function readSectionHeader(source: ByteSource): boolean {
  const offset = source.position - 4;
  const view = dataView(take(source, 8, "a section header"));
  const bigEndian = view.getUint32(4) === BYTE_ORDER_MAGIC;
  if (!bigEndian && view.getUint32(4, true) !== BYTE_ORDER_MAGIC) {
    throw invalid(source, offset + 8, `has no byte-order magic in the section header at offset ${offset}`);
  }
  const length = view.getUint32(0, !bigEndian);
  checkBlockLength(source, offset, length, 28);
  const major = dataView(take(source, 2, "a section header")).getUint16(0, !bigEndian);
  if (major !== 1) throw invalid(source, offset + 12, `has a pcapng section of version ${major}; 1 is known`);
  skip(source, length - 14, "a section header");
  return bigEndian;
}

function skip(source: ByteSource, count: number, what: string): void {
  const at = source.position;
  source.skip(count);
  if (source.position !== at + count)
    throw invalid(source, at, `ends in the middle of ${what} at offset ${at}`);
}

function checkBlockLength(source: ByteSource, offset: number, length: number, least: number): void {
  if (length >= least && length % 4 === 0 && length <= MAXIMUM_BLOCK_BYTES) return;
  throw invalid(source, offset, `has a block of ${length} bytes at offset ${offset}`);
}

function* readSections(source: ByteSource, firstBigEndian: boolean): Generator<CapturedFrame, undefined> {
  let bigEndian = firstBigEndian;
  let interfaces: CaptureInterface[] = [];
  for (;;) {
    const offset = source.position;
    const header = source.take(4);
    if (header.length === 0) return undefined;
    if (header.length < 4) throw invalid(source, offset, `ends in the middle of a block at offset ${offset}`);
    const type = dataView(header).getUint32(0, !bigEndian);
    if (type === BLOCK_SECTION) {
      bigEndian = readSectionHeader(source);
      interfaces = [];
      continue;
    }
    const length = dataView(take(source, 4, "a block")).getUint32(0, !bigEndian);
    checkBlockLength(source, offset, length, 12);
    const block = { type, offset, bodyBytes: length - 12 };
    const frame = yield* readBlock(source, block, interfaces, bigEndian);
    if (frame !== undefined) interfaces.push(frame);
    const trailer = dataView(take(source, 4, "a block")).getUint32(0, !bigEndian);
    if (trailer !== length) {
      throw invalid(source, offset, `has a block at offset ${offset} whose two lengths differ`);
    }
  }
}

/** Gives the block's frame if it has one; returns the interface if it describes one. */
function* readBlock(
  source: ByteSource,
  block: Block,
  interfaces: readonly CaptureInterface[],
  bigEndian: boolean,
): Generator<CapturedFrame, CaptureInterface | undefined> {
  const { type, bodyBytes } = block;
  if (type === BLOCK_INTERFACE) return readInterface(source, block, bigEndian);
  if (type === BLOCK_ENHANCED_PACKET || type === BLOCK_PACKET) {
    checkFrameSize(source, block.offset, bodyBytes - 20);
    yield readPacket(source, block, interfaces, bigEndian);
  } else if (type === BLOCK_SIMPLE_PACKET) {
    checkFrameSize(source, block.offset, bodyBytes - 4);
    yield readSimplePacket(source, block, interfaces, bigEndian);
  } else skip(source, bodyBytes, "a block");
  return undefined;
}

function bodyReader(source: ByteSource, block: Block, bigEndian: boolean): ByteReader {
  const where = { file: source.file, offset: source.position };
  const what = `the block at offset ${block.offset} of ${source.file}`;
  const bytes = take(source, block.bodyBytes, "a block");
  return new ByteReader(bytes, { code: "PcapInvalid", where, what, bigEndian });
}

function readInterface(source: ByteSource, block: Block, bigEndian: boolean): CaptureInterface {
  checkFrameSize(source, block.offset, block.bodyBytes);
  const reader = bodyReader(source, block, bigEndian);
  checkLinkType(source, block.offset + 8, reader.u16());
  reader.skip(2);
  const snapshotBytes = reader.u32();
  let ticksPerSecond = 1_000_000n;
  while (reader.remaining >= 4) {
    const code = reader.u16();
    const size = reader.u16();
    const value = reader.take(size);
    reader.skip(Math.min(reader.remaining, (4 - (size % 4)) % 4));
    if (code === 0) break;
    if (code === OPTION_TIME_RESOLUTION && size >= 1) {
      const power = BigInt(value[0]! & 0x7f);
      ticksPerSecond = (value[0]! & 0x80) === 0 ? 10n ** power : 2n ** power;
    }
  }
  return { snapshotBytes, ticksPerSecond };
}

/** Both kinds: interface (32 bits, or 16 and a drop count), time (two halves), captured and original length, data. */
function readPacket(
  source: ByteSource,
  block: Block,
  interfaces: readonly CaptureInterface[],
  bigEndian: boolean,
): CapturedFrame {
  const reader = bodyReader(source, block, bigEndian);
  const index = block.type === BLOCK_ENHANCED_PACKET ? reader.u32() : reader.u16();
  if (block.type === BLOCK_PACKET) reader.skip(2);
  const described = interfaces[index];
  if (described === undefined) throw reader.error(`a frame of interface ${index}, which is not described`, 0);
  const ticks = BigInt(reader.u32()) * 0x1_0000_0000n + BigInt(reader.u32());
  const size = reader.u32();
  const originalBytes = reader.u32();
  const time = (ticks * 1_000_000_000n) / described.ticksPerSecond;
  return { time, bytes: reader.take(size), originalBytes };
}

/** No time and no captured length: what the snapshot length of interface 0 leaves of the original. */
function readSimplePacket(
  source: ByteSource,
  block: Block,
  interfaces: readonly CaptureInterface[],
  bigEndian: boolean,
): CapturedFrame {
  const reader = bodyReader(source, block, bigEndian);
  const described = interfaces[0];
  if (described === undefined) throw reader.error("a frame of interface 0, which is not described", 0);
  const originalBytes = reader.u32();
  const limit = described.snapshotBytes === 0 ? originalBytes : described.snapshotBytes;
  return { time: 0n, bytes: reader.take(Math.min(originalBytes, limit)), originalBytes };
}

/** The file header of a pcap with nanoseconds, little-endian, Ethernet. */
export function captureHeader(): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(FILE_HEADER_BYTES));
  view.setUint32(0, MAGIC_NANOSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, MAXIMUM_FRAME_BYTES, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  return new Uint8Array(view.buffer);
}

/** The header of one record; its bytes follow. */
export function recordHeader(
  time: bigint,
  sizeBytes: number,
  originalBytes: number,
): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(RECORD_HEADER_BYTES));
  view.setUint32(0, Number(BigInt.asUintN(32, time / 1_000_000_000n)), true);
  view.setUint32(4, Number(time % 1_000_000_000n), true);
  view.setUint32(8, sizeBytes, true);
  view.setUint32(12, originalBytes, true);
  return new Uint8Array(view.buffer);
}
