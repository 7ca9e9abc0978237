// The driver's certificate checker against the core's: the same answer, and the same states and steps, for certificates of
// random programs, whole and damaged; beside damaged programs with the hash made anew; and without any state, where both
// follow every path, also of programs that the verifier rejects.
import { DIGEST_BYTES } from "../../core/certificate/form.ts";
import { digestOf } from "../../core/certificate/program.ts";
import { encode } from "../../core/isa/encode.ts";
import type { Program } from "../../core/program/program.ts";
import { certify } from "../../core/verifier/certify.ts";
import { isStrict } from "../../core/verifier/strict.ts";
import { certificateProgram, checkBoth } from "../harness/driver-certificate.ts";
import { generator } from "../harness/mutate.ts";
import { damagedBytes } from "./certificate.ts";
import { damage } from "./damage.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { generateAny } from "./generate.ts";
import { loopProgram, randomLoop } from "./loops.ts";

const MAXIMUM_STEPS = 20_000;

/** Of no state: there is nothing behind the flags but two zeros, no states and no stop. */
export function emptyCertificate(program: Program, strict: boolean): Uint8Array {
  return Uint8Array.of(...digestOf(program), strict ? 1 : 0, 0);
}

/** How often the two answered what, for one program and `count` ways to damage it. Throws if they do not agree. */
export function compareCheckers(program: Program, seed: number, count: number): readonly string[] {
  const strict = isStrict(program, seed % 2 === 0);
  const given = certificateProgram(program);
  if (given === undefined) return ["not of the driver"];
  const outcomes: string[] = [`empty ${checkBoth(program, given, emptyCertificate(program, strict))}`];
  const certified = certify(program, { maximumSteps: MAXIMUM_STEPS, strict });
  if (certified.kind === "none") return outcomes;
  const { bytes } = certified;
  outcomes.push(`whole ${checkBoth(program, given, bytes)}`);
  for (let round = 0; round < count; round++) {
    const next = generator(seed + round * 7919);
    outcomes.push(`damaged ${checkBoth(program, given, damagedBytes(next, bytes))}`);
    if (round % 4 === 0) outcomes.push(...besideDamaged(program, next, bytes));
  }
  return outcomes;
}

function besideDamaged(program: Program, next: (below: number) => number, bytes: Uint8Array): string[] {
  const other: Program = { ...program, instructions: damage(next, program.instructions) };
  const given = encodable(other) ? certificateProgram(other) : undefined;
  if (given === undefined) return [];
  const rehashed = Uint8Array.from(bytes);
  rehashed.set(digestOf(other));
  return [
    `beside a damaged program ${checkBoth(other, given, rehashed)}`,
    `empty ${checkBoth(other, given, Uint8Array.of(...rehashed.subarray(0, DIGEST_BYTES + 1), 0))}`,
  ];
}

function encodable(program: Program): boolean {
  try {
    encode(program.instructions);
    return true;
  } catch {
    return false;
  }
}

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "certificates of random programs, in the driver's checker and the core's",
    run: (seed) => compareCheckers(generateAny(seed), seed, 20),
  },
  {
    name: "certificates of random loops, in the driver's checker and the core's",
    run: (seed) => compareCheckers(loopProgram("random", randomLoop(generator(seed))), seed, 20),
  },
];
