// Certificates of random programs, attacked (certificate.ts) for as long as wanted.
import { attack, damageBytes } from "./certificate.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { generateAny } from "./generate.ts";

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "certificate of random programs, damaged, and beside damaged programs",
    run: (seed) => attack(generateAny(seed), seed),
  },
  {
    name: "certificate bytes damaged, two hundred times each",
    run: (seed) => damageBytes(generateAny(seed), seed, 200),
  },
];
