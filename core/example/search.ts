// From an input that goes wrong somewhere on the failing path to one that goes all the way: the run that came furthest is
// changed first. Bounded in runs and steps, so that the answer does not depend on the machine.
import { type Attempt, attempt, type Sighting, type Target } from "./attempt.ts";
import { fingerprint, type Input, LENGTH, withChanges } from "./input.ts";

const MOST_RUNS = 300;
const MOST_STEPS = 100_000;
const MOST_WAITING = 2000;

export interface Found {
  readonly input: Input;
  readonly sighting: Sighting;
  readonly runs: number;
}

interface Waiting {
  readonly input: Input;
  readonly reached: number;
}

/** Packets of no, of a small, of a usual and of a large length. */
const STARTS: readonly Input[] = [64n, 1514n, 0n, 14n].map((length) => new Map([[LENGTH, length]]));

export function search(target: Target): Found | undefined {
  const known = new Set<string>();
  const waiting: Waiting[] = [];
  const add = (input: Input, reached: number): void => {
    const name = fingerprint(input);
    if (known.has(name) || waiting.length >= MOST_WAITING) return;
    known.add(name);
    waiting.push({ input, reached });
  };
  for (const input of STARTS) add(input, 0);
  let steps = 0;
  for (let runs = 1; runs <= MOST_RUNS && steps < MOST_STEPS; runs++) {
    const next = take(waiting);
    if (next === undefined) return undefined;
    const done: Attempt = attempt(target, next.input);
    steps += done.steps;
    if (done.kind === "confirmed") return { input: next.input, sighting: done.sighting, runs };
    for (const changes of done.proposals) add(withChanges(next.input, changes), done.reached);
  }
  return undefined;
}

/** Of those whose origin came furthest, the one with the fewest changes, the oldest first. */
function take(waiting: Waiting[]): Waiting | undefined {
  let best = 0;
  for (let at = 1; at < waiting.length; at++) {
    const a = waiting[at];
    const b = waiting[best];
    if (a === undefined || b === undefined) continue;
    if (a.reached > b.reached || (a.reached === b.reached && a.input.size < b.input.size)) best = at;
  }
  return waiting.splice(best, 1)[0];
}
