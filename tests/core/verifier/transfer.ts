// One case of tests/fixtures/transfer: the state that is followed over its instructions, as the exploration does it.
import type { Program } from "../../../core/program/program.ts";
import { assertionsOf } from "../../../core/verifier/assertion.ts";
import { assume, possible } from "../../../core/verifier/branch.ts";
import { check } from "../../../core/verifier/check.ts";
import { cloneState, type State } from "../../../core/verifier/domain/state.ts";
import type { Finding } from "../../../core/verifier/finding.ts";
import { stateParts } from "../../../core/verifier/print-state.ts";
import { isStrict } from "../../../core/verifier/strict.ts";
import { transfer } from "../../../core/verifier/transfer.ts";
import { type Fixture, sectionText } from "../../harness/fixture.ts";
import { mapsOf, testProgram } from "./programs.ts";

/** Names that a case's own instructions give, apart from those that it begins with. */
const FIRST_FRESH = 100;

export type Outcome =
  | { readonly kind: "failure"; readonly at: number; readonly finding: Finding }
  | { readonly kind: "sides"; readonly taken: State | undefined; readonly falls: State | undefined }
  | { readonly kind: "end"; readonly state: State };

export function follow(program: Program, state: State): Outcome {
  const ids = { next: FIRST_FRESH };
  const strict = isStrict(program, undefined);
  for (const [index, instruction] of program.instructions.entries()) {
    for (const assertion of assertionsOf(instruction, program.platform, program.type.name)) {
      const finding = check(program, state, assertion, strict);
      if (finding !== undefined) return { kind: "failure", at: index, finding };
    }
    if (instruction.kind === "jump" && instruction.condition !== undefined) {
      const { condition } = instruction;
      const side = (outcome: boolean): State | undefined => {
        if (!possible(state, instruction, condition, outcome)) return undefined;
        const narrowed = cloneState(state);
        return assume(narrowed, instruction, condition, outcome) ? narrowed : undefined;
      };
      return { kind: "sides", taken: side(true), falls: side(false) };
    }
    transfer(program, ids, state, index);
  }
  return { kind: "end", state };
}

/** One part a line; the frame pointer of the program itself goes without saying. */
export function told(program: Program, state: State | undefined): string {
  if (state === undefined) return "impossible";
  return stateParts(program, state)
    .filter((part) => part !== "r10 = stack")
    .join("\n");
}

export function programOf(fixture: Fixture): Program {
  const asm = fixture.sections.find((section) => section.name === "asm");
  const { platform = "windows", type } = asm?.attributes ?? {};
  return testProgram({
    // Where a jump leads to does not matter here, only that it is in the program.
    code: asm?.text ?? "",
    platform,
    maps: mapsOf(sectionText(fixture, "maps") ?? "", platform),
    ...(type === undefined ? {} : { type }),
  });
}
