// Makes captures in memory, in every form that is read, for tests.
import { ByteWriter } from "../../../core/base/bytes.ts";

export interface Form {
  readonly bigEndian: boolean;
  readonly nanoseconds: boolean;
  readonly linkType?: number;
  readonly major?: number;
  readonly snapshotBytes?: number;
}

export interface FrameToWrite {
  readonly time: bigint;
  readonly bytes: Uint8Array;
  readonly originalBytes: number;
}

export interface Block {
  readonly type: number;
  readonly body: Uint8Array;
}

export function pcapOf(frames: readonly FrameToWrite[], form: Form): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter({ bigEndian: form.bigEndian });
  writer
    .u32(form.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4)
    .u16(form.major ?? 2)
    .u16(4)
    .zeros(8);
  writer.u32(form.snapshotBytes ?? 262_144).u32(form.linkType ?? 1);
  for (const { time, bytes, originalBytes } of frames) {
    const fraction = (time % 1_000_000_000n) / (form.nanoseconds ? 1n : 1000n);
    writer.u32(Number(time / 1_000_000_000n)).u32(Number(fraction));
    writer.u32(bytes.length).u32(originalBytes).put(bytes);
  }
  return writer.bytes();
}

/** One section with one interface, its enhanced packets, then any other blocks. */
export function pcapngOf(
  frames: readonly FrameToWrite[],
  form: Form,
  others: readonly Block[] = [],
): Uint8Array<ArrayBuffer> {
  const { bigEndian } = form;
  const section = new ByteWriter({ bigEndian })
    .u32(0x1a2b3c4d)
    .u16(1)
    .u16(0)
    .u32(0xffff_ffff)
    .u32(0xffff_ffff);
  const described = new ByteWriter({ bigEndian })
    .u16(form.linkType ?? 1)
    .u16(0)
    .u32(form.snapshotBytes ?? 0);
  if (form.nanoseconds) described.u16(9).u16(1).u8(9).align(4);
  described.u16(0).u16(0);
  const packets = frames.map(({ time, bytes, originalBytes }): Block => {
    const ticks = time / (form.nanoseconds ? 1n : 1000n);
    const packet = new ByteWriter({ bigEndian }).u32(0).u32(Number(ticks >> 32n));
    packet
      .u32(Number(ticks & 0xffff_ffffn))
      .u32(bytes.length)
      .u32(originalBytes)
      .put(bytes)
      .align(4);
    return { type: 6, body: packet.bytes() };
  });
  const writer = new ByteWriter({ bigEndian });
  const blocks = [
    { type: 0x0a0d0d0a, body: section.bytes() },
    { type: 1, body: described.bytes() },
    ...packets,
    ...others,
  ];
  for (const { type, body } of blocks) {
    writer
      .u32(type)
      .u32(body.length + 12)
      .put(body)
      .u32(body.length + 12);
  }
  return writer.bytes();
}
