// How the exploration came to where it is: stretches of instructions, linked backwards and shared by the paths that fork
// from them. Costs nothing but a record a jump; the list of instructions is made only when a failure is told.

/** Instructions followed one after the other, from the first to the last. */
export interface Trail {
  readonly before: Trail | undefined;
  readonly first: number;
  readonly last: number;
}

/** The trail with a stretch behind it; an empty stretch adds nothing. */
export function extended(before: Trail | undefined, first: number, last: number): Trail | undefined {
  return last < first ? before : { before, first, last };
}

/** The indexes of all instructions of the trail, in the order followed. */
export function pathTo(trail: Trail | undefined): number[] {
  const stretches: Trail[] = [];
  for (let at = trail; at !== undefined; at = at.before) stretches.push(at);
  const path: number[] = [];
  for (const { first, last } of stretches.reverse()) {
    for (let index = first; index <= last; index++) path.push(index);
  }
  return path;
}
