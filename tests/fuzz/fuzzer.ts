// What `npm run fuzz` expects of a tests/fuzz/*.fuzz.ts file: `export const fuzzers: readonly Fuzzer[]`, and, for work
// that ends by itself, `export const campaigns: readonly Campaign[]`.

export interface Fuzzer {
  /** Says what is fed with what, e.g. "damaged objects, loaded and built". */
  readonly name: string;
  /**
   * One case; throws if something is wrong. The same seed is the same case; seeds are below 2^31. The word it answers says
   * how the case ended ("accepted", an error's code), of a case of several parts how each did; they are counted.
   */
  run(seed: number): string | readonly string[];
}

export interface CampaignOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Only what has this word in its name. */
  readonly word: string;
  /** Everything, also where less would do. */
  readonly all: boolean;
  readonly print: (line: string) => void;
}

/** Runs only if it is asked for by name. */
export interface Campaign {
  readonly name: string;
  /** False if something is wrong. */
  run(options: CampaignOptions): Promise<boolean>;
}
