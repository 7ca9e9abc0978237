// Reads a certificate with the checker's parts and writes it again: the same bytes, or there is more than one form.
import { ByteWriter } from "../../../core/base/bytes.ts";
import { writeSignedLeb128, writeUnsignedLeb128 } from "../../../core/base/leb128.ts";
import { Cursor } from "../../../core/certificate/cursor.ts";
import { decodeState } from "../../../core/certificate/decode.ts";
import { type Choose, Follower, type Limits, type Listed } from "../../../core/certificate/follow.ts";
import { DIGEST_BYTES } from "../../../core/certificate/form.ts";
import { emptyState } from "../../../core/certificate/state.ts";
import type { Program } from "../../../core/program/program.ts";
import { encodeState } from "../../../core/verifier/encode.ts";

/** Of a certificate that checks; the states too. */
export function recode(
  program: Program,
  bytes: Uint8Array,
  observe?: Limits["observe"],
): { readonly bytes: Uint8Array; readonly listed: readonly Listed[] } {
  const cursor = new Cursor(bytes);
  const writer = new ByteWriter().put(cursor.take(DIGEST_BYTES));
  const flags = cursor.byte();
  const count = cursor.unsigned();
  writer.u8(flags);
  writeUnsignedLeb128(writer, count);
  const follower = new Follower(program, flags === 1, { steps: 1e9, ...(observe && { observe }) });
  const choose: Choose = (_, __, before) => {
    const back = cursor.unsigned();
    writeUnsignedLeb128(writer, back);
    return back === 0 ? undefined : before[before.length - back];
  };
  const listed: Listed[] = [];
  let previous: Listed = { index: 0, state: emptyState() };
  for (let number = 0; number < count; number++) {
    const index = previous.index + cursor.signed();
    writeSignedLeb128(writer, index - previous.index);
    const base = (follower.before(index)?.at(-1) ?? previous).state;
    const state = decodeState(cursor, base, program.instructions.length);
    encodeState(writer, base, state);
    previous = { index, state };
    listed.push(previous);
    follower.follow(previous, choose);
    follower.list(previous);
  }
  follower.enter(choose);
  return { bytes: writer.bytes(), listed };
}
