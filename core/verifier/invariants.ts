// What an exploration leaves behind: the kept states that its proof rests on, in the order in which they were finished.
import type { Invariant, Rank } from "./analysis.ts";
import { generalised } from "./domain/generalise.ts";
import { mapValues, type State } from "./domain/state.ts";
import type { NumberValue } from "./domain/value.ts";
import type { Kept } from "./keep.ts";

export interface Finished {
  readonly kept: Kept;
  /** Of a loop's head: why it ends, and the place in the list of the first state inside. */
  readonly rank: Omit<Rank, "inside"> | undefined;
  readonly first: number;
}

/** Above all ids that an exploration gives. */
const FIRST_PLAIN = 2 ** 29;

/** Those that are needed; `live`: bit i of its row is set if ri is read at or after an instruction. */
export function invariantsOf(finished: readonly Finished[], live: ArrayLike<number>): Invariant[] {
  const anchors = new Set(finished.flatMap(({ rank }) => rank?.anchor ?? []));
  /** How many before each are needed. */
  const before: number[] = [];
  const list: Invariant[] = [];
  for (const { kept, rank, first } of finished) {
    before.push(list.length);
    if (!kept.needed) continue;
    const { index, marked } = kept;
    const state = generalised(kept.state, marked.needs, live[index] ?? 0xffff);
    unanchor(state, anchors);
    const inside = list.length - (before[first] ?? list.length);
    list.push({ index, state, ...(rank && { rank: { ...rank, inside } }) });
  }
  return list;
}

/** Links to a number that ranks no loop are links as others are: what has them is equal, or apart, within the state. */
function unanchor(state: State, anchors: ReadonlySet<number>): void {
  const plain = (number: NumberValue): NumberValue => {
    const shifted = number.shifted && plain(number.shifted);
    const id = number.id < 0 && !anchors.has(number.id) ? FIRST_PLAIN - number.id : number.id;
    return id === number.id && shifted === number.shifted ? number : { ...number, id, shifted };
  };
  mapValues(state, (value) => (value.kind === "number" ? plain(value) : value));
}
