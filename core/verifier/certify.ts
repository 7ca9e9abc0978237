// certify: the certificate of an accepted program. Its states are the analysis' invariants; which of them are needed, and
// where each path ends, is found with the checker's own steps. What the checker does not follow is left out, and what can
// then not be proved has no certificate.
import { ByteWriter } from "../base/bytes.ts";
import { writeUnsignedLeb128 } from "../base/leb128.ts";
import { type Checked, checkCertificate } from "../certificate/check.ts";
import { type Choose, Follower, type Listed } from "../certificate/follow.ts";
import { Listing } from "../certificate/listing.ts";
import { digestOf, Refusal } from "../certificate/program.ts";
import type { State } from "../certificate/state.ts";
import type { Program } from "../program/program.ts";
import type { Invariant } from "./analysis.ts";
import { analyze } from "./analyze.ts";
import { encodeListed, renumbered } from "./encode.ts";
import { type Mergeable, merged } from "./merge.ts";
import { isStrict } from "./strict.ts";
import { rankFor, translated } from "./translate.ts";
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
  const asked = { maximumSteps, strict, keepInvariants: true };
  const { failure, invariants = [] } = analyze(program, asked);
  if (failure !== undefined) return { kind: "none", reason: "the program is rejected" };
  const certified = certifyBy(program, strict, invariants);
  if (certified.kind === "certified" || invariants.every(({ rank }) => rank === undefined)) return certified;
  // What the checker does not follow of any round it may follow of each.
  const unrolled = analyze(program, { ...asked, unrolled: true });
  if (unrolled.failure !== undefined) return certified;
  return certifyBy(program, strict, unrolled.invariants ?? []);
}

function certifyBy(program: Program, strict: boolean, invariants: readonly Invariant[]): Certified {
  try {
    const asked = isStrict(program, strict);
    const all = candidatesOf(program, invariants);
    const loops = all.filter(({ rank }) => rank !== undefined);
    const isInLoop = (one: Candidate) => loops.some((loop) => isInside(loop, one));
    const bytes = encode(program, asked, needed(program, asked, merged(program, asked, all, isInLoop)));
    const checked = checkCertificate(program, bytes);
    if (checked.kind === "refused") return { kind: "none", reason: checked.reason };
    return { kind: "certified", bytes, checked };
  } catch (error) {
    if (error instanceof Refusal) return { kind: "none", reason: error.message };
    throw error;
  }
}

/** A candidate, its place in the order in which they were finished, and whether some path is covered by it. */
interface Candidate extends Mergeable {
  /** Of a loop's head: the first state inside; all up to the head are. */
  readonly first: number;
  isUsed: boolean;
}

function candidatesOf(program: Program, invariants: readonly Invariant[]): Candidate[] {
  return invariants.flatMap(({ index, state, rank }, number): Candidate[] => {
    const known = translated(program.platform, state);
    if (known === undefined) return [];
    const plain = { index, state: renumbered(known), domain: state, number, first: number, isUsed: false };
    if (rank === undefined) return [plain];
    return [{ ...plain, first: number - rank.inside, rank: rankFor(rank, state) }];
  });
}

function isInside(loop: Candidate, { number }: Candidate): boolean {
  return loop.rank !== undefined && loop.first <= number && number <= loop.number;
}

/**
 * Those candidates without which the entry's paths, and those from the others, would not end. From the last to the first:
 * when one is reached it is known who uses it. Of several that cover, one that is used anyway is taken, else the newest,
 * which is most likely the join of those before it.
 */
function needed(program: Program, strict: boolean, all: readonly Candidate[]): readonly Candidate[] {
  let candidates = all;
  for (;;) {
    const failed = new Use(program, strict, candidates).find();
    if (failed === undefined) return candidates.filter(({ isUsed }) => isUsed);
    // What the checker cannot follow from there it must follow from where that would have been used. A loop takes along
    // what is inside, which is proved for one of its rounds only.
    candidates = candidates.filter((one) => one !== failed && !isInside(failed, one));
    for (const candidate of candidates) candidate.isUsed = false;
  }
}

/** Follows those candidates that are used, which makes others used. */
class Use {
  readonly #candidates: readonly Candidate[];
  readonly #loops: readonly Candidate[];
  readonly #known: ReadonlyMap<Listed, Candidate>;
  readonly #follower: Follower;
  readonly #limits = { steps: MOST_STEPS };
  readonly #followed = new Set<Candidate>();

  constructor(program: Program, strict: boolean, candidates: readonly Candidate[]) {
    this.#candidates = candidates;
    this.#loops = candidates.filter(({ rank }) => rank !== undefined);
    this.#known = new Map(candidates.map((one) => [one, one]));
    this.#follower = new Follower(program, strict, this.#limits);
    for (const candidate of candidates) this.#follower.list(candidate);
  }

  /** Marks what is used; answers a used candidate that the checker cannot follow, if there is one. */
  find(): Candidate | undefined {
    this.#follower.enter((_, state, before) => this.#choose(undefined, state, before));
    // A loop may turn out to be used after its place in the order has come.
    for (let done = -1; done < this.#followed.size; ) {
      done = this.#followed.size;
      for (const candidate of this.#candidates.toReversed()) {
        if (!candidate.isUsed || this.#followed.has(candidate)) continue;
        this.#followed.add(candidate);
        if (!this.#follows(candidate)) return candidate;
      }
    }
    return undefined;
  }

  #follows(candidate: Candidate): boolean {
    this.#limits.steps = MOST_STEPS;
    // The loops that it is inside of, the outermost first, and itself if it is the head of one.
    const around = this.#loops.filter((loop) => isInside(loop, candidate)).toReversed();
    try {
      this.#follower.follow(candidate, around, (_, state, before) => this.#choose(candidate, state, before));
      return true;
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  }

  #choose(from: Candidate | undefined, state: State, before: readonly Listed[]): Candidate | undefined {
    let found: Candidate | undefined;
    for (let at = before.length - 1; at >= 0; at--) {
      const candidate = this.#known.get(before[at] as Listed);
      if (candidate === undefined) continue;
      if (from !== undefined && candidate.number >= from.number && !isInside(candidate, from)) continue;
      if (!candidate.isUsed && found !== undefined) continue;
      if (!this.#follower.isEnd(candidate, state)) continue;
      found = candidate;
      if (candidate.isUsed) break;
    }
    if (found !== undefined) this.#use(found);
    return found;
  }

  /** What is inside a loop is listed with its head. */
  #use(found: Candidate): void {
    if (found.isUsed) return;
    found.isUsed = true;
    for (const loop of this.#loops) if (isInside(loop, found)) loop.isUsed = true;
  }
}

/** In the order of a certificate: the head of a loop before what is inside. */
function inOrder(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted((a, b) => {
    if (isInside(a, b)) return a === b ? 0 : -1;
    return isInside(b, a) ? 1 : a.number - b.number;
  });
}

function encode(program: Program, strict: boolean, list: readonly Candidate[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter().put(digestOf(program)).u8(strict ? 1 : 0);
  writeUnsignedLeb128(writer, list.length);
  const follower = new Follower(program, strict, { steps: Number.MAX_SAFE_INTEGER });
  const choose: Choose = (_, state, before) => {
    const at = before.findLastIndex((listed) => follower.isEnd(listed, state));
    writeUnsignedLeb128(writer, at < 0 ? 0 : before.length - at);
    return before[at];
  };
  const listing = new Listing(follower, list.length, choose);
  for (const listed of inOrder(list)) {
    const inside = listed.rank === undefined ? 0 : list.filter((one) => isInside(listed, one)).length - 1;
    encodeListed(writer, listing, listed, inside);
    listing.add(listed, inside);
  }
  follower.enter(choose);
  return writer.bytes();
}
