// Certificates of random programs, attacked (certificate.ts) for as long as wanted.

import { generator } from "../harness/mutate.ts";
import { attack, damageBytes } from "./certificate.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { generateAny } from "./generate.ts";
import { loopProgram, randomLoop } from "./loops.ts";

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "certificate of random programs, damaged, and beside damaged programs",
    run: (seed) => attack(generateAny(seed), seed),
  },
  {
    name: "certificate of random loops, damaged, and beside damaged programs",
    run: (seed) => attack(loopProgram("random", randomLoop(generator(seed))), seed),
  },
  {
    name: "certificate bytes of random loops damaged, two hundred times each",
    run: (seed) => damageBytes(loopProgram("random", randomLoop(generator(seed))), seed, 200),
  },
  {
    name: "certificate bytes damaged, two hundred times each",
    run: (seed) => damageBytes(generateAny(seed), seed, 200),
  },
];
