// Tail calls: a program ends, and another one goes on with the same context. The helper says which in the lane's memory; the
// engine then ends the program, with all its functions, and what is here runs the other. At most so many of them in a run.

import { InternalError } from "../../base/error.ts";
import { LANE_WORD } from "../../image/abi.ts";
import type { Instance, InstanceDescriptor, Lane } from "./lane.ts";
import { MAP_ERROR, type MapAccess } from "./maps/map.ts";
import type { MemoryViews } from "./memory.ts";

/** As on Linux. */
export const MOST_TAIL_CALLS = 33;

/** Programs that tail calls may lead to, by the id that their host gave them; undefined once they are closed. */
export interface ProgramSource {
  find(id: number): InstanceDescriptor | undefined;
}

export interface TailCalls {
  /** 0 if the other program is to go on; else one of MAP_ERROR, and this one goes on itself. */
  request(map: MapAccess, index: number): number;
  /** The instance that runs `first` and what its tail calls lead to. */
  chain(first: Instance): Instance;
}

/** Of one lane. `open` makes the instance of a program that is needed. */
export function createTailCalls(
  { words }: MemoryViews,
  lane: Lane,
  programs: ProgramSource,
  open: (descriptor: InstanceDescriptor) => Instance,
): TailCalls {
  const instances = new Map<number, Instance>();
  const target = (lane.resultAddress + LANE_WORD.tailTarget) >>> 2;
  const count = (lane.resultAddress + LANE_WORD.tailCalls) >>> 2;
  const runs = (lane.resultAddress + LANE_WORD.runs) >>> 2;
  const instanceOf = (id: number): Instance | undefined => {
    const known = instances.get(id);
    if (known !== undefined) return known;
    const descriptor = programs.find(id);
    if (descriptor === undefined) return undefined;
    const instance = open(descriptor);
    instances.set(id, instance);
    return instance;
  };
  return {
    request(map, index) {
      const id = map.programAt?.(index) ?? 0;
      if (words[count]! >= MOST_TAIL_CALLS) return MAP_ERROR.invalid;
      if (id === 0 || instanceOf(id) === undefined) return MAP_ERROR.notFound;
      words[count] = words[count]! + 1;
      words[target] = id;
      return 0;
    },
    chain: (first) => ({
      run(contextAddress) {
        words[count] = 0;
        words[target] = 0;
        // Odd: what is closed now may still be running here (retired.ts).
        Atomics.add(words, runs, 1);
        try {
          let low = first.run(contextAddress);
          while (words[target] !== 0) {
            const next = instanceOf(words[target]!);
            if (next === undefined) throw new InternalError("a tail call leads to no program");
            words[target] = 0;
            low = next.run(contextAddress);
          }
          return low;
        } finally {
          words[target] = 0;
          Atomics.add(words, runs, 1);
        }
      },
    }),
  };
}
