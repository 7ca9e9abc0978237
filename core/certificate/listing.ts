// The order of a certificate's states, shared by who reads and who writes one: a ranked state comes before the states
// inside its loop and is followed behind them. Each other one is followed as it is listed.
import type { Choose, Follower, Listed } from "./follow.ts";
import { MOST_OPEN } from "./form.ts";
import { refuse } from "./program.ts";
import { emptyState, type State } from "./state.ts";

export class Listing {
  readonly #follower: Follower;
  readonly #choose: Choose;
  /** How many states there will be. */
  readonly #count: number;
  #listed = 0;
  /** Loops whose states are being listed, the outermost first, and the number of the first state behind each. */
  readonly #open: { readonly listed: Listed; readonly end: number }[] = [];
  #previous: State = emptyState();
  #index = 0;

  constructor(follower: Follower, count: number, choose: Choose) {
    this.#follower = follower;
    this.#choose = choose;
    this.#count = count;
  }

  get isComplete(): boolean {
    return this.#listed === this.#count;
  }

  /** The instruction of the state listed last. */
  get index(): number {
    return this.#index;
  }

  /** What a state for the instruction is told by: the one listed last for it, else the one listed last. */
  baseOf(index: number): State {
    return this.#follower.before(index)?.at(-1)?.state ?? this.#previous;
  }

  /** The ids of what is linked to heads whose loops are open, the outermost first. */
  anchors(): readonly number[] {
    return this.#open.map(({ listed }) => listed.rank?.anchor ?? 0);
  }

  /** The id of what is linked to the next ranked state: -1, -2 ... in the order of the list. */
  get nextAnchor(): number {
    return -1 - this.#listed;
  }

  /** How many states the loop of the next state may have inside. */
  get most(): number {
    return (this.#open.at(-1)?.end ?? this.#count) - this.#listed - 1;
  }

  /** `inside`: of a ranked state, how many of the next ones are inside its loop. */
  add(listed: Listed, inside: number): void {
    this.#listed += 1;
    this.#previous = listed.state;
    this.#index = listed.index;
    if (listed.rank === undefined) {
      this.#follow(listed);
      this.#follower.list(listed);
    } else {
      if (this.#open.length >= MOST_OPEN) refuse("too many loops in one another");
      this.#follower.list(listed);
      this.#open.push({ listed, end: this.#listed + inside });
    }
    for (let last = this.#open.at(-1); last?.end === this.#listed; last = this.#open.at(-1)) {
      this.#follow(last.listed);
      this.#open.pop();
    }
  }

  #follow(listed: Listed): void {
    this.#follower.follow(
      listed,
      this.#open.map((one) => one.listed),
      this.#choose,
    );
  }
}
