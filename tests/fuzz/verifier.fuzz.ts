// The verifier's soundness net (net.ts) for as long as wanted, and whether what it keeps of accepted programs is closed.
import { checkClosed } from "../core/verifier/closed.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { generateAny } from "./generate.ts";
import { castNet, listing } from "./net.ts";

const MAXIMUM_STEPS = 20_000;

function closed(seed: number): string {
  const program = generateAny(seed);
  const found = checkClosed(program, MAXIMUM_STEPS);
  if (found?.problem !== undefined) throw new Error(`seed ${seed}: ${found.problem}\n${listing(program)}`);
  return found === undefined ? "rejected" : "closed";
}

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "random programs, verified, and run inside the states kept",
    run: (seed) => castNet(generateAny(seed), seed).outcome,
  },
  { name: "invariants of random programs that the verifier accepts, closed", run: closed },
];
