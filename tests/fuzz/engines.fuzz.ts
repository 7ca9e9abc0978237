// Random programs in both engines, for as long as wanted.
import fc from "fast-check";
import { checkAgreement } from "../harness/agree.ts";
import { MEMORY_BYTES, programs } from "../harness/generate.ts";
import type { Fuzzer } from "./fuzzer.ts";

const cases = fc.tuple(programs(true), fc.uint8Array({ minLength: MEMORY_BYTES, maxLength: MEMORY_BYTES }));

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
];
