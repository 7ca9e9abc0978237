// What is told of a failure beside its first line: the slice that led to it, what was known and what was needed, the
// mend, what to do in general. Computed for rejected programs only, in steps that the path's length bounds.
import { print } from "../isa/print.ts";
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { SourceLocation } from "../spec.ts";
import type { AnalysisFailure } from "./analysis.ts";
import { mendOf } from "./mend.ts";
import { needOf } from "./need.ts";
import { remedyOf } from "./remedy.ts";
import { type ReplayStep, replay } from "./replay.ts";
import { sliceOf } from "./slice.ts";
import { noteOf } from "./slice-note.ts";
import type { Explanation, SliceRow } from "./verdict.ts";

export function explanationOf(
  program: Program,
  { finding, path }: Pick<AnalysisFailure, "finding" | "path">,
): Explanation & { readonly remedy: string } {
  const steps = replay(program, path);
  // A replay that did not come through says nothing of the failure.
  const whole = steps.length === path.length ? steps : [];
  const failing = whole.at(-1);
  const need = needOf(program, finding, failing);
  const slice = rowsOf(program, whole, finding);
  const source = failing && sourceOf(program, failing.index);
  const mend = source && mendOf({ program, steps: whole, failing, slice, source }, finding);
  return { remedy: remedyOf(finding, whole), slice, ...need, ...(mend !== undefined && { mend }) };
}

function rowsOf(
  program: Program,
  steps: readonly ReplayStep[],
  finding: AnalysisFailure["finding"],
): readonly SliceRow[] {
  return sliceOf(program, steps, finding).flatMap(({ at }): SliceRow[] => {
    const step = steps[at];
    const after = steps[at + 1];
    if (step === undefined || after === undefined) return [];
    const source = sourceOf(program, step.index);
    return [
      {
        instruction: step.index,
        slot: program.slots[step.index] ?? step.index,
        text: textOf(program, step.index),
        ...(source !== undefined && { source }),
        note: noteOf(program, step, after),
      },
    ];
  });
}

/** The instruction in assembly, with the names of helpers and maps. */
export function textOf(program: Program, index: number): string {
  const instruction = program.instructions[index];
  if (instruction === undefined) return "";
  return print(instruction, {
    helper: (id) => findHelper(program.platform, id, program.type.name)?.name,
    map: (map) => program.maps[map]?.spec.name,
  });
}

/** The C line of the instruction, or of the nearest one before it in the same function. */
export function sourceOf(program: Program, index: number): SourceLocation | undefined {
  const own = program.subprograms.find((row) => index >= row.start && index < row.end);
  for (let at = index; at >= (own?.start ?? 0); at--) {
    const source = program.sources[at];
    if (source !== undefined) return source;
  }
  return undefined;
}
