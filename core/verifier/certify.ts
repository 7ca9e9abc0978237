// certify: the certificate of an accepted program. Its states are the analysis' invariants; which of them are needed, and
// where each path ends, is found with the checker's own steps. What the checker does not follow is left out, and what can
// then not be proved has no certificate.
import { ByteWriter } from "../base/bytes.ts";
import { writeSignedLeb128, writeUnsignedLeb128 } from "../base/leb128.ts";
import { type Checked, checkCertificate } from "../certificate/check.ts";
import { covers } from "../certificate/cover.ts";
import { type Choose, Follower, type Listed } from "../certificate/follow.ts";
import { digestOf, Refusal } from "../certificate/program.ts";
import { emptyState } from "../certificate/state.ts";
import type { Program } from "../program/program.ts";
import { analyze } from "./analyze.ts";
import { encodeState, renumbered } from "./encode.ts";
import { isStrict } from "./strict.ts";
import { translated } from "./translate.ts";
import { DEFAULT_MAXIMUM_STEPS } from "./verify.ts";

export interface CertifyOptions {
  readonly strict?: boolean;
  readonly maximumSteps?: number;
}

export type Certified =
  | { readonly kind: "certified"; readonly bytes: Uint8Array<ArrayBuffer>; readonly checked: Checked }
  /** The program is rejected, or nothing that the checker follows proves it. */
  | { readonly kind: "none"; readonly reason: string };

/** Steps from one state before it is given up. */
const MOST_STEPS = 100_000;

/** The certificate, checked once more from its bytes. Never throws for a program that verify() accepts. */
export function certify(program: Program, options: CertifyOptions = {}): Certified {
  const { maximumSteps = DEFAULT_MAXIMUM_STEPS, strict = false } = options;
  const analysis = analyze(program, { maximumSteps, strict, keepInvariants: true });
  if (analysis.failure !== undefined) return { kind: "none", reason: "the program is rejected" };
  const candidates = (analysis.invariants ?? []).flatMap(({ index, state }): Listed[] => {
    const known = translated(program.platform, state);
    return known === undefined ? [] : [{ index, state: renumbered(known) }];
  });
  try {
    const asked = isStrict(program, strict);
    const bytes = encode(program, asked, needed(program, asked, candidates));
    const checked = checkCertificate(program, bytes);
    if (checked.kind === "refused") return { kind: "none", reason: checked.reason };
    return { kind: "certified", bytes, checked };
  } catch (error) {
    if (error instanceof Refusal) return { kind: "none", reason: error.message };
    throw error;
  }
}

/** A candidate, its place in the list, and whether some path is covered by it. */
interface Candidate extends Listed {
  readonly number: number;
  isUsed: boolean;
}

/**
 * Those candidates without which the entry's paths, and those from the others, would not end. From the last to the first:
 * when one is reached it is known who uses it. Of several that cover, one that is used anyway is taken, else the newest,
 * which is most likely the join of those before it.
 */
function needed(program: Program, strict: boolean, listed: readonly Listed[]): readonly Listed[] {
  const candidates = listed.map((one, number): Candidate => ({ ...one, number, isUsed: false }));
  for (;;) {
    const failed = use(program, strict, candidates);
    if (failed === undefined) return candidates.filter(({ isUsed }) => isUsed);
    // What the checker cannot follow from there it must follow from where that would have been used.
    candidates.splice(candidates.indexOf(failed), 1);
    for (const candidate of candidates) candidate.isUsed = false;
  }
}

/** Marks what is used; answers a used candidate that the checker cannot follow, if there is one. */
function use(program: Program, strict: boolean, candidates: readonly Candidate[]): Candidate | undefined {
  const limits = { steps: MOST_STEPS };
  const follower = new Follower(program, strict, limits);
  const known = new Map<Listed, Candidate>(candidates.map((one) => [one, one]));
  for (const candidate of candidates) follower.list(candidate);
  let current = Number.POSITIVE_INFINITY;
  const choose: Choose = (_, state, before) => {
    let found: Candidate | undefined;
    for (let at = before.length - 1; at >= 0; at--) {
      const candidate = known.get(before[at] as Listed);
      if (candidate === undefined || candidate.number >= current) continue;
      if (!candidate.isUsed && found !== undefined) continue;
      if (!covers(candidate.state, state)) continue;
      found = candidate;
      if (candidate.isUsed) break;
    }
    if (found !== undefined) found.isUsed = true;
    return found;
  };
  follower.enter(choose);
  for (const candidate of candidates.toReversed()) {
    if (!candidate.isUsed) continue;
    current = candidate.number;
    limits.steps = MOST_STEPS;
    try {
      follower.follow(candidate, choose);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return candidate;
    }
  }
  return undefined;
}

function encode(program: Program, strict: boolean, list: readonly Listed[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter().put(digestOf(program)).u8(strict ? 1 : 0);
  writeUnsignedLeb128(writer, list.length);
  const limits = { steps: Number.MAX_SAFE_INTEGER };
  const follower = new Follower(program, strict, limits);
  const choose: Choose = (_, state, before) => {
    const at = before.findLastIndex((listed) => covers(listed.state, state));
    writeUnsignedLeb128(writer, at < 0 ? 0 : before.length - at);
    return before[at];
  };
  let previous: Listed = { index: 0, state: emptyState() };
  for (const listed of list) {
    writeSignedLeb128(writer, listed.index - previous.index);
    encodeState(writer, (follower.before(listed.index)?.at(-1) ?? previous).state, listed.state);
    follower.follow(listed, choose);
    follower.list(listed);
    previous = listed;
  }
  follower.enter(choose);
  return writer.bytes();
}
