// What `npm run bench` expects of a tests/bench/*.bench.ts file: `export const benchmarks: readonly Benchmark[]`.

export interface Result {
  readonly value: number;
  readonly baseline?: number;
  /** Which one it is, where the value is that of the worst of many. */
  readonly note?: string;
}

export interface Benchmark {
  /** Says what is measured, e.g. "droppacket through WebAssembly". */
  readonly name: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  readonly target?: number;
  /** The least share of the baseline that the value must reach (better: "higher"), e.g. 0.9. */
  readonly targetShare?: number;
  /** What `baseline` of the result is, e.g. "bare recvmmsg loop". */
  readonly baseline?: string;
  /** Measures, in a few seconds at most; the baseline is measured in the same run. */
  run(): Promise<Result>;
}
