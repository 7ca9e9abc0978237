// Certificates under attack: of a random program the certificate must check; damaged, it must be refused or still be the
// certificate of a safe program, in its one form; beside a damaged program with the hash made anew it must be refused, or
// that program is safe too: the model machine (model/) finds no fault in it, in more runs if the verifier rejects it (the
// checker reckons constants exactly where the verifier has bounds).
import { checkCertificate } from "../../core/certificate/check.ts";
import { Follower } from "../../core/certificate/follow.ts";
import { DIGEST_BYTES } from "../../core/certificate/form.ts";
import { digestOf, Refusal } from "../../core/certificate/program.ts";
import type { State as CheckedState } from "../../core/certificate/state.ts";
import { encode } from "../../core/isa/encode.ts";
import type { Program } from "../../core/program/program.ts";
import { certify } from "../../core/verifier/certify.ts";
import type { State } from "../../core/verifier/domain/state.ts";
import { isStrict } from "../../core/verifier/strict.ts";
import { verify } from "../../core/verifier/verify.ts";
import { recode } from "../core/certificate/recode.ts";
import { untranslated } from "../core/certificate/untranslate.ts";
import { generator } from "../harness/mutate.ts";
import { notHeld } from "./contain.ts";
import { damage } from "./damage.ts";
import { ModelFault, NotModelled } from "./model/fault.ts";
import { anyBytes, Machine } from "./model/machine.ts";

const MAXIMUM_STEPS = 20_000;
const RUNS = 6;
/** Of a program that the verifier rejects. */
const DOUBTED_RUNS = 100;
/** States looked into at one instruction; with more somewhere, runs are not held against states. */
const MOST_STATES = 200;
const DAMAGED_BYTES = 8;
const DAMAGED_PROGRAMS = 4;

export class CertificateViolation extends Error {}

/** The outcome; throws a CertificateViolation if what was proved is not so. */
export function attack(program: Program, seed: number): string {
  const strict = isStrict(program, seed % 2 === 0);
  const verdict = verify(program, { maximumSteps: MAXIMUM_STEPS, strict });
  const alone = proveAlone(program, seed, strict, verdict.kind === "accepted");
  if (verdict.kind === "rejected")
    return alone ? `rejected, proved: ${verdict.failures[0].code}` : "rejected";
  const certified = certify(program, { maximumSteps: MAXIMUM_STEPS, strict });
  if (certified.kind === "none") return `no certificate: ${certified.reason}`;
  const { bytes } = certified;
  runsInside(program, seed, bytes, strict);
  checkDamaged(program, seed, bytes, DAMAGED_BYTES);
  const next = generator(seed);
  let doubted = 0;
  for (let round = 0; round < DAMAGED_PROGRAMS; round++) {
    const other: Program = { ...program, instructions: damage(next, program.instructions) };
    if (!isEncodable(other)) continue;
    const old = checkCertificate(other, bytes);
    const isSame = digestOf(other).every((byte, at) => byte === bytes[at]);
    if (!isSame && old.kind === "proved") throw new CertificateViolation(`seed ${seed}: of another program`);
    const rehashed = Uint8Array.from(bytes);
    rehashed.set(digestOf(other));
    if (checkCertificate(other, rehashed).kind !== "proved") continue;
    const ranked = recode(other, rehashed).listed.some(({ rank }) => rank !== undefined);
    if (!isSafe(other, seed + round, strict, ranked)) doubted += 1;
  }
  return doubted === 0 ? "certified" : "certified; proves a damaged program that the verifier rejects";
}

/** The states that the checker goes through, by instruction: each run must be in one of them before each step. */
type States = (State[] | undefined)[];

function watchOf(program: Program, states: States): (index: number, state: CheckedState) => void {
  return (index, state) => {
    const list = states[index] ?? [];
    states[index] = list;
    if (list.length <= MOST_STATES) list.push(untranslated(program.platform, state));
  };
}

/** Reading a certificate and writing it again gives the same bytes, and runs stay inside its states. */
function runsInside(program: Program, seed: number, bytes: Uint8Array, strict: boolean): void {
  const states: States = [];
  const again = recode(program, bytes, watchOf(program, states));
  if (again.bytes.length !== bytes.length || again.bytes.some((byte, at) => byte !== bytes[at])) {
    throw new CertificateViolation(`seed ${seed}: two forms of one certificate`);
  }
  runs(program, seed, strict, RUNS, { states, isLong: again.listed.some(({ rank }) => rank !== undefined) });
}

/** One to three bytes behind the digest changed, a little or at random, left out or added. */
export function damagedBytes(next: (below: number) => number, bytes: Uint8Array): Uint8Array {
  const list = [...bytes];
  for (let count = 1 + next(3); count > 0; count--) {
    const at = DIGEST_BYTES + next(list.length - DIGEST_BYTES);
    const old = list[at] ?? 0;
    const changes = [
      [old ^ (1 << next(8))],
      [next(256)],
      [(old + 1) & 0xff],
      [(old - 1) & 0xff],
      [],
      [old, next(4)],
    ];
    list.splice(at, 1, ...(changes[next(changes.length)] ?? []));
  }
  return Uint8Array.from(list);
}

/** Damaged in so many ways, it is refused, or still true: it is of this program, and what it says of runs is so. */
function checkDamaged(program: Program, seed: number, bytes: Uint8Array, count: number): number {
  let proved = 0;
  for (let round = 0; round < count; round++) {
    const damaged = damagedBytes(generator(seed + round * 7919), bytes);
    if (damaged.length === bytes.length && damaged.every((byte, at) => byte === bytes[at])) continue;
    const checked = checkCertificate(program, damaged);
    if (checked.kind !== "proved") continue;
    runsInside(program, seed + round, damaged, checked.strict);
    proved += 1;
  }
  return proved;
}

/** Only the damage to the bytes, behind the program's hash, of one program's certificate. */
export function damageBytes(program: Program, seed: number, count: number): string {
  const strict = isStrict(program, seed % 2 === 0);
  const certified = certify(program, { maximumSteps: MAXIMUM_STEPS, strict });
  if (certified.kind === "none") return "no certificate";
  const proved = checkDamaged(program, seed, certified.bytes, count);
  return proved === 0 ? "all refused" : "some still true";
}

/** Without a certificate the checker still follows every path of a small program: what it then proves must be so. */
function proveAlone(program: Program, seed: number, strict: boolean, accepted: boolean): boolean {
  if (!isEncodable(program)) return false;
  const states: States = [];
  try {
    const observe = watchOf(program, states);
    new Follower(program, strict, { steps: MAXIMUM_STEPS, observe }).enter(() => undefined);
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
  runs(program, seed, strict, accepted ? RUNS : DOUBTED_RUNS, { states });
  return true;
}

function isEncodable(program: Program): boolean {
  try {
    encode(program.instructions);
    return true;
  } catch {
    return false;
  }
}

/** True if the verifier accepts it too. */
function isSafe(program: Program, seed: number, strict: boolean, isLong: boolean): boolean {
  const accepted = verify(program, { maximumSteps: 10 * MAXIMUM_STEPS, strict }).kind === "accepted";
  runs(program, seed, strict, accepted ? RUNS : DOUBTED_RUNS, { isLong });
  return accepted;
}

interface RunsOptions {
  readonly states?: States;
  /** A loop with a rank ends, though maybe not in the machine's steps, so fewer will do: no end in sight is no fault then. */
  readonly isLong?: boolean;
}

/** Random runs in the model machine find no fault, and are inside the states if they are given. */
function runs(
  program: Program,
  seed: number,
  strict: boolean,
  count: number,
  { states = [], isLong = false }: RunsOptions,
): void {
  const tooMany = states.some((list) => (list?.length ?? 0) > MOST_STATES);
  for (let run = 0; run < count; run++) {
    const next = generator((seed + run * 104729) ^ 0x2545f491);
    const length = next(3) === 0 ? next(8) : next(128);
    const trace = (machine: Machine, index: number): void => {
      const known = states[index];
      if (known?.some((state) => notHeld(state, machine, 0xffff) === undefined)) return;
      const why = known?.map((state) => notHeld(state, machine, 0xffff)).join(", ") ?? "never reached";
      throw new CertificateViolation(`seed ${seed}: instruction ${index} outside of all states: ${why}`);
    };
    const machine = new Machine({
      program,
      strict,
      next,
      firstAddress: 0x7ad3_8f10_2f30n,
      packet: anyBytes(next, length),
      metadataBytes: 0,
      maximumSteps: (isLong ? 1 : 50) * MAXIMUM_STEPS,
      ...(states.length === 0 || tooMany ? {} : { trace }),
    });
    try {
      machine.run();
    } catch (error) {
      if (error instanceof NotModelled) return;
      if (!(error instanceof ModelFault)) throw error;
      if (isLong && error.kind === "endless") return;
      throw new CertificateViolation(`seed ${seed}: proved, but ${error.kind}: ${error.message}`);
    }
  }
}
