// Reads a certificate with the checker's parts and writes it again: the same bytes, or there is more than one form.
import { ByteWriter } from "../../../core/base/bytes.ts";
import { writeUnsignedLeb128 } from "../../../core/base/leb128.ts";
import { Cursor } from "../../../core/certificate/cursor.ts";
import { decodeListed } from "../../../core/certificate/decode.ts";
import { type Choose, Follower, type Limits, type Listed } from "../../../core/certificate/follow.ts";
import { DIGEST_BYTES } from "../../../core/certificate/form.ts";
import { Listing } from "../../../core/certificate/listing.ts";
import type { Program } from "../../../core/program/program.ts";
import { encodeListed } from "../../../core/verifier/encode.ts";

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
  const listing = new Listing(follower, count, choose);
  while (!listing.isComplete) {
    const next = decodeListed(cursor, listing, program.instructions.length);
    encodeListed(writer, listing, next.listed, next.inside);
    listed.push(next.listed);
    listing.add(next.listed, next.inside);
  }
  follower.enter(choose);
  return { bytes: writer.bytes(), listed };
}
