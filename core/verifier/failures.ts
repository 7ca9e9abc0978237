// What the exploration found wrong: the first failure, or, if all are asked for, each instruction and code once in the order
// followed. Knows no states and no checks.
import type { Analysis, AnalysisFailure } from "./analysis.ts";
import { pathTo, type Trail } from "./trail.ts";

/** Nobody reads more; a program of nothing but errors has one an instruction. */
export const MOST_FAILURES = 100;

export type Failing = Omit<AnalysisFailure, "path">;

export class Failures {
  readonly found: AnalysisFailure[] = [];
  readonly #all: boolean;
  readonly #known = new Set<string>();
  #last = false;

  constructor(all: boolean) {
    this.#all = all;
  }

  /** True: the exploration need not go on. */
  get enough(): boolean {
    return this.#last || this.found.length >= (this.#all ? MOST_FAILURES : 1);
  }

  /** `last`: the budget is spent. */
  add({ index, finding, state }: Failing, trail: Trail | undefined, last: boolean): void {
    this.#last = last;
    const key = `${index} ${finding.code}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    this.found.push({
      index,
      finding,
      state,
      // Made when it is asked for: a path is as long as the budget.
      get path() {
        return pathTo(trail);
      },
    });
  }

  facts(): Pick<Analysis, "failure" | "failures"> {
    const [failure] = this.found;
    if (failure === undefined) return {};
    return this.#all ? { failure, failures: this.found } : { failure };
  }
}
