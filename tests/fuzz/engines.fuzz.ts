// Both engines run the same programs, for as long as wanted: programs that are safe by construction, and programs that
// the verifier accepts, with helpers, maps and functions.
import fc from "fast-check";
import { verify } from "../../core/verifier/verify.ts";
import { checkAgreement } from "../harness/agree.ts";
import { behaviour } from "../harness/behaviour.ts";
import { ENGINES } from "../harness/engines.ts";
import { MEMORY_BYTES, programs } from "../harness/generate.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { generateForHost } from "./generate.ts";
import { endsUnrolled, listing } from "./net.ts";

const cases = fc.tuple(programs(true), fc.uint8Array({ minLength: MEMORY_BYTES, maxLength: MEMORY_BYTES }));

function checkVerified(seed: number): string {
  const program = generateForHost(seed);
  const verdict = verify(program, { maximumSteps: 20_000, strict: true });
  if (verdict.kind === "rejected") return verdict.failures[0].code;
  if (!endsUnrolled(program, true)) return "a long loop";
  const [first, ...others] = ENGINES.map((engine) => behaviour(verdict.program, engine, seed));
  if (others.some((other) => other !== first)) {
    throw new Error(`seed ${seed}: ${[first, ...others].join("\n--\n")}\n${listing(program)}`);
  }
  return "agreed";
}

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "random programs, run by the interpreter and through WebAssembly",
    run(seed) {
      for (const [instructions, memory] of fc.sample(cases, { seed, numRuns: 1 })) {
        checkAgreement(instructions, memory);
      }
      return "agreed";
    },
  },
  { name: "random programs that the verifier accepts, in both engines", run: checkVerified },
];
