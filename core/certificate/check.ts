// check: does a certificate prove a program safe? The door of the room; docs/certificate.md specifies it.
//
//   form.ts, cursor.ts, decode.ts   the bytes, and the states in them
//   follow.ts                       every path from a state, once, to where an earlier state covers it
//   listing.ts, rank.ts             the order of the states; loops listed once for all their rounds, and why they end
//   arithmetic.ts, memory.ts, call.ts, callback.ts   what an instruction needs and does
//   cover.ts                        whether one state says no more than another
//   interval.ts, number.ts, state.ts, stack.ts       what is known of values
//
// Sound: every path from a listed state, and from the entry, satisfies all assertions up to its end or to an instruction
// where a state listed before covers it, or comes back to the head of its loop with a number moved that cannot move for
// ever. So by induction over the list no run from a listed state ever fails, and each ends. The certificate is not trusted: it only says where to look.
import { Cursor } from "./cursor.ts";
import { decodeListed } from "./decode.ts";
import { Follower, type Listed } from "./follow.ts";
import { DIGEST_BYTES, MAGIC, MOST_STATES, VERSION } from "./form.ts";
import { Listing } from "./listing.ts";
import { type CheckedProgram, checkShape, digestOf, Refusal, refuse } from "./program.ts";

export type { CheckedProgram } from "./program.ts";

/** One program's certificate in a file. */
export interface Certificate {
  readonly program: string;
  readonly bytes: Uint8Array;
}

export type RefusalCode = "CertificateInvalid" | "CertificateMismatch" | "CertificateRefused";

export type Checked =
  | {
      readonly kind: "proved";
      /** Where addresses may not leave the program. */
      readonly strict: boolean;
      readonly states: number;
      readonly steps: number;
    }
  | { readonly kind: "refused"; readonly code: RefusalCode; readonly reason: string };

/** Steps for each byte of the program and the certificate, and at least. */
const STEPS_PER_BYTE = 16;
const LEAST_STEPS = 4096;

function refused(code: RefusalCode, error: unknown): Checked {
  if (error instanceof Refusal) return { kind: "refused", code, reason: error.message };
  throw error;
}

/** The certificates of a file, in its order. */
export function readCertificates(
  bytes: Uint8Array,
): readonly Certificate[] | Extract<Checked, { readonly kind: "refused" }> {
  try {
    const cursor = new Cursor(bytes);
    for (const byte of MAGIC) if (cursor.byte() !== byte) refuse("this is no certificate");
    const version = cursor.unsigned();
    if (version !== VERSION) refuse(`version ${version} of the form is not known`);
    const list: Certificate[] = [];
    for (let left = cursor.unsigned(bytes.length); left > 0; left--) {
      const program = nameOf(cursor.take(cursor.unsigned(bytes.length)));
      if (list.some((row) => row.program === program)) refuse(`two certificates of ${program}`);
      list.push({ program, bytes: cursor.take(cursor.unsigned(bytes.length)) });
    }
    if (!cursor.atEnd) refuse("there is more behind the end");
    return list;
  } catch (error) {
    if (error instanceof Refusal) {
      return { kind: "refused", code: "CertificateInvalid", reason: error.message };
    }
    throw error;
  }
}

function nameOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse("a name is not UTF-8");
  }
}

/** Checks one certificate against the program it is given for. Time and memory are linear in both. */
export function checkCertificate(program: CheckedProgram, bytes: Uint8Array): Checked {
  const cursor = new Cursor(bytes);
  let code: RefusalCode = "CertificateInvalid";
  try {
    const digest = cursor.take(DIGEST_BYTES);
    const own = digestOf(program);
    code = "CertificateMismatch";
    if (own.some((byte, at) => byte !== digest[at]))
      refuse(`the certificate is of another program than ${program.name}`);
    code = "CertificateRefused";
    checkShape(program);
    const flags = cursor.byte();
    if (flags > 1) refuse("flags that are not known");
    const most = LEAST_STEPS + STEPS_PER_BYTE * (bytes.length + 8 * program.instructions.length);
    const limits = { steps: most };
    const follower = new Follower(program, flags === 1, limits);
    const states = followAll(cursor, follower);
    return { kind: "proved", strict: follower.strict, states, steps: most - limits.steps };
  } catch (error) {
    return refused(code, error);
  }
}

function followAll(cursor: Cursor, follower: Follower): number {
  const count = cursor.unsigned(MOST_STATES);
  const { instructions } = follower.program;
  const choose = (_: number, __: unknown, before: readonly Listed[]): Listed | undefined => {
    const back = cursor.unsigned(before.length);
    return back === 0 ? undefined : before[before.length - back];
  };
  const listing = new Listing(follower, count, choose);
  while (!listing.isComplete) {
    const { listed, inside } = decodeListed(cursor, listing, instructions.length);
    listing.add(listed, inside);
  }
  follower.enter(choose);
  if (!cursor.atEnd) refuse("there is more behind the end");
  return count;
}
