// The way to a failure once more, alone: what each instruction of the path found in the registers, so that it can be told
// how the failure came about. The exploration's own states may be joins; these are of this path only, so they say more.
import type { Instruction } from "../isa/instruction.ts";
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { assume } from "./branch.ts";
import type { State } from "./domain/state.ts";
import { UNINITIALIZED, type Value } from "./domain/value.ts";
import { initialState } from "./entry.ts";
import { transfer } from "./transfer.ts";
import type { Ids } from "./transfer-alu.ts";
import { enterFrame, leaveFrame } from "./transfer-call.ts";
import { callbackPath } from "./transfer-callback.ts";

/** Longer paths are not told: nobody reads them, and each step keeps eleven references. */
export const MOST_STEPS_TOLD = 20_000;

/** One instruction of the path, with the state before it as far as the slice asks for it. */
export interface ReplayStep {
  readonly index: number;
  readonly instruction: Instruction;
  /** Depth of its frame; the entry's is 0. */
  readonly frame: number;
  readonly registers: readonly Value[];
  /** Bytes of the packet proved. */
  readonly packet: number;
  readonly references: readonly number[];
}

/** The steps of the path from the entry on; empty if it is too long. It ends where the exploration's joins made it impossible. */
export function replay(program: Program, path: readonly number[]): readonly ReplayStep[] {
  if (path.length > MOST_STEPS_TOLD) return [];
  const steps: ReplayStep[] = [];
  const ids: Ids = { next: 0 };
  let state = initialState(program);
  for (const [at, index] of path.entries()) {
    const instruction = program.instructions[index];
    if (instruction === undefined) break;
    steps.push({
      index,
      instruction,
      frame: state.frames.length - 1,
      registers: state.registers.slice(),
      packet: state.packet,
      references: state.references,
    });
    const next = path[at + 1];
    if (next === undefined) break;
    const moved = follow(program, ids, state, { index, instruction, next });
    if (moved === undefined) break;
    state = moved;
  }
  return steps;
}

interface Move {
  readonly index: number;
  readonly instruction: Instruction;
  /** The instruction that the path goes on with. */
  readonly next: number;
}

/** The state there; undefined if the path cannot go on like that. */
function follow(program: Program, ids: Ids, state: State, move: Move): State | undefined {
  const { index, instruction, next } = move;
  switch (instruction.kind) {
    case "exit":
      return leaveFrame(state) === next ? state : undefined;
    case "jump": {
      const outcome = outcomeOf(program, move);
      if (outcome === undefined || instruction.condition === undefined) return state;
      return assume(state, instruction, instruction.condition, outcome) ? state : undefined;
    }
    case "call": {
      if (instruction.target.kind === "local") {
        enterFrame(state, index + 1, 0xffff);
        return state;
      }
      if (next === index + 1 || instruction.target.kind !== "helper") break;
      const helper = findHelper(program.platform, instruction.target.id, program.type.name);
      return helper && callbackPath(program, ids, state, helper)?.state;
    }
    default:
  }
  transfer(program, ids, state, index);
  return state;
}

/** Which side of a branch the path takes; undefined where both are one. */
export function outcomeOf(
  program: Program,
  { index, next }: Pick<Move, "index" | "next">,
): boolean | undefined {
  const target = program.targets[index];
  return target === index + 1 ? undefined : next === target;
}

export function valueAt(step: ReplayStep, index: number): Value {
  return step.registers[index] ?? UNINITIALIZED;
}
