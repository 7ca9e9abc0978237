// Is every run of a program safe, and does it end? The contents page of the exploration:
//
//   flow.ts      registers read later, places where paths meet: once, before any state
//   explore.ts   follows every path that the states allow, and stops at the first assertion that does not hold
//   keep.ts      the states kept where paths meet; a path ends where a finished one covers it (domain/cover.ts),
//                and from the third one on states of one shape are joined (domain/join.ts)
//   loop.ts      loops whose rounds are taken together: a state for all of them, and why they end
//   work.ts      what is still to be followed
//   held.ts      what waiting paths and kept states take, so that memory is bounded as steps are
//   marks.ts     what mattered of a kept state: only there must a later one be like it
//   branch.ts, transfer*.ts, check*.ts   what an instruction tells, changes, needs
//   trail.ts     how the exploration came to a failure
//
// Why accepting is sound: every path from the entry state is followed to its exit, or to a label where a *finished* state
// (one whose paths have all been followed) covers it, or back to the head of a loop whose state covers it and which is shown
// to come round only so often; so every concrete run satisfies every assertion on its way, and ends.
import type { Program } from "../program/program.ts";
import type { Analysis, AnalysisOptions } from "./analysis.ts";
import { explore } from "./explore.ts";

export type { Analysis, AnalysisFailure, AnalysisOptions, Invariant } from "./analysis.ts";

/** Follows the program from its entry; never throws for a program of the shape that structure.ts asks for. */
export function analyze(program: Program, options: AnalysisOptions): Analysis {
  return explore(program, options);
}
