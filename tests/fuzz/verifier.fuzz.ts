// The verifier's soundness net (net.ts) for as long as wanted.
import type { Fuzzer } from "./fuzzer.ts";
import { generateAny } from "./generate.ts";
import { castNet } from "./net.ts";

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "random programs, verified, and run inside the states kept",
    run: (seed) => castNet(generateAny(seed), seed).outcome,
  },
];
