// Are the invariants of an accepted program closed? From the entry and from each of them, every path is followed with
// the verifier's own steps, but without marks and joins, until an invariant that was finished earlier covers it whole, or
// the head of a loop that the invariant is inside of, whose number has moved.
// Whatever a mark too few has left out of an invariant shows here as an assertion that fails or a path that nothing covers.
import type { Program } from "../../../core/program/program.ts";
import type { Rank } from "../../../core/verifier/analysis.ts";
import { analyze } from "../../../core/verifier/analyze.ts";
import { assertionsOf } from "../../../core/verifier/assertion.ts";
import { assume } from "../../../core/verifier/branch.ts";
import { check } from "../../../core/verifier/check.ts";
import { ALL_NEEDED, covers } from "../../../core/verifier/domain/cover.ts";
import { slotAt, withSlot } from "../../../core/verifier/domain/slots.ts";
import { readSlot } from "../../../core/verifier/domain/stack.ts";
import { cloneState, type State, setStack, stackOf } from "../../../core/verifier/domain/state.ts";
import { numberValue, type Value } from "../../../core/verifier/domain/value.ts";
import { initialState } from "../../../core/verifier/entry.ts";
import { flowOf } from "../../../core/verifier/flow.ts";
import { printState } from "../../../core/verifier/print-state.ts";
import { isStrict } from "../../../core/verifier/strict.ts";
import { transfer } from "../../../core/verifier/transfer.ts";
import { enterFrame, leaveFrame } from "../../../core/verifier/transfer-call.ts";

/** Steps from one invariant before it is given up. */
const MOST_STEPS = 500_000;

export interface Closed {
  readonly invariants: number;
  readonly steps: number;
  /** What is wrong; absent: they are closed. */
  readonly problem?: string;
}

type Ranked = Omit<Rank, "inside">;

function linkedTo(value: Value, anchor: number): Value {
  return value.kind === "number" ? numberValue(value.range, anchor) : value;
}

/** The head's state with its number linked to itself. */
function anchored(state: State, { place, anchor }: Ranked): State {
  const start = cloneState(state);
  const { register, frame, slot, at } = place;
  if (register >= 0) {
    start.registers[register] = linkedTo(start.registers[register] as Value, anchor);
    return start;
  }
  const stack = stackOf(state, frame);
  const known = slotAt(stack, slot);
  if (known?.kind === "spill") {
    setStack(start, frame, withSlot(stack, slot, { ...known, value: linkedTo(known.value, anchor) }));
  }
  if (known?.kind === "bytes") {
    const parts = known.parts.map((part) =>
      part.at === at ? { ...part, value: numberValue(part.value.range, anchor) } : part,
    );
    setStack(start, frame, withSlot(stack, slot, { ...known, parts }));
  }
  return start;
}

function numberAt(state: State, { register, frame, slot, at, size }: Ranked["place"]): Value | undefined {
  if (register >= 0) return state.registers[register];
  const known = slotAt(stackOf(state, frame), slot);
  return known?.kind === "spill" && size === 8 ? known.value : known && readSlot(known, at, size);
}

/** Has the number moved as the rank says, without wrapping? */
function hasMoved({ place, anchor, order, direction }: Ranked, head: State, state: State): boolean {
  const from = numberAt(head, place);
  const to = numberAt(state, place);
  if (from?.kind !== "number" || to?.kind !== "number" || to.id !== anchor || to.delta === 0) return false;
  if (to.delta > 0 !== (direction === "up")) return false;
  const { umin, umax, smin, smax } = to.range.full;
  if (order === "signed") return !to.extended && Number.isFinite(smin - smax);
  if (to.extended && from.range.full.umax >= 2 ** 32) return false;
  const limit = to.extended ? 2 ** 32 : 2 ** 64;
  return to.delta > 0 ? umin >= to.delta : umax - to.delta < limit;
}

/** Undefined if the program is rejected. Callbacks are not followed. */
export function checkClosed(program: Program, maximumSteps: number): Closed | undefined {
  const analysis = analyze(program, { maximumSteps, keepInvariants: true });
  if (analysis.failure !== undefined) return undefined;
  const invariants = analysis.invariants ?? [];
  const strict = isStrict(program, undefined);
  const flow = flowOf(program);
  // Ids that no state of the analysis has.
  const ids = { next: 2 ** 30 };
  let steps = 0;

  /** Is invariant number `inner` inside the loop of which number `head` is the head, or that itself? */
  const isInside = (head: number, inner: number): boolean => {
    const inside = invariants[head]?.rank?.inside;
    return inside !== undefined && head - inside <= inner && inner <= head;
  };

  /** Is `state` at `index` covered by an invariant finished before number `before`, or is that one's next round? */
  const isCovered = (index: number, state: State, before: number): boolean =>
    invariants.some(({ index: label, state: known, rank }, at) => {
      if (label !== index || (at >= before && !isInside(at, before))) return false;
      if (!covers(known, ALL_NEEDED, state, flow.live[index] ?? 0xffff)) return false;
      return at < before || (rank !== undefined && hasMoved(rank, known, state));
    });

  /** Where the paths from `index` go on after one instruction. */
  const next = (index: number, state: State): { index: number; state: State }[] => {
    const instruction = program.instructions[index];
    const target = program.targets[index] ?? -1;
    if (instruction === undefined) return [];
    switch (instruction.kind) {
      case "exit": {
        const to = leaveFrame(state);
        return to < 0 ? [] : [{ index: to, state }];
      }
      case "jump": {
        const { condition } = instruction;
        if (condition === undefined) return [{ index: target, state }];
        const taken = cloneState(state);
        const list: { index: number; state: State }[] = [];
        if (assume(taken, instruction, condition, true)) list.push({ index: target, state: taken });
        if (assume(state, instruction, condition, false)) list.push({ index: index + 1, state });
        return list;
      }
      case "call":
        if (instruction.target.kind === "local") {
          enterFrame(state, index + 1, flow.live[index + 1] ?? 0xffff);
          return [{ index: target, state }];
        }
        break;
      default:
    }
    transfer(program, ids, state, index);
    return [{ index: index + 1, state }];
  };

  const follow = (start: number, from: State, before: number): string | undefined => {
    const open = [{ index: start, state: cloneState(from) }];
    for (let taken = 0; open.length > 0; taken++) {
      const path = open.pop();
      if (path === undefined) break;
      const { index, state } = path;
      if (taken > 0 && isCovered(index, state, before)) continue;
      if (taken > MOST_STEPS) return `${MOST_STEPS} steps from invariant ${before} at ${start}`;
      steps += 1;
      const instruction = program.instructions[index];
      if (instruction === undefined) return `a path runs past the end at ${index}`;
      for (const assertion of assertionsOf(instruction, program.platform, program.type.name)) {
        const finding = check(program, state, assertion, strict);
        if (finding !== undefined) {
          const known = printState(program, from);
          return `invariant ${before} at ${start}: ${finding.code} at ${index}\n${known}\n${printState(program, state)}`;
        }
      }
      open.push(...next(index, state));
    }
    return undefined;
  };

  const result = (problem: string | undefined): Closed =>
    problem === undefined
      ? { invariants: invariants.length, steps }
      : { invariants: invariants.length, steps, problem };
  for (const [number, { index, state, rank }] of invariants.entries()) {
    const problem = follow(index, rank === undefined ? state : anchored(state, rank), number);
    if (problem !== undefined) return result(problem);
  }
  const entry = program.subprograms[0]?.start ?? 0;
  return result(follow(entry, initialState(program), invariants.length));
}
