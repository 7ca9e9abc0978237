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

/** The newest state that covers; it is most likely the join of those before it. */
function newestCovering(noted: (found: Listed) => void): Choose {
  return (_, state, before) => {
    const found = before.findLast((listed) => covers(listed.state, state));
    if (found !== undefined) noted(found);
    return found;
  };
}

/** Those candidates without which the entry's paths, and those from the others, would not end. */
function needed(program: Program, strict: boolean, candidates: readonly Listed[]): readonly Listed[] {
  const limits = { steps: MOST_STEPS };
  const follower = new Follower(program, strict, limits);
  const uses = new Map<Listed, Set<Listed>>();
  let current = new Set<Listed>();
  const choose = newestCovering((found) => current.add(found));
  for (const listed of candidates) {
    current = new Set();
    limits.steps = MOST_STEPS;
    try {
      follower.add(listed, choose);
      uses.set(listed, current);
    } catch (error) {
      // What the checker cannot follow from here it must follow from where this would have been used.
      if (!(error instanceof Refusal)) throw error;
    }
  }
  current = new Set();
  limits.steps = MOST_STEPS;
  follower.enter(choose);
  const reached = new Set(current);
  for (const listed of reached) for (const used of uses.get(listed) ?? []) reached.add(used);
  return candidates.filter((listed) => reached.has(listed));
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
    follower.add(listed, choose);
    previous = listed;
  }
  follower.enter(choose);
  return writer.bytes();
}
